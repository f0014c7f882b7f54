"""The command line: the executable, stable JSON, options, tables that keep every digit."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import typer.main

from seawall.cli.app import app, run
from seawall.feeds.synthetic import STABLE_USD, synthetic_history, synthetic_quotes
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.feeds.writers import write_book_csv, write_history_csv, write_market_csv
from seawall.margin.presets import load_preset, preset_names
from tests.commands import answer, document

SEAWALL = Path(sys.executable).parent / "seawall"
COMMANDS = sorted(typer.main.get_group(app).commands)


pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with chain.csv, futures.csv, history.csv, book.csv and a book of two accounts."""
    folder = tmp_path_factory.mktemp("cli")
    for quotes, name in zip(synthetic_quotes(), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, folder / name)
    write_history_csv(synthetic_history(), folder / "history.csv")
    write_book_csv(synthetic_portfolio(), folder / "book.csv")
    rows = "second,USDC,50000\nsecond,BTC-27MAR26,0.5\nfirst,BTC,2\nfirst,BTC_USDC-PERPETUAL,-1\n"
    (folder / "two.csv").write_text(f"account,instrument,quantity\n{rows}", encoding="utf-8")
    return folder


MARKET = ("--market", "chain.csv", "--market", "futures.csv")
PAST = ("--market", "history.csv")
PRICES = tuple(word for c, p in STABLE_USD.items() for word in ("--price", f"{c}={p}"))


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SEAWALL, *arguments], capture_output=True, text=True, encoding="utf-8", check=False
    )


def on_terminal(columns: int, *arguments: str) -> str:
    """What the executable prints on a real terminal of that width, colours left out."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, its = pty.openpty()
    termios.tcsetwinsize(its, (40, columns))
    # These would be believed over the terminal itself.
    hidden = ("COLUMNS", "LINES", "FORCE_COLOR", "TERMINAL_WIDTH")
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    chunks: list[bytes] = []
    with subprocess.Popen(
        [SEAWALL, *arguments], stdin=its, stdout=its, stderr=its, env=env | {"TERM": "xterm"}
    ) as process:
        os.close(its)
        try:
            while chunk := os.read(ours, 65_536):
                chunks.append(chunk)
        except OSError:  # how Linux says that the other end has closed
            pass
        finally:
            os.close(ours)
    printed = b"".join(chunks).decode().replace("\r\n", "\n")
    assert process.returncode == 0, printed
    return re.sub(r"\x1b\[[0-9;]*m", "", printed)


def widest(text: str) -> int:
    return max(map(len, text.splitlines()))


# ---- the executable


def test_executable_answers_with_its_version() -> None:
    ran = shell("--version")
    assert re.fullmatch(r"seawall \d+\.\d+\.\d+\n", ran.stdout), ran
    assert ran.returncode == 0


def test_executable_margins_the_book_as_the_library_does(
    capfd: pytest.CaptureFixture[str],
) -> None:
    arguments = ("margin", "book.csv", *MARKET, "--json")
    ran = shell(*arguments)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == answer(capfd, *arguments)


@pytest.mark.parametrize(
    "arguments", [("models", "prbm"), ("margin", "book.csv", *MARKET, "--json"), ("--help",)]
)
def test_reader_that_leaves_early_is_no_error(arguments: tuple[str, ...]) -> None:
    with subprocess.Popen(
        [SEAWALL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_help_loads_no_room_below() -> None:
    code = (
        "import sys; from seawall.cli.app import run; run(['--help']);"
        "print(sorted({'numpy', 'numba', 'polars', 'rich', 'scipy'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_shows_examples(
    command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    text = answer(capfd, command, "--help")
    assert f"Examples:\n    seawall {command}" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal_of_80_columns(command: str) -> None:
    assert widest(on_terminal(80, command, "--help")) <= 80


def test_seawall_alone_shows_the_commands(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd)
    assert all(re.search(rf"^  {command} ", text, re.M) for command in COMMANDS)


# ---- JSON


REPORT_KEYS = [
    "schema",
    "account",
    "model",
    "currency",
    "as_of",
    "initial",
    "maintenance",
    "margin_value",
    "equity",
    "excess_initial",
    "excess_maintenance",
    "mm_ratio",
    "state",
    "worst_scenario",
    "rows",
    "collateral_rows",
    "risk_matrix",
    "greeks",
    "warnings",
    "bounds",
    "tail",
]


def test_one_account_is_one_object_with_the_stable_keys(
    capfd: pytest.CaptureFixture[str],
) -> None:
    report = document(capfd, "margin", "book.csv", *MARKET)
    assert list(report) == REPORT_KEYS
    assert list(report["model"]) == ["name", "as_of", "source"]
    assert list(report["rows"][0]) == ["path", "initial", "maintenance"]
    assert (report["account"], report["currency"]) == ("synthetic-maker", "USD")
    assert report["as_of"] == "2026-01-16T16:00:00Z"


def test_json_is_one_line_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    out = answer(capfd, "margin", "book.csv", *MARKET, "--json")
    assert out.count("\n") == 1
    assert out.endswith("}\n")


@pytest.mark.parametrize("model", preset_names())
def test_rows_sum_to_totals_to_the_cent(model: str, capfd: pytest.CaptureFixture[str]) -> None:
    report = document(capfd, "margin", "book.csv", *MARKET, *PAST, *PRICES, "--model", model)
    assert report["model"]["name"] == model
    for total in ("initial", "maintenance"):
        assert sum(row[total] for row in report["rows"]) == report[total] > 0
    held = report["collateral_rows"]
    assert sum(row["value"] for row in held) == report["equity"]
    haircuts = sum(row["haircut"] for row in held)
    assert report["equity"] - haircuts == report["margin_value"]


def test_several_accounts_are_a_list_in_the_books_order(
    capfd: pytest.CaptureFixture[str],
) -> None:
    reports = document(capfd, "margin", "two.csv", *MARKET)
    assert [report["account"] for report in reports] == ["second", "first"]
    compared = document(capfd, "compare", "two.csv", *MARKET, "--models", "cross,prbm")
    assert [comparison["account"] for comparison in compared] == ["second", "first"]


def test_comparison_agrees_with_the_single_reports(capfd: pytest.CaptureFixture[str]) -> None:
    names = ["isolated", "prbm"]
    compared = document(capfd, "compare", "book.csv", *MARKET, "--models", " isolated , prbm ")
    assert [row["model"] for row in compared["rows"]] == names
    first = compared["rows"][0]["capital_used"]
    for row, name in zip(compared["rows"], names, strict=True):
        report = document(capfd, "margin", "book.csv", *MARKET, "--model", name)
        assert row["initial"] == report["initial"]
        assert row["capital_used"] == row["initial"] + row["haircuts"]
        assert row["saving"] == pytest.approx(1 - row["capital_used"] / first, abs=Decimal("1e-9"))
        assert report in compared["reports"]


# ---- options


def test_at_takes_the_nearest_snapshot_at_or_before(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options, _ = synthetic_quotes()
    texts: list[str] = []
    for hours in range(3):
        shifted = replace(options, as_of=options.as_of + timedelta(hours=hours))
        write_market_csv(shifted, tmp_path / "one.csv")
        texts.append((tmp_path / "one.csv").read_text(encoding="utf-8"))
    header = texts[0].splitlines(keepends=True)[0]
    (tmp_path / "all.csv").write_text(header + "".join(t.removeprefix(header) for t in texts))
    market = ("--market", str(tmp_path / "all.csv"))
    for at, expected in (
        ("2026-01-16T17:59", "2026-01-16T17:00:00Z"),
        ("2026-01-16 18:00", "2026-01-16T18:00:00Z"),
    ):
        assert document(capfd, "margin", "book.csv", *market, "--at", at)["as_of"] == expected
    assert run(["margin", "book.csv", *market]) == 2
    assert "--at" in capfd.readouterr().err


def test_price_values_a_stablecoin_and_ends_its_warning(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assumed = document(capfd, "margin", "two.csv", *MARKET)[0]
    priced = document(capfd, "margin", "two.csv", *MARKET, "--price", "USDC=0.5")[0]
    held = [r["collateral_rows"][0] for r in (assumed, priced)]
    assert [row["path"] for row in held] == ["stablecoin/USDC"] * 2
    assert held[1]["value"] == held[0]["value"] / 2 == 25_000
    assert any("No price of USDC" in warning for warning in assumed["warnings"])
    assert not any("No price of USDC" in warning for warning in priced["warnings"])
    assert "USDC given as 0.5 USD, away from its peg." in priced["warnings"]


# ---- tables


def test_tables_hold_every_row_to_the_cent(capfd: pytest.CaptureFixture[str]) -> None:
    report = document(capfd, "margin", "book.csv", *MARKET)
    text = answer(capfd, "margin", "book.csv", *MARKET)
    for row in report["rows"]:
        line = rf"^{re.escape(row['path'])} +{row['initial']:,.2f} +{row['maintenance']:,.2f}\b"
        assert re.search(line, text, re.M), row
    assert re.search(rf"^total +{report['initial']:,.2f} +{report['maintenance']:,.2f}", text, re.M)
    assert re.search(rf"\bequity +{report['equity']:,.2f}", text)
    assert f"state {report['state']}" in text
    assert {line[9:] for line in text.splitlines() if line.startswith("warning: ")} == set(
        report["warnings"]
    )


def test_several_accounts_are_told_apart(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, "margin", "two.csv", *MARKET)
    assert re.search(r"^second  prbm .*^=+$.*^first  prbm ", text, re.M | re.S)


def test_output_in_a_pipe_is_plain_and_of_fixed_width(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, "margin", "book.csv", *MARKET)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 120


def test_comparison_shows_capital_and_saving(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ("compare", "book.csv", *MARKET, "--models", "isolated,prbm")
    rows = document(capfd, *arguments)["rows"]
    text = answer(capfd, *arguments)
    for row in rows:
        amounts = (row["initial"], row["maintenance"], row["haircuts"], row["capital_used"])
        shown = " +".join(f"{amount:,.2f}" for amount in amounts)
        assert re.search(
            rf"^{row['model']} +{shown} +{row['saving']:.1%} +{row['state']}", text, re.M
        )


def test_models_lists_every_preset(capfd: pytest.CaptureFixture[str]) -> None:
    text = answer(capfd, "models")
    for name in preset_names():
        model = load_preset(name)
        assert re.search(rf"^{name} +{model.as_of} +{re.escape(model.title)}", text, re.M)


@pytest.mark.parametrize("name", preset_names())
def test_model_shows_every_number_with_its_status(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    model = load_preset(name)
    text = answer(capfd, "models", name)
    assert " ".join(model.source.split()) in " ".join(text.split())
    for part, status in model.status.tags().items():
        assert f"\n{part} [{status}]\n" in text
    for taken in model.classes:
        for field in ("price_range_up_rel", "daily_vol_rel", "adv_usd", "spot_haircut_rel"):
            number = f"{getattr(taken, field):,.12g}"
            assert re.search(rf"^  {taken.name}\.{field} +{re.escape(number)} *$", text, re.M)
    assert re.search(rf"^  im_factor +{model.levels.im_factor:g} *$", text, re.M)


# ---- narrow terminals


def test_narrow_list_of_models_wraps_titles_and_loses_no_word() -> None:
    text = on_terminal(80, "models")
    assert widest(text) <= 80
    for name in preset_names():
        model = load_preset(name)
        title = r"\s+".join(map(re.escape, model.title.split()))
        assert re.search(rf"^{name} +{model.as_of} +{title} *$", text, re.M)


def test_wide_list_of_models_is_that_of_a_pipe() -> None:
    assert on_terminal(120, "models") == shell("models").stdout


@pytest.mark.parametrize("name", preset_names())
def test_narrow_model_fits_and_shows_the_numbers_of_a_pipe(name: str) -> None:
    text = on_terminal(80, "models", name)
    assert widest(text) <= 80
    assert text.split() == shell("models", name).stdout.split()


def test_long_list_wraps_under_itself_and_keeps_its_members() -> None:
    text = on_terminal(60, "models", "prbm")
    assert widest(text) <= 60
    large = next(taken for taken in load_preset("prbm").classes if taken.name == "large")
    found = re.search(r"^(  large\.members +)(.*\n(?: {10}.*\n)+)", text, re.M)
    assert found is not None
    assert re.split(r",\s+", found[2].strip()) == list(large.members)
    indent = len(found[1])
    assert all(re.match(rf" {{{indent}}}\S", line) for line in found[2].splitlines()[1:])


def test_narrow_comparison_rounds_against_the_account(capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ("compare", "book.csv", *MARKET, *PRICES, "--models", "isolated,cross,prbm")
    rows = document(capfd, *arguments)["rows"]
    text = on_terminal(80, *arguments)
    assert widest(text) <= 80
    fields = ("initial", "maintenance", "haircuts", "capital_used")
    for row in rows:
        shown = " +".join(f"{math.ceil(row[field]):,}" for field in fields)
        assert re.search(rf"^{row['model']} +{shown} ", text, re.M), row
    # Otherwise rounding to the nearest would pass as well.
    assert any(math.ceil(row[field]) != round(row[field]) for row in rows for field in fields)
