"""Completion in a shell: the scripts that ask ``seawall``, and what it answers at the cursor.

Commands, options and choices are typer's to complete; here is what can stand for a value. A
parameter without a function of these, such as BOOK or FILE, is left to the shell, which completes
names of files. The shell waits for every answer, so nothing here loads numpy or a table reader.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Annotated, Literal

import typer

VARIABLE = "_SEAWALL_COMPLETE"
"""Set by the scripts: which shell asks. It waits for an answer instead of running a command."""

Shell = Literal["bash", "zsh", "fish", "powershell"]

# Bash also ends words at : = and @, which stand inside ours. The line is therefore handed on as it
# is typed, and of an answer only what follows the last of these is put in.
_BASH = """\
_seawall_completion() {
    local line=${COMP_LINE:0:COMP_POINT} breaks=${COMP_WORDBREAKS//[^:=@]/}
    local word=${line##*[[:space:]]} typed= answer
    local -a words
    read -ra words <<< "$line"
    [[ $word ]] && unset "words[-1]"
    [[ $word == --*=* ]] && word=${word#*=}
    [[ $breaks ]] && typed=${word%"${word##*[$breaks]}"}
    COMPREPLY=()
    while IFS= read -r answer; do
        [[ $answer ]] && COMPREPLY+=("${answer#"$typed"}")
    done < <(COMP_WORDS=$line COMP_CWORD=${#words[@]} _SEAWALL_COMPLETE=complete_bash seawall)
    [[ ${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace
    return 0
}
complete -o default -F _seawall_completion seawall
"""


def show_script(
    shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh, fish or powershell.")],
) -> None:
    """Print the script by which a shell completes what is typed.

    \b
    Examples:
      seawall completion bash >> ~/.bashrc
      seawall completion zsh > ~/.zfunc/_seawall
      seawall completion fish > ~/.config/fish/completions/seawall.fish
    """
    sys.stdout.write(completion_script(shell))


def completion_script(shell: Shell) -> str:
    """The script that makes a shell ask ``seawall``; typer's own but for bash."""
    if shell == "bash":
        return _BASH
    from typer.completion import (
        get_completion_script,  # pyright: ignore[reportPrivateImportUsage]
    )

    return get_completion_script(prog_name="seawall", complete_var=VARIABLE, shell=shell) + "\n"


def answer_shell(app: typer.Typer) -> int:
    """Print what can stand at the cursor that the shell tells of; its exit code, which fish reads.

    Nothing is said on stderr, whatever happens: it would stand in the middle of a line.
    """
    from typer.completion import completion_init  # pyright: ignore[reportPrivateImportUsage]

    with contextlib.redirect_stderr(io.StringIO()):
        try:
            completion_init()
            app(args=[], prog_name="seawall", standalone_mode=False)
        except SystemExit as answered:
            return answered.code if isinstance(answered.code, int) else 1
        except (Exception, KeyboardInterrupt):  # noqa: BLE001 - no answer is an answer
            return 1
    return 0


# ---- what can stand for a value; each yields values, or values with a line of help


def models(incomplete: str) -> list[tuple[str, str]]:
    """Presets with their titles, after ``hybrid:`` its second model, and files of models."""
    from seawall.margin.catalogue import preset_names, preset_text

    tables = {name: tomllib.loads(preset_text(name)) for name in preset_names()}
    titles = {name: str(table["title"]) for name, table in tables.items()}
    hybrids = [name for name, table in tables.items() if "second" in table]
    first, colon, rest = incomplete.partition(":")
    if colon and first in hybrids:
        seconds = {name: title for name, title in titles.items() if name not in hybrids}
        return [(f"{first}:{n}", t) for n, t in (*seconds.items(), *_model_files(rest))]
    open_ended = ((f"{name}:", "with another second model") for name in hybrids)
    return [*titles.items(), *open_ended, *_model_files(incomplete)]


def several_models(incomplete: str) -> list[tuple[str, str]]:
    """The same for the last of a list with commas, without those that are in it."""
    head, comma, last = incomplete.rpartition(",")
    known = head.split(",")
    return [(f"{head}{comma}{n}", title) for n, title in models(last) if n not in known]


def trades(ctx: typer.Context, incomplete: str) -> list[str]:
    """The instruments of the market files that are already on the line."""
    return [f"{name}:" for name in _names_on_the_line(ctx)]


def underlyings(ctx: typer.Context, incomplete: str) -> list[str]:
    """The underlyings of those instruments."""
    return sorted({re.split("[-_]", name)[0] for name in _names_on_the_line(ctx)})


def prices(incomplete: str) -> list[str]:
    """Assets that are known by name, stablecoins among them; any coin may have a price."""
    from seawall.products.names import NAMED_ASSETS

    return [f"{asset}=" for asset in sorted(NAMED_ASSETS)]


def documents() -> tuple[str, ...]:
    """What has a schema, by name; the classes themselves would load numpy."""
    return (
        "margin-report",
        "comparison",
        "explanation",
        "what-if",
        "reduction",
        "change",
        "surface",
        "batch-summary",
        "conformance",
        "calibration",
        "span-margin",
        "backtest",
    )


def _names_on_the_line(ctx: typer.Context) -> list[str]:
    from seawall.feeds.glance import named_instruments

    options: list[str] = ctx.params.get("market") or []
    # An option that waits for its value leaves the arguments before it where no parameter has them.
    return [name for file in (*options, *ctx.args) for name in named_instruments(file)]


def _model_files(incomplete: str) -> Iterator[tuple[str, str]]:
    """Files that end as models do, in the folder that is typed."""
    folder, begun = os.path.split(incomplete)
    for name in sorted(os.listdir(folder or ".")):
        if name.startswith(begun) and name.endswith(".toml"):
            yield os.path.join(folder, name), "a model in a file"
