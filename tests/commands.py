"""Commands run in the test's own process, for tests of the command line."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from seawall.cli.app import run


def answer(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Standard output of a command that must succeed without a word on stderr."""
    code = run(arguments)
    out, err = capfd.readouterr()
    assert (code, err) == (0, ""), err
    return out


def document(capfd: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The JSON document of a command, amounts as Decimal."""
    return json.loads(answer(capfd, *arguments, "--json"), parse_float=Decimal)
