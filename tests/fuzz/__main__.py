"""`make fuzz`: mutated inputs of every format, each format in a process, and a table of it all.

A fault is an error that is not the package's own, a warning, a wrong reading, a margin that cannot
be, a process that ends or says nothing for half a minute. Its input is kept; `--again FILE` tries
it once more.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.fuzz.supervision import Run, Tally, tried
from tests.fuzz.trial import INPUT, MARGINED, READ, outcome, titles

ROOT = Path(__file__).resolve().parents[2]
MOST_KINDS_SHOWN = 5


def main() -> int:
    """Run what the command line asks for. Returns 1 if there was a fault."""
    asked = arguments()
    if asked.again:
        return again(asked.again)
    chosen = [title for title in titles() if asked.only in title]
    if not chosen:
        raise SystemExit(f"no format has {asked.only!r} in its name")
    if asked.guided and find_spec("atheris") is None:
        raise SystemExit("atheris is not installed: leave out --guided")
    asked.keep.mkdir(parents=True, exist_ok=True)
    module = "tests.fuzz.guided" if asked.guided else "tests.fuzz.worker"
    run = Run(module, -(-asked.inputs // len(chosen)), asked.seed, asked.keep)
    print(f"{len(chosen)} formats, seed {asked.seed}, {module}")
    heads = ("inputs", "margined", "read", "refused", "faults", "peak MiB", "slowest s", "seconds")
    print(f"{'format':<52}" + "".join(f"{head:>10}" for head in heads))
    started, total = time.monotonic(), Tally()
    for title in chosen:
        began, tally = time.monotonic(), tried(title, run)
        print(row(title, tally, time.monotonic() - began), flush=True)
        for why, times in Counter(tally.faults).most_common(MOST_KINDS_SHOWN):
            print(f"    {times} x {why}", flush=True)
        total.add(tally)
    print(row("all", total, time.monotonic() - started))
    return 1 if total.faults else 0


def row(title: str, tally: Tally, seconds: float) -> str:
    """A line of the table."""
    of = tally.outcomes
    counts = (tally.inputs, of[MARGINED], of[READ], tally.refused, len(tally.faults))
    cells = [f"{count:>10,}" for count in (*counts, tally.peak_mib)]
    return f"{title:<52}" + "".join(cells) + f"{tally.slowest_s:>10.2f}{seconds:>10.0f}"


def again(file: Path) -> int:
    """Put a kept input through its door once more, which is the beginning of its name."""
    warnings.simplefilter("error")
    with TemporaryDirectory() as folder:
        print(outcome(file.name.partition("-")[0], file.read_bytes(), Path(folder) / INPUT))
    return 0


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="of all formats together")
    parser.add_argument("--seed", type=int, default=1, help="another one makes other inputs")
    parser.add_argument("--only", default="", help="formats with this in their name")
    parser.add_argument("--guided", action="store_true", help="follow coverage, with atheris")
    parser.add_argument("--keep", type=Path, default=ROOT / ".fuzz", help="folder for faults")
    parser.add_argument("--again", type=Path, help="a kept input, to see its fault")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
