"""Books of positions to portfolios: each file is recognised by its content."""

from __future__ import annotations

from pathlib import Path

from seawall.basics.errors import EmptyPortfolio, InputError
from seawall.feeds.files import as_path, form_of
from seawall.feeds.holdings import portfolios_of
from seawall.feeds.kinds import BOOK_MESSAGES, BOOK_TABLES
from seawall.feeds.messages import open_message
from seawall.feeds.recognise import recognise
from seawall.market.snapshot import MarketSnapshot
from seawall.products.portfolio import Portfolio


def read_portfolios(
    path: str | Path, *, market: MarketSnapshot | None = None
) -> tuple[Portfolio, ...]:
    """The portfolios of a book, one per account, in the order in which accounts first appear.

    Rows of CSV or Excel, a map of quantities, and positions as Deribit, OKX and ccxt tell them
    (:mod:`seawall.feeds.kinds`). ``market`` is the one to margin in: positions that a file gives in
    USD are counted in coins at its marks, without it at the mark that the file tells.

    Raises UnreadableFile (missing, cut off, damaged), UnrecognisedFile (other columns or keys),
    UnknownInstrument, BadNumber, MissingQuote (a size in USD and no mark), DuplicatePosition (names
    both rows), EmptyPortfolio.
    """
    path = as_path(path)
    form = form_of(path)
    if form == "json":
        message = open_message(path)
        if not message.content:
            raise _empty(path)
        accounts = recognise(BOOK_MESSAGES, message, message.name).read(message)
    else:
        accounts = BOOK_TABLES[form](path)
    if not any(accounts.held.values()):
        raise _empty(path)
    return portfolios_of(accounts, market)


def _empty(path: Path) -> EmptyPortfolio:
    return EmptyPortfolio(
        "the book has no position",
        where=path.name,
        remedy="Give one row per position: account,instrument,quantity.",
    )


def read_portfolio(path: str | Path, *, market: MarketSnapshot | None = None) -> Portfolio:
    """The portfolio of a book with a single account.

    Raises InputError if it holds several, and what :func:`read_portfolios` raises.
    """
    first, *others = read_portfolios(path, market=market)
    if others:
        raise InputError(
            f"the book has {1 + len(others)} accounts, {first.account!r} and "
            f"{others[0].account!r} among them",
            where=Path(path).name,
            remedy="Read it with read_portfolios, or keep the rows of one account.",
        )
    return first
