"""The pages that say how to add a model and a charge, done by who does what they say."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import ROOT
from tests.follow import copy_of_project, follow


def test_a_charge_is_added_as_the_page_says(tmp_path: Path) -> None:
    said = follow(ROOT / "docs" / "adding-a-charge.md", copy_of_project(tmp_path))
    model = next(output for output in said if "cross-vega: " in output)
    assert "vega.points" in model
    assert any(" cross-vega " in f" {line} " for output in said for line in output.splitlines())
