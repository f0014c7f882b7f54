"""`python -m benchmarks.frontier`: what coverage costs under each model, to docs/frontier.*."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.frontier.data import shared_folder
from benchmarks.frontier.discussion import DISCUSSION
from benchmarks.frontier.parameters import ParameterResult
from benchmarks.frontier.picture import picture
from benchmarks.frontier.report import page
from benchmarks.frontier.run import RATES, ChainResult, Part, run, tuned
from benchmarks.frontier.tuning import TUNED, Score

DOCS = Path(__file__).parents[2] / "docs"
FIGURES = "frontier.json"
DIGITS = 6


class Found(msgspec.Struct, frozen=True):
    """What a run found."""

    parts: tuple[Part, ...]
    chains: tuple[ChainResult, ...]
    parameters: tuple[ParameterResult, ...]


def main(words: Sequence[str] | None = None) -> None:
    """Run, and write the page, the document and the picture."""
    parser = argparse.ArgumentParser(prog="benchmarks.frontier", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few books and models: does it run?")
    parser.add_argument("--tune", action="store_true", help="search for settings on training days")
    parser.add_argument("--page", action="store_true", help="only write anew what figures say")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder to write to")
    asked = parser.parse_args(words)
    folder = Path() if asked.page else shared_folder()
    if asked.tune:
        for each in tuned(folder):
            _say(_told(each))
        return
    if asked.page:
        found = msgspec.json.decode((asked.out / FIGURES).read_bytes(), type=Found)
    else:
        found = Found(*run(folder, TUNED, _say, quick=asked.quick))
    write(found, asked.out)


def write(found: Found, out: Path) -> None:
    """The page, the picture and the figures, in a folder."""
    out.mkdir(parents=True, exist_ok=True)
    panels = [
        (f"{part.name}, {part.losses}, 99 %", [r for r in part.results if r.rate == RATES[0]])
        for part in found.parts
    ]
    figures = msgspec.json.encode(_rounded(msgspec.to_builtins(found)))
    written = {
        "frontier.md": page(found.parts, found.chains, found.parameters, DISCUSSION),
        "frontier.svg": picture(panels),
        FIGURES: figures.decode() + "\n",
    }
    for name, text in written.items():
        (out / name).write_text(text, encoding="utf-8")


def _rounded(value: object) -> object:
    """Numbers to as many digits as they mean."""
    if isinstance(value, float):
        return round(value, DIGITS)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list | tuple) else value


def _told(each: Score) -> str:
    return (
        f"cost {each.cost_rel:.4f}, over limits {each.overstep:.3f}, "
        f"breach {each.breach_rate:.4f}, worst year {each.worst_year:.4f}, "
        f"peak/trough {each.peak_to_trough:.2f}, rises {each.rise_5:.2f} {each.rise_30:.2f}: "
        f"{each.settings}"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
