"""Every document is what its published schema says, and a version goes on being what it was."""

from __future__ import annotations

import copy
import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import seawall as sw
from seawall.basics.errors import InputError
from seawall.feeds.synthetic_book import synthetic_portfolio
from seawall.margin.presets import preset_names
from seawall.market.surface import OpenInterval, SliceReport
from seawall.report.json_schema import DOCUMENTS, json_schema, published_name, schema_text
from seawall.report.schema import Document, MarginReport, to_json
from seawall.report.surface import SurfaceReport
from seawall.report.what_if import WhatIf
from tests.commands import answer
from tests.documents import documents, market

ROOT = Path(__file__).resolve().parent.parent
PUBLISHED = ROOT / "docs" / "schema"
SCRIPT = runpy.run_path(str(ROOT / "docs" / "schemas.py"))
broken_promises, write_schemas = SCRIPT["broken_promises"], SCRIPT["main"]

CASH_ALONE = sw.portfolio([("USDC", 5)])


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def told(document: Document) -> Any:
    return json.loads(document.to_json())


def test_the_test_has_a_document_of_every_kind() -> None:
    assert set(documents()) == set(DOCUMENTS)


# ---- what is published


@pytest.mark.parametrize("name", DOCUMENTS)
def test_published_schema_is_that_of_the_code(name: str) -> None:
    published = (PUBLISHED / published_name(name)).read_text(encoding="utf-8")
    assert published == schema_text(name), "run: make schemas"


def test_every_version_is_published_and_nothing_else() -> None:
    """Those before today's stay, for documents that were written then."""
    latest = {name: int(json_schema(name)["$id"].rpartition(":")[2]) for name in DOCUMENTS}
    names = {f"{name}-{n}.json" for name, last in latest.items() for n in range(1, last + 1)}
    assert {path.name for path in PUBLISHED.iterdir()} == names


@pytest.mark.parametrize("name", DOCUMENTS)
def test_schema_is_a_schema_with_a_name_that_is_no_address(name: str) -> None:
    schema = json_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema == json_schema(DOCUMENTS[name])
    assert schema["$id"] == f"urn:seawall:{name}:1"
    for part in schema["$defs"].values():
        assert part["description"]


def test_what_is_no_document_has_no_schema() -> None:
    for wrong in ("margin", "", Document, sw.MarketSnapshot):
        with pytest.raises(InputError, match="Choose from margin-report, comparison"):
            json_schema(wrong)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_command_prints_the_schema(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert answer(capfd, "schema", name) == schema_text(name)


def test_command_lists_the_documents(capfd: pytest.CaptureFixture[str]) -> None:
    listed = answer(capfd, "schema")
    for name in DOCUMENTS:
        assert f"{name} " in listed
        assert f"seawall.{name}/1" in listed


# ---- what is written


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_says_its_schema_first_and_is_valid(name: str) -> None:
    document = documents()[name]
    written = told(document)
    assert next(iter(written.items())) == ("schema", f"seawall.{name}/1")
    assert document.schema == f"seawall.{name}/1"
    validator(json_schema(name)).validate(written)


@pytest.mark.parametrize("model", [*preset_names(), "hybrid:cross"])
@pytest.mark.parametrize("book", [synthetic_portfolio(), CASH_ALONE], ids=["maker", "cash"])
def test_report_under_every_model_is_valid(model: str, book: sw.Portfolio) -> None:
    validator(json_schema(MarginReport)).validate(told(sw.margin(book, market(), model)))


def test_report_without_a_ratio_is_valid() -> None:
    report = sw.margin(sw.portfolio([("BTC-PERPETUAL", 1), ("USD", -1)]), market())
    assert report.mm_ratio is None
    validator(json_schema("margin-report")).validate(told(report))


def test_interval_that_goes_on_for_ever_is_valid() -> None:
    """JSON knows no infinity, so an open end is null in Python already."""
    document = documents()["surface"]
    assert isinstance(document, SurfaceReport)
    wing: tuple[OpenInterval, ...] = ((None, -0.5), (0.7, None))
    first: SliceReport = msgspec.structs.replace(document.expiries[0], butterfly=wing)
    steep = msgspec.structs.replace(document, expiries=(first,))
    written = told(steep)
    assert written["expiries"][0]["butterfly"] == [[None, -0.5], [0.7, None]]
    validator(json_schema("surface")).validate(written)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_reads_back_as_itself(name: str) -> None:
    """Each by its own class, and by the schema it names among all kinds."""
    document = documents()[name]
    assert msgspec.json.decode(document.to_json(), type=DOCUMENTS[name]) == document
    any_kind = sw.MarginReport | sw.Comparison | WhatIf | DOCUMENTS[name]
    assert msgspec.json.decode(document.to_json(), type=any_kind) == document


def test_several_documents_are_a_list_of_valid_ones() -> None:
    reports = [sw.margin(sw.portfolio([("BTC", n)]), market()) for n in (1, 2)]
    written = json.loads(to_json(reports))
    assert len(written) == 2
    for each in written:
        validator(json_schema("margin-report")).validate(each)


# ---- what is refused


def numbers(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the numbers are."""
    children = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in children:
        if isinstance(value, dict | list):
            yield from numbers(value, (*path, key))
        elif isinstance(value, int | float):
            yield (*path, key)


def parent(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


def extra_key(document: Any) -> None:
    document["initial_margin"] = 1


def extra_key_in_a_row(document: Any) -> None:
    next(v for v in document.values() if isinstance(v, list) and v)[0]["note"] = "x"


def no_rows(document: Any) -> None:
    del document[next(k for k, v in document.items() if isinstance(v, list))]


def another_schema(document: Any) -> None:
    document["schema"] = "seawall.margin-report/2"


def no_schema(document: Any) -> None:
    del document["schema"]


MUTATIONS = (extra_key, extra_key_in_a_row, no_rows, another_schema, no_schema)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda f: f.__name__)
def test_altered_document_is_not_valid(name: str, mutate: Callable[[Any], None]) -> None:
    document = told(documents()[name])
    mutate(document)
    assert not validator(json_schema(name)).is_valid(document)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_text_for_any_number_is_not_valid(name: str) -> None:
    document = told(documents()[name])
    checked = validator(json_schema(name))
    # One of every key suffices: what is in a list has one schema.
    places = {tuple(k for k in path if isinstance(k, str)): path for path in numbers(document)}
    assert len(places) >= 4
    for path in places.values():
        altered = copy.deepcopy(document)
        place = parent(altered, path)
        place[path[-1]] = str(place[path[-1]])
        assert not checked.is_valid(altered), path


def test_row_that_lacks_an_amount_is_not_valid() -> None:
    document = told(documents()["margin-report"])
    del document["rows"][0]["maintenance"]
    assert not validator(json_schema("margin-report")).is_valid(document)


# ---- what stays

Part = dict[str, Any]


def key_goes(part: Part) -> None:
    del part["properties"]["initial"]


def key_has_another_name(part: Part) -> None:
    part["properties"]["initial_margin"] = part["properties"].pop("initial")


def key_has_another_type(part: Part) -> None:
    part["properties"]["initial"] = {"type": "string"}


def key_may_be_null(part: Part) -> None:
    part["properties"]["initial"] = {"anyOf": [{"type": "number"}, {"type": "null"}]}


def key_may_be_left_out(part: Part) -> None:
    part["required"].remove("initial")


def word_is_added(part: Part) -> None:
    part["properties"]["state"]["enum"].append("frozen")


def word_goes(part: Part) -> None:
    part["properties"]["state"]["enum"].remove("warning")


def new_key_must_be_there(part: Part) -> None:
    part["properties"]["note"] = {"type": "string"}
    part["required"].append("note")


def other_keys_are_allowed(part: Part) -> None:
    part["additionalProperties"] = True


BREAKING = (
    key_goes,
    key_has_another_name,
    key_has_another_type,
    key_may_be_null,
    key_may_be_left_out,
    word_is_added,
    word_goes,
    new_key_must_be_there,
    other_keys_are_allowed,
)


def changed(change: Callable[[Part], None]) -> Part:
    schema = json_schema("margin-report")
    change(schema["$defs"]["MarginReport"])
    return schema


def new_key(part: Part) -> None:
    part["properties"]["note"] = {"type": "string", "default": ""}


def new_words(part: Part) -> None:
    part["description"] = "The same in other words."


@pytest.mark.parametrize("name", DOCUMENTS)
def test_nothing_that_is_published_of_a_version_has_changed(name: str) -> None:
    published = json.loads((PUBLISHED / published_name(name)).read_bytes())
    assert broken_promises(published, json_schema(name)) == [], "raise the version"


@pytest.mark.parametrize("change", BREAKING, ids=lambda f: f.__name__)
def test_a_change_breaks_the_promise_of_a_version(change: Callable[[Part], None]) -> None:
    assert broken_promises(json_schema("margin-report"), changed(change))


def test_a_part_that_goes_breaks_the_promise_of_a_version() -> None:
    without = json_schema("margin-report")
    del without["$defs"]["ModelInfo"]
    broken = broken_promises(json_schema("margin-report"), without)
    assert broken == ["ModelInfo is gone"]


@pytest.mark.parametrize("change", [new_key, new_words], ids=lambda f: f.__name__)
def test_what_is_added_keeps_the_version_and_is_promised_from_then_on(
    change: Callable[[Part], None],
) -> None:
    """Documents from before are valid, and what was added does not go again."""
    then, now = json_schema("margin-report"), changed(change)
    assert broken_promises(then, now) == []
    validator(now).validate(told(documents()["margin-report"]))
    assert bool(broken_promises(now, then)) == (change is new_key)


def test_schemas_are_written_only_while_promises_hold(tmp_path: Path) -> None:
    """A schema that differs from what is published of its version stops all from being written."""
    write_schemas(tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {
        p.name: p.read_bytes() for p in PUBLISHED.iterdir()
    }
    wider = changed(new_key)
    (tmp_path / published_name("margin-report")).write_text(json.dumps(wider), encoding="utf-8")
    (tmp_path / published_name("change")).unlink()
    with pytest.raises(
        SystemExit, match=r"margin-report MarginReport\.note is gone\nRaise the ver"
    ):
        write_schemas(tmp_path)
    assert not (tmp_path / published_name("change")).exists()
