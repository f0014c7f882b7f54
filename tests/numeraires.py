"""Models with their charges, floors and folds as they are where another currency is numeraire."""

from __future__ import annotations

import msgspec

from seawall.margin.charges import (
    AtLeastCharge,
    Charge,
    ContingencyCharge,
    DeltaShockCharge,
    DepegCharge,
    OpenInterestCharge,
    StablecoinHedgeCharge,
)
from seawall.margin.charges.tiers import Tier
from seawall.margin.floors import ContractMinimum, Floor
from seawall.margin.fold import Fold, NetByUnderlying
from seawall.margin.model import MarginModel


def model_elsewhere(model: MarginModel, factor: float) -> MarginModel:
    """The same model, and the second of a hybrid, where one USD is counted as ``factor`` units."""
    classes = tuple(
        msgspec.structs.replace(
            each,
            adv_usd=each.adv_usd * factor,
            open_interest_usd=each.open_interest_usd and each.open_interest_usd * factor,
        )
        for each in model.classes
    )
    return msgspec.structs.replace(
        model,
        classes=classes,
        charges=tuple(charge_elsewhere(charge, factor) for charge in model.charges),
        floors=tuple(floor_elsewhere(floor, factor) for floor in model.floors),
        fold=fold_elsewhere(model.fold, factor),
        second=model.second and model_elsewhere(model.second, factor),
    )


def charge_elsewhere(charge: Charge, factor: float) -> Charge:
    """The same charge where one USD is counted as ``factor`` units of another currency."""
    if isinstance(charge, OpenInterestCharge):
        tiers = {
            name: msgspec.structs.replace(
                tier,
                lower_cap_usd=tier.lower_cap_usd * factor,
                upper_cap_usd=tier.upper_cap_usd * factor,
            )
            for name, tier in charge.tiers.items()
        }
        return msgspec.structs.replace(charge, tiers=tiers)
    if isinstance(charge, DepegCharge):
        # A share of the price for each unit by which the stablecoin is below.
        return msgspec.structs.replace(
            charge, threshold_usd=charge.threshold_usd * factor, factor=charge.factor / factor
        )
    if isinstance(charge, ContingencyCharge) and charge.depeg is not None:
        depeg = msgspec.structs.replace(
            charge.depeg,
            threshold_usd=charge.depeg.threshold_usd * factor,
            factor=charge.depeg.factor / factor,
        )
        return msgspec.structs.replace(charge, depeg=depeg)
    if isinstance(charge, DeltaShockCharge):
        shocks = {
            name: msgspec.structs.replace(own, threshold_usd=own.threshold_usd * factor)
            for name, own in charge.classes.items()
        }
        return msgspec.structs.replace(charge, classes=shocks)
    if isinstance(charge, StablecoinHedgeCharge):
        return msgspec.structs.replace(charge, tiers=tiers_elsewhere(charge.tiers, factor))
    if isinstance(charge, AtLeastCharge):
        classes = {
            name: msgspec.structs.replace(own, tiers=tiers_elsewhere(own.tiers, factor))
            for name, own in charge.closing.classes.items()
        }
        closing = msgspec.structs.replace(charge.closing, classes=classes)
        return msgspec.structs.replace(charge, closing=closing)
    return charge


def tiers_elsewhere(tiers: tuple[Tier, ...], factor: float) -> tuple[Tier, ...]:
    """The same tiers in another currency."""
    return tuple(Tier(above_usd=tier.above_usd * factor, rate=tier.rate) for tier in tiers)


def floor_elsewhere(floor: Floor, factor: float) -> Floor:
    """As :func:`charge_elsewhere`."""
    if isinstance(floor, ContractMinimum):
        return msgspec.structs.replace(floor, unit_usd=floor.unit_usd * factor)
    return floor


def fold_elsewhere(fold: Fold | None, factor: float) -> Fold | None:
    """As :func:`charge_elsewhere`."""
    if not isinstance(fold, NetByUnderlying) or fold.by_currency is None:
        return fold
    numbers = {
        name: msgspec.structs.replace(
            own,
            dampener_usd=own.dampener_usd * factor,
            most_gain_usd=own.most_gain_usd * factor,
        )
        for name, own in fold.by_currency.numbers.items()
    }
    by_currency = msgspec.structs.replace(fold.by_currency, numbers=numbers)
    return msgspec.structs.replace(fold, by_currency=by_currency)
