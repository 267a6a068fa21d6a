"""A student's folder: lessons and released exercises, no solutions, and nothing of the student's overwritten."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import nbformat
from nbformat.sign import NotebookNotary
from nbgrader.coursedir import CourseDirectory

from grader import progress
from grader.canonical import text
from grader.classroom import CourseError
from grader.files import write_whole
from grader.nbgrader import course, released
from grader.words import COMMANDS

START = "course/start.ipynb"  # the page that shows the way through the course
EXERCISES = "exercises"  # the students' name for the released units, whatever the course's own folder is called
RECORD = ".handout.json"  # in the student's folder: ``{file: digest}`` of what was laid out


@dataclass
class HandedOut:
    """What was done with the files of a student's folder, by their names in it.

    kept: those that stay because the student has changed them, although the course has a newer version.
    """

    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def lay_out(root: Path, folder: Path, exercises: bool = True) -> HandedOut:
    """Lay out a student's folder, or bring it up to date: lessons, start page and released units of a course.

    root: the course's folder.  folder: the student's, which is made if it is missing.  exercises: False leaves out the
        exercises, which nbgrader's exchange brings, say.
    A file that the student has changed is never replaced; running a notebook does not change it, only editing does.
    Raises CourseError if the folder is a course's or nothing has been released, and OSError.
    """
    if (folder / course.CONFIG).exists():
        raise CourseError(COMMANDS["handout_into_course"].format(folder=folder, config=course.CONFIG))
    given = dict(_files(root, course.directory(root)))
    if not exercises:
        given = {name: content for name, content in given.items() if not name.startswith(f"{EXERCISES}/")}
    elif not any(name.startswith(f"{EXERCISES}/") for name in given):
        raise CourseError(COMMANDS["handout_nothing"].format(root=root))
    before, done = _record(folder), HandedOut()
    now: dict[str, str] = {}
    for name, content in given.items():
        path, digest = folder / name, _digest(name, content)
        there = _digest(name, path.read_bytes()) if path.exists() else None
        if there not in (None, digest, before.get(name)):
            now[name] = before.get(name, "")
            if before.get(name) != digest:
                done.kept.append(name)
            continue
        now[name] = digest
        if there != digest:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
            (done.updated if there else done.new).append(name)
    write_whole(folder / RECORD, json.dumps(before | now, indent=0, sort_keys=True) + "\n")
    if START not in done.kept and now.get(START):
        _show_progress(folder / START)
    return done


def _files(root: Path, dirs: CourseDirectory) -> Iterator[tuple[str, bytes]]:
    """(name in the student's folder, content) of everything that students get."""
    lessons = {lesson for pack in released.packs(dirs).packs for lesson in pack.lessons.values()}
    for name in sorted({START, *lessons}):
        if "://" not in name and (root / name).is_file():
            yield name, (root / name).read_bytes()
    for unit in course.units(root):
        folder = released.folder(dirs, unit)
        for path in sorted(folder.rglob("*")):
            inner = path.relative_to(folder)
            if path.is_file() and not any(fnmatch(part, pattern) for part in inner.parts for pattern in dirs.ignore):
                yield f"{EXERCISES}/{unit}/{inner.as_posix()}", path.read_bytes()


def _record(folder: Path) -> dict[str, str]:
    """What was laid out before; nothing if the record cannot be read: then what differs counts as the student's."""
    try:
        return {str(name): str(digest) for name, digest in json.loads((folder / RECORD).read_text("utf-8")).items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _digest(name: str, content: bytes) -> str:
    """A digest of a file; of a notebook only that of its cells' sources, since running it changes all else."""
    if name.endswith(".ipynb"):
        with contextlib.suppress(ValueError, LookupError, TypeError):
            cells = json.loads(content)["cells"]
            sources = [[cell["cell_type"], "".join(cell["source"])] for cell in cells]
            content = json.dumps(sources).encode()
    return hashlib.sha256(content).hexdigest()


def _show_progress(path: Path) -> None:
    """Put the present progress below the start page's cell that calls ``progress()``, as if it had just been run."""
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "code" and cell.source.endswith("progress()"):
            with contextlib.chdir(path.parent):  # links lead from the page's folder
                shown = progress()._repr_mimebundle_()
            cell.outputs = [nbformat.v4.new_output("execute_result", shown, execution_count=None)]
    write_whole(path, text(nb))
    with contextlib.suppress(OSError):  # a home that cannot be written: the table then has no colors
        NotebookNotary().sign(nb)
