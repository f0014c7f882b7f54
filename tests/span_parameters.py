"""Described clearing houses for tests of SPAN: one worked by hand, and any by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from seawall.margin import span

# Losses of a future that is scanned by 3: thirds of it are whole numbers.
THIRDS = (0, 0, -1, -1, 1, 1, -2, -2, 2, 2, -3, -3, 3, 3, -2, 2)
WHEAT_CALL = (-80, 90, -220, -60, 40, 170, -370, -240, 120, 210, -530, -440, 180, 230, -350, 90)


def future(name: str, period: str, third: float) -> span.Contract:
    return span.Contract(
        name=name,
        kind="future",
        period=period,
        array=tuple(third * each for each in THIRDS),
        delta=1.0,
        price=600.0,
        value_factor=50.0,
    )


WHEAT = span.CombinedCommodity(
    code="W",
    currency="USD",
    contracts=(
        future("W-H", "202703", 300.0),
        future("W-K", "202705", 300.0),
        future("W-N", "202707", 300.0),
        span.Contract(
            name="W-K-C600",
            kind="call",
            period="202705",
            array=tuple(float(loss) for loss in WHEAT_CALL),
            delta=0.5,
            price=12.0,
            value_factor=50.0,
        ),
    ),
    spread_tiers=(
        span.Tier(number=1, first="202703", last="202705"),
        span.Tier(number=2, first="202707", last="202712"),
    ),
    tier_spreads=(
        span.TierSpread(
            priority=1,
            charge=60.0,
            legs=(
                span.TierLeg(tier=1, ratio=1.0, side="A"),
                span.TierLeg(tier=1, ratio=1.0, side="B"),
            ),
        ),
    ),
    series_spreads=(
        span.SeriesSpread(
            priority=2,
            charge=90.0,
            legs=(
                span.SeriesLeg(period="202703", ratio=1.0, side="A"),
                span.SeriesLeg(period="202707", ratio=2.0, side="B"),
            ),
        ),
    ),
    spot_charges=(span.SpotCharge(period="202703", in_spreads=20.0, outright=50.0),),
    short_option_minimum=span.ShortOptionMinimum(rate=30.0),
    initial_ratio=1.1,
)
CORN = span.CombinedCommodity(
    code="C",
    currency="USD",
    contracts=(future("C-H", "202703", 200.0), future("C-N", "202707", 200.0)),
    initial_ratio=1.1,
)
OATS = span.CombinedCommodity(
    code="O", currency="USD", contracts=(future("O-H", "202703", 100.0),), initial_ratio=1.1
)


def credit(pass_name, priority, rate, *legs):
    return span.CreditSpread(
        pass_name=pass_name,
        priority=priority,
        rate=rate,
        legs=tuple(span.CreditLeg(commodity=c, ratio=r, side=s) for c, r, s in legs),
    )


WORKED = span.SpanParameters(
    policy=span.CME,
    commodities=(WHEAT, CORN, OATS),
    credit_spreads=(
        credit("super", 1, 0.8, ("W", 1.0, "A"), ("C", 2.0, "B")),
        credit("inter", 1, 0.5, ("W", 1.0, "A"), ("O", 1.0, "B")),
        credit("exchange", 1, 0.4, ("C", 1.0, "A"), ("O", 2.0, "A")),
    ),
)
WORKED_BOOK = {"W-H": 12.0, "W-K": -2.0, "W-N": -3.0, "W-K-C600": -4.0, "C-H": -12.0, "O-H": -6.0}


def holdings(book):
    return [span.Holding(contract=name, quantity=quantity) for name, quantity in book.items()]


# ---------------------------------------------------------------- any house, any book

PERIODS = ("202703", "202705", "202707", "202709")
whole = st.integers(-2000, 2000).map(float)
deltas = st.integers(-10000, 10000).map(lambda n: n / 10000.0)


@st.composite
def contracts(draw, code):
    found = []
    for n in range(draw(st.integers(1, 5))):
        kind = draw(st.sampled_from(("future", "call", "put")))
        found.append(
            span.Contract(
                name=f"{code}{n}",
                kind=kind,
                period=draw(st.sampled_from(PERIODS)),
                array=tuple(draw(st.lists(whole, min_size=16, max_size=16))),
                delta=draw(deltas),
                delta_scaling=draw(st.sampled_from((1.0, 0.2))),
                price=float(draw(st.integers(0, 50))),
                value_factor=10.0,
                style=draw(st.sampled_from(("premium", "futures"))),
            )
        )
    return tuple(found)


@st.composite
def commodities(draw, code):
    tiers = (
        span.Tier(number=1, first="202703", last="202705"),
        span.Tier(number=2, first="202706", last="202712"),
    )
    pairs = draw(st.permutations([(1, 1), (1, 2), (2, 2)]))
    ratio = st.sampled_from((1.0, 2.0, 3.0))
    return span.CombinedCommodity(
        code=code,
        currency=draw(st.sampled_from(("USD", "EUR"))),
        contracts=draw(contracts(code)),
        scan_tiers=tiers if draw(st.booleans()) else (),
        spread_tiers=tiers,
        tier_spreads=tuple(
            span.TierSpread(
                priority=n,
                charge=float(draw(st.integers(0, 200))),
                legs=(
                    span.TierLeg(tier=a, ratio=draw(ratio), side="A"),
                    span.TierLeg(tier=b, ratio=draw(ratio), side="B"),
                ),
            )
            for n, (a, b) in enumerate(pairs[: draw(st.integers(0, 3))])
        ),
        series_spreads=(
            span.SeriesSpread(
                priority=1,
                charge=50.0,
                legs=(
                    span.SeriesLeg(period="202703", ratio=1.0, side="A"),
                    span.SeriesLeg(period="202707", ratio=draw(ratio), side="B"),
                ),
            ),
        ),
        spot_charges=(span.SpotCharge(period="202703", in_spreads=7.0, outright=11.0),),
        short_option_minimum=span.ShortOptionMinimum(
            rate=float(draw(st.integers(0, 500))), counts=draw(st.sampled_from(("sum", "greater")))
        ),
        limits_option_value=draw(st.booleans()),
        adjustment=draw(st.sampled_from((0.9, 1.0, 1.25))),
        initial_ratio=draw(st.sampled_from((1.0, 1.1))),
    )


@st.composite
def houses(draw, policies=(span.CME, span.JSCC, span.NSE)):
    codes = ("P", "Q", "R")
    spreads = draw(
        st.lists(
            st.tuples(
                st.sampled_from(("super", "inter", "exchange")),
                st.permutations(codes),
                st.sampled_from((1.0, 2.0)),
                st.sampled_from(("A", "B")),
                st.integers(0, 80).map(lambda n: n / 100.0),
            ),
            max_size=4,
        )
    )
    return span.SpanParameters(
        policy=draw(st.sampled_from(policies)),
        commodities=tuple(draw(commodities(code)) for code in codes),
        credit_spreads=tuple(
            credit(name, n, rate, (order[0], ratio, "A"), (order[1], 1.0, side))
            for n, (name, order, ratio, side, rate) in enumerate(spreads)
        ),
    )


@st.composite
def accounts(draw, **options):
    """(parameters, book) in which something is held."""
    parameters = draw(houses(**options))
    names = [contract.name for own in parameters.commodities for contract in own.contracts]
    book = draw(st.dictionaries(st.sampled_from(names), st.integers(-20, 20), min_size=1))
    held = {name: float(quantity) for name, quantity in book.items() if quantity}
    return parameters, held or {names[0]: 1.0}
