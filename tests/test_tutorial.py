"""The tutorial runs cell by cell in an empty folder and prints what it shows."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import fastexcel
import pytest

TUTORIAL = Path(__file__).resolve().parent.parent / "docs" / "tutorial.py"
SHOWN = "#: "


def code_cells() -> list[str]:
    """The cells that are run, each padded so that an error names its line in the file."""
    text = TUTORIAL.read_text(encoding="utf-8")
    starts = [*(m.start() for m in re.finditer(r"^# %%", text, re.M)), len(text)]
    pieces = [(text[a:b], text.count("\n", 0, a)) for a, b in pairwise(starts)]
    return ["\n" * line + cell for cell, line in pieces if not cell.startswith("# %% [markdown]")]


def shown(cell: str) -> list[str]:
    """What the cell says that it prints."""
    return [line[len(SHOWN) :] for line in cell.splitlines() if line.startswith(SHOWN)]


def test_the_tutorial_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "tutorial"}
    cells = code_cells()
    assert len(cells) >= 9
    for cell in cells:
        exec(compile(cell, str(TUTORIAL), "exec"), namespace)
        printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert printed == shown(cell)
    # What it wrote is there, of the account of which it speaks.
    assert "summary" in fastexcel.read_excel(tmp_path / "tutorial.xlsx").sheet_names
    for name, value in namespace.items():
        if hasattr(value, "_repr_html_"):
            assert value._repr_html_().startswith("<div"), name


def test_every_cell_is_code_or_markdown() -> None:
    """So that notebooks open it: text is nowhere outside a cell, markdown is all comment."""
    text = TUTORIAL.read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# # ")
    heads = re.findall(r"^# %%.*$", text, re.M)
    assert set(heads) == {"# %%", "# %% [markdown]"}
    for cell in re.split(r"^(?=# %%)", text, flags=re.M):
        if cell.startswith("# %% [markdown]"):
            assert all(line.startswith("#") for line in cell.splitlines() if line)
