"""Ray itself: found, started where nobody has, and left as it was found.

Ray is imported when it is first asked for; nobody else pays for it.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from seawall.basics.errors import ClusterError, InputError

_USAGE = "RAY_USAGE_STATS_ENABLED"
_LISTENS_S = 10.0


def load_ray() -> Any:
    """The module. Raises InputError where it is not installed."""
    try:
        return import_module("ray")
    except ModuleNotFoundError:
        raise InputError(
            "accounts are spread over machines by Ray, which is not installed",
            where="engine ray",
            remedy="Install it: pip install 'seawall[cluster]'.",
        ) from None


@contextmanager
def connected(address: str | None) -> Generator[Any]:
    """Ray, connected: to what this process is connected to already, and stays so afterwards; else
    to ``address``, to ``RAY_ADDRESS`` of the environment, or to a Ray started on this machine, and
    no longer than the context. Raises InputError without Ray, ClusterError if it does not answer.
    """
    ray = load_ray()
    if ray.is_initialized():
        yield ray
        return
    address = address or os.environ.get("RAY_ADDRESS") or None
    _require_listener(address)
    try:
        with _without_reports():
            ray.init(
                # Without an address Ray would join whatever runs here, whosever it is.
                address=address or "local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    except Exception as error:  # Ray raises this itself where a start takes long
        ray.shutdown()
        raise _unreachable(address, _reason(error)) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _require_listener(address: str | None) -> None:
    """Raise ClusterError where nobody listens: Ray itself would try for minutes. InputError for
    what is no text.
    """
    if address is not None and not isinstance(address, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InputError(
            f"{address!r:.60} is no address", where="address", remedy="Give text: HEAD:6379."
        )
    host, colon, port = (address or "").rpartition("://")[2].rpartition(":")
    if not (colon and port.isdecimal()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=_LISTENS_S).close()
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from None


def _reason(error: BaseException) -> str:
    """The last line of what an error goes back to: Ray tells whole traces in its messages."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _unreachable(address: str | None, why: str) -> ClusterError:
    return ClusterError(
        f"Ray cannot be reached or started: {why}",
        where="this machine" if address is None else f"address {address}",
        remedy="Start it with ray start --head; give every machine the same Python, Ray and token "
        "(RAY_AUTH_MODE=token).",
    )


@contextmanager
def _without_reports() -> Generator[None]:
    """Ray reports its use to its makers from the head that it starts, unless told not to."""
    before = os.environ.get(_USAGE)
    os.environ[_USAGE] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_USAGE]
        else:
            os.environ[_USAGE] = before
