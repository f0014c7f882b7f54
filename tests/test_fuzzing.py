"""Every reader refuses mutated files in the package's own words, or margins what they say.

A sample of what `make fuzz` does at length, and what holds of the fuzzer itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seawall.basics.errors import BadNumber
from seawall.feeds import kinds, recognise
from seawall.feeds.files import form_of
from seawall.feeds.messages import open_message
from seawall.feeds.tables import open_table
from seawall.margin.presets import preset_names
from tests.fuzz import doors, plain, supervision, trial
from tests.fuzz.mutations import mutated
from tests.fuzz.seeds import Seed, seeds
from tests.fuzz.texts import MAX_BYTES

ROOT = Path(__file__).resolve().parent.parent
SEEDS = {f"{seed.door}: {seed.title} {at}": seed for at, seed in enumerate(seeds())}
A_TITLE = "a futures curve, csv"

# The same inputs in every run, some two and a half thousand in all.
sampled = settings(max_examples=30, derandomize=True, database=None, deadline=None)
each_title = pytest.mark.parametrize("title", trial.titles())


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / trial.INPUT


# -------------------------------------------------------------------------------- inputs


@each_title
def test_whatever_is_mutated_is_refused_or_read_and_margined(path, title):
    """And some is read: where every change is refused at a first look, nothing behind is tried."""
    chosen = trial.titled(title)
    found: set[str] = set()

    @sampled
    @given(number=st.integers(0, 2**32))
    def holds(number):
        base, content = trial.made(chosen, number, seed=0)
        found.add(trial.outcome(base.door, content, path))

    holds()
    assert found & {trial.READ, trial.MARGINED}
    assert title.startswith("names for completion") or found - {trial.READ, trial.MARGINED}


@pytest.mark.parametrize("door", doors.DOORS)
def test_any_bytes_are_refused_or_read(path, door):
    @settings(sampled, max_examples=40)
    @given(content=st.binary(max_size=200) | st.text(max_size=200).map(_encoded))
    def holds(content):
        trial.outcome(door, content, path)

    holds()


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# --------------------------------------------------------------------------------- seeds


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS.keys())
def test_every_seed_is_sound_and_margined(path, seed):
    told = trial.outcome(seed.door, seed.content, path)
    assert told == (trial.READ if seed.door in ("glance", "name", "time") else trial.MARGINED)


def of(door: str, *forms: str) -> set[str]:
    return {seed.kind for seed in seeds() if seed.door == door and seed.form in forms}


@pytest.mark.parametrize("form", ["csv", "gzip", "parquet", "excel"])
def test_every_kind_of_table_has_a_seed_in_every_form(form):
    assert of("quotes", form) == {kind.name for kind in kinds.MARKET_TABLES}


def test_every_kind_of_message_of_quotes_has_a_seed():
    assert of("quotes", "json") == {kind.name for kind in kinds.MARKET_MESSAGES}


def test_every_kind_of_book_has_a_seed():
    assert of("book", "json") == {kind.name for kind in kinds.BOOK_MESSAGES}
    assert of("book", "csv", "gzip", "excel") == set(kinds.BOOK_TABLES)


def test_every_preset_has_a_seed():
    assert {f"a model like {name}" for name in preset_names()} < of("model", "toml")


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS.keys())
def test_every_seed_is_recognised_as_its_kind(path, seed):
    if seed.door not in ("book", "quotes"):
        return
    path.write_bytes(seed.content)
    form = form_of(path)
    if form == "json":
        known = kinds.BOOK_MESSAGES if seed.door == "book" else kinds.MARKET_MESSAGES
        assert recognise.recognise(known, open_message(path), "x").name == seed.kind
    elif seed.door == "book":
        assert form == seed.kind
    else:
        columns = open_table(path).schema.names()
        assert recognise.recognise(kinds.MARKET_TABLES, columns, "x").name == seed.kind


# ----------------------------------------------------------------------------- mutations


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS.keys())
def test_a_mutation_follows_from_its_number_and_is_bounded(seed):
    def several(form: str) -> list[bytes]:
        return [mutated(seed.content, form, Random(number)) for number in range(20)]

    for form in (seed.form, "bytes"):
        found = several(form)
        assert found == several(form)
        assert len({*found, seed.content}) > 10
        assert max(map(len, found)) <= MAX_BYTES


@pytest.mark.parametrize("form", ["json", "gzip", "excel"])
@pytest.mark.parametrize("content", [b"", b"\0", b"{", b"[[[", b"PK\x03\x04", b"\x1f\x8b\x08"])
def test_what_is_of_no_form_is_mutated_all_the_same(form, content):
    for number in range(50):
        assert isinstance(mutated(content, form, Random(number)), bytes)


# ---------------------------------------------------------------------------- the fuzzer


def quotes_seed(kind: str, form: str) -> Seed:
    return next(s for s in seeds() if (s.door, s.kind, s.form) == ("quotes", kind, form))


@pytest.mark.parametrize(
    "raised",
    [ValueError("x"), MemoryError(), RecursionError(), UserWarning("x"), AssertionError("x")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_no_error_of_the_package_is_a_fault_that_is_kept(tmp_path, monkeypatch, raised):
    def broken(content: bytes, path: Path) -> bool:
        raise raised

    monkeypatch.setattr(trial, "DOORS", {"book": broken})
    tally = supervision.Tally()
    tally.put(trial.told("book", b"some\tinput\n", tmp_path))
    [fault] = tally.faults
    assert fault.startswith(f"{type(raised).__name__} at test_fuzzing.py:")
    assert (tally.inputs, tally.refused) == (1, 0)
    [kept] = tmp_path.glob("book-*")
    assert kept.read_bytes() == b"some\tinput\n"
    assert kept.name in fault


@pytest.mark.parametrize("what", ["a\nb", "\x1b[2J", ""])
def test_a_message_that_is_none_is_a_fault(tmp_path, monkeypatch, what):
    def broken(content: bytes, path: Path) -> bool:
        error = BadNumber("x", where="x", remedy="x")
        error.what, error.args = what, (what,)
        raise error

    monkeypatch.setattr(trial, "DOORS", {"book": broken})
    assert trial.told("book", b"", tmp_path).startswith(trial.FAULT)


def changed_reading(monkeypatch, door, name, change):
    reader = getattr(door, name)
    monkeypatch.setattr(door, name, lambda *given, **options: change(reader(*given, **options)))


def test_a_quantity_that_is_read_otherwise_than_it_is_written_is_a_fault(path, monkeypatch):
    def doubled(portfolios):
        return tuple(
            type(each)(
                account=each.account,
                positions=tuple(
                    type(held)(
                        instrument=held.instrument,
                        quantity=2 * held.quantity,
                        entry_price=held.entry_price,
                    )
                    for held in each.positions
                ),
            )
            for each in portfolios
        )

    changed_reading(monkeypatch, doors, "read_portfolios", doubled)
    with pytest.raises(AssertionError, match="not what the text says"):
        trial.outcome("book", b"instrument,quantity\nBTC,1\n", path)


def test_a_price_that_no_row_tells_is_a_fault(path, monkeypatch):
    changed_reading(monkeypatch, doors, "read_quotes", _moved)
    with pytest.raises(AssertionError, match="no row says"):
        trial.outcome("quotes", quotes_seed("a futures curve", "csv").content, path)


def _moved(quotes):
    for each in quotes:
        object.__setattr__(each, "mark", each.mark * 1.5)
    return quotes


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("1", 1), ("-0.5", -1 / 2), ("+1e3", 1000), (".5", 1 / 2), ("5.", 5), ("1E-2", 1 / 100)),
        *(("", None), (".", None), ("1e", None), ("e5", None), ("--1", None), ("1_0", None)),
        *(("٣", None), ("1e9999", None), ("NaN", None), ("1 0", None), ("1e+-2", None)),
    ],
)
def test_the_plain_reading_of_numbers(text, number):
    found = plain.number(text)
    assert found == number if number is None else float(found) == number


def test_the_plain_reading_of_rows():
    text = '\ufeffa, b\r\n"1,5","say ""x"""\n\n2,\n3,4'
    assert plain.rows(text) == [["a", "b"], ["1,5", 'say "x"'], ["2", ""], ["3", "4"]]


def fuzzed(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_a_table_and_keeps_nothing_of_what_went_well(tmp_path):
    done = fuzzed("--inputs", "60", "--only", A_TITLE, "--keep", str(tmp_path))
    assert done.returncode == 0, done.stderr
    *_, heads, row, total = done.stdout.splitlines()
    assert heads.split()[:5] == ["format", "inputs", "margined", "read", "refused"]
    inputs, margined, read, refused, faults, peak_mib = row.removeprefix(A_TITLE).split()[:6]
    assert (int(inputs), int(faults)) == (60, 0)
    assert int(margined) + int(read) + int(refused) == 60
    assert int(margined) > 10 < int(refused)
    assert 50 < int(peak_mib) < 4_096
    assert total.split()[:2] == ["all", "60"]
    assert [file.name for file in tmp_path.iterdir()] == [trial.INPUT]


@pytest.mark.skipif(not find_spec("atheris"), reason="atheris is not installed")
def test_the_command_follows_coverage(tmp_path):
    done = fuzzed("--guided", "--inputs", "40", "--only", A_TITLE, "--keep", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1].split()[1]) >= 40


BROKEN = """
import os, sys, time
from pathlib import Path
from tests.fuzz import trial, worker

calls = 0

def door(content, path):
    global calls
    calls += 1
    if calls == 3:  # of the first the seed
        {}

trial.DOORS = dict.fromkeys(trial.DOORS, door)
if __name__ == "__main__":
    worker.main(sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]))
"""


@pytest.mark.parametrize(
    ("ends", "why"),
    [
        ("os.kill(os.getpid(), 11)", "the process ended, status -11"),
        ("time.sleep(600)", "the process silent for 1 s"),
        ("bytearray(8 * 1024**3)", "MemoryError at"),
    ],
)
def test_a_process_that_ends_goes_silent_or_takes_memory_is_told(tmp_path, monkeypatch, ends, why):
    (tmp_path / "broken.py").write_text(BROKEN.format(ends))
    paths = [str(tmp_path), str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setattr(supervision, "LONGEST_S", 1.0)
    (tmp_path / "kept").mkdir()
    tally = supervision.tried(A_TITLE, supervision.Run("broken", 3, 1, tmp_path / "kept"))
    assert tally.inputs == 3
    [fault] = tally.faults
    assert fault.startswith(why)
    [kept] = (tmp_path / "kept").glob("quotes-*")
    assert kept.name in fault
    assert kept.read_bytes() == trial.made(trial.titled(A_TITLE), 1, seed=1)[1]
