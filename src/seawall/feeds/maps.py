"""Books as maps from instruments to quantities: ``{"BTC-PERPETUAL": -1.0, "USDC": 250000}``.

A quantity is in units of the underlying, + long, − short, of inverse futures too. A map of such
maps is a book of several accounts by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seawall.basics.decimals import parse_decimal
from seawall.basics.errors import BadNumber, UnreadableFile
from seawall.feeds.holdings import DEFAULT_ACCOUNT, Accounts, Holding, decimal_of, instrument_of
from seawall.feeds.messages import Entry, Json, Message


def lacks(message: Message) -> Sequence[str]:
    """What keeps a message from being a map of quantities, or a map of such maps."""
    if not message.fields:
        return ["names of instruments", "a number beside each"]
    maps = (message.fields, *message.sample)
    return [] if any(_is_map(each) for each in maps) else ["a number beside each instrument"]


def read_map(message: Message) -> Accounts:
    """The accounts of a map.

    Raises UnknownInstrument, BadNumber for a quantity that is none, UnreadableFile for an account
    without a name.
    """
    if _is_map(message.fields):
        return Accounts({DEFAULT_ACCOUNT: _holdings(message.fields, message.name)})
    held: dict[str, list[Holding]] = {}
    for account, entry in message.fields.items():
        where = f"{message.name} {account}"
        if not account or not account.isprintable() or not isinstance(entry, Mapping):
            raise UnreadableFile(
                f"{account!r:.40} is not the name of an account with a map of quantities",
                where=message.name,
                remedy='Write {"maker": {"BTC-PERPETUAL": -1.0}}.',
            )
        held[account] = _holdings(entry, where)
    return Accounts(held)


def _holdings(entry: Entry, file: str) -> list[Holding]:
    found: list[Holding] = []
    for name in entry:
        where = f"{file} {name}"
        instrument, size = instrument_of(name, file), decimal_of(entry, name, where)
        if size is None:
            raise BadNumber(
                f"{name} has no quantity", where=file, remedy="Give a number, or leave it out."
            )
        if size:
            found.append(Holding(instrument, size, where))
    return found


def _is_map(content: Entry) -> bool:
    return any(_is_number(value) for value in content.values()) and not any(
        isinstance(value, list | Mapping) for value in content.values()
    )


def _is_number(value: Json) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parse_decimal(value.strip(), "quantity", "map")
    except BadNumber:
        return False
    return True
