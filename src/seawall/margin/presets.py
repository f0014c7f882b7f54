"""The presets that ship with the package, and other texts in their form, as models.

A part may be taken over from another preset, which may itself have taken it over, whole or with
some of its keys given anew:
``classes = { from = "prbm" }``, ``collateral = { from = "prbm", spot = "outside" }``. A preset that
begins with ``from = "prbm"`` takes over every part that it does not write itself, and the status of
each; its name, title, date and source are its own.

``hybrid:cross`` is the preset ``hybrid`` with ``cross`` as its second model.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from typing import Any, cast

import msgspec

from seawall.basics.errors import BadParameter
from seawall.margin.bounds import SIDES, bounded, chosen_value
from seawall.margin.catalogue import preset_names, preset_text, require_preset
from seawall.margin.model import MarginModel, UnknownCoefficient
from seawall.margin.refusals import at_line, path_of, refused

__all__ = ["load_preset", "parse_model", "preset_names", "with_second"]


@cache
def load_preset(name: str) -> MarginModel:
    """The preset of that name, before a colon; after one, the second model of a hybrid.

    Raises UnknownModel, and BadParameter for a second model where there is none to replace.
    """
    first, colon, second = name.partition(":")
    model = parse_model(preset_text(first), f"{first}.toml")
    return with_second(model, load_preset(second)) if colon else model


def with_second(model: MarginModel, second: MarginModel) -> MarginModel:
    """A hybrid with another second model. Raises BadParameter for a model that is no hybrid."""
    if model.second is None:
        raise BadParameter(
            f"{model.name} is no hybrid: it has no second model",
            where=f"model name {model.name}:{second.name}",
            remedy=f"Write hybrid:{second.name}, or {model.name} alone.",
        )
    name = f"{model.name}:{second.name}"
    return msgspec.structs.replace(model, name=name, second=second)


def parse_model(text: str, where: str) -> MarginModel:
    """A model from the text of a preset; ``where`` names it in messages.

    Raises BadParameter naming the key that is unknown, missing or of the wrong type, or the part
    that presets take from each other in a circle, and UnknownModel if a part is taken from a
    preset that does not exist.
    """
    table = _load(text, where)
    try:
        model = msgspec.convert(table, MarginModel)
    except msgspec.ValidationError as fault:
        raise refused(fault, text, where) from None
    except BadParameter as fault:
        raise at_line(fault, text, where, path_of(table, fault)) from None
    try:
        for unknown in model.unknowns:
            _check_unknown(model, unknown)
        for side in SIDES:
            bounded(model, side)
    except BadParameter as fault:
        raise at_line(fault, text, where, ("unknowns",)) from None
    if model.eligibility is not None:
        require_preset(model.eligibility.otherwise, f"{where}: eligibility.otherwise")
    return model


def _check_unknown(model: MarginModel, unknown: UnknownCoefficient) -> None:
    """Raises BadParameter for a choice that is not between its ends, and for a key of no number."""
    chosen = chosen_value(model, unknown.key)
    if not min(unknown.lower, unknown.upper) <= chosen <= max(unknown.lower, unknown.upper):
        raise BadParameter(
            f"{unknown.key} is {chosen:g}, not between {unknown.lower:g} and {unknown.upper:g}",
            where="unknowns",
            remedy="Choose a number between its ends, or widen them.",
        )


# What a preset says of itself; nobody else's numbers may go by it.
_IDENTITY = ("name", "title", "as_of", "source")


def _load(text: str, where: str, passed: tuple[str, ...] = ()) -> dict[str, Any]:
    """A preset's table with every part followed through; ``passed`` are the presets it is for."""
    try:
        table = tomllib.loads(text)
    except ValueError as fault:  # not TOML, or a number of thousands of digits
        raise BadParameter(
            f"the preset is not TOML: {fault}", where=where, remedy="Correct the file."
        ) from None
    except RecursionError:
        raise BadParameter(
            "the preset is nested too deeply", where=where, remedy="Write it as the presets are."
        ) from None
    unknown = min(table.keys() - {*MarginModel.__struct_fields__, "from"}, default=None)
    if unknown is not None:
        fault = BadParameter(
            f"a model has no part {unknown!r}", where="preset", remedy="Correct or remove the key."
        )
        raise at_line(fault, text, where, (unknown,))
    taken: dict[str, Any] = {}
    base = table.pop("from", None)
    if base is not None:
        taken = _whole(str(base), "the whole preset", where, passed)
        taken = {part: value for part, value in taken.items() if part not in _IDENTITY}
        tags = table.pop("status", {})
        changed = table.keys() - tags.keys() - {*_IDENTITY, "second", "unknowns"}
        _refuse_untagged(changed, text, where)
        taken["status"] |= tags
    if isinstance(table.get("second"), str):
        table["second"] = _whole(table["second"], "part 'second'", where, passed)
    own = {part: _resolve(value, part, where) for part, value in table.items()}
    return taken | own


def _refuse_untagged(parts: Iterable[str], text: str, where: str) -> None:
    """Changed numbers do not go by the tags of the preset that they come from."""
    part = min(parts, default=None)
    if part is not None:
        fault = BadParameter(
            f"part {part!r} is changed and its status is not given",
            where="preset",
            remedy=f'Add to [status] {part} = "unknown", "secondary", "official" or "verified".',
        )
        raise at_line(fault, text, where, (part,))


def _whole(name: str, what: str, where: str, passed: tuple[str, ...]) -> dict[str, Any]:
    """Every part of another preset, for ``what`` of this one."""
    _refuse_circle(name, passed, what, where)
    return _load(preset_text(name), f"{name}.toml", (*passed, name))


def _refuse_circle(name: str, passed: tuple[str, ...], what: str, where: str) -> None:
    if name in passed:
        raise BadParameter(
            f"{what} is taken in a circle: {' from '.join((*passed, name))}",
            where=where,
            remedy="Write it out in one of them.",
        )


def _resolve(value: Any, part: str, where: str, passed: tuple[str, ...] = ()) -> Any:
    """A part's value, followed through every ``from``; ``passed`` are the presets asked so far."""
    if not isinstance(value, dict):
        return value
    own = cast("dict[str, Any]", value).copy()
    if "from" not in own:
        return own
    name = str(own.pop("from"))
    _refuse_circle(name, passed, f"part {part!r}", where)
    table = tomllib.loads(preset_text(name))
    if part not in table:
        raise BadParameter(
            f"preset {name!r} has no part {part!r}", where=where, remedy="Write the part out."
        )
    taken = _resolve(table[part], part, where, (*passed, name))
    if not own:
        return taken
    if not isinstance(taken, dict):
        raise BadParameter(
            f"part {part!r} of preset {name!r} is a list, of which no key can be given anew",
            where=where,
            remedy="Take it over whole, or write it out.",
        )
    return cast("dict[str, Any]", taken) | own
