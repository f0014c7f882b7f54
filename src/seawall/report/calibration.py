"""What a calibration moves: each parameter with its factors, and what it does to accounts."""

from __future__ import annotations

from decimal import Decimal

from seawall.basics.time import UtcTime
from seawall.report.schema import Document, ModelInfo, Part


class ParameterMove(Part, frozen=True, kw_only=True):
    """One number of a model: ``key`` where it stands, ``before`` and ``after``.

    ``raw`` is what the market alone says, ``wanted`` what it is with stress weight, buffer and
    floor. ``in_force_from`` is the date of effect. Where ``needs_confirmation`` a part of the rise
    is held until two persons confirm it. ``cause`` says in one line what moved it.
    """

    key: str
    before: float
    after: float
    change_rel: float
    raw: float
    wanted: float
    in_force_from: UtcTime
    needs_confirmation: bool
    cause: str


class ParameterFactor(Part, frozen=True, kw_only=True):
    """One named factor of a parameter, with why it is what it is."""

    key: str
    name: str
    value: float
    why: str


class AccountMove(Part, frozen=True, kw_only=True):
    """An account's margin with the numbers before and with those after."""

    account: str
    currency: str
    initial_before: Decimal
    initial_after: Decimal
    maintenance_before: Decimal
    maintenance_after: Decimal


class AccountNotice(Part, frozen=True, kw_only=True):
    """What one parameter alone does to an account: margin with it moved less margin before.

    Each is against the numbers before, so they need not add up to what all do together.
    """

    account: str
    key: str
    before: float
    after: float
    cause: str
    in_force_from: UtcTime
    initial: Decimal
    maintenance: Decimal


class CalibrationReport(Document, frozen=True, kw_only=True, tag="seawall.calibration/1"):
    """A new set of a model's numbers: what moved and why, and what it does to accounts.

    ``model`` is the new one, ``base`` the preset it is made from, ``previous`` whose numbers stand
    before. ``kept`` are parameters that stay, with the reason. Accounts and notices are there when
    a book and a market were given.
    """

    model: ModelInfo
    base: str
    previous: str
    as_of: UtcTime
    moves: tuple[ParameterMove, ...]
    factors: tuple[ParameterFactor, ...]
    accounts: tuple[AccountMove, ...]
    notices: tuple[AccountNotice, ...]
    kept: tuple[str, ...]
    warnings: tuple[str, ...]
