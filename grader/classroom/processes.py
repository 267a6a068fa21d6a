"""Worker processes as executors: work goes in over a pipe, as pickles between trusted sides, and its result comes out.

The standard library's pools, and pebble's, share pipes and locks among their workers: one that is killed while it
sends leaves half a result, or a lock that nobody gives back.  Here each worker has a pipe of its own: its end is
noticed at once, is nobody else's, and tells which work was being done.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any, NoReturn, TypeVar

from grader.classroom.bounded import pickled, started

Out = TypeVar("Out")
Begin = Callable[[socket.socket | None], None]


class Template:
    """A process that workers are forked from: itself a fork of this one, made when that has imported what they need.

    requests: its socket.  It ends when nobody has that open any more; those that it forked go on.
    """

    def __init__(self, requests: socket.socket, pid: int):
        self.requests, self.pid = requests, pid

    @classmethod
    def made(cls, preload: str) -> Template | None:
        """A copy of this process as it is now; at best when nothing is open.  preload: a module that it imports.

        None where no process can be copied: with other threads, which might hold a lock, or but on Linux.
        """
        if sys.platform != "linux" or threading.active_count() > 1:
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                _serve_forks(theirs, preload)
            finally:
                os._exit(1)  # it never goes on as what it was forked from
        theirs.close()
        return cls(ours, pid)

    def fork(self, *descriptors: int) -> None:
        """Have it fork a worker with these descriptors.  Raises OSError where it is gone."""
        socket.send_fds(self.requests, [b"."], descriptors)

    def __enter__(self) -> Template:
        return self

    def __exit__(self, *exception: object) -> None:
        self.requests.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _serve_forks(requests: socket.socket, preload: str) -> NoReturn:
    from grader.sandbox.confine import close_descriptors  # nothing that other systems have

    close_descriptors({0, 1, 2, requests.fileno()})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops whoever asks, whose end is seen here
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # workers are nobody's to wait for
    import_module(preload)
    while True:
        message, descriptors, *_ = socket.recv_fds(requests, 1, 2)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            main(*descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


class ProcessExecutor(Executor):
    """One worker process: it does what it is given, in order.  When it ends, all that it still has fails.

    begin: called there with ``fork_server``, a socket, before all else.  template: where it is forked from; without one
        it is a program of its own, which imports all again.
    """

    def __init__(self, begin: Begin, fork_server: socket.socket | None = None, template: Template | None = None):
        ours, theirs = socket.socketpair()
        self.process: subprocess.Popen[bytes] | None = None
        descriptors = [theirs.fileno(), *([fork_server.fileno()] if fork_server else [])]
        with theirs:
            if template:
                template.fork(*descriptors)
            else:
                self.process = started(__name__, *descriptors)
        self.socket, self.connection = ours, Connection(os.dup(ours.fileno()))
        self.given: deque[Future[Any]] = deque()
        self.ended, self.lock = False, threading.Lock()
        self.connection.send((sys.path, begin))
        threading.Thread(target=self._receive, daemon=True).start()

    def submit(self, work: Callable[..., Out], /, *args: Any, **kwargs: Any) -> Future[Out]:
        made = Future[Out]()
        asked = pickle.dumps((work, args, kwargs))
        with self.lock:
            if self.ended:
                raise BrokenExecutor("the worker has ended")
            made.set_running_or_notify_cancel()
            self.given.append(made)
            with contextlib.suppress(OSError):  # it has just ended, which is about to be noticed
                self.connection.send_bytes(asked)
        return made

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the worker, whatever it does: it ends when nobody is at the other end of its pipe."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.process:
            self.process.wait()

    def _receive(self) -> None:
        """Hand results over as they come, until there are no more."""
        with contextlib.suppress(EOFError, OSError), self.connection, self.socket:
            while True:
                data = self.connection.recv_bytes()
                made = self.given.popleft()
                try:
                    done, result, _ = pickle.loads(data)
                except Exception as why:
                    done, result = False, why
                if done:
                    made.set_result(result)
                else:
                    made.set_exception(result)
        with self.lock:
            self.ended = True
            while self.given:
                self.given.popleft().set_exception(BrokenExecutor("the worker has ended"))


def main(descriptor: int, fork_server: int = -1) -> NoReturn:
    """What a worker does: work, until nobody asks for more."""
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        connection = Connection(descriptor)
        sys.path[:], begin = connection.recv()
        begin(socket.socket(fileno=fork_server) if fork_server >= 0 else None)  # before there is another thread
        tasks = queue.SimpleQueue[bytes]()
        threading.Thread(target=_read, args=(connection, tasks), daemon=True).start()
        while True:
            asked = tasks.get()
            try:
                work, args, kwargs = pickle.loads(asked)
                answer = (True, work(*args, **kwargs))
            except BaseException as why:
                answer = (False, why)
            connection.send_bytes(pickled(*answer))
            del asked, answer
    finally:
        os._exit(1)


def _read(connection: Connection, tasks: queue.SimpleQueue[bytes]) -> NoReturn:
    """Take what comes at once, so that nobody waits for a busy worker, and end with whoever asks."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(connection.recv_bytes())
    os._exit(1)
