"""Positions as ccxt unifies them (``fetch_positions``), alone or as ``seawall fetch`` writes them.

``contracts`` times ``contractSize`` is coins, or USD of inverse futures and perpetuals, with the
sign of ``side``. What ccxt gives is not everywhere that: of Deribit's rows ``contracts`` is the
amount and not a count, of OKX's options ``contractSize`` leaves out the multiplier, of Bybit's
inverse contracts it is the smallest order. So a row that keeps the venue's own under ``info`` is
read by what the venue says, and only one that does not by ccxt's product. Other venues have some of
these venues' keys, so the contract's name must be the venue's too. Where the two rows contradict
each other, neither is believed.

In hedge mode a contract stands twice, long and short, and is netted. Fields of margin are ignored:
they are what is to be computed.

Source: the unified structures of ccxt's manual and its ``parse_position``.
"""

from __future__ import annotations

from decimal import Decimal

from seawall.basics.errors import BadNumber, InputError, UnknownInstrument, UnreadableFile
from seawall.feeds import deribit, okx
from seawall.feeds.fetched import Fetched
from seawall.feeds.holdings import (
    DEFAULT_ACCOUNT,
    Accounts,
    Holding,
    decimal_of,
    instrument_of,
    netted,
    of_contracts,
    price_of,
)
from seawall.feeds.messages import Entry, Message, inner, list_at, map_at, text_of
from seawall.products.instruments import Asset, Future, Instrument, has_usd_size
from seawall.products.names import ContractSpec, contract_spec, parse_venue_name

POSITION_KEYS = ("symbol", "contracts", "side")
"""The keys by which positions are recognised."""

_SIGNS = {"long": 1, "short": -1}
_DERIBIT, _OKX, _BYBIT = "instrument_name", "instId", "positionIdx"
# Where the rows of OKX and Bybit have the contract's name.
_NAMES = {"okx": (_OKX, "instId"), "bybit": (_BYBIT, "symbol")}
_COUNTS = ("pos", "size")


def read_positions(message: Message) -> Accounts:
    """The positions of one account; those of zero are left out.

    Raises UnknownInstrument, BadNumber for what is no size, has no side or contradicts the venue's
    own row, InputError for a contract whose size is not known.
    """
    return _accounts(message, {}, [])


def read_fetched(message: Message) -> Accounts:
    """The positions and balances that ``seawall fetch`` wrote.

    Raises as :func:`read_positions`, and UnreadableFile for a key that such a file has not, and
    where positions are no list of objects, balances or markets no map.
    """
    unknown = [key for key in message.fields if key not in Fetched.__struct_fields__]
    if unknown:
        raise UnreadableFile(
            f"{unknown[0]!r:.40} is no key of what seawall fetch writes",
            where=message.name,
            remedy=f"Keep {', '.join(Fetched.__struct_fields__)}.",
        )
    balances: list[Holding] = []
    told = map_at(message, "balances")
    for name in told:
        where = f"{message.name} balance {name}"
        asset, amount = instrument_of(name, where), decimal_of(told, name, where)
        if amount is None or not isinstance(asset, Asset):
            raise BadNumber(
                f"{amount} {name} is no balance",
                where=where,
                remedy="Give an asset and an amount.",
            )
        balances.append(Holding(asset, amount, where))
    return _accounts(list_at(message, "positions"), map_at(message, "markets"), balances)


def _accounts(message: Message, markets: Entry, balances: list[Holding]) -> Accounts:
    held: list[Holding] = []
    for number, entry in enumerate(message.entries, 1):
        holding = _position(entry, markets, f"{message.name} row {number}")
        if holding is not None:
            held.append(holding)
    net, said = netted(held, balances)
    return Accounts({DEFAULT_ACCOUNT: net}, said)


def _position(entry: Entry, markets: Entry, where: str) -> Holding | None:
    info = inner(entry, "info")
    if _DERIBIT in info:
        return _of_deribit(entry, info, where)
    contracts = decimal_of(entry, "contracts", where)
    if contracts == 0:
        for key in _COUNTS:
            if decimal_of(info, key, where):
                raise _contradiction("contracts 0", f"{key} {text_of(info, key)}", where)
        return None
    symbol, side = text_of(entry, "symbol"), text_of(entry, "side")
    instrument = instrument_of(symbol, where)
    sign = _SIGNS.get((side or "").lower())
    if contracts is None or sign is None or (contracts < 0 and sign > 0):
        raise BadNumber(
            f"contracts {contracts} of {symbol} with side {side!r:.20} are no position",
            where=where,
            remedy="Give contracts, which have no sign, and side, long or short.",
        )
    spec = _spec(instrument, entry, info, inner(markets, symbol or ""), where)
    return of_contracts(
        instrument,
        abs(contracts) * sign,
        spec,
        where,
        mark=price_of(entry, "markPrice", where),
        entry_price=_entry(entry, info, where) if isinstance(instrument, Future) else None,
    )


def _of_deribit(entry: Entry, info: Entry, where: str) -> Holding | None:
    """Deribit's row, where ccxt's around it tells the same contract and side."""
    holding = deribit.holding_of(info, where)
    symbol, side = text_of(entry, "symbol"), text_of(entry, "side")
    name = text_of(info, _DERIBIT)
    if symbol and instrument_of(symbol, where) != instrument_of(name, where):
        raise _contradiction(symbol, f"{_DERIBIT} {name}", where)
    contracts = decimal_of(entry, "contracts", where)
    if contracts is not None and (contracts == 0) is not (holding is None):
        raise _contradiction(f"contracts {contracts}", f"size {text_of(info, 'size')}", where)
    if holding and side and holding.size * _SIGNS.get(side.lower(), 0) <= 0:
        raise _contradiction(f"side {side}", f"direction {text_of(info, 'direction')}", where)
    return holding


def _contradiction(told: str, own: str, where: str) -> BadNumber:
    return BadNumber(
        f"{told:.60} and {own:.60} in info contradict each other",
        where=where,
        remedy="Ask for the positions again, or correct the row.",
    )


def _own_spec(instrument: Instrument, info: Entry, where: str) -> ContractSpec | None:
    """The size of a contract at the venue whose row it is; None of a venue that is not known."""
    for venue, (mark, key) in _NAMES.items():
        name = text_of(info, key)
        if mark not in info or name is None:
            continue
        try:
            contract = parse_venue_name(name, venue)
        except UnknownInstrument:  # another venue's, with the same key
            continue
        if contract != instrument:
            raise _contradiction(instrument.name, f"{key} {name}", where)
        try:
            is_okx = venue == okx.VENUE
            return okx.spec_of(contract, info, where) if is_okx else contract_spec(contract, venue)
        except InputError as error:
            raise type(error)(error.what, where=where, remedy=error.remedy) from None
    return None


def _spec(
    instrument: Instrument, entry: Entry, info: Entry, market: Entry, where: str
) -> ContractSpec:
    """The size of a contract, by its venue where that is known."""
    size = price_of(entry, "contractSize", where) or price_of(market, "contractSize", where)
    own = _own_spec(instrument, info, where)
    if own is not None:
        is_least_order = _BYBIT in info and own.unit == "USD"
        if isinstance(instrument, Future) and not is_least_order and size not in (None, own.size):
            raise _contradiction(f"contractSize {size}", f"a contract of {own.size}", where)
        return own
    if size is None:
        raise InputError(
            f"the size of a contract of {instrument.name} is not told",
            where=where,
            remedy="Give contractSize, the coins or USD of one contract.",
        )
    unit = "USD" if has_usd_size(instrument) else "underlying"
    return ContractSpec(size=size, unit=unit, source="contractSize of the row")


def _entry(entry: Entry, info: Entry, where: str) -> Decimal | None:
    """The price from which profit is not yet paid: Bybit settles contracts in USDC by session."""
    session = price_of(info, "sessionAvgPrice", where)
    return session or price_of(entry, "entryPrice", where)
