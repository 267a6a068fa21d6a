"""Which files a fork may read: the interpreter and its libraries, and nothing of this package."""

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
