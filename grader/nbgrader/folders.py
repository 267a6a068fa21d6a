"""The folders of a course: what students handed in, read with care, and what grading writes.

Whatever lies in ``submitted/`` a student has put there, its names and what it is included.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_files
from traitlets.config import Config

from grader.classroom import submission, timestamp
from grader.classroom.supplementary import LARGEST_BESIDE, LONGEST_TIMESTAMP, TIMESTAMP, TooMuch, files
from grader.files import copy_whole, flush_all, opened, remove, write_whole
from grader.nbgrader import course
from grader.nbgrader.job import Graded
from grader.words import COMMANDS, FEEDBACK

LONGEST_ID = 128  # characters of a student's id, as the gradebook has them
AUTOGRADED, PAGE = 0o444, 0o644  # modes, as nbgrader gives them


@dataclass(frozen=True)
class HandedIn:
    """One student's folder: what it holds, and when it was handed in.  wrong: why it cannot be graded, or ""."""

    student: str
    folder: Path
    notebooks: Mapping[str, bytes | str] = field(default_factory=dict)
    timestamp: datetime | None = None
    remarks: tuple[str, ...] = ()
    wrong: str = ""
    supplementary: Mapping[str, Path] = field(default_factory=dict)  # other files, which come along with what is graded
    digest: str = ""  # of those
    fingerprint: str = ""  # of the job that it became


class Course:
    """A course folder as nbgrader's configuration describes it, and one unit of it."""

    def __init__(self, root: Path, unit: str, db: str | None = None):
        """Read the configuration.  db: the gradebook's URL, where it is not the configured one."""
        self.root, self.unit = root, unit
        self.dirs = course.directory(root)
        self.config: Config = self.dirs.config
        self.db = db or self.dirs.db_url

    def folder(self, step: str, student: str) -> Path:
        return Path(self.dirs.format_path(step, student, self.unit))

    def students(self) -> list[str]:
        """Everyone who handed in something for this unit, in order."""
        pattern = re.compile(
            self.dirs.format_path(self.dirs.submitted_directory, "(?P<student>[^/]+)", self.unit, escape=True)
        )
        anywhere = self.folder(self.dirs.submitted_directory, "*")
        places = [*self.root.glob(str(anywhere.relative_to(self.root)))]
        first = students_part(self.dirs, self.dirs.submitted_directory, self.unit)
        level = Path(*anywhere.parts[: first + 1]).relative_to(self.root)
        closed = (path for path in self.root.glob(str(level)) if not os.access(path, os.R_OK | os.X_OK))
        places += [path.joinpath(*anywhere.parts[first + 1 :]) for path in closed]  # to be told, too
        found = (pattern.fullmatch(str(path)) for path in places)
        excluded = self.dirs.student_id_exclude.split(",")
        return sorted({match["student"] for match in found if match} - set(excluded))

    def handed_in(self, student: str, names: Sequence[str]) -> HandedIn:
        """What one student handed in, read with care: links are not followed, and nothing is waited for."""
        folder = self.folder(self.dirs.submitted_directory, student)
        wrong = "" if _can_be_an_id(student) else COMMANDS["bad_student"]
        if is_linked(folder, students_part(self.dirs, self.dirs.submitted_directory, self.unit)):
            wrong = wrong or FEEDBACK["linked"]
        if wrong:
            return HandedIn(student, folder, wrong=wrong)
        notebooks: dict[str, bytes | str] = {}
        for name in names:
            path = folder / f"{name}.ipynb"
            try:
                if os.path.lexists(path):
                    notebooks[name] = handed_in(path)
            except submission.Unreadable as why:
                notebooks[name] = str(why)
            except OSError as why:
                wrong = COMMANDS["not_opened"].format(why=why.strerror or why)
        if not notebooks and not wrong:
            wrong = COMMANDS["nothing_handed_in"].format(names=", ".join(f"{name}.ipynb" for name in names))
        handed_in_at, remarks = timestamp.read(folder / TIMESTAMP)
        files_, left = self._supplementary(folder, names)
        digest = _digest_of(files_, folder)
        return HandedIn(student, folder, notebooks, handed_in_at, (*remarks, *left), wrong, files_, digest)

    def written(self, student: str) -> dict[str, Path]:
        """``{what: folder}`` of the two folders that grading fills."""
        steps = {"autograded": self.dirs.autograded_directory, "feedback": self.dirs.feedback_directory}
        return {what: self.folder(step, student) for what, step in steps.items()}

    def complete(self, student: str, names: Iterable[str]) -> bool:
        """Whether all that grading writes is there."""
        folders = self.written(student)
        return all(
            (folders["autograded"] / f"{name}.ipynb").exists() and (folders["feedback"] / f"{name}.html").exists()
            for name in names
        )

    def write(self, given: HandedIn, graded: Graded) -> None:
        """Write what nbgrader's ``autograde`` and ``generate_feedback`` write; what else lies there is removed.

        It is on the disk after ``flush``.
        """
        texts = {
            "autograded": {f"{name}.ipynb": done.text for name, done in graded.notebooks.items()},
            "feedback": {f"{name}.html": done.page for name, done in graded.notebooks.items()},
        }
        steps = (self.dirs.autograded_directory, self.dirs.feedback_directory)
        for step, (what, folder), mode in zip(
            steps, self.written(given.student).items(), (AUTOGRADED, PAGE), strict=True
        ):
            if is_linked(folder, students_part(self.dirs, step, self.unit)):  # it could be another student's
                raise OSError(COMMANDS["linked_output"].format(folder=folder))
            folder.mkdir(parents=True, exist_ok=True)
            _keep_only(folder, {*given.supplementary, *texts[what]})
            for name, source in given.supplementary.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                copy_whole(source, folder / name, mode, given.folder, LARGEST_BESIDE)
            for name, text in texts[what].items():
                write_whole(folder / name, text, mode, flush=False)

    @cached_property
    def _own(self) -> dict[str, Path]:
        """The unit's own files beside its notebooks, of any number and size, as they are when a run begins."""
        source = self.folder(self.dirs.source_directory, ".")
        every = find_all_files(str(source), [*self.dirs.ignore, "*.ipynb"])
        return {os.path.relpath(file, source): Path(file) for file in every if not os.path.islink(file)}

    def flush(self) -> None:
        """Have on the disk what ``write`` wrote."""
        flush_all(self.root)

    def _supplementary(self, folder: Path, names: Iterable[str]) -> tuple[dict[str, Path], tuple[str, ...]]:
        """``{name: file}`` of the other files that come along, the unit's own before a student's, and what is left.

        All of a student's or, where they are too many, too large or too deep, none but ``timestamp.txt``.
        """
        ignored = [*self.dirs.ignore, "*.ipynb"]
        ours = {f"{name}{ending}" for name in names for ending in (".ipynb", ".html")}
        try:
            found = {name: file for name, file in files(folder, ignored).items() if name.split("/")[0] not in ours}
            remarks: tuple[str, ...] = ()
        except (OSError, TooMuch) as why:
            kept = {TIMESTAMP: folder / TIMESTAMP}
            found = {name: file for name, file in kept.items() if _is_small(file)}
            remarks = (COMMANDS["left_beside"].format(why=getattr(why, "strerror", None) or why),)
        own = self._own
        folders = {str(parent) for name in own for parent in Path(name).parents}
        found = {  # no file where the unit has a folder, nor a folder where it has a file
            name: file
            for name, file in found.items()
            if name not in folders and not any(str(parent) in own for parent in Path(name).parents)
        }
        return found | own, remarks


def _keep_only(folder: Path, names: set[str]) -> None:
    """Remove all but these files from a folder that grading writes, and what stands where one of them is to lie."""
    folders = {str(parent) for name in names for parent in Path(name).parents}
    waiting = [""]
    while waiting:
        inner = waiting.pop()
        for entry in list(os.scandir(folder / inner)):
            name = f"{inner}{entry.name}"
            is_folder = entry.is_dir(follow_symlinks=False)
            if is_folder and name in folders:
                waiting.append(f"{name}/")
            elif is_folder:
                remove(Path(entry.path))
            elif name not in names:
                os.unlink(entry.path)


def _digest_of(named: Mapping[str, Path], folder: Path) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(named.items()):
        with opened(path, folder) as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{name}={content}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _is_small(path: Path) -> bool:
    """Whether this is a regular file of the size of a timestamp."""
    with contextlib.suppress(OSError):
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and found.st_size <= LONGEST_TIMESTAMP
    return False


def _can_be_an_id(student: str) -> bool:
    try:
        student.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return len(student) <= LONGEST_ID


def students_part(dirs: CourseDirectory, step: str, unit: str) -> int:
    """The place in a path of a step, ``submitted`` for instance, of the first part that a student's id is in.

    What lies before it is the instructor's, and may be a link.
    """
    anywhere = Path(dirs.format_path(step, "*", unit))
    return next(k for k, part in enumerate(anywhere.parts) if "*" in part)


def is_linked(folder: Path, first: int) -> bool:
    """Whether a student's folder, or one on the way to it, is a link: to another student's, for instance.

    first: of ``students_part``.
    """
    return any(Path(*folder.parts[: k + 1]).is_symlink() for k in range(first, len(folder.parts)))


def handed_in(path: Path) -> bytes:
    """A submitted file's bytes, not many more than are graded.

    A link could lead to anyone's file, and whoever opens a pipe waits for ever.  Raises Unreadable.
    """
    try:
        with opened(path, path.parent) as file:
            return file.read(submission.LARGEST_FILE + 1)
    except OSError as why:
        if path.is_symlink() or not path.is_file():
            raise submission.Unreadable(FEEDBACK["not_a_file"]) from why
        raise
