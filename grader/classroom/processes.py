"""Worker processes as executors: work and results are sent over a pipe, as pickles between trusted sides.

The pools of the standard library and of pebble share pipes and locks among workers, so that a worker which is killed
while it sends leaves half a result or a lock that is never released.  Here each worker has its own pipe: its death
is noticed at once, disturbs no other worker, and shows which work was being done.
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
    """A process from which workers are forked; itself a fork of this process, with what workers need imported.

    requests: this side of its socket.  It ends when no process holds that open any more; the workers go on.
    """

    def __init__(self, requests: socket.socket, pid: int):
        self.requests, self.pid = requests, pid

    @classmethod
    def made(cls, preload: str) -> Template | None:
        """Fork a template from this process as it is now, best before anything is open.

        preload: a module that it imports.  Returns None if this is not Linux, or if this process has other threads,
        since a fork would inherit the locks that they hold.
        """
        if sys.platform != "linux" or threading.active_count() > 1:
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                _serve_forks(theirs, preload)
            finally:
                os._exit(1)  # the fork must never go on as the command it was forked from
        theirs.close()
        return cls(ours, pid)

    def fork(self, *descriptors: int) -> None:
        """Fork a worker that calls ``main`` with copies of these descriptors.  Raises OSError if the template ended."""
        socket.send_fds(self.requests, [b"."], descriptors)

    def __enter__(self) -> Template:
        return self

    def __exit__(self, *exception: object) -> None:
        self.requests.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _serve_forks(requests: socket.socket, preload: str) -> NoReturn:
    from grader.sandbox.confine import close_descriptors  # imported late, since it works on Linux only

    close_descriptors({0, 1, 2, requests.fileno()})
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C stops the command, and its end is noticed here
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the workers, since nobody waits for them
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
    """One worker process, which does work in the order in which it is submitted.

    When it ends, all its unfinished futures fail with BrokenExecutor.
    begin: called there first, with ``fork_server``, a socket or None.
    template: what it is forked from; if None, it is started as a program of its own, which repeats all imports.
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
            with contextlib.suppress(OSError):  # it has just ended, which the receiving thread is about to notice
                self.connection.send_bytes(asked)
        return made

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the worker at once, whatever it is doing, by closing its pipe."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.process:
            self.process.wait()

    def _receive(self) -> None:
        """Pass results to their futures as they come, until the pipe closes."""
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
    """Do work in a worker process until its pipe closes.

    descriptor: of the pipe.  fork_server: of the fork server's socket; -1 for none.
    """
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        connection = Connection(descriptor)
        sys.path[:], begin = connection.recv()
        begin(socket.socket(fileno=fork_server) if fork_server >= 0 else None)  # while it may fork, with one thread
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
    """Queue work as it comes, so that no sender waits for a busy worker, and end the process when the pipe closes."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(connection.recv_bytes())
    os._exit(1)
