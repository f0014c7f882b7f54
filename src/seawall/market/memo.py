"""What has been worked out of single instruments in one snapshot, kept beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from seawall.products.instruments import Instrument

T = TypeVar("T")

MOST_ENTRIES = 100_000
"""More than any venue lists; a memo that has so many begins anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Memo(Generic[T]):
    """One value per instrument, which depends on nothing but the instrument and the snapshot.

    A value is found only for the very terms it was worked out of, whatever has the same name.
    Threads may share a memo: what two work out at a time is the same.
    """

    _known: dict[str, tuple[Instrument, T]] = field(
        default_factory=dict[str, tuple[Instrument, T]], init=False, repr=False
    )

    def get(self, instrument: Instrument) -> T | None:
        """What is known of an instrument; None where nothing is."""
        known = self._known.get(instrument.name)
        if known is None or not (known[0] is instrument or known[0] == instrument):
            return None
        return known[1]

    def put(self, instrument: Instrument, value: T) -> T:
        """Keep a value, and give it back."""
        if len(self._known) >= MOST_ENTRIES:
            self._known.clear()
        self._known[instrument.name] = instrument, value
        return value
