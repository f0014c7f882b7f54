"""Coefficients that no source gives: a figure lies between two others and says which they are."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

import seawall as sw
from seawall.basics.errors import BadParameter
from seawall.margin.bounds import bounded, chosen_value, unknowns_of
from seawall.margin.catalogue import preset_text
from seawall.margin.presets import load_preset, parse_model, preset_names, with_second
from seawall.report.schema import MarginReport
from tests.documents import market, spread

UNKNOWN = """
[[unknowns]]
key = "{key}"
lower = {lower}
upper = {upper}
why = "no source gives it"
"""


def house(*unknowns: tuple[str, float, float]) -> sw.MarginModel:
    entries = [UNKNOWN.format(key=key, lower=lo, upper=hi) for key, lo, hi in unknowns]
    text = preset_text("prbm").replace('name = "prbm"', 'name = "mine"')
    return parse_model("".join([text, *entries]), "mine.toml")


def test_a_model_without_unknowns_has_no_bounds() -> None:
    report = sw.margin(spread(), market())
    assert report.bounds is None
    assert "unknown" not in report.explain()


def test_bounds_are_the_margins_at_either_end_of_all_unknowns() -> None:
    """Against the model written out anew with the numbers of each end."""
    model = house(("floors.gross-floor.rate_rel", 0.0, 0.5), ("levels.im_factor", 1.0, 2.0))
    report = sw.margin(spread(), market(), model)
    told = report.bounds
    assert told is not None
    text = preset_text("prbm")
    for side, floor, factor in (("lower", "0.0", "1.0"), ("upper", "0.5", "2.0")):
        assert text.count("rate_rel = 0.0025") == text.count("im_factor = 1.25") == 1
        end = text.replace("rate_rel = 0.0025", f"rate_rel = {floor}")
        end = end.replace("im_factor = 1.25", f"im_factor = {factor}")
        alone = sw.margin(spread(), market(), parse_model(end, "end.toml"))
        assert getattr(told, f"initial_{side}") == alone.initial
        assert getattr(told, f"maintenance_{side}") == alone.maintenance
    assert told.initial_lower < report.initial < told.initial_upper
    assert [row.chosen for row in told.unknowns] == [0.0025, 1.25]
    assert "levels.im_factor is taken as 1.25, between 1 and 2: no source gives it" in (
        report.explain()
    )
    assert msgspec.json.decode(report.to_json(), type=MarginReport) == report


def test_the_figure_is_within_its_bounds_where_more_asks_less() -> None:
    """The ends may be the wrong way round for a book; the bounds are not."""
    report = sw.margin(spread(), market(), house(("levels.im_factor", 2.0, 1.0)))
    assert report.bounds is not None
    assert report.bounds.initial_lower < report.initial < report.bounds.initial_upper
    assert report.bounds.maintenance_lower == report.bounds.maintenance_upper


def test_unknowns_of_a_second_model_count_too() -> None:
    model = with_second(load_preset("hybrid"), house(("levels.im_factor", 1.0, 9.0)))
    assert [each.key for each in unknowns_of(model)] == ["second.levels.im_factor"]
    assert chosen_value(model, "second.levels.im_factor") == 1.25
    report = sw.margin(spread(), market(), model)
    assert report.bounds is not None
    assert report.bounds.initial_upper > 3 * report.initial
    assert bounded(model, "upper").second == bounded(house(("levels.im_factor", 1, 9)), "upper")


@pytest.mark.parametrize("name", preset_names())
def test_every_figure_of_a_preset_is_within_its_bounds(name: str) -> None:
    report = sw.margin(sw.portfolio([("BTC-PERPETUAL", -2), ("USDC", 90_000)]), market(), name)
    if report.bounds is not None:
        assert report.bounds.initial_lower <= report.initial <= report.bounds.initial_upper
        assert Decimal(0) <= report.bounds.maintenance_lower <= report.maintenance


@pytest.mark.parametrize(
    ("key", "lower", "upper", "message"),
    [
        ("levels.im_factor", "1.3", "1.4", "im_factor is 1.25, not between 1.3 and 1.4"),
        ("levels.im_factor", "0.5", "1.4", "im_factor is 0.5"),
        ("levels.im_factor", "1.25", "1.25", "between 1.25 and 1.25"),
        ("levels.im_factor", "1.0", "nan", "between 1.0 and nan"),
        ("levels.factor", "1.0", "2.0", "'factor' of 'levels.factor' names 0 members"),
        ("charges.basis", "1.0", "2.0", "no number stands at 'charges.basis'"),
        ("charges.spread.rate_rel", "1.0", "2.0", "'spread' of .* names 0 members"),
    ],
)
def test_an_unknown_that_cannot_be_is_refused(
    key: str, lower: str, upper: str, message: str
) -> None:
    text = preset_text("prbm") + UNKNOWN.format(key=key, lower=lower, upper=upper)
    line = text.count("\n", 0, text.index("[[unknowns]]")) + 1
    with pytest.raises(BadParameter, match=message) as caught:
        parse_model(text, "mine.toml")
    assert caught.value.where.startswith(f"mine.toml: line {line}: ")
