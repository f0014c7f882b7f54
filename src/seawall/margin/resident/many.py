"""All resident accounts at once: their totals from the figures of every part.

Accounts whose figures do not tell, under a model whose positions do not net say, are margined as
:mod:`seawall.margin.accounts.requirement` margins many: what a report takes on one, on all at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seawall.kernels.resident_totals import FIGURES
from seawall.margin.accounts.requirement import ModelArrays, margin_of_accounts
from seawall.margin.model import MarginModel
from seawall.margin.resident.parts import Part
from seawall.margin.resident.state import State
from seawall.margin.resident.totals import totals_of_many
from seawall.risk.accounts import Accounts, Instruments, UnderlyingAccounts
from seawall.risk.book import Book
from seawall.risk.joint_scenarios import JointScenarios
from seawall.risk.resident import accounts_in, positions_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def totals_of_all(state: State, count: int) -> tuple[Floats, Integers]:
    """The totals [A, TOTALS] of ``count`` accounts by place, and the places of those that are still
    to be asked one by one: such as have traded lately and only exact arithmetic tells.
    """
    account: list[Integers] = [np.zeros(0, dtype=np.int64)]
    figures: list[list[Floats]] = [[np.zeros((0, FIGURES))] for _ in state.levels]
    offset: list[list[Integers]] = [[np.zeros(0, dtype=np.int64)] for _ in state.levels]
    for k, part in enumerate(state.parts):
        places, rows = _rows(state, k, part)
        account.append(places)
        for m, terms in enumerate(part.terms):
            figures[m].append(rows[m])
            offset[m].append(np.full(places.size, terms.offset))
    totals = totals_of_many(
        np.concatenate(account),
        [np.concatenate(rows) for rows in figures],
        [np.concatenate(own) for own in offset],
        count,
        state.levels,
    )
    unknown = np.flatnonzero(~np.isfinite(totals).all(axis=1))
    lately = np.array(sorted({*state.fresh, *(a for p in state.parts for a in p.changed)}))
    one_by_one = np.intersect1d(unknown, lately).astype(np.int64)
    at_once = np.setdiff1d(unknown, one_by_one)
    if at_once.size:
        totals[at_once] = _exact(state, at_once)
    return totals, one_by_one


def _rows(state: State, k: int, part: Part) -> tuple[Integers, list[Floats]]:
    """Places of accounts in a part and their figures under each model, the newest of each."""
    newer = {account: own for account, (_, own) in part.changed.items()}
    for account in state.fresh.values():
        if k in account.touched:
            newer[account.place] = state.held(account, k).figures
    block = part.block
    if not newer:
        return block.account, list(part.figures)
    places = np.array(list(newer), dtype=np.int64)
    stays = ~np.isin(block.account, places)
    rows = [
        np.concatenate([own[stays], *(figures[m] for figures in newer.values())])
        for m, own in enumerate(part.figures)
    ]
    return np.concatenate([block.account[stays], places]), rows


def _exact(state: State, places: Integers) -> Floats:
    """The totals of accounts that have not traded lately, by the way of many accounts."""
    found: list[UnderlyingAccounts] = []
    money = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    for part in state.parts:
        block = part.block
        own = np.flatnonzero(np.isin(block.account, places))
        account = np.searchsorted(places, block.account[own])
        start, stop = block.start[own], block.stop[own]
        if part.units.book is not None:
            if own.size:
                found.append(accounts_in(part.units, part.worth, account, start, stop))
            continue
        here = positions_of(start, stop)
        row = part.worth.row[here].astype(np.int64)
        money = np.repeat(account, stop - start), row, part.worth.value[here]
    units = state.parts[0].units
    held = tuple(zip(units.positions, units.worth_usd, strict=True))
    books = tuple(part.units.book for part in state.parts if part.units.book is not None)
    nothing = np.zeros(0, dtype=np.int64)
    liquidity = state.liquidity([own.underlying for own in books])
    book = Book(
        "all accounts",
        state.as_of,
        books,
        held,
        liquidity,
        warnings=(),
        history=state.base.history,
    )
    accounts = Accounts(
        instruments=Instruments(book, nothing, nothing),
        count=places.size,
        underlyings=tuple(found),
        money_account=money[0],
        money_place=money[1],
        money_usd=money[2],
    )
    second = state.model.second
    others = None if second is None else _arrays(state, accounts.instruments, 1, second, None)
    arrays = _arrays(state, accounts.instruments, 0, state.model, others)
    margin = margin_of_accounts(accounts, arrays)
    return np.stack(
        [
            margin.initial_usd,
            margin.maintenance_usd,
            *(
                cents.astype(np.float64)
                for cents in (
                    margin.initial_cents,
                    margin.maintenance_cents,
                    margin.equity_cents,
                    margin.haircut_cents,
                )
            ),
        ],
        axis=1,
    )


def _arrays(
    state: State,
    instruments: Instruments,
    place: int,
    model: MarginModel,
    second: ModelArrays | None,
) -> ModelArrays:
    """The risk arrays of all parts under the first or the second model; under joint scenarios those
    of all underlyings at the state's own time, of which parts have none.
    """
    if isinstance(model.scenarios, JointScenarios):
        return ModelArrays.of(instruments, model)
    of_parts = ((part.units.underlying, part.terms[place].array) for part in state.parts)
    return ModelArrays(model, {name: own for name, own in of_parts if own is not None}, second)
