"""Messages suggest what was probably meant, by the likeness of names or by expiry and strike."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seawall.basics.errors import InputError, MissingQuote, SeawallError, UnknownModel
from seawall.basics.nearest import did_you_mean, nearest_name
from seawall.cli.app import run
from seawall.feeds.synthetic import synthetic_market
from seawall.margin.presets import load_preset, preset_names
from seawall.market.moved import at_time
from seawall.market.nearest import nearest_listed
from seawall.market.snapshot import MarketSnapshot
from seawall.market.surface import vol_surface
from seawall.market.unlisted import with_unlisted
from seawall.products.instruments import DatedFuture, Option
from seawall.products.names import parse_name
from seawall.products.portfolio import portfolio
from seawall.report.build import margin
from seawall.report.surface import surface
from seawall.report.what_if import what_if

HOUR = timedelta(hours=1)
KNOWN = ("BTC", "ETH", "SOL", "USDC", "USDT", "prbm", "collateral-factor")


@cache
def market() -> MarketSnapshot:
    return synthetic_market()


def remedy(call, *arguments, error: type[SeawallError] = MissingQuote) -> str:
    """The remedy of the error that a call raises."""
    with pytest.raises(error) as caught:
        call(*arguments)
    return caught.value.remedy


def margined(*names: str) -> str:
    return remedy(margin, portfolio([(name, 1) for name in names]), market())


# ---- names


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("BTCC", "BTC"),
        ("BCT", "BTC"),
        ("btc", "BTC"),
        ("UDSC", "USDC"),
        ("prmb", "prbm"),
        ("PRBM", "prbm"),
        ("colateral-factor", "collateral-factor"),
        # Other coins, which nobody types in place of one of these.
        ("BCH", None),
        ("ETC", None),
        ("DOGE", None),
        ("", None),
        # Who writes it as it is known has not mistyped it.
        ("BTC", None),
    ],
)
def test_the_nearest_name_is_the_one_that_was_meant(written: str, meant: str | None) -> None:
    assert nearest_name(written, KNOWN) == meant


@given(written=st.text(max_size=12), known=st.lists(st.text(max_size=12)), seed=st.integers())
def test_the_nearest_name_is_a_known_one_whatever_their_order(written, known, seed) -> None:
    shuffled = random.Random(seed).sample(known, len(known))
    found = nearest_name(written, known)
    assert found == nearest_name(written, shuffled)
    assert found is None or (found in known and found != written)


def test_a_suggestion_stands_before_the_remedy() -> None:
    assert did_you_mean("BTC", "Add it.") == "Did you mean BTC? Add it."
    assert did_you_mean(None, "Add it.") == "Add it."


# ---- listed contracts


def naive_nearest(contract, listed_at: MarketSnapshot) -> str | None:
    """The nearest of all names, one by one."""
    found = []
    for name in (*listed_at.option_rows, *listed_at.futures):
        other = parse_name(name)
        if type(other) is not type(contract) or other.underlying != contract.underlying:
            continue
        if other.expiry <= listed_at.as_of or name in listed_at.unlisted.valued:
            continue
        distance = [other.settlement != contract.settlement, abs(other.expiry - contract.expiry)]
        distance += [other.expiry, other.settlement]
        if isinstance(contract, Option):
            if other.right != contract.right:
                continue
            distance += [abs(other.strike - contract.strike), other.strike]
        found.append((tuple(distance), name))
    return min(found)[1] if found else None


contracts = st.builds(
    "{}-{}{}26{}".format,
    st.sampled_from(["BTC", "ETH", "SOL", "BTC_USDC"]),
    st.integers(1, 28),
    st.sampled_from(["FEB", "MAR", "JUN", "NOV"]),
    st.one_of(
        st.just(""), st.builds("-{}-{}".format, st.integers(1, 10**6), st.sampled_from("CP"))
    ),
)


@given(name=contracts, hours=st.sampled_from([0, 24 * 30, 24 * 200]))
def test_the_nearest_contract_is_that_of_a_search_of_all(name: str, hours: int) -> None:
    later = at_time(market(), market().as_of + hours * HOUR)
    contract = parse_name(name)
    found = nearest_listed(contract, later)
    assert found == naive_nearest(contract, later)
    if found is not None:
        suggested = parse_name(found)
        assert isinstance(suggested, Option | DatedFuture)
        assert suggested.expiry > later.as_of


def test_what_the_surface_was_asked_for_is_not_listed() -> None:
    asked = [parse_name(n) for n in ("BTC-27MAR26-80001-C", "BTC-28MAR26-80000-C", "BTC-28MAR26")]
    asked_of = with_unlisted(market(), asked)
    assert asked_of.unlisted.valued
    for contract in asked:
        assert nearest_listed(contract, asked_of) == nearest_listed(contract, market())


def test_an_expiry_without_the_right_is_passed_over() -> None:
    wanted = parse_name("BTC-27MAR26-80000-C")
    key, _ = market().option_rows[wanted.name]
    listed = market().slices[key]
    puts = replace(listed, is_call=listed.is_call & False)
    only_puts = replace(market(), slices={**market().slices, key: puts})
    found = parse_name(nearest_listed(wanted, only_puts))
    assert found.right == "call"
    assert found.expiry != wanted.expiry


# ---- in messages


def test_a_contract_beyond_the_surface_suggests_the_nearest_one() -> None:
    assert margined("BTC-27MAR26-8000000-C").startswith("Did you mean BTC-27MAR26-170000-C? Use ")
    assert margined("BTC-27MAR30-80000-P").startswith("Did you mean BTC-25DEC26-80000-P? Add ")
    assert margined("BTC_USDC-27MAR26-80000-C").startswith("Did you mean BTC-27MAR26-80000-C? ")
    assert margined("BTC-27MAR30").startswith("Did you mean BTC-25DEC26? Add ")
    trade = remedy(what_if, portfolio([("BTC", 1)]), "BTC-27MAR26-8000000-C:1", market())
    assert trade.startswith("Did you mean BTC-27MAR26-170000-C? ")


def test_a_quote_that_was_left_out_suggests_no_other_contract() -> None:
    left_out = replace(market(), dropped={"BTC-27MAR30-80000-C": "row 7: it is damaged"})
    held = portfolio([("BTC-27MAR30-80000-C", 1)])
    assert "Did you mean" not in remedy(margin, held, left_out)


@pytest.mark.parametrize("name", ["BTCC", "BTCC-PERPETUAL", "BTCC-27MAR26-80000-C"])
def test_an_unknown_underlying_suggests_a_priced_one(name: str) -> None:
    assert margined(name).startswith("Did you mean BTC? Add a file")


def test_an_underlying_like_no_other_suggests_none() -> None:
    assert margined("DOGE").startswith("Add a file")


@pytest.mark.parametrize("name", ["prmb", "hybrid:prmb", "PRBM"])
def test_an_unknown_model_suggests_a_preset(name: str) -> None:
    told = remedy(load_preset, name, error=UnknownModel)
    assert told.startswith("Did you mean prbm? Choose one of: ")
    assert all(known in told for known in preset_names())


def test_surfaces_and_matrices_suggest_their_underlyings() -> None:
    assert remedy(surface, market(), "BTCC") == "Did you mean BTC? Choose from BTC, ETH."


def test_of_hundreds_of_underlyings_a_few_are_named_to_choose_from():
    [(key, listed), *_] = market().slices.items()
    names = [f"COIN{number:03d}" for number in range(200)]
    many = replace(market(), slices={(name, *key[1:]): listed for name in names})
    said = remedy(surface, many, "DOGE")
    assert said == f"Choose from {', '.join(names[:8])} and 192 more."
    assert remedy(vol_surface, market(), "BTCC", "BTCC").startswith("Did you mean BTC? ")
    assert remedy(vol_surface, market(), "BTC", "USDC") == "Add an option chain that lists some."
    report = margin(portfolio([("BTC", 1)]), market())
    assert remedy(report.risk_matrix, "BTCC", error=InputError).startswith("Did you mean BTC? ")


def test_a_price_that_nobody_uses_suggests_what_is_held() -> None:
    given = replace(market(), given=frozenset({"USCD", "USDT"}))
    [warning] = [
        text
        for text in margin(portfolio([("USDC", 10)]), given).warnings
        if "is used by no position" in text
    ]
    assert warning == "The price given of USCD (did you mean USDC?), USDT is used by no position."


@pytest.mark.parametrize(
    ("arguments", "meant"), [(("margn",), "margin"), (("models", "--hepl"), "--help")]
)
def test_a_mistyped_command_or_option_suggests_the_right_one(
    arguments: tuple[str, ...], meant: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    said = capfd.readouterr().err
    assert re.search(rf"(Did you mean|Possible options:) '?{meant}\b", said), said
