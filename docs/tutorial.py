# %% [markdown]
# # Tutorial: one account, from its book to its own model
#
# Run it as a script, or cell by cell in Jupyter or VS Code, where a cell that ends in `report`
# shows it as tables. The market is synthetic: no price is a venue's, and nothing is downloaded.
# What a cell prints stands at its end behind `#:`, and what the text claims is asserted.

# %%
from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import seawall as sw

# %% [markdown]
# ## A market
#
# `sw.synthetic_market()` makes one; `sw.read_market("chain.csv")` would read your own
# (docs/files.md).

# %%
market = sw.synthetic_market()
print(f"{market.as_of:%Y-%m-%d %H:%M} UTC, {len(market.option_rows):,} options")
print({coin: round(usd) for coin, usd in market.index_usd.items()})

#: 2026-01-16 16:00 UTC, 1,060 options
#: {'BTC': 92556, 'ETH': 3324}

# %% [markdown]
# ## A book
#
# Quantities are in coins, + long and - short. This account has sold calls and puts on 20 bitcoin,
# hedges with a perpetual and holds dollars. The third number of a future is the price at which it
# was entered.

# %%
book = sw.portfolio(
    [
        ("BTC-27MAR26-110000-C", -20),
        ("BTC-27MAR26-80000-P", -20),
        ("BTC-PERPETUAL", -2, 93_000),
        ("ETH-27MAR26-3000-P", 50),
        ("USDC", 900_000),
    ],
    account="tutorial",
)

# %% [markdown]
# ## Its margin
#
# The requirement is a waterfall of rows, each rounded up to the cent, that add exactly to the
# totals.

# %%
report = sw.margin(book, market, model="prbm")
for row in report.rows:
    print(f"{row.path:<20}{row.initial:>12,.0f}{row.maintenance:>12,.0f}")
print(f"{'total':<20}{report.initial:>12,.0f}{report.maintenance:>12,.0f}")
print(f"margin value {report.margin_value:,.0f}, {report.state}")

assert sum(row.initial for row in report.rows) == report.initial
assert sum(row.maintenance for row in report.rows) == report.maintenance
assert report.excess_initial == report.margin_value - report.initial

#: scanning_risk/BTC        312,630     312,630
#: scanning_risk/ETH          8,419       8,419
#: liquidity/BTC              2,825       2,825
#: liquidity/ETH                207         207
#: basis/BTC                     13          13
#: im_factor                 80,262           0
#: total                    404,357     324,095
#: margin value 824,346, healthy

# %% [markdown]
# ## Why so much?
#
# The worst scenario is far out: the calls are open upwards, so that six times the price, even
# damped, costs more than any move of the ordinary grid.

# %%
worst = report.worst_scenario
print(worst.underlying, f"{worst.cell.price_move_rel:+.0%}", f"{worst.cell.pnl:,.0f}")

matrix = report.risk_matrix("BTC")
grid_loss = -min(pnl for row in matrix.pnl for pnl in row)
print(f"worst of the grid {grid_loss:,.0f}, worst of the tails {-worst.cell.pnl:,.0f}")

assert worst.cell in matrix.tails
assert -worst.cell.pnl > grid_loss

#: BTC +500% -312,630
#: worst of the grid 191,258, worst of the tails 312,630

# %% [markdown]
# Leg by leg: *marginal* is what removing the leg would save, *share* its part of the whole. The
# calls bring nearly everything. The puts cannot lose at the same time as the calls, so removing
# them would even cost a little.

# %%
told = sw.explain(book, market)
for leg in told.legs:
    print(f"{leg.instrument:<22}{leg.marginal_initial:>10,.0f}{leg.euler_initial:>10,.0f}")

calls, puts = (
    next(leg for leg in told.legs if leg.instrument == name)
    for name in ("BTC-27MAR26-110000-C", "BTC-27MAR26-80000-P")
)
assert calls.euler_initial > 0.8 * float(told.initial)
assert puts.marginal_initial < 0 < calls.marginal_initial
shared = sum(leg.euler_initial for leg in told.legs) + sum(r.initial for r in told.unallotted)
# Rows are rounded up to the cent, shares are not.
assert 0 <= float(report.initial) - shared < 0.01 * len(report.rows)

#: BTC-PERPETUAL             37,009    37,000
#: BTC-27MAR26-110000-C     150,599   357,327
#: BTC-27MAR26-80000-P         -763      -702
#: ETH-27MAR26-3000-P        10,732    10,732

# %% [markdown]
# ## Where is it liquidated?
#
# The index at which maintenance margin would take all of the margin value, all else equal.

# %%
for row in told.liquidation_prices:
    if row.price is not None:
        print(f"{row.underlying} {row.direction:<5}{row.price:>9,.0f}  {row.distance_rel:.0%} away")

up, down = (
    next(r for r in told.liquidation_prices if (r.underlying, r.direction) == ("BTC", way))
    for way in ("up", "down")
)
assert down.price < market.index_usd["BTC"] < up.price

#: BTC up     125,288  35% away
#: BTC down    34,169  63% away

# %% [markdown]
# ## Under other models
#
# Compared on capital used: initial margin and haircuts, what the account cannot spend.

# %%
comparison = sw.compare(book, market, ["isolated", "cross", "prbm"])
for row in comparison.rows:
    print(f"{row.model:<10}{row.initial:>10,.0f}{row.capital_used:>10,.0f}{row.saving:>7.1%}")

assert comparison.rows[-1].initial == report.initial
assert min(comparison.rows, key=lambda row: row.capital_used).model == "prbm"

#: isolated     407,246   421,943   0.0%
#: cross        407,246   421,237   0.2%
#: prbm         404,357   408,865   3.1%

# %% [markdown]
# ## Which trade helps most?
#
# Each is asked at its mark, so that only risk changes. To buy the calls at 120,000, above those
# that are sold, helps most. To buy puts helps nothing, because a fall is not what is feared: not
# before the calls are closed above, but then it is.

# %%
trades = [
    "BTC-PERPETUAL:2",
    "BTC-27MAR26-120000-C:20",
    "BTC-27MAR26-70000-P:20",
    "BTC-27MAR26-110000-C:5",
]
answers = {trade: sw.what_if(book, trade, market) for trade in trades}
for trade, answer in answers.items():
    print(f"{trade:<26}{answer.initial_change:>+10,.0f}")

best = min(trades, key=lambda trade: answers[trade].initial_change)
print("best:", best)
assert best == "BTC-27MAR26-120000-C:20"
assert answers["BTC-27MAR26-70000-P:20"].initial_change > 0

after = answers[best].after
print(f"worst then {after.worst_scenario.cell.price_move_rel:+.0%}, initial {after.initial:,.0f}")
assert after.initial == report.initial + answers[best].initial_change
assert after.worst_scenario.cell.price_move_rel < 0

#: BTC-PERPETUAL:2              -37,141
#: BTC-27MAR26-120000-C:20     -159,425
#: BTC-27MAR26-70000-P:20        +5,393
#: BTC-27MAR26-110000-C:5       -86,357
#: best: BTC-27MAR26-120000-C:20
#: worst then -66%, initial 244,932

# %% [markdown]
# ## To take it along
#
# `.json` is exact and has a published schema, `.xlsx` has a sheet for each table, `.csv` a file
# for each.

# %%
files = sw.write_report(report, "tutorial.csv", overwrite=True)
print(len(files), "files, first", files[0].name)
sw.write_report(report, "tutorial.xlsx", overwrite=True)
sw.write_report(report, "tutorial.json", overwrite=True)

written = json.loads(Path("tutorial.json").read_text(encoding="utf-8"))
print(written["schema"], written["account"], written["state"])
assert set(written) == set(sw.json_schema(sw.MarginReport)["$defs"]["MarginReport"]["properties"])

#: 7 files, first tutorial.csv
#: seawall.margin-report/1 tutorial healthy

# %% [markdown]
# ## A model of one's own
#
# A model is a file of numbers. This one takes over `prbm` but for one: initial margin is scanning
# risk times 1.5 instead of 1.25, with the same charges.

# %%
Path("tutorial.toml").write_text(
    """\
from = "prbm"
name = "cautious"
title = "prbm with more initial margin"
as_of = 2026-01-16
source = "the tutorial"

[status]
levels = "unknown"

[levels]
from = "prbm"
im_factor = 1.5
""",
    encoding="utf-8",
)
own = sw.read_model("tutorial.toml")
cautious = sw.margin(book, market, own)
print(f"{cautious.model.name}: initial {cautious.initial:,.0f}, {cautious.state}")

assert cautious.maintenance == report.maintenance
before, now = (rep.rows[-1] for rep in (report, cautious))
assert before.path == now.path == "im_factor"
assert abs(now.initial - 2 * before.initial) <= Decimal("0.01")

#: cautious: initial 484,619, healthy

# %% [markdown]
# It goes wherever a name goes, also on the command line: `seawall margin book.csv --market
# chain.csv --model tutorial.toml`. From here: docs/report.md for every number,
# docs/models/prbm.md for every formula, docs/files.md for your own chains, books and models.
