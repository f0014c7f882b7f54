"""All kernels of this room made ready ahead of their first call.

Whatever file the room has is looked at: a new one needs no word here.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from seawall.kernels import _jit


@dataclass(frozen=True, slots=True)
class Declared:
    """One kernel. ``folder`` is where its machine code is kept, None where none can be written."""

    name: str
    folder: Path | None
    _dispatcher: Any
    _signature: str

    def make_ready(self) -> bool:
        """Take it from disk, or compile and keep it; whether it had to be compiled."""
        _jit.compile_now(self._dispatcher, self._signature)
        return not self._dispatcher.stats.cache_hits


def declared() -> Sequence[Declared]:
    """The kernels of every file, in the order of their files; none where nothing is compiled."""
    room = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        import_module(f"{room}.{module.name}")
    return [*_declared(room)]


def _declared(room: str) -> Iterator[Declared]:
    for dispatcher, signature in sorted(_jit.DECLARED, key=lambda kernel: kernel[0].__module__):
        if dispatcher.__module__.startswith(f"{room}."):
            path = dispatcher.stats.cache_path
            folder = None if path is None else Path(path)
            yield Declared(dispatcher.__name__, folder, dispatcher, signature)
