"""Every error Seawall raises, in one tree. Callers choose from this picture what to catch.

    SeawallError
    ├── InputError                what was handed in cannot be used
    │   ├── UnknownInstrument     a name that no rule of naming recognises
    │   ├── ExpiredInstrument     an instrument whose expiry is not after the snapshot
    │   ├── DuplicatePosition     the same instrument twice in one account
    │   ├── EmptyPortfolio        nothing to margin
    │   ├── BadNumber             NaN, infinite, negative where that is meaningless, or too large
    │   ├── CurrencyMismatch      amounts of unlike currencies met
    │   ├── UnreadableFile        missing, truncated or not the format its name says
    │   ├── UnwritableFile        a file or folder that cannot be made or written
    │   ├── UnrecognisedFile      readable, but its columns are not ones we know
    │   ├── AmbiguousSnapshot     rows of several times and no word on which to take
    │   ├── MissingQuote          a price, forward or volatility that is needed and absent
    │   ├── StaleQuote            quotes too far apart in time to form one snapshot
    │   └── PoorHistory           a history of prices that is missing, too short or full of gaps
    ├── ModelError                the model or its numbers cannot be used
    │   ├── UnknownModel          no preset of that name
    │   ├── BadParameter          a number or choice of a model is missing, unknown or impossible
    │   └── CalibrationFailed     a history from which a parameter cannot be estimated
    ├── StateError                what is kept cannot be changed in that way now
    ├── VenueError                a venue was asked and gave no usable answer
    │   ├── VenueUnavailable      it was not reached or is busy: the same may succeed later
    │   └── VenueRefused          it does not take the keys, the request or this machine
    └── ClusterError              the machines that share the work cannot do it

Each message is one line: what is wrong, where, and the remedy. Of what it repeats of a file or an
argument, characters that no terminal shows are escaped, and what is long is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Self

from seawall.basics.text import shown


class SeawallError(Exception):
    """Base of all errors of this package: says what is wrong, where, and how to mend it."""

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        self.what, self.where, self.remedy = (shown(text) for text in (what, where, remedy))
        super().__init__(f"{self.what} ({self.where}). {self.remedy}")

    def __reduce__(self) -> tuple[Callable[[], SeawallError], tuple[()]]:
        """How it reaches another process: as itself, its texts being by name alone."""
        return partial(type(self), self.what, where=self.where, remedy=self.remedy), ()

    def located(self, here: str, own: str) -> Self:
        """The error saying ``here`` first; one whose place is ``own`` says it already."""
        where = here if self.where == own else f"{here}, {self.where}"
        return type(self)(self.what, where=where, remedy=self.remedy)


class InputError(SeawallError):
    """What was handed in cannot be used."""


@contextmanager
def located(here: str, own: str) -> Generator[None]:
    """Have an InputError say ``here`` first, as :meth:`SeawallError.located` does."""
    try:
        yield
    except InputError as error:
        raise error.located(here, own) from None


class UnknownInstrument(InputError):
    """A name that no naming rule recognises."""


class ExpiredInstrument(InputError):
    """An instrument whose expiry is not after the snapshot's time."""


class DuplicatePosition(InputError):
    """The same instrument appears twice in one account."""


class EmptyPortfolio(InputError):
    """There is nothing to margin."""


class BadNumber(InputError):
    """A number is NaN, infinite, of an impossible sign or beyond every sane size."""


class CurrencyMismatch(InputError):
    """Amounts of unlike currencies were combined or compared."""


class UnreadableFile(InputError):
    """A file is missing, truncated or not in the format it claims."""


class UnwritableFile(InputError):
    """A file or folder cannot be made or written."""


class UnrecognisedFile(InputError):
    """A file is readable, but its columns are not those of any known shape."""


class AmbiguousSnapshot(InputError):
    """Rows of several times were given without saying which time is meant."""


class MissingQuote(InputError):
    """A price, forward or volatility that the computation needs is not in the snapshot."""


class StaleQuote(InputError):
    """Quotes are too far apart in time to form one snapshot."""


class PoorHistory(InputError):
    """A history of prices that a model asks for is missing, too short or full of gaps."""


class ModelError(SeawallError):
    """The margin model or its numbers cannot be used."""


class UnknownModel(ModelError):
    """No preset has that name."""


class BadParameter(ModelError):
    """A number or choice of a model is missing, unknown or impossible."""


class CalibrationFailed(ModelError):
    """A parameter cannot be estimated from the history: no estimate is better than a small one."""


class StateError(SeawallError):
    """What is kept cannot be changed in that way now."""


class VenueError(SeawallError):
    """A venue was asked over the network and gave no usable answer."""


class VenueUnavailable(VenueError):
    """A venue was not reached, or is busy or under maintenance: the same may succeed later."""


class VenueRefused(VenueError):
    """A venue does not take the keys, the request or the machine that it comes from."""


class ClusterError(SeawallError):
    """Ray or its workers cannot be reached or started, are unlike, or are lost again and again."""
