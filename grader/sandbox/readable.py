"""Which files a fork may read: the interpreter and its libraries, but not this package, and no packs of questions."""

from __future__ import annotations

import functools
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from grader.sandbox.forkserver import PACKAGE

SYSTEM = ("/usr/lib", "/lib", "/lib64", "/usr/lib64", "/usr/share/zoneinfo", "/dev/null", "/dev/urandom", "/dev/zero")
PACKS = "grader.packs"  # the group of entry points by which an installed distribution offers questions


@functools.cache
def readable() -> list[Path]:
    """Files and folders that a fork may read: the interpreter and its libraries.

    Left out are this package, its installation's metadata, all distributions that offer questions, and packages that
    this interpreter does not import.
    """
    libraries = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    traces = {path for place in libraries for path in place.glob("*gradient_course_grader*")}
    # A submission cannot import other interpreters' packages, and this package may be installed among them.
    stdlib = Path(sysconfig.get_path("stdlib"))
    others = {stdlib / "site-packages", Path("/usr/lib/python3/dist-packages")} - {*libraries, *map(Path, sys.path)}
    ours = {path.resolve() for path in (PACKAGE, *traces, *others)} | packs()
    places = [path for place in libraries for path in place.iterdir()]
    places += [stdlib, Path(sys.base_prefix) / "lib", *map(Path, SYSTEM)]
    found = (part for path in places for part in without(path, ours))
    return list(dict.fromkeys(found))


def packs() -> set[Path]:
    """Everything that belongs to installed distributions that offer questions: what they installed, at the top level,
    and the folders that their modules are really in, which are elsewhere if an installation is editable.
    """
    found = set[Path]()
    for distribution in distributions():
        offered = distribution.entry_points.select(group=PACKS)
        if offered:
            installed = set(_installed(distribution))
            names = {entry.value.partition(":")[0].partition(".")[0].strip() for entry in offered}
            names |= {path.stem for path in installed if path.suffix in ("", ".py") and path.stem.isidentifier()}
            found |= installed.union(*map(_sources, names))
    return {path.resolve() for path in found}


def _installed(distribution: Distribution) -> Iterator[Path]:
    """The files that were installed with a distribution, a folder in place of all that is in it."""
    for file in distribution.files or ():
        # What lies outside of the library (commands) or in a folder that others write to as well is named singly.
        alone = file.parts[0] in ("..", "/", "__pycache__")
        yield Path(str(distribution.locate_file(file if alone else file.parts[0])))


def _sources(name: str) -> Iterator[Path]:
    """Where a top-level module or package is imported from."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # it cannot be imported, or a module of that name has no spec
        return
    if spec and spec.submodule_search_locations is not None:
        yield from map(Path, spec.submodule_search_locations)
    elif spec and spec.origin and spec.has_location:
        yield Path(spec.origin)
        yield Path(cache_from_source(spec.origin))


def without(path: Path, hidden: Iterable[Path]) -> Iterator[Path]:
    """The path itself, or, if hidden paths lie in it, everything in it but those.

    A rule cannot exclude a part of a folder, and the package may be installed into the interpreter's own libraries.
    """
    real = path.resolve()
    if real in hidden or not real.exists():
        return
    if any(real in inner.parents for inner in hidden):
        for part in real.iterdir():
            yield from without(part, hidden)
    else:
        yield path
