"""SPAN as plain loops over one account: docs/models/span.md, word by word."""

from __future__ import annotations

PAIR = {n: n + 1 if n % 2 else n - 1 for n in range(1, 15)} | {15: 15, 16: 16}


def inside(tier, period):
    return tier.first <= period[: len(tier.first)] and period[: len(tier.last)] <= tier.last


def scan(legs):
    """(scan risk, active, price risk, net delta) of (contract, quantity) legs."""
    losses = {}
    for number in range(1, 17):
        losses[number] = 0.0
        for contract, quantity in legs:
            losses[number] += quantity * contract.array[number - 1]
    active = 1
    for number in range(2, 17):
        if losses[number] > losses[active]:
            active = number
    adjusted = (losses[active] + losses[PAIR[active]]) / 2
    price_risk = adjusted - (losses[1] + losses[2]) / 2
    net = 0.0
    for contract, quantity in legs:
        net += quantity * contract.delta * contract.delta_scaling
    return max(0.0, losses[active]), active, max(0.0, price_risk), net


def tiered(commodity, legs):
    """Scans by tier number; 0 for a commodity without tiers."""
    if not commodity.scan_tiers:
        return {0: scan(legs)}
    found = {}
    for tier in commodity.scan_tiers:
        own = [(c, q) for c, q in legs if inside(tier, c.period)]
        if own:
            found[tier.number] = scan(own)
    return found


def match(legs):
    """[(A is long, n)]; a leg is (deltas by period, periods, ratio, side, whether netted)."""
    found = []
    for a_sign in (1, -1):
        n = float("inf")
        for deltas, periods, ratio, side, netted in legs:
            sign = a_sign if side == "A" else -a_sign
            there = 0.0
            for period in periods:
                own = sign * deltas[period]
                if netted or own > 0:
                    there += own
            n = min(n, max(there, 0.0) / ratio)
        if n <= 1e-9:
            continue
        for deltas, periods, ratio, side, _ in legs:
            sign = a_sign if side == "A" else -a_sign
            wanted = n * ratio
            for period in sorted(periods):
                own = sign * deltas[period]
                if own > 0 and wanted > 0:
                    used = min(own, wanted)
                    deltas[period] -= sign * used
                    wanted -= used
        found.append((a_sign == 1, n))
    return found


def weighted(scans, tier):
    """Price risk of one delta, of a tier or of all."""
    own = [scans[tier]] if tier is not None and tier in scans else []
    if tier is None:
        own = list(scans.values())
    net = abs(sum(each[3] for each in own))
    return sum(each[2] for each in own) / net if net > 1e-9 else 0.0


def credit_pass(name, parameters, account, credit):
    """Credits of one pass added to ``credit`` by commodity."""
    for spread in sorted(parameters.credit_spreads, key=lambda s: s.priority):
        if spread.pass_name != name or any(x.commodity not in account for x in spread.legs):
            continue
        legs, risks = [], []
        for leg in spread.legs:
            commodity, _, scans, deltas = account[leg.commodity]
            periods = list(deltas)
            if leg.tier is not None:
                tier = next(t for t in commodity.scan_tiers if t.number == leg.tier)
                periods = [p for p in deltas if inside(tier, p)]
            legs.append((deltas, periods, leg.ratio, leg.side, True))
            risks.append(weighted(scans, leg.tier))
        if parameters.policy.credits_need_price_risk and min(risks) <= 0:
            continue
        for _, n in match(legs):
            for leg, risk in zip(spread.legs, risks, strict=True):
                rate = spread.rate if leg.rate is None else leg.rate
                credit[leg.commodity] += risk * n * leg.ratio * rate


def intra(commodity, deltas):
    """Charges between tiers, then between series."""
    charge = 0.0
    for spread in sorted(commodity.tier_spreads, key=lambda s: s.priority):
        legs = []
        for leg in spread.legs:
            tier = next(t for t in commodity.spread_tiers if t.number == leg.tier)
            periods = [p for p in deltas if inside(tier, p)]
            legs.append((deltas, periods, leg.ratio, leg.side, False))
        charge += sum(n * spread.charge for _, n in match(legs))
    for spread in sorted(commodity.series_spreads, key=lambda s: s.priority):
        legs = [
            (deltas, [leg.period] if leg.period in deltas else [], leg.ratio, leg.side, False)
            for leg in spread.legs
        ]
        charge += sum(n * spread.charge for _, n in match(legs))
    return charge


def spot(commodity, before, after):
    total = 0.0
    for rule in commodity.spot_charges:
        if rule.period in before:
            outright = abs(after[rule.period])
            used = max(0.0, abs(before[rule.period]) - outright)
            total += used * rule.in_spreads + outright * rule.outright
    return total


def minimum(commodity, legs):
    shorts = {"call": 0.0, "put": 0.0, "future": 0.0}
    for contract, quantity in legs:
        if quantity < 0:
            shorts[contract.kind] -= quantity * contract.delta_scaling
    rule = commodity.short_option_minimum
    count = shorts["call"] + shorts["put"]
    if rule.counts == "greater":
        count = max(shorts["call"], shorts["put"])
    return rule.rate * count


def naive_span(held, parameters):
    """{(currency, level): asked}, signed, without any rounding; ``held`` contract → quantity."""
    account = {}
    for commodity in parameters.commodities:
        legs = [(c, held[c.name]) for c in commodity.contracts if held.get(c.name)]
        if legs:
            deltas = {}
            for c, q in sorted(legs, key=lambda leg: leg[0].period):
                deltas[c.period] = deltas.get(c.period, 0.0) + q * c.delta * c.delta_scaling
            account[commodity.code] = (commodity, legs, tiered(commodity, legs), deltas)
    before = {code: dict(own[3]) for code, own in account.items()}
    credit = dict.fromkeys(account, 0.0)
    credit_pass("super", parameters, account, credit)
    charge = {code: intra(own[0], own[3]) for code, own in account.items()}
    for code, (commodity, _, _, deltas) in account.items():
        charge[code] += spot(commodity, before[code], deltas)
    credit_pass("inter", parameters, account, credit)
    credit_pass("exchange", parameters, account, credit)
    for code, (_, _, scans, _) in account.items():
        credit[code] = min(credit[code], sum(each[2] for each in scans.values()))
    asked = {}
    for level in ("maintenance", "initial"):
        for currency in {own[0].currency for own in account.values()}:
            own = [code for code in account if account[code][0].currency == currency]
            asked[currency, level] = total(own, account, charge, credit, parameters.policy, level)
    return asked


def total(codes, account, charge, credit, policy, level):
    by_commodity = charges = minima = credited = values = 0.0
    for code in codes:
        commodity, legs, scans, _ = account[code]
        f = commodity.adjustment * (commodity.initial_ratio if level == "initial" else 1.0)
        value, long_only = 0.0, True
        for contract, quantity in legs:
            if contract.kind != "future" and contract.style == "premium":
                value += quantity * contract.price * contract.value_factor
                long_only = long_only and quantity > 0
            else:
                long_only = False
        before = sum(each[0] for each in scans.values()) + charge[code]
        risk = max(before - credit[code], minimum(commodity, legs))
        if policy.caps_long_options and long_only:
            risk = min(risk, max(value, 0.0))
        by_commodity += f * risk
        charges += f * before
        minima += f * minimum(commodity, legs)
        credited += f * credit[code]
        values += min(value, f * risk) if commodity.limits_option_value else value
    if policy.floor == "commodity":
        return by_commodity - values
    return max(charges, minima) - credited - values
