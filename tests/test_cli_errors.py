"""Errors on the command line: one line on stderr, the right exit code, nothing on stdout."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from seawall.basics import errors as tree
from seawall.cli.app import run
from seawall.cli.errors import exit_code
from seawall.cli.prices import parse_prices
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.feeds.writers import write_book_csv, write_market_csv

SEAWALL = Path(sys.executable).parent / "seawall"
ERROR = re.compile(r"error: .+ \(.+\)\. .+\n")
MARKET = ("--market", "chain.csv")


pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a chain and a book."""
    folder = tmp_path_factory.mktemp("errors")
    write_market_csv(synthetic_quotes()[0], folder / "chain.csv")
    write_book_csv(synthetic_portfolio(), folder / "book.csv")
    return folder


def test_executable_reports_an_error_on_one_line_of_stderr() -> None:
    ran = subprocess.run(
        [SEAWALL, "margin", "book.csv", "--market", "absent.csv"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NO_COLOR": "1"},
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ERROR.fullmatch(ran.stderr), ran.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("margin", "absent.csv", *MARKET), 2, "absent.csv"),
        (("margin", "chain.csv", *MARKET), 2, "chain.csv"),
        (("margin", "book.csv", "--market", "book.csv"), 2, "columns"),
        (("margin", "book.csv", *MARKET, "--model", "none"), 3, "'none'"),
        (("margin", "book.csv", *MARKET, "--at", "noon"), 2, "'noon'"),
        (("margin", "book.csv", *MARKET, "--at", "2020-01-01"), 2, "2020-01-01"),
        (("margin", "book.csv", *MARKET, "--price", "USDC"), 2, "'USDC'"),
        (("margin", "book.csv", *MARKET, "--price", "USDC=nan"), 2, "USDC"),
        (("margin", "book.csv"), 2, "--market"),
        (("margin", *MARKET), 2, "BOOK"),
        (("margin", "book.csv", *MARKET, "--frob"), 2, "--frob"),
        (("compare", "book.csv", *MARKET, "--models", "prbm,none"), 3, "'none'"),
        (("compare", "book.csv", *MARKET, "--models", "prbm,prbm"), 3, "twice"),
        (("compare", "book.csv", *MARKET, "--models", ","), 3, "models"),
        (("models", "none"), 3, "'none'"),
        (("demo", "--seed", "-1"), 2, "--seed"),
        (("demo", "--save", "book.csv/x"), 2, "book.csv"),
        (("frob",), 2, "'frob'"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    arguments: tuple[str, ...], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert ERROR.fullmatch(err), err
    assert said in err


def test_error_while_json_is_wanted_leaves_stdout_empty(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One account of several cannot be margined: no half of the answer is given."""
    book = tmp_path / "book.csv"
    book.write_text("account,instrument,quantity\na,BTC,1\nb,BTC-27MAR26-1-C,1\n", encoding="utf-8")
    assert run(["margin", str(book), *MARKET, "--json"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "BTC-27MAR26-1-C" in err


def test_every_error_of_the_tree_has_its_exit_code() -> None:
    for error in vars(tree).values():
        if isinstance(error, type) and issubclass(error, tree.SeawallError):
            raised = error("what", where="where", remedy="Remedy.")
            branches = {
                tree.InputError: 2,
                tree.ModelError: 3,
                tree.VenueError: 4,
                tree.ClusterError: 5,
                tree.StateError: 7,
            }
            if error is not tree.SeawallError:
                [expected] = [code for kind, code in branches.items() if issubclass(error, kind)]
                assert exit_code(raised) == expected, error


def test_fault_of_seawall_is_one_line_without_traceback(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr("seawall.report.build.margin", broken)
    assert run(["margin", "book.csv", *MARKET]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert ERROR.fullmatch(err), err
    assert "ZeroDivisionError: a b" in err
    assert "(test_cli_errors.py:" in err


def test_system_that_refuses_to_write_is_named(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seawall.report.schema.to_json", full)
    assert run(["margin", "book.csv", *MARKET, "--json"]) == 1
    assert "no space left on device (standard output)" in capfd.readouterr().err


def test_interrupt_is_silent(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seawall.report.build.margin", interrupted)
    assert run(["margin", "book.csv", *MARKET]) == 130
    assert capfd.readouterr() == ("", "")


# ---- the --price option


def test_prices_are_read_by_asset() -> None:
    assert parse_prices(["USDC=0.9998", " BTC = 95000 "]) == {"USDC": 0.9998, "BTC": 95000.0}


@pytest.mark.parametrize("given", [["USDC"], ["=1"], ["USDC="], ["USDC=x"], ["BTC=1", "BTC=2"]])
def test_price_of_another_form_is_refused(given: list[str]) -> None:
    with pytest.raises(tree.BadNumber, match="price"):
        parse_prices(given)
