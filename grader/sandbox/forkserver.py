"""How zygotes are started: each as a program of its own, or forked from a fork server that has done the imports.

This module itself imports nothing slow, so that a command can start the fork server first thing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

ENDS_WITHIN = 5.0  # seconds
PACKAGE = Path(__file__).resolve().parent.parent


def new_folder() -> Path:
    """A fresh path for a zygote's own folder, which the zygote itself makes and removes."""
    return Path(tempfile.gettempdir()) / f"zygote-{secrets.token_hex(8)}"


def start(stdin: socket.socket, own: Path, *arguments: str, package: Path = PACKAGE) -> subprocess.Popen[bytes]:
    """Start ``zygote_process.py`` with ``stdin`` as its standard input; see its ``main``.

    own: the process's own folder, from ``new_folder``.  arguments: "server" for a fork server.
    package: the grader's folder.
    """
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    return subprocess.Popen(
        [sys.executable, "-I", str(package / "sandbox" / "zygote_process.py"), str(own), *arguments],
        stdin=stdin.fileno(),
        env=environment,
        start_new_session=True,  # Ctrl-C stops the grader; a student's cell would report it as a KeyboardInterrupt
    )


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait up to ENDS_WITHIN seconds for a process to end, then kill it."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(ENDS_WITHIN)
    process.kill()
    process.wait()


class ForkServer:
    """A process from which zygotes are forked, so that they share one set of imports, and the memory for it.

    requests: this side of the server's socket.  The server ends when no process holds it open any more; the zygotes
        that it has forked go on.
    """

    def __init__(self, requests: socket.socket):
        self.requests = requests
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def started(cls) -> ForkServer | None:
        """Start a fork server, which is ready after some seconds; None if this is not Linux.

        Elsewhere Unix sockets do not keep messages apart (SOCK_SEQPACKET).
        """
        if sys.platform != "linux":
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made = cls(ours)
        with theirs:
            made.process = start(theirs, new_folder(), "server")
        return made

    def fork(self, own: Path, jobs: socket.socket) -> bool:
        """Ask for a zygote that serves ``jobs`` and has ``own`` as its folder; False if the server has ended."""
        try:
            socket.send_fds(self.requests, [f"{own}\n".encode()], [jobs.fileno()])
        except OSError:
            return False
        return True

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close this side of the socket, and wait for the server if this object started it."""
        self.requests.close()
        if self.process:
            ended(self.process)
