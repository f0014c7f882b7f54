"""Workers in numbered slots: started, spoken to, and replaced where they are lost."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

from seawall.basics.errors import ClusterError, SeawallError
from seawall.cluster.worker import Worker, versions
from seawall.margin.model import MarginModel
from seawall.market.snapshot import MarketSnapshot

START_S = 120.0
"""Longest wait for workers to start, in seconds: an import of everything on a cold disk."""

MAX_LOSSES = 3
"""Workers that one piece of work may lose before it is taken to be what kills them."""


_INSTALL = "Install the same seawall with the same requirements on every machine."


class WorkerLost(Exception):
    """A worker died, its machine did, or what it answered was lost with it; never leaves here."""


def lost_again(times: int, shard: int) -> ClusterError:
    """The error of a shard that loses worker after worker."""
    return ClusterError(
        f"{times} workers were lost with shard {shard} in hand",
        where="Ray",
        remedy="See the workers' logs; most often it is memory: start Ray where there is more.",
    )


class Pool:
    """Workers, one a slot, all with the same model and the same market.

    As a context manager it stops them at the end. Raises ClusterError where there are fewer CPUs
    than workers are asked for, where they do not start, or have other versions of what computes.
    """

    def __init__(self, ray: Any, model: MarginModel, workers: int | None) -> None:
        self._ray, self._model = ray, model
        self._market: Any = None
        cpus = int(ray.cluster_resources().get("CPU", 0))
        count = cpus if workers is None else workers
        if not 1 <= count <= cpus:
            raise ClusterError(
                f"{count} workers were asked for, and all machines together have {cpus} CPUs",
                where="Ray",
                remedy="Ask for at least 1 and at most that many, or add machines: ray start "
                "--address.",
            )
        self._actors = [self._start(cpus=1) for _ in range(count)]
        try:
            self._require_alike(range(count))
        except WorkerLost:
            self.close()
            raise _stillborn() from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._actors)

    def close(self) -> None:
        """Stop every worker; what it held is gone."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []

    def put(self, market: MarketSnapshot) -> Any:
        """A reference to a market in Ray's store, from where each machine fetches it once."""
        return self._ray.put(market)

    @property
    def held(self) -> Any:
        """The reference to the market that workers hold."""
        return self._market

    def hold(self, market: Any) -> None:
        """Have every worker, and each that replaces one, hold the market of a reference."""
        self._market = market
        for slot in range(len(self)):
            self.ask(slot, "hold", [market])

    def ask(self, slot: int, method: str, *arguments: Any) -> Any:
        """Start a worker's method behind what it was asked before; a reference to its answer."""
        return getattr(self._actors[slot], method).remote(*arguments)

    def first_done(self, references: list[Any]) -> Any:
        """One of the references whose answer is there, or will never be; waits for it."""
        done, _ = self._ray.wait(references, num_returns=1, fetch_local=False)
        return done[0]

    def answer(self, reference: Any) -> Any:
        """What a worker answers; waits for it.

        Raises WorkerLost, and a worker's own SeawallError as itself.
        """
        ray = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except ray.RayTaskError as failed:
            if isinstance(failed.cause, SeawallError):
                raise failed.cause from None
            raise
        except ray.RayActorError as lost:
            if lost.actor_init_failed:
                raise ClusterError(
                    f"a worker did not start: {str(lost).strip().splitlines()[-1]}",
                    where="Ray",
                    remedy=_INSTALL,
                ) from lost
            raise WorkerLost from lost
        except (
            ray.ObjectLostError,
            ray.NodeDiedError,
            ray.WorkerCrashedError,
            ray.OutOfMemoryError,  # of a worker that Ray has killed for it
        ) as lost:
            raise WorkerLost from lost

    def replace(self, slot: int) -> None:
        """A fresh worker in a slot, which holds the market and nothing else.

        It takes a free CPU; where there is none, its machine being lost, it shares one with others
        rather than wait. The old one is killed first: it may only have been out of reach. Raises
        ClusterError where one worker after the other dies as it starts.
        """
        for _ in range(MAX_LOSSES + 1):
            self._ray.kill(self._actors[slot])
            free = self._ray.available_resources().get("CPU", 0) >= 1
            self._actors[slot] = self._start(cpus=int(free))
            try:
                self._require_alike([slot])
            except WorkerLost:  # sent to a machine of which Ray did not know yet that it died
                continue
            if self._market is not None:
                self.ask(slot, "hold", [self._market])
            return
        raise _stillborn()

    def _start(self, cpus: int) -> Any:
        remote = self._ray.remote(Worker).options(
            num_cpus=cpus, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        return remote.remote(self._model)

    def _require_alike(self, slots: Iterable[int]) -> None:
        """See that workers have started and have this process's versions. Raises WorkerLost for one
        that died meanwhile, ClusterError.
        """
        references = [self.ask(slot, "versions") for slot in slots]
        ready, late = self._ray.wait(references, num_returns=len(references), timeout=START_S)
        if late:
            raise ClusterError(
                f"{len(late)} of {len(references)} workers have not started in {START_S:g} s",
                where="Ray",
                remedy="See what else takes the CPUs (ray status), or ask for fewer workers.",
            )
        here = versions()
        for reference in ready:
            there = self.answer(reference)
            unlike = [f"{w} {there[w]}, not {here[w]}" for w in here if there[w] != here[w]]
            if unlike:
                raise ClusterError(
                    f"a worker has {'; '.join(unlike)}", where="Ray", remedy=_INSTALL
                )


def _stillborn() -> ClusterError:
    return ClusterError(
        "workers die as soon as they have started",
        where="Ray",
        remedy="See their logs in Ray's folder, /tmp/ray/session_latest/logs.",
    )
