"""Tables of positions: what is margined, and what is refused with its row named."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from msgspec import structs

import seawall as sw
from seawall.basics.errors import (
    BadNumber,
    BadParameter,
    DuplicatePosition,
    EmptyPortfolio,
    ExpiredInstrument,
    InputError,
    MissingQuote,
    UnknownInstrument,
    UnrecognisedFile,
)
from seawall.feeds.account_margins import check_positions, margin_of_positions
from seawall.feeds.position_frames import position_frame
from seawall.feeds.position_tables import held_instruments, read_positions
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset, preset_names
from seawall.products.portfolio import portfolio

MARKET = sw.synthetic_market()
PRBM = load_preset("prbm")
CALL = "BTC-30JAN26-100000-C"
ROWS = [
    ("b", CALL, -2.0, None),
    ("a", "BTC-PERPETUAL", 1.0, 90_000.0),
    ("b", "USDC", 500_000.0, None),
    ("a", "BTC", 0.5, None),
    ("c", "ETH-PERPETUAL", -10.0, None),
    ("b", "BTC-PERPETUAL", 1.0, 94_000.0),
]
NAMES = ("account", "instrument", "quantity", "entry_price")


def table(rows=ROWS) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=NAMES, orient="row")


def spoilt(place: int, **cells) -> list[tuple]:
    rows = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    rows[place].update(cells)
    return [tuple(row.values()) for row in rows]


@pytest.mark.parametrize("name", preset_names())
def test_every_account_has_the_margin_of_its_report(name):
    found = margin_of_positions(table(), MARKET, load_preset(name))
    assert found["account"].to_list() == ["b", "a", "c"]
    for row in found.iter_rows(named=True):
        own = [each[1:] for each in ROWS if each[0] == row["account"]]
        report = sw.margin(portfolio(own), MARKET, name)
        for amount in ("initial", "maintenance", "margin_value", "equity", "excess_initial"):
            assert row[amount] == float(getattr(report, amount)), amount
        assert row["mm_ratio"] == report.mm_ratio
        assert (row["state"], row["currency"]) == (report.state, "USD")


def test_columns_may_be_arrays_text_integers_or_categories():
    expected = margin_of_positions(table(), MARKET, PRBM).drop("account")
    numbers = {"b": 2, "a": 1, "c": 3}
    arrays = {
        "account": np.array([numbers[row[0]] for row in ROWS]),
        "instrument": np.array([row[1] for row in ROWS]),
        "quantity": np.array([row[2] for row in ROWS]),
        "entry_price": np.array([np.nan if row[3] is None else row[3] for row in ROWS]),
    }
    as_text = table().with_columns(
        pl.col("quantity").cast(pl.String),
        pl.col("entry_price").cast(pl.String).fill_null(""),
        pl.col("instrument").cast(pl.Categorical),
    )
    exact = table().with_columns(pl.col("quantity").cast(pl.Decimal(20, 4)))
    for given in (arrays, as_text, exact):
        found = margin_of_positions(given, MARKET, PRBM)
        assert found.drop("account").equals(expected)
    assert margin_of_positions(arrays, MARKET, PRBM)["account"].to_list() == [2, 1, 3]


def test_columns_may_be_arrays_of_objects_of_one_kind():
    expected = margin_of_positions(table(), MARKET, PRBM)
    names = {name: np.array(table()[name].to_list(), dtype=object) for name in NAMES[:2]}
    mixed = [-2, 1.0, np.int64(500_000), Decimal("0.5"), -10, np.float64(1.0)]
    for quantity in (mixed, [Decimal(str(float(q))) for q in mixed], [str(q) for q in mixed]):
        for entry in ([row[3] for row in ROWS], [row[3] or np.nan for row in ROWS]):
            given = {**names, "quantity": quantity, "entry_price": entry}
            given |= {name: np.array(given[name], dtype=object) for name in NAMES[2:]}
            assert margin_of_positions(given, MARKET, PRBM).equals(expected)
    for name, odd in (("quantity", "x"), ("account", np.nan), ("instrument", 5), ("account", 1)):
        spoilt = [odd, *table()[name].to_list()[1:]]
        for values in (spoilt, spoilt[::-1]):
            given = {**names, "quantity": np.array(mixed, dtype=object)}
            given |= {name: np.array(values, dtype=object)}
            with pytest.raises(InputError, match="all text or all numbers"):
                margin_of_positions(given, MARKET, PRBM)
    with pytest.raises(UnrecognisedFile, match=r"'quantity' holds .*Give numbers"):
        margin_of_positions({**names, "quantity": np.array([object()] * 6)}, MARKET, PRBM)


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_blanks_around_names_are_no_part_of_them(kind):
    """As in books and CSV: ``b`` with a blank is the account ``b``, and no account of its own."""
    padded = [
        (f"\t{row[0]} " if n % 2 else row[0], f" {row[1]}\n", *row[2:])
        for n, row in enumerate(ROWS)
    ]
    given = table(padded).with_columns(pl.col("account", "instrument").cast(kind))
    found = margin_of_positions(given, MARKET, PRBM)
    assert found.equals(margin_of_positions(table(), MARKET, PRBM))
    with pytest.raises(InputError, match=r"row 6\b"):
        margin_of_positions(table(spoilt(5, account="  ")), MARKET, PRBM)


BAD = [
    ({"quantity": float("nan")}, BadNumber),
    ({"quantity": None}, BadNumber),
    ({"quantity": float("inf")}, BadNumber),
    ({"quantity": 1e15}, BadNumber),
    ({"quantity": 1e9}, BadNumber),
    ({"entry_price": -5.0}, BadNumber),
    ({"entry_price": float("inf")}, BadNumber),
    ({"entry_price": 8_000.0}, BadNumber),
    ({"instrument": "BTC-NONSENSE-1"}, UnknownInstrument),
    ({"instrument": None}, UnknownInstrument),
    ({"instrument": "BTC-2JAN26"}, ExpiredInstrument),
    ({"instrument": "SOL-PERPETUAL"}, MissingQuote),
    ({"account": None}, InputError),
    ({"account": ""}, InputError),
]


@pytest.mark.parametrize(("cells", "error"), BAD)
def test_a_row_that_cannot_be_margined_is_named(cells, error):
    with pytest.raises(error, match=r"row 6\b"):
        margin_of_positions(table(spoilt(5, **cells)), MARKET, PRBM)


def test_a_row_says_what_a_book_of_it_alone_would_say():
    rows = spoilt(5, entry_price=8_000.0)
    with pytest.raises(BadNumber) as of_table:
        margin_of_positions(table(rows), MARKET, PRBM)
    with pytest.raises(BadNumber) as of_book:
        sw.margin(portfolio([rows[5][1:]]), MARKET)
    assert of_table.value.what == of_book.value.what
    assert of_table.value.remedy == of_book.value.remedy


def test_text_that_is_no_number_is_refused():
    rows = table().with_columns(quantity=pl.Series(["-2", "1", "500,000", "0.5", "x", "1"]))
    problems = check_positions(rows, MARKET)
    assert problems["row"].to_list() == [3, 5]
    assert "500,000" in problems["problem"][0]


def test_a_position_given_twice_names_both_rows():
    with pytest.raises(DuplicatePosition, match=r"rows 1 and 6"):
        margin_of_positions(table(spoilt(5, instrument=CALL)), MARKET, PRBM)


def test_every_problem_is_listed_in_the_order_of_rows():
    rows = [*spoilt(4, quantity=None), ("b", "USDC", 1.0, None), ("d", "NOPE!", 1.0, None)]
    problems = check_positions(table(rows), MARKET)
    assert problems["row"].to_list() == [5, 7, 8]
    assert problems["account"].to_list() == ["c", "b", "d"]
    assert problems.columns == ["row", "account", "instrument", "problem", "remedy"]
    assert check_positions(table(), MARKET).is_empty()


def test_other_columns_are_refused():
    with pytest.raises(UnrecognisedFile, match="lacks 'quantity'"):
        check_positions(table().rename({"quantity": "quantiti"}), MARKET)
    with pytest.raises(UnrecognisedFile, match=r"unknown 'entry_prise'.*mean entry_price"):
        check_positions(table().rename({"entry_price": "entry_prise"}), MARKET)
    with pytest.raises(UnrecognisedFile, match="'quantity' holds Boolean"):
        check_positions(table().with_columns(quantity=True), MARKET)
    with pytest.raises(InputError, match="no table"):
        check_positions(7, MARKET)


def test_one_instrument_under_two_names_is_told_by_both():
    with pytest.raises(DuplicatePosition, match="BTC-PERPETUAL and okx:BTC-USD-SWAP are one"):
        margin_of_positions(table([*ROWS, ("a", "okx:BTC-USD-SWAP", 1.0, None)]), MARKET, PRBM)


def test_lazy_tables_are_read_and_files_are_sent_elsewhere():
    expected = margin_of_positions(table(), MARKET, PRBM)
    assert margin_of_positions(table().lazy(), MARKET, PRBM).equals(expected)
    with pytest.raises(InputError, match="seawall batch"):
        margin_of_positions("positions.parquet", MARKET, PRBM)
    with pytest.raises(UnrecognisedFile, match="'row' holds String"):
        margin_of_positions(table().with_columns(row=pl.lit("x")), MARKET, PRBM)


@pytest.mark.parametrize(
    "given", [{"workers": 0}, {"workers": -1}, {"workers": 1.5}, {"engine": "gpu"}]
)
def test_the_door_refuses_what_it_cannot_do(given):
    with pytest.raises(InputError, match=r"\(workers\)|\(engine\)"):
        sw.margin_accounts(table(), MARKET, PRBM, **given)


@pytest.mark.parametrize(("market", "model"), [(None, "prbm"), ("chain.csv", "prbm"), (MARKET, 7)])
def test_the_door_asks_for_a_market_and_a_model(market, model):
    with pytest.raises(InputError, match="is no"):
        sw.margin_accounts(table(), market, model)


def test_what_is_assumed_is_told_once():
    rows = [*ROWS, ("d", "BTC-28MAR26-95500-C", -1.0, None), ("d", "ETH-PERPETUAL", 1.0, None)]
    told = sw.position_warnings(table(rows), MARKET, "prbm")
    of_one = sw.margin(portfolio([row[1:] for row in rows if row[0] == "d"]), MARKET).warnings
    valued = [each for each in of_one if "BTC-28MAR26-95500-C" in each]
    assert valued
    assert set(valued) < set(told)
    assert any(each.startswith("2 positions in futures have no entry price") for each in told)
    assert len(set(told)) == len(told)


def test_a_table_without_rows_is_no_answer():
    with pytest.raises(EmptyPortfolio, match="no position"):
        margin_of_positions(table([]), MARKET, PRBM)


def test_the_first_account_beyond_all_amounts_is_named():
    """Each of its positions can be margined."""
    calls = [name for name in sorted(MARKET.option_rows) if name.endswith("-C")][:40]
    huge = [(account, name, -9e7, None) for account in ("y", "x") for name in calls]
    with pytest.raises(BadNumber, match=r"an amount is [1-9][0-9.]*e\+1[3-9] USD") as found:
        sw.margin_accounts(table([*ROWS, *huge]), MARKET, "prbm")
    assert found.value.where == "account y, initial margin"


def without_ether(model: MarginModel) -> MarginModel:
    """The model, or the second one of a hybrid, of which no class takes ETH any more."""
    if model.second is not None:
        return structs.replace(model, second=without_ether(model.second))
    classes = tuple(each for each in model.classes if each.name not in ("eth", "other"))
    return structs.replace(model, classes=classes)


@pytest.mark.parametrize("name", ["prbm", "cross", "collateral-factor", "hybrid"])
def test_what_the_model_does_not_take_is_refused_by_its_row(name):
    model = without_ether(load_preset(name))
    for threads in (1, 2):
        with pytest.raises(BadParameter, match="no class takes ETH") as found:
            margin_of_positions(table(), MARKET, model, threads)
        assert found.value.where == "row 5, account c, classes"
    with pytest.raises(BadParameter, match=r"no class takes ETH \(row 5,"):
        margin_of_positions(table(spoilt(5, quantity=None)), MARKET, model)
    with pytest.raises(BadNumber, match="row 4, account a"):
        margin_of_positions(table(spoilt(3, quantity=None)), MARKET, model)
    assert check_positions(table(), MARKET).is_empty()
    assert check_positions(table(), MARKET, name).is_empty()
    [row] = check_positions(table(), MARKET, model).rows()
    assert row[:4] == (5, "c", "ETH-PERPETUAL", "no class takes ETH")
    left = table([row for row in ROWS if row[1] != "ETH-PERPETUAL"])
    assert margin_of_positions(left, MARKET, model).equals(
        margin_of_positions(left, MARKET, load_preset(name))
    )


def test_a_debt_that_the_model_has_no_number_for_names_its_account():
    model = load_preset("collateral-factor")
    [charge] = model.charges
    levels = {
        level: {k: v for k, v in getattr(charge, level).items() if k != "stablecoin"}
        for level in ("initial", "maintenance")
    }
    model = structs.replace(model, charges=(structs.replace(charge, **levels),))
    margin_of_positions(table(), MARKET, model)
    with pytest.raises(BadParameter, match="no factor of stablecoin") as found:
        margin_of_positions(table(spoilt(2, quantity=-5.0)), MARKET, model)
    assert found.value.where.startswith("account b, ")


def test_a_row_of_what_was_not_looked_up_is_a_fault():
    """Whatever is right with the row: there is no place in the arrays that it could have."""
    held = held_instruments([row[1] for row in ROWS if row[1] != CALL], MARKET)
    found, [fault] = read_positions(position_frame(table()), held)
    assert (fault.row, fault.account, fault.error.where) == (1, "b", "row 1, account b")
    assert found.accounts.to_list() == ["a", "c"]
