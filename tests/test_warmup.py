"""`seawall warmup`: every kernel of the room, a new file too; one word where none can be kept."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from seawall.kernels import _jit, warmup
from tests.commands import answer

ROOM = Path(_jit.__file__).parent
KERNEL = """
from seawall.kernels._jit import kernel
@kernel()
def {name}_scalar(x):
    return x + {step}
@kernel("void(f8[::1], f8[::1])")
def {name}(x, out):
    for i in range(x.size):
        out[i] = {name}_scalar(x[i])
"""
MAKE_READY = """
from seawall.kernels.warmup import declared
print([(kernel.name, kernel.make_ready()) for kernel in declared()])
"""
compiled = pytest.mark.skipif(
    os.environ.get("SEAWALL_DISABLE_JIT") == "1" or os.environ.get("NUMBA_DISABLE_JIT") == "1",
    reason="nothing is compiled",
)


def names_in_source() -> list[str]:
    """Functions of the room that are decorated with a signature."""
    return sorted(
        node.name
        for path in ROOM.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call)
        and isinstance(mark.func, ast.Name)
        and mark.func.id == "kernel"
        and mark.args
    )


def shell(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.endswith("_DISABLE_JIT")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@compiled
def test_every_kernel_of_the_room_is_made_ready(capfd: pytest.CaptureFixture[str]) -> None:
    assert sorted(kernel.name for kernel in warmup.declared()) == names_in_source()
    told = answer(capfd, "warmup")
    ready, made, kept = map(
        int,
        re.findall(r"(\d+) kernels are ready .*: (\d+) compiled, (\d+) taken from disk", told)[0],
    )
    assert ready == len(names_in_source()) == made + kept
    folders = re.findall(r"^kept in (.+)$", told, re.M)
    assert folders
    assert all(Path(folder).is_dir() for folder in folders)


def test_a_new_file_is_found_by_itself_and_compiled_once(tmp_path: Path) -> None:
    room = tmp_path / "seawall" / "kernels"
    room.mkdir(parents=True)
    for name in ("_jit.py", "warmup.py"):
        shutil.copy(ROOM / name, room)
    for package in (room, room.parent):
        (package / "__init__.py").touch()
    (room / "second.py").write_text(KERNEL.format(name="two", step="2.0"), encoding="utf-8")
    where = {"PYTHONPATH": str(tmp_path)}
    assert shell(MAKE_READY, tmp_path, **where).stdout.strip() == "[('two', True)]"
    assert shell(MAKE_READY, tmp_path, **where).stdout.strip() == "[('two', False)]"
    (room / "first.py").write_text(KERNEL.format(name="one", step="1.0"), encoding="utf-8")
    ran = shell(MAKE_READY, tmp_path, **where)
    assert ran.stdout.strip() == "[('one', True), ('two', True)]", ran.stderr


WARM_UP = "from seawall.cli.app import run; raise SystemExit(run(['warmup']))"


def test_without_a_folder_for_them_it_says_so(tmp_path: Path) -> None:
    # A locator for zip archives finds no place for plain files.
    ran = shell(WARM_UP, tmp_path, NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: there is no folder that compiled kernels can be kept in")
    assert ran.stderr.count("\n") == 1
    assert "NUMBA_CACHE_DIR=FOLDER" in ran.stderr


@pytest.mark.parametrize("switch", ["SEAWALL_DISABLE_JIT", "NUMBA_DISABLE_JIT"])
def test_where_compilation_is_switched_off_it_says_so(tmp_path: Path, switch: str) -> None:
    ran = shell(WARM_UP, tmp_path, **{switch: "1"})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("nothing to compile:")
