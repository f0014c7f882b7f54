"""The page, the document and the words about who wins and who ties."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.frontier.data import ETH_VOL_RATIO, SPLICED
from benchmarks.frontier.parameters import ParameterResult
from benchmarks.frontier.run import REFERENCE, ChainResult, Part
from benchmarks.frontier.statistics import STRESS_DAYS, TEST_LEVEL, Result
from benchmarks.frontier.tuning import TUNED

# What the specification asks of the dynamic grid at 99 % on six books by the close.
NEAR, MOST_OF_A_BOOK = 0.2, 1.5
MOST_MARGIN, MOST_PEAK, MOST_5, MOST_30 = 0.075, 2.0, 0.30, 0.40
# What hedged option books are to cost at most, of strategy-based margin at equal coverage.
MOST_OF_STRATEGY = 0.5

HEADINGS = (
    "model", "k", "breach", "interval", "worst book", "1 h", "4 h", "mean margin", "interval",
    "at equal coverage", "peak/trough", "1-day", "5-day", "20-day", "30-day", "shortfall",
    "rejected", "walk-forward",
)  # fmt: skip


def page(
    parts: Sequence[Part],
    chains: Sequence[ChainResult],
    parameters: Sequence[ParameterResult],
    discussion: str,
) -> str:
    """The page in Markdown."""
    text = [OPENING.format(spliced=SPLICED, ratio=ETH_VOL_RATIO, level=TEST_LEVEL)]
    text.append(_found(parts, chains, discussion))
    for part in parts:
        for rate in dict.fromkeys(each.rate for each in part.results):
            own = [each for each in part.results if each.rate == rate]
            title = f"## {part.name}, {1 - rate:.1%} of {part.losses} losses"
            note = f"{len(part.books)} books, {part.days} test days, {part.first} to {part.last}."
            text.append(f"{title}\n\n{note}\n\n{table(own)}")
    first = [each for each in parts[0].results if each.rate == parts[0].results[0].rate]
    text.append(f"## Days of stress\n\n{STRESS_NOTE}\n\n{stress_table(first)}")
    text.append(f"## Recorded chains\n\n{CHAIN_NOTE}\n\n{chain_table(chains)}")
    text.append(f"## Haircuts and offsets\n\n{PARAMETER_NOTE}\n\n{parameter_table(parameters)}")
    text.append(f"## Books of the dynamic grid\n\n{book_table(first)}")
    text.append(f"## Settings of the dynamic grid\n\n{settings_table()}")
    return "\n".join(text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table(results: Sequence[Result]) -> str:
    """Every model at one target."""
    lines = [_row(HEADINGS), "|---|" + "---:|" * (len(HEADINGS) - 1)]
    for each in results:
        hours = each.breach_by_hours
        cells = [
            f"**{each.model}**" if each.model == REFERENCE else each.model,
            f"{each.multiplier:.2f}",
            f"{each.breach_rate:.2%}",
            _between(each.breach_interval),
            f"{each.worst_breach_rate:.2%} {each.worst_book}",
            *(f"{hours[h]:.2%}" if h in hours else "" for h in ("1", "4")),
            f"{each.mean_margin_rel:.2%}",
            _between(each.mean_interval),
            f"{each.at_equal_coverage:.2%}{verdict(each)}",
            f"{each.peak_to_trough:.2f}",
            *(f"{each.rise[days]:.0%}" for days in ("1", "5", "20", "30")),
            f"{each.mean_shortfall_rel:.2%}",
            f"{each.books_rejected}",
            f"{each.walk_forward_breach:.2%} at {each.walk_forward_margin_rel:.2%}",
        ]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _between(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.2%}–{interval[1]:.2%}"


def verdict(each: Result) -> str:
    """Whether a rival costs less or more than the dynamic grid at equal coverage, or ties."""
    if each.model == REFERENCE:
        return ""
    low, high = each.against_interval
    if low <= 0.0 <= high:
        return " (ties)"
    return " (less)" if high < 0.0 else " (more)"


def targets(result: Result) -> list[tuple[str, str, bool]]:
    """The specification's target line: what, how it came out, and whether it holds."""
    rate = result.rate
    lines = [
        (
            "pooled breach within 20 % of nominal",
            f"{result.breach_rate:.2%} of {rate:.1%}",
            abs(result.breach_rate / rate - 1.0) <= NEAR,
        ),
        (
            "every book at most 1.5 times nominal",
            f"{result.worst_breach_rate:.2%}, {result.worst_book}",
            result.worst_breach_rate <= MOST_OF_A_BOOK * rate,
        ),
        ("no test rejects", f"{result.books_rejected} books", result.books_rejected == 0),
    ]
    for what, value, most, form in (
        ("mean margin", result.mean_margin_rel, MOST_MARGIN, ".2%"),
        ("peak/trough", result.peak_to_trough, MOST_PEAK, ".2f"),
        ("5-day rise", result.rise["5"], MOST_5, ".0%"),
        ("30-day rise", result.rise["30"], MOST_30, ".0%"),
    ):
        lines.append((f"{what} at most {most:{form}}", f"{value:{form}}", value <= most))
    return lines


def of(part: Part, model: str, rate: float = 0.01) -> Result:
    """One model's result of a part."""
    return next(each for each in part.results if each.model == model and each.rate == rate)


def _found(parts: Sequence[Part], chains: Sequence[ChainResult], discussion: str) -> str:
    """Targets and the verdicts in words, from the figures of this run."""
    lines = ["## What was found\n"]
    close = next(part for part in parts if part.losses == "close")
    lines += [
        "The dynamic grid on the six books by the close, against the target set in advance:\n",
        _row(("target at 99 %", "found", "met")),
        "|---|---:|---|",
    ]
    lines += [
        _row((what, found, "yes" if met else "**no**"))
        for what, found, met in targets(of(close, REFERENCE))
    ]
    for what, ours, theirs, equal in _against_strategy(parts):
        met = ("yes" if ours <= MOST_OF_STRATEGY * theirs else "**no**") if equal else "–"
        told = f"{ours:.2%} against {theirs:.2%}"
        lines.append(
            _row((f"hedged option books 50 % below strategy-based margin, {what}", told, met))
        )
    lines.append("")
    for part in parts:
        for rate in dict.fromkeys(each.rate for each in part.results):
            lines.append(_verdicts(part, rate))
    return "\n".join([*lines, "", discussion])


def _against_strategy(parts: Sequence[Part]) -> list[tuple[str, float, float, bool]]:
    """What hedged option books cost under the dynamic grid and by strategies.

    Once with the one multiplier that gives all books the target, once with one of their own: only
    there do these books breach equally often, which the last member tells.
    """
    hedged = next((part for part in parts if part.name.startswith("hedged")), None)
    if hedged is None:
        return []
    pooled = (
        _cost_of(of(parts[0], REFERENCE), hedged.books),
        _cost_of(of(parts[0], "strategy"), hedged.books),
    )
    own = of(hedged, REFERENCE).at_equal_coverage, of(hedged, "strategy").at_equal_coverage
    return [
        (
            "one multiplier for all books (not at equal coverage on these books)",
            *pooled,
            False,
        ),
        ("a multiplier of their own, at equal coverage", *own, True),
    ]


def _cost_of(result: Result, books: Sequence[str]) -> float:
    """The mean margin of some books where all books together breach at exactly the target."""
    own = [each.mean_margin_rel for each in result.books if each.book in books]
    return sum(own) / len(own) * result.at_equal_coverage / result.mean_margin_rel


def _verdicts(part: Part, rate: float) -> str:
    own = [e for e in part.results if e.rate == rate and e.model != REFERENCE]
    words = {" (less)": "cost less", " (ties)": "tie", " (more)": "cost more"}
    told = [
        f"{', '.join(e.model for e in own if verdict(e) == key)} {word}"
        for key, word in words.items()
        if any(verdict(e) == key for e in own)
    ]
    cyclic = of(part, REFERENCE, rate).rise["30"]
    calmer = [e.model for e in own if e.rise["30"] <= cyclic]
    return (
        f"- {part.name}, {part.losses}, {1 - rate:.1%}: beside the dynamic grid at equal coverage "
        f"{'; '.join(told)}. A 30-day rise no larger than its {cyclic:.0%} have "
        f"{', '.join(calmer) or 'none'}."
    )


def stress_table(results: Sequence[Result]) -> str:
    """The largest shortfall of a day, model by model."""
    lines = [_row(("model", *STRESS_DAYS)), "|---|" + "---:|" * len(STRESS_DAYS)]
    for each in results:
        told = (f"{each.stress[day]:.2%}" if day in each.stress else "" for day in STRESS_DAYS)
        lines.append(_row((each.model, *told)))
    return "\n".join(lines) + "\n"


def chain_table(chains: Sequence[ChainResult]) -> str:
    """Every model on recorded chains."""
    heads = ("model", "k", "book-days", "breach", "interval", "mean margin", "at equal coverage")
    lines = [_row(heads), "|---|" + "---:|" * (len(heads) - 1)]
    lines += [
        _row(
            (
                each.model,
                f"{each.multiplier:.2f}",
                f"{each.book_days}",
                f"{each.breach_rate:.2%}",
                _between(each.breach_interval),
                f"{each.mean_margin_rel:.2%}",
                f"{each.at_equal_coverage:.2%}",
            )
        )
        for each in chains
    ]
    return "\n".join(lines) + "\n"


def parameter_table(parameters: Sequence[ParameterResult]) -> str:
    """Every parameter over training and test days."""
    heads = ("parameter", "days of", "days", "mean", "breach", "exact interval", "worst beyond",
             "tests that reject")  # fmt: skip
    lines = [_row(heads), "|---|---|" + "---:|" * 5 + "---|"]
    for each in parameters:
        numbers = f"{each.mean:.2%}", f"{each.breach_rate:.2%}", _between(each.interval)
        beyond = f"{each.worst_beyond:.2%}"
        told = each.parameter, each.part, str(each.days), *numbers, beyond
        lines.append(_row((*told, ", ".join(each.rejected))))
    return "\n".join(lines) + "\n"


def book_table(results: Sequence[Result]) -> str:
    """The dynamic grid book by book."""
    heads = ("book", "days", "breach", "exact interval", "mean margin", "tests that reject")
    lines = [_row(heads), "|---|" + "---:|" * 4 + "---|"]
    for each in next(e for e in results if e.model == REFERENCE).books:
        told = f"{each.breach_rate:.2%}", _between(each.interval), f"{each.mean_margin_rel:.2%}"
        lines.append(_row((each.book, str(each.days), *told, ", ".join(each.rejected))))
    return "\n".join(lines) + "\n"


def settings_table() -> str:
    """The settings that were found on training days."""
    ranges, guards = TUNED.ranges, TUNED.ranges.guards
    rows = {
        "lambda_vol": ranges.lambda_vol,
        "confidence_im": ranges.confidence_im,
        "long_run_days": ranges.long_run_days,
        "slow_share": ranges.slow_share,
        "stressed_weight": guards.stressed_weight,
        "buffer_rel": guards.buffer_rel,
        "floor_share": guards.floor_share,
        "loosen_per_day": guards.loosen_per_day,
        "jump_rel": guards.jump_rel,
        "notice_days": guards.notice_days,
        "kappa": TUNED.kappa,
        "vol_confidence": TUNED.vol_confidence,
    }
    lines = ["| setting | value |", "|---|---:|", *(f"| `{k}` | {v} |" for k, v in rows.items())]
    return "\n".join(lines) + "\n"


STRESS_NOTE = (
    "What all books together lost beyond their margins, as a share of their gross notional, on the "
    "worst day; 99 %, path-worst. Days up to 2022 lie in the training part, which their own losses "
    "helped to fit."
)
CHAIN_NOTE = (
    "Option books struck on Deribit's recorded chains of December 2025 to March 2026, one window "
    "of about a day at a time. Losses are at the chain's own times, mostly the window's end alone: "
    "they see less than the hourly path, and breaches are fewer. They hold no close-out cost. "
    "Multipliers are those of all books at 99 %, fitted on modelled volatilities until 2022."
)
PARAMETER_NOTE = (
    "Did a haircut cover the deepest fall of the coin within 24 hours, did what a hedged pair of "
    "equal ranges is asked (2 − ρ of one range) cover the worst it lost? At 99 %; *fixed* are the "
    "numbers of `prbm`, *calibrated* those of the calibration day by day: z = 3 guarded daily "
    "volatilities and the liquidity part; ρ the lower bound of the correlation of the year before. "
    "Ranges of the pair are the dynamic grid's, without a multiplier."
)
OPENING = """# The margin frontier

Made by `make frontier` from recorded data that is no part of the project. What margin models
ask and cover, out of sample: every model's margin of every book, every day at 00:00 UTC from
what was known then, held against the largest loss of the next 24 hours.

- Prices: {spliced} Whole days without prices at their start or with fewer than 20 of 24 hours
  are left out.
- Losses: full revaluation at every hour's close, and at its lows and highs taken by all coins
  at once; the worst on the way counts, plus close-out cost: half spreads and the square-root
  impact on $10 million ($200 million in concentrated books).
- Options: **modelled**. Volatility is BTC's recorded index since 2021-03, one SSVI smile scaled
  to it, and ETH's is {ratio} times it (the recorded chains of 2026 say 1.41). The index moves
  in a straight line within a day. Books on recorded chains have their own table.
- Dated futures: **modelled**. Their basis is the perpetual's funding averaged over 30 days.
- Books are struck anew each day at constant tenor, moneyness and size; hedges take the options'
  delta out.
- k is the model's one multiplier for all books, such that the target's share of all training
  days until 2022-12-31 breached (2019 on; options from 2021-03). Test days begin 2023-01-01.
  Walk-forward renews k each year from all years before.
- *at equal coverage*: the mean margin were k such that test days breach at exactly the target.
  *less*, *ties* and *more* say whether the 95 % interval of its difference from the dynamic
  grid's excludes zero.
- Intervals are from resampled blocks of 20 days, all books of a date together. *rejected*
  counts books of which some test (exact counts, independence, durations, dynamic quantile)
  rejects at {level} over the number of books. *shortfall* is the mean beyond the margin where
  it was breached, of gross notional.
- Rises and peak/trough are of all books' margin together over test days. All margins are at
  least 0.25 % of gross.
- isolated, cross and strategy ask 15 % of perpetuals; ±10 and ±20 use the house's cells with
  fixed ranges; Deribit-like is the preset `deribit-pm-2026-02` without its charges; SPAN-like
  scans three trailing 60-day deviations; simulated models revalue every book in joint scenarios
  of closes, lows and highs.

![cost, coverage and procyclicality](frontier.svg)

All figures: [frontier.json](frontier.json).
"""
