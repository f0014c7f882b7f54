"""Arguments and options that commands take, each with its help and what completes it in a shell."""

from __future__ import annotations

from typing import Annotated

import typer

from seawall.cli import completion

DEFAULT_MODEL = "prbm"


def _checked(context: typer.Context, out: str | None) -> str | None:
    """The file to write, refused before anything is computed if it cannot be."""
    if out is not None and not context.resilient_parsing:
        from seawall.feeds.reports import writable

        writable(out, overwrite=bool(context.params.get("overwrite")))
    return out


Book = Annotated[
    str,
    typer.Argument(
        metavar="BOOK",
        help="Positions: account,instrument,quantity[,entry_price], or a venue's JSON.",
    ),
]
Market = Annotated[
    list[str],
    typer.Option(
        "--market",
        "-m",
        metavar="FILE",
        help="Option chain, futures or activity, by their content; may be given several times.",
    ),
]
MarketFiles = Annotated[
    list[str],
    typer.Argument(metavar="MARKET", help="Option chains and futures, recognised by content."),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", metavar="TIME", help="Take the nearest snapshot at or before this UTC time."
    ),
]
Price = Annotated[
    list[str] | None,
    typer.Option(
        "--price",
        metavar="ASSET=USD",
        help="Price of an asset, USD per unit; may be given several times.",
        autocompletion=completion.prices,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON: an object, or a list for several.")]
Out = Annotated[
    str | None,
    typer.Option(
        "--out", metavar="FILE", callback=_checked, help="Write a .json, .csv or .xlsx file."
    ),
]
# Eager, so that it is known when --out is checked, wherever it stands.
Overwrite = Annotated[
    bool, typer.Option("--overwrite", is_eager=True, help="Let --out replace what exists.")
]
Trades = Annotated[
    list[str],
    typer.Option(
        "--add",
        metavar="TRADE",
        help="NAME:QUANTITY[@PRICE] in units of the underlying, + bought, else at the mark; "
        "may be given several times.",
        autocompletion=completion.trades,
    ),
]
OneUnderlying = Annotated[
    str | None,
    typer.Option(
        "--underlying",
        metavar="COIN",
        help="Only this one's options.",
        autocompletion=completion.underlyings,
    ),
]

Model = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="NAME",
        help="One of the names of: seawall models; hybrid:NAME; or a .toml file.",
        autocompletion=completion.models,
    ),
]
OtherModel = Annotated[
    str | None,
    typer.Option(
        "--to-model",
        metavar="NAME",
        help="Model at the end.",
        autocompletion=completion.models,
    ),
]
OneModel = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME]",
        help="Show every number of this model.",
        autocompletion=completion.models,
    ),
]
Models = Annotated[
    str,
    typer.Option(
        "--models",
        metavar="A,B,C",
        help="Names; savings are against the first.",
        autocompletion=completion.several_models,
    ),
]
OtherModels = Annotated[
    str | None,
    typer.Option(
        "--models",
        metavar="A,B,C",
        help="Other models beside it.",
        autocompletion=completion.several_models,
    ),
]
