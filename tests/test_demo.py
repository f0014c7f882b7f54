"""The demo: offline, labelled as made up, and its suggested commands run as printed."""

from __future__ import annotations

import re
import shlex
import socket
from pathlib import Path

import pytest

from seawall.cli.app import run
from seawall.cli.demo import MODELS
from seawall.feeds.synthetic import synthetic_market
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.report.comparison import compare


def demo(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = run(["demo", *arguments])
    out, err = capfd.readouterr()
    assert (code, err) == (0, ""), err
    return out


def suggested(text: str) -> list[list[str]]:
    """The commands that a text suggests, continued lines joined."""
    return [
        shlex.split(line)[1:]
        for line in text.replace("\\\n", " ").splitlines()
        if line.startswith("  seawall ")
    ]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the demo opened a network connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def test_demo_says_first_that_it_is_synthetic(capfd: pytest.CaptureFixture[str]) -> None:
    assert demo(capfd).startswith("SYNTHETIC")


def test_demo_compares_the_four_models_and_states_the_saving(
    capfd: pytest.CaptureFixture[str],
) -> None:
    text = demo(capfd)
    rows = compare(synthetic_portfolio(), synthetic_market(), MODELS).rows
    for row in rows:
        assert re.search(rf"^{row.model} .*{row.capital_used:,.2f} +{row.saving:.1%}", text, re.M)
    assert rows[-1].model == "prbm"
    assert rows[-1].saving is not None
    assert rows[-1].saving > 0.5
    assert f"{rows[-1].saving:.0%} less" in text


def test_demo_explains_the_house_model(capfd: pytest.CaptureFixture[str]) -> None:
    text = demo(capfd)
    for said in ("Requirement", "scanning_risk/BTC", "BTC net PnL", "ETH tails", "BTC Greeks"):
        assert said in text
    assert re.search(r"-[\d,]+\*", text), "the worst cell is marked"


def test_demo_is_the_same_for_the_same_seed(capfd: pytest.CaptureFixture[str]) -> None:
    first, again, other = (demo(capfd, *seed) for seed in ((), ("--seed", "1"), ("--seed", "2")))
    assert first == again
    assert first != other
    assert "seawall demo --seed 2 --save demo" in other


def test_suggested_commands_run_as_printed(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First what the plain demo suggests (to save), then all that the saved one suggests."""
    monkeypatch.chdir(tmp_path)
    for arguments in suggested(demo(capfd)):
        assert run(arguments) == 0, arguments
        capfd.readouterr()
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "book.csv",
        "chain.csv",
        "futures.csv",
        "history.csv",
    ]


def test_saved_files_give_the_numbers_of_the_demo(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = demo(capfd, "--save", "here/there")
    commands = {arguments[0]: arguments for arguments in suggested(text)}
    assert set(commands) == {"margin", "compare", "models"}
    for name in ("margin", "compare"):
        assert run(commands[name]) == 0
        printed = capfd.readouterr().out
        assert printed.split("\nwarning")[0].rstrip() in text


def test_suggestions_quote_a_folder_with_a_space(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = demo(capfd, "--save", str(tmp_path / "my demo"))
    margin = next(arguments for arguments in suggested(text) if arguments[0] == "margin")
    assert margin[1] == str(tmp_path / "my demo" / "book.csv")
    assert run(margin) == 0
