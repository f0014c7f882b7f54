"""Models in files of one's own: TOML in the form of the presets that ship with the package."""

from __future__ import annotations

from pathlib import Path

from seawall.basics.errors import BadParameter
from seawall.feeds.files import as_path, read_text, unreadable
from seawall.margin.catalogue import dated_name
from seawall.margin.model import MarginModel
from seawall.margin.presets import parse_model, preset_names

SUFFIX = ".toml"

MAX_MODEL_BYTES = 1024**2
MAX_LINE = 2_000
"""Characters of a line: of one key nested by points, a parser's work grows with the square."""


def read_model(path: str | Path) -> MarginModel:
    """The model of a TOML file, which may take over presets and parts of them with ``from``.

    Raises UnreadableFile, also for one larger than any model, and BadParameter and UnknownModel
    naming the file and the key; BadParameter too for one that bears the name of a preset.
    """
    file = as_path(path)
    text = read_text(file, "TOML", MAX_MODEL_BYTES)
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_LINE:
            why = f"row {number} has more than {MAX_LINE:,} characters"
            raise unreadable(file, why, "Write it in several lines.")
    model = parse_model(text, file.name)
    if dated_name(model.name) in preset_names():
        raise BadParameter(
            f"it is called {model.name!r}, as a preset is",
            where=f"{file.name}: name",
            remedy="Give it a name of its own.",
        )
    return model
