"""``seawall explain`` and ``seawall what-if``: JSON as the library's, tables, errors."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import seawall as sw
from seawall.cli.app import run
from seawall.cli.explanations import price_text
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.writers import write_market_csv
from seawall.report.explanation import Explanation
from seawall.report.schema import to_json
from seawall.report.what_if import WhatIf
from tests import commands

BOOK = """\
account,instrument,quantity,entry_price
one,BTC-27MAR26-90000-P,-5,
one,BTC-PERPETUAL,-1.5,91000
one,USDC,120000,
two,ETH-PERPETUAL,-30,3300
two,USD,20000,
"""
MARKET = ("--market", "chain.csv", "--market", "futures.csv", "--price", "USDC=0.9998")
HEDGE, PUT = "BTC-PERPETUAL:-0.5", "BTC-27MAR26-80000-P:5@0.025"


pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The synthetic market, a book of two accounts, one of the first, one of money."""
    folder = tmp_path_factory.mktemp("explain")
    for quotes, name in zip(synthetic_quotes(), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, folder / name)
    (folder / "two.csv").write_text(BOOK, encoding="utf-8")
    (folder / "one.csv").write_text(BOOK[: BOOK.index("two,")], encoding="utf-8")
    (folder / "money.csv").write_text("account,instrument,quantity\nm,USD,5000\n", "utf-8")
    return folder


def answer(capfd: pytest.CaptureFixture[str], command: str, book: str, *more: str) -> str:
    return commands.answer(capfd, command, book, *MARKET, *more)


def document(capfd: pytest.CaptureFixture[str], command: str, book: str, *more: str) -> Any:
    return commands.document(capfd, command, book, *MARKET, *more)


def library() -> tuple[sw.Portfolio, sw.MarketSnapshot]:
    market = sw.read_market(["chain.csv", "futures.csv"], prices={"USDC": 0.9998})
    return sw.read_portfolio("one.csv"), market


# ---- explain


def test_explanation_in_json_is_that_of_the_library(capfd: pytest.CaptureFixture[str]) -> None:
    out = answer(capfd, "explain", "one.csv", "--json")
    assert out == to_json(sw.explain(*library())).decode() + "\n"
    told = json.loads(out)
    assert list(told) == ["schema", *Explanation.__struct_fields__]
    assert told["model"]["name"] == "prbm"


def test_accounts_are_explained_in_the_books_order(capfd: pytest.CaptureFixture[str]) -> None:
    one, two = document(capfd, "explain", "two.csv", "--model", "cross")
    assert [one["account"], two["account"]] == ["one", "two"]
    assert one["model"]["name"] == "cross"
    assert one == document(capfd, "explain", "one.csv", "--model", "cross")
    text = answer(capfd, "explain", "two.csv")
    assert re.search(r"^one  prbm .*^=+$.*^two  prbm ", text, re.M | re.S)


def test_explanation_shows_every_leg_to_the_cent(capfd: pytest.CaptureFixture[str]) -> None:
    told = document(capfd, "explain", "one.csv")
    text = answer(capfd, "explain", "one.csv")
    for leg in told["legs"]:
        amounts = (
            leg["marginal_initial"],
            leg["marginal_maintenance"],
            leg["euler_initial"],
            leg["euler_maintenance"],
        )
        shown = " +".join(re.escape(f"{amount:,.2f}") for amount in amounts)
        assert re.search(rf"^{leg['instrument']} +{leg['quantity']} +{shown}$", text, re.M), leg
    total = rf"^total +{told['initial']:,.2f} +{told['maintenance']:,.2f}$"
    assert re.search(total, text, re.M)
    assert [line for line in text.splitlines() if line.startswith("warning: ")] == [
        f"warning: {warning}" for warning in told["warnings"]
    ]
    assert max(map(len, text.splitlines())) <= 120


def test_explanation_shows_liquidation_prices_down_and_up(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = document(capfd, "explain", "one.csv")
    text = answer(capfd, "explain", "one.csv")
    up, down = told["liquidation_prices"]
    assert (up["direction"], down["direction"]) == ("up", "down")
    assert any(row["price"] is not None for row in (up, down))
    cells = []
    for row, sign in ((down, "-"), (up, r"\+")):
        if row["price"] is None:
            cells.append("none")
        else:
            price, move = float(row["price"]), float(row["distance_rel"])
            assert price < 1e6  # six digits, and of these up to cents
            digits = min(2, 6 - len(str(int(price))))
            cells.append(rf"{price:,.{digits}f} +{sign}{move:.1%}")
    assert re.search(rf"^BTC +{' +'.join(cells)} *$", text, re.M), text


@pytest.mark.parametrize(
    ("price", "level", "shown"),
    [
        (59_909.0412, 59_909.0412, "59,909.0"),
        (1_234_567.8, 1_234_567.8, "1,234,570"),
        (999_999.7, 999_999.7, "1,000,000"),
        (123.45678, 123.45678, "123.46"),
        (5.125678, 5.125678, "5.13"),
        (0.0512345678, 0.0512345678, "0.0512346"),
        (-37.6312, 37.6312, "-37.63"),
        (-0.0012, 20.0, "0.00"),
        (0.0, 20.0, "0.00"),
    ],
)
def test_a_liquidation_price_shows_what_its_search_is_exact_to(
    price: float, level: float, shown: str
) -> None:
    """Six digits of its level, and from one dollar on no more than cents."""
    assert price_text(price, level) == shown


def test_an_account_in_liquidation_has_its_price_at_the_index(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "under.csv").write_text(
        "account,instrument,quantity\nu,BTC-PERPETUAL,9\nu,USD,1000\n", "utf-8"
    )
    text = answer(capfd, "explain", str(tmp_path / "under.csv"))
    index = f"{library()[1].index_usd['BTC']:,.1f}"
    assert re.search(rf"^BTC +{index} +0\.0% +{index} +0\.0%$", text, re.M), text


def test_money_alone_is_one_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, "explain", "money.csv")
    assert "Nothing held is moved by scenarios" in text
    assert "Legs" not in text
    assert document(capfd, "explain", "money.csv")["legs"] == []


# ---- what-if


def test_what_if_in_json_is_that_of_the_library(capfd: pytest.CaptureFixture[str]) -> None:
    adds = ("--add", HEDGE, "--add", PUT, "--models", "isolated, cross")
    out = answer(capfd, "what-if", "one.csv", *adds, "--json")
    book, market = library()
    expected = sw.what_if(book, [HEDGE, PUT], market, models=["isolated", "cross"])
    assert out == to_json(expected).decode() + "\n"
    told = json.loads(out, parse_float=Decimal)
    assert list(told) == ["schema", *WhatIf.__struct_fields__]
    assert told["before"] == document(capfd, "margin", "one.csv")
    assert told["after"]["initial"] - told["before"]["initial"] == told["initial_change"] != 0


def test_what_if_of_several_accounts_asks_each_alone(capfd: pytest.CaptureFixture[str]) -> None:
    one, two = document(capfd, "what-if", "two.csv", "--add", HEDGE)
    assert [one["account"], two["account"]] == ["one", "two"]
    assert one == document(capfd, "what-if", "one.csv", "--add", HEDGE)
    assert two["legs"][0]["instrument"] == "BTC-PERPETUAL"


def test_what_if_shows_before_after_and_every_trade(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ("what-if", "one.csv", "--add", HEDGE, "--add", PUT, "--models", "cross")
    told = document(capfd, *arguments)
    text = answer(capfd, *arguments)
    before, after = told["before"], told["after"]
    names = {
        "initial": "initial",
        "maintenance": "maintenance",
        "margin value": "margin_value",
        "excess initial": "excess_initial",
        "excess maintenance": "excess_maintenance",
    }
    for name, key in names.items():
        one, other = before[key], after[key]
        shown = [f"{one:,.2f}", f"{other:,.2f}", signed(other - one)]
        assert re.search(rf"^{name} +{' +'.join(map(re.escape, shown))}$", text, re.M), name
    assert f"state {before['state']} to {after['state']}" in text
    for leg, quantity in zip(told["legs"], (r"-0\.5", r"\+5"), strict=True):
        amounts = " +".join(re.escape(signed(leg[key])) for key in ("initial", "maintenance"))
        price = f"{float(leg['price']):,.10g}"
        line = rf"^{leg['instrument']} +{quantity} +{price} +{amounts}$"
        assert re.search(line, text, re.M), line
    for row in told["by_model"]:
        for when, start in (("before", rf"{row['model']} +"), ("after", " +")):
            totals = ("initial", "maintenance", "excess_initial")
            shown = " +".join(re.escape(f"{row[f'{key}_{when}']:,.2f}") for key in totals)
            line = rf"^{start}{when} +{shown} +{row[f'state_{when}']}$"
            assert re.search(line, text, re.M), line
    assert {*before["warnings"], *after["warnings"]} <= {*told["warnings"]}
    assert len(set(told["warnings"])) == len(told["warnings"])
    for warning in told["warnings"]:
        assert text.count(f"warning: {warning}\n") == 1


def signed(amount: Decimal) -> str:
    return f"{amount:+,.2f}" if amount else "0.00"


def test_what_if_under_one_model_has_no_table_of_models(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = answer(capfd, "what-if", "one.csv", "--add", HEDGE, "--model", "cross")
    assert "By model" not in text
    assert "one  cross  market 2026-01-16 16:00:00 UTC  USD" in text


def test_what_if_writes_large_and_small_numbers_out(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, "what-if", "one.csv", "--add", "BTC:1e2@92500")
    assert re.search(r"^BTC +\+100 +92,500 ", text, re.M), text


# ---- errors


@pytest.mark.parametrize(
    ("command", "arguments", "code", "said"),
    [
        ("explain", ("one.csv", "--model", "none"), 3, "'none'"),
        ("explain", ("absent.csv",), 2, "absent.csv"),
        ("explain", (), 2, "BOOK"),
        ("what-if", ("one.csv",), 2, "--add"),
        ("what-if", ("one.csv", "--add", HEDGE, "--models", "none"), 3, "'none'"),
        ("what-if", ("one.csv", "--add", HEDGE, "--models", "cross,cross"), 3, "named twice"),
        ("what-if", ("one.csv", "--add", ""), 2, "'' is no trade"),
        ("what-if", ("one.csv", "--add", "BTC"), 2, "'BTC' is no trade"),
        ("what-if", ("one.csv", "--add", "BTC:1@"), 2, "'BTC:1@' is no trade"),
        ("what-if", ("one.csv", "--add", "BTC:many"), 2, "quantity is 'many'"),
        ("what-if", ("one.csv", "--add", "BTC:0"), 2, "0 BTC cannot be traded"),
        ("what-if", ("one.csv", "--add", "BTC:nan"), 2, "quantity is 'nan'"),
        ("what-if", ("one.csv", "--add", "BTC:1e15"), 2, "cannot be traded"),
        ("what-if", ("one.csv", "--add", "BTC:1e14"), 2, "is worth"),
        ("what-if", ("one.csv", "--add", "BTC-PERPETUAL:1@0"), 2, "0 is not a price"),
        ("what-if", ("one.csv", "--add", "BTC-PERPETUAL:1@9"), 2, "more than 10 times"),
        ("what-if", ("one.csv", "--add", "USDC:1"), 2, "USDC is money"),
        ("what-if", ("one.csv", "--add", "USD:1"), 2, "USD is money"),
        ("what-if", ("one.csv", "--add", "BTC-27MAR20:1"), 2, "BTC-27MAR20 expired"),
        ("what-if", ("one.csv", "--add", "BTC-27MAR26-1-C:1"), 2, "not listed"),
        ("what-if", ("one.csv", "--add", "FROB-PERPETUAL:1"), 2, "FROB"),
        ("what-if", ("one.csv", "--add", "?:1"), 2, "'?' is not an instrument"),
        ("what-if", ("two.csv", "--add", HEDGE, "--add", "USD:1", "--json"), 2, "USD is money"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    command: str,
    arguments: tuple[str, ...],
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run([command, *arguments, *MARKET]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: .+ \(.+\)\. .+\n", err), err
    assert said in err


@pytest.mark.parametrize("command", ["explain", "what-if"])
def test_tables_fit_eighty_columns(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Ordinary amounts, that is: a table is never squeezed below its numbers."""
    monkeypatch.setattr("seawall.cli.terminal.PIPE_WIDTH", 80)
    more = ("--add", "BTC-PERPETUAL:1", "--models", "cross") if command == "what-if" else ()
    assert run([command, "one.csv", *MARKET, *more]) == 0
    tables = [line for line in capfd.readouterr().out.splitlines() if "warning" not in line]
    assert max(len(line.rstrip()) for line in tables) <= 80
