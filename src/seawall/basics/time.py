"""UTC instants and tenors. A year is 365 days of 86,400 seconds everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec

from seawall.basics.errors import BadNumber

DAY_SECONDS = 86_400.0
YEAR_SECONDS = 31_536_000.0
DAYS_PER_YEAR = YEAR_SECONDS / DAY_SECONDS
DAY_NS = 86_400 * 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant that crosses a boundary: with its offset, which we write as ``Z``."""

# The library takes any character between day and hour, a digit too.
_INSTANT = re.compile(
    r"[0-9]{4}[0-9W-]*(?:[Tt ][0-9:]+(?:[.,][0-9]+)?(?: ?(?:[Zz]|[+-][0-9]{2}:?(?:[0-9]{2})?))?)?"
)


def parse_utc(text: str) -> datetime:
    """Read an ISO 8601 instant, with ``T`` or a space; one without an offset is UTC.

    Raises BadNumber if the text is not an instant.
    """
    try:
        written = text.strip()
        if not _INSTANT.fullmatch(written):
            raise ValueError
        instant = datetime.fromisoformat(written)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadNumber(
            f"{text!r:.60} is not a time",
            where="time argument",
            remedy="Give ISO 8601 in UTC, for example 2026-02-05T16:00 or '2026-02-05 16:00'.",
        ) from None


def tenor_years(as_of: datetime, expiry: datetime) -> float:
    """Time from ``as_of`` to ``expiry`` in years (negative when expired)."""
    return (expiry - as_of) / timedelta(seconds=YEAR_SECONDS)


# Asked of every position at every price that a search tries, and there are few expiries.
@lru_cache(maxsize=4096)
def isoformat_utc(instant: datetime) -> str:
    """The instant as ``2026-02-05T16:21:37Z`` (milliseconds only when there are any)."""
    spec = "milliseconds" if instant.microsecond else "seconds"
    return instant.astimezone(UTC).isoformat(timespec=spec).replace("+00:00", "Z")


def epoch_ns(instant: datetime) -> int:
    """Nanoseconds since 1970 UTC, in which histories count."""
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1_000


def instant_of_ns(time_ns: int) -> datetime:
    """The UTC instant of so many nanoseconds since 1970, in whole microseconds."""
    return _EPOCH + timedelta(microseconds=time_ns // 1_000)
