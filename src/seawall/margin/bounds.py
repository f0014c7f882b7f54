"""A model at either end of the coefficients that no source gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from seawall.basics.errors import BadParameter
from seawall.margin.model import MarginModel, UnknownCoefficient

Side = Literal["lower", "upper"]
SIDES: tuple[Side, Side] = ("lower", "upper")


def unknowns_of(model: MarginModel) -> tuple[UnknownCoefficient, ...]:
    """The coefficients that no source gives, those of a second model as ``second.…``."""
    if model.second is None:
        return model.unknowns
    others = (
        msgspec.structs.replace(each, key=f"second.{each.key}")
        for each in unknowns_of(model.second)
    )
    return (*model.unknowns, *others)


def bounded(model: MarginModel, side: Side) -> MarginModel:
    """The model with every unknown coefficient at the value that asks less, or at the one that
    asks more.

    Raises BadParameter for a key that is no number of the model, and for a value that its part
    refuses.
    """
    if model.second is not None:
        model = msgspec.structs.replace(model, second=bounded(model.second, side))
    if not model.unknowns:
        return model
    ends = {unknown.key: float(getattr(unknown, side)) for unknown in model.unknowns}
    return with_numbers(model, ends, f"the {side} ends of unknowns", "unknowns")


def with_numbers(
    model: MarginModel, numbers: Mapping[str, float], what: str, where: str
) -> MarginModel:
    """The model with other numbers at keys; ``what`` they are and ``where``, for messages.

    Raises BadParameter for a key that is no number of the model, and for a value that its part
    refuses.
    """
    table = _table(model)
    for key, value in numbers.items():
        _set(table, key, value)
    try:
        return msgspec.convert(table, MarginModel)
    except msgspec.ValidationError as fault:
        raise _refused(f"{what} cannot be used: {fault}", where) from None


def chosen_value(model: MarginModel, key: str) -> float:
    """The number that stands at a key. Raises BadParameter where there is none."""
    found: Any = _table(model)
    for step in key.split("."):
        found = _step(found, step, key)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise _refused(f"no number stands at {key!r}", "unknowns.key")
    return float(found)


def _table(model: MarginModel) -> dict[str, Any]:
    """The model as a table of tables and lists, which can be written to."""
    return msgspec.json.decode(msgspec.json.encode(model), type=dict[str, Any])


def _set(table: dict[str, Any], key: str, value: float) -> None:
    """Another number at a key: part . type, name or place of a member of a list . key."""
    *steps, last = key.split(".")
    inner: Any = table
    for step in steps:
        inner = _step(inner, step, key)
    _step(inner, last, key)
    inner[int(last) if isinstance(inner, list) else last] = value


def _step(table: Any, step: str, key: str) -> Any:
    if isinstance(table, Mapping) and step in table:
        return cast("Mapping[str, Any]", table)[step]
    found = list(_members(cast("Sequence[Any]", table), step)) if isinstance(table, list) else []
    if len(found) != 1:
        raise _refused(f"{step!r} of {key!r} names {len(found)} members", "unknowns.key")
    return found[0]


def _members(members: Sequence[Any], step: str) -> Iterator[Any]:
    """Members of a list that go by a name or type, or the one in a place."""
    for place, member in enumerate(members):
        table = cast("Mapping[str, Any]", member if isinstance(member, Mapping) else {})
        if step in (str(place), table.get("name"), table.get("type")):
            yield member


def _refused(what: str, where: str) -> BadParameter:
    return BadParameter(
        what,
        where=where,
        remedy="Name a number of the model, as in charges.notional.initial_multiple.",
    )
