"""What a batch holds to: one name whatever the format, every row margined, inputs left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from textwrap import dedent

import polars as pl
import pytest

from seawall.basics.errors import InputError, UnwritableFile
from seawall.feeds.account_margins import margin_of_positions
from seawall.feeds.batch import run as batch
from seawall.feeds.batch.files import batch_files
from seawall.feeds.batch.run import margin_file
from seawall.margin.presets import load_preset
from tests.conftest import ROOT
from tests.many_positions import MARKET, many_positions, shuffled

ROWS = many_positions(60, 9)
SIZE = 100


def run(source: Path, out: Path, **options):
    return margin_file(source, MARKET, "prbm", batch_files(out), shard_positions=SIZE, **options)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    ROWS.write_parquet(tmp_path / "positions.parquet")
    return tmp_path / "positions.parquet"


def expected(rows: pl.DataFrame = ROWS) -> pl.DataFrame:
    return margin_of_positions(rows, MARKET, load_preset("prbm"))


# ---- names


@pytest.mark.parametrize("suffix", ["parquet", "csv", "arrow"])
def test_blanks_around_names_are_no_part_of_them(suffix: str, tmp_path: Path) -> None:
    """Whatever the format; the rows of an account that is written in two ways stand apart."""
    rows = pl.concat([ROWS[:4], ROWS[9:], ROWS[4:9]])
    blank = pl.when(pl.int_range(pl.len()) >= 300).then(pl.lit(" ")).otherwise(pl.lit(""))
    padded = rows.with_columns(
        account=blank + pl.col("account"), instrument=pl.col("instrument") + blank
    )
    source = tmp_path / f"positions.{suffix}"
    writers = {"parquet": padded.write_parquet, "csv": padded.write_csv, "arrow": padded.write_ipc}
    writers[suffix](source)
    run(source, tmp_path / "margins.parquet")
    assert pl.read_parquet(tmp_path / "margins.parquet").equals(expected(rows))


# ---- one batch at a time

WAITING = f"""
    import sys
    from pathlib import Path
    from seawall.feeds.batch.run import margin_file
    from seawall.feeds.batch.files import batch_files
    from tests.many_positions import MARKET

    def say(step, done, rows):
        if step == "margining" and done >= rows * 0.4:
            print("waiting", flush=True)
            sys.stdin.readline()

    files = batch_files(sys.argv[2])
    margin_file(Path(sys.argv[1]), MARKET, "prbm", files, say=say, shard_positions={SIZE})
"""


def waiting(source: Path, out: Path) -> subprocess.Popen[str]:
    """A batch in a process of its own that stops in the middle until it is sent a line."""
    paths = os.pathsep.join(map(str, (ROOT, *sys.path)))
    began = subprocess.Popen(
        [sys.executable, "-c", dedent(WAITING), str(source), str(out)],
        env=os.environ | {"PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert began.stdout is not None
    assert began.stdout.readline() == "waiting\n"
    return began


@pytest.mark.parametrize("restart", [False, True])
def test_a_result_that_another_process_writes_is_refused(
    restart: bool, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "margins.parquet"
    with waiting(source, out) as first:
        with pytest.raises(UnwritableFile, match="another seawall batch is writing") as found:
            run(source, out, restart=restart)
        assert "--out" in found.value.remedy
        run(source, tmp_path / "other.parquet")  # which nobody writes
        first.communicate("go on\n")
    assert first.returncode == 0
    assert pl.read_parquet(out).equals(expected())
    assert out.read_bytes() == (tmp_path / "other.parquet").read_bytes()
    assert {path.suffix for path in tmp_path.iterdir()} == {".parquet"}


def test_a_dead_process_keeps_nobody_out(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    with waiting(source, out) as first:
        first.kill()
    assert first.returncode == -signal.SIGKILL
    assert run(source, out).resumed_accounts > 0
    assert pl.read_parquet(out).equals(expected())


def test_a_folder_of_hidden_files_is_left_alone(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "margins.parquet.parts" / ".secret"
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    with pytest.raises(UnwritableFile, match="no folder of an unfinished batch"):
        run(source, tmp_path / "margins.parquet", restart=True)
    assert [path.name for path in mine.parent.iterdir()] == [".secret"]


# ---- every row


def test_a_heap_that_is_lost_is_dealt_anew(tmp_path: Path) -> None:
    source, out = tmp_path / "positions.parquet", tmp_path / "margins.parquet"
    rows = shuffled(ROWS)
    rows.write_parquet(source)
    with waiting(source, out) as first:
        first.kill()
    [lost] = (tmp_path / "margins.parquet.parts" / "dealt" / "000005").iterdir()
    lost.unlink()
    run(source, out)
    assert pl.read_parquet(out).equals(expected(rows))


@pytest.mark.parametrize("kept", ["copy.parquet", "dealt/*/*.parquet", "cut.json"])
@pytest.mark.parametrize("suffix", ["csv", "arrow"])
def test_what_is_kept_beside_shards_and_was_changed_is_made_anew(
    kept: str, suffix: str, tmp_path: Path
) -> None:
    """Of the same form and length, and with other numbers."""
    source, out = tmp_path / f"positions.{suffix}", tmp_path / f"margins.{suffix}"
    rows = ROWS if kept == "copy.parquet" else shuffled(ROWS)
    {"csv": rows.write_csv, "arrow": rows.write_ipc}[suffix](source)
    with waiting(source, out) as first:
        first.kill()
    files = list(out.with_name(f"{out.name}.parts").glob(kept))
    assert files
    for file in files:
        if file.suffix == ".json":
            file.write_bytes(file.read_bytes().replace(b'"ETH-', b'"BTC-'))
        else:
            changed = pl.read_parquet(file).with_columns(quantity=pl.col("quantity").reverse())
            changed.write_parquet(file)
    assert run(source, out).resumed_accounts > 0
    read = {"csv": pl.read_csv, "arrow": pl.read_ipc}[suffix]
    assert read(out).equals(expected(rows))


@pytest.mark.parametrize("name", ["000000.parquet", "000001.json"])
def test_a_finished_shard_that_was_changed_is_margined_anew(
    name: str, source: Path, tmp_path: Path
) -> None:
    """Of the same length and form, and with other numbers."""
    out = tmp_path / "margins.parquet"
    straight = run(source, tmp_path / "straight.parquet")
    with waiting(source, out) as first:
        first.kill()
    kept = tmp_path / "margins.parquet.parts" / "done" / name
    if name.endswith("json"):
        kept.write_bytes(kept.read_bytes().replace(b'"initial_cents":', b'"initial_cents":1'))
    else:
        pl.read_parquet(kept).with_columns(initial=0.0).write_parquet(kept)
    summary = run(source, out)
    assert summary.initial == straight.initial
    assert out.read_bytes() == (tmp_path / "straight.parquet").read_bytes()


# ---- inputs


def test_nothing_that_is_read_is_written_over(source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    with pytest.raises(UnwritableFile, match="which is this file"):
        margin_file(source, MARKET, "prbm", batch_files(source, overwrite=True))
    assert source.read_bytes() == before
    chain, model = tmp_path / "chain.csv", tmp_path / "house.arrow"
    for path in (chain, model):
        path.write_text("mine", encoding="utf-8")
        link = tmp_path / f"link{path.suffix}"
        link.symlink_to(path.name)
        for out in (path, link):
            with pytest.raises(UnwritableFile, match="which is this file"):
                batch_files(out, overwrite=True, inputs=[chain, model])
    kept = {"overwrite": True, "inputs": [chain, tmp_path / "reports" / "7%2Fa.json"]}
    for options in (
        {"keep_going": True, "rejected": chain},
        {"explain": ["7/a"], "explain_to": tmp_path / "reports"},
    ):
        with pytest.raises(UnwritableFile, match="which is this file"):
            batch_files(tmp_path / "margins.parquet", **kept, **options)


def test_nothing_is_kept_where_shards_are_thrown_away(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "margins.parquet"
    parts = tmp_path / "margins.parquet.parts"
    parts.mkdir()
    for options in (
        {"explain": ["7/a"], "explain_to": parts},
        {"keep_going": True, "rejected": parts / "bad.csv"},
        {"inputs": [parts / "chain.csv"]},
    ):
        with pytest.raises(UnwritableFile, match="thrown away"):
            batch_files(out, **options)
    moved = parts / "copy.parquet"
    source.rename(moved)
    with pytest.raises(UnwritableFile, match="thrown away"):
        margin_file(moved, MARKET, "prbm", batch_files(out), restart=True)
    assert moved.exists()


# ---- every account


@pytest.mark.parametrize("order", ["grouped", "shuffled"])
@pytest.mark.parametrize("lost", ["margined", "kept", "ordered", "twice"])
def test_a_result_that_would_lack_an_account_is_not_written(
    lost: str, order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever loses it: the arithmetic, or shards that are there and are not put together."""
    source, out = tmp_path / "positions.parquet", tmp_path / "margins.parquet"
    rows = ROWS if order == "grouped" else shuffled(ROWS)
    rows.write_parquet(source)
    margin_table, done_rows, in_order = batch.margin_table, batch.done_rows, batch._in_order
    changed = {
        "margined": ("margin_table", lambda *given: margin_table(*given)[1:]),
        "kept": ("done_rows", lambda *given: done_rows(*given)[1:]),
        "ordered": ("_in_order", lambda given: islice(in_order(given), 1, None)),
        "twice": ("done_rows", lambda *given: [*done_rows(*given)[:1], *done_rows(*given)]),
    }
    if (lost, order) == ("ordered", "shuffled"):
        monkeypatch.setattr(batch, "_ORDERED_ACCOUNTS", 7)
    with monkeypatch.context() as patch:
        patch.setattr(batch, *changed[lost])
        with pytest.raises(UnwritableFile, match=r"it would have \d+ of \d+ accounts") as found:
            run(source, out)
    assert "--restart" in found.value.remedy
    assert not out.exists()
    run(source, out, restart=True)
    assert pl.read_parquet(out).equals(expected(rows))


def test_one_name_and_one_path_are_never_taken_letter_by_letter(
    source: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnwritableFile, match="reads or writes"):
        batch_files(tmp_path / "a.parquet", inputs=str(tmp_path / "a.parquet"))
    files = batch_files(tmp_path / "a.parquet", explain="ann")
    assert list(files.reports) == ["ann"]
    for wrong in (None, "a.parquet"):
        with pytest.raises(InputError, match="batch_files"):
            margin_file(source, MARKET, "prbm", wrong)
