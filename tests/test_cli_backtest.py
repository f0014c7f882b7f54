"""``seawall backtest``: what it prints, writes, and refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from seawall.cli.app import run
from tests.commands import answer, document
from tests.walks import RELATIVE, made_up, write_history

BOOK = "account,instrument,quantity\ndesk,BTC_USDC-PERPETUAL,2\ndesk,ETH_USDC-PERPETUAL,-20\n"
COMMAND = ("backtest", "relative.csv", "--history", "history.csv")
SHORT = ("--from", "2026-01-03", "--to", "2026-01-08")

pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    write_history(tmp_path, made_up())
    (tmp_path / "relative.csv").write_text(RELATIVE, encoding="utf-8")
    (tmp_path / "book.csv").write_text(BOOK, encoding="utf-8")
    return tmp_path


def test_it_shows_models_books_and_moves_and_says_what_is_modelled(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = answer(capfd, *COMMAND, *SHORT, "--models", "prbm,isolated", "--horizon", "4h,24h")
    assert "6 times" in told
    assert "MODELLED" in told
    assert "Procyclicality" in told
    assert "No funding rate of BTC_USDC-PERPETUAL: taken as paying." in told
    for book in ("long", "pair", "strangle"):
        assert book in told
    assert "Evidence against the coverage" in told
    assert told.count("Defaults of prbm") == 1, "defaults of all books are told once a model"


def test_the_folder_holds_rows_document_and_a_page_without_the_network(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = answer(capfd, *COMMAND, *SHORT, "--every", "8h", "--out", "made")
    names = ("backtest.json", "rows.parquet", "rows.csv", "backtest.html")
    assert all(f"made/{name}" in told for name in names)
    rows = pl.read_parquet("made/rows.parquet")
    written = json.loads(Path("made/backtest.json").read_bytes())
    assert rows.height == 3 * 16 == pl.read_csv("made/rows.csv").height
    [pooled] = written["models"]
    assert pooled["exceedances"] == int(rows["hit_24h"].sum())
    assert written["overlapping"]
    page = Path("made/backtest.html").read_text(encoding="utf-8")
    assert page.count("plotly-graph-div") >= 5
    assert "<script src=" not in page
    assert "MODELLED" in page


def test_json_is_the_same_document_after_a_resumed_run(capfd: pytest.CaptureFixture[str]) -> None:
    whole = document(capfd, *COMMAND, *SHORT, "--out", "made")
    (Path("made") / "parts" / "00000.parquet").unlink()
    assert document(capfd, *COMMAND, *SHORT, "--out", "made", "--resume", "--jobs", "2") == whole


def test_an_interrupted_run_says_how_it_goes_on(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stopped() -> Generator[Callable[[int, int], None]]:
        def say(done: int, times: int) -> None:
            raise KeyboardInterrupt

        yield say

    with monkeypatch.context() as patched:
        patched.setattr("seawall.cli.backtest._progress", stopped)
        assert run((*COMMAND, *SHORT, "--out", "made")) == 130
    assert "kept in made; the same command with --resume" in capfd.readouterr().err
    assert "written:" in answer(capfd, *COMMAND, *SHORT, "--out", "made", "--resume")


def test_a_book_of_positions_is_walked_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    told = document(capfd, "backtest", "book.csv", *COMMAND[2:], *SHORT, "--coverage", "0.9")
    assert [row["book"] for row in told["series"]] == ["desk"]
    assert not told["modelled"]
    assert float(told["coverage"]) == 0.9


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--horizon", "soon"), 2, "'soon' is no length of time"),
        (("--horizon", "30m"), 2, "a horizon of 0:30:00"),
        (("--every", "0d"), 2, "a step of 0:00:00"),
        (("--resume",), 2, "nothing is kept without a folder"),
        (("--coverage", "1.5"), 2, "a coverage of 1.5"),
        (("--models", "prbm,prbm"), 2, "a model is named twice"),
        (("--models", "nobody"), 3, "nobody"),
        (("--from", "2030-01-01"), 2, "before the start"),
        (("--close-out-bp", "-5"), 2, "a close-out cost"),
        (("--calibrate", "prbm"), 2, "nothing is calibrated"),
        (("--settings", "calm.toml"), 2, "nothing is calibrated"),
        (("--calibrate-every", "soon"), 2, "'soon' is no length of time"),
        (("--calibrate-every", "7d"), 2, "prbm, calibrated 2026-01-"),
        (("--market", "history.csv"), 2, "no table of option chains"),
    ],
)
def test_what_cannot_be_walked_is_refused_in_one_line(
    capfd: pytest.CaptureFixture[str], more: tuple[str, ...], code: int, said: str
) -> None:
    assert run((*COMMAND, *more)) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


def test_a_coverage_that_is_none_leaves_no_folder(capfd: pytest.CaptureFixture[str]) -> None:
    assert run((*COMMAND, *SHORT, "--coverage", "2", "--out", "made")) == 2
    assert "a coverage of 2" in capfd.readouterr().err
    assert not Path("made").exists()
