"""What rules ask of margins, as rows that pass or fail.

Sources: CPSS-IOSCO (2012), Principles for financial market infrastructures, principle 6; Commission
Delegated Regulation (EU) No 153/2013, articles 24 to 28, with the one-day exception of Delegated
Regulation (EU) 2016/822; Kupiec (1995). Whether a set-up complies is for its supervisor to say: a
row tells the number that a rule states and the number that is.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from seawall.basics.errors import BadNumber
from seawall.lab.backtest.counts import kupiec_region, traffic_light

# Kupiec (1995), tables: numbers of exceedances accepted at 99 % coverage by observations.
KUPIEC_ACCEPTANCE_99 = {255: (0, 6), 510: (2, 10), 1_000: (5, 16)}
PFMI_CONFIDENCE = 0.99
EMIR_CONFIDENCE_OTC, EMIR_CONFIDENCE_LISTED = 0.995, 0.99
EMIR_DAYS_OTC, EMIR_DAYS_LISTED, EMIR_DAYS_LISTED_GROSS = 5.0, 2.0, 1.0
EMIR_LOOKBACK_MONTHS = 12.0
EMIR_MAX_OFFSET = 0.80
EMIR_BUFFER, EMIR_STRESS_WEIGHT, EMIR_FLOOR_YEARS = 0.25, 0.25, 10.0

# Decimal shares such as .995 carry their last bit's error from arithmetic.
SLACK = 1e-12


class ProcyclicalityTools(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tools of article 28 that a calibration has, as :class:`MarginSetUp` tells them."""

    buffer_share: float = 0.0
    stress_weight: float = 0.0
    floor_years: float = 0.0


class MarginSetUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How margins are set, as far as rules ask.

    ``confidence`` of initial margin, one-tailed, decimal; ``horizon_days`` the close-out period,
    business days; ``lookback_months`` of history; ``stress_in_lookback`` whether it includes
    stressed times; ``offset_share`` the greatest share of the difference that offsetting between
    products gives back; ``gross_accounts`` whether clients are margined gross, intraday calls and
    all (the exception for one day). The three tools against procyclicality are a releasable
    ``buffer_share`` of margin, ``stress_weight`` of stressed observations and ``floor_years`` of
    history behind a floor; 0 where not used.
    """

    otc: bool
    confidence: float
    horizon_days: float
    lookback_months: float
    stress_in_lookback: bool
    offset_share: float
    gross_accounts: bool = False
    buffer_share: float = 0.0
    stress_weight: float = 0.0
    floor_years: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.offset_share, self.buffer_share, self.stress_weight)
        sound = 0.0 < self.confidence < 1.0 and all(0.0 <= share <= 1.0 for share in shares)
        spans = (self.horizon_days, self.lookback_months, self.floor_years)
        if not (sound and all(0.0 <= span < float("inf") for span in spans)):
            raise BadNumber(
                "a share outside 0 to 1 or a span of time that is negative or not finite",
                where="set-up of margins",
                remedy="State shares as decimals (0.995) and spans in the unit of their name.",
            )


class RuleRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule: what it asks, what is, and whether that is enough."""

    source: str
    rule: str
    asked: str
    found: str
    passed: bool


def rules(set_up: MarginSetUp) -> tuple[RuleRow, ...]:
    """PFMI principle 6 and EMIR articles 24 to 28 for one set-up, in the order of the articles."""
    kind = "OTC derivatives" if set_up.otc else "other than OTC derivatives"
    confidence = EMIR_CONFIDENCE_OTC if set_up.otc else EMIR_CONFIDENCE_LISTED
    days = EMIR_DAYS_LISTED_GROSS if set_up.gross_accounts else EMIR_DAYS_LISTED
    days = EMIR_DAYS_OTC if set_up.otc else days
    months = set_up.lookback_months
    return (
        _least(
            "PFMI 6, item 3",
            "coverage, one-tailed",
            PFMI_CONFIDENCE,
            set_up.confidence,
            "%",
        ),
        _least("EMIR art. 24", f"confidence, {kind}", confidence, set_up.confidence, "%"),
        _least("EMIR art. 25", "look-back", EMIR_LOOKBACK_MONTHS, months, "months"),
        RuleRow(
            source="EMIR art. 25",
            rule="full range of market conditions, stress included",
            asked="yes",
            found="yes" if set_up.stress_in_lookback else "no",
            passed=set_up.stress_in_lookback,
        ),
        _least("EMIR art. 26", f"liquidation period, {kind}", days, set_up.horizon_days, "days"),
        RuleRow(
            source="EMIR art. 27",
            rule="offset between products",
            asked=f"at most {EMIR_MAX_OFFSET:.0%}",
            found=f"{set_up.offset_share:.0%}",
            passed=set_up.offset_share <= EMIR_MAX_OFFSET + SLACK,
        ),
        *_procyclicality(set_up),
    )


def acceptance(exceeding: int, observations: int, rate: float = 0.01) -> tuple[RuleRow, ...]:
    """Kupiec's acceptance at 5 % and Basel's zone for a number of exceedances.

    Raises BadNumber for impossible counts and BadParameter for an impossible rate.
    """
    region = kupiec_region(observations, rate)
    if rate == 0.01:
        region = KUPIEC_ACCEPTANCE_99.get(observations, region)
    light = traffic_light(exceeding, observations, rate)
    asked = "no number" if region is None else f"{region[0]} to {region[1]} exceedances"
    found = f"{exceeding} in {observations}"
    return (
        RuleRow(
            source="Kupiec 1995",
            rule=f"count at {1.0 - rate:.1%} coverage",
            asked=asked,
            found=found,
            passed=region is not None and region[0] <= exceeding <= region[1],
        ),
        RuleRow(
            source="Basel 1996",
            rule="traffic light",
            asked="green",
            found=f"{light.zone}, {found}",
            passed=light.zone == "green",
        ),
    )


def _procyclicality(set_up: MarginSetUp) -> tuple[RuleRow, ...]:
    """Article 28 asks for one of three tools; each is a row, and the first says whether one is."""
    tools = (
        _least("EMIR art. 28 (a)", "buffer, released in stress", EMIR_BUFFER, set_up.buffer_share),
        _least("EMIR art. 28 (b)", "stressed weight", EMIR_STRESS_WEIGHT, set_up.stress_weight),
        _least(
            "EMIR art. 28 (c)",
            "history of the floor",
            EMIR_FLOOR_YEARS,
            set_up.floor_years,
            "years",
        ),
    )
    used = sum(tool.passed for tool in tools)
    whole = RuleRow(
        source="EMIR art. 28",
        rule="tools against procyclicality",
        asked="at least one of three",
        found=str(used),
        passed=used > 0,
    )
    return (whole, *tools)


def _least(
    source: str,
    rule: str,
    asked: float,
    found: float,
    unit: Literal["%", "days", "months", "years"] = "%",
) -> RuleRow:
    def shown(number: float) -> str:
        return f"{100.0 * number:g} %" if unit == "%" else f"{number:g} {unit}"

    return RuleRow(
        source=source,
        rule=rule,
        asked=f"at least {shown(asked)}",
        found=shown(found),
        passed=found >= asked - SLACK,
    )
