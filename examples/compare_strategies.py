"""Ten strategies under every model, side by side: docs/comparison.md, .html and .svg.

    python examples/compare_strategies.py --data FOLDER      recorded chains of Deribit and Cboe
    python examples/compare_strategies.py --out FOLDER       the synthetic market, no data needed

FOLDER of ``--data`` holds the files that ``CHAINS`` names. Amounts are shares of the notional, the
index price of one unit of the underlying. The chart needs the extra ``examples`` (plotly); without
it the table and the picture are written alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import seawall as sw
from seawall.basics.errors import SeawallError
from seawall.products.contracts import future, perpetual
from seawall.products.markets import market_of

OF_COINS = (
    "cross",
    "deribit-sm",
    "deribit-pm-2026-02",
    "okx-pm",
    "bybit-pm",
    "derive-srm",
    "derive-pm2",
    "paradex-pm",
    "span",
    "prbm",
)
OF_LISTED = ("cross", "risk-based-collateral", "full-collateral", "reg-t", "cpm", "span", "prbm")
CHAINS = (
    (
        "BTC",
        "deribit_chain_intraday_2026-02-03_2026-02-07_BTC_ETH.parquet",
        "2026-02-05T16:00",
        OF_COINS,
    ),
    ("SPX.US", "cboe_SPX_2023-02-07.parquet", None, (*OF_LISTED, "isolated")),
)
DOCS = Path(__file__).parents[1] / "docs"
NEAR, FAR = timedelta(days=30), timedelta(days=90)
# Beside every book, so that none is short of money; it carries no requirement.
CASH_USD = 10_000_000
# Units in a contract: strategies are recognised of whole ones alone.
CONTRACT_UNITS = {".US": 100.0}
COLOURS = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#999999", "#222222",
    "#994f00", "#006cd1", "#e1be6a", "#40b0a6", "#5d3a9b", "#d35fb7", "#7f6f3f",
)  # fmt: skip
LEGEND_COLUMNS = 8

Legs = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Result:
    """One strategy under one model: initial margin, and with haircuts the capital it takes, as
    shares of the notional; or why the model refuses it.
    """

    strategy: str
    model: str
    initial_rel: float | None
    capital_rel: float | None
    refused: str | None


class Chain:
    """The listed options of one underlying, by tenor and moneyness."""

    def __init__(self, market: sw.MarketSnapshot, underlying: str) -> None:
        self._market, self._underlying = market, underlying
        self._slices = {
            key[2]: listed for key, listed in market.slices.items() if key[0] == underlying
        }
        self._settlement = next(key[1] for key in market.slices if key[0] == underlying)

    def expiry(self, after: timedelta) -> datetime:
        """The listed expiry nearest to a time from now."""
        wanted = self._market.as_of + after
        return min(self._slices, key=lambda each: abs(each - wanted))

    def option(self, expiry: datetime, moneyness: float, right: str) -> str:
        """The option whose strike is nearest to a multiple of its forward."""
        listed = self._slices[expiry]
        rows = [row for row, call in enumerate(listed.is_call) if call == (right == "C")]
        wanted = moneyness * listed.forward
        return listed.names[min(rows, key=lambda row: abs(listed.strike[row] - wanted))]

    def long(self, expiry: datetime | None) -> Legs:
        """One unit long: the perpetual or a future on coins, else a call less a put."""
        if market_of(self._underlying) is None:
            if expiry is None:
                return [(perpetual(self._underlying, self._settlement).name, 1.0)]
            return [(future(self._underlying, self._settlement, expiry).name, 1.0)]
        ends = self.expiry(NEAR) if expiry is None else expiry
        strikes = self._slices[ends]
        calls = set(strikes.strike[strikes.is_call].tolist())
        both = calls & set(strikes.strike[~strikes.is_call].tolist())
        strike = min(both, key=lambda each: abs(each - strikes.forward))
        at = strike / strikes.forward
        return [(self.option(ends, at, "C"), 1.0), (self.option(ends, at, "P"), -1.0)]

    def strategies(self) -> dict[str, Legs]:
        """Ten strategies of one unit each."""
        near, far = self.expiry(NEAR), self.expiry(FAR)

        def legs(*given: tuple[float, str, float]) -> Legs:
            return [(self.option(near, at, right), size) for at, right, size in given]

        straddle = legs((1.0, "C", -1), (1.0, "P", -1))
        delta = self._delta(straddle)
        calendar = [(self.option(near, 1.0, "C"), -1.0), (self.option(far, 1.0, "C"), 1.0)]
        return {
            "short put": legs((0.9, "P", -1)),
            "short strangle": legs((0.9, "P", -1), (1.1, "C", -1)),
            "iron condor": legs((0.85, "P", 1), (0.9, "P", -1), (1.1, "C", -1), (1.15, "C", 1)),
            "calendar spread": calendar,
            "covered call": [*self.long(None), *legs((1.1, "C", -1))],
            "short box": legs((0.9, "C", -1), (0.9, "P", 1), (1.1, "C", 1), (1.1, "P", -1)),
            "hedged straddle": [*straddle, *((name, -delta * q) for name, q in self.long(None))],
            "risk reversal": legs((0.9, "P", -1), (1.1, "C", 1)),
            "butterfly": legs((0.95, "C", 1), (1.0, "C", -2), (1.05, "C", 1)),
            "cash and carry": [*self.long(None), *((n, -q) for n, q in self.long(far))],
        }

    def _delta(self, legs: Legs) -> float:
        """The net delta of options, in units of the underlying."""
        report = sw.margin(_book("delta", legs), self._market, "prbm")
        rows = report.greeks()
        return next(row.delta_coin for row in rows if row.bucket == "total")


def _book(name: str, legs: Legs) -> sw.Portfolio:
    netted: dict[str, float] = {}
    for instrument, quantity in legs:
        netted[instrument] = netted.get(instrument, 0.0) + quantity
    held: list[tuple[str, Any]] = [(each, f"{q:.6f}") for each, q in netted.items() if q]
    return sw.portfolio([*held, ("USD", CASH_USD)], account=name)


def results(market: sw.MarketSnapshot, underlying: str, models: Sequence[str]) -> list[Result]:
    """Every strategy under every model; what a model refuses is a result too."""
    endings = (units for ending, units in CONTRACT_UNITS.items() if underlying.endswith(ending))
    units = next(endings, 1.0)
    notional = units * market.index_usd[underlying]
    found: list[Result] = []
    for name, legs in Chain(market, underlying).strategies().items():
        book = _book(name, [(each, units * quantity) for each, quantity in legs])
        for model in models:
            try:
                [row] = sw.compare(book, market, [model]).rows
            except SeawallError as error:
                found.append(Result(name, model, None, None, error.what))
                continue
            shares = (float(amount) / notional for amount in (row.initial, row.capital_used))
            found.append(Result(name, model, *shares, None))
    return found


# ---- how it is written


def table(found: Sequence[Result]) -> str:
    """A table of Markdown: initial margin, and in brackets the capital where that is more."""
    models = list(dict.fromkeys(each.model for each in found))
    lines = [f"| strategy | {' | '.join(models)} |", "|---|" + "---:|" * len(models)]
    for name in dict.fromkeys(each.strategy for each in found):
        row = {each.model: each for each in found if each.strategy == name}
        lines.append(f"| {name} | {' | '.join(_told(row[model]) for model in models)} |")
    reasons = dict.fromkeys(
        f"- `{e.model}`, {e.strategy}: {e.refused}." for e in found if e.refused
    )
    return "\n".join(lines) + ("\n\nRefused:\n\n" + "\n".join(reasons) if reasons else "") + "\n"


def _told(each: Result) -> str:
    if each.initial_rel is None or each.capital_rel is None:
        return "refused"
    more = f" ({each.capital_rel:.1%})" if each.capital_rel - each.initial_rel > 5e-4 else ""
    return f"{each.initial_rel:.1%}{more}"


def page(parts: Iterable[tuple[str, sw.MarketSnapshot, list[Result]]]) -> str:
    """The page: a table of each underlying."""
    text = [
        "# Ten strategies under every model\n",
        (
            "Made by `examples/compare_strategies.py`. Initial margin of one contract as a "
            "share of the index price; in brackets the capital it takes, haircuts included, where "
            "that is more. "
            "Options expire nearest to 30 days, far legs nearest to 90; strikes lie nearest to the "
            "named share of the forward. Where no future is listed a call less a put of one strike "
            "stands for it. `refused`: the model cannot margin the book, for the reason below.\n"
        ),
        "![capital by strategy and model](comparison.svg)\n",
        "The same to look into: [comparison.html](comparison.html).\n",
    ]
    for underlying, market, found in parts:
        text.append(f"## {underlying}, {market.as_of:%Y-%m-%d %H:%M} UTC\n\n{table(found)}")
    return "\n".join(text)


def chart(parts: Sequence[tuple[str, sw.MarketSnapshot, list[Result]]]) -> str:
    """Grouped bars of capital by strategy, one picture an underlying, as a page of HTML."""
    from plotly.graph_objects import Figure
    from plotly.subplots import make_subplots

    titles = [f"{underlying}, {market.as_of:%Y-%m-%d}" for underlying, market, _ in parts]
    figure: Figure = make_subplots(rows=len(parts), cols=1, subplot_titles=titles)
    models = list(dict.fromkeys(each.model for _, _, found in parts for each in found))
    shown: set[str] = set()
    for place, (_, _, found) in enumerate(parts, start=1):
        for model in dict.fromkeys(each.model for each in found):
            own = [each for each in found if each.model == model]
            figure.add_bar(
                x=[each.strategy for each in own],
                y=[each.capital_rel for each in own],
                name=model,
                legendgroup=model,
                showlegend=model not in shown,
                marker_color=COLOURS[models.index(model) % len(COLOURS)],
                hovertext=[each.refused or "" for each in own],
                row=place,
                col=1,
            )
            shown.add(model)
    figure.update_layout(barmode="group", height=460 * len(parts), template="plotly_white")
    figure.update_yaxes(title="capital / notional", tickformat=".0%")
    return figure.to_html(include_plotlyjs="cdn", full_html=True, div_id="comparison")


def picture(parts: Sequence[tuple[str, sw.MarketSnapshot, list[Result]]]) -> str:
    """The same bars as SVG; a refused book has a cross at the foot of its bar."""
    width, height, left, foot = 1100, 300, 50, 70
    drawn: list[str] = []
    models = list(dict.fromkeys(each.model for _, _, found in parts for each in found))
    for place, (underlying, market, found) in enumerate(parts):
        top = 75 + place * (height + foot)
        most = max((each.capital_rel or 0.0 for each in found), default=0.0) or 1.0
        names = list(dict.fromkeys(each.strategy for each in found))
        group = (width - left) / len(names)
        own = list(dict.fromkeys(each.model for each in found))
        bar = 0.85 * group / len(own)
        title = f"{underlying}, {market.as_of:%Y-%m-%d}: capital / notional, up to {most:.0%}"
        drawn.append(f'<text x="{left}" y="{top - 6}" font-size="14">{escape(title)}</text>')
        base = top + height - 30
        drawn.append(f'<path d="M{left} {base}H{width}" stroke="#888"/>')
        for each in found:
            x = left + names.index(each.strategy) * group + own.index(each.model) * bar
            if each.capital_rel is None:
                mark = f'<text x="{x:.1f}" y="{base - 2}" font-size="9">×</text>'
            else:
                tall = max(0.0, each.capital_rel) / most * (height - 50)
                colour = COLOURS[models.index(each.model) % len(COLOURS)]
                mark = (
                    f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{bar:.1f}" '
                    f'height="{tall:.1f}" fill="{colour}"/>'
                )
            drawn.append(mark)
        drawn += [
            f'<text x="{left + (i + 0.42) * group:.1f}" y="{base + 16}" font-size="11" '
            f'text-anchor="middle">{escape(name)}</text>'
            for i, name in enumerate(names)
        ]
    legend = [
        f'<rect x="{left + 132 * column}" y="{14 + 18 * row}" width="10" height="10" '
        f'fill="{COLOURS[(row * LEGEND_COLUMNS + column) % len(COLOURS)]}"/>'
        f'<text x="{left + 132 * column + 14}" y="{23 + 18 * row}" font-size="11">'
        f"{escape(model)}</text>"
        for i, model in enumerate(models)
        for row, column in [divmod(i, LEGEND_COLUMNS)]
    ]
    tall = 75 + len(parts) * (height + foot)
    wide = width + 10
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" '
        f'font-family="sans-serif"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(legend)}{''.join(drawn)}</svg>\n"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Compute and write the page, the picture and, with plotly, the chart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the recorded chains")
    parser.add_argument("--out", type=Path, default=DOCS, help="folder to write to")
    parser.add_argument("--models", help="names with commas, in place of those of CHAINS")
    given = parser.parse_args(arguments)
    if given.data is None:
        markets = [("BTC", sw.synthetic_market(), OF_COINS)]
    else:
        markets = [
            (underlying, sw.read_market(given.data / name, at=at), models)
            for underlying, name, at, models in CHAINS
        ]
    asked = given.models.split(",") if given.models else None
    parts = [
        (name, market, results(market, name, asked or models)) for name, market, models in markets
    ]
    given.out.mkdir(parents=True, exist_ok=True)
    written = {"comparison.md": page(parts), "comparison.svg": picture(parts)}
    if find_spec("plotly") is not None:
        written["comparison.html"] = chart(parts)
    for name, text in written.items():
        (given.out / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
