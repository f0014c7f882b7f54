"""The public face is a promise: flat, sorted, documented, typed, and quick to import."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import seawall

HEAVY = ("numba", "numpy", "polars", "scipy", "typer", "rich")


def test_names_are_sorted_and_unique() -> None:
    assert list(seawall.__all__) == sorted(set(seawall.__all__))


def test_every_name_resolves_and_is_listed() -> None:
    for name in seawall.__all__:
        assert getattr(seawall, name) is not None, f"seawall.{name} is None"
    assert set(seawall.__all__) <= set(dir(seawall)), "dir(seawall) hides public names"


def test_every_name_has_a_docstring_of_its_own() -> None:
    public = {name: getattr(seawall, name) for name in seawall.__all__ if name[0] != "_"}
    # A dataclass without a docstring is given its signature for one.
    bare = [
        name
        for name, item in public.items()
        if (inspect.isclass(item) or callable(item))
        and (not item.__doc__ or item.__doc__.startswith(f"{name}("))
    ]
    assert not bare, f"public names without a docstring: {bare}"


def test_type_checkers_see_what_is_loaded_lazily() -> None:
    """The imports under TYPE_CHECKING and the table of homes are one list, written twice."""
    tree = ast.parse(Path(seawall.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == seawall._HOMES


def test_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(seawall, "no_such_name")


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, seawall; print([m for m in {HEAVY!r} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]", f"`import seawall` loads {ran.stdout.strip()}"


def test_types_are_shipped() -> None:
    assert (Path(seawall.__file__).parent / "py.typed").is_file()
