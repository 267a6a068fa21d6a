"""One submission's run as the trusted side sees it: cells go in, outputs and answers come out, nothing is believed."""

from __future__ import annotations

import base64
import contextlib
import functools
import itertools
import json
import os
import random
import signal
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader import maps
from grader.probe import Answer, Call
from grader.sandbox import SandboxError, codec, wire
from grader.sandbox.clock import Clock
from grader.sandbox.origin import ENDS_WITHIN, PACKAGE, Origin, ended, new_folder, start
from grader.sandbox.wire import plain_text
from grader.words import SANDBOX

ANSWERS_WITHIN = 120.0  # seconds; the first answer waits for the import of torch, on a slow disk
GRACE = 5.0  # seconds between asking a cell to stop and ending it
MOST_LINES = 100  # of a traceback
MOST_CHECKS = 1000  # that one cell may ask for
BETWEEN_LOOKS = 0.1  # seconds between looks at a fork's work folder and threads
NEVER = 0  # a time of change that no entry of a folder leaves, and that no fork can set
SMALLEST = 4096  # bytes that a file or folder counts at least
LONGEST_PATH = 1024  # bytes of a path within the work folder; Linux itself opens none above 4096
CLAIM = "gradient-course-grader"  # what the names of claimed processors begin with
MOST_CLAIMS = 64  # of one processor
SYSTEM = ("/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/dev/zero")


@dataclass(frozen=True)
class Limits:
    """What one submission may use.  Bytes, characters, and seconds as ``Clock`` counts them.

    reading_seconds, page_seconds: of the process that reads what was handed in and makes the feedback page.
    """

    cell_seconds: float = 20.0
    notebook_seconds: float = 120.0
    cpu_seconds: int = 120
    memory: int = 4 * 2**30
    file_size: int = 64 * 2**20
    open_files: int = 128
    work_size: int = 256 * 2**20
    threads: int = 64
    cell_output: int = 200_000
    notebook_output: int = 2_000_000
    reading_seconds: float = 30.0
    page_seconds: float = 30.0


@dataclass
class CellRun:
    """What came of one cell: nbformat-like outputs, the answers to the calls of its check, and what was breached.

    answers: one list for what its check was asked, then one for each time that more was asked, empty where the answer
        interrupted itself; none where its check was not asked.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    answers: list[list[Answer]] = field(default_factory=list)
    breach: str = ""  # a key of words.SANDBOX, or ""
    ran: bool = True


@dataclass(frozen=True)
class Usage:
    """What a run, or several, took: seconds on the clock, seconds of processor time, bytes of memory at the most.

    memory: beyond what the warm process held when it forked.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    memory: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.seconds + other.seconds, self.cpu + other.cpu, max(self.memory, other.memory))


# What is asked when a cell calls ``check``: the calls to pose, or None where nothing is to be posed.
Pose = Callable[[str], Sequence[Call] | None]
# What is asked next, if anything, when a cell, of this number, is done and has given these answers.
Next = Callable[[int, list[list[Answer]]], Sequence[Call] | None]


class Warm:
    """The warm process and the runs that it forks, one after another.

    origin: where it is forked from; without one, or where that is gone, it is started afresh, which takes seconds.
    """

    def __init__(self, confined: bool = True, origin: Origin | None = None):
        self.confined = confined
        self.used = Usage()  # by the last run
        self.jobs, theirs = socket.socketpair()
        # For lists of fonts and IPython's profile.  The process makes it, and removes it however this one ends.
        self.own = new_folder()
        self.works = self.own / "work"  # the one folder that forks can write to, emptied after each
        self.pid = 0  # known when it is ready
        self.process: subprocess.Popen[bytes] | None = None
        with theirs:
            if origin is None or not origin.fork(self.own, theirs):
                self.process = start(theirs, self.own, package=PACKAGE)
        core: int | None = None
        self.claim: socket.socket | None = None
        if confined:
            core, self.claim = claimed_core()
        setup = {"readable": [str(path) for path in readable()], "confined": confined, "core": core}
        with contextlib.suppress(OSError):  # one that could not start is noticed at the first run
            self.jobs.sendall(json.dumps(setup).encode() + b"\n")

    def close(self) -> None:
        """End the warm process."""
        try:
            self.jobs.shutdown(socket.SHUT_WR)
            self.jobs.settimeout(ENDS_WITHIN)
            while self.jobs.recv(64):  # the other end is closed when it has ended
                pass
        except TimeoutError:
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
        except OSError:  # it is gone
            pass
        self.jobs.close()
        if self.claim:
            self.claim.close()
        if self.process:
            ended(self.process)
        remove(self.own)

    @property
    def alive(self) -> bool:
        """Whether it can still fork."""
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
        cells: Sequence[str],
        pose: Pose | Sequence[Pose],
        limits: Limits = Limits(),
        then: Next = lambda k, answers: None,
    ) -> list[CellRun]:
        """Run the cells of one notebook in a fork of its own; see ``CellRun``.

        pose: for each cell, what its check is asked.  then: what is asked after it, until there is nothing more.
        Raises SandboxError where no fork can be had or confined.
        """
        poses = list(pose) if isinstance(pose, Sequence) else [pose] * len(cells)
        if not self.pid:
            _, pid = self._line()
            self.pid = int(pid)
        if os.listdir(self.works):
            raise SandboxError(SANDBOX["not_emptied"].format(folder=self.works))
        work = tempfile.mkdtemp(dir=self.works)
        dated = (Path(work), self.works) if self.confined else ()  # else a fork could set these times, too
        for folder in dated:
            os.utime(folder, (NEVER, NEVER))
        ours, theirs = socket.socketpair()
        child, status, runs, start = 0, 0, [], time.monotonic()
        self.used = Usage()
        try:
            child = self._fork(theirs, work, limits)
            theirs.close()
            with _Watch(child, self.works, dated, limits) as watch:
                runs = _Run(ours, child, limits, watch).cells(cells, poses, then)
        finally:
            ours.close()
            if child:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                try:
                    self.jobs.sendall(b"reap\n")
                except OSError as why:
                    raise SandboxError(SANDBOX["no_warm_process"]) from why
                ended, cpu, memory = self._line()
                status = int(ended)  # its own where it had ended before it was killed
                self.used = Usage(time.monotonic() - start, float(cpu), int(memory))
            empty(self.works)
        for run in runs:
            if run.breach == "ended" and watch.breach:
                run.breach = watch.breach
            elif run.breach == "ended":
                run.breach = "cpu" if status == -signal.SIGXCPU else "left" if status >= 0 else "ended"
        return runs

    def _fork(self, theirs: socket.socket, work: str, limits: Limits) -> int:
        job = {
            "work": work,
            "environment": {"HOME": work, "TMPDIR": work, "PATH": "", "IPYTHONDIR": work, "MPLCONFIGDIR": work},
            "limits": {
                "cpu": limits.cpu_seconds,
                "memory": limits.memory,
                "file_size": limits.file_size,
                "open_files": limits.open_files,
                "threads": limits.threads,
            },
        }
        try:
            socket.send_fds(self.jobs, [json.dumps(job).encode() + b"\n"], [theirs.fileno()])
            return int(self._line()[0])
        except (OSError, ValueError) as why:
            raise SandboxError(SANDBOX["no_warm_process"]) from why

    def _line(self) -> list[str]:
        line = b""
        self.jobs.settimeout(ANSWERS_WITHIN)
        while not line.endswith(b"\n"):
            try:
                part = self.jobs.recv(64)
            except (TimeoutError, ConnectionError):
                part = b""
            if not part:
                raise SandboxError(SANDBOX["no_warm_process"])
            line += part
        return line.decode().split()


def claimed_core() -> tuple[int, socket.socket]:
    """The least claimed processor that this process may use, and a socket that holds the claim while it is open.

    A fork computes on one processor, however many threads it starts, so that it takes no more than its share of the
    machine.  A claim is a name that the kernel gives to one process at a time, and takes back when that ends.  Where
    no name can be had, nobody can tell which processor is free, and any will do.
    """
    allowed = list(os.sched_getaffinity(0))
    random.SystemRandom().shuffle(allowed)  # containers on one machine share its processors, and not these names
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for taken, core in itertools.product(range(MOST_CLAIMS), allowed):
        with contextlib.suppress(OSError):
            claim.bind(f"\0{CLAIM}/core-{core}/{taken}")
            return core, claim
    return allowed[0], claim


class _Watch:
    """Looks at a running fork from outside, and ends it when its work folder or its threads exceed their limits.

    A thread of its own: a fork that stops in the middle of a frame keeps the conversation waiting, not this.

    works: all that the fork can write to.  dated: folders whose time is NEVER until something is made in them.
    """

    def __init__(self, child: int, works: Path, dated: Sequence[Path], limits: Limits):
        self.child, self.works, self.dated, self.limits = child, works, dated, limits
        self.breach = ""
        self.open = 0  # descriptors, when last looked at and found harmless
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        self.thread.join()  # afterwards the process is waited for, and its number may become another's

    def _look(self) -> None:
        while not self.over.wait(BETWEEN_LOOKS):
            if self.breached(mapped=True):
                os.kill(self.child, signal.SIGKILL)
                return

    def breached(self, mapped: bool = False) -> str:
        """The limit that is exceeded now, or was before, as a key of words.SANDBOX, or ''.

        Asked after each cell too: a cell may end between two looks.
        mapped: look at every open file and mapping; else at open files alone, and only where something was made in the
            folder or the number of descriptors has changed.
        """
        self.breach = self.breach or self._found(mapped)
        return self.breach

    def _found(self, mapped: bool) -> str:
        process = f"/proc/{self.child}"
        with contextlib.suppress(OSError):
            if os.stat(f"{process}/task").st_nlink - 2 > self.limits.threads:
                return "threads"
        untouched = _untouched(self.dated)
        size = 0 if untouched else _size_of(self.works, self.limits.work_size)
        left, nameless, now_open = self.limits.work_size - size, 0, _descriptors(process)
        if mapped or not untouched or not now_open or now_open != self.open:
            nameless = _unlinked(f"{process}/fd") if left >= 0 else 0
            self.open = 0 if nameless else now_open
        if mapped:
            nameless += _mapped(Path(process, "maps"), self.works) * self.limits.file_size
        return "work_size" if left < nameless or left < 0 else ""


def _untouched(dated: Sequence[Path]) -> bool:
    """Whether nothing was ever made in these folders, as in most submissions; False where there are none."""
    with contextlib.suppress(OSError):
        return bool(dated) and all(os.stat(folder).st_mtime == NEVER for folder in dated)
    return False


def _size_of(folder: Path, most: int) -> int:
    """Bytes that a folder takes on the disk, ``SMALLEST`` for each entry at least; counts no further than ``most``.

    A folder so deep that its path is too long to be opened would hide what is in it: it counts as too much.
    """
    size, folders = 0, [str(folder)]
    while folders and size <= most:
        inner = folders.pop()
        if len(os.fsencode(inner)) > len(os.fsencode(folder)) + LONGEST_PATH:
            return most + 1
        with contextlib.suppress(OSError):
            for entry in _entries(inner):
                with contextlib.suppress(OSError):
                    size += max(entry.stat(follow_symlinks=False).st_blocks * 512, SMALLEST)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                if size > most:
                    break
    return size


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder; one that its maker made unreadable is made readable first."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        yield from entries


def _descriptors(process: str) -> int:
    """How many descriptors a process has open; 0 where the kernel does not say so at once (before Linux 6.2)."""
    with contextlib.suppress(OSError):
        return os.stat(f"{process}/fd").st_size
    return 0


def _unlinked(descriptors: str) -> int:
    """Bytes of files that have no name any more and live as long as they are open."""
    size = 0
    with contextlib.suppress(OSError):
        for descriptor in os.scandir(descriptors):
            with contextlib.suppress(OSError):
                found = os.stat(descriptor.path)
                if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                    size += found.st_blocks * 512
    return size


def _mapped(maps: Path, folder: Path) -> int:
    """How many files of a folder have no name any more and live as long as they are mapped into memory.

    How large they are, only root is told.
    """
    with contextlib.suppress(OSError):
        lines = [line.split(maxsplit=5) for line in maps.read_bytes().splitlines()]
        ours = os.fsencode(folder)
        return len({line[4] for line in lines if line[-1].startswith(ours) and line[-1].endswith(b" (deleted)")})
    return 0


def remove(folder: Path) -> None:
    """Remove a folder and all that lies in it; see ``empty``."""
    empty(folder)
    with contextlib.suppress(OSError):
        folder.rmdir()


def empty(folder: Path) -> None:
    """Remove all that lies in a folder, however deep it is and whatever modes it holds.

    A folder's own folders are first moved up to the top: no path grows long, and nothing here calls itself.
    """
    names = itertools.count()
    with contextlib.suppress(OSError):
        waiting = [str(folder)]
        while waiting:
            inner = waiting.pop()
            for entry in list(_entries(inner)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                elif inner == str(folder):
                    waiting.append(entry.path)
                else:
                    os.chmod(entry.path, 0o700)  # a folder that may not be written cannot be moved
                    waiting.append(f"{folder}/{next(names)}.moved-{os.urandom(8).hex()}")
                    os.rename(entry.path, waiting[-1])
            if inner != str(folder):
                os.rmdir(inner)


class _Run:
    """The conversation with one fork."""

    def __init__(self, pipe: socket.socket, child: int, limits: Limits, watch: _Watch):
        self.pipe, self.child, self.limits, self.watch = pipe, child, limits, watch
        self.clock = Clock(child)
        self.begun = 0.0  # the clock when it became the fork's turn
        self.spent = 0.0  # seconds of all turns before; what passes while it waits for this side is not its own
        self.left = limits.notebook_output

    def cells(self, cells: Sequence[str], poses: Sequence[Pose], then: Next) -> list[CellRun]:
        try:
            message, _ = wire.receive(self.pipe, self._until(self.limits.notebook_seconds))
        except (wire.Broken, TimeoutError) as why:  # no foreign line has been run yet
            raise SandboxError(SANDBOX["no_start"]) from why
        if "unconfined" in message:
            raise SandboxError(SANDBOX["unconfined"].format(layer=message["unconfined"]))
        runs: list[CellRun] = []
        for k, (source, pose) in enumerate(zip(cells, poses, strict=True)):
            run, goes_on = self._cell(source, pose)
            runs.append(run)
            while goes_on and run.answers and (calls := then(k, run.answers)):
                goes_on = self._ask_again(run, calls)
            if not goes_on:
                break
        return runs + [CellRun(ran=False) for _ in cells[len(runs) :]]

    def _until(self, end: float) -> wire.Left:
        """What is left until the fork will have used so many seconds."""
        return lambda: end - self.clock.used()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[wire.Left]:
        """The fork's turn: what is left to it of a cell's time and of the notebook's."""
        self.begun = self.clock.used()
        try:
            yield self._until(self.begun + min(self.limits.cell_seconds, self.limits.notebook_seconds - self.spent))
        finally:
            self.spent += self.clock.used() - self.begun

    def _too_long(self) -> str:
        """The limit that was met where nothing is left of a turn, as a key of words.SANDBOX."""
        spent = self.spent + self.clock.used() - self.begun
        return "cell_time" if spent < self.limits.notebook_seconds else "notebook_time"

    def _cell(self, source: str, pose: Pose) -> tuple[CellRun, bool]:
        """Run one cell, and say whether the next can run.  Too long a cell is interrupted, and ended if it goes on."""
        with self._turn() as left:
            return self._run_cell(source, pose, left)

    def _run_cell(self, source: str, pose: Pose, left: wire.Left) -> tuple[CellRun, bool]:
        run, calls, asked = CellRun(), None, 0
        try:
            limit = max(0, min(self.limits.cell_output, self.left))
            wire.send(self.pipe, {"source": source, "limit": limit}, left=left)
            while True:
                try:
                    message, arrays = wire.receive(self.pipe, left)
                except TimeoutError:
                    if run.breach:  # it was told, and goes on
                        return run, False
                    run.breach = self._too_long()
                    os.kill(self.child, signal.SIGINT)
                    left = self._until(self.clock.used() + GRACE)
                    continue
                if "done" in message:
                    run.outputs, cut = outputs_from(message["done"], limit)
                    self.left -= sum(map(_size, run.outputs))
                    if cut and not run.breach:
                        run.breach = "output" if limit == self.limits.cell_output else "notebook_output"
                    if too_much := self.watch.breached():  # whether the watch came before the cell's end is chance
                        run.breach, run.answers = too_much, []
                        return run, False
                    return run, run.breach != "notebook_time"
                if "check" in message and asked < MOST_CHECKS:
                    asked += 1
                    again = bool(run.answers) or calls is not None  # the latter: an answer that checks itself
                    posed = None if again else pose(str(message["check"]))
                    self._pose(posed, left)
                    calls = calls if again else posed
                elif "answers" in message and calls is not None:
                    run.answers, calls = [answers_from(message["answers"], arrays, len(calls))], None
                else:
                    raise wire.Broken("a message that nobody asked for")
        except wire.Broken:
            run.breach = run.breach or "ended"
            return run, False

    def _ask_again(self, run: CellRun, calls: Sequence[Call]) -> bool:
        """Put more calls to the answer that a cell's check had, and say whether the next cell can run."""
        try:
            with self._turn() as left:
                self._pose(calls, left)
                message, arrays = wire.receive(self.pipe, left)
            given = message.get("answers")
            run.answers.append([] if "unanswered" in message else answers_from(given, arrays, len(calls)))
        except TimeoutError:
            run.breach = "cell_time" if self.spent < self.limits.notebook_seconds else "notebook_time"
        except wire.Broken:
            run.breach = "ended"
        return not run.breach or run.breach == "output"

    def _pose(self, calls: Sequence[Call] | None, left: wire.Left) -> None:
        arrays: codec.Arrays = {}
        message = None if calls is None else [codec.call_as_message(call, maps, arrays) for call in calls]
        wire.send(self.pipe, {"nothing": True} if message is None else {"calls": message}, arrays, left)


def answers_from(message: Any, arrays: codec.Arrays, count: int) -> list[Answer]:
    """The answers to ``count`` calls.  Raises Broken."""
    if not isinstance(message, list) or len(message) != count:
        raise wire.Broken("another number of answers")
    return [codec.answer_from_message(answer, arrays) for answer in message]


def outputs_from(message: Any, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """A cell's outputs as nbformat has them, plain text and pictures only, and whether some were cut off.

    limit: characters in all.  The confined side keeps to it, where nobody tampered with it.

    Raises Broken.  HTML, scripts and terminal codes of a student's are not shown to whoever reads the feedback.
    """
    if not isinstance(message, list):
        raise wire.Broken("outputs that are none")
    outputs, cut = [], False
    for output in message:
        if not isinstance(output, dict):
            raise wire.Broken("an output that is none")
        kind = output.get("output_type")
        if output.get("cut"):
            cut = True
        elif kind == "stream" and output.get("name") in ("stdout", "stderr"):
            outputs.append({"output_type": kind, "name": output["name"], "text": plain_text(output.get("text"))})
        elif kind in ("execute_result", "display_data"):
            data = output.get("data")
            kept = _shown(data) if isinstance(data, dict) else {}
            if kept:
                made = {"output_type": kind, "data": kept, "metadata": {}}
                outputs.append({**made, "execution_count": None} if kind == "execute_result" else made)
        elif kind == "error":
            lines = output.get("traceback")
            outputs.append(
                {
                    "output_type": kind,
                    "ename": plain_text(output.get("ename")),
                    "evalue": plain_text(output.get("evalue")),
                    "traceback": [plain_text(line) for line in lines[:MOST_LINES]] if isinstance(lines, list) else [],
                }
            )
        else:
            raise wire.Broken("an output of no kind")
        if outputs and (limit := limit - _size(outputs[-1])) < 0:
            return outputs[:-1], True
    return outputs, cut


def _size(output: Mapping[str, Any]) -> int:
    """Characters of an output's texts and pictures, and some for the output itself: a million empty ones are many."""
    texts = [*output.get("data", {}).values(), *output.get("traceback", ())]
    return 40 + sum(map(len, texts)) + sum(len(output.get(name, "")) for name in ("text", "ename", "evalue"))


def _shown(data: Mapping[str, Any]) -> dict[str, str]:
    """Of what a student's code displays: text, and a PNG that is one."""
    shown = {}
    if data.get("text/plain"):
        shown["text/plain"] = plain_text(data["text/plain"])
    png = data.get("image/png")
    if isinstance(png, str):
        with contextlib.suppress(ValueError):
            if base64.b64decode(png, validate=True).startswith(b"\x89PNG\r\n\x1a\n"):
                shown["image/png"] = png
    return shown


@functools.cache
def readable() -> list[Path]:
    """What a fork may read: the interpreter and its libraries, without this package and without what is beside it."""
    libraries = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    traces = {path for place in libraries for path in place.glob("*gradient_course_grader*")}
    # Other interpreters' packages, of which this one might be one, are nothing that a submission could import.
    stdlib = Path(sysconfig.get_path("stdlib"))
    others = {stdlib / "site-packages", Path("/usr/lib/python3/dist-packages")} - {*libraries, *map(Path, sys.path)}
    ours = {path.resolve() for path in (PACKAGE, *traces, *others)}
    places = [path for place in libraries for path in place.iterdir()]
    places += [stdlib, Path(sys.base_prefix) / "lib", *map(Path, SYSTEM)]
    found = (part for path in places for part in _without(path, ours))
    return list(dict.fromkeys(found))


def _without(path: Path, hidden: Iterable[Path]) -> Iterator[Path]:
    """The path, or, since a rule cannot take out a part of a folder, what lies in it beside the hidden ones.

    The package is in such a folder where it is installed into the interpreter's own libraries.
    """
    real = path.resolve()
    if real in hidden or not real.exists():
        return
    if any(real in inner.parents for inner in hidden):
        for part in real.iterdir():
            yield from _without(part, hidden)
    else:
        yield path
