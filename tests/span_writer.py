"""Valid expanded unpacked files from described parameters, by columns written out here again.

They are those of CME's public pages and not taken from the reader, so that a slip of it shows.
"""

from __future__ import annotations


def line(length, *parts):
    """A line with text at columns from 1 on."""
    cells = [" "] * length
    for column, text in parts:
        cells[column - 1 : column - 1 + len(text)] = text
    assert len(cells) == length
    return "".join(cells)


def digits(number, width, decimals=0):
    text = str(round(abs(number) * 10**decimals)).zfill(width)
    assert len(text) == width, f"{number} does not fit {width} columns"
    return text


def sign(number):
    return "-" if number < 0 else "+"


def header(date="20260102", form="U2"):
    return line(132, (1, "0 "), (3, "DEMO"), (9, date), (17, "S"), (18, "F"), (36, form))


def commodity(own, exchange="DEX", exponent=0, style="P", array_decimals=0, limit="N"):
    """Record 2, with the futures and the options as products of one code."""
    parts = [(1, "2 "), (3, exchange), (7, own.code), (13, str(exponent)), (14, own.currency)]
    parts += [
        (18, style),
        (19, limit),
        (23, own.code),
        (33, "FUT"),
        (36, str(array_decimals)),
        (37, "+"),
    ]
    parts += [(39, own.code), (49, "OOF"), (52, str(array_decimals)), (53, "+")]
    return line(132, *parts)


def product(own, kind, value_factor, exchange="DEX", price_decimals=2):
    return line(
        164,
        *[(1, "P "), (3, exchange), (6, own.code), (16, kind), (34, digits(price_decimals, 3))],
        *[(42, digits(value_factor, 14, 7)), (73, "+"), (74, "00")],
        (117, "FUT" if kind == "FUT" else "EQTY"),
    )


def tiers_and_ratio(own):
    parts = [(1, "3 "), (3, own.code), (9, "10"), (77, digits(own.initial_ratio, 4, 3))]
    for n, tier in enumerate(own.spread_tiers):
        at = 11 + 14 * n
        parts += [(at, digits(tier.number, 2)), (at + 2, tier.first), (at + 8, tier.last)]
    return line(132, *parts)


def scanning(own, method="10"):
    parts = [(1, "S "), (3, own.code), (9, method if own.scan_tiers else "01"), (83, "1")]
    for n, tier in enumerate(own.scan_tiers):
        at = 13 + 14 * n
        parts += [(at, digits(tier.number, 2)), (at + 2, tier.first), (at + 8, tier.last)]
    return line(138, *parts)


def tier_spread(own, spread):
    parts = [(1, "C "), (3, own.code), (9, "10"), (11, digits(spread.priority, 2))]
    parts += [(13, digits(len(spread.legs), 2)), (15, digits(spread.charge, 7))]
    for n, leg in enumerate(spread.legs):
        at = 22 + 7 * n
        parts += [(at, digits(n + 1, 2)), (at + 2, digits(leg.tier, 2))]
        parts += [(at + 4, digits(leg.ratio, 2)), (at + 6, leg.side)]
    return line(132, *parts)


def series_spread(own, spread):
    parts = [(1, "E "), (3, own.code), (9, digits(spread.priority, 5))]
    parts += [(14, digits(spread.charge, 7))]
    for n, leg in enumerate(spread.legs):
        at = 21 + 14 * n
        parts += [(at, leg.period[2:6]), (at + 7, digits(leg.ratio, 6, 4)), (at + 13, leg.side)]
    return line(80, *parts)


def spot(own):
    parts = [(1, "4 "), (3, own.code), (9, "10" if own.spot_charges else "01")]
    for n, charge in enumerate(own.spot_charges):
        at = 13 + 22 * n
        parts += [(at, digits(n + 1, 2)), (at + 2, charge.period)]
        parts += [(at + 8, digits(charge.in_spreads, 7)), (at + 15, digits(charge.outright, 7))]
    rule = own.short_option_minimum
    parts += [(63, digits(rule.rate, 7)), (76, digits(own.adjustment, 3, 2))]
    return line(132, *parts, (79, "1" if rule.counts == "greater" else "2"))


def scaling(own, contract, exchange="DEX"):
    kind = "OOF" if contract.is_option else "FUT"
    parts = [(1, "B "), (3, exchange), (6, own.code), (16, kind), (19, contract.period)]
    if contract.is_option:
        parts.append((28, contract.period))
    return line(173, *parts, (86, digits(contract.delta_scaling, 6, 4)))


def array(own, contract, strike="", exchange="DEX", wide=False, price_decimals=2):
    """Records 81 and 82, or with eight digits 83 and 84."""
    width = 8 if wide else 5
    option = contract.is_option
    common = [(3, exchange), (6, own.code), (16, own.code), (26, "OOF" if option else "FUT")]
    common += [(30, contract.period)]
    if option:
        common += [(29, contract.kind[0].upper()), (39, contract.period), (48, strike)]
    cells = [(digits(loss, width) + sign(loss)) for loss in contract.array]
    first = line(150 if wide else 123, (1, "83" if wide else "81"), *common,
                 *[(55 + n * (width + 1), cell) for n, cell in enumerate(cells[:9])])  # fmt: skip
    delta, price = (118, 132) if wide else (97, 111)
    tail = [(delta, digits(contract.delta, 5, 4) + sign(contract.delta))]
    tail += [(price, digits(contract.price, 7, price_decimals) + sign(contract.price))]
    second = line(192 if wide else 171, (1, "84" if wide else "82"), *common, *tail,
                  *[(55 + n * (width + 1), cell) for n, cell in enumerate(cells[9:])])  # fmt: skip
    return [first, second]


def credit(spread, priority, exchange="DEX", method="01"):
    parts = [(1, "6 "), (3, "ALL"), (6, digits(priority, 4)), (89, method)]
    parts += [(10, digits(spread.rate * 100, 7, 4))]
    for n, leg in enumerate(spread.legs):
        at = 17 + 18 * n
        parts += [(at, exchange), (at + 4, leg.commodity), (at + 10, digits(leg.ratio, 7, 4))]
        parts += [(at + 17, leg.side), (102 + 2 * n, digits(leg.tier or 0, 2))]
    return line(151, *parts, (110, "S" if spread.pass_name == "super" else "N"))


def whole(parameters, wide=False, **of_commodity):
    """All lines of a file of these parameters."""
    lines = [header(), line(132, (1, "1 "), (3, "DEX"), (8, "07"))]
    for own in parameters.commodities:
        lines += [commodity(own, **of_commodity), tiers_and_ratio(own), scanning(own), spot(own)]
        lines += [tier_spread(own, each) for each in own.tier_spreads]
        lines += [series_spread(own, each) for each in own.series_spreads]
        for kind in ("FUT", "OOF"):
            lines.append(product(own, kind, own.contracts[0].value_factor))
    lines += [credit(each, each.priority) for each in parameters.credit_spreads]
    for own in parameters.commodities:
        for contract in own.contracts:
            strike = contract.name[-3:].zfill(7) if contract.is_option else ""
            lines += [scaling(own, contract), *array(own, contract, strike, wide=wide)]
    return lines
