"""As worker.py, with inputs that follow what code they reach: atheris, where it is installed.

`python -W error -m tests.fuzz.guided TITLE FIRST LAST SEED FOLDER`.
"""

from __future__ import annotations

import io
import pkgutil
import sys
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import atheris

from seawall import kernels

# What is compiled cannot be instrumented, so it is loaded before.
for kernel in pkgutil.iter_modules(kernels.__path__):
    import_module(f"{kernels.__name__}.{kernel.name}")

with redirect_stderr(io.StringIO()), atheris.instrument_imports(include=["seawall"]):
    from tests.fuzz.mutations import mutated
    from tests.fuzz.texts import MAX_BYTES
    from tests.fuzz.trial import titled, told
    from tests.fuzz.worker import begun

# How many inputs in ten are changed by libFuzzer itself, and begin with a sound one anew: what is
# changed time and again is refused at the door.
_BLIND_TENTHS, _SOUND_TENTHS = 2, 3


def main(title: str, first: int, last: int, seed: int, folder: Path) -> None:
    """Try so many inputs as lie between ``first`` and ``last``; the process ends with the last."""
    say = begun(title, folder)
    chosen = titled(title)
    [door], [form] = {base.door for base in chosen}, {base.form for base in chosen}
    # What the fuzzer has made of parquet is no table any more.
    form = "bytes" if form == "parquet" else form

    def change(content: bytes, most: int, number: int) -> bytes:
        rng = Random(number)
        tenth = rng.randrange(10)
        if tenth < _BLIND_TENTHS:
            return atheris.Mutate(content, most)
        if tenth < _BLIND_TENTHS + _SOUND_TENTHS:
            base = rng.choice(chosen)
            return mutated(base.content, base.form, rng)[:most]
        return mutated(content, form, rng)[:most]

    with TemporaryDirectory() as corpus:
        for number, base in enumerate(chosen):
            (Path(corpus) / str(number)).write_bytes(base.content)
        options = {"runs": last - first, "seed": seed, "max_len": MAX_BYTES, "detect_leaks": 0}
        options |= {"rss_limit_mb": 0, "len_control": 0}
        atheris.Setup(
            [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), corpus],
            lambda content: say(told(door, content, folder)),
            custom_mutator=change,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]))
