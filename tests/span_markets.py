"""A described market for tests of generated files: two commodities of every kind of charge."""

from __future__ import annotations

MARKET = """\
complex = "DEMO"
business_date = 2027-01-04
policy = "cme"

[[commodities]]
code = "W"
exchange = "DEX"
currency = "USD"
value_factor = 50.0
scan = { price = 30.0, vol = 0.05, lookahead_years = 0.002739726027 }
futures = [
    { period = "202703", price = 600.25 },
    { period = "202705", price = 606.5 },
    { period = "202707", price = 612.0 },
]
spread_tiers = [
    { number = 1, first = "202703", last = "202705" },
    { number = 2, first = "202706", last = "202712" },
]
tier_spreads = [
    { priority = 1, charge = 60.0, legs = [
        { tier = 1, ratio = 1.0, side = "A" }, { tier = 2, ratio = 1.0, side = "B" },
    ] },
]
series_spreads = [
    { priority = 2, charge = 45.0, legs = [
        { period = "202703", ratio = 1.0, side = "A" },
        { period = "202705", ratio = 1.0, side = "B" },
    ] },
]
spot_charges = [{ period = "202703", in_spreads = 20.0, outright = 50.0 }]
short_option_minimum = { rate = 30.0, counts = "greater" }
initial_ratio = 1.1
adjustment = 1.25

[[commodities.options]]
future = "202705"
period = "202705"
expires = 2027-04-23
strikes = [580.0, 605.5, 630.0]
vols = [0.31, 0.29, 0.30]

[[commodities]]
code = "C"
exchange = "DEX"
currency = "USD"
value_factor = 50.0
scan = { price = 0.06, vol = 0.1, price_in = "percent", vol_in = "percent" }
futures = [{ period = "202703", price = 450.0 }, { period = "202707", price = 462.75 }]
initial_ratio = 1.1
scan_tiers = [
    { number = 1, first = "202703", last = "202705" },
    { number = 2, first = "202706", last = "202712" },
]

[[credit_spreads]]
pass_name = "super"
priority = 1
rate = 0.55
legs = [
    { commodity = "W", ratio = 1.0, side = "A" },
    { commodity = "C", ratio = 2.0, side = "B" },
]

[[credit_spreads]]
pass_name = "inter"
priority = 1
rate = 0.5
legs = [
    { commodity = "C", ratio = 1.0, side = "A", tier = 1 },
    { commodity = "C", ratio = 1.0, side = "B", tier = 2 },
]
"""
BOOK = """\
product,expiry,strike,right,quantity
W,202703,,,12
W,202707,,,-3
W,202705,605.5,C,-4
W,202705,580,P,2
C,202703,,,-12
"""
