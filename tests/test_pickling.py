"""Markets, models and errors reach another process as they are: same numbers, still immutable."""

from __future__ import annotations

import inspect
import pickle
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np
import pytest

import seawall as sw
from seawall.basics import errors
from seawall.basics.arrays import array_fields
from seawall.feeds.digests import digest_of
from seawall.market.carry import Carry, DiscountCurve, Dividend
from seawall.market.liquidity import WHOLE, Liquidity
from seawall.market.snapshot import MarketSnapshot, OptionSlice

T = TypeVar("T")
CLASSES = [item for item in vars(errors).values() if inspect.isclass(item)]
ERRORS = [item for item in CLASSES if issubclass(item, errors.SeawallError)]


def there_and_back(value: T) -> T:
    return pickle.loads(pickle.dumps(value))


@pytest.fixture(scope="module")
def market() -> MarketSnapshot:
    return sw.synthetic_market()


def test_every_number_of_a_market_is_the_same(market: MarketSnapshot) -> None:
    back = there_and_back(market)
    for name in MarketSnapshot.__slots__:
        if name not in ("slices", "history"):
            assert getattr(back, name) == getattr(market, name), name
    assert digest_of(back.history) == digest_of(market.history)
    assert list(back.slices) == list(market.slices)
    for key, listed in market.slices.items():
        for name in OptionSlice.__slots__:
            np.testing.assert_equal(getattr(back.slices[key], name), getattr(listed, name), name)


def test_a_margin_is_the_same_to_the_last_bit(market: MarketSnapshot) -> None:
    book = sw.synthetic_portfolio()
    here = sw.margin(book, market, model="prbm")
    there = sw.margin(book, there_and_back(market), model=there_and_back(sw.load_preset("prbm")))
    assert there.to_json() == here.to_json()


def test_what_comes_back_cannot_be_changed(market: MarketSnapshot) -> None:
    back = there_and_back(market)
    with pytest.raises(TypeError, match="item assignment"):
        back.index_usd["BTC"] = 1.0  # pyright: ignore[reportIndexIssue]
    arrays = [values for s in back.slices.values() for values in array_fields(s).values()]
    assert arrays
    assert not any(values.flags.writeable for values in arrays)


def test_what_is_told_beside_prices_is_laid_out_again() -> None:
    told = Liquidity(adv_usd={"BTC": 1e9}, open_interest={"BTC-PERPETUAL": 5.0})
    back = there_and_back(told)
    assert back == told
    assert back.listed("BTC")[WHOLE] == 5.0


def test_discount_curves_and_dividends() -> None:
    curve = DiscountCurve(np.array([0.5, 1.0]), np.array([0.98, 0.95]))
    back = there_and_back(curve)
    assert back.at(0.7) == curve.at(0.7)
    assert not back.factor.flags.writeable
    carry = Carry(0.01, (Dividend(datetime(2026, 3, 1, tzinfo=UTC), 0.5),))
    assert there_and_back(carry) == carry


@pytest.mark.parametrize("kind", ERRORS)
def test_an_error_is_itself(kind: type[errors.SeawallError]) -> None:
    error = kind("a quantity that is none", where="row 7", remedy="Correct it.")
    back = there_and_back(error)
    assert type(back) is kind
    assert (str(back), back.what, back.where, back.remedy) == (
        "a quantity that is none (row 7). Correct it.",
        error.what,
        error.where,
        error.remedy,
    )
