"""Watch a running fork from outside, and end it when its files or its threads exceed their limits."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

from grader.files import entries
from grader.sandbox.limits import Limits

BETWEEN_LOOKS = 0.1  # seconds between looks at a fork's work folder and threads
NEVER = 0  # a modification time that making an entry in a folder replaces, and that no confined fork can set again
SMALLEST = 4096  # bytes; a smaller file or folder counts as this
LONGEST_PATH = 1024  # bytes of a path within the work folder; Linux opens no path above 4096


class Watch:
    """Looks at a running fork from outside, and kills it when its work folder or its threads exceed their limits.

    It runs in a thread of its own, which goes on when a fork stops in the middle of a frame and the conversation waits.

    child: the fork's process id.  works: the folder that holds all that the fork can write.
    dated: folders whose modification time is NEVER until something is made in them; may be empty.
    """

    def __init__(self, child: int, works: Path, dated: Sequence[Path], limits: Limits):
        self.child, self.works, self.dated, self.limits = child, works, dated, limits
        self.breach = ""
        self.open = 0  # number of open descriptors when they were last found harmless
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.over.set()
        self.thread.join()  # before the process is reaped: its id may then be another's

    def _look(self) -> None:
        while not self.over.wait(BETWEEN_LOOKS):
            if self.breached(mapped=True):
                os.kill(self.child, signal.SIGKILL)
                return

    def breached(self, mapped: bool = False) -> str:
        """The limit that is or was exceeded, as a key of words.SANDBOX; '' if none.

        Also to be called after each cell, which may end between two looks.
        mapped: look at all open files and mappings.  By default only open files are looked at, and only if something
            was made in the folder or the number of descriptors has changed.
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
    """Whether nothing was ever made in these folders, as in most submissions; False if there are no such folders."""
    with contextlib.suppress(OSError):
        return bool(dated) and all(os.stat(folder).st_mtime == NEVER for folder in dated)
    return False


def _size_of(folder: Path, most: int) -> int:
    """Bytes that a folder takes on the disk, at least ``SMALLEST`` for each entry; stops counting above ``most``.

    A path too long to be opened would hide what is in it, so a folder with a path near that counts as too much.
    """
    size, folders = 0, [str(folder)]
    while folders and size <= most:
        inner = folders.pop()
        if len(os.fsencode(inner)) > len(os.fsencode(folder)) + LONGEST_PATH:
            return most + 1
        with contextlib.suppress(OSError):
            for entry in entries(inner):
                with contextlib.suppress(OSError):
                    size += max(entry.stat(follow_symlinks=False).st_blocks * 512, SMALLEST)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                if size > most:
                    break
    return size


def _descriptors(process: str) -> int:
    """The number of a process's open descriptors; 0 where the kernel does not give it (before Linux 6.2)."""
    with contextlib.suppress(OSError):
        return os.stat(f"{process}/fd").st_size
    return 0


def _unlinked(descriptors: str) -> int:
    """Bytes on the disk of files that are deleted but still open."""
    size = 0
    with contextlib.suppress(OSError):
        for descriptor in os.scandir(descriptors):
            with contextlib.suppress(OSError):
                found = os.stat(descriptor.path)
                if stat.S_ISREG(found.st_mode) and not found.st_nlink:
                    size += found.st_blocks * 512
    return size


def _mapped(functions: Path, folder: Path) -> int:
    """The number of files of a folder that are deleted but still mapped into memory.

    functions: the process's ``maps`` in ``/proc``.  Only root can learn how large these files are.
    """
    with contextlib.suppress(OSError):
        lines = [line.split(maxsplit=5) for line in functions.read_bytes().splitlines()]
        ours = os.fsencode(folder)
        return len({line[4] for line in lines if line[-1].startswith(ours) and line[-1].endswith(b" (deleted)")})
    return 0
