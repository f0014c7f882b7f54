"""Every example of ``--help`` and of docs/cli.md runs as it is printed, on files of these names.

Those that ask a venue too: a server on this machine answers them.
Also what stands around them: options that are shown and explained, and the table of exit codes.
"""

from __future__ import annotations

import re
import shlex
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer.main

from seawall.cli.app import app, run
from seawall.cli.errors import EXIT_CODES, EXIT_MEANINGS, NOT_CONFORMING, SOME_LEFT_OUT
from seawall.feeds.span_market import generated, read_span_market
from seawall.feeds.span_writing import write_span
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.writers import write_market_csv
from tests.calibration import made_history, write_bars
from tests.commands import answer
from tests.conftest import ROOT
from tests.span_markets import BOOK as CONTRACTS
from tests.span_markets import MARKET as HOUSE
from tests.venues.fixtures import at_once, venues_here  # noqa: F401
from tests.walks import IN_COIN, RELATIVE, made_up, write_chains, write_history

COMMANDS = typer.main.get_group(app).commands
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
BOOK = """account,instrument,quantity,entry_price
maker,BTC-27MAR26-80000-P,-12.5,
maker,BTC-PERPETUAL,8,96250
maker,USDC,250000,
"""
MODEL = """from = "prbm"
name = "mine"
title = "prbm with the worse of both smiles"
as_of = 2026-02-05
source = "risk committee of 2026-02-05"
status = { revaluation = "unknown" }
revaluation = { from = "prbm", smile = "worst" }
"""

STRATEGIES = """{"cases": [{
  "name": "bull call spread, whose long leg is paid", "underlying_price": 50, "multiplier": 100,
  "legs": [{"type": "C", "strike": 45, "expiry": "20260320", "price": 6.5, "qty": 1},
           {"type": "C", "strike": 55, "expiry": "20260320", "price": 1.5, "qty": -1}],
  "maintenance": 0
}]}
"""

pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that examples name, with the times that they ask for."""
    folder = tmp_path_factory.mktemp("examples")
    first = datetime(2026, 2, 4, 16, tzinfo=UTC)
    for name, days in (("chain", 0), ("start", 0), ("end", 2), ("later", 1)):
        options, futures = (
            replace(table, as_of=first + timedelta(days=days)) for table in synthetic_quotes()
        )
        # Of another time the same prices have other volatilities, which are left to be found.
        unknown = np.full(options.iv.size, np.nan)
        write_market_csv(replace(options, iv=unknown), folder / f"{name}.csv")
        if name == "chain":
            write_market_csv(futures, folder / "futures.csv")
    chain = pl.concat([pl.read_csv(folder / f"{name}.csv") for name in ("start", "later")])
    chain.write_parquet(folder / "chain.parquet")
    (folder / "positions.csv").write_text(BOOK, encoding="utf-8")
    pl.read_csv(folder / "positions.csv").write_parquet(folder / "positions.parquet")
    for name in ("book", "old", "new"):
        (folder / f"{name}.csv").write_text(BOOK, encoding="utf-8")
    write_history(folder, made_up())
    write_chains(folder, made_up())
    (folder / "coin.csv").write_text(IN_COIN, encoding="utf-8")
    (folder / "relative.csv").write_text(RELATIVE, encoding="utf-8")
    (folder / "strategies.json").write_text(STRATEGIES, encoding="utf-8")
    (folder / "house.toml").write_text(HOUSE, encoding="utf-8")
    (folder / "contracts.csv").write_text(CONTRACTS, encoding="utf-8")
    for suffix in ("pa2", "spn"):
        write_span(generated(read_span_market(folder / "house.toml")), folder / f"day.{suffix}")
    write_bars(made_history(first), folder / "bars.csv")
    earlier = MODEL.replace('"mine"', '"last"').replace("as_of = 2026-02-05", "as_of = 2026-02-03")
    (folder / "last.toml").write_text(earlier, encoding="utf-8")
    (folder / "calm.toml").write_text("[ranges]\nlambda_vol = 0.97\n", encoding="utf-8")
    for name in ("mine", "my-model"):
        (folder / f"{name}.toml").write_text(MODEL, encoding="utf-8")
    return folder


def lines_of(block: str) -> list[str]:
    """The commands of a block of code, each on one line."""
    lines = map(str.strip, block.replace("\\\n", " ").splitlines())
    return [" ".join(line.split()) for line in lines if line.startswith("seawall ")]


def examples_of_help(command: str, capfd: pytest.CaptureFixture[str]) -> list[str]:
    text = answer(capfd, *command.split(), "--help")
    [block] = re.findall(r"^ *Examples:\n((?: +\S.*\n)+)", text, re.M)
    return lines_of(block)


def blocks_of_page(command: str) -> list[str]:
    """The blocks of code of a command's section: how it is used, then examples."""
    _, heading, rest = PAGE.partition(f"\n## seawall {command}\n")
    assert heading, f"docs/cli.md has no section: seawall {command}"
    section = re.split(r"^## ", rest, flags=re.M)[0]
    return re.findall(r"(?:^    .*\n)+", section, re.M)


def try_out(line: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Run an example without what follows a pipe or goes to a file; it must say something.

    What an example before it has written is not in its way.
    """
    alone = re.split(r" (?:\||>>?) ", line)[0]
    arguments = shlex.split(alone)[1:]
    if "--out" in arguments and "--overwrite" not in arguments:
        out = Path(arguments[arguments.index("--out") + 1])
        if out.is_dir() and "--resume" not in arguments:
            shutil.rmtree(out)
        elif not out.is_dir():
            out.unlink(missing_ok=True)
    assert answer(capfd, *arguments).strip(), line


def shown_options(line: str) -> set[str]:
    return set(re.findall(r"(?<!\S)(--?[a-z][a-z-]*)", line))


# ---- examples


@pytest.mark.usefixtures("venues_here")
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_examples_of_help_run(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    examples = examples_of_help(command, capfd)
    assert examples
    for line in examples:
        try_out(line, capfd)


@pytest.mark.usefixtures("venues_here")
@pytest.mark.parametrize("command", COMMANDS)
def test_examples_of_the_page_run(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    examples = [line for block in blocks_of_page(command)[1:] for line in lines_of(block)]
    assert any(line.startswith(f"seawall {command}") for line in examples)
    for line in examples:
        try_out(line, capfd)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_shows_every_option_in_how_a_command_is_used(command: str) -> None:
    used = blocks_of_page(command)[0]
    assert used.split()[:2] == ["seawall", command]
    options = {max(each.opts, key=len) for each in COMMANDS[command].params} - {"--help"}
    assert shown_options(used.replace("[", " ")) == {o for o in options if o.startswith("--")}


def test_every_option_is_in_an_example(capfd: pytest.CaptureFixture[str]) -> None:
    """Of the command that brings it or of another: `--at` is explained once for all."""
    lines = [line for command in ["", *COMMANDS] for line in examples_of_help(command, capfd)]
    lines += [line for c in COMMANDS for block in blocks_of_page(c)[1:] for line in lines_of(block)]
    shown = {option for line in lines for option in shown_options(line)}
    options = {
        option for command in COMMANDS.values() for each in command.params for option in each.opts
    }
    assert not {o for o in options if o.startswith("-")} - shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_argument_and_option_is_explained(command: str) -> None:
    for parameter in COMMANDS[command].params:
        assert re.fullmatch(r"[A-Za-z].*\.", parameter.help or ""), (command, parameter.name)
        is_flag = getattr(parameter, "is_flag", False)
        assert is_flag or parameter.metavar, (command, parameter.name)


# ---- exit codes


def test_the_page_and_the_help_tell_every_exit_code(capfd: pytest.CaptureFixture[str]) -> None:
    table = PAGE.split("\n## Exit codes\n")[1]
    rows = {int(code): said for code, said in re.findall(r"^\| (\d+) \| (.+) \|$", table, re.M)}
    assert rows == EXIT_MEANINGS
    assert {
        0,
        SOME_LEFT_OUT,
        NOT_CONFORMING,
        *(code for _, code in EXIT_CODES),
    } == EXIT_MEANINGS.keys()
    for code, meaning in EXIT_MEANINGS.items():
        assert re.search(rf"^ +{code} +{re.escape(meaning)}$", answer(capfd, "--help"), re.M)


def test_exit_codes_in_the_tree_of_errors_are_those_of_the_page() -> None:
    said = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8").split("|", 1)[0]
    told = re.findall(r"(\w+Error) (?:exits )?with (\d+)", said)
    assert len(told) >= 2
    assert all(name in EXIT_MEANINGS[int(code)] for name, code in told)


def test_an_example_with_a_slip_would_fail() -> None:
    assert run(["margin", "book.csv", "--market", "chain.csv", "--modle", "cross"]) == 2
