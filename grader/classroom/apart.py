"""Work on what a student wrote, done in a process of its own that can be ended: whatever it meets, its caller goes on.

Parsers, formatters and templates run no foreign code, but some input makes any of them slow or hungry.  No limit that
they would have to keep themselves holds while they are stuck; this one is kept by the process that waits for them.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from grader.sandbox.clock import Clock
from grader.words import CLASSROOM

Out = TypeVar("Out")

MEMORY = 2 * 2**30  # bytes that the process may take beyond what it starts with
BETWEEN_LOOKS = 0.5  # seconds between two looks at its clock: not all of what passes counts
LATER = 5.0  # seconds after its caller would have ended it, the process ends itself: the caller may be gone
FIRST = 120.0  # seconds for what is to be done first: it waits for imports, on a slow disk


class TooLong(RuntimeError):
    """The work took longer than it may, and was ended."""


class Died(RuntimeError):
    """The process ended in the middle of the work."""


# What it means that something written by a student was too much.
GAVE_UP = (TooLong, Died, MemoryError)


def unread(why: BaseException) -> str:
    """What is said of a notebook that was too much for whoever read it."""
    return CLASSROOM["slow_to_read" if isinstance(why, TooLong) else "hungry_to_read"]


class Apart:
    """One such process, started when it is needed, and again where it has ended."""

    def __init__(self) -> None:
        self.pid = 0
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._prepared: set[str] = set()

    def prepare(self, name: str, work: Callable[..., object], *arguments: object) -> None:
        """Have this done once in the process as it is now, under a name; see ``call`` for what it raises."""
        self._begin()
        if name not in self._prepared:
            self.call(work, *arguments, seconds=FIRST)
            self._prepared.add(name)

    def call(self, work: Callable[..., Out], *arguments: object, seconds: float) -> Out:
        """What a function of a module makes of these arguments, all of which travel as pickles between trusted sides.

        seconds: as ``Clock`` counts them.  Raises TooLong, Died, and what the function raises.
        """
        connection = self._begin()
        try:
            connection.send((work, arguments, seconds + LATER))
            clock = Clock(self.pid)
            while not connection.poll(min(max(0.0, seconds - clock.used()), BETWEEN_LOOKS)):
                if clock.used() >= seconds:
                    raise TooLong(work.__name__)
            done, result = connection.recv()
        except (EOFError, ConnectionError) as why:
            raise (TooLong if self.close() == -signal.SIGPROF else Died)(work.__name__) from why
        except BaseException:  # its answer would be taken for the next one's
            self.close()
            raise
        if not done:
            raise result
        return result

    def close(self) -> int:
        """End the process, and say how it did: its exit status, or minus the signal that ended it."""
        status = 0
        if self._connection:
            self._connection.close()
            self._connection = None
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            if self._process:
                status = self._process.wait()
            else:
                with contextlib.suppress(ChildProcessError):
                    status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self._prepared.clear()
        return status

    def _begin(self) -> Connection:
        """The connection to a process that is there."""
        if self._connection and self._connection.poll():  # at its end: between two pieces of work it says nothing
            self.close()
        if self._connection is None:
            self._connection, theirs = multiprocessing.Pipe()
            with theirs:
                if sys.platform == "linux" and threading.active_count() == 1:  # no lock is held by another thread
                    self._process, self.pid = None, _forked(theirs)
                else:
                    self._process = _started(theirs)
                    self.pid = self._process.pid
        return self._connection


def _forked(connection: Connection) -> int:
    """A fork that has imported already whatever this process has."""
    from grader.sandbox.confine import close_descriptors  # nothing that other systems have

    pid = os.fork()
    if pid == 0:
        try:
            close_descriptors({0, 1, 2, connection.fileno()})
            serve(connection)
        finally:
            os._exit(1)
    return pid


def _started(connection: Connection) -> subprocess.Popen[bytes]:
    code = "import sys; sys.path[:] = sys.argv[2:]; from grader.classroom import apart; apart.main(int(sys.argv[1]))"
    place = connection.fileno()
    return subprocess.Popen([sys.executable, "-c", code, str(place), *sys.path], pass_fds=[place])


def main(descriptor: int) -> NoReturn:
    """What a program of its own does."""
    serve(Connection(descriptor))


def serve(connection: Connection) -> NoReturn:
    """Do work until nobody asks for more; the process ends here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops whoever asks
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _limit_memory()
    with contextlib.suppress(EOFError, OSError):
        while True:
            work, arguments, seconds = connection.recv()
            # The kernel ends this process when it has computed that long, whatever it is stuck in.
            signal.setitimer(signal.ITIMER_PROF, seconds)
            try:
                answer = (True, work(*arguments))
            except Exception as why:
                answer = (False, why)
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send_bytes(_pickled(answer))
            del work, arguments, answer
    os._exit(0)


def _pickled(answer: tuple[bool, Any]) -> bytes:
    """The answer, or, where it cannot travel, an error that says so."""
    try:
        data = pickle.dumps(answer)
        if not answer[0]:
            pickle.loads(data)  # some errors can be written, and not be read again
        return data
    except Exception as why:
        about = why if answer[0] else answer[1]
        return pickle.dumps((False, RuntimeError(f"{type(about).__name__}: {about}"[:1000])))


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = in_use + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


_idle: list[Apart] = []


def get_ready() -> None:
    """Start one now, where this process has no other thread yet and can fork it, which takes no time."""
    made = Apart()
    made._begin()
    _idle.append(made)


@contextlib.contextmanager
def borrowed() -> Iterator[Apart]:
    """One of this process's, which nobody else has meanwhile."""
    apart = _idle.pop() if _idle else Apart()
    try:
        yield apart
    finally:
        _idle.append(apart)


def close() -> None:
    """End those that nobody has."""
    while _idle:
        _idle.pop().close()


atexit.register(close)
