"""Writes files that are never left half-written, opens files without following links, empties folders of any depth."""

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
    """Replace the file ``path`` in one step: write a temporary file beside it, then rename that.

    text: bytes, or a str to be written as UTF-8.
    mode: the file's permissions; None keeps those of the file that is replaced, or uses 0o644 if there is none.
    flush: True makes sure that the content is on the disk before the rename; for many files, see ``flush_all``.
    Raises OSError; then the old file is unchanged and no temporary file is left behind.
    """
    with _beside(path, mode, flush) as file:
        file.write(text.encode("utf-8") if isinstance(text, str) else text)


def flush_all(folder: Path) -> None:
    """Flush everything written to the file system that holds ``folder`` to the disk.  Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(handle):  # syncfs(2)
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(folder))
    except AttributeError:  # not Linux, so there is no syncfs
        os.sync()
    finally:
        os.close(handle)


def copy_whole(source: Path, path: Path, mode: int | None, folder: Path, most: int) -> None:
    """Copy a file to ``path`` in one step, without flushing it.

    source, folder: as for ``opened``.  mode: as for ``write_whole``.  most: the largest size allowed, in bytes.
    Raises OSError if ``opened`` refuses the source, if it is larger than ``most``, or if the copy cannot be written.
    """
    with opened(source, folder) as old, _beside(path, mode, False) as new:
        left = most
        while part := old.read(2**20):
            left -= len(part)
            if left < 0:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(source))
            new.write(part)


def opened(path: Path, folder: Path) -> BufferedReader:
    """Open a regular file for reading, in binary.

    ``path`` must not be a symbolic link; if it is within ``folder``, neither may any folder between the two (checked on
    systems with /proc), since the owner of the folder may change it at any moment.  Never blocks, not even on a pipe.
    Raises OSError, also for anything but a regular file.
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
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".whole-")  # ``path.name`` as prefix might be too long
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
    """The entries of a folder, which is made readable first in case its owner had taken that permission away."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        yield from entries


def remove(folder: Path) -> None:
    """Remove a folder and everything in it, as far as possible; see ``empty``."""
    empty(folder)
    with contextlib.suppress(OSError):
        folder.rmdir()


def empty(folder: Path) -> None:
    """Remove everything in a folder, to any depth and whatever the permissions inside.

    Inner folders are first moved up to the top, so that paths stay short and no recursion is needed.
    Never raises OSError: it stops at the first entry that cannot be removed.
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
                    os.chmod(entry.path, 0o700)  # moving a folder takes write permission on it
                    waiting.append(f"{folder}/{next(names)}.moved-{os.urandom(8).hex()}")
                    os.rename(entry.path, waiting[-1])
            if inner != str(folder):
                os.rmdir(inner)
