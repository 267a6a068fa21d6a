"""What lies beside a notebook, and comes along with it: regular files, of bounded number, size and depth."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from grader.words import COMMANDS

TIMESTAMP = "timestamp.txt"
LONGEST_TIMESTAMP = 4096  # bytes
# Files and folders, bytes of all, folders within one another, bytes of a name.
MOST_BESIDE, LARGEST_BESIDE, DEEPEST, LONGEST_NAME = 1_000, 100_000_000, 16, 1_000


class TooMuch(ValueError):
    """More lies beside a notebook than is taken along; the message says of what."""


def files(folder: Path, ignored: Sequence[str], strict: bool = False) -> dict[str, Path]:
    """``{name: file}`` of all regular files in a folder, those in its folders too, but for ignored ones.

    strict: whether a link, a pipe or a device is too much; else it is left.  A link could lead to anyone's file.
    Nothing here calls itself: folders can lie a thousand deep.  Raises OSError and TooMuch.
    """
    found, waiting, size, seen = dict[str, Path](), [""], 0, 0
    while waiting:
        inner = waiting.pop()
        with os.scandir(folder / inner) as entries:
            for entry in entries:
                name = f"{inner}{entry.name}"
                seen += 1
                if seen > MOST_BESIDE:
                    raise TooMuch(COMMANDS["too_many_files"].format(most=MOST_BESIDE))
                # nbgrader's ``is_ignored`` takes the folder's name for a pattern, and lists the folder for each file.
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
