"""Shocks: a weight takes part of the change, whatever the shock's kind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from seawall.basics.errors import BadParameter
from seawall.risk.shocks import Shock

VALUES = np.array([0.5, 0.8, 1.0])
WEIGHTS = np.array([0.0, 0.5, 2.0])


@pytest.mark.parametrize(
    ("kind", "size", "whole", "weighted"),
    [
        ("relative", 0.4, [0.7, 1.12, 1.4], [0.5, 0.96, 1.8]),
        ("absolute", -0.1, [0.4, 0.7, 0.9], [0.5, 0.75, 0.8]),
        ("scaled", 1.4, [0.7, 1.12, 1.4], [0.5, 0.96, 1.8]),
        ("scaled", 0.7, [0.35, 0.56, 0.7], [0.5, 0.68, 0.4]),
    ],
)
def test_a_weight_multiplies_the_change(
    kind: Any, size: float, whole: list[float], weighted: list[float]
) -> None:
    shock = Shock(kind=kind, size=size)
    np.testing.assert_allclose(shock.apply(VALUES), whole, rtol=1e-14)
    np.testing.assert_allclose(shock.apply(VALUES, WEIGHTS), weighted, rtol=1e-14)


@pytest.mark.parametrize("size", [math.nan, math.inf, -math.inf])
def test_a_size_that_is_not_finite_is_refused(size: float) -> None:
    with pytest.raises(BadParameter, match="relative shock"):
        Shock(kind="relative", size=size)
