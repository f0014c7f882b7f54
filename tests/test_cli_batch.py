"""``seawall batch``: what it prints, its exit codes, and what an interrupted run says."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import polars as pl
import pytest

from seawall.cli.app import run
from seawall.cli.errors import SOME_LEFT_OUT
from seawall.feeds.batch import run as batch
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.writers import write_market_csv
from tests.commands import answer, document

BOOK = "account,instrument,quantity,entry_price\n{}"
GOOD = "one,BTC,2,\none,BTC-27MAR26-90000-C,-1,\ntwo,USDC,50000,\ntwo,BTC-PERPETUAL,-3,\n"
BAD = "three,BTC,much,\n"
MARKET = ("--market", "chain.csv", "--market", "futures.csv")
COMMAND = ("batch", "positions.csv", *MARKET, "--out", "margins.parquet")

pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for quotes, name in zip(synthetic_quotes(), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, tmp_path / name)
    (tmp_path / "positions.csv").write_text(BOOK.format(GOOD), encoding="utf-8")
    (tmp_path / "bad.csv").write_text(BOOK.format(GOOD + BAD), encoding="utf-8")
    return tmp_path


def test_it_says_totals_states_speed_warnings_and_files(capfd: pytest.CaptureFixture[str]) -> None:
    told = answer(capfd, *COMMAND, "--explain", "one")
    rows = pl.read_parquet("margins.parquet")
    assert f"{rows['initial'].sum():,.2f}" in told
    assert "accounts margined: 2, with positions: 4;" in told
    assert "accounts/s" in told
    assert "No price of USDC: taken as 1 USD" in told
    assert "1 positions in futures have no entry price" in told
    assert told.endswith("written:\n  margins.explained/one.json\n  margins.parquet\n")


def test_the_accounts_are_those_of_margin(capfd: pytest.CaptureFixture[str]) -> None:
    answer(capfd, *COMMAND, "--model", "cross", "--threads", "1")
    reports = json.loads(
        answer(capfd, "margin", "positions.csv", *MARKET, "--model", "cross", "--json")
    )
    rows = pl.read_parquet("margins.parquet").rows(named=True)
    assert len(rows) == 2
    for report, row in zip(reports, rows, strict=True):
        assert {key: report[key] for key in row} == row


def test_json_is_the_summary(capfd: pytest.CaptureFixture[str]) -> None:
    told = document(capfd, *COMMAND)
    assert (told["schema"], told["accounts"]) == ("seawall.batch-summary/1", 2)
    assert told["result"] == "margins.parquet"


def test_a_bad_row_is_one_line_and_nothing_is_written(
    files: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = set(files.iterdir())
    assert run(["batch", "bad.csv", *COMMAND[2:]]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: quantity of BTC is 'much'")
    assert "bad.csv row 6, account three" in err
    assert err.count("\n") == 1
    assert set(files.iterdir()) == before


def test_keep_going_has_an_exit_code_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    bad = ["batch", "bad.csv", *COMMAND[2:], "--keep-going", "--rejected", "left-out.csv"]
    assert run(bad) == SOME_LEFT_OUT
    out, err = capfd.readouterr()
    assert err == ""
    assert "accounts left out: 1, for bad rows: 1, listed in left-out.csv" in out
    assert pl.read_csv("left-out.csv").row(0)[:3] == (6, "three", "BTC")
    assert pl.read_parquet("margins.parquet")["account"].to_list() == ["one", "two"]
    # Where nothing is left out it is an answer like any other.
    answer(capfd, *COMMAND, "--keep-going", "--overwrite")


@pytest.mark.parametrize(
    "options",
    [
        ("--rejected", "x.csv"),
        ("--explain-to", "x"),
        ("--out", "margins.txt"),
        ("--out", "bad.csv"),
    ],
)
def test_what_cannot_be_written_is_told_before_anything_is_read(
    options: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["batch", "absent", "--market", "absent", "--out", "margins.parquet", *options]) == 2
    assert "absent" not in capfd.readouterr().err


def test_an_interrupt_says_how_to_go_on(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(batch, "write_shard", interrupted)
        assert run(COMMAND) == 130
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("interrupted: finished shards are kept in margins.parquet.parts")
    answer(capfd, *COMMAND)
    assert not Path("margins.parquet.parts").exists()


def test_other_inputs_name_the_option_that_begins_anew(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(batch, "write_shard", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        assert run(COMMAND) == 130
    capfd.readouterr()
    assert run([*COMMAND, "--model", "cross"]) == 2
    assert "--restart" in capfd.readouterr().err
    answer(capfd, *COMMAND, "--model", "cross", "--restart")


def test_a_terminal_has_a_bar_and_a_pipe_has_none(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # which rich takes for a terminal
    assert run(COMMAND) == 0
    assert "margining" in capfd.readouterr().err
    monkeypatch.delenv("FORCE_COLOR")
    answer(capfd, *COMMAND, "--overwrite")


@pytest.mark.parametrize(
    "options",
    [
        ("--out", "chain.csv"),
        ("--out", "link.csv"),
        ("--keep-going", "--rejected", "positions.csv"),
        ("--keep-going", "--rejected", "x.csv", "--out", "x.csv"),
        ("--model", "house.csv", "--out", "house.csv"),
        ("--model", "hybrid:house.csv", "--keep-going", "--rejected", "house.csv"),
        ("--market", "reports/one.json", "--explain", "one", "--explain-to", "reports"),
    ],
)
def test_no_input_is_written_over(
    options: tuple[str, ...], files: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (files / "link.csv").symlink_to("positions.csv")
    (files / "house.csv").write_text("a model", encoding="utf-8")
    (files / "reports").mkdir()
    (files / "reports" / "one.json").write_text("a market", encoding="utf-8")
    names = ("positions.csv", "chain.csv", "house.csv", "reports/one.json")
    before = {name: (files / name).read_bytes() for name in names}
    assert run([*COMMAND, "--overwrite", *options]) == 2
    assert "which is this file" in capfd.readouterr().err
    assert before == {name: (files / name).read_bytes() for name in before}
