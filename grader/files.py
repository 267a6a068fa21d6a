"""Files that are never half-written, opened without following links, and folders emptied whatever they hold."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, text: str | bytes, mode: int | None = None, flush: bool = True) -> None:
    """Write bytes, or text as UTF-8, beside ``path``, then put it in its place in one step.

    mode: of the file; None keeps that of the old one.  flush: whether it is on the disk at the end; see ``flush_all``.
    Raises OSError as open and rename do, and leaves no temporary file behind.
    """
    with _beside(path, mode, flush) as file:
        file.write(text.encode("utf-8") if isinstance(text, str) else text)


def flush_all(folder: Path) -> None:
    """Have on the disk all that was written to the file system of a folder.  Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle):  # syncfs(2)
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    except AttributeError:  # but on Linux
        os.sync()
    finally:
        os.close(handle)


def copy_whole(source: Path, path: Path, mode: int | None, folder: Path, most: int) -> None:
    """Copy a file to ``path`` in one step, unflushed; see ``write_whole``, and ``opened`` for what is no such file.

    most: bytes; a file that has grown beyond raises OSError.
    """
    with opened(source, folder) as old, _beside(path, mode, False) as new:
        left = most
        while part := old.read(2**20):
            left -= len(part)
            if left < 0:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(source))
            new.write(part)


def opened(path: Path, folder: Path) -> BufferedReader:
    """A regular file, open for reading.

    One within ``folder`` must lie just where its name says, with no link on the way: whoever owns the folder may change
    what lies there at any moment.  Nothing is waited for.  Raises OSError.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, flags)
    place = f"/proc/self/fd/{handle}"
    is_there = True
    if path.is_relative_to(folder) and os.path.exists(place):
        is_there = os.readlink(place) == os.path.join(os.path.realpath(folder), path.relative_to(folder))
    if not stat.S_ISREG(os.fstat(handle).st_mode) or not is_there:
        os.close(handle)
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return os.fdopen(handle, "rb")


@contextmanager
def _beside(path: Path, mode: int | None, flush: bool) -> Iterator[BinaryIO]:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".whole-")  # its own name may be as long as one can be
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if flush:
                file.flush()
                os.fsync(file.fileno())
        if mode is None:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """What lies in a folder; one that its maker made unreadable is made readable first."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        yield from entries


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
            for entry in list(entries(inner)):
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
