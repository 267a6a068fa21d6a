"""The files handed in beside a notebook: regular files, within limits of number, size and depth."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from grader.words import COMMANDS

TIMESTAMP = "timestamp.txt"
LONGEST_TIMESTAMP = 4096  # bytes
# Number of files and folders, bytes of all files, nested folders, bytes of a name.
MOST_BESIDE, LARGEST_BESIDE, DEEPEST, LONGEST_NAME = 1_000, 100_000_000, 16, 1_000


class TooMuch(ValueError):
    """The files beside a notebook exceed a limit; the message says which."""


def files(folder: Path, ignored: Sequence[str], strict: bool = False) -> dict[str, Path]:
    """``{name: file}`` of all regular files in a folder and the folders in it, sorted by name.

    ignored: patterns of names to leave out.  strict: whether a link, a pipe or a device raises TooMuch; otherwise it is
    left out.  A link could lead to anyone's file.  Raises TooMuch if a limit is exceeded, and OSError.
    """
    # Not recursive, since folders can be nested a thousand deep.
    found, waiting, size, seen = dict[str, Path](), [""], 0, 0
    while waiting:
        inner = waiting.pop()
        with os.scandir(folder / inner) as entries:
            for entry in entries:
                name = f"{inner}{entry.name}"
                seen += 1
                if seen > MOST_BESIDE:
                    raise TooMuch(COMMANDS["too_many_files"].format(most=MOST_BESIDE))
                # nbgrader's ``is_ignored`` uses the folder's name as a pattern, and lists the folder for each file.
                if any(fnmatch(entry.name, pattern) for pattern in ignored):
                    continue
                if name.count("/") > DEEPEST or len(os.fsencode(name)) > LONGEST_NAME:
                    raise TooMuch(COMMANDS["too_deep"].format(most=DEEPEST))
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    if not os.access(entry.path, os.R_OK):
                        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name)
                    size += entry.stat(follow_symlinks=False).st_size
                    found[name] = Path(entry.path)
                    if size > LARGEST_BESIDE:
                        raise TooMuch(COMMANDS["too_large_beside"].format(most=LARGEST_BESIDE // 10**6))
                elif strict:
                    raise TooMuch(COMMANDS["no_file_beside"])
    return dict(sorted(found.items()))
