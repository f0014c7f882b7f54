"""Laws of what a model may do otherwise: smiles that move, a second model."""

from __future__ import annotations

import dataclasses

import hypothesis.strategies as st
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from seawall.margin.model import MarginModel
from seawall.margin.presets import load_preset
from seawall.risk.revaluation import Black76Revaluation
from tests.strategies import accounts
from tests.test_properties import PRBM, requirement, rounding_usd

SMILES = ("sticky-strike", "sticky-delta", "worst")


def with_smile(smile: str) -> MarginModel:
    """The house model with another smile."""
    return msgspec.structs.replace(PRBM, revaluation=Black76Revaluation(smile=smile))


@settings(max_examples=80)
@given(account=accounts())
def test_the_worse_of_both_smiles_is_never_below_either(account):
    by_smile = {smile: requirement(*account, with_smile(smile)) for smile in SMILES}
    slack = rounding_usd(account[1], account[0])
    for level in ("initial", "maintenance"):
        worst = getattr(by_smile["worst"], level)
        for smile in ("sticky-strike", "sticky-delta"):
            assert worst >= getattr(by_smile[smile], level) - slack, smile


@settings(max_examples=40)
@given(account=accounts())
def test_how_the_smile_moves_is_nothing_where_it_is_flat_or_the_price_stands_still(account):
    portfolio, market = account
    strike, delta = (requirement(*account, with_smile(smile)) for smile in SMILES[:2])
    for one, other in zip(strike.arrays, delta.arrays, strict=True):
        unmoved = np.tile(one.scenarios.price_rel == 0.0, len(one.instants))
        assert one.unit_pnl_usd[:, unmoved] == pytest.approx(
            other.unit_pnl_usd[:, unmoved], rel=1e-12, abs=1e-9
        )
    flat = dataclasses.replace(
        market,
        slices={
            key: dataclasses.replace(s, vol=np.full_like(s.vol, s.atm_vol))
            for key, s in market.slices.items()
        },
    )
    strike, delta = (requirement(portfolio, flat, with_smile(smile)) for smile in SMILES[:2])
    slack = rounding_usd(market, portfolio)
    assert delta.initial == pytest.approx(strike.initial, rel=1e-9, abs=slack)


@settings(max_examples=60)
@given(account=accounts(), second=st.sampled_from(("cross", "isolated", "collateral-factor")))
def test_a_hybrid_asks_the_greater_of_its_two_models_at_each_level(account, second):
    found = requirement(*account, load_preset(f"hybrid:{second}"))
    both = [requirement(*account, load_preset(name)) for name in ("prbm", second)]
    for level in ("initial", "maintenance"):
        greater = max(getattr(each, level) for each in both)
        assert getattr(found, level) == pytest.approx(greater, rel=1e-12, abs=1e-9)
