"""What lies around a submission and must not change (files, a process, servers), and what is seen of a run."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_CHILD_SUBREAPER = 36

_VICTIM = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)  # whoever is of the same user may look, as by default
kept = ctypes.create_string_buffer(os.environ["HUB_TOKEN"].encode(), 64)
print(ctypes.addressof(kept), flush=True)
for line in sys.stdin:
    print(kept.value.decode(), flush=True)
"""


@dataclass
class Seen:
    """What came of one notebook, in whichever way it was graded."""

    honest: dict[str, float]
    scores: dict[str, float] = field(default_factory=dict)
    notebook: NotebookNode | None = None
    raised: str = ""
    changed: list[str] = field(default_factory=list)
    alive: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0  # that grading took
    long: float = 1e9  # seconds that an endless attack lasts

    def outputs(self, graded: bool = False) -> list[dict[str, Any]]:
        """All outputs, or those of graded cells."""
        cells = self.notebook.cells if self.notebook else []
        return [
            output
            for cell in cells
            if not graded or cell.metadata.get("nbgrader", {}).get("grade")
            for output in cell.get("outputs", [])
        ]

    def text(self, graded: bool = False) -> str:
        return "\n".join(map(str, self.outputs(graded)))


class World:
    """A course folder, a home folder, a process of the same user, and servers, all holding one token."""

    def __init__(self, folder: Path):
        self.token = "token-" + secrets.token_hex(8)
        self.root, self.tmp, self.scratch = folder / "canary", folder / "tmp", folder / "scratch"
        for made in (self.tmp, self.scratch):
            made.mkdir()
        os.environ["JUPYTERHUB_API_TOKEN"] = self.token
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of a run become children of this process
        self.kept_processes: set[int] = set()
        self.before = set(self._children())
        self.shm = Path("/dev/shm") / self.token
        self.servers: list[socket.socket] = []
        self.make()

    def make(self) -> None:
        """Everything in its first state."""
        for name in ("solutions/05", "submitted/ada/05", "code", "code/__pycache__", "site-packages", "home/.ssh"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        (self.root / "home/.ipython/profile_default/startup").mkdir(parents=True, exist_ok=True)
        for name in ("solutions/05/05.txt", "submitted/ada/05/05.txt", ".course_secret", "home/.ssh/id"):
            (self.root / name).write_text(self.token)
        (self.root / "submitted" / self.token).touch()
        (self.root / "code/stolen.py").write_text(f"VALUE = {self.token!r}\nprint(VALUE)\n")
        (self.root / "code/__pycache__/stolen.pyc").write_text(self.token)
        with contextlib.closing(sqlite3.connect(self.root / "gradebook.db")) as db, db:
            db.execute("create table grades (student, score)")
            db.execute("insert into grades values (?, 0)", [self.token])
        self.victim = subprocess.Popen(
            [sys.executable, "-c", _VICTIM], stdin=-1, stdout=-1, text=True, env={"HUB_TOKEN": self.token}
        )
        self.victim_address = int(self.victim.stdout.readline())
        self.segment = _LIBC.shmget(0, 4096, 0o1600)
        _LIBC.shmat.restype = ctypes.c_void_p
        where = _LIBC.shmat(self.segment, None, 0)
        ctypes.memmove(where, self.token.encode() + b"\0", len(self.token) + 1)
        _LIBC.shmdt(ctypes.c_void_p(where))
        tcp, abstract, unix = (socket.socket(kind) for kind in (socket.AF_INET, socket.AF_UNIX, socket.AF_UNIX))
        tcp.bind(("127.0.0.1", 0))
        abstract.bind("\0" + self.token)
        unix.bind(str(self.root / "home" / "agent"))
        self.servers = [tcp, abstract, unix]
        for server in self.servers:
            server.listen()
            threading.Thread(target=self._serve, args=[server], daemon=True).start()
        self.first = self.digest()

    def _serve(self, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                connection.sendall(self.token.encode())
                connection.close()

    def prelude(self, long: float) -> str:
        """The first own cell of every attack: where things are."""
        return (
            f"CANARY, SHM, ABSTRACT = {str(self.root)!r}, {str(self.shm)!r}, {chr(0) + self.token!r}\n"
            f"VICTIM, VICTIM_ADDRESS, SEGMENT = {self.victim.pid}, {self.victim_address}, {self.segment}\n"
            f"PORT, LONG = {self.servers[0].getsockname()[1]}, {long}"
        )

    def digest(self) -> dict[str, str]:
        """All that must stay as it is."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            status = path.lstat()
            content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
            attributes = os.listxattr(path, follow_symlinks=False)
            what = (
                status.st_mode,
                status.st_uid,
                status.st_nlink,
                status.st_size,
                status.st_mtime_ns,
                attributes,
                content,
            )
            found[str(path)] = str(what) if not path.is_dir() else str(status.st_mode)
        found["process"] = self._victim()
        found["segment"] = str(_LIBC.shmctl(self.segment, 2, ctypes.create_string_buffer(512)))
        found["shared memory"] = str(self.shm.exists())
        return found

    def _victim(self) -> str:
        if self.victim.poll() is not None:
            return "ended"
        pid = self.victim.pid
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        if state in "Tt":
            return "stopped"
        self.victim.stdin.write("\n")
        self.victim.stdin.flush()
        kept = self.victim.stdout.readline()
        limits = [line for line in Path(f"/proc/{pid}/limits").read_text().splitlines() if "open files" in line]
        return str((kept, os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid), limits))

    def changes(self) -> list[str]:
        now = self.digest()
        return [name for name in {**self.first, **now} if self.first.get(name) != now.get(name)]

    def mend(self) -> None:
        """Everything in its first state again, after an attack was allowed to work."""
        from grader.files import empty, remove

        self._end()
        remove(self.root)
        for path in self.tmp.iterdir():
            if path.name.startswith("zygote-"):  # the home of a process that is to go on
                empty(path / "work")
            else:
                remove(path)
        self.make()

    def keep(self, *pids: int) -> None:
        """Processes that the tests themselves started."""
        self.kept_processes |= set(pids)

    def alive(self) -> list[int]:
        """Processes that were not there before and have not ended, other than the tests' own."""
        known = {*self.kept_processes, self.victim.pid, *self.before}
        found = []
        for pid, (state, _) in self._children().items():
            if pid not in known and state != "Z":
                found.append(pid)
            elif pid not in known:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
        return found

    def family(self, pid: int) -> list[int]:
        """A process's descendants, those of its zygote process included."""
        found, waiting = [], [pid]
        while waiting:
            more = list(self._children({waiting.pop()}))
            found, waiting = found + more, waiting + more
        return found

    def _children(self, of: set[int] | None = None) -> dict[int, tuple[str, int]]:
        parents = of or {os.getpid(), *self.kept_processes}
        found = {}
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    state, parent = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:2]
                    if int(parent) in parents:
                        found[int(entry.name)] = (state, int(parent))
        return found

    def end_leftovers(self) -> None:
        """End what an attack that was allowed to work has left running: only what is in ``alive``."""
        for _ in range(100):
            left = self.alive()
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def left(self) -> list[str]:
        """Work folders that were not removed."""
        return [path.name for path in self.tmp.glob("zygote-*/work/*")]

    def work_here(self) -> None:
        tempfile.tempdir = str(self.tmp)

    def _end(self) -> None:
        for server in self.servers:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
        self.victim.kill()
        self.victim.communicate()
        _LIBC.shmctl(self.segment, 0, None)
        self.shm.unlink(missing_ok=True)

    def close(self) -> None:
        self.end_leftovers()
        self._end()
        tempfile.tempdir = None
        del os.environ["JUPYTERHUB_API_TOKEN"]
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
