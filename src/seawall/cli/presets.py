"""The models as a list, and one of them number by number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec
from rich.table import Table

from seawall.cli.tables import plain_table
from seawall.cli.terminal import Terminal
from seawall.margin.bounds import unknowns_of
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset, preset_names
from seawall.market.needs import Need

# By these a member of a list is called, in this order.
_LABELS = ("name", "type")


def show_presets(terminal: Terminal) -> None:
    """Print every preset's name, as-of date and title."""
    table = plain_table(None, "model", "as of", "title", left=3)
    table.columns[-1].no_wrap = False  # a title is prose: it may go on below
    for name in preset_names():
        model = load_preset(name)
        table.add_row(name, f"{model.as_of}", model.title)
    terminal.show(table)
    terminal.lines(("", "seawall models NAME shows every number of one."), style="dim")


def show_preset(given: str | MarginModel, terminal: Terminal) -> None:
    """Print every number of a preset, by name, or of a model by part, each part with its status.

    Raises UnknownModel.
    """
    model = load_preset(given) if isinstance(given, str) else given
    terminal.print(f"{model.name}: {model.title}", style="bold")
    terminal.print(f"as of {model.as_of}; source: {model.source}")
    asked = ", ".join(need.value for need in Need if need in model.requirements())
    if asked:
        terminal.print(f"asks of the market beside prices: {asked}")
    if model.second is not None:
        terminal.print(f"at least: {model.second.name}")
    for unknown in unknowns_of(model):
        ends = f"between {unknown.lower:g} and {unknown.upper:g}"
        terminal.print(f"unknown: {unknown.key} {ends}: {unknown.why}")
    parts: dict[str, Any] = msgspec.to_builtins(model)
    # Every part that has numbers has a status, and in the order in which a reader wants them.
    for part, status in model.status.tags().items():
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column()
        for key, value in leaves(parts[part]):
            table.add_row(f"  {key}", value)
        terminal.print()
        terminal.print(f"{part} [{status}]", style="bold")
        terminal.show(table)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every number and word of a part with its dotted path.

    Members of a list go by their name or type where they have one, else by their place.
    """
    if isinstance(value, Mapping):
        for key, inner in cast("Mapping[str, Any]", value).items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list | tuple):
        members = cast("Sequence[Any]", value)
        if any(isinstance(inner, Mapping) for inner in members):
            for place, inner in enumerate(members):
                named = next((key for key in _LABELS if key in inner), None)
                label = str(place) if named is None else inner[named]
                rest = {key: kept for key, kept in inner.items() if key != named}
                yield from leaves(rest or inner, f"{path}.{label}" if path else label)
        else:
            yield path, ", ".join(map(_text, members)) or "none"
    elif value is not None:
        yield path, _text(value)


def _text(value: Any) -> str:
    return f"{value:,.12g}" if isinstance(value, float) else str(value)
