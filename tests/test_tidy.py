"""House style that a machine can hold: sizes, silence, nothing unfinished, nothing of this machine.

Layers, styles and types are held by `make check`; here is what no such tool says.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "seawall"

MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 400

# Rooms that may touch the world; every other room is a function of its arguments, save two files.
OPEN_ROOMS = {"cli", "lab", "feeds"}
READS_PACKAGE_FILES = {
    "kernels/_jit.py",  # its room's own source, whose hash marks the compiled kernels
    "margin/catalogue.py",  # the presets, through importlib.resources
}

# One letter of each word stands in brackets, so that this file does not hold what it forbids.
UNFINISHED = re.compile(r"\b(?:TOD[O]|FIXM[E]|XX[X]|NotImplemente[d]Error)\b")
BLANKET_IGNORE = re.compile(r"(?:type|pyright): ?ignor[e](?!\[)|# ?noq[a](?!:)")
REGISTRY_HOST = re.compile(r"pyp[i]\.org|pythonhoste[d]|npmj[s]|deb\.debia[n]")
MACHINE_PATH = re.compile(r"file://[/]|(?<![\w.])/(?:wor[k]|roo[t]|hom[e]/\w+|opt/pyp[i])/")


@cache
def project_files() -> list[Path]:
    """Every file that git would hold: tracked, or new and not ignored."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        hidden = {".venv", ".git", "__pycache__", "build", "dist"}
        found = [p for p in ROOT.rglob("*") if not hidden & set(p.relative_to(ROOT).parts)]
    return sorted(p for p in found if p.is_file())


@cache
def text_of(path: Path) -> str | None:
    """The file's text, or None if it holds no text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def python_files(*folders: str) -> list[Path]:
    tops = {ROOT / folder for folder in folders}
    return [p for p in project_files() if p.suffix == ".py" and tops & set(p.parents)]


def rooms() -> list[Path]:
    return sorted(p for p in SRC.iterdir() if p.is_dir() and any(p.glob("*.py")))


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def lines_matching(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{place(path, number)}: {line.strip()[:80]}"
        for path in project_files()
        for number, line in enumerate((text_of(path) or "").splitlines(), start=1)
        if pattern.search(line)
    ]


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef, source: list[str]) -> int:
    """Lines from `def` to the end, less the docstring, blank lines and comments."""
    skipped: set[int] = set()
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        skipped.update(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return sum(
        number not in skipped and bool(text := source[number - 1].strip()) and text[0] != "#"
        for number in range(function.lineno, (function.end_lineno or function.lineno) + 1)
    )


def test_functions_are_short() -> None:
    long = [
        f"{place(path, node.lineno)} {node.name}: {count} lines"
        for path in python_files("src", "tests", "benchmarks")
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := code_lines(node, (text_of(path) or "").splitlines())) > MAX_FUNCTION_LINES
    ]
    assert not long, f"functions of more than {MAX_FUNCTION_LINES} lines of code: {long}"


def test_files_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for path in python_files("src", "tests", "benchmarks")
        if (count := len((text_of(path) or "").splitlines())) > MAX_FILE_LINES
    ]
    assert not long, f"files of more than {MAX_FILE_LINES} lines: {long}"


def test_only_cli_prints() -> None:
    printing = [
        place(path, node.lineno)
        for path in python_files("src")
        if SRC / "cli" not in path.parents
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.stdout.write"}
    ]
    assert not printing, f"print outside cli: {printing}"


def test_rooms_below_feeds_open_no_file() -> None:
    opening = re.compile(r"^(?:open|io\.open|os\.open)$|\.(?:read|write)_(?:text|bytes)$|\.open$")
    found = {
        path.relative_to(SRC).as_posix()
        for path in python_files("src")
        if path.relative_to(SRC).parts[0] not in OPEN_ROOMS
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call) and opening.search(ast.unparse(node.func))
    }
    assert found == READS_PACKAGE_FILES, (
        f"opened below feeds: {sorted(found - READS_PACKAGE_FILES)}; "
        f"named in READS_PACKAGE_FILES without need: {sorted(READS_PACKAGE_FILES - found)}"
    )


def test_compile_policy_has_one_home() -> None:
    """Only kernels/_jit.py decides how kernels are compiled; others may use numba's loop types."""
    policies = {"njit", "jit", "vectorize", "guvectorize", "cfunc", "stencil", "config"}
    astray = [
        place(path, node.lineno)
        for path in python_files("src")
        if path != SRC / "kernels" / "_jit.py"
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.Import) and any(a.name.startswith("numba") for a in node.names))
        or (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").split(".")[0] == "numba"
            and (SRC / "kernels" not in path.parents or policies & {a.name for a in node.names})
        )
    ]
    assert not astray, f"numba's compile policy outside kernels/_jit.py: {astray}"


def test_nothing_is_unfinished() -> None:
    found = lines_matching(UNFINISHED)
    assert not found, f"unfinished work: {found}"


def test_every_ignore_names_its_rule() -> None:
    found = lines_matching(BLANKET_IGNORE)
    assert not found, f"an ignored check without the name of its rule: {found}"


def test_no_registry_host_or_machine_path() -> None:
    found = lines_matching(REGISTRY_HOST) + lines_matching(MACHINE_PATH)
    assert not found, f"addresses that hold on one machine only: {found}"


def test_no_lock_file() -> None:
    """Lock files name registries; requirements/*.txt pin versions and hashes without them."""
    names = {"package-lock.json", "npm-shrinkwrap.json"}
    found = [p.name for p in project_files() if p.suffix == ".lock" or p.name in names]
    assert not found, f"lock files: {found}"


def test_requirements_are_pinned_with_hashes() -> None:
    for name in ("core", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        entries = re.split(r"\n(?=[A-Za-z])", text.strip())
        loose = [e.split()[0] for e in entries if not re.match(r"[\w.-]+==\S+ .*--hash=", e, re.S)]
        assert not loose, f"requirements/{name}.txt, not pinned with a hash: {loose}"


def test_development_holds_the_core_pins() -> None:
    """What is tested is what a user installs: dev.txt repeats every pin of core.txt."""
    pins = [
        set(re.findall(r"^[\w.-]+==\S+", (ROOT / "requirements" / name).read_text("utf-8"), re.M))
        for name in ("core.txt", "dev.txt")
    ]
    assert pins[0] <= pins[1], f"core pins that dev.txt lacks: {sorted(pins[0] - pins[1])}"


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_room_says_what_is_in_and_what_is_not(room: Path) -> None:
    door = room / "__init__.py"
    assert door.is_file(), f"{room.name} has no __init__.py"
    said = ast.get_docstring(tree_of(door)) or ""
    assert re.search(r"\bIn: ", said), f"{room.name}/__init__.py does not say what is in (In: ...)"
    assert re.search(r"\bNot in: ", said), f"{room.name}/__init__.py does not say what is not in"
