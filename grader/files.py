"""Files that are never half-written: a reader finds either the old one or the new one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_whole(path: Path, text: str, mode: int | None = None) -> None:
    """Write text as UTF-8 beside ``path``, then put it in its place in one step.

    mode: of the file; None keeps that of the old one.
    Raises OSError as open and rename do, and leaves no temporary file behind.
    """
    with _beside(path, mode) as file:
        file.write(text.encode("utf-8"))


def copy_whole(source: Path, path: Path, mode: int | None = None) -> None:
    """Copy a file, which is not to be a link, to ``path`` in one step; see ``write_whole``."""
    with (
        os.fdopen(os.open(source, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as old,
        _beside(path, mode) as new,
    ):
        shutil.copyfileobj(old, new)


@contextmanager
def _beside(path: Path, mode: int | None) -> Iterator[BinaryIO]:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".whole-")  # its own name may be as long as one can be
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is None:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
