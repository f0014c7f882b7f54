"""The command that calibrates: tables, notices, the preset it writes, and what it refuses."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from seawall.cli.app import run
from seawall.feeds.models import read_model
from seawall.feeds.synthetic import synthetic_market, synthetic_quotes
from seawall.feeds.writers import write_market_csv
from tests.calibration import made_history, write_bars
from tests.commands import answer, document

AS_OF = synthetic_market().as_of
BARS = ("calibrate", "--history", "bars.csv", "--at", f"{AS_OF:%Y-%m-%dT%H:%M}")
BOOK = ("--book", "book.csv", "--market", "chain.csv", "--market", "futures.csv")

pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate")
    for quotes, name in zip(synthetic_quotes(), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, folder / name)
    rows = "one,BTC,2\none,BTC-27MAR26-90000-C,-1\ntwo,ETH-PERPETUAL,-5\ntwo,USDC,50000\n"
    (folder / "book.csv").write_text(f"account,instrument,quantity\n{rows}", encoding="utf-8")
    # Bars that go on after the market: they must not count.
    write_bars(made_history(AS_OF + timedelta(days=2)), folder / "bars.csv")
    (folder / "gone.csv").write_text("timestamp,symbol,close\n", encoding="utf-8")
    return folder


def refused(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(arguments) != 0
    out, err = capfd.readouterr()
    assert out == ""
    return err


def test_the_written_preset_gives_the_margins_that_were_shown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    told = document(capfd, *BARS, *BOOK, "--what-changes", "--out", "new.toml")
    model = read_model("new.toml")
    assert (model.name, model.as_of) == (told["model"]["name"], AS_OF.date())
    assert "bars.csv" in model.source
    reports = document(capfd, "margin", *BOOK[1:], "--model", "new.toml")
    before = document(capfd, "margin", *BOOK[1:])
    for row, after, old in zip(told["accounts"], reports, before, strict=True):
        assert row["account"] == after["account"]
        assert (row["initial_before"], row["initial_after"]) == (old["initial"], after["initial"])
        assert row["maintenance_after"] == after["maintenance"]
    keys = {move["key"] for move in told["moves"]}
    assert {(notice["account"], notice["key"]) for notice in told["notices"]} <= {
        (account, key) for account in ("one", "two") for key in keys
    }
    # A short ETH perpetual is asked for by ETH's range upward, and by nothing of BTC.
    of_two = {notice["key"] for notice in told["notices"] if notice["account"] == "two"}
    assert "classes.eth.price_range_up_rel" in of_two
    assert not any("btc" in key for key in of_two)


def test_tables_tell_moves_factors_accounts_and_notices(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, *BARS, *BOOK, "--what-changes", "--factors")
    for words in (
        "Numbers that moved",
        "classes.btc.price_range_down_rel",
        "in the long run",
        "Accounts",
        "What changes for one",
        "What changes for two",
        "volatility of BTC ",
        "Factors",
        "tail index",
        "kept: classes.large: no history of a member",
    ):
        assert words in text
    notice = text.partition("What changes for two")[2].partition("each number by itself")[0]
    assert "classes.eth.price_range_up_rel" in notice
    assert "volatility of ETH " in notice
    assert "What changes" not in answer(capfd, *BARS, *BOOK)


def test_a_held_jump_is_told_and_two_persons_let_it_through(
    capfd: pytest.CaptureFixture[str],
) -> None:
    numbers = read_model_text("narrow", 0.05)
    Path("narrow.toml").write_text(numbers, encoding="utf-8")
    held = answer(capfd, *BARS, "--previous", "narrow.toml")
    assert "the rest of the rise waits until two persons confirm it" in held
    key = "classes.btc.price_range_down_rel"

    def after(*more: str) -> Decimal:
        told = document(capfd, *BARS, "--previous", "narrow.toml", *more)
        [move] = [each for each in told["moves"] if each["key"] == key]
        return Decimal(move["after"])

    assert "confirmed" not in held
    one = answer(capfd, *BARS, "--previous", "narrow.toml", "--confirmed-by", "Ada")
    assert "held (1 of 2 confirmed): the rest of the rise waits" in one
    assert "--confirmed-by: no jump" not in one
    both = ("--confirmed-by", "Ada", "--confirmed-by", "Bo")
    assert "--confirmed-by: no jump" not in answer(capfd, *BARS, "--previous", "narrow.toml", *both)
    assert "--confirmed-by: no jump is held" in answer(capfd, *BARS, *both)
    assert after() == after("--confirmed-by", "Ada") == Decimal("0.075")
    assert after("--confirmed-by", "Ada", "--confirmed-by", "Bo") > Decimal("0.08")


def read_model_text(name: str, range_rel: float) -> str:
    """prbm with one narrow class, of the day before the market."""
    return (
        f'from = "prbm"\nname = "{name}"\ntitle = "a narrow class"\nsource = "a test"\n'
        f"as_of = {AS_OF.date() - timedelta(days=1)}\n"
        'status = { classes = "unknown" }\n[[classes]]\nname = "btc"\nmembers = ["BTC"]\n'
        f"price_range_up_rel = {range_rel}\nprice_range_down_rel = {range_rel}\n"
        "daily_vol_rel = 0.04\nadv_usd = 5e9\nopen_interest_usd = 1e10\nspot_haircut_rel = 0.01\n"
        '[[classes]]\nname = "eth"\nprice_range_up_rel = 0.2\nprice_range_down_rel = 0.2\n'
        "daily_vol_rel = 0.05\nadv_usd = 5e9\nopen_interest_usd = 1e10\nspot_haircut_rel = 0.01\n"
        '[[classes]]\nname = "large"\nmembers = ["SOL"]\nprice_range_up_rel = 0.2\n'
        "price_range_down_rel = 0.2\ndaily_vol_rel = 0.05\nadv_usd = 5e9\nspot_haircut_rel = 0.01\n"
    )


def test_without_a_time_the_end_of_the_last_bar_counts(capfd: pytest.CaptureFixture[str]) -> None:
    told = document(capfd, "calibrate", "--history", "bars.csv")
    assert told["as_of"].startswith(f"{AS_OF + timedelta(days=2):%Y-%m-%dT%H:%M}")
    with Path("bars.csv").open(encoding="utf-8") as rows:
        assert next(csv.reader(rows))[:2] == ["timestamp", "symbol"]


def test_a_feed_that_stands_still_dates_no_calibration_back(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Path("bars.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["symbol"] == "BTC"]
    stands = rows[-100]["close"]
    for row in rows[-100:]:
        row.update(dict.fromkeys(("open", "high", "low", "close"), stands))
    with Path("stuck.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    told = refused(capfd, "calibrate", "--history", "stuck.csv")
    last = AS_OF + timedelta(days=2)
    good, until = (f"{last - timedelta(hours=back):%Y-%m-%dT%H:%M}" for back in (99, 1))
    assert f"the last sound bar ended {good}" in told
    assert f"the files go on until {until}" in told
    assert f"--at {good}" in told
    assert (
        document(capfd, "calibrate", "--history", "stuck.csv", "--at", good)["as_of"][:16] == good
    )


def test_what_cannot_be_done_is_one_clear_error(capfd: pytest.CaptureFixture[str]) -> None:
    assert "a book and no market" in refused(capfd, *BARS, "--book", "book.csv")
    for more in ((), ("--market", "chain.csv")):
        said = refused(capfd, *BARS, "--what-changes", *more)
        assert "--what-changes needs --book and --market" in said
    assert "a preset is TOML" in refused(capfd, *BARS, "--out", "new.json")
    answer(capfd, *BARS, "--out", "once.toml")
    assert "once.toml" in refused(capfd, *BARS, "--out", "once.toml")
    assert "once.toml" in answer(capfd, *BARS, "--out", "once.toml", "--overwrite")
    assert "warm-up" not in refused(capfd, *BARS[:3], "--at", "2025-02-01")
    assert "unknown-model" in refused(capfd, *BARS, "--model", "unknown-model")
    assert refused(capfd, "calibrate", "--history", "gone.csv").count("\n") == 1


def test_every_preset_can_be_calibrated(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("deribit-pm-2026-09", "cross", "hybrid"):
        answer(capfd, *BARS, "--model", name, "--out", f"{name}-new.toml", "--overwrite")
        assert read_model(f"{name}-new.toml").name == f"{name}-{AS_OF.date()}"
