"""What a model asks of the positions in one underlying, laid out for accounts that stay in memory.

Floors, charges of underlyings and haircuts are formulas of sums over positions. Here their terms
become columns, equal ones once, so that one pass over the positions of an account, or of all
accounts, gives every sum; :mod:`seawall.margin.resident.figures` puts them into the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.kernels import resident
from seawall.kernels.resident_totals import ALONE, IN_OFFSET, WITHOUT_SCENARIOS
from seawall.margin.accounts.collateral import CutRates
from seawall.margin.accounts.fold import ArrayInRows
from seawall.margin.charges.base import NamedCharge, PositionCharge, UnderlyingCharge
from seawall.margin.charges.concentration import ConcentrationCharge, CrowdTable
from seawall.margin.classes import UnderlyingClass, class_of
from seawall.margin.floors import Floor
from seawall.margin.fold import EachPosition
from seawall.margin.model import MarginModel
from seawall.market.liquidity import Liquidity
from seawall.products.instruments import Instrument, LpShare, RealWorldAsset
from seawall.risk.book import UnderlyingBook
from seawall.risk.resident import Worth
from seawall.risk.sums import PerBucket, PerUnit, Term, Total

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Tables = tuple[Floats, Floats, Floats, Floats, Flags, Floats, Flags, Integers, Floats]

Picked = Callable[[Sequence[Total]], Sequence[Total]]
"""Takes the sums that a formula asks for out of a row."""

# Rows of terms are whole vectors of the widest processors.
_LANES = 8


class OfUnits(NamedTuple):
    """What a formula is taken on, whose terms are those of one unit of each instrument.

    As :class:`seawall.margin.charges.base.Charged`, of one account or of many.
    """

    book: UnderlyingBook
    numbers: UnderlyingClass
    liquidity: Liquidity
    worst_loss: Total = 0.0
    earned_coins: Total = 0.0


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """A model's formulas of one underlying in a market, or of money, with the places of their sums.

    ``on`` and ``array`` are None of money and of collateral in no class, the latter of a model
    without scenarios too; ``offset``
    is the place of the offset that the underlying is in, −1 for none, and ``losses`` what its
    losses are added to. Floors and charges, first those at both levels, stand with what takes the
    sums that they ask for out of a row, ``crowds`` is the charge for concentration with what it
    asks of the underlying, and ``others`` are charges that no kernel knows. ``collateral`` takes
    out rows of values, then their haircuts, ``net`` is the rate that is cut off the value of
    everything, and its place, and ``counts`` [4] how many amounts there are of each kind of
    :mod:`seawall.kernels.resident_totals`; ``reach`` the place of the most that a cell can be, in
    USD. A row has ``columns`` sums, made of ``tables``, the arrays from ``terms`` on of
    :mod:`seawall.kernels.resident`. Where the fold does not net, ``is_exact`` says that none of
    this holds.
    """

    model: MarginModel
    on: OfUnits | None
    array: ArrayInRows | None
    offset: int
    losses: int
    floors: tuple[tuple[Floor, Picked], ...]
    charges: tuple[tuple[UnderlyingCharge, Picked], ...]
    crowds: tuple[ConcentrationCharge, CrowdTable] | None
    others: tuple[NamedCharge, ...]
    collateral: Picked
    net: tuple[float, int]
    counts: Integers
    reach: int
    columns: int
    tables: Tables
    is_exact: bool
    coin_reach_usd: float

    @classmethod
    def of(
        cls,
        book: UnderlyingBook,
        liquidity: Liquidity,
        array: ArrayInRows | None,
        model: MarginModel,
    ) -> ModelTerms:
        """The formulas of an underlying, of which ``book`` has one unit of each instrument.

        Raises BadParameter when no class takes it.
        """
        on = OfUnits(book, class_of(book.underlying, model.classes), liquidity)
        of_positions = [c for c in model.charges if isinstance(c, PositionCharge)]
        charges = [c for c in model.charges if isinstance(c, UnderlyingCharge)]
        charges.sort(key=lambda charge: not charge.in_maintenance)
        crowding = next((c for c in model.charges if isinstance(c, ConcentrationCharge)), None)
        cuts = model.collateral.cut_rates(book, model.classes)
        limits = np.zeros(len(book.positions)) if array is None else array.most_pnl_usd
        columns = _Columns(limits.size)
        outright = np.where(book.is_spot, 1.0, 0.0)
        columns.ask([PerUnit.gross(outright)])
        reach = columns.ask([PerUnit.gross(limits)])
        floors = [columns.ask(floor.terms(book)) for floor in model.floors]
        costs = [columns.ask(charge.terms(on)) for charge in charges]
        rows = [columns.ask(terms, of_value=True) for terms in _row_terms(book, cuts)]
        net = columns.ask([PerUnit.net(np.ones(limits.size))], of_value=True)
        offset = _offset_of(book.underlying, model)
        tables = columns.tables(
            [(charge.of_value, *charge.rates(on)) for charge in of_positions],
            _kinds(book, on.numbers),
            cuts.rate,
            cuts.peg,
            short_cut=0.0,
            book=book,
        )
        known = (*of_positions, *charges, crowding)
        both = sum(charge.in_maintenance for charge in charges)
        of_collateral = len(rows), len(rows) + 1
        return cls(
            model=model,
            on=on,
            array=array,
            offset=offset,
            losses=WITHOUT_SCENARIOS if array is None else ALONE if offset < 0 else IN_OFFSET,
            floors=tuple(zip(model.floors, map(columns.picked, floors), strict=True)),
            charges=tuple(zip(charges, map(columns.picked, costs), strict=True)),
            crowds=None if crowding is None else (crowding, crowding.crowd_table(on, array)),
            others=tuple(c for c in model.charges if all(c is not own for own in known)),
            collateral=columns.picked([*(value for value, _ in rows), *(cut for _, cut in rows)]),
            net=(cuts.net, columns.places(net)[0]),
            counts=np.array([(crowding is not None) + both, len(charges) - both, *of_collateral]),
            reach=columns.places(reach)[0],
            columns=columns.count,
            tables=tables,
            is_exact=isinstance(model.fold, EachPosition)
            or (model.offsets is not None and model.offsets.adds_cells_of(book.underlying))
            or (model.fold is not None and (array is None or not model.fold.is_linear)),
            coin_reach_usd=book.spot_usd * (0.0 if array is None else array.most_move_rel),
        )

    def sums(self, worth: Worth, start: Integers, stop: Integers) -> Floats:
        """The sums over segments [start, stop) of positions; shape [G, N]."""
        terms, values, deltas, weight, net, costs, of_value, kind, cuts = self.tables
        out = np.empty((start.size, self.columns))
        resident.sum_terms(*worth.columns, start, stop, terms, values, deltas, weight, net, out)
        row, quantity, value = worth.row, worth.quantity, worth.value
        resident.add_singles(row, quantity, value, start, stop, costs, of_value, kind, cuts, out)
        return out

    @property
    def spot_usd(self) -> float:
        """USD per coin; 0 of money."""
        return 0.0 if self.on is None else self.on.book.spot_usd

    @classmethod
    def of_money(cls, money: Sequence[Instrument], model: MarginModel) -> ModelTerms:
        """The formulas of cash, stablecoins and claims on these."""
        cuts = [model.collateral.money_cut(held) for held in money]
        rate, peg = np.array([cut[0] for cut in cuts]), np.array([cut[2] for cut in cuts])
        rates = [charge.money_rates(money) for charge in model.charges]
        columns = _Columns(len(money))
        columns.ask([PerUnit.gross(np.ones(len(money)))])
        tables = columns.tables(
            [(True, *own) for own in rates if own is not None],
            np.full(len(money), resident.OUTRIGHT),
            rate,
            peg,
            short_cut=np.where([cut[1] for cut in cuts], rate, 0.0),
        )
        others = any(
            own is None and type(charge).on_money is not NamedCharge.on_money
            for charge, own in zip(model.charges, rates, strict=True)
        )
        return cls._without_formulas(model, columns, tables, is_exact=others)

    @classmethod
    def of_collateral(cls, assets: int, model: MarginModel) -> ModelTerms:
        """Of so many assets that are collateral alone and in no class: only exact arithmetic
        tells.
        """
        columns, nothing = _Columns(assets), np.zeros(assets)
        columns.ask([PerUnit.gross(np.ones(assets))])
        kind = np.full(assets, resident.OUTRIGHT)
        tables = columns.tables([], kind, nothing, nothing, short_cut=0.0)
        return cls._without_formulas(model, columns, tables, is_exact=True)

    @classmethod
    def _without_formulas(
        cls, model: MarginModel, columns: _Columns, tables: Tables, *, is_exact: bool
    ) -> ModelTerms:
        return cls(
            model=model,
            on=None,
            array=None,
            offset=-1,
            losses=WITHOUT_SCENARIOS,
            floors=(),
            charges=(),
            crowds=None,
            others=(),
            collateral=columns.picked([]),
            net=(0.0, 0),
            counts=np.zeros(4, dtype=np.int64),
            reach=0,
            columns=columns.count,
            tables=tables,
            is_exact=is_exact,
            coin_reach_usd=0.0,
        )


def _offset_of(underlying: str, model: MarginModel) -> int:
    """The place of the offset that an underlying is in; −1 for none."""
    groups = () if model.offsets is None else model.offsets.groups
    inside = (place for place, group in enumerate(groups) if underlying in group.members)
    return next(inside, -1)


def _row_terms(book: UnderlyingBook, cuts: CutRates) -> list[tuple[PerUnit, PerUnit]]:
    """Value and haircut of the rows of options and of unrealised profit; each outright holding has
    a row of its own.
    """
    groups = (book.is_option, ~book.is_spot & ~book.is_option)
    return [
        (
            PerUnit.net(np.where(group, 1.0, 0.0)),
            PerUnit.long_only(np.where(group, cuts.rate, 0.0)),
        )
        for group in groups
    ]


def _kinds(book: UnderlyingBook, numbers: UnderlyingClass) -> Integers:
    """The kind of each row, by the rules of :func:`seawall.margin.collateral.in_array`."""
    held = (position.instrument for position in book.positions)
    pools = any(isinstance(asset, LpShare | RealWorldAsset) for asset in held)
    outright = resident.APART if pools or numbers.takes_the_rest else resident.OUTRIGHT
    return np.where(book.is_spot, outright, resident.IN_CONTRACTS)


class _Columns:
    """Terms as they are asked for, equal ones once; their places are known when all are asked."""

    def __init__(self, instruments: int) -> None:
        self._instruments = instruments
        self._terms: dict[bytes, PerUnit] = {}
        self._values: dict[bytes, PerUnit] = {}
        self._buckets: list[PerBucket] = []

    def ask(self, terms: Sequence[Term], *, of_value: bool = False) -> list[tuple[str, int]]:
        """What is summed over quantities, or over values."""
        found: list[tuple[str, int]] = []
        for term in terms:
            if isinstance(term, PerBucket):
                self._buckets.append(term)
                found.append(("buckets", len(self._buckets) - 1))
                continue
            known = self._values if of_value else self._terms
            key = term.long.tobytes() + term.short.tobytes()
            known.setdefault(key, term)
            found.append(("values" if of_value else "terms", list(known).index(key)))
        return found

    def places(self, asked: Sequence[tuple[str, int]]) -> tuple[int, ...]:
        """Where the sums stand in a row."""
        first = {"terms": resident.FIXED_SUMS}
        first["values"] = first["terms"] + _whole(len(self._terms))
        first["buckets"] = first["values"] + _whole(len(self._values))
        return tuple(first[of] + place for of, place in asked)

    def picked(self, asked: Sequence[tuple[str, int]]) -> Picked:
        """What takes the sums out of a row."""
        places = self.places(asked)
        if len(places) > 1:
            return itemgetter(*places)
        first = places[0] if places else 0
        return itemgetter(slice(first, first + len(places)))

    @property
    def count(self) -> int:
        """Numbers in a row."""
        return self.places([("buckets", len(self._buckets))])[0]

    def tables(
        self,
        costs: Sequence[tuple[bool, PerUnit, PerUnit]],
        kind: Integers,
        rate: Floats,
        peg: Floats,
        *,
        short_cut: Floats | float,
        book: UnderlyingBook | None = None,
    ) -> Tables:
        """The arrays ``terms`` to ``cuts`` of :mod:`seawall.kernels.resident`.

        ``costs`` of charges of positions, each of value or not; ``rate`` and ``peg`` of positive
        values, ``short_cut`` the rate of negative ones.
        """
        cuts = np.zeros((kind.size, resident.CUTS))
        cuts[:, resident.LONG_CUT], cuts[:, resident.LONG_PEG] = rate, peg
        cuts[:, resident.SHORT_CUT], cuts[:, resident.SHORT_PEG] = short_cut, peg
        buckets = 1 if book is None else len(book.buckets)
        deltas = np.zeros((kind.size, 1, _whole(buckets)))
        weight = np.zeros((len(self._buckets), deltas.shape[2]))
        if book is not None:
            deltas[np.arange(kind.size), 0, book.bucket] = book.delta
        for row, term in zip(weight, self._buckets, strict=True):
            row[:buckets] = term.weight
        sides = [
            side for _, *levels in costs for name in ("long", "short") for side in _of(levels, name)
        ]
        return (
            self._rows([*self._terms.values()]),
            self._rows([*self._values.values()]),
            deltas,
            weight,
            np.array([term.net for term in self._buckets], dtype=np.bool_),
            np.stack(sides, axis=1) if sides else np.zeros((kind.size, 0)),
            np.array([of_value for of_value, _, _ in costs], dtype=np.bool_),
            kind,
            cuts,
        )

    def _rows(self, listed: Sequence[PerUnit]) -> Floats:
        """Terms as padded rows: of what is held long, and of what is held short beyond that."""
        out = np.zeros((2, self._instruments, 1, _whole(len(listed))))
        for column, term in enumerate(listed):
            out[0, :, 0, column] = term.long
            out[1, :, 0, column] = term.short + term.long
        return out


def _of(levels: Sequence[PerUnit], side: str) -> list[Floats]:
    return [getattr(level, side) for level in levels]


def _whole(count: int) -> int:
    return -(-max(count, 1) // _LANES) * _LANES
