"""Answers of another form than a venue's documents describe, and the file that is written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seawall.basics.errors import SeawallError, UnwritableFile, VenueError
from seawall.feeds.fetch import fetch_chain, fetch_positions
from seawall.feeds.fetched import Fetched, write_fetched
from seawall.feeds.venues import Venue
from seawall.feeds.venues.connection import Patience
from seawall.feeds.writing import write_files
from tests.venues import deribit
from tests.venues.account import AT_ONCE, KEY, PASSPHRASE, SECRET, VENUES, environment
from tests.venues.fixtures import at_once  # noqa: F401
from tests.venues.server import Answer, Reply, Request, serving

pytestmark = pytest.mark.usefixtures("at_once")
ALL = pytest.mark.parametrize("venue", list(Venue))
NO_PATIENCE = Patience(repeats=0)

# ---- answers of another form

GARBAGE = [
    "",
    "null",
    "7",
    '"text"',
    "[]",
    "{}",
    "{",
    "[[]]",
    "<html></html>",
    "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
    "[" * 100_000,
    *(
        json.dumps({"code": "0", "retCode": 0, "time": 1, "result": part, "data": part})
        for part in (None, 7, "text", [], {}, [7], [None], [{}], [[]], {"list": [{}]}, {"list": 7})
    ),
]


@ALL
@pytest.mark.parametrize("body", GARBAGE)
def test_garbage_is_a_venue_error(venue: Venue, body: str) -> None:
    with serving({"*": lambda _: Reply(body)}) as server:
        env = environment(venue, server.url)
        with pytest.raises(VenueError):
            fetch_chain(venue, ("BTC",), env, patience=NO_PATIENCE)
        with pytest.raises(VenueError):
            fetch_positions(venue, env, patience=NO_PATIENCE)


def asking(venue: Venue, env: dict[str, str]) -> tuple[Callable[[], Fetched], ...]:
    """To fetch a chain, and to fetch positions, each request but once."""
    return (
        lambda: fetch_chain(venue, ("BTC",), env, patience=NO_PATIENCE),
        lambda: fetch_positions(venue, env, patience=NO_PATIENCE),
    )


ANSWERS = {venue: VENUES[venue].account_answers() for venue in Venue}


@pytest.mark.parametrize(("venue", "path"), [(v, p) for v in Venue for p in ANSWERS[v]])
def test_an_answer_that_stops_in_the_middle_is_a_venue_error(venue: Venue, path: str) -> None:
    """Whichever it is of those that a file is made of."""

    def half(request: Request) -> Reply:
        text = ANSWERS[venue][path](request).content.decode()
        return Reply(text[: len(text) // 2])

    with serving({**ANSWERS[venue], path: half}) as server:
        env = environment(venue, server.url)
        chain, positions = asking(venue, env)
        ask = chain if path in VENUES[venue].chain_answers() else positions
        with pytest.raises(VenueError, match=f"{venue} answers in a form .* Try again"):
            ask()
    assert server.asked(path)


NEEDED = {
    "deribit": ("size", "floating_profit_loss"),
    "okx": ("pos", "avgPx"),
    "bybit": ("size", "avgPrice"),
}


@pytest.mark.parametrize(("venue", "key"), [(v, key) for v in Venue for key in NEEDED[v]])
def test_a_position_without_size_or_entry_is_not_left_out(venue: Venue, key: str) -> None:
    """Neither a position that is not told nor a loss may be missing from a book unseen."""
    path = positions_path(venue)

    def answer(request: Request) -> Reply:
        text = json.dumps(ANSWERS[venue][path](request).body)
        return Reply(re.sub(rf'"{key}": ("[^"]*"|[-\d.]+)', f'"{key}": null', text))

    with serving({**ANSWERS[venue], path: answer}) as server:
        _, positions = asking(venue, environment(venue, server.url))
        with pytest.raises(VenueError, match=f"{venue} answers in a form"):
            positions()


def positions_path(venue: Venue) -> str:
    [path] = [path for path in ANSWERS[venue] if re.search(r"/(get_)?positions?(/list)?$", path)]
    return path


NUMBER = re.compile(r'(?<!"code": )"-?\d+\.?\d*"|(?<=: )-?\d+\.\d+')


@ALL
@pytest.mark.parametrize(
    "absurd", ["1e999999999", "0E-999999999", "-.5e+999999999", " 1e 99999999"]
)
def test_a_number_of_a_billion_digits_is_not_written_out(venue: Venue, absurd: str) -> None:
    """Wherever a number stands in the rows of positions."""
    path = positions_path(venue)

    def answer(request: Request) -> Reply:
        text = json.dumps(ANSWERS[venue][path](request).body)
        return Reply(NUMBER.sub(f'"{absurd}"', text))

    with serving({**ANSWERS[venue], path: answer}) as server:
        _, positions = asking(venue, environment(venue, server.url))
        with pytest.raises(VenueError, match=f"{venue} answers in a form .* Try again"):
            positions()


NO_PRICES = {
    "deribit": ("public/get_book_summary_by_currency", {"result": []}),
    "okx": ("public/mark-price", {"code": "0", "data": []}),
    "bybit": ("market/tickers", {"retCode": 0, "time": 1, "result": {"list": []}}),
}


@ALL
def test_a_chain_without_prices_is_a_venue_error(venue: Venue) -> None:
    """Contracts that are listed and not quoted make no file that nothing can be margined in."""
    path, empty = NO_PRICES[venue]
    [path] = [known for known in ANSWERS[venue] if known.endswith(path)]
    with serving({**ANSWERS[venue], path: lambda _: Reply(empty)}) as server:
        env = environment(venue, server.url)
        with pytest.raises(VenueError, match=f"{venue} shows no price of any contract on BTC"):
            fetch_chain(venue, ("BTC",), env, patience=NO_PATIENCE)


def paths_in(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The place of everything in a document, itself first."""
    keys: Any = ()
    if isinstance(document, dict):
        keys = document
    elif isinstance(document, list):
        keys = range(len(document))
    inner = [found for key in keys for found in paths_in(document[key], (*path, key))]
    return [path, *inner]


JUNK = [
    *(
        None,
        "",
        "x",
        "NaN",
        "1e999",
        "1e999999999",
        "0e-99999999",
        "-1",
        0,
        -5,
        1e300,
        10**400,
        True,
    ),
    *([], {}, [None], "\x00"),
]


def damaged(answer: Answer, draw: Callable[[list[Any]], Any]) -> Answer:
    """The same answers with one value in each replaced by junk, or left out."""

    def broken(request: Request) -> Reply:
        document = json.loads(answer(request).content)
        path = draw(paths_in(document)[1:])
        place = document
        for key in path[:-1]:
            place = place[key]
        if draw([False, True]):
            place[path[-1]] = draw(JUNK)
        else:
            del place[path[-1]]
        return Reply(document)

    return broken


@ALL
@given(which=st.integers(0, 99), seed=st.integers(0, 2**32))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_answers_are_refused_or_give_a_file(venue: Venue, which: int, seed: int) -> None:
    """One answer of the several is damaged in one place; no other error than ours comes out."""
    answers = dict(VENUES[venue].account_answers())
    path = sorted(answers)[which % len(answers)]
    answers[path] = damaged(answers[path], Random(seed).choice)
    with serving(answers) as server:
        env = environment(venue, server.url)
        for ask in asking(venue, env):
            said = written_or_said(ask)
            assert not any(secret in said for secret in (KEY, SECRET, PASSPHRASE))


def written_or_said(ask: Callable[[], Fetched]) -> str:
    """The file, which must read back as it was, or the words of the error."""
    try:
        fetched = ask()
    except SeawallError as error:
        return str(error)
    content = msgspec.json.encode(fetched)
    assert msgspec.json.decode(content, type=Fetched) == fetched
    return content.decode()


# ---- files


def test_a_file_is_replaced_whole_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "chain.json"
    path.write_text("what was there before", encoding="utf-8")
    with serving(deribit.chain_answers()) as server:
        env = {"SEAWALL_DERIBIT_URL": server.url}
        fetched = fetch_chain(Venue.DERIBIT, ("BTC",), env, patience=AT_ONCE)
    with pytest.raises(UnwritableFile, match="overwrite"):
        write_fetched(fetched, path)
    assert write_fetched(fetched, path, overwrite=True) == path.stat().st_size
    assert msgspec.json.decode(path.read_bytes(), type=Fetched) == fetched
    assert path.read_bytes().endswith(b"}\n")
    assert os.listdir(tmp_path) == ["chain.json"]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["absent/chain.json", "folder"])
def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnwritableFile, match=name):
        write_files({tmp_path / name: b"content"})
    assert os.listdir(tmp_path) == ["folder"]
    assert os.listdir(tmp_path / "folder") == []


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    path, link = tmp_path / "data" / "chain.json", tmp_path / "latest.json"
    path.write_text("what was there before", encoding="utf-8")
    link.symlink_to(path)
    write_files({link: b"content"})
    assert link.is_symlink()
    assert path.read_bytes() == b"content"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UnwritableFile, match=r"stands there is no file"):
        write_files({pipe: b"content"})
    assert pipe.is_fifo()


def test_an_interrupt_while_writing_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chain.json"
    path.write_text("what was there before", encoding="utf-8")

    def interrupted(self: Path, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files({path: b"half"})
    assert os.listdir(tmp_path) == ["chain.json"]
    assert path.read_text(encoding="utf-8") == "what was there before"
