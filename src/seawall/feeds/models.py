"""Models in files of one's own: TOML in the form of the presets that ship with the package."""

from __future__ import annotations

from pathlib import Path

from seawall.feeds.files import as_path, read_text
from seawall.margin.model import MarginModel
from seawall.margin.presets import parse_model

SUFFIX = ".toml"


def read_model(path: str | Path) -> MarginModel:
    """The model of a TOML file, which may take over presets and parts of them with ``from``.

    Raises UnreadableFile, and BadParameter and UnknownModel naming the file and the key.
    """
    file = as_path(path)
    return parse_model(read_text(file, "TOML"), file.name)
