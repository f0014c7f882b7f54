"""What came of margining a file of accounts: totals and counts; the margins are in a file."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from seawall.basics.time import UtcTime
from seawall.margin.status import State
from seawall.report.schema import Document, ModelInfo


class StateCount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many accounts are in a state."""

    state: State
    accounts: int


class BatchSummary(Document, frozen=True, kw_only=True, tag="seawall.batch-summary/1"):
    """Totals over all accounts of a file under one model, and where their margins were written.

    Amounts are sums of those of the accounts. ``rejected_rows`` cannot be margined and are listed
    in the file ``rejected`` with why; ``rejected_accounts``, which hold them, are in no total.
    ``resumed_accounts`` were margined before, by a run that did not end; ``accounts_per_s`` counts
    the others, ``seconds`` is this run's.
    """

    model: ModelInfo
    currency: str
    as_of: UtcTime
    accounts: int
    positions: int
    initial: Decimal
    maintenance: Decimal
    margin_value: Decimal
    equity: Decimal
    states: tuple[StateCount, ...]
    rejected_accounts: int
    rejected_rows: int
    resumed_accounts: int
    seconds: float
    accounts_per_s: float
    result: str
    rejected: str | None
    explained: tuple[str, ...]
    warnings: tuple[str, ...]
