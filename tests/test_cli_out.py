"""``--out`` of every command: the file holds what would be printed, and its name is printed."""

from __future__ import annotations

from pathlib import Path

import fastexcel
import polars as pl
import pytest

from seawall.cli.app import run
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.writers import write_market_csv
from tests.commands import answer


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    for quotes, name in zip(synthetic_quotes(), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, folder / name)
    rows = "one,BTC,2\none,BTC-27MAR26-90000-C,-1\ntwo,USDC,50000\n"
    (folder / "book.csv").write_text(f"account,instrument,quantity\n{rows}", encoding="utf-8")
    return folder


MARKET = ("--market", "chain.csv", "--market", "futures.csv")
COMMANDS = {
    "margin": ("margin", "book.csv", *MARKET),
    "compare": ("compare", "book.csv", *MARKET, "--models", "cross,prbm"),
    "explain": ("explain", "book.csv", *MARKET),
    "what-if": ("what-if", "book.csv", *MARKET, "--add", "BTC-PERPETUAL:-1"),
    "reduce": ("reduce", "book.csv", *MARKET, "--model", "cross", "--max-trades", "1"),
    "explain-change": (
        "explain-change", "book.csv", *MARKET, "--from", "2026-01-16T16:00",
        "--to", "2026-01-16T16:00", "--to-model", "cross",
    ),
    "surface": ("surface", "chain.csv", "futures.csv"),
}  # fmt: skip


@pytest.mark.usefixtures("in_folder")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_writes_what_it_would_print(
    command: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed = answer(capfd, *COMMANDS[command], "--json")
    target = tmp_path / "told.json"
    assert answer(capfd, *COMMANDS[command], "--out", str(target)) == f"{target}\n"
    assert target.read_text(encoding="utf-8") == printed
    # With --json both; --overwrite counts wherever it stands.
    again = (*COMMANDS[command], "--out", str(target), "--json", "--overwrite")
    assert answer(capfd, *again) == printed
    sheets = tmp_path / "told.xlsx"
    answer(capfd, *COMMANDS[command], "--out", str(sheets))
    assert fastexcel.read_excel(sheets).sheet_names[0] == "summary"


@pytest.mark.usefixtures("in_folder")
def test_command_prints_every_file_it_wrote(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    printed = answer(capfd, *COMMANDS["margin"], "--out", str(tmp_path / "told.csv"))
    assert {Path(line) for line in printed.splitlines()} == set(tmp_path.iterdir())
    assert pl.read_csv(tmp_path / "told.csv")["account"].to_list() == ["one", "two"]


@pytest.mark.usefixtures("in_folder")
def test_a_file_that_cannot_be_written_is_told_before_anything_is_read(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "told.json").write_text("mine", encoding="utf-8")
    for name in ("told.json", "told.txt"):
        code = run(
            ["margin", "absent.csv", "--market", "absent.csv", "--out", str(tmp_path / name)]
        )
        assert code == 2
        printed, err = capfd.readouterr()
        assert printed == ""
        assert "cannot be written" in err
