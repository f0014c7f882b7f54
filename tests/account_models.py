"""Models that many accounts are margined under: those that ship, and others of their parts."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from seawall.margin.charges import ConcentrationCharge
from seawall.margin.fold import EachPosition
from seawall.margin.haircuts import Haircuts
from seawall.margin.model import MarginModel
from seawall.margin.offsets import (
    CorrelationCollapse,
    CorrelationGroup,
    CorrelationPair,
    PointGroup,
    PointOffset,
)
from seawall.margin.presets import load_preset, preset_names
from seawall.risk.revaluation import Black76Revaluation
from tests.account_tables import AS_OF
from tests.flat_fee import FlatFee

PRBM = load_preset("prbm")


def collapsed(to: str, days_ago: float) -> MarginModel:
    """The house model with a collapse of correlations declared so long ago, notice of a week."""
    declared = AS_OF - timedelta(days=days_ago)
    state = CorrelationCollapse(to=to, declared=declared, notice_days=7.0)
    return _prbm(offsets=replace(PRBM.offsets, collapse=state))


def _prbm(**parts) -> MarginModel:
    """The house model with other parts; None for a part that it is to lack."""
    absent = {part: None for part, given in parts.items() if given is None or given == ()}
    return replace(PRBM, status=replace(PRBM.status, **absent), **parts)


def _with_fold(**parts) -> MarginModel:
    return _prbm(fold=EachPosition(), **parts)


def _smile(smile: str) -> Black76Revaluation:
    return Black76Revaluation(smile=smile)


def _without_open_interest() -> MarginModel:
    classes = tuple(replace(c, open_interest_usd=None) for c in PRBM.classes)
    return _prbm(classes=classes)


def _without_named_classes() -> MarginModel:
    """Every coin counts in the array as far as it is hedged, wrapped ones too."""
    return _prbm(classes=tuple(c for c in PRBM.classes if c.takes_the_rest))


def _clusters(least: float) -> MarginModel:
    charges = tuple(
        replace(c, least_cluster_share=least) if isinstance(c, ConcentrationCharge) else c
        for c in PRBM.charges
    )
    return _prbm(charges=charges)


def _three() -> MarginModel:
    """Three underlyings in one group, of which a part may be held."""
    pairs = (("BTC", "ETH", 0.8), ("BTC", "SOL", 0.6), ("ETH", "SOL", 0.7))
    group = CorrelationGroup(
        name="three",
        members=("BTC", "ETH", "SOL"),
        pairs=tuple(CorrelationPair(of=(a, b), lower=lower) for a, b, lower in pairs),
    )
    return _prbm(offsets=replace(PRBM.offsets, groups=(group,)))


def by_point() -> PointOffset:
    """Losses and three quarters of gains of three underlyings, added up point by point."""
    group = PointGroup(name="three", members=("BTC", "ETH", "SOL"), gains_rel=0.75)
    return PointOffset(groups=(group,))


def _collateral(**numbers) -> MarginModel:
    assert isinstance(PRBM.collateral, Haircuts)
    return _prbm(collateral=replace(PRBM.collateral, **numbers))


def models() -> dict[str, MarginModel]:
    """By what is particular to each."""
    fee = (*PRBM.charges, FlatFee(usd=7.0))
    return {
        **{name: load_preset(name) for name in preset_names()},
        "hybrid:isolated": load_preset("hybrid:isolated"),
        "hybrid:collateral-factor": load_preset("hybrid:collateral-factor"),
        "hybrid:risk-based-collateral": load_preset("hybrid:risk-based-collateral"),
        "a hybrid of a hybrid": replace(load_preset("cross"), second=load_preset("hybrid")),
        "collapse to come": collapsed("zero", -1.0),
        "collapse in its notice": collapsed("low", 3.0),
        "collapse in maintenance too": collapsed("zero", 8.0),
        "no netting": _with_fold(),
        "no netting, sticky delta": _with_fold(revaluation=_smile("sticky-delta")),
        "no netting, the worst smile, no floors": _with_fold(
            revaluation=_smile("worst"), floors=()
        ),
        "sticky delta": _prbm(revaluation=_smile("sticky-delta")),
        "the worst smile": _prbm(revaluation=_smile("worst")),
        "no floors": _prbm(floors=()),
        "no offsets": _prbm(offsets=None),
        "no charges": _prbm(charges=()),
        "three in a group": _three(),
        "point by point": _prbm(offsets=by_point()),
        "point by point, no netting": _with_fold(offsets=by_point()),
        "classes without open interest": _without_open_interest(),
        "no named classes": _without_named_classes(),
        "no least of a cluster": _clusters(0.0),
        "a large least of a cluster": _clusters(0.5),
        "nothing counts": _collateral(locked=("long-options", "unrealised-profit")),
        "collateral outside": _collateral(spot="outside"),
        "a charge without a form for many": replace(PRBM, charges=fee),
    }
