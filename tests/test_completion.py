"""Completion in a shell: what the scripts ask is answered, at once and without a word on stderr.

Most tests set the variables that the scripts set; a real bash is driven through a terminal, and zsh
and fish where they are installed.
"""

from __future__ import annotations

import gzip
import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer.main

from seawall.cli.app import app
from seawall.cli.completion import VARIABLE, answer_shell
from seawall.feeds.glance import named_instruments
from seawall.feeds.synthetic import synthetic_quotes
from seawall.feeds.writers import write_market_csv
from seawall.margin.catalogue import preset_names
from seawall.products.names import parse_name
from seawall.report.json_schema import DOCUMENTS
from tests.commands import answer

BIN = Path(sys.executable).parent
GROUP = typer.main.get_group(app)
COMMANDS = sorted(GROUP.commands)
SHELLS = ("bash", "zsh", "fish", "powershell")

pytestmark = pytest.mark.usefixtures("in_folder")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with chain.csv, futures.csv and two models."""
    folder = tmp_path_factory.mktemp("completion")
    for quotes, name in zip(synthetic_quotes(), ("chain.csv", "futures.csv"), strict=True):
        write_market_csv(quotes, folder / name)
    (folder / "own").mkdir()
    for name in ("mine.toml", "own/venue.toml", "own/notes.txt"):
        (folder / name).write_text("", encoding="utf-8")
    return folder


@pytest.fixture
def at_cursor(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """What can stand at the end of a line, as the bash script is told it."""

    def ask(line: str) -> list[str]:
        words = line.split()
        place = len(words) if line.endswith(" ") else len(words) - 1
        monkeypatch.setenv(VARIABLE, "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(place))
        answer_shell(app)
        out, err = capfd.readouterr()
        assert err == ""
        return out.split()

    return ask


def executable(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / "seawall"], env=os.environ | variables, capture_output=True, text=True, check=False
    )


def options_of(command: str) -> set[str]:
    names = {name for each in GROUP.commands[command].params for name in each.opts}
    return {name for name in names if name.startswith("--")} | {"--help"}


# ---- what is answered


def test_every_command_is_completed(at_cursor) -> None:
    assert sorted(at_cursor("seawall ")) == COMMANDS
    assert at_cursor("seawall wha") == ["what-if"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_completed(command: str, at_cursor) -> None:
    assert set(at_cursor(f"seawall {command} --")) == options_of(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_models_are_completed_wherever_one_is_named(command: str, at_cursor) -> None:
    for option in options_of(command):
        if "model" in option:
            found = at_cursor(f"seawall {command} {option} ")
            assert set(preset_names()) <= set(found), option


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("seawall margin x --model pr", ["prbm"]),
        ("seawall margin x --model hyb", ["hybrid", "hybrid:"]),
        (
            "seawall margin x --model hybrid:c",
            ["hybrid:collateral-factor", "hybrid:cpm", "hybrid:cross"],
        ),
        ("seawall margin x --model hybrid:own/v", ["hybrid:own/venue.toml"]),
        ("seawall margin x --model mi", ["mine.toml"]),
        ("seawall margin x --model own/", ["own/venue.toml"]),
        ("seawall margin x --model=cro", ["cross"]),
        ("seawall models iso", ["isolated"]),
        ("seawall compare x --models cross,pr", ["cross,prbm"]),
        ("seawall compare x --models prbm,pr", []),
        ("seawall compare x --models cross,hybrid:iso", ["cross,hybrid:isolated"]),
        ("seawall compare x --models cross,mi", ["cross,mine.toml"]),
        ("seawall margin x --price PYU", ["PYUSD="]),
        ("seawall surface chain.csv --underlying ", ["BTC", "ETH"]),
        ("seawall surface futures.csv --underlying E", ["ETH"]),
        (
            "seawall what-if x -m chain.csv -m futures.csv --add BTC-P",
            ["BTC-PERPETUAL:"],
        ),
        ("seawall what-if x --add BTC-P -m futures.csv --add ETH-P", ["ETH-PERPETUAL:"]),
        ("seawall completion z", ["zsh"]),
        ("seawall schema ", list(DOCUMENTS)),
        ("seawall schema mar", ["margin-report"]),
        # The shell completes names of files where nothing is answered.
        ("seawall margin ", []),
        ("seawall margin x --market ", []),
        ("seawall margin x --to", []),
        ("seawall margin x --model nowhere/", []),
        ("seawall what-if x -m absent.csv --add B", []),
        ("seawall what-if x -m mine.toml --add B", []),
    ],
)
def test_values_are_completed(line: str, found: list[str], at_cursor) -> None:
    assert at_cursor(line) == found


def test_names_are_those_of_the_file(files: Path, tmp_path: Path) -> None:
    """A zipped file names the same; one that is cut off names nothing that is not in it."""
    names = named_instruments("chain.csv")
    options, _ = synthetic_quotes()
    assert list(names) == [each.name for each in options.instruments]
    content = (files / "chain.csv").read_bytes()
    zipped, cut = tmp_path / "chain.csv.gz", tmp_path / "cut.csv"
    zipped.write_bytes(gzip.compress(content))
    assert named_instruments(str(zipped)) == names
    for end in (len(content) // 2, len(content) // 3, 20, 0):
        cut.write_bytes(content[:end])
        found = named_instruments(str(cut))
        assert found == names[: len(found)]
        assert all(parse_name(name) for name in found)
        zipped.write_bytes(gzip.compress(content)[: end // 10])
        assert named_instruments(str(zipped)) == ()


# ---- how it is answered


def test_the_executable_answers_each_shell_in_its_own_way() -> None:
    bash = executable(
        _SEAWALL_COMPLETE="complete_bash", COMP_WORDS="seawall models pr", COMP_CWORD="2"
    )
    assert (bash.stdout, bash.stderr, bash.returncode) == ("prbm\n", "", 0)
    line = {"_TYPER_COMPLETE_ARGS": "seawall margin x --model hybrid:pr"}
    zsh = executable(_SEAWALL_COMPLETE="complete_zsh", **line)
    assert re.fullmatch(r"""_arguments '\*: :\(\("hybrid\\\\:prbm":".+"\)\)'\n""", zsh.stdout)
    asked = {"_SEAWALL_COMPLETE": "complete_fish", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    fish = executable(**asked, **line)
    assert re.fullmatch(r"hybrid:prbm\t\S.+\n", fish.stdout)
    power = executable(
        _SEAWALL_COMPLETE="complete_powershell",
        _TYPER_COMPLETE_WORD_TO_COMPLETE="hybrid:pr",
        **line,
    )
    assert re.fullmatch(r"hybrid:prbm:::\S.+\n", power.stdout)


@pytest.mark.parametrize(("line", "code"), [("seawall mar", 0), ("seawall margin ", 1)])
def test_fish_learns_from_the_exit_code_whether_to_complete_files(line: str, code: int) -> None:
    ran = executable(
        _SEAWALL_COMPLETE="complete_fish",
        _TYPER_COMPLETE_FISH_ACTION="is-args",
        _TYPER_COMPLETE_ARGS=line,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", code)


@pytest.mark.parametrize(
    "variables",
    [
        {"_SEAWALL_COMPLETE": "complete_bash"},
        {"_SEAWALL_COMPLETE": "complete_bash", "COMP_WORDS": "seawall", "COMP_CWORD": "x"},
        {"_SEAWALL_COMPLETE": "complete_nothing"},
        {"_SEAWALL_COMPLETE": "nothing"},
        {
            "_SEAWALL_COMPLETE": "complete_bash",
            "COMP_WORDS": "seawall models nowhere/",
            "COMP_CWORD": "2",
        },
    ],
)
def test_what_cannot_be_answered_is_silence(variables: dict[str, str]) -> None:
    ran = executable(**variables)
    assert ran.stdout.strip() == ran.stderr == ""


def test_completion_loads_neither_numpy_nor_a_table_reader() -> None:
    code = (
        "import sys; from seawall.cli.app import app;"
        "from seawall.cli.completion import answer_shell; answer_shell(app);"
        "print(sorted({'numpy', 'numba', 'polars', 'scipy'} & set(sys.modules)))"
    )
    line = "seawall what-if x -m chain.csv -m futures.csv --models cross --add BTC-PER"
    told = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {VARIABLE: "complete_bash", **told},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines() == ["BTC-PERPETUAL:", "[]"]


# ---- the scripts


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_ask_as_the_tests_above_do(shell: str, capfd: pytest.CaptureFixture[str]) -> None:
    script = answer(capfd, "completion", shell)
    assert VARIABLE in script
    assert f"complete_{shell}" in script
    assert "seawall" in script


def test_an_unknown_shell_is_an_error() -> None:
    ran = subprocess.run(
        [BIN / "seawall", "completion", "csh"], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert all(shell in ran.stderr for shell in SHELLS)


class Interactive:
    """A shell on a terminal of its own, that has read the script."""

    def __init__(self, *command: str) -> None:
        pty = pytest.importorskip("pty")
        self.ours, its = pty.openpty()
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        self.process = subprocess.Popen(
            command,
            stdin=its,
            stdout=its,
            stderr=its,
            env=os.environ | {"PATH": path, "TERM": "dumb", "PS1": "$ "},
            start_new_session=True,
        )
        os.close(its)
        self.shown = ""

    def type(self, keys: str, until: str) -> None:
        """Press keys and wait until a text is shown. A shell that is stuck fails the test."""
        self.shown = ""
        os.write(self.ours, keys.encode())
        end = time.monotonic() + 60.0
        while until not in self.shown:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.ours], [], [], max(0.0, left))
            assert ready, f"{keys!r} shows {self.shown!r}, not {until!r}"
            self.shown += os.read(self.ours, 65_536).decode()

    def leave(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


TYPED = (
    ("seawall mar\t", "seawall margin "),
    ("seawall margin cha\t", "chain.csv "),
    ("seawall margin x --mar\t", "--market "),
    ("seawall margin x -m fut\t", "futures.csv "),
    ("seawall margin x --model hybrid:cr\tEND", "--model hybrid:cross END"),
    ("seawall compare x --models prbm,iso\tEND", "--models prbm,isolated END"),
)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_at_the_key() -> None:
    bash = Interactive("bash", "--norc", "--noprofile", "-i")
    try:
        bash.type("source <(seawall completion bash); echo rea''dy\n", "ready")
        for keys, shown in (
            *TYPED,
            ("seawall margin x --model=hybrid:cr\tEND", "--model=hybrid:cross END"),
            ("seawall margin x --price PYU\tEND", "--price PYUSD=END"),
            ("seawall what-if x -m futures.csv --add BTC-P\t-1", "--add BTC-PERPETUAL:-1"),
        ):
            bash.type(keys, shown)
            bash.type("\x15echo ne''xt\n", "next")
    finally:
        bash.leave()


@pytest.mark.parametrize(
    ("command", "first"),
    [
        (
            ("zsh", "-f", "-i"),
            "autoload -Uz compinit; compinit -u; source <(seawall completion zsh)",
        ),
        (("fish", "--no-config", "-i"), "seawall completion fish | source"),
    ],
    ids=("zsh", "fish"),
)
def test_other_shells_complete_at_the_key(command: tuple[str, ...], first: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed: its script is typer's, and is not tried here")
    shell = Interactive(*command)
    try:
        shell.type(f"{first}; echo rea''dy\n", "ready")
        for keys, shown in TYPED[:1]:
            shell.type(keys, shown)
            shell.type("\x15echo ne''xt\n", "next")
    finally:
        shell.leave()
