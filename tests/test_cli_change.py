"""``seawall explain-change``: JSON that adds up, both books, tables that keep every digit."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seawall.cli.app import run
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.writers import write_market_csv
from seawall.market.quotes import OptionQuotes
from tests import commands

KEYS = [
    "schema", "account", "currency", "as_of_before", "as_of_after", "model_before", "model_after",
    "initial_before", "initial_after", "maintenance_before", "maintenance_after",
    "margin_value_before", "margin_value_after", "rows", "moved_rows", "worst_cells", "warnings",
]  # fmt: skip
FIRST = """\
account,instrument,quantity
one,BTC-27MAR26-90000-P,-5
one,BTC-PERPETUAL,1.5
one,USDC,400000
two,ETH-PERPETUAL,-30
two,BTC,2
"""
TIMES = ("--from", "2026-01-16T16:00", "--to", "2026-01-16T18:30")


pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two snapshots in chain.csv; a book, the same turned round, and later ones."""
    folder = tmp_path_factory.mktemp("change")
    options, _ = synthetic_quotes()
    assert isinstance(options, OptionQuotes)
    unquoted = np.full(options.iv.size, np.nan)
    later = replace(
        options,
        as_of=options.as_of + timedelta(hours=2),
        index=options.index * 0.99,
        iv=options.iv * 1.02,
        mark=unquoted,
        bid=unquoted,
        ask=unquoted,
        forward=options.forward * 0.99,
    )
    texts = []
    for quotes in (options, later):
        write_market_csv(quotes, folder / "one.csv")
        texts.append((folder / "one.csv").read_text(encoding="utf-8"))
    for name, text in zip(("start.csv", "end.csv"), texts, strict=True):
        (folder / name).write_text(text, encoding="utf-8")
    header = texts[0].splitlines(keepends=True)[0]
    (folder / "chain.csv").write_text(header + "".join(t.removeprefix(header) for t in texts))
    (folder / "book.csv").write_text(FIRST, encoding="utf-8")
    head, *rows = FIRST.splitlines(keepends=True)
    (folder / "turned.csv").write_text("".join([head, *rows[::-1]]), encoding="utf-8")
    sold = FIRST.replace("90000-P,-5", "90000-P,-2")
    (folder / "later.csv").write_text(sold, encoding="utf-8")
    (folder / "missing.csv").write_text(FIRST.replace("two,", "three,"), encoding="utf-8")
    return folder


def answer(capfd: pytest.CaptureFixture[str], book: str, *more: str) -> str:
    return commands.answer(capfd, "explain-change", book, "--market", "chain.csv", *TIMES, *more)


def documents(capfd: pytest.CaptureFixture[str], book: str, *more: str) -> list[dict[str, Any]]:
    return json.loads(answer(capfd, book, "--json", *more), parse_float=Decimal)


def test_rows_add_exactly_as_written_in_json(capfd: pytest.CaptureFixture[str]) -> None:
    for told in documents(capfd, "book.csv"):
        assert list(told) == KEYS
        assert told["as_of_before"] == "2026-01-16T16:00:00Z"
        assert told["as_of_after"] == "2026-01-16T18:00:00Z"
        for total in ("initial", "maintenance", "margin_value"):
            moved = sum(row[total] for row in told["rows"])
            assert moved == told[f"{total}_after"] - told[f"{total}_before"]
            assert moved != 0


def test_the_order_of_accounts_and_positions_changes_no_row(
    capfd: pytest.CaptureFixture[str],
) -> None:
    one, two = documents(capfd, "book.csv")
    other_two, other_one = documents(capfd, "turned.csv")
    assert [one["account"], two["account"]] == ["one", "two"]
    for told, other in ((one, other_one), (two, other_two)):
        assert sorted(told.pop("warnings")) == sorted(other.pop("warnings"))
        assert told == other


def test_before_is_the_margin_report_of_that_time(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["margin", "book.csv", "-m", "chain.csv", "--at", TIMES[1], "--json"]) == 0
    reports = json.loads(capfd.readouterr().out, parse_float=Decimal)
    for told, report in zip(documents(capfd, "book.csv"), reports, strict=True):
        assert told["initial_before"] == report["initial"]
        assert told["margin_value_before"] == report["margin_value"]


def test_another_book_and_model_at_the_end(capfd: pytest.CaptureFixture[str]) -> None:
    one, two = documents(capfd, "book.csv", "--to-book", "later.csv", "--to-model", "cross")
    assert (one["model_before"]["name"], one["model_after"]["name"]) == ("prbm", "cross")
    steps = {row["step"]: row for row in one["rows"]}
    assert steps["positions"]["initial"] < 0
    assert steps["model"]["initial"] != 0
    # As many coins of an inverse contract as before are fewer dollars of it at a lower mark.
    resized = {row["step"]: row for row in two["rows"]}["positions"]["maintenance"]
    assert -Decimal("0.02") * two["maintenance_before"] < resized < 0
    assert run(["margin", "later.csv", "-m", "chain.csv", "--at", TIMES[3], "--model", "cross",
                "--json"]) == 0  # fmt: skip
    reports = json.loads(capfd.readouterr().out, parse_float=Decimal)
    for told, report in zip((one, two), reports, strict=True):
        assert told["initial_after"] == report["initial"]


def test_start_and_end_may_stand_in_files_of_their_own(capfd: pytest.CaptureFixture[str]) -> None:
    words = ("book.csv", "-m", "start.csv", "--to-market", "end.csv", *TIMES, "--json")
    assert run(["explain-change", *words]) == 0
    apart = json.loads(capfd.readouterr().out, parse_float=Decimal)
    assert apart == documents(capfd, "book.csv")


def test_tables_tell_every_row_and_every_cell(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, "book.csv")
    for told in documents(capfd, "book.csv"):
        for row in told["rows"]:
            shown = [f"{row[k]:+,.2f}" if row[k] else "0.00" for k in ("initial", "maintenance")]
            assert re.search(rf"{row['step']} +{re.escape(shown[0])} +{re.escape(shown[1])}", text)
        for row in told["moved_rows"]:
            assert re.search(rf"{row['path']} +{row['initial_before']:,.2f}", text)
        for cell in told["worst_cells"]:
            assert f"{cell['underlying']} active direction and worst cell" in text
    assert "before: down, " in text


def test_under_a_model_without_scenarios_there_is_no_cell(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = answer(capfd, "book.csv", "--to-model", "cross")
    assert "prbm to cross" in text
    assert "after:  none" in text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--to-book", "missing.csv"), 2, "account 'three' is in one of the two books only"),
        (("--to-book", "absent.csv"), 2, "absent.csv"),
        (("--to-model", "none"), 3, "'none'"),
    ],
)
def test_what_cannot_be_explained_is_one_line(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, said: str
) -> None:
    assert run(["explain-change", "book.csv", "-m", "chain.csv", *TIMES, *arguments]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1
