"""Cases of Derive's standard manager as its repository has them: accounts in ETH and BTC, in
integers of 1e-18.

The file holds no parameters: they are of its publisher's test configuration, found here by
comparison with the expanded cases, which tell them case by case and are the same in all. Confidence
in discount rates and the rates themselves enter no figure. In the hour before an expiry the told
share of its settlement is fixed at the average so far, and the forward is for the rest alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

import msgspec

from seawall.basics.errors import BadNumber
from seawall.feeds.conform.cases import Case
from seawall.feeds.conform.derive_srm import (
    Expected,
    ExpiryInputs,
    Inputs,
    MarketInputs,
    OptionNumbers,
    OracleNumbers,
    PerpetualInputs,
    case_of,
)
from seawall.feeds.conform.shapes import read_as
from seawall.margin.model import MarginModel

_ONE = 1e18
_SETTLEMENT_S = 3600
_DEPEG_THRESHOLD_USD = 0.98
_DEPEG_FACTOR = 1.2
_BASE_FACTOR = 0.1
_BASE_INITIAL_SCALE = 1.0
_PERPETUAL_INITIAL = 0.065
_PERPETUAL_MAINTENANCE = 0.05
_OPTIONS = OptionNumbers(
    initial=0.15,
    initial_floor=0.1,
    maintenance_call=0.075,
    maintenance_put=0.075,
    maintenance_put_of_mark=0.075,
    unpaired_initial=1.2,
    unpaired_maintenance=1.1,
    put_multiple=1.05,
)
_ORACLE = OracleNumbers(perp=0.4, option=0.4, base=0.4, f=0.4)


class _Side(msgspec.Struct, frozen=True):
    """What a scenario tells of one underlying, under keys that name it."""

    perpetuals: float
    coins: float
    spot: float
    funding: float
    entry_price: float | None
    entry_funding: float | None
    share_fixed: float | None
    average: float | None


def _keys(underlying: str) -> dict[str, str]:
    return {
        "perpetuals": f"Perps_{underlying}",
        "coins": f"w{underlying}",
        "spot": f"{underlying}SpotPrice",
        "funding": f"{underlying}GlobalFundingIndex",
        "entry_price": f"LastEntry{underlying}",
        "entry_funding": f"Account{underlying}FundingIndex",
        "share_fixed": f"PercentFixed{underlying}",
        "average": f"TWAP_{underlying}",
    }


_UNDERLYINGS = "ETH", "BTC"
"""In the order in which a scenario tells what it tells of both in one array."""


def _side(table: Mapping[str, Any], underlying: str, place: str) -> _Side:
    keys = _keys(underlying)
    return _Side(
        **{
            field.name: read_as(field.type, table.get(key), f"{place}, {key}")
            for field in msgspec.structs.fields(_Side)
            for key in [keys[field.name]]
        }
    )


class _Scenario(
    msgspec.Struct,
    frozen=True,
    rename={
        "underlyings": "OptionUnderlying",
        "seconds": "OptionExpiries",
        "strikes": "OptionStrikes",
        "is_call": "OptionIsCall",
        "amounts": "OptionAmounts",
        "vols": "OptionVols",
        "vol_confidences": "OptionVolConfidences",
        "feeds": "FeedExpiries",
        "forwards": "Forwards",
        "forward_confidences": "ForwardConfidences",
        "cash": "Cash",
        "stable": "USDCValue",
        "confidences": "SpotPerpConfidences",
        "perpetual_prices": "PerpPrice",
    },
):
    underlyings: list[Literal["ETH", "BTC"]]
    seconds: list[int]
    strikes: list[float]
    is_call: list[bool]
    amounts: list[float]
    vols: list[float]
    vol_confidences: list[float]
    feeds: list[int]
    forwards: list[float]
    forward_confidences: list[float]
    cash: float
    stable: float
    confidences: tuple[tuple[float, float], tuple[float, float]]
    perpetual_prices: tuple[float, float]

    def __post_init__(self) -> None:
        # A feed tells no underlying: it is that of the option in the same place.
        if self.feeds != self.seconds:
            raise ValueError("FeedExpiries differ from OptionExpiries")
        columns = (
            self.seconds,
            self.strikes,
            self.is_call,
            self.amounts,
            self.vols,
            self.vol_confidences,
            self.forwards,
            self.forward_confidences,
        )
        if any(len(column) != len(self.underlyings) for column in columns):
            raise ValueError("its arrays of options and feeds differ in length")


class _Result(
    msgspec.Struct,
    frozen=True,
    rename={"initial": "realIM", "maintenance": "realMM", "portfolio": "PortfolioMtM"},
):
    initial: float
    maintenance: float
    portfolio: float


class _Entry(msgspec.Struct, frozen=True, rename={"scenario": "Scenario", "result": "Result"}):
    scenario: _Scenario
    result: _Result


def cases(document: Any, model: MarginModel, where: str) -> Iterator[Case] | None:
    """The cases of a document, None where it has another shape.

    Raises BadNumber for a case that cannot be read; a case of a model without the charges fails
    with BadParameter when it is computed.
    """
    entries = cast("dict[str, Any]", document) if isinstance(document, dict) else {}
    first = next(iter(entries.values()), None)
    scenario = cast("dict[str, Any]", first).get("Scenario") if isinstance(first, dict) else None
    if not (isinstance(scenario, dict) and {"OptionUnderlying", "USDCValue"} <= scenario.keys()):
        return None
    return (_case(name, entry, model, where) for name, entry in entries.items())


def _case(name: str, entry: Any, model: MarginModel, where: str) -> Case:
    place = f"{where}, {name}"
    read = read_as(_Entry, entry, place)
    scenario, result = read.scenario, read.result
    inputs = Inputs(
        cash=scenario.cash / _ONE,
        stable=scenario.stable / _ONE,
        depeg_threshold=_DEPEG_THRESHOLD_USD,
        depeg_factor=_DEPEG_FACTOR,
        markets={
            underlying: _market(
                scenario, _side(entry["Scenario"], underlying, place), number, underlying, place
            )
            for number, underlying in enumerate(_UNDERLYINGS)
        },
    )
    expected = Expected(
        im=result.initial / _ONE, mm=result.maintenance / _ONE, mtm=result.portfolio / _ONE
    )
    return case_of(name, inputs, expected, model)


def _market(
    scenario: _Scenario, side: _Side, number: int, underlying: str, place: str
) -> MarketInputs:
    spot_confidence, perpetual_confidence = scenario.confidences[number]
    price = scenario.perpetual_prices[number]
    profit = 0.0
    if side.perpetuals:
        keys = _keys(underlying)
        bought_at = _told(side.entry_price, keys["entry_price"], place)
        paid_until = _told(side.entry_funding, keys["entry_funding"], place)
        # A perpetual pays what the index of funding rose by since the account last settled.
        each = price - bought_at - (side.funding - paid_until)
        profit = side.perpetuals / _ONE * each / _ONE
    return MarketInputs(
        spot=side.spot / _ONE,
        spot_confidence=spot_confidence / _ONE,
        perp=PerpetualInputs(
            pos=side.perpetuals / _ONE,
            price=price / _ONE,
            conf=perpetual_confidence / _ONE,
            upnl=profit,
        ),
        base=side.coins / _ONE,
        base_factor=_BASE_FACTOR,
        base_initial_scale=_BASE_INITIAL_SCALE,
        perp_initial=_PERPETUAL_INITIAL,
        perp_maintenance=_PERPETUAL_MAINTENANCE,
        op=_OPTIONS,
        oc=_ORACLE,
        exps=_expiries(scenario, side, underlying, place),
    )


def _expiries(
    scenario: _Scenario, side: _Side, underlying: str, place: str
) -> dict[int, ExpiryInputs]:
    """Options of one underlying by seconds to expiry, each expiry with its lowest confidences."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row, (own, seconds) in enumerate(zip(scenario.underlyings, scenario.seconds, strict=True)):
        if own == underlying:
            rows[seconds].append(row)
    return {
        seconds: ExpiryInputs(
            fwd=_forward(scenario.forwards[of[-1]], seconds, side, underlying, place) / _ONE,
            fconf=min(scenario.forward_confidences[row] for row in of) / _ONE,
            volconf=min(scenario.vol_confidences[row] for row in of) / _ONE,
            opts=[
                (
                    scenario.strikes[row] / _ONE,
                    scenario.is_call[row],
                    scenario.amounts[row] / _ONE,
                    scenario.vols[row] / _ONE,
                )
                for row in of
            ],
        )
        for seconds, of in rows.items()
    }


def _forward(forward: float, seconds: int, side: _Side, underlying: str, place: str) -> float:
    """What the settlement is expected to be, of which a share is fixed in the last hour."""
    if seconds >= _SETTLEMENT_S:
        return forward
    keys = _keys(underlying)
    share = _told(side.share_fixed, keys["share_fixed"], place)
    return share * _told(side.average, keys["average"], place) + (1.0 - share) * forward


def _told(number: float | None, key: str, place: str) -> float:
    if number is None:
        raise BadNumber(
            f"{key} is null, and the account holds what needs it",
            where=place,
            remedy="Give the number, or take the file as its source has it.",
        )
    return number
