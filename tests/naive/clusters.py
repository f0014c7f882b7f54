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


def crowded(positions, cluster, listed, least, free_share):
    """Clusters of which more than a share is held: places of positions and the share, by cluster.

    Open interest of at least ``least`` counts; who holds as much as there is holds all of it.
    """
    held, places, known = {}, {}, {}
    for place, (row, quantity) in enumerate(positions):
        if cluster[row] >= 0:
            held[cluster[row]] = held.get(cluster[row], 0.0) + abs(quantity)
            places.setdefault(cluster[row], []).append(place)
            known[cluster[row]] = max(listed[row], least)
    shares = {
        c: min(1.0, coins / known[c]) if known[c] > 0.0 else 1.0
        for c, coins in held.items()
        if coins
    }
    return {c: (places[c], share) for c, share in shares.items() if share > free_share}
