"""What every test may ask for: the shared third-party data, and hypothesis' settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import settings

from seawall.feeds.market import read_quotes
from seawall.market.quotes import Quotes
from tests.tables import chain, write

ROOT = Path(__file__).resolve().parent.parent

# Compiling a kernel makes the first example slow: no deadline. A build server must be repeatable.
settings.register_profile("local", deadline=None, max_examples=40)
settings.register_profile("ci", parent=settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture
def quotes(tmp_path: Path) -> Callable[..., Quotes]:
    """Reads a table that holds one kind of quotes, by way of a file."""

    def read(frame: pl.DataFrame, name: str = "quotes.parquet") -> Quotes:
        [found] = read_quotes(write(frame, tmp_path / name))
        return found

    return read


@pytest.fixture
def options(quotes: Callable[..., Quotes]) -> Quotes:
    """The chain of tests/tables.py."""
    return quotes(chain())


@pytest.fixture
def in_folder(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs in the folder of its file's own fixture ``files``."""
    monkeypatch.chdir(files)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of third-party data and vectors: SEAWALL_SHARED, else shared/ beside the project.

    It is no part of the project, so a test that needs it is skipped where it is absent.
    """
    named = os.environ.get("SEAWALL_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(
            f"no third-party data: {folder} is not a folder; "
            "put shared/ beside the project or name it in SEAWALL_SHARED"
        )
    return folder
