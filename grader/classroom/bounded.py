"""Do work on students' texts in a process that can be killed, so that no input can stop the caller.

Parsers, formatters and templates run no foreign code, but some inputs make them take very long or use much memory.
The waiting process enforces the limit, since a process that is stuck cannot enforce its own.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from grader.sandbox.clock import Clock
from grader.words import FEEDBACK

Out = TypeVar("Out")

MEMORY = 2 * 2**30  # bytes that the process may use beyond what it starts with
BETWEEN_LOOKS = 0.5  # seconds between two looks at the process's clock, which may be slower than the wall clock
LATER = 5.0  # seconds beyond the caller's limit at which the process ends itself, in case the caller has ended
FIRST = 120.0  # seconds for making an object: imports take long on a slow disk


class TooLong(RuntimeError):
    """The work took longer than allowed, and was ended."""


class Died(RuntimeError):
    """The process ended in the middle of the work."""


# The errors of work that takes too much time or memory.
GAVE_UP = (TooLong, Died, MemoryError)


def unread(why: BaseException) -> str:
    """The message for a student whose notebook could not be read.  why: one of GAVE_UP."""
    return FEEDBACK["slow_to_read" if isinstance(why, TooLong) else "hungry_to_read"]


class BoundedProcess:
    """A process for bounded work, started when it is needed, and again if it has ended.

    It keeps objects between calls, each under a name.  spent: CPU time in seconds that the last call took there.
    """

    def __init__(self) -> None:
        self.pid = 0
        self.spent = 0.0
        self._connection: Connection | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._made: set[str] = set()

    def call(self, work: Callable[..., Out], *arguments: object, seconds: float) -> Out:
        """Call a module's function there and return its result.  Both sides are trusted, and exchange pickles.

        seconds: the limit, as ``Clock`` counts them.  Raises TooLong, Died, and whatever the function raises.
        """
        self.start()
        result: Out = self._send("call", "", work, arguments, seconds)
        return result

    def make(self, name: str, work: Callable[..., object], *arguments: object) -> None:
        """Call a function there and keep its result there under a name, if the name is new.  Raises as ``call``."""
        self.start()
        if name not in self._made:
            self._send("make", name, work, arguments, FIRST)
            self._made.add(name)

    def ask(self, name: str, method: str, *arguments: object, seconds: float) -> Any:
        """Call a method of the object that ``make`` kept under this name; otherwise as ``call``."""
        self.start()
        return self._send("ask", name, method, arguments, seconds)

    def start(self) -> None:
        """Start the process if there is none.  This is fast while this process has no other thread, and can fork."""
        if self._connection and self._connection.poll():  # it has ended: between two calls it sends nothing
            self.close()
        if self._connection is None:
            self._connection, theirs = multiprocessing.Pipe()
            with theirs:
                if sys.platform == "linux" and threading.active_count() == 1:  # no lock is held by another thread
                    self._process, self.pid = None, _forked(theirs)
                else:
                    self._process = started(__name__, theirs.fileno())
                    self.pid = self._process.pid

    def close(self) -> int:
        """Kill the process; returns its exit status, or minus the number of the signal that ended it."""
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
        self._made.clear()
        return status

    def _send(
        self, what: str, name: str, work: Callable[..., Any] | str, arguments: tuple[object, ...], seconds: float
    ) -> Any:
        connection = self._connection
        assert connection is not None
        said = getattr(work, "__name__", str(work))
        try:
            # sys.path is sent along, since a course's configuration may have added a folder since the start.
            asked = pickle.dumps((what, name, work, arguments))
            connection.send((sys.path, seconds + LATER, asked))
            with Clock(self.pid) as clock:
                while not connection.poll(min(max(0.0, seconds - clock.used()), BETWEEN_LOOKS)):
                    if clock.used() >= seconds:
                        raise TooLong(said)
            done, result, self.spent = connection.recv()
        except (EOFError, ConnectionError) as why:
            raise (TooLong if self.close() == -signal.SIGPROF else Died)(said) from why
        except BaseException:  # otherwise a late answer would be taken for the next call's answer
            self.close()
            raise
        if not done:
            raise result
        return result


class Pool:
    """Bounded processes, each lent to one borrower at a time."""

    def __init__(self) -> None:
        self._idle: list[BoundedProcess] = []

    def get_ready(self) -> None:
        """Start a process in advance, best while this one has no other thread and can fork."""
        made = BoundedProcess()
        made.start()
        self._idle.append(made)

    @contextlib.contextmanager
    def borrowed(self) -> Iterator[BoundedProcess]:
        """A process that is the caller's alone within the block."""
        process = self._idle.pop() if self._idle else BoundedProcess()
        try:
            yield process
        finally:
            self._idle.append(process)

    def close(self) -> None:
        """End the processes that are not lent out."""
        while self._idle:
            self._idle.pop().close()


def _forked(connection: Connection) -> int:
    """Fork the process, which inherits all imports; returns its id."""
    from grader.sandbox.confine import close_descriptors  # imported late, since it works on Linux only

    pid = os.fork()
    if pid == 0:
        try:
            close_descriptors({0, 1, 2, connection.fileno()})
            serve(connection)
        finally:
            os._exit(1)
    return pid


def started(module: str, *descriptors: int) -> subprocess.Popen[bytes]:
    """Start a new interpreter that calls ``main`` of a module with these descriptors, which it inherits."""
    code = f"import sys; sys.path[:] = sys.argv[2:]; from {module} import main; main(*map(int, sys.argv[1].split()))"
    said = " ".join(map(str, descriptors))
    return subprocess.Popen([sys.executable, "-c", code, said, *sys.path], pass_fds=descriptors)


def main(descriptor: int) -> NoReturn:
    """What the process does if it was started as a program of its own; descriptor: its connection."""
    serve(Connection(descriptor))


def serve(connection: Connection) -> NoReturn:
    """Do what comes over the connection until it is closed, then end the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the caller
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    _limit_memory()
    made: dict[str, Any] = {}
    with contextlib.suppress(EOFError, OSError):
        while True:
            sys.path[:], seconds, asked = connection.recv()
            # After this much CPU time the kernel ends this process, whatever it is stuck in.
            signal.setitimer(signal.ITIMER_PROF, seconds)
            begun = time.thread_time()
            work = arguments = None
            try:
                what, name, work, arguments = pickle.loads(asked)
                result = (getattr(made[name], work) if what == "ask" else work)(*arguments)
                if what == "make":
                    made[name], result = result, None
                done = True
            except Exception as why:
                done, result = False, why
            signal.setitimer(signal.ITIMER_PROF, 0)
            connection.send_bytes(pickled(done, result, time.thread_time() - begun))
            del asked, work, arguments, result
    os._exit(0)


def pickled(done: bool, result: Any, spent: float = 0.0) -> bytes:
    """A call's outcome as a pickle; if it cannot be pickled, the pickle of a RuntimeError that describes it.

    done: whether ``result`` is the result; else it is the error.  spent: CPU time in seconds.
    """
    try:
        data = pickle.dumps((done, result, spent))
        if not done:
            pickle.loads(data)  # some errors can be pickled but not unpickled
        return data
    except Exception as why:
        about = why if done else result
        return pickle.dumps((False, RuntimeError(f"{type(about).__name__}: {about}"[:1000]), spent))


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        most = in_use + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
