"""The risk array of ``docs/models/prbm.md`` cell by cell, from the textbook's formulas."""

from __future__ import annotations

from tests.naive import bachelier, black76

CALL, PUT = 3, 4


def value(row, forward, vol, tenor_years):
    """Undiscounted value of an option; a price of either sign has a ``level``."""
    is_call = row["kind"] == CALL
    if row["level"] > 0.0:
        return bachelier.value(forward, row["strike"], vol, tenor_years, is_call)
    if forward == 0.0 or row["strike"] == 0.0:
        return black76.intrinsic(forward, row["strike"], is_call)
    return black76.price(forward, row["strike"], vol, tenor_years, is_call)


def settled_value(row, t, move):
    """What is left of a contract that settled at today's forward, after the index has moved."""
    forward, is_option = row["forward"], row["kind"] in (CALL, PUT)
    paid = forward
    if is_option:
        paid = row["discount"][t] * black76.intrinsic(forward, row["strike"], row["kind"] == CALL)
    if row["physical"]:
        units = 1.0
        if is_option:
            units = 0.0 if paid == 0.0 else 1.0 if row["kind"] == CALL else -1.0
        return paid + units * (row["level"] or forward) * move
    return paid * (1.0 + move) if is_option and row["inverse"] else paid


def gain(row, t, move, vol):
    """USD that one unit gains in a cell of instant ``t``."""
    is_option = row["kind"] in (CALL, PUT)
    today = row["forward"]
    if is_option:
        today = value(row, row["forward"], row["vol"][0], row["tenor_years"][0])
        today *= row["discount"][0]
    if row["settled"][t]:
        then = settled_value(row, t, move)
    else:
        then = row["forward"] + (row["level"] or row["forward"]) * move
        if is_option:
            then = row["discount"][t] * value(row, then, vol, row["tenor_years"][t])
    return row["unit_usd"] * (then - today) + row["coin_usd"] * move
