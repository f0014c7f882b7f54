"""Everything a user can name is documented: models, charges, floors, errors, commands, rooms."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import msgspec
import typer.main

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "seawall"
DOCS = ROOT / "docs"

FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)


def page(name: str) -> str:
    """A page's text without its code blocks, in which a `#` is no heading."""
    path = DOCS / name
    assert path.is_file(), f"docs/{name} is missing"
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def sections(name: str) -> set[str]:
    """The first word of every heading: `## seawall margin` and `### margin/` are both margin."""
    titles = re.findall(r"^#+\s+(.+)$", page(name), re.M)
    return {
        re.split(r"[\s/:,(]", title.replace("`", "").removeprefix("seawall "))[0]
        for title in titles
    }


def preset_names() -> set[str]:
    return {path.stem for path in (SRC / "margin" / "models").glob("*.toml")}


def registry_names(module: Any) -> set[str]:
    """The names by which a preset asks for the parts a module exports: the tags of its structs."""
    parts = [item for item in (getattr(module, name) for name in module.__all__) if is_struct(item)]
    tags = {part.__name__: part.__struct_config__.tag for part in parts}
    untagged = [name for name, tag in tags.items() if not isinstance(tag, str)]
    assert not untagged, f"parts that no preset can name, for want of a tag: {untagged}"
    return set(tags.values())


def is_struct(item: Any) -> bool:
    return inspect.isclass(item) and issubclass(item, msgspec.Struct)


def test_every_model_has_a_page() -> None:
    assert preset_names(), "no preset found"
    missing = preset_names() - {path.stem for path in (DOCS / "models").glob("*.md")}
    assert not missing, f"presets without docs/models/<name>.md: {sorted(missing)}"


def test_every_model_page_has_a_model() -> None:
    algorithms = {path.parent.name for path in (SRC / "margin").glob("*/__init__.py")}
    stale = {path.stem for path in (DOCS / "models").glob("*.md")} - preset_names() - algorithms
    assert not stale, f"pages in docs/models of no preset or package: {sorted(stale)}"


def test_every_charge_and_floor_has_a_section() -> None:
    from seawall.margin import charges, floors

    for module in (charges, floors):
        names = registry_names(module)
        assert names, f"{module.__name__} exports no part"
        missing = names - sections("charges.md")
        assert not missing, f"without a heading in docs/charges.md: {sorted(missing)}"


def test_every_error_is_documented_and_in_the_picture() -> None:
    from seawall.basics import errors

    names = {
        name
        for name, item in vars(errors).items()
        if inspect.isclass(item) and issubclass(item, errors.SeawallError)
    }
    picture = set(re.findall(r"\w+", errors.__doc__ or ""))
    assert not names - picture, f"not in the tree drawn in errors.py: {sorted(names - picture)}"
    entries = set(re.findall(r"^(?:#+|[-*|])\s*[`*]*(\w+)", page("errors.md"), re.M))
    assert not names - entries, f"without an entry in docs/errors.md: {sorted(names - entries)}"


def test_every_command_and_option_is_documented() -> None:
    from seawall.cli.app import app

    group: Any = typer.main.get_command(app)
    commands = group.commands
    assert commands, "the command line has no commands"
    missing = set(commands) - sections("cli.md")
    assert not missing, f"commands without a section in docs/cli.md: {sorted(missing)}"

    text = (DOCS / "cli.md").read_text(encoding="utf-8")
    unsaid = [
        f"{name} {option}"
        for name, command in commands.items()
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--") and option != "--help" and option not in text
    ]
    assert not unsaid, f"options that docs/cli.md does not name: {unsaid}"


def test_every_room_has_a_section() -> None:
    rooms = {path.parent.name for path in SRC.glob("*/__init__.py")}
    assert rooms, "no rooms found"
    missing = rooms - sections("architecture.md")
    assert not missing, f"rooms without a heading in docs/architecture.md: {sorted(missing)}"
