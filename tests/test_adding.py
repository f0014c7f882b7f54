"""The pages that say how to add a model and a charge, done by who does what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import inspect

from seawall.margin.catalogue import preset_names
from seawall.margin.model import MarginModel
from tests.conftest import ROOT
from tests.follow import copy_of_project, follow

MODEL_PAGE = ROOT / "docs" / "adding-a-model.md"


def structs(kind: inspect.Type, seen: set[type[msgspec.Struct]]) -> Iterator[inspect.StructType]:
    """Every struct inside a type, once."""
    if isinstance(kind, inspect.StructType) and kind.cls not in seen:
        seen.add(kind.cls)
        yield kind
        for field in kind.fields:
            yield from structs(field.type, seen)
    inner = [getattr(kind, name, None) for name in ("item_type", "key_type", "value_type")]
    for name in ("types", "item_types"):
        inner += getattr(kind, name, ())
    for each in inner:
        if each is not None:
            yield from structs(each, seen)


def test_a_charge_is_added_as_the_page_says(tmp_path: Path) -> None:
    said = follow(ROOT / "docs" / "adding-a-charge.md", copy_of_project(tmp_path))
    [shown] = [output for output in said if output.startswith("cross-vega: ")]
    assert re.search(r"^  vega\.points +2 *$", shown, re.M)
    assert any(re.search(r"^cross-vega +[\d,.]+ ", output, re.M) for output in said)


def test_a_model_is_added_as_the_page_says(tmp_path: Path) -> None:
    said = follow(MODEL_PAGE, copy_of_project(tmp_path))
    assert any(output.startswith("desk: ") for output in said)
    assert any(re.search(r"^desk +[\d,.]+ ", output, re.M) for output in said)
    assert any("hybrid:desk" in output for output in said)
    assert "desk" not in preset_names()


def test_the_page_tells_every_part_of_a_model() -> None:
    """Every type, every key, and every word that a key can be."""
    table = MODEL_PAGE.read_text("utf-8").split("\n## The parts\n")[1].split("\n## ")[0]
    told = set(re.findall(r"`([^`]+)`", table))
    found = list(structs(inspect.type_info(MarginModel), set()))
    assert len(found) > 20
    for struct in found:
        if struct.cls.__name__ == "PartStatus":
            continue
        words = {field.encode_name for field in struct.fields}
        if isinstance(struct.tag, str):
            words.add(struct.tag)
        for field in struct.fields:
            literal = getattr(field.type, "item_type", field.type)
            words |= set(getattr(literal, "values", ()))
        assert not words - told, struct.cls


def test_the_page_tells_every_status() -> None:
    said = MODEL_PAGE.read_text("utf-8").split("\n## Status\n")[1].split("\n## ")[0]
    [status] = [
        each
        for each in structs(inspect.type_info(MarginModel), set())
        if each.cls.__name__ == "PartStatus"
    ]
    tags = {
        value
        for field in status.fields
        for kind in getattr(field.type, "types", ())
        for value in getattr(kind, "values", ())
    }
    assert tags == set(re.findall(r"^\| `(\w+)` \|", said, re.M))
