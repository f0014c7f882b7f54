"""Case files held against a model, figure by figure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from seawall.basics.errors import SeawallError, UnrecognisedFile
from seawall.feeds.conform import (
    bybit,
    deribit,
    deribit_sm,
    derive_pm2,
    derive_pmrm,
    derive_srm,
    derive_srm_upstream,
    drift,
    dydx,
    grappa,
    mango,
    okx,
    paradex,
    regt,
    span,
    tims,
    vega,
)
from seawall.feeds.conform.cases import Case
from seawall.feeds.files import WRITE_AGAIN, as_path, read_text, unreadable
from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.report.build import model_info
from seawall.report.conformance import CaseFigure, CaseOutcome, Conformance

MAX_CASES_BYTES = 64 * 1024**2

Reader: TypeAlias = Callable[[Any, MarginModel, str], Iterator[Case] | None]
"""The cases of a document, told where it stands; None where it has another shape."""

READERS: tuple[Reader, ...] = (
    derive_srm.cases,
    derive_srm_upstream.cases,
    derive_pm2.cases,
    derive_pmrm.cases,
    dydx.cases,
    drift.cases,
    vega.cases,
    regt.cases,
    grappa.cases,
    deribit.cases,
    deribit_sm.cases,
    tims.cases,
    paradex.cases,
    okx.cases,
    bybit.cases,
    mango.cases,
    span.cases,
)


def conform(model: str | MarginModel, files: Iterable[str | Path]) -> Conformance:
    """Read published case files, and compute every case by the engine's parts under a model.

    Raises UnreadableFile, UnrecognisedFile for a file that no reader takes, before any case is
    computed, and UnknownModel; what is wrong with one case fails that case alone.
    """
    chosen = load_preset(model) if isinstance(model, str) else model
    told = [(path.name, _cases(chosen, path)) for path in map(as_path, files)]
    found = [one for file, cases in told for one in _outcomes(cases, file)]
    cases = tuple(case for case, _ in found)
    return Conformance(
        model=model_info(chosen),
        passed=all(case.passed for case in cases) and any(case.skipped is None for case in cases),
        cases=cases,
        figures=tuple(figure for _, figures in found for figure in figures),
    )


def _outcomes(
    cases: Iterator[Case], file: str
) -> Iterator[tuple[CaseOutcome, tuple[CaseFigure, ...]]]:
    """Every case of a file; one that cannot be read fails, and none can be read after it."""
    try:
        for case in cases:
            yield held(case, file)
    except SeawallError as error:
        failed = CaseOutcome(
            file=file, case="unread", figures=0, passed=False, skipped=None, failed=str(error)
        )
        yield failed, ()


def _cases(model: MarginModel, path: Path) -> Iterator[Case]:
    document = _document(path)
    for reader in READERS:
        cases = reader(document, model, path.name)
        if cases is not None:
            return cases
    raise UnrecognisedFile(
        "no published cases of a shape that is known",
        where=str(path),
        remedy="Give a file as its publisher wrote it; docs/conform.md lists them.",
    )


def _document(path: Path) -> Any:
    text = read_text(path, "JSON", MAX_CASES_BYTES)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unreadable(path, f"it is not JSON: {error!s:.80}", WRITE_AGAIN) from None


def held(case: Case, file: str) -> tuple[CaseOutcome, tuple[CaseFigure, ...]]:
    """A case of a file computed: how it comes out, and figure by figure."""
    failed, figures = None, ()
    if case.skipped is None:
        try:
            computed = case.compute()
            figures = tuple(
                _figure(name, expected, computed.get(name), case, file)
                for name, expected in case.expected.items()
            )
        except SeawallError as error:
            failed = str(error.located(f"{file}, case {case.name}", ""))
    outcome = CaseOutcome(
        file=file,
        case=case.name,
        figures=len(figures),
        passed=failed is None and all(figure.passed for figure in figures),
        skipped=case.skipped,
        failed=failed,
    )
    return outcome, figures


def _figure(
    name: str, expected: float, computed: float | None, case: Case, file: str
) -> CaseFigure:
    # A figure that is no number is within nothing.
    known = computed is not None and math.isfinite(computed)
    error = computed - expected if computed is not None and known else None
    most = max(case.tolerance_abs, case.tolerance_rel * abs(expected))
    return CaseFigure(
        file=file,
        case=case.name,
        figure=name,
        expected=expected,
        computed=computed if known else None,
        error=error,
        passed=error is not None and abs(error) <= most,
    )
