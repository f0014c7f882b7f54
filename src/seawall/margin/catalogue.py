"""The texts of the presets that ship with the package, by name.

This is the one file of the core that reads resources. It loads nothing else, so that a shell can be
told the names at once.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from seawall.basics.errors import UnknownModel
from seawall.basics.nearest import did_you_mean, nearest_name

_MODELS = files("seawall.margin") / "models"


@cache
def preset_names() -> tuple[str, ...]:
    """Names of all presets, sorted."""
    names = (entry.name for entry in _MODELS.iterdir())
    return tuple(sorted(name[:-5] for name in names if name.endswith(".toml")))


def preset_text(name: str) -> str:
    """The TOML of the preset of that name. Raises UnknownModel."""
    require_preset(name, "model name")
    return (_MODELS / f"{dated_name(name)}.toml").read_text(encoding="utf-8")


def dated_name(name: str) -> str:
    """The newest of the presets that are called so but for a date, as ``deribit-pm`` is short for
    the last of ``deribit-pm-2024-06`` and the like; any other name as it is.
    """
    dated = re.compile(rf"{re.escape(name)}-\d{{4}}-\d{{2}}")
    known = preset_names()
    return name if name in known else max(filter(dated.fullmatch, known), default=name)


def require_preset(name: str, where: str) -> None:
    """Raise UnknownModel, which says ``where`` it stands, if no preset has that name."""
    known = preset_names()
    if dated_name(name) not in known:
        remedy = f"Choose one of: {', '.join(known)}; or read a file with read_model."
        raise UnknownModel(
            f"no model is called {name!r}",
            where=where,
            remedy=did_you_mean(nearest_name(name, known), remedy),
        )
