"""Positions as ccxt unifies them (``fetch_positions``), alone or as ``seawall fetch`` writes them.

``contracts`` times ``contractSize`` is coins, or USD of inverse futures and perpetuals, with the
sign of ``side``. What ccxt gives is not everywhere that: of Deribit's rows ``contracts`` is the
amount and not a count, of OKX's options ``contractSize`` leaves out the multiplier, of Bybit's
inverse contracts it is the smallest order. So a row that keeps the venue's own under ``info`` is
read by what the venue says, and only one that does not by ccxt's product.

In hedge mode a contract stands twice, long and short, and is netted. Fields of margin are ignored:
they are what is to be computed.

Source: the unified structures of ccxt's manual and its ``parse_position``.
"""

from __future__ import annotations

from decimal import Decimal

from seawall.basics.errors import BadNumber, InputError, UnreadableFile
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
from seawall.products.names import ContractSpec, contract_spec

POSITION_KEYS = ("symbol", "contracts", "side")
"""The keys by which positions are recognised."""

_SIGNS = {"long": 1, "short": -1}
_DERIBIT, _OKX, _BYBIT = "instrument_name", "instId", "positionIdx"


def read_positions(message: Message) -> Accounts:
    """The positions of one account; those of zero are left out.

    Raises UnknownInstrument, BadNumber for what is no size or has no side, InputError for a
    contract whose size is not known.
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
        return deribit.holding_of(info, where)
    contracts = decimal_of(entry, "contracts", where)
    if contracts == 0:
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


def _spec(
    instrument: Instrument, entry: Entry, info: Entry, market: Entry, where: str
) -> ContractSpec:
    """The size of a contract, by its venue where that is known."""
    try:
        if _OKX in info:
            return okx.spec_of(instrument, info, where)
        if _BYBIT in info:
            return contract_spec(instrument, "bybit")
    except InputError as error:
        raise type(error)(error.what, where=where, remedy=error.remedy) from None
    size = price_of(entry, "contractSize", where) or price_of(market, "contractSize", where)
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
