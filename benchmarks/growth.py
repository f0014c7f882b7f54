"""Growth curves: time over accounts, positions per account and scenarios."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from benchmarks.environments import VOLLIB
from benchmarks.frame import Contender, Effort, Job, Ours, measure, peer
from benchmarks.record import Curve, Section
from benchmarks.sections import accounts, risk_arrays

OURS, TWO_THREADS = accounts.OURS, accounts.TWO_THREADS
ACCOUNTS, POSITIONS, SCENARIOS = "accounts", "positions", "scenarios"

# From here on the table of accounts × scenarios of a peer is more than a machine should spend.
MOST_WITH_PEERS = 1_000_000
# Bytes that a position takes while accounts are made, with room to spare.
BYTES_PER_POSITION = 40
# Positions in all while their number per account or the scenarios vary.
STEADY_POSITIONS = 1_500_000


def curves(effort: Effort) -> list[Curve]:
    """Four curves, each point the median of a few rounds."""
    brief = replace(effort, rounds=min(3, effort.rounds), contender_seconds=2.0)
    if effort.quick:
        return [
            over_accounts((100, 200), brief),
            over_positions((3, 10), 600, brief),
            accounts_over_scenarios((16, 69), 600, brief),
            arrays_over_scenarios((16, 69), 50, brief),
        ]
    return [
        over_accounts(_affordable((10_000, 100_000, 1_000_000, 10_000_000)), brief),
        over_positions((3, 10, 30, 100, 300), STEADY_POSITIONS, brief),
        accounts_over_scenarios((16, 69, 276, 552), STEADY_POSITIONS, brief),
        arrays_over_scenarios((12, 69, 276, 552), 5_000, brief),
    ]


def over_accounts(sizes: Sequence[int], effort: Effort) -> Curve:
    """Seconds of the fold per account and underlying."""
    array = accounts.arrays(accounts.SCENARIOS)
    found = []
    for size in sizes:
        peers = [accounts.SCIPY] if size <= MOST_WITH_PEERS else []
        held = accounts.accounts(size, accounts.POSITIONS)
        found.append((float(size), _folded(held, array, peers, effort, seconds=True)))
    return _curve(
        f"{ACCOUNTS}, {accounts.POSITIONS} positions each, {accounts.SCENARIOS} scenarios",
        "accounts",
        "s",
        found,
    )


def over_positions(per_account: Sequence[int], total: int, effort: Effort) -> Curve:
    """Nanoseconds per position while accounts hold more of them."""
    array = accounts.arrays(accounts.SCENARIOS)
    found = []
    for count in per_account:
        held = accounts.accounts(max(1, total // count), count)
        found.append((float(count), _folded(held, array, [accounts.SCIPY], effort)))
    return _curve(
        f"{POSITIONS} per account, {total:,} in all",
        "positions per account",
        "ns per position",
        found,
    )


def accounts_over_scenarios(scenarios: Sequence[int], total: int, effort: Effort) -> Curve:
    """Nanoseconds per position and scenario of the fold."""
    held = accounts.accounts(max(1, total // accounts.POSITIONS), accounts.POSITIONS)
    found = []
    for count in scenarios:
        section = _folded(held, accounts.arrays(count), [accounts.SCIPY], effort)
        found.append((float(count), _scaled(section, 1.0 / count)))
    return _curve(
        f"{SCENARIOS}, fold of {total:,} positions",
        "scenarios",
        "ns per position and scenario",
        found,
    )


def arrays_over_scenarios(scenarios: Sequence[int], options: int, effort: Effort) -> Curve:
    """Nanoseconds per option and scenario of a risk array."""
    found = []
    for count in scenarios:
        given = risk_arrays.options(options, count)
        job = risk_arrays.job(options, count)
        contenders = [
            Ours(OURS, risk_arrays.profits(given)),
            peer(risk_arrays.BROADCAST, "risk_arrays", effort),
            peer(risk_arrays.VECTORIZED, "risk_arrays", effort, VOLLIB),
        ]
        found.append((float(count), measure(job, contenders, given, effort)))
    return _curve(
        f"{SCENARIOS}, risk array of {options:,} options",
        "scenarios",
        "ns per option and scenario",
        found,
    )


def _affordable(sizes: Sequence[int]) -> list[int]:
    """The sizes whose accounts take no more than half of the memory."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return [size for size in sizes if size <= MOST_WITH_PEERS]
    bytes_each = accounts.POSITIONS * BYTES_PER_POSITION
    return [size for size in sizes if size * bytes_each <= memory / 2]


def _folded(
    held: accounts.Accounts,
    array: np.ndarray,
    peers: Sequence[str],
    effort: Effort,
    *,
    seconds: bool = False,
) -> Section:
    """The fold per account and underlying, ours on one thread and on two, beside peers."""
    given = accounts.by_underlying(held, array)
    total = int(held.positions[-1])
    job = Job("growth", "", "", 1.0 if seconds else 1e9 / total, accounts.TOLERANCE)
    fold = accounts.Fold(given)
    with ThreadPoolExecutor(2) as pool:
        contenders: list[Contender] = [
            Ours(OURS, fold.run),
            Ours(TWO_THREADS, fold.on(pool)),
            *(peer(name, "accounts", effort) for name in peers),
        ]
        return measure(job, contenders, given if peers else {}, effort)


def _scaled(section: Section, factor: float) -> Section:
    rows = [
        replace(row, figures={name: factor * value for name, value in row.figures.items()})
        for row in section.rows
    ]
    return replace(section, rows=rows)


def _curve(title: str, x: str, y: str, found: Sequence[tuple[float, Section]]) -> Curve:
    names = list(dict.fromkeys(row.name for _, section in found for row in section.rows))
    lines = {
        name: [(at, value) for at, section in found if (value := section.figure(name)) is not None]
        for name in names
    }
    return Curve(title, x, y, {name: points for name, points in lines.items() if points})
