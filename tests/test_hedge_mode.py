"""Long and short legs of one contract are one position and the profit locked between them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from seawall.basics.errors import BadNumber, DuplicatePosition, InputError
from seawall.feeds.books import read_portfolio
from tests.formats import dump, fetched
from tests.positions import held, okx_position, unified_position


def hedged(long: object, short: object, name: str = "BTC_USDT-PERPETUAL", **other: object) -> Any:
    return [
        unified_position(name, side="long", contracts=30, entryPrice=long, hedged=True, **other),
        unified_position(name, side="short", contracts=50, entryPrice=short, hedged=True, **other),
    ]


def test_long_and_short_of_one_contract_are_netted_and_their_profit_is_cash(tmp_path):
    portfolio = read_portfolio(dump(hedged(70_000, 71_000), tmp_path / "x.json"))
    assert [(p.instrument.name, p.quantity, p.entry_price) for p in portfolio.positions] == [
        ("BTC_USDT-PERPETUAL", Decimal("-0.2"), Decimal(71_000)),
        ("USDT", Decimal(300), None),
    ]
    [warning] = portfolio.warnings
    assert "held long and short and was netted; the profit between its legs, 300.00 USDT" in warning


@pytest.mark.parametrize("mark", [60_000, 70_123, 80_000])
def test_netting_changes_no_profit_at_any_mark(tmp_path, mark):
    long, short = Decimal(70_000), Decimal(71_000)
    net, cash = read_portfolio(dump(hedged(70_000, 71_000), tmp_path / "x.json")).positions
    assert net.entry_price is not None
    of_legs = Decimal("0.3") * (mark - long) - Decimal("0.5") * (mark - short)
    assert net.quantity * (mark - net.entry_price) + cash.quantity == of_legs


@pytest.mark.parametrize("mark", [60_000, 70_123, 80_000])
def test_netting_an_inverse_contract_changes_no_profit_at_any_mark(tmp_path, mark):
    """A leg of N USD bought at e has made N (1/e − 1/mark) coins."""
    legs = hedged(70_000, 71_000, "BTC-PERPETUAL", markPrice=mark)
    net, cash = read_portfolio(dump(legs, tmp_path / "x.json")).positions
    assert (net.instrument.name, cash.instrument.name) == ("BTC-PERPETUAL", "BTC")
    assert net.entry_price == 71_000
    one, m = Decimal(1), Decimal(mark)
    of_legs = 3000 * (one / 70_000 - one / m) - 5000 * (one / 71_000 - one / m)
    of_net = net.quantity * m * (1 / net.entry_price - 1 / m) + cash.quantity
    assert abs(of_net - of_legs) < Decimal("1e-20")


def test_legs_that_cancel_leave_their_profit_alone(tmp_path):
    legs = hedged(70_000, 71_000)
    legs[0]["contracts"] = 50
    assert held(dump(legs, tmp_path / "x.json")) == {"USDT": (Decimal(500), None)}


def test_the_profit_between_legs_adds_to_a_balance(tmp_path):
    content = fetched(kind="positions", positions=hedged(71_000, 70_000), balances={"USDT": "1000"})
    assert held(dump(content, tmp_path / "x.json"))["USDT"] == (Decimal(700), None)


def test_one_leg_without_an_entry_price_is_an_error(tmp_path):
    path = dump(hedged(None, 71_000), tmp_path / "x.json")
    with pytest.raises(InputError, match=r"only one leg.*x\.json row 1 and x\.json row 2"):
        read_portfolio(path)
    found = held(dump(hedged(None, None), tmp_path / "x.json"))
    assert found == {"BTC_USDT-PERPETUAL": (Decimal("-0.2"), None)}


def test_okx_tells_the_side_of_a_leg_beside_an_unsigned_count(tmp_path):
    legs = [
        okx_position("BTC_USDT-PERPETUAL", pos="30", posSide="long", avgPx="70000"),
        okx_position("BTC_USDT-PERPETUAL", pos="50", posSide="short", avgPx="71000"),
    ]
    found = held(dump({"code": "0", "msg": "", "data": legs}, tmp_path / "x.json"))
    assert found["BTC_USDT-PERPETUAL"] == (Decimal("-0.2"), Decimal(71_000))
    legs[0]["pos"] = "-30"
    with pytest.raises(BadNumber, match="with posSide 'long'"):
        read_portfolio(dump(legs, tmp_path / "x.json"))


def test_two_legs_of_one_side_are_a_position_twice(tmp_path):
    path = dump([unified_position("BTC_USDT-PERPETUAL")] * 2, tmp_path / "x.json")
    with pytest.raises(DuplicatePosition, match=r"x\.json row 1 and x\.json row 2"):
        read_portfolio(path)
