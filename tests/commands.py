"""Commands run in the test's own process, for tests of the command line."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seawall.cli.app import run
from tests.conftest import ROOT


def answer(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Standard output of a command that must succeed without a word on stderr.

    Every JSON document in it must be as the published schema that it names says.
    """
    code = run(arguments)
    out, err = capfd.readouterr()
    assert (code, err) == (0, ""), err
    if "--json" in arguments:
        told = json.loads(out)
        for each in told if isinstance(told, list) else [told]:
            _validator(each["schema"]).validate(each)
    return out


@cache
def _validator(schema: str) -> Draft202012Validator:
    """Of the schema that a document names: ``seawall.NAME/VERSION``."""
    name, version = schema.removeprefix("seawall.").split("/")
    text = (ROOT / "docs" / "schema" / f"{name}-{version}.json").read_text(encoding="utf-8")
    return Draft202012Validator(
        json.loads(text), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def document(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The JSON document of a command, amounts as Decimal."""
    return json.loads(answer(capfd, *arguments, "--json"), parse_float=Decimal)
