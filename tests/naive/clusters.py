"""What accounts hold of buckets and of clusters, by dictionaries over one account at a time."""

from __future__ import annotations


def over_buckets(positions, delta, bucket, earned, weights, nets):
    """Σ|Δ_e|·weight[e], or ΣΔ_e·weight[e] if ``net``, of (row, quantity) positions and of coins
    earned, which are spot; a sum for each weight.
    """
    held = {0: earned}
    for row, quantity in positions:
        held[bucket[row]] = held.get(bucket[row], 0.0) + quantity * delta[row]
    return [
        sum((coins if net else abs(coins)) * weight[e] for e, coins in held.items())
        for weight, net in zip(weights, nets, strict=True)
    ]


def most_crowded(positions, clusters, listed, limits, worst, lone_loss):
    """The most of loss·(share − free share) over all clusters of (row, quantity) positions.

    ``clusters`` of each row, the widest first; ``listed`` open interest by cluster; ``limits`` that
    of the widest (NaN: what is held), the least share of it and the free one. A cluster but the
    widest loses no more than ``lone_loss`` of its positions.
    """
    inside = {}
    for row, quantity in positions:
        for cluster in clusters[row]:
            if cluster >= 0 and quantity:
                inside.setdefault(cluster, []).append((row, quantity))
    if not inside:
        return 0.0
    widest = next(own[0] for own in clusters if own[0] >= 0)
    held = {c: sum(abs(quantity) for _, quantity in own) for c, own in inside.items()}
    of_all = held[widest] if limits[0] != limits[0] else limits[0]
    found = [0.0]
    for cluster, own in inside.items():
        known = of_all if cluster == widest else max(listed[cluster], limits[1] * of_all)
        share = min(1.0, held[cluster] / known) if known > 0.0 else 1.0
        loss = worst if cluster == widest else min(worst, lone_loss(own))
        found.append(loss * (share - limits[2]))
    return max(found)
