"""Presets: a number that is unknown, missing or impossible is refused and named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

import seawall as sw
from seawall.basics.errors import BadParameter, UnknownModel
from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.margin import catalogue
from seawall.margin.classes import class_of
from seawall.margin.presets import load_preset, parse_model, preset_names, with_second
from seawall.market.needs import Need
from tests.conftest import ROOT

MODELS = ROOT / "src/seawall/margin/models"
OTHER_GROUP = (
    '[[offsets.groups]]\nname = "x"\nmembers = ["ETH", "SOL"]\n'
    'pairs = [{ of = ["ETH", "SOL"], lower = 0.5 }]\n'
)
COLLAPSE = 'collapse = { to = "low", declared = 2026-02-05T14:00:00Z, notice_days = '
LADDER = ("isolated", "cross", "risk-based-collateral", "collateral-factor", "prbm", "hybrid")
STATUS_OF_CLASSES = 'status = { classes = "unknown" }\n'
DOUBLE = """[[classes]]
name = "all"
members = ["BTC", "BTC"]
price_range_up_rel = 0.2
price_range_down_rel = 0.2
daily_vol_rel = 0.05
adv_usd = 1e9
spot_haircut_rel = 0.01
"""
PRBM = (MODELS / "prbm.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads_under_its_file_name(name: str) -> None:
    model = load_preset(name)
    assert model.name == name
    assert model.title
    assert model.source


def test_the_ladder_is_complete() -> None:
    assert set(preset_names()) >= set(LADDER)


@pytest.mark.parametrize("name", LADDER)
def test_the_ladder_shares_its_price_ranges_with_the_house_model(name: str) -> None:
    assert load_preset(name).classes == load_preset("prbm").classes


def test_an_unknown_model_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match=r"'portfolio'.*cross.*prbm"):
        load_preset("portfolio")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kappa = 0.75", "kapa = 0.75", "kapa"),
        ("horizon_days = 1.0\n\n[revaluation]", "\n[revaluation]", "horizon_days"),
        ("kappa = 0.75", "kappa = 1.5", "kappa is 1.5"),
        ("kappa = 0.75", 'kappa = "high"', "kappa"),
        ("im_factor = 1.25", "im_factor = 0.9", "below maintenance"),
        ("im_factor = 1.25", "im_factor = nan", "im_factor is nan"),
        ("rate_rel = 0.0075", "rate_rel = -0.0075", "rate_rel is -0.0075"),
        ("impact_factor = 0.8", "impact_factor = inf", "impact_factor is inf"),
        ("0.0, 0.25, 0.5, 0.75, 1.0]", "0.25, 0.5, 0.75, 1.0]", "without the base scenario"),
        ("-0.66, -0.33", "-1.0, -0.33", "impossible tail"),
        ("size = 0.45", "size = inf", "shock of inf"),
        ("cap_sd = 3.0", "cap_sd = 30.0", "takes a volatility to zero"),
        ("price_range_down_rel = 0.16", "price_range_down_rel = 1.6", "class 'btc'"),
        ('members = ["ETH"]', 'members = ["BTC"]', "two classes"),
        ('floors = "official"\n', "", "status tags that differ: floors"),
        ('type = "net-by-underlying"', 'type = "net-by-moon"', "net-by-moon"),
        ("[levels]", "[levels", "not TOML"),
        ("lower = 0.80", "lower = 1.80", "correlation 1.8"),
        ("kappa_low = 0.50", "kappa_low = 0.80", r"kappa_low 0\.8"),
        ('of = ["BTC", "ETH"]', 'of = ["BTC", "SOL"]', "of BTC and ETH, BTC and SOL"),
        ("pairs = [{", 'pairs = [{ of = ["ETH", "BTC"], lower = 0.9 }, {', "of BTC and ETH"),
        ("kappa_low = 0.50", f"kappa_low = 0.50\n{COLLAPSE}-1.0 }}", "notice of -1.0 days"),
        ("kappa_low = 0.50", f"kappa_low = 0.50\n{COLLAPSE.replace('Z', '')}1.0 }}", "declared"),
        ("reference_days = 30.0", "reference_days = inf", r"reference_days is inf.*tenor_law"),
        ("floor_days = 1.0", "floor_days = 0.0", r"floor_days is 0\.0.*tenor_law"),
        ("floor_days = 1.0", "floor_days = nan", r"floor_days is nan.*tenor_law"),
        ("short_power = 0.30", "short_power = -0.30", r"short_power is -0\.3.*tenor_law"),
        ("long_power = 0.13", "long_power = nan", r"long_power is nan.*tenor_law"),
        ("size_rel = 0.10, cap_sd = 3.0", "size_rel = -0.1, cap_sd = -3.0", "skew_tilt"),
        ("long_end_days = 365.0", "long_end_days = inf", "term_twist"),
        (
            "horizon_days = 1.0\n\n[revaluation]",
            "horizon_days = inf\n[revaluation]",
            "horizon_days",
        ),
        ("vol_up_floor = 0.40", "vol_up_floor = inf", "vol_up_floor is inf"),
        ("vol_up_floor = 0.40", "vol_up_floor = -0.4", "vol_up_floor is -0.4"),
        ("[-1.0, -0.75, -0.5, -0.25, 0.0,", "[0.0,", "one direction only.*price_steps"),
        ("0.0, 0.25, 0.5, 0.75, 1.0]", "0.0]", "one direction only.*price_steps"),
        ("size = 0.45", "size = -0.45", "does not raise volatility.*vol_up"),
        ("size = -0.30", "size = 0.0", "does not lower volatility.*vol_down"),
        ('"relative", size = 0.45', '"scaled", size = 1.0', "does not raise volatility.*vol_up"),
        ('members = ["BTC", "ETH"]', 'members = ["BTC", "BTC"]', "BTC, BTC and ETH"),
        (
            "[[offsets.groups]]\n",
            f"{OTHER_GROUP}[[offsets.groups]]\n",
            "ETH listed more than once.*offsets.groups",
        ),
        ('members = ["ETH"]\n', "", "several classes without members: eth, other"),
    ],
)
def test_a_wrong_number_is_refused_and_named(old: str, new: str, message: str) -> None:
    assert old in PRBM
    with pytest.raises(BadParameter, match=message) as caught:
        parse_model(PRBM.replace(old, new), "house.toml")
    assert "house.toml" in caught.value.where


def test_a_part_can_only_be_taken_from_a_preset_that_has_it() -> None:
    cross = (MODELS / "cross.toml").read_text(encoding="utf-8")
    taken = cross.replace('{ from = "prbm" }', '{ from = "nobody" }')
    with pytest.raises(UnknownModel, match="nobody"):
        parse_model(taken, "cross.toml")
    with pytest.raises(BadParameter, match="no part 'offsets'"):
        parse_model(cross + '\n[offsets]\nfrom = "isolated"\n', "cross.toml")


def test_a_part_is_followed_to_the_preset_that_writes_it_out() -> None:
    cross = (MODELS / "cross.toml").read_text(encoding="utf-8")
    taken = cross.replace('{ from = "prbm" }', '{ from = "isolated" }')
    assert parse_model(taken, "house.toml").classes == load_preset("prbm").classes


def test_a_part_taken_in_a_circle_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, other in (("one", "two"), ("two", "one")):
        text = f'name = "{name}"\nclasses = {{ from = "{other}" }}\n'
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(catalogue, "_MODELS", tmp_path)
    monkeypatch.setattr(catalogue, "preset_names", lambda: ("one", "two"))
    with pytest.raises(BadParameter, match=r"'classes' .* circle: two from one from two"):
        parse_model((tmp_path / "one.toml").read_text(encoding="utf-8"), "one.toml")


def test_a_preset_may_take_over_another_one_and_change_a_part() -> None:
    house = load_preset("prbm")
    text = (
        'from = "prbm"\nname = "mine"\ntitle = "t"\nas_of = 2026-01-01\nsource = "s"\n'
        'revaluation = { from = "prbm", smile = "worst" }\nstatus = { revaluation = "unknown" }\n'
    )
    mine = parse_model(text, "mine.toml")
    assert mine.revaluation.smile == "worst"
    assert mine.status.tags() == house.status.tags() | {"revaluation": "unknown"}
    for part in ("classes", "scenarios", "fold", "floors", "offsets", "charges", "collateral"):
        assert getattr(mine, part) == getattr(house, part)


@pytest.mark.parametrize("key", ["name", "title", "as_of", "source"])
def test_a_preset_that_takes_over_another_one_speaks_for_itself(key: str) -> None:
    lines = ['name = "mine"', 'title = "t"', "as_of = 2026-01-01", 'source = "s"']
    kept = "\n".join(line for line in lines if not line.startswith(key))
    with pytest.raises(BadParameter, match=f"missing required field `{key}`"):
        parse_model(f'from = "prbm"\n{kept}\n', "mine.toml")


def test_a_hybrid_takes_any_second_model() -> None:
    hybrid = load_preset("hybrid:isolated")
    assert hybrid.name == "hybrid:isolated"
    assert hybrid.second == load_preset("isolated")
    assert with_second(load_preset("hybrid"), load_preset("isolated")) == hybrid
    with pytest.raises(BadParameter, match="prbm is no hybrid"):
        load_preset("prbm:cross")
    with pytest.raises(UnknownModel, match="nobody"):
        load_preset("hybrid:nobody")


def test_a_hybrid_of_itself_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'from = "two"\nname = "one"\nsecond = "one"\n'
    (tmp_path / "one.toml").write_text(text, encoding="utf-8")
    (tmp_path / "two.toml").write_text('name = "two"\n[status]\n', encoding="utf-8")
    monkeypatch.setattr(catalogue, "_MODELS", tmp_path)
    monkeypatch.setattr(catalogue, "preset_names", lambda: ("one", "two"))
    with pytest.raises(BadParameter, match="'second' is taken in a circle"):
        parse_model(text, "one.toml")


def test_the_class_without_members_takes_every_other_underlying_whatever_its_name() -> None:
    model = parse_model(PRBM.replace('name = "other"', 'name = "rest"'), "house.toml")
    assert class_of("PEPE", model.classes).name == "rest"
    assert class_of("SOL", model.classes).name == "large"
    with pytest.raises(BadParameter, match="no class takes PEPE"):
        class_of("PEPE", tuple(c for c in model.classes if c.members))


def test_a_model_survives_its_own_serialisation() -> None:
    model = load_preset("prbm")
    assert msgspec.convert(msgspec.to_builtins(model), type(model), strict=False) == model


def test_initial_multiples_below_maintenance_are_refused() -> None:
    cross = (MODELS / "cross.toml").read_text(encoding="utf-8")
    with pytest.raises(BadParameter, match="below maintenance"):
        parse_model(
            cross.replace("initial_multiple = 1.25", "initial_multiple = 0.5"), "cross.toml"
        )


def test_a_part_taken_over_may_have_keys_given_anew() -> None:
    house, cross = load_preset("prbm").collateral, load_preset("cross").collateral
    isolated = (MODELS / "isolated.toml").read_text(encoding="utf-8")
    assert cross == msgspec.structs.replace(house, spot="outside", locked=("long-options",))
    with pytest.raises(BadParameter, match="is a list, of which no key can be given anew"):
        parse_model(isolated.replace('{ from = "cross" }', '{ from = "cross", x = 1 }'), "x.toml")


def test_a_model_declares_what_it_asks_of_the_market() -> None:
    assert load_preset("prbm").requirements() == frozenset(Need) - {Need.STABLE_PRICE, Need.HISTORY}
    assert Need.HISTORY in load_preset("fhs-es").requirements()
    assert Need.HISTORY not in load_preset("mc-es").requirements()
    assert load_preset("cross").requirements() == {Need.SUPPLY}


def test_a_cached_preset_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        load_preset("prbm").status.classes = "unknown"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("kappa = 0.75", "kapa = 0.75", "kapa = 0.75", "unknown field `kapa`"),
        ("kappa = 0.75", "kappa = 1.5", "kappa = 1.5", "kappa is 1.5"),
        ("rate_rel = 0.0075", "rate = 0.0075", "rate = 0.0075", "unit last: rate_rel"),
        ("im_factor = 1.25", "im_factor = 0.9", "im_factor = 0.9", "below maintenance"),
        ("impact_factor = 0.8", "impact_factor = inf", "impact_factor = inf", "is inf"),
        ("size = 0.45", 'size = "x"', 'size = "x"', "got `str`"),
        ("0.0, 0.25, 0.5, 0.75, 1.0]", "0.5, 1.0]", "[scenarios]", "without the base scenario"),
        ("kappa_low = 0.50\n", "", "[offsets]", "missing required field `kappa_low`"),
        ("[levels]", "[lewels]", "[lewels]", "no part 'lewels'"),
    ],
)
def test_what_is_refused_is_told_with_its_line(old: str, new: str, line: str, message: str) -> None:
    assert old in PRBM
    text = PRBM.replace(old, new, 1)
    [number] = [i for i, each in enumerate(text.splitlines(), 1) if line in each][:1]
    with pytest.raises(BadParameter, match=message) as caught:
        parse_model(text, "house.toml")
    assert caught.value.where.split(": ")[:2] == ["house.toml", f"line {number}"]


def test_what_another_preset_has_is_told_without_a_line() -> None:
    """The text that is refused has the part from elsewhere, where nothing is wrong by itself."""
    text = 'from = "prbm"\nname = "mine"\ntitle = "t"\nas_of = 2026-01-01\nsource = "s"\n'
    with pytest.raises(BadParameter, match="two classes") as caught:
        parse_model(text + STATUS_OF_CLASSES + DOUBLE, "mine.toml")
    assert "line" not in caught.value.where


def test_an_undated_name_is_the_newest_of_its_dates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for month in ("2024-06", "2026-09", "2026-02"):
        text = PRBM.replace('name = "prbm"', f'name = "grid-{month}"')
        (tmp_path / f"grid-{month}.toml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(catalogue, "_MODELS", tmp_path)
    monkeypatch.setattr(
        catalogue, "preset_names", lambda: ("grid-2024-06", "grid-2026-02", "grid-2026-09")
    )
    assert 'name = "grid-2026-09"' in catalogue.preset_text("grid")
    assert 'name = "grid-2024-06"' in catalogue.preset_text("grid-2024-06")
    with pytest.raises(UnknownModel, match="gird"):
        catalogue.preset_text("gird")


def test_numbers_that_are_younger_than_the_market_are_told() -> None:
    house = load_preset("prbm")
    market, book = synthetic_market(), synthetic_portfolio()
    for days, told in ((0, False), (1, True)):
        at = market.as_of.date() + timedelta(days=days)
        report = sw.margin(book, market, msgspec.structs.replace(house, as_of=at))
        found = [text for text in report.warnings if "The numbers of prbm are of" in text]
        assert bool(found) == told
