"""Batches that end in the middle, by a signal, a full disk or another file, and memory's bound.

What dies dies for real: in a process of its own, killed while it runs.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import polars as pl
import pytest

import seawall as sw
from seawall.basics.errors import InputError, UnreadableFile, UnwritableFile
from seawall.feeds.account_margins import margin_of_positions
from seawall.feeds.batch.files import batch_files
from seawall.feeds.batch.run import margin_file
from seawall.feeds.digests import digest_of, digest_of_file
from seawall.margin.presets import load_preset, preset_names
from tests.conftest import ROOT
from tests.many_positions import MARKET, many_positions, shuffled

ROWS = many_positions(60, 9)
SIZE = 100


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return written(ROWS, tmp_path)


def written(rows: pl.DataFrame, folder: Path) -> Path:
    rows.write_parquet(folder / "positions.parquet")
    return folder / "positions.parquet"


def run(source: Path, out: Path, market: sw.MarketSnapshot = MARKET, **options):
    files = batch_files(out, keep_going=options.pop("keep_going", False))
    return margin_file(source, market, "prbm", files, **({"shard_positions": SIZE} | options))


def interrupted(source: Path, out: Path, **options) -> Path:
    """Interrupt a run when some shards are done; the folder that it leaves."""

    def say(step: str, done: int, rows: int) -> None:
        if step == "margining" and done >= rows * 0.4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(source, out, say=say, **options)
    assert not out.exists()
    return out.with_name(f"{out.name}.parts")


def process(script: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script in a process of its own, after the imports that all of them need."""
    head = """
        import os, resource, signal, sys
        from pathlib import Path
        from seawall.feeds.batch.run import margin_file
        from seawall.feeds.batch.files import batch_files
        from tests.many_positions import MARKET

        source, out = map(Path, sys.argv[1:3])
    """
    paths = os.pathsep.join(map(str, (ROOT, *sys.path)))
    return subprocess.run(
        [sys.executable, "-c", dedent(head) + dedent(script), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": paths} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


KILLED = f"""
    def say(step, done, rows):
        if step == sys.argv[3] and done >= rows * 0.4:
            os.kill(os.getpid(), signal.SIGKILL)

    margin_file(source, MARKET, "prbm", batch_files(out), say=say, shard_positions={SIZE})
"""


# ---- killed


@pytest.mark.parametrize(
    ("order", "step"),
    [
        ("grouped", "reading"),
        ("grouped", "margining"),
        ("apart", "dealing"),
        ("apart", "margining"),
    ],
)
def test_a_killed_run_goes_on_to_the_same_bytes(order: str, step: str, tmp_path: Path) -> None:
    rows = ROWS if order == "grouped" else shuffled(ROWS)
    source, out = written(rows, tmp_path), tmp_path / "margins.parquet"
    ended = process(KILLED, source, out, step)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not out.exists()
    assert out.with_name("margins.parquet.parts").is_dir()
    summary = run(source, out)
    assert (summary.resumed_accounts > 0) == (step == "margining")
    run(source, tmp_path / "straight.parquet")
    assert out.read_bytes() == (tmp_path / "straight.parquet").read_bytes()
    expected = margin_of_positions(rows, MARKET, load_preset("prbm"))
    assert pl.read_parquet(out).equals(expected)
    assert summary.accounts == 60
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}


def test_an_interrupted_run_of_csv_goes_on(tmp_path: Path) -> None:
    source, out = tmp_path / "positions.csv", tmp_path / "margins.parquet"
    ROWS.write_csv(source)
    interrupted(source, out)
    assert run(source, out).resumed_accounts > 0
    assert pl.read_parquet(out).equals(margin_of_positions(ROWS, MARKET, load_preset("prbm")))


def test_bad_rows_of_finished_shards_are_listed_after_all(tmp_path: Path) -> None:
    bad = pl.col("account").is_in(["1/a", "58/a"])
    rows = ROWS.with_columns(quantity=pl.when(bad).then(None).otherwise("quantity"))
    source, out = written(rows, tmp_path), tmp_path / "margins.parquet"
    interrupted(source, out, keep_going=True)
    summary = run(source, out, keep_going=True)
    assert 0 < summary.resumed_accounts < 58
    assert (summary.accounts, summary.rejected_accounts) == (58, 2)
    listed = pl.read_csv(tmp_path / "margins.rejected.csv")
    assert listed["account"].unique(maintain_order=True).to_list() == ["1/a", "58/a"]


def test_a_shard_that_is_not_whole_is_margined_again(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    done = interrupted(source, out) / "done"
    first, *_ = sorted(done.glob("*.json"))
    first.write_bytes(first.read_bytes()[:20])
    last = sorted(done.glob("*.parquet"))[-1]
    last.write_bytes(last.read_bytes()[:-30])
    run(source, out)
    run(source, tmp_path / "straight.parquet")
    assert out.read_bytes() == (tmp_path / "straight.parquet").read_bytes()


# ---- other inputs


def test_other_inputs_are_refused_and_begin_anew_when_asked(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    interrupted(source, out)
    other = sw.synthetic_market(seed=5)
    with pytest.raises(InputError, match=r"of other inputs \(market\)") as found:
        run(source, out, other)
    assert "--restart" in found.value.remedy
    many_positions(61, 9).write_parquet(source)
    with pytest.raises(InputError, match=r"\(positions, market, keep going\)"):
        run(source, out, other, keep_going=True)
    assert run(source, out, restart=True).resumed_accounts == 0
    assert len(pl.read_parquet(out)) == 61


def test_restart_margins_every_account_again(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    interrupted(source, out)
    assert run(source, out, restart=True).resumed_accounts == 0


def test_the_same_positions_under_another_time_or_name_go_on(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    interrupted(source, out)
    moved = shutil.copy(source, tmp_path / "moved.parquet")
    assert run(Path(moved), out).resumed_accounts > 0


@pytest.mark.parametrize("restart", [False, True])
def test_a_folder_of_somebody_else_is_left_alone(
    restart: bool, source: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "margins.parquet.parts" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("years of work", encoding="utf-8")
    with pytest.raises(UnwritableFile, match="no folder of an unfinished batch"):
        run(source, tmp_path / "margins.parquet", restart=restart)
    assert mine.read_text(encoding="utf-8") == "years of work"


def test_a_file_that_is_replaced_meanwhile_is_an_error(source: Path, tmp_path: Path) -> None:
    def say(step: str, done: int, rows: int) -> None:
        if step == "margining" and done < rows:
            many_positions(70, 9, seed=9).write_parquet(tmp_path / "new.parquet")
            (tmp_path / "new.parquet").replace(source)

    with pytest.raises(UnreadableFile, match="changed while it was read"):
        run(source, tmp_path / "margins.parquet", say=say)
    assert not list(tmp_path.glob("margins*"))


def test_digests_are_of_numbers_and_of_nothing_else(tmp_path: Path) -> None:
    models = [load_preset(name) for name in preset_names()]
    assert len({digest_of(model) for model in models}) == len(models)
    assert digest_of(sw.synthetic_market()) == digest_of(MARKET)
    script = "from seawall.feeds.digests import digest_of; print(digest_of(MARKET))"
    assert process(script, "-", "-", PYTHONHASHSEED="7").stdout.strip() == digest_of(MARKET)
    told = dict(MARKET.index_usd)
    moved = {**told, "BTC": told["BTC"] * (1 + 1e-15)}
    assert digest_of(replace(MARKET, index_usd=moved)) != digest_of(MARKET)
    backwards = dict(reversed(told.items()))
    assert digest_of(replace(MARKET, index_usd=backwards)) == digest_of(MARKET)
    (tmp_path / "one").write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of_file(tmp_path / "one") == known
    with pytest.raises(TypeError, match="object has no digest"):
        digest_of(object())


# ---- the machine's limits


def test_a_disk_that_refuses_leaves_what_is_done(source: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk."""
    out = tmp_path / "margins.parquet"
    script = f"""
        from seawall.basics.errors import UnwritableFile

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        def say(step, done, rows):
            if step == "margining" and done >= rows * 0.4:
                resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))

        try:
            margin_file(source, MARKET, "prbm", batch_files(out), say=say, shard_positions={SIZE})
        except UnwritableFile as error:
            sys.exit(str(error))
    """
    ended = process(script, source, out)
    assert (ended.returncode, "cannot be written" in ended.stderr) == (1, True), ended.stderr
    assert not out.exists()
    summary = run(source, out)
    assert summary.resumed_accounts > 0
    run(source, tmp_path / "straight.parquet")
    assert out.read_bytes() == (tmp_path / "straight.parquet").read_bytes()


def peak_mib(rows: pl.DataFrame, folder: Path) -> float:
    """The most memory that a run over rows takes, in shards of 250,000 positions."""
    source, out = folder / "positions.parquet", folder / "margins.parquet"
    rows.write_parquet(source)
    script = """
        margin_file(source, MARKET, "prbm", batch_files(out), threads=2, shard_positions=250_000)
        # What getrusage tells begins with the memory of whoever started this process.
        [peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
        print(peak.split()[1])
    """
    ended = process(script, source, out)
    assert ended.returncode == 0, ended.stderr
    assert len(pl.read_parquet(out)) == rows["account"].n_unique()
    source.unlink()
    out.unlink()
    return int(ended.stdout) / 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is told by Linux")
@pytest.mark.parametrize("order", ["grouped", "shuffled"])
def test_memory_is_bounded_by_the_shard_and_not_by_the_file(order: str, tmp_path: Path) -> None:
    """To margin three million positions more at once would take half a gigabyte more.

    Allocators keep what they may need again, on a busy machine up to 150 MiB of it.
    """
    few, many = many_positions(50_000, 20), many_positions(200_000, 20)
    if order == "shuffled":
        few, many = shuffled(few), shuffled(many)
    less, more = peak_mib(few, tmp_path), peak_mib(many, tmp_path)
    assert more - less < 300.0, (less, more)
