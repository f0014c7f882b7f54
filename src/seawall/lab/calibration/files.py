"""Settings read from TOML, and calibrated presets written as it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from seawall.basics.errors import BadParameter
from seawall.feeds.files import as_path, read_text
from seawall.feeds.models import MAX_MODEL_BYTES, SUFFIX
from seawall.feeds.writing import require_free, unwritable, write_files
from seawall.lab.calibration.calibrate import Calibration
from seawall.lab.calibration.settings import CalibrationSettings


def read_settings(path: str | Path) -> CalibrationSettings:
    """The settings of a TOML file, each left out as it is by itself.

    Raises UnreadableFile, and BadParameter for a key that is unknown, of the wrong type or
    impossible.
    """
    file = as_path(path)
    try:
        table = tomllib.loads(read_text(file, "TOML", MAX_MODEL_BYTES))
        return msgspec.convert(table, CalibrationSettings)
    except (ValueError, RecursionError) as fault:  # not TOML, or not these settings
        raise BadParameter(
            f"the settings cannot be used: {fault}",
            where=file.name,
            remedy="Name settings as docs/calibration.md does.",
        ) from None


def preset_file(path: str | Path, *, overwrite: bool = False) -> Path:
    """The path, if a preset can be written there. Raises UnwritableFile."""
    file = as_path(path)
    if file.suffix.lower() != SUFFIX:
        raise unwritable(file, "a preset is TOML", f"End its name in {SUFFIX}.")
    require_free(file, overwrite=overwrite)
    return file


def write_preset(calibration: Calibration, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the preset whole or not at all; returns the file. Raises UnwritableFile."""
    file = preset_file(path, overwrite=overwrite)
    write_files({file: calibration.text.encode()})
    return file
