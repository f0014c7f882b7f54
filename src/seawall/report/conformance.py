"""How a model stands against published cases: what is expected, what is computed, the error."""

from __future__ import annotations

from seawall.report.schema import Document, ModelInfo, Part


class CaseFigure(Part, frozen=True, kw_only=True):
    """One number of a case: ``error`` is what is computed less what is expected.

    Both are None where nothing was computed, which passes nowhere.
    """

    file: str
    case: str
    figure: str
    expected: float
    computed: float | None
    error: float | None
    passed: bool


class CaseOutcome(Part, frozen=True, kw_only=True):
    """One case of a file. ``skipped`` is why its publisher has disabled it, or why it cannot be
    asked of the model; ``failed`` why it could not be computed; neither has figures.
    """

    file: str
    case: str
    figures: int
    passed: bool
    skipped: str | None
    failed: str | None


class Conformance(Document, frozen=True, kw_only=True, tag="seawall.conformance/1"):
    """All cases of some files under a model, and their figures.

    ``passed`` says that every case passes and that at least one was not skipped.
    """

    model: ModelInfo
    passed: bool
    cases: tuple[CaseOutcome, ...]
    figures: tuple[CaseFigure, ...]
