"""The command that asks a venue, and what it says about what it got.

Rooms are imported inside the functions, so that ``seawall --help`` loads none of them; the names of
the venues alone cost nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from seawall.cli.options import Overwrite
from seawall.feeds.venues import Part, Venue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seawall.feeds.fetched import Fetched


def fetch(
    venue: Annotated[Venue, typer.Argument(metavar="VENUE", help="Who is asked.")],
    part: Annotated[Part, typer.Argument(metavar="PART", help="What for.")],
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="Where it is written, in JSON.")
    ],
    coins: Annotated[
        list[str] | None, typer.Argument(metavar="COIN", help="Of a chain: on which coins.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """A live chain, or the positions of an account, from a venue.

    A chain needs no keys. Positions need keys that can read, in the environment:
    SEAWALL_DERIBIT_API_KEY and SEAWALL_DERIBIT_API_SECRET, likewise OKX and BYBIT, and for OKX
    SEAWALL_OKX_API_PASSPHRASE.

    \b
    Examples:
      seawall fetch deribit chain BTC ETH --out chain.json
      seawall fetch deribit positions --out book.json
    """
    from seawall.feeds.fetched import write_fetched
    from seawall.feeds.writing import require_free

    path = Path(out)
    require_free(path, overwrite=overwrite)  # before the venue is asked
    fetched = _asked(venue, part, coins or [])
    size_bytes = write_fetched(fetched, path, overwrite=overwrite)
    _show(fetched, path, size_bytes)


def _asked(venue: Venue, part: Part, coins: Sequence[str]) -> Fetched:
    """What the venue answers; on a terminal a line of standard error says what it is asked."""
    from rich.console import Console

    from seawall.basics.errors import InputError
    from seawall.feeds.fetch import fetch_chain, fetch_positions

    if part is Part.POSITIONS and coins:
        raise InputError(
            "positions are fetched whole, whatever they are in",
            where="COIN",
            remedy="Leave the coins out.",
        )
    with Console(stderr=True).status(f"{venue}: connecting") as status:

        def say(step: str) -> None:
            status.update(f"{venue}: {step}")

        if part is Part.POSITIONS:
            return fetch_positions(venue, os.environ, say=say)
        return fetch_chain(venue, coins, os.environ, say=say)


def _show(fetched: Fetched, path: Path, size_bytes: int) -> None:
    from seawall.cli.tables import instant_text
    from seawall.cli.terminal import Terminal

    coins = " ".join(fetched.coins())
    if fetched.kind is Part.CHAIN:
        oldest = fetched.oldest_price_s()
        age = "of unknown age" if oldest is None else f"the oldest price {oldest:.0f} s old"
        what = (
            f"{coins}: {_count(len(fetched.options), 'option')} in "
            f"{_count(fetched.expiries(), 'expiry', 'expiries')}, "
            f"{len(fetched.tickers):,} futures and perpetuals, {age}"
        )
        following = (f"  seawall margin book.json --market {quote(str(path))}",)
    else:
        what = (
            f"account: {_count(len(fetched.positions), 'position')}, "
            f"{_count(len(fetched.balances), 'balance')}"
        )
        following = (
            f"  seawall fetch {fetched.venue} chain {coins or 'BTC'} --out chain.json",
            f"  seawall margin {quote(str(path))} --market chain.json",
        )
    Terminal().lines(
        (
            f"{fetched.venue}, {instant_text(fetched.fetched_at)}, {what}",
            f"{size_bytes:,} bytes written to {path}. Next:",
            *following,
        )
    )


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
