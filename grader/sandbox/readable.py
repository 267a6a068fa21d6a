"""Which files a fork may read: the interpreter and its libraries, but nothing of this package."""

from __future__ import annotations

import functools
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from grader.sandbox.forkserver import PACKAGE

SYSTEM = ("/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/dev/zero")


@functools.cache
def readable() -> list[Path]:
    """Files and folders that a fork may read: the interpreter and its libraries.

    Left out are this package, its installation's metadata, and packages that this interpreter does not import.
    """
    libraries = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    traces = {path for place in libraries for path in place.glob("*gradient_course_grader*")}
    # A submission cannot import other interpreters' packages, and this package may be installed among them.
    stdlib = Path(sysconfig.get_path("stdlib"))
    others = {stdlib / "site-packages", Path("/usr/lib/python3/dist-packages")} - {*libraries, *map(Path, sys.path)}
    ours = {path.resolve() for path in (PACKAGE, *traces, *others)}
    places = [path for place in libraries for path in place.iterdir()]
    places += [stdlib, Path(sys.base_prefix) / "lib", *map(Path, SYSTEM)]
    found = (part for path in places for part in _without(path, ours))
    return list(dict.fromkeys(found))


def _without(path: Path, hidden: Iterable[Path]) -> Iterator[Path]:
    """The path itself, or, if hidden paths lie in it, everything in it but those.

    A rule cannot exclude a part of a folder, and the package may be installed into the interpreter's own libraries.
    """
    real = path.resolve()
    if real in hidden or not real.exists():
        return
    if any(real in inner.parents for inner in hidden):
        for part in real.iterdir():
            yield from _without(part, hidden)
    else:
        yield path
