"""How zygotes are started: each by itself, or forked from a fork server that has imported already what they need.

Imports nothing that takes long, so that a command can start with this.
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
    """A name for a process's own folder, which it makes and removes."""
    return Path(tempfile.gettempdir()) / f"zygote-{secrets.token_hex(8)}"


def start(stdin: socket.socket, own: Path, *arguments: str, package: Path = PACKAGE) -> subprocess.Popen[bytes]:
    """Start ``zygote_process.py``; see its ``main``."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }
    return subprocess.Popen(
        [sys.executable, "-I", str(package / "sandbox" / "zygote_process.py"), str(own), *arguments],
        stdin=stdin.fileno(),
        env=environment,
        start_new_session=True,  # Ctrl-C stops whoever grades; in a student's cell it would be an error of his
    )


def ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that has no more to do, but not for ever."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(ENDS_WITHIN)
    process.kill()
    process.wait()


class ForkServer:
    """A process from which zygotes are forked: what they import is imported once, and lies in memory once.

    requests: its socket.  It ends when nobody has that open any more; those that it forked go on.
    """

    def __init__(self, requests: socket.socket):
        self.requests = requests
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def started(cls) -> ForkServer | None:
        """A new one, of use after some seconds; None but on Linux: elsewhere such sockets keep no message apart."""
        if sys.platform != "linux":
            return None
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        made = cls(ours)
        with theirs:
            made.process = start(theirs, new_folder(), "server")
        return made

    def fork(self, own: Path, jobs: socket.socket) -> bool:
        """Ask for a process with this folder, which it is to make, that serves this socket; False where it is gone."""
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
        """Need it no longer."""
        self.requests.close()
        if self.process:
            ended(self.process)
