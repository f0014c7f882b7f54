"""A page of docs followed to the letter in a copy of the project.

A block of code goes to the file that the line above it names last, a ``diff`` is applied to it, and
a ``bash`` block is run, each line of which must succeed. Nothing else may stand in a fence.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
NAMED = re.compile(r"`([\w./-]+\.\w+)`[^`\n]*:\n\n\Z")


def copy_of_project(folder: Path) -> Path:
    """The project's sources, tests and pages, apart from the ones that are tested now."""
    # Compiled kernels go along: their mark is the text of their room, which stays.
    for name in ("src", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy2(ROOT / name, folder / name)
    return folder


def follow(page: Path, project: Path) -> list[str]:
    """Do what a page says, from the top; the output of each command that it runs."""
    text, said = page.read_text(encoding="utf-8"), []
    for fence in FENCE.finditer(text):
        language, block = fence.groups()
        where = f"{page.name}, line {text.count(chr(10), 0, fence.start()) + 1}"
        if language == "bash":
            said += [run(line, project, where) for line in block.replace("\\\n", " ").splitlines()]
            continue
        # What is said of a block may break its line anywhere.
        named = NAMED.search(text[: fence.start()])
        assert named, f"{where}: no file is named above the block"
        file = project / named[1]
        if language == "diff":
            file.write_text(patched(file.read_text("utf-8"), block, where), "utf-8")
        else:
            assert not file.exists(), f"{where}: {named[1]} is there already"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block, encoding="utf-8")
    return said


def patched(text: str, diff: str, where: str) -> str:
    """A text with every hunk of a diff applied; each must fit in exactly one place."""
    for hunk in re.split(r"^@@\n", diff, flags=re.M):
        lines = [(line[:1], line[1:]) for line in hunk.splitlines(keepends=True)]
        assert all(sign in "+- " for sign, _ in lines), where
        old, new = ("".join(t for sign, t in lines if sign in kept) for kept in ("- ", "+ "))
        assert text.count(old) == 1, f"{where}: fits {text.count(old)} times:\n{old}"
        text = text.replace(old, new)
    return text


def run(command: str, project: Path, where: str) -> str:
    """Standard output of a command, in the copy and with the copy's package."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # A test that runs tests: what this process was told about itself is not for them.
    env = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    ran = subprocess.run(
        command,
        shell=True,
        cwd=project,
        env=env | {"PATH": path, "PYTHONPATH": str(project / "src")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 0, f"{where}: {command}\n{ran.stdout}{ran.stderr}"
    return ran.stdout
