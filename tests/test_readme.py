"""README's code runs as printed: its blocks are executed in order in an empty folder.

Python blocks share one namespace; shell blocks run `seawall` as installed beside this Python.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).resolve().parent.parent / "README.md"

# Commands that build or fetch what already stands where the tests run.
SKIPPED = re.compile(r"(?:make|git clone|cd|(?:python3? -m )?pip install)\b")


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    line: int
    text: str

    def commands(self) -> list[str]:
        """The shell commands: every line of a bash block, the `$` lines of a console block."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        return [line for line in map(str.strip, lines) if line and not line.startswith("#")]


def read_blocks() -> list[Block]:
    text = README.read_text(encoding="utf-8") if README.exists() else ""
    fences = re.finditer(r"^```(python|console|bash|sh)\n(.*?)^```$", text, re.M | re.S)
    return [Block(m[1], text.count("\n", 0, m.start()) + 1, m[2]) for m in fences]


BLOCKS = read_blocks()


@dataclass(slots=True)
class Reader:
    """Someone who follows README from the top and has run the first `done` blocks."""

    folder: Path
    done: int = 0
    namespace: dict[str, Any] = field(default_factory=lambda: {"__name__": "readme"})

    def follow(self, last: int) -> None:
        """Run every block up to `last` that has not been run, so that any block can be tested."""
        for block in BLOCKS[self.done : last + 1]:
            if block.language == "python":
                code = compile(block.text, f"{README.name}, line {block.line}", "exec")
                exec(code, self.namespace)
            else:
                for command in block.commands():
                    self.shell(command)
            self.done += 1

    def shell(self, command: str) -> None:
        if SKIPPED.match(command):
            return
        assert command.startswith("seawall "), f"README shows a command that is not run: {command}"
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("readme"))


@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize(
    "index", range(len(BLOCKS)), ids=[f"{b.language}-line-{b.line}" for b in BLOCKS]
)
def test_block_runs(index: int, reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(reader.folder)
    reader.follow(index)


def test_readme_shows_python_and_the_command_line() -> None:
    assert any(block.language == "python" for block in BLOCKS), "README shows no Python"
    commands = [c for block in BLOCKS if block.language != "python" for c in block.commands()]
    assert any(c.startswith("seawall ") for c in commands), "README shows no seawall command"
