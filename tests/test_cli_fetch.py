"""`seawall fetch`: what it writes and says, and one clear line where it cannot."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from seawall.cli.app import run
from seawall.feeds.fetched import Fetched
from seawall.feeds.venues import Venue
from tests.commands import answer, document
from tests.conftest import ROOT
from tests.venues import deribit
from tests.venues.account import KEY, PASSPHRASE, SECRET, VENUES, environment
from tests.venues.fixtures import at_once, venues_here  # noqa: F401
from tests.venues.server import Reply, Server, serving

SEAWALL = Path(sys.executable).parent / "seawall"
ERROR = re.compile(r"error: .+ \(.+\)\. .+\n")
ALL = pytest.mark.parametrize("venue", list(Venue))

pytestmark = pytest.mark.usefixtures("at_once", "in_folder")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path


def known(monkeypatch: pytest.MonkeyPatch, venue: str, server: Server) -> None:
    for name, value in environment(venue, server.url).items():
        monkeypatch.setenv(name, value)


@ALL
def test_chain_is_written_and_the_next_command_said(
    venue: Venue, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(VENUES[venue].chain_answers()) as server:
        known(monkeypatch, venue, server)
        said = answer(capfd, "fetch", venue, "chain", "btc", "--out", "my chain.json")
    content = Path("my chain.json").read_bytes()
    fetched = msgspec.json.decode(content, type=Fetched)
    futures = {"deribit": 3, "okx": 3, "bybit": 5}[venue]
    assert len(fetched.tickers) == futures
    assert re.match(
        rf"{venue}, 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC, BTC: {len(fetched.options)} options in 1 "
        rf"expiry, {futures} futures and perpetuals, the oldest price \d+ s old\n",
        said,
    )
    assert f"{len(content):,} bytes written to my chain.json." in said
    assert "  seawall margin book.json --market 'my chain.json'\n" in said


@ALL
def test_positions_are_written_and_nothing_secret_is_said(
    venue: Venue, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(VENUES[venue].account_answers()) as server:
        known(monkeypatch, venue, server)
        said = answer(capfd, "fetch", venue, "positions", "--out", "book.json")
    text = Path("book.json").read_text(encoding="utf-8")
    count = len(msgspec.json.decode(text, type=Fetched).positions)
    assert re.match(rf"{venue}, .* UTC, account: {count} positions, 2 balances\n", said)
    assert f"  seawall fetch {venue} chain BTC --out chain.json\n" in said
    assert "  seawall margin book.json --market chain.json\n" in said
    for secret in (KEY, SECRET, PASSPHRASE):
        assert secret not in said + text


@pytest.mark.usefixtures("venues_here")
@ALL
def test_the_three_lines_of_the_page_lead_from_a_venue_to_a_margin(
    venue: Venue, capfd: pytest.CaptureFixture[str]
) -> None:
    """No line says what form a file has, and none is answered with a word on stderr."""
    page = (ROOT / "docs" / "fetch.md").read_text(encoding="utf-8")
    lines = re.findall("^    seawall (.+)$", page.replace("fetch deribit", f"fetch {venue}"), re.M)
    assert [line.split()[0] for line in lines] == ["fetch", "fetch", "margin"]
    for line in lines[:2]:
        answer(capfd, *shlex.split(line))
    requirement = document(capfd, *shlex.split(lines[2]))["initial"]
    assert requirement > 0


@ALL
def test_no_network_is_one_line_and_an_exit_code(
    venue: Venue, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({}) as server:
        known(monkeypatch, venue, server)
    assert run(["fetch", venue, "chain", "BTC", "--out", "file.json"]) == 4
    out, err = capfd.readouterr()
    assert out == ""
    assert ERROR.fullmatch(err), err
    assert f"{venue} cannot be reached" in err
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("deribit", "positions"), 2, "SEAWALL_DERIBIT_API_KEY, SEAWALL_DERIBIT_API_SECRET"),
        (("okx", "positions"), 2, "SEAWALL_OKX_API_PASSPHRASE"),
        (("deribit", "positions", "BTC"), 2, "Leave the coins out"),
        (("deribit", "chain"), 2, "no coin"),
        (("kraken", "chain", "BTC"), 2, "'kraken'"),
        (("deribit", "orders"), 2, "'orders'"),
        (("deribit",), 2, "PART"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(
    arguments: tuple[str, ...], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["fetch", *arguments, "--out", "file.json"]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert ERROR.fullmatch(err), err
    assert said in err
    assert os.listdir() == []


def test_a_refusal_leaves_the_file_that_was_there(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("book.json").write_text("before", encoding="utf-8")
    with serving({"*": lambda _: deribit.failure(13009, "unauthorized")}) as server:
        known(monkeypatch, "deribit", server)
        assert run(["fetch", "deribit", "positions", "--out", "book.json", "--overwrite"]) == 4
    assert "does not accept the keys and says '13009 unauthorized'" in capfd.readouterr().err
    assert Path("book.json").read_text(encoding="utf-8") == "before"


def test_a_folder_that_is_not_there_is_said_before_anything_is_asked(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(deribit.chain_answers()) as server:
        known(monkeypatch, "deribit", server)
        assert run(["fetch", "deribit", "chain", "BTC", "--out", "absent/chain.json"]) == 2
    said = capfd.readouterr().err
    assert ERROR.fullmatch(said), said
    assert "there is no folder" in said
    assert "absent/chain.json" in said
    assert server.requests == []


def test_a_terminal_hears_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    pty = pytest.importorskip("pty")
    ours, its = pty.openpty()

    def summary(request: object) -> Reply:
        heard.append(os.read(ours, 100_000).decode())
        return Reply(status=400)

    heard: list[str] = []
    answers = {
        **deribit.chain_answers(),
        f"{deribit.API}/public/get_book_summary_by_currency": summary,
    }
    with serving(answers) as server:
        ran = subprocess.run(
            [SEAWALL, "fetch", "deribit", "chain", "BTC", "--out", "chain.json"],
            env=os.environ | environment("deribit", server.url) | {"TERM": "xterm"},
            stderr=its,
            stdout=subprocess.PIPE,
            check=False,
        )
    os.close(its)
    os.close(ours)
    assert (ran.returncode, ran.stdout) == (4, b"")
    assert "deribit: connecting" in heard[0]
    assert "deribit: options settled in BTC" in "".join(heard)


def test_help_and_other_commands_load_no_network_library() -> None:
    code = (
        "import sys; from seawall.cli.app import run; run(['fetch', '--help']); run(['models']); "
        "print([m for m in ('ccxt', 'requests', 'ssl') if m in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == "[]"
