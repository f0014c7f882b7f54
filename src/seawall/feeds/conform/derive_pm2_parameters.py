"""Parameters of Derive's portfolio margin as its cases bring them, put into a model's parts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec
from msgspec.structs import replace

from seawall.feeds.conform.shapes import charge_of, with_charge
from seawall.margin.charges import (
    ContingencyCharge,
    ExpiryConfidenceCharge,
    InitialCollateralCharge,
)
from seawall.margin.charges.contingency import ContingencyRates, LossDepeg
from seawall.margin.discounts import ExpiriesApart, StaticDiscount
from seawall.margin.factors import CollateralFactors
from seawall.margin.fold import NetByUnderlying
from seawall.margin.model import MarginModel
from seawall.risk.scenarios import ListedCell, ListedCells
from seawall.risk.shocks import Shock
from seawall.risk.vol_laws import SkewStretch, TenorLaw

_Vol = Literal["up", "none", "down", "skew-linear", "skew-absolute"]
_MOVES: Mapping[str, _Vol] = MappingProxyType(
    {
        "Up": "up",
        "None": "none",
        "Down": "down",
        "LINEAR": "skew-linear",
        "ABS": "skew-absolute",
    }
)


class _Cell(
    msgspec.Struct,
    frozen=True,
    rename={"shock": "SpotShock", "vol": "VolShockDirection", "damping": "DampeningFactor"},
):
    shock: float
    vol: Literal["Up", "None", "Down", "LINEAR", "ABS"]
    damping: float

    @property
    def is_skew(self) -> bool:
        return self.vol in ("LINEAR", "ABS")

    def listed(self) -> ListedCell:
        return ListedCell(price_rel=self.shock - 1.0, vol=_MOVES[self.vol], damping=self.damping)


class _Skew(
    msgspec.Struct,
    frozen=True,
    rename={
        "linear_cap": "LINEAR_SCALE_CAP",
        "linear_per_root": "LINEAR_CBASE",
        "absolute_cap": "ABS_SCALE_CAP",
        "absolute_per_root": "ABS_CBASE",
        "least_k": "MIN_K_STAR",
        "width": "MIN_WIDTH_SCALE",
        "vol_base": "VOL_PARAM_STATIC",
        "vol_per_root": "VOL_PARAM_SCALE",
    },
):
    linear_cap: float
    linear_per_root: float
    absolute_cap: float
    absolute_per_root: float
    least_k: float
    width: float
    vol_base: float
    vol_per_root: float


class _VolShock(
    msgspec.Struct,
    frozen=True,
    rename={
        "up": "VOLRANGEUP",
        "down": "VOLRANGEDOWN",
        "least_up": "MIN_VOL_EVAL_SHOCKED",
        "floor_days": "DTE_FLOOR",
        "short_power": "SHORTTERMPOWER",
        "long_power": "LONGTERMPOWER",
    },
):
    up: float
    down: float
    least_up: float
    floor_days: float
    short_power: float
    long_power: float


class _Margin(
    msgspec.Struct,
    frozen=True,
    rename={
        "maintenance": "MM_LOSS_FACTOR",
        "initial": "IM_LOSS_FACTOR",
        "short_mult": "SHORT_RATE_MULTSCALE",
        "long_mult": "LONG_RATE_MULTSCALE",
        "short_add": "SHORT_RATE_ADDSCALE",
        "long_add": "LONG_RATE_ADDSCALE",
        "long_base": "BASE_STATIC_DISCOUNT",
        "short_base": "BASE_STATIC_DISCOUNT_NEG",
    },
):
    maintenance: float
    initial: float
    short_mult: float
    long_mult: float
    short_add: float
    long_add: float
    long_base: float
    short_base: float


class _Basis(
    msgspec.Struct,
    frozen=True,
    rename={
        "up": "SCENARIO_SPOT_UP",
        "down": "SCENARIO_SPOT_DOWN",
        "factor": "BASIS_CONT_ADD_FACTOR",
        "factor_per_year": "BASIS_CONT_MULT_FACTOR",
    },
):
    up: float
    down: float
    factor: float
    factor_per_year: float


class _Other(
    msgspec.Struct,
    frozen=True,
    rename={
        "peg_threshold": "PEG_LOSS_THRESHOLD",
        "peg_factor": "PEG_LOSS_FACTOR",
        "confidence_threshold": "CONF_THRESHOLD",
        "confidence_factor": "CONF_MARGIN",
        "perpetual": "MM_PERP_PERCENT",
        "perpetual_more": "IM_PERP_PERCENT",
        "option": "MM_OPTION_PERCENT",
        "option_more": "IM_OPTION_PERCENT",
    },
):
    peg_threshold: float
    peg_factor: float
    confidence_threshold: float
    confidence_factor: float
    perpetual: float
    perpetual_more: float
    option: float
    option_more: float


class Parameters(
    msgspec.Struct,
    frozen=True,
    rename={
        "scenarios": "Scenarios",
        "skew": "SkewShock",
        "vol": "VolShock",
        "margin": "Margin",
        "basis": "BasisContingency",
        "other": "OtherContingency",
    },
):
    """All parameters of a case; rates of initial margin are what it adds to maintenance."""

    scenarios: list[_Cell]
    skew: _Skew
    vol: _VolShock
    margin: _Margin
    basis: _Basis
    other: _Other


def with_parameters(
    model: MarginModel,
    numbers: Parameters,
    cuts: Mapping[str, float],
    initial_cuts: Mapping[str, float],
) -> MarginModel:
    """The model with the numbers of a case, but for its levels.

    ``cuts`` are haircuts of maintenance by name of the asset, ``initial_cuts`` what initial margin
    adds. Raises BadParameter for numbers that are impossible, and a model without the charges.
    """
    names = tuple(each.name for each in model.classes)
    for charge in (
        _contingency(numbers.other, names),
        InitialCollateralCharge(less_rel={**dict.fromkeys(names, 0.0), **initial_cuts}),
        replace(
            charge_of(model, ExpiryConfidenceCharge),
            threshold=numbers.other.confidence_threshold,
            factor=numbers.other.confidence_factor,
        ),
    ):
        model = with_charge(model, charge)
    whole = dict.fromkeys(("stablecoin", "long-options", *names), 1.0)
    factors = {name: 1.0 - cut for name, cut in cuts.items()}
    return replace(
        model,
        scenarios=_scenarios(numbers),
        fold=_fold(numbers),
        collateral=CollateralFactors(factors={**whole, **factors}),
    )


def _contingency(numbers: _Other, names: tuple[str, ...]) -> ContingencyCharge:
    low = ContingencyRates(
        contracts_rel=numbers.perpetual, coins_rel=0.0, naked_options_rel=numbers.option
    )
    high = ContingencyRates(
        contracts_rel=numbers.perpetual + numbers.perpetual_more,
        coins_rel=0.0,
        naked_options_rel=numbers.option + numbers.option_more,
    )
    return ContingencyCharge(
        initial=dict.fromkeys(names, high),
        maintenance=dict.fromkeys(names, low),
        depeg=LossDepeg(
            stablecoin="USDC",
            threshold_usd=numbers.peg_threshold,
            factor=numbers.peg_factor,
            of="worst-loss",
        ),
    )


def _scenarios(numbers: Parameters) -> ListedCells:
    vol, skew = numbers.vol, numbers.skew
    listed = [cell.listed() for cell in numbers.scenarios]
    moves = {(cell.price_rel, cell.vol) for cell in listed}
    # Forwards that move apart ask for these whether the case lists them or not.
    listed += [
        ListedCell(price_rel=shock - 1.0, vol="none", damping=0.0)
        for shock in (numbers.basis.up, numbers.basis.down)
        if (shock - 1.0, "none") not in moves
    ]
    skewed = any(cell.is_skew for cell in numbers.scenarios)
    return ListedCells(
        vol_up=Shock(kind="relative", size=vol.up),
        vol_down=Shock(kind="relative", size=-vol.down),
        vol_up_floor=vol.least_up,
        tenor_law=TenorLaw(
            reference_days=30.0,
            floor_days=vol.floor_days,
            short_power=vol.short_power,
            long_power=vol.long_power,
        ),
        horizon_days=0.0,
        cells=tuple(listed),
        skew=_stretch(skew) if skewed else None,
    )


def _stretch(skew: _Skew) -> SkewStretch:
    return SkewStretch(
        linear_cap_base=skew.linear_cap,
        linear_cap_per_root_year=skew.linear_per_root,
        absolute_cap_base=skew.absolute_cap,
        absolute_cap_per_root_year=skew.absolute_per_root,
        least_k=skew.least_k,
        width=skew.width,
        vol_base=skew.vol_base,
        vol_per_root_year=skew.vol_per_root,
    )


def _fold(numbers: Parameters) -> NetByUnderlying:
    margin, basis = numbers.margin, numbers.basis
    return NetByUnderlying(
        discount=StaticDiscount(
            long_base=margin.long_base,
            long_rate_mult=margin.long_mult,
            long_rate_add=margin.long_add,
            short_base=margin.short_base,
            short_rate_mult=margin.short_mult,
            short_rate_add=margin.short_add,
        ),
        either_way=("skew-linear", "skew-absolute"),
        apart_by=ExpiriesApart(
            price_up_rel=basis.up - 1.0,
            price_down_rel=1.0 - basis.down,
            factor=basis.factor,
            factor_per_year=basis.factor_per_year,
        ),
    )
