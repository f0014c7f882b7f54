"""What runs on the other side: a worker that holds a market, a model and accounts."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import numpy as np

from seawall import __version__
from seawall.cluster.holdings import Fill, Held, Holdings
from seawall.cluster.runtime import load_ray
from seawall.feeds.account_margins import margin_of_columns
from seawall.feeds.position_tables import HeldInstruments, held_instruments
from seawall.margin.accounts.requirement import AccountsMargin, ModelArrays
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio


def versions() -> dict[str, str]:
    """What must be alike on every machine for the same numbers to the last bit."""
    return {
        "seawall": __version__,
        "Python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "polars")},
    }


class Worker:
    """One process on one CPU; Ray runs one method at a time, in the order they were asked for.

    Markets come as a reference in a list, which Ray leaves for the worker to fetch: an argument of
    its own would be fetched and read again at every call.
    """

    def __init__(self, model: MarginModel) -> None:
        # Ray gives a worker one CPU, and polars would take all. It reads this at its import.
        os.environ.setdefault("POLARS_MAX_THREADS", "1")
        self._ray = load_ray()
        self._model = model
        self._reference: Any = None
        self._market: MarketSnapshot
        self._known: tuple[HeldInstruments, ModelArrays] | None = None
        self._holdings: Holdings
        self._applied = 0
        self._checked: tuple[int, dict[str, Portfolio]] = (0, {})

    def versions(self) -> dict[str, str]:
        """This process's."""
        return versions()

    def hold(self, market: list[Any]) -> None:
        """Fetch and keep a market."""
        [self._reference] = market
        self._market = self._ray.get(self._reference)
        self._known = None

    def margin(self, held: Held) -> AccountsMargin:
        """The margin of accounts in the market held; of accounts that do not stay here."""
        if not held.count:
            return AccountsMargin.joined([])
        known, arrays = self._arrays_of(held.names)
        columns = held.columns
        places = [known.place[name] for name in held.names]
        if places != list(range(len(places))):
            place = np.array(places)
            columns = replace(columns, instrument=place[columns.instrument])
        return margin_of_columns(columns, held.count, known.joined, arrays, threads=1)

    def load(self, accounts: Sequence[str], held: Held, market: list[Any]) -> None:
        """Let accounts stay here, as they are counted at a market's marks."""
        self._holdings = Holdings(accounts, held, self._fetched(market))
        self._applied = 0

    def check(self, number: int, fills: Sequence[Fill]) -> None:
        """Find what the fills of a number lead to in the market held, and change nothing."""
        self._checked = number, self._holdings.after(fills, self._market)

    def apply(self, number: int, fills: Sequence[Fill], market: list[Any]) -> None:
        """Apply the fills of a number, at a market, once however often they come.

        Numbers ascend. One that is not above the last was applied by a task that then reported an
        error, or whose answer was lost.
        """
        if number <= self._applied:
            return
        at = self._fetched(market)
        known, books = self._checked
        self._holdings.take(books if known == number else self._holdings.after(fills, at), at)
        self._applied = number

    def tick(self) -> AccountsMargin:
        """The margin of all accounts that stay here, in the market held."""
        return self.margin(self._holdings.at(self._market))

    def requirement(self, accounts: Sequence[str]) -> AccountsMargin:
        """The margin of the accounts named, in their order, in the market held."""
        return self.margin(self._holdings.at(self._market, accounts))

    def _fetched(self, market: list[Any]) -> MarketSnapshot:
        [reference] = market
        return self._market if reference == self._reference else self._ray.get(reference)

    def _arrays_of(self, names: Sequence[str]) -> tuple[HeldInstruments, ModelArrays]:
        """Instruments, these among them, with their risk arrays: made once a market, and again
        where a name is new.
        """
        before = () if self._known is None else self._known[0].place
        if self._known is None or any(name not in before for name in names):
            held = held_instruments(dict.fromkeys((*before, *names)), self._market)
            self._known = held, ModelArrays.of(held.joined, self._model)
        return self._known
