"""A backtest as one page that needs no network: tables of the document and charts of its rows.

Charts: margins and path-worst losses over time with exceedances marked; shares of exceedances with
their intervals; how often a multiple of the margin was exceeded. Every number is the document's or
a row's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seawall.report.backtest import Backtest

if TYPE_CHECKING:
    import polars as pl

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Backtest</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{{margin:1.5em auto;max-width:1200px;padding:0 1em;font-family:system-ui,sans-serif}}
</style></head><body><h1>Backtest</h1>{charts}{tables}</body></html>
"""
_MULTIPLES = np.linspace(0.1, 2.0, 39)
_WITHOUT_LOGO = {"displaylogo": False}


def page_of(document: Backtest, rows: pl.DataFrame) -> str:
    """The page as HTML, its charts with the scripts that draw them."""
    charts: list[str] = []
    for figure in _figures(document, rows):
        # The library stands in the page once.
        library = not charts
        charts.append(
            figure.to_html(full_html=False, include_plotlyjs=library, config=_WITHOUT_LOGO)
        )
    return _PAGE.format(charts="".join(charts), tables=document._repr_html_())  # pyright: ignore[reportPrivateUsage]


def _figures(document: Backtest, rows: pl.DataFrame) -> Iterator[Any]:
    yield _breaches(document)
    horizon = document.horizons[-1]
    yield _multiples(document, rows, horizon)
    for book in rows["book"].unique(maintain_order=True):
        yield _over_time(document, rows.filter(rows["book"] == book), book, horizon)


def _breaches(document: Backtest) -> Any:
    """Shares of exceedances by book and model, with their exact intervals."""
    import plotly.graph_objects as go

    figure: Any = go.Figure()
    own = [row for row in document.series if row.horizon == document.horizons[-1]]
    for model in dict.fromkeys(row.model for row in own):
        shown = [row for row in own if row.model == model]
        figure.add_bar(
            name=model,
            x=[row.book for row in shown],
            y=[row.breach_rate for row in shown],
            error_y={
                "type": "data",
                "array": [row.breach_rate_upper - row.breach_rate for row in shown],
                "arrayminus": [row.breach_rate - row.breach_rate_lower for row in shown],
            },
        )
    figure.add_hline(y=1.0 - document.coverage, line_dash="dash", annotation_text="promised")
    figure.update_layout(
        title=f"Share of exceedances within {document.horizons[-1]}, with intervals",
        barmode="group",
        yaxis_tickformat=".1%",
        template="plotly_white",
    )
    return figure


def _multiples(document: Backtest, rows: pl.DataFrame, horizon: str) -> Any:
    """How often the loss exceeds a multiple of the margin, all books of a model together."""
    import plotly.graph_objects as go

    figure: Any = go.Figure()
    for told in document.models:
        own = rows.filter(rows["model"] == told.model)
        losses, margins = own[f"loss_{horizon}_usd"].to_numpy(), own["initial_usd"].to_numpy()
        shares = [float((losses > multiple * margins).mean()) for multiple in _MULTIPLES]
        # A logarithm has no nought.
        shown = [share or None for share in shares]
        figure.add_scatter(name=told.model, x=_MULTIPLES.tolist(), y=shown, mode="lines")
    figure.add_hline(y=1.0 - document.coverage, line_dash="dash", annotation_text="promised")
    figure.add_vline(x=1.0, line_dash="dot")
    figure.update_layout(
        title="Share of losses beyond a multiple of initial margin, all books",
        xaxis_title="multiple of initial margin",
        yaxis={"type": "log", "tickformat": ".2%"},
        template="plotly_white",
    )
    return figure


def _over_time(document: Backtest, rows: pl.DataFrame, book: str, horizon: str) -> Any:
    """Margins of each model and the path-worst loss, with exceedances marked."""
    import plotly.graph_objects as go

    figure: Any = go.Figure()
    first = rows.filter(rows["model"] == document.models[0].model)
    loss = f"loss_{horizon}_usd"
    figure.add_bar(
        name="path-worst loss",
        x=first["at"].to_list(),
        y=first[loss].to_list(),
        marker={"color": "lightgrey", "line": {"width": 0}},
    )
    for told in document.models:
        own = rows.filter(rows["model"] == told.model)
        figure.add_scatter(
            name=told.model,
            x=own["at"].to_list(),
            y=own["initial_usd"].to_list(),
            line={"shape": "hv"},
        )
        hit = own.filter(own[f"hit_{horizon}"])
        if hit.height:
            figure.add_scatter(
                name=f"exceedance of {told.model}",
                x=hit["at"].to_list(),
                y=hit[loss].to_list(),
                mode="markers",
                marker={"symbol": "x"},
            )
    share = float(np.mean(first["modelled"].to_numpy()))
    modelled = f", option volatilities modelled at {share:.0%} of times" if share else ""
    figure.update_layout(
        title={"text": f"{_escaped(book)}: initial margin and loss within {horizon}{modelled}"},
        yaxis_title=document.currency,
        template="plotly_white",
    )
    return figure


def _escaped(text: str) -> str:
    """A name as a chart shows it: its marks are not taken for the few that charts know."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
