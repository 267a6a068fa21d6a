"""The trusted side's handle on a zygote: starts it, has it fork for each submission, and cleans up after each run."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.files import empty, remove
from grader.sandbox import SandboxError
from grader.sandbox.asserts import Test
from grader.sandbox.beside import Beside, Files
from grader.sandbox.clock import Clock
from grader.sandbox.conversation import CellRun, Conversation, Next, Pose
from grader.sandbox.forkserver import ENDS_WITHIN, PACKAGE, ForkServer, ended, new_folder, start
from grader.sandbox.handed import NONE, Handed
from grader.sandbox.limits import USUAL, Limits
from grader.sandbox.readable import readable
from grader.sandbox.watch import NEVER, Watch
from grader.words import SANDBOX

ANSWERS_WITHIN = 120.0  # seconds; the zygote answers first when it has imported torch, perhaps from a slow disk
HOMES = ("HOME", "TMPDIR", "IPYTHONDIR", "MPLCONFIGDIR")  # variables that name a fork's own folder
GRADING = {"NBGRADER_EXECUTION": "autograde"}  # as nbgrader sets it, for tests that ask
CLAIM = "gradient-course-grader"  # begins the names by which processors are claimed
NO_FILES: Mapping[str, bytes] = {}
MOST_CLAIMS = 64  # on one processor


@dataclass(frozen=True)
class Usage:
    """What one or several runs used: wall time and CPU time in seconds, and peak memory in bytes.

    memory: beyond what the zygote held when it forked.  A sum of Usages has the larger one.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.seconds + other.seconds, self.cpu + other.cpu, max(self.memory, other.memory))


class Zygote:
    """A process that has imported what submissions need, and forks for one run after another.

    confined: whether the forks are confined.
    fork_server: what it is forked from; if None, or if the server has ended, it is started afresh, which takes seconds.
    """

    def __init__(self, confined: bool = True, fork_server: ForkServer | None = None):
        self.confined = confined
        self.used = Usage()  # by the last run
        self.jobs, theirs = socket.socketpair()
        # For font lists and IPython's profile.  The zygote makes it, and removes it however this process ends.
        self.own = new_folder()
        self.works = self.own / "work"  # the only folder that forks can write to, emptied after each run
        self.files = Files(self.own / "files")
        self.pid = 0  # not known until the zygote is ready
        self.process: subprocess.Popen[bytes] | None = None
        with theirs:
            if fork_server is None or not fork_server.fork(self.own, theirs):
                self.process = start(theirs, self.own, package=PACKAGE)
        core: int | None = None
        self.claim: socket.socket | None = None
        if confined:
            core, self.claim = claimed_core()
        setup = {"readable": [str(path) for path in readable()], "confined": confined, "core": core}
        with contextlib.suppress(OSError):  # a zygote that could not start is noticed at the first run
            self.jobs.sendall(json.dumps(setup).encode() + b"\n")

    def close(self) -> None:
        """End the zygote, free its processor and remove its folder."""
        try:
            self.jobs.shutdown(socket.SHUT_WR)
            self.jobs.settimeout(ENDS_WITHIN)
            while self.jobs.recv(64):  # returns nothing once the zygote has ended
                pass
        except TimeoutError:
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
        except OSError:  # it has ended already
            pass
        self.jobs.close()
        if self.claim:
            self.claim.close()
        if self.process:
            ended(self.process)
        remove(self.own)

    @property
    def alive(self) -> bool:
        """Whether the zygote can still fork."""
        if self.jobs.fileno() < 0:  # closed
            return False
        try:
            self.jobs.setblocking(False)
            return bool(self.jobs.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.jobs.settimeout(ANSWERS_WITHIN)

    def run(
        self,
        cells: Sequence[str | Test],
        pose: Pose | Sequence[Pose],
        limits: Limits = USUAL,
        then: Next = lambda k, answers: None,
        handed: Handed = NONE,
        files: Mapping[str, bytes] = NO_FILES,
    ) -> list[CellRun]:
        """Run the cells of one notebook in a fork of its own; returns a CellRun for each cell.

        cells: sources of the submission, and tests of the instructor's.
        pose: maps the id that a cell's ``check`` was given to the calls to put to its answer; one for all cells, or a
            list with one for each.
        then: maps a cell's index and its answers so far to more calls, again and again until it returns none.
        handed: the functions that calls may hand over; a call with any other raises TypeError.
        files: the instructor's, which lie in the fork's work folder, as from names, with "/" for folders, to contents.
            The fork can read them and import modules from them.  Raises ValueError for a name that leads elsewhere.
        Sets ``used`` to what the run used.  Raises SandboxError if no fork can be made or confined, or if files of the
        last run could not be removed.
        """
        poses = list(pose) if isinstance(pose, Sequence) else [pose] * len(cells)
        if not self.pid:
            _, pid = self._line()
            self.pid = int(pid)
        if os.listdir(self.works):
            raise SandboxError(SANDBOX["not_emptied"].format(folder=self.works))
        self.files.lay(files, anew=not self.confined)  # an unconfined fork could have changed them
        work = tempfile.mkdtemp(dir=self.works)
        beside = Beside(Path(work), self.files)
        dated = (Path(work), self.works) if self.confined else ()  # an unconfined fork could reset these times
        for folder in dated:
            os.utime(folder, (NEVER, NEVER))
        ours, theirs = socket.socketpair()
        child, status, runs, start = 0, 0, [], time.monotonic()
        self.used = Usage()
        try:
            tests = any(isinstance(cell, Test) for cell in cells)
            child = self._fork(theirs, work, limits, tests, str(self.files.folder) if files else "")
            theirs.close()
            with Watch(child, self.works, dated, limits) as watch, Clock(child) as clock:
                runs = Conversation(ours, child, limits, watch, clock, handed, beside.put_back).cells(
                    cells, poses, then
                )
        finally:
            ours.close()
            beside.close()
            if child:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                try:
                    self.jobs.sendall(b"reap\n")
                except OSError as why:
                    raise SandboxError(SANDBOX["zygote_ended"]) from why
                ended, cpu, memory = self._line()
                status = int(ended)  # the fork's own status if it had ended before it was killed
                self.used = Usage(time.monotonic() - start, float(cpu), int(memory))
            empty(self.works)
        for run in runs:
            if run.breach == "ended" and watch.breach:
                run.breach = watch.breach
            elif run.breach == "ended":
                run.breach = "cpu" if status == -signal.SIGXCPU else "left" if status >= 0 else "ended"
        return runs

    def _fork(self, theirs: socket.socket, work: str, limits: Limits, tests: bool, files: str) -> int:
        job = {
            "work": work,
            "environment": dict.fromkeys(HOMES, work) | {"PATH": "", **GRADING},
            "limits": asdict(limits),
            "tests": tests,
            "files": files,
        }
        try:
            socket.send_fds(self.jobs, [json.dumps(job).encode() + b"\n"], [theirs.fileno()])
            return int(self._line()[0])
        except (OSError, ValueError) as why:
            raise SandboxError(SANDBOX["zygote_ended"]) from why

    def _line(self) -> list[str]:
        line = b""
        self.jobs.settimeout(ANSWERS_WITHIN)
        while not line.endswith(b"\n"):
            try:
                part = self.jobs.recv(64)
            except (TimeoutError, ConnectionError):
                part = b""
            if not part:
                raise SandboxError(SANDBOX["zygote_ended"])
            line += part
        return line.decode().split()


def claimed_core() -> tuple[int, socket.socket]:
    """Claim the least claimed processor that this process may use; returns it and a socket that holds the claim.

    A fork computes on one processor, however many threads it starts, so that it takes no more than its share of the
    machine.  A claim is an abstract socket name, which the kernel gives to one process at a time and frees when the
    socket is closed.  If no name can be had, any processor will do, since nobody can tell which one is free.
    """
    allowed = list(os.sched_getaffinity(0))
    random.SystemRandom().shuffle(allowed)  # containers on one machine share its processors, but not these names
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for taken, core in itertools.product(range(MOST_CLAIMS), allowed):
        with contextlib.suppress(OSError):
            claim.bind(f"\0{CLAIM}/core-{core}/{taken}")
            return core, claim
    return allowed[0], claim
