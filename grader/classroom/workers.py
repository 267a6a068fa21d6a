"""Map submissions over workers: processes on this machine, or a Dask cluster.

When a worker dies, only the submissions that it held are tried again.  Those that it was, or may have been, working on
are retried alone after all others, and one that ends its worker again is given up.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

from grader.classroom import CourseError
from grader.classroom.processes import Begin, ProcessExecutor, Template
from grader.sandbox.forkserver import ForkServer
from grader.words import COMMANDS

In = TypeVar("In")
Out = TypeVar("Out")

CONNECTS_WITHIN = 10.0  # seconds, to a scheduler
MOST_DEATHS = 2  # workers that one submission may end before it is given up


class Lost(RuntimeError):
    """A submission ended its worker ``MOST_DEATHS`` times, the last time with no other submission at work."""


@dataclass
class Worker:
    """An executor of one process or, on a cluster, of many, and the unfinished work that it was given, oldest first.

    most: how many submissions it holds at once.  A single process works on the oldest, which is to blame if it dies.
    """

    executor: Executor
    most: int
    given: deque[Future[Any]] = field(default_factory=deque)


class Workers(Protocol):
    """What ``mapped`` maps over."""

    all: Sequence[Worker]

    def replace(self, worker: Worker) -> None:
        """Give a new executor to a worker whose process died."""

    def close(self) -> None:
        """Release all workers, without waiting for unfinished work."""


class LocalWorkers:
    """``jobs`` processes on this machine, each a worker that grades one submission while another waits.

    begin: called first in each, with the fork server's socket or None.
    template: what they are forked from; see ``ProcessExecutor``.
    """

    def __init__(
        self, jobs: int, begin: Begin, fork_server: ForkServer | None = None, template: Template | None = None
    ):
        requests = fork_server.requests if fork_server else None
        self.made = partial(ProcessExecutor, begin, requests, template)
        self.all: Sequence[Worker] = [Worker(self.made(), most=2) for _ in range(jobs)]

    def replace(self, worker: Worker) -> None:
        worker.executor.shutdown(wait=False, cancel_futures=True)
        worker.executor = self.made()

    def close(self) -> None:
        for worker in self.all:
            worker.executor.shutdown(wait=False, cancel_futures=True)


class DaskWorkers:
    """The workers of a Dask cluster.  They need this package installed, but no file of this machine."""

    def __init__(self, address: str):
        """Connect to the scheduler at this address.

        Raises CourseError if Dask is not installed, the scheduler does not answer, or it has no workers.
        """
        try:
            from distributed import Client
        except ImportError as why:
            raise CourseError(COMMANDS["no_dask"]) from why
        try:
            self.client: Any = Client(address, timeout=CONNECTS_WITHIN, set_as_default=False)
            threads = sum(worker["nthreads"] for worker in self.client.scheduler_info(n_workers=-1)["workers"].values())
        except (OSError, ValueError, TimeoutError) as why:
            raise CourseError(COMMANDS["no_scheduler"].format(address=address, why=why)) from why
        if not threads:
            self.client.close()
            raise CourseError(COMMANDS["no_workers"].format(address=address))
        # When a worker dies, Dask itself tries its tasks again, and gives up those that were on several dead workers,
        # whether they were at work or waiting.
        self.all: Sequence[Worker] = [Worker(_Cluster(self.client), most=2 * threads)]

    def replace(self, worker: Worker) -> None:
        """Nothing to do: Dask's nannies restart its workers."""

    def close(self) -> None:
        self.client.close()


class _Cluster(Executor):
    """A Dask client as an executor whose futures always end.

    Those of ``Client.get_executor`` may not: if a worker dies after a task, before its result is fetched, and the task
    then fails on another worker, the error is lost and the future never ends.
    """

    def __init__(self, client: Any):
        self.client = client

    def submit(self, work: Callable[..., Out], /, *args: Any, **kwargs: Any) -> Future[Out]:
        made = Future[Out]()

        def hand_over(asked: Any) -> None:
            try:
                result = asked.result()
            except BaseException as why:
                made.set_exception(why)
            else:
                made.set_result(result)

        self.client.submit(work, *args, **kwargs, pure=False).add_done_callback(hand_over)
        return made


def mapped(
    workers: Workers, work: Callable[[In], Out], things: Iterable[In], idle: Callable[[], None] = lambda: None
) -> Iterator[tuple[In, Out | BaseException]]:
    """Do ``work`` on each thing; yields pairs of a thing and its result or error, as they get done.

    things: taken only as workers become free.  idle: called whenever there is nothing to do but wait.
    The error of a thing that ended its worker ``MOST_DEATHS`` times, the last time alone, is Lost.
    """
    ahead = enumerate(things)
    again, suspects = deque[tuple[int, In]](), deque[tuple[int, In]]()
    running: dict[Future[Out], tuple[int, In, Worker]] = {}
    deaths: Counter[int] = Counter()

    def fill() -> None:
        while True:
            worker = min(workers.all, key=lambda worker: len(worker.given) / worker.most)
            if len(worker.given) >= worker.most:
                return
            k, thing = again.popleft() if again else next(ahead, (-1, None))
            if thing is None and suspects and not running:
                k, thing = suspects.popleft()
            if thing is None:
                return
            try:
                future = worker.executor.submit(work, thing)
            except BrokenExecutor:
                again.appendleft((k, thing))
                if worker.given:  # its futures will fail, and it is replaced then
                    return
                workers.replace(worker)
                continue
            worker.given.append(future)
            running[future] = k, thing, worker

    def settle(future: Future[Out], at_work: bool) -> tuple[In, Out | BaseException] | None:
        """A finished future's thing with its result or error; None if its worker died and it is to be tried again."""
        k, thing, worker = running.pop(future)
        worker.given.remove(future)
        error = future.exception()
        if error is None:
            return thing, future.result()
        if not _died(error):
            return thing, error
        deaths[k] += at_work
        if deaths[k] >= MOST_DEATHS:
            return thing, Lost(COMMANDS["lost"].format(times=MOST_DEATHS))
        (suspects if at_work else again).append((k, thing))
        return None

    fill()
    while running:
        done, _ = wait(running, timeout=0)
        if not done:
            idle()
            done, _ = wait(running, return_when=FIRST_COMPLETED)
        broken = [
            worker
            for worker in workers.all
            if any(isinstance(f.exception(), BrokenExecutor) for f in done & {*worker.given})
        ]
        # All that a dead worker held fails at once; only the oldest was at work, and only that is to blame.
        blamed = {next(f for f in worker.given if isinstance(f.exception(), BrokenExecutor)) for worker in broken}
        ended = [f for worker in workers.all for f in worker.given if f in done or worker in broken]
        settled = [settle(f, f in blamed or not isinstance(f.exception(), BrokenExecutor)) for f in ended]
        for worker in broken:
            workers.replace(worker)
        fill()
        yield from filter(None, settled)


def _died(error: BaseException) -> bool:
    """Whether an error of either executor says that a worker ended."""
    return isinstance(error, BrokenExecutor) or type(error).__name__ == "KilledWorker"
