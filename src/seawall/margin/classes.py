"""Classes of underlyings: the numbers that a model gives to like assets."""

from __future__ import annotations

import msgspec

from seawall.basics.errors import BadParameter


class UnderlyingClass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers shared by ``members``, and by what else is listed in ``markets`` (``.US``); the class
    with neither takes every other underlying.

    ``price_range_*_rel`` one-day stress of the price; ``daily_vol_rel`` standard deviation of a
    day's return; ``adv_usd`` 30-day average daily volume and ``open_interest_usd`` of all
    contracts, both where the market does not tell them; ``spot_haircut_rel`` liquidity haircut of a
    holding. Raises BadParameter for an impossible number.
    """

    name: str
    members: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    price_range_up_rel: float
    price_range_down_rel: float
    daily_vol_rel: float
    adv_usd: float
    spot_haircut_rel: float
    open_interest_usd: float | None = None

    def __post_init__(self) -> None:
        sane = (
            0.0 < self.price_range_up_rel <= 10.0
            and 0.0 < self.price_range_down_rel < 1.0
            and 0.0 < self.daily_vol_rel < 10.0
            and 0.0 < self.adv_usd < float("inf")
            and (self.open_interest_usd is None or 0.0 < self.open_interest_usd < float("inf"))
            and 0.0 <= self.spot_haircut_rel <= 1.0
        )
        if not sane:
            raise BadParameter(
                f"class {self.name!r} has an impossible number",
                where="classes",
                remedy="Ranges, volatility and volume must be positive, a downward range and a "
                "haircut below 1.",
            )

    @property
    def takes_the_rest(self) -> bool:
        """Whether it takes what no class names."""
        return not self.members and not self.markets

    @property
    def price_range_rel(self) -> float:
        """The larger of the two ranges, for models that know one percentage."""
        return max(self.price_range_up_rel, self.price_range_down_rel)


def class_of(underlying: str, classes: tuple[UnderlyingClass, ...]) -> UnderlyingClass:
    """The class that names the underlying, else the one of its market, else the one of the rest.

    Raises BadParameter if none of them exists.
    """
    found = known_class(underlying, classes)
    if found is None:
        raise BadParameter(
            f"no class takes {underlying}",
            where="classes",
            remedy="Add it to a class, or add a class without members.",
        )
    return found


def known_class(underlying: str, classes: tuple[UnderlyingClass, ...]) -> UnderlyingClass | None:
    """What :func:`class_of` says, None where no class takes the underlying."""
    rest: UnderlyingClass | None = None
    of_market: UnderlyingClass | None = None
    for candidate in classes:
        if underlying in candidate.members:
            return candidate
        if underlying.endswith(candidate.markets):
            of_market = candidate
        if candidate.takes_the_rest:
            rest = candidate
    return of_market or rest
