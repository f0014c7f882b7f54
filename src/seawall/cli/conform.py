"""``seawall conform``: published cases of other margin engines, held against a model."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.cli.errors import NOT_CONFORMING
from seawall.cli.inputs import model_of
from seawall.cli.options import Json, Out, Overwrite
from seawall.cli.output import output

if TYPE_CHECKING:
    from seawall.cli.terminal import Terminal
    from seawall.report.conformance import CaseFigure, Conformance


def conform(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="The model that the cases were published for.")
    ],
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Case files as their publisher has them.")
    ],
    as_json: Json = False,
    out: Out = None,
    overwrite: Overwrite = False,
) -> None:
    """Hold a model against published cases: expected, computed, error, passed or not.

    \b
    Examples:
      seawall conform reg-t strategies.json
      seawall conform reg-t strategies.json --json
      seawall conform reg-t strategies.json --out cases.xlsx --overwrite
    """
    from seawall.feeds.conform.run import conform as held

    report = held(model_of(model), files)
    output([report], _show, as_json, out, overwrite)
    if not report.passed:
        raise typer.Exit(NOT_CONFORMING)


def _show(report: Conformance, terminal: Terminal) -> None:
    from seawall.cli.tables import plain_table
    from seawall.report.words import cases_sentence

    table = plain_table(None, "case", "figure", "expected", "computed", "error", "", left=2)
    figures = iter(report.figures)
    for case in report.cases:
        name = f"{case.file}: {case.case}"
        if case.skipped is not None:
            table.add_row(name, case.skipped, "", "", "", "skipped")
        elif case.failed is not None:
            table.add_row(name, case.failed, "", "", "", "FAIL")
        for figure in islice(figures, case.figures):
            table.add_row(name, *_figure(figure))
    terminal.show(table)
    terminal.print(cases_sentence(report))


def _figure(figure: CaseFigure) -> tuple[str, ...]:
    computed, error = (
        ("none", "")
        if figure.computed is None
        else (f"{figure.computed:,.10g}", f"{figure.error:.1e}")
    )
    passed = "pass" if figure.passed else "FAIL"
    return figure.figure, f"{figure.expected:,.10g}", computed, error, passed
