"""The functions of ``lanes`` in vector instructions: LLVM's, for whatever processor.

A vector is 8 doubles; LLVM makes it one register of AVX-512, two of AVX2, four of SSE2 or NEON. No
instruction carries a fast-math flag, and a minimum is a comparison and a choice, so that all
processors give the same bits. Each function is an ``emit`` of ``_jit.operation``: the builder, then
the arguments of its namesake.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

from llvmlite import ir as llvmlite_ir

ir = cast(Any, llvmlite_ir)

LANES = 8
MOST = 6
"""Vectors of sums held at once: 12 of AVX2's 16 registers. AVX-512 would gain little by more."""

INTEGER, PLACE, DOUBLE = ir.IntType(64), ir.IntType(32), ir.DoubleType()
DOUBLES = ir.VectorType(DOUBLE, LANES)
BYTES = ir.VectorType(ir.IntType(8), LANES)
INFINITE = DOUBLES([DOUBLE(float("inf"))] * LANES)
ONES = DOUBLES([DOUBLE(1.0)] * LANES)


def add_rows(
    builder: Any, array: Any, row: Any, quantity: Any, start: Any, stop: Any, out: Any, g: Any
) -> None:
    """A pass over the positions for every ``MOST`` vectors of a row, and one for the rest."""
    begin, end, _ = _row(builder, out, g)
    cells = builder.sub(end, begin)
    sums = [_variable(builder, DOUBLES) for _ in range(MOST)]
    with _steps(builder, _integer(0), cells, _integer(LANES * MOST)) as first:
        left = builder.udiv(builder.sub(cells, first), _integer(LANES))
        blocks = [builder.append_basic_block(f"sums_{count}") for count in range(1, MOST + 1)]
        after = builder.append_basic_block("added")
        # What is no case of its own has more than ``MOST`` left.
        choice = builder.switch(left, blocks[-1])
        for count, block in enumerate(blocks, start=1):
            choice.add_case(_integer(count), block)
            with builder.goto_block(block):
                for each in sums[:count]:
                    builder.store(DOUBLES(None), each)
                with _steps(builder, start, stop, _integer(1)) as p:
                    held = _spread(builder, builder.load(builder.gep(quantity.data, [p])))
                    place = builder.zext(builder.load(builder.gep(row.data, [p])), INTEGER)
                    place = builder.add(builder.mul(place, cells), first)
                    for each, unit in zip(sums, _loads(builder, array, place, count), strict=False):
                        total = builder.fadd(builder.load(each), builder.fmul(held, unit))
                        builder.store(total, each)
                for i, each in enumerate(sums[:count]):
                    place = builder.add(builder.add(begin, first), _integer(LANES * i))
                    _store(builder, builder.load(each), out, place)
                builder.branch(after)
        builder.position_at_end(after)


def fetch_segment(
    builder: Any, row: Any, quantity: Any, start: Any, stop: Any, out: Any, g: Any
) -> None:
    """A prefetch for every line of 64 bytes."""
    begin, end, _ = _row(builder, out, g)
    for array, first, last, of_line in (
        (row, start, stop, 16),
        (quantity, start, stop, 8),
        (out, begin, end, 8),
    ):
        with _steps(builder, first, last, _integer(of_line)) as place:
            _prefetch(builder, builder.gep(array.data, [place]), write=array is out)


def add_coins(builder: Any, earned_usd: Any, price_rel: Any, out: Any, g: Any) -> None:
    """Eight cells after the other, each at all instants."""
    earned = _spread(builder, earned_usd)
    begin, end, wide = _row(builder, out, g)
    with _steps(builder, _integer(0), wide, _integer(LANES)) as w:
        coins = builder.fmul(earned, _load(builder, price_rel, w))
        with _steps(builder, builder.add(begin, w), end, wide) as place:
            _store(builder, builder.fadd(_load(builder, out, place), coins), out, place)


def count_cells(builder: Any, net: Any, g: Any, damping: Any, out: Any) -> None:
    """Eight cells after the other, each at all instants."""
    begin, end, wide = _row(builder, net, g)
    worst = _variable(builder, DOUBLES)
    with _steps(builder, _integer(0), wide, _integer(LANES)) as w:
        first = builder.add(begin, w)
        builder.store(_load(builder, net, first), worst)
        with _steps(builder, builder.add(first, wide), end, wide) as place:
            found = _load(builder, net, place)
            builder.store(_lesser(builder, found, builder.load(worst)), worst)
        damped = builder.fmul(_load(builder, damping, w), builder.load(worst))
        _store(builder, damped, out, w)


def reduce_cells(
    builder: Any, cells: Any, kind: Any, inside: Any, k: Any, out: Any, g: Any
) -> None:
    """The least for each reduction; beyond it the next value, and how often it occurs, in turn."""
    reductions, wide = _shape(builder, inside)
    value = _variable(builder, DOUBLE)
    with _steps(builder, _integer(0), reductions, _integer(1)) as r:
        flags = builder.gep(inside.data, [builder.mul(r, wide)])
        builder.store(_least(builder, cells, flags, wide), value)
        which = builder.load(builder.gep(kind.data, [r]))
        with builder.if_then(builder.icmp_unsigned("!=", which, which.type(0)), likely=False):
            wanted = builder.load(builder.gep(k.data, [r]))
            mean = _tail(builder, cells, flags, wide, builder.uitofp(wanted, DOUBLE), value)
            is_mean = builder.icmp_unsigned("==", which, which.type(2))
            builder.store(builder.select(is_mean, mean, builder.load(value)), value)
        # A zero has no sign.
        result = builder.fadd(builder.load(value), DOUBLE(0.0))
        place = builder.add(builder.mul(g, reductions), r)
        builder.store(result, builder.gep(out.data, [place]))


def _tail(builder: Any, cells: Any, flags: Any, wide: Any, wanted: Any, value: Any) -> Any:
    """Lift ``value`` from the least to the ``wanted``-th least cell; the mean of all up to it."""
    left, total = _variable(builder, DOUBLE), _variable(builder, DOUBLE)
    builder.store(wanted, left)
    builder.store(DOUBLE(0.0), total)
    again, after = builder.append_basic_block("again"), builder.append_basic_block("after")
    builder.branch(again)
    builder.position_at_end(again)
    now = builder.load(value)
    taken = _lesser(builder, _count(builder, cells, flags, wide, now), builder.load(left))
    builder.store(builder.fadd(builder.load(total), builder.fmul(now, taken)), total)
    builder.store(builder.fsub(builder.load(left), taken), left)
    # There is always something left to take; were it not so, this would still end.
    more = builder.and_(
        builder.fcmp_ordered(">", builder.load(left), DOUBLE(0.0)),
        builder.fcmp_ordered(">", taken, DOUBLE(0.0)),
    )
    with builder.if_then(more):
        builder.store(_least(builder, cells, flags, wide, above=now), value)
    builder.cbranch(more, again, after)
    builder.position_at_end(after)
    return builder.fdiv(builder.load(total), wanted)


def _least(builder: Any, cells: Any, flags: Any, wide: Any, *, above: Any = None) -> Any:
    """The least of the cells inside, of those above a value if there is one."""
    least = _variable(builder, DOUBLES)
    builder.store(INFINITE, least)
    with _steps(builder, _integer(0), wide, _integer(LANES)) as w:
        cell, taken = _inside(builder, cells, flags, w)
        if above is not None:
            is_above = builder.fcmp_ordered(">", cell, _spread(builder, above))
            taken = builder.and_(taken, is_above)
        cell = builder.select(taken, cell, INFINITE)
        builder.store(_lesser(builder, cell, builder.load(least)), least)
    return _across(builder, builder.load(least), _lesser)


def _count(builder: Any, cells: Any, flags: Any, wide: Any, value: Any) -> Any:
    """How many of the cells inside equal a value, as a double."""
    counts = _variable(builder, DOUBLES)
    builder.store(DOUBLES(None), counts)
    with _steps(builder, _integer(0), wide, _integer(LANES)) as w:
        cell, taken = _inside(builder, cells, flags, w)
        equal = builder.fcmp_ordered("==", cell, _spread(builder, value))
        one = builder.select(builder.and_(taken, equal), ONES, DOUBLES(None))
        builder.store(builder.fadd(builder.load(counts), one), counts)
    return _across(builder, builder.load(counts), lambda b, left, right: b.fadd(left, right))


def _inside(builder: Any, cells: Any, flags: Any, w: Any) -> tuple[Any, Any]:
    """Eight cells from ``w`` on, and which of them are inside."""
    pointer = builder.bitcast(builder.gep(flags, [w]), BYTES.as_pointer())
    told = builder.load(pointer, align=1)
    return _load(builder, cells, w), builder.icmp_unsigned("!=", told, BYTES(None))


def _across(builder: Any, vector: Any, combine: Callable[[Any, Any, Any], Any]) -> Any:
    """The eight elements combined into one."""
    for count in (4, 2, 1):
        halves = (_part(builder, vector, start, count) for start in (0, count))
        vector = combine(builder, *halves)
    return builder.extract_element(vector, PLACE(0))


@contextmanager
def _steps(builder: Any, start: Any, stop: Any, step: Any) -> Generator[Any]:
    """A loop around what is written inside, over start, start + step, … below stop."""
    head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
    before = builder.block
    builder.branch(head)
    builder.position_at_end(head)
    index = builder.phi(INTEGER)
    index.add_incoming(start, before)
    builder.cbranch(builder.icmp_signed("<", index, stop), body, after)
    builder.position_at_end(body)
    yield index
    index.add_incoming(builder.add(index, step), builder.block)
    builder.branch(head)
    builder.position_at_end(after)


def _variable(builder: Any, kind: Any) -> Any:
    """Room for one value, which LLVM turns into a register."""
    with builder.goto_entry_block():
        return builder.alloca(kind)


def _integer(value: int) -> Any:
    return INTEGER(value)


def _row(builder: Any, array: Any, g: Any) -> tuple[Any, Any, Any]:
    """Where ``array[g]`` of [G, I, W] begins and ends in its data, and W."""
    _, instants, wide = _shape(builder, array)
    cells = builder.mul(instants, wide)
    begin = builder.mul(g, cells)
    return begin, builder.add(begin, cells), wide


def _shape(builder: Any, array: Any) -> list[Any]:
    return [builder.extract_value(array.shape, i) for i in range(array.shape.type.count)]


def _load(builder: Any, array: Any, place: Any) -> Any:
    """Eight doubles from ``place`` on, which are aligned as one is."""
    pointer = builder.bitcast(builder.gep(array.data, [place]), DOUBLES.as_pointer())
    return builder.load(pointer, align=8)


def _loads(builder: Any, array: Any, place: Any, count: int) -> Generator[Any]:
    for i in range(count):
        yield _load(builder, array, builder.add(place, _integer(LANES * i)))


def _store(builder: Any, value: Any, array: Any, place: Any) -> None:
    pointer = builder.bitcast(builder.gep(array.data, [place]), DOUBLES.as_pointer())
    builder.store(value, pointer, align=8)


def _prefetch(builder: Any, pointer: Any, *, write: bool) -> None:
    text, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [text, flag, flag, flag])
    name = "llvm.prefetch.p0"
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    # To be read or written, worth all caches, data.
    words = (flag(value) for value in (int(write), 3, 1))
    builder.call(function, [builder.bitcast(pointer, text), *words])


def _spread(builder: Any, value: Any) -> Any:
    """A double in all eight places."""
    nothing = DOUBLES(ir.Undefined)
    first = builder.insert_element(nothing, value, PLACE(0))
    return builder.shuffle_vector(first, nothing, _places([0] * LANES))


def _part(builder: Any, vector: Any, start: int, count: int) -> Any:
    """``count`` elements of a vector from ``start`` on."""
    nothing = vector.type(ir.Undefined)
    return builder.shuffle_vector(vector, nothing, _places(list(range(start, start + count))))


def _places(places: list[int]) -> Any:
    return ir.VectorType(PLACE, len(places))([PLACE(each) for each in places])


def _lesser(builder: Any, left: Any, right: Any) -> Any:
    """Element by element the lesser; of equal ones ``right``'s."""
    return builder.select(builder.fcmp_ordered("<", left, right), left, right)
