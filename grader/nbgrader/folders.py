"""The folders of a course: read what students handed in, and write what grading produces.

Nothing in ``submitted/`` can be trusted: students choose names, contents and kinds of files, links and pipes included.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
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

from grader.classroom import naming, submission, timestamp
from grader.classroom.supplementary import LARGEST_BESIDE, LONGEST_TIMESTAMP, MOST_BESIDE, TIMESTAMP, TooMuch, files
from grader.files import copy_whole, flush_all, opened, remove, write_whole
from grader.nbgrader import course
from grader.nbgrader.job import Graded
from grader.words import COMMANDS, FEEDBACK

LONGEST_ID = 128  # characters of a student's id, as the gradebook has them
AUTOGRADED, PAGE = 0o444, 0o644  # modes, as nbgrader gives them


@dataclass(frozen=True)
class HandedIn:
    """One student's submission as it lies in its folder.

    notebooks: ``{notebook: bytes, or why it cannot be read}``.  timestamp: when it was handed in, UTC.
    notes: ``{notebook: what its page says of the file}``, only where there is something to say.
    remarks: for the instructor.  wrong: why nothing can be graded, or "".
    """

    student: str
    folder: Path
    notebooks: Mapping[str, bytes | str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    timestamp: datetime | None = None
    remarks: tuple[str, ...] = ()
    wrong: str = ""
    supplementary: Mapping[str, Path] = field(default_factory=dict)  # other files, to be copied beside the results
    digest: str = ""  # of the supplementary files
    fingerprint: str = ""  # of the Job made from this


class Course:
    """One unit in a course folder, with the folders that nbgrader's configuration names."""

    def __init__(self, root: Path, unit: str, db: str | None = None):
        """Read the configuration.  db: the gradebook's URL; None for the configured one."""
        self.root, self.unit = root, unit
        self.dirs = course.directory(root)
        self.config: Config = self.dirs.config
        self.db = db or self.dirs.db_url
        self._parts: dict[str, int] = {}

    def folder(self, step: str, student: str) -> Path:
        return Path(self.dirs.format_path(step, student, self.unit))

    def _students_part(self, step: str) -> int:
        """See ``students_part``; kept, since it is asked for three times per submission."""
        if step not in self._parts:
            self._parts[step] = students_part(self.dirs, step, self.unit)
        return self._parts[step]

    def students(self) -> list[str]:
        """The ids of all students who handed in something for this unit, sorted."""
        pattern = re.compile(
            self.dirs.format_path(self.dirs.submitted_directory, "(?P<student>[^/]+)", self.unit, escape=True)
        )
        anywhere = self.folder(self.dirs.submitted_directory, "*")
        first = self._students_part(self.dirs.submitted_directory)
        above = Path(*anywhere.parts[:first])  # perhaps not in the course's folder
        places = [*above.glob(str(Path(*anywhere.parts[first:])))]
        closed = (path for path in above.glob(anywhere.parts[first]) if not os.access(path, os.R_OK | os.X_OK))
        places += [path.joinpath(*anywhere.parts[first + 1 :]) for path in closed]  # so that they are reported, too
        found = (pattern.fullmatch(str(path)) for path in places)
        excluded = self.dirs.student_id_exclude.split(",")
        return sorted({match["student"] for match in found if match} - set(excluded))

    def handed_in(self, student: str, names: Sequence[str]) -> HandedIn:
        """Read one student's submission without following links or waiting for pipes.  names: the unit's notebooks."""
        folder = self.folder(self.dirs.submitted_directory, student)
        wrong = "" if _can_be_an_id(student) else COMMANDS["bad_student"]
        if is_linked(folder, self._students_part(self.dirs.submitted_directory)):
            wrong = wrong or FEEDBACK["linked"]
        if wrong:
            return HandedIn(student, folder, wrong=wrong)
        notebooks: dict[str, bytes | str] = {}
        lying = lying_in(folder, names, self.dirs)
        for name, file in lying.files.items():
            try:
                notebooks[name] = handed_in(folder / file)
            except submission.Unreadable as why:
                notebooks[name] = str(why)
            except OSError as why:
                wrong = COMMANDS["not_opened"].format(why=why.strerror or why)
        wrong = wrong or lying.wrong
        handed_in_at, remarks = timestamp.read(folder / TIMESTAMP)
        files_, left = self._supplementary(folder, names)
        digest = _digest_of(files_, folder)
        remarks = (*lying.remarks, *remarks, *left)
        return HandedIn(student, folder, notebooks, lying.notes, handed_in_at, remarks, wrong, files_, digest)

    def written(self, student: str) -> dict[str, Path]:
        """The two folders that grading fills, under "autograded" and "feedback"."""
        steps = {"autograded": self.dirs.autograded_directory, "feedback": self.dirs.feedback_directory}
        return {what: self.folder(step, student) for what, step in steps.items()}

    def complete(self, student: str, names: Iterable[str]) -> bool:
        """Whether the autograded notebooks and feedback pages of these notebooks are there."""
        folders = self.written(student)
        return all(
            (folders["autograded"] / f"{name}.ipynb").exists() and (folders["feedback"] / f"{name}.html").exists()
            for name in names
        )

    def write(self, given: HandedIn, graded: Graded) -> None:
        """Write what nbgrader's ``autograde`` and ``generate_feedback`` write, and remove all else from these folders.

        It is sure to be on the disk only after ``flush``.  Raises OSError, also if a folder is a link.
        """
        texts = {
            "autograded": {f"{name}.ipynb": done.text for name, done in graded.notebooks.items()},
            "feedback": {f"{name}.html": done.page for name, done in graded.notebooks.items()},
        }
        steps = (self.dirs.autograded_directory, self.dirs.feedback_directory)
        for step, (what, folder), mode in zip(
            steps, self.written(given.student).items(), (AUTOGRADED, PAGE), strict=True
        ):
            if is_linked(folder, self._students_part(step)):  # perhaps to another student's folder
                raise OSError(COMMANDS["linked_output"].format(folder=folder))
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                _keep_only(folder, {*given.supplementary, *texts[what]})
            for name, source in given.supplementary.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                copy_whole(source, folder / name, mode, given.folder, LARGEST_BESIDE)
            for name, text in texts[what].items():
                write_whole(folder / name, text, mode, flush=False)

    @cached_property
    def _own(self) -> dict[str, Path]:
        """``{name: file}`` of the unit's own files beside its notebooks, without limits, listed once per run."""
        source = self.folder(self.dirs.source_directory, ".")
        every = find_all_files(str(source), [*self.dirs.ignore, "*.ipynb"])
        return {os.path.relpath(file, source): Path(file) for file in every if not os.path.islink(file)}

    def flush(self) -> None:
        """Make sure that what ``write`` wrote is on the disk.  Raises OSError."""
        flush_all(self.root)

    def _supplementary(self, folder: Path, names: Iterable[str]) -> tuple[dict[str, Path], tuple[str, ...]]:
        """``{name: file}`` of the files to copy beside the results, and remarks on files that are left out.

        The unit's own files replace a student's of the same name.  If a student's are too many, too large or too deep,
        only ``timestamp.txt`` is taken.
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
        found = {  # without files where the unit has a folder, or in a folder where the unit has a file
            name: file
            for name, file in found.items()
            if name not in folders and not any(str(parent) in own for parent in Path(name).parents)
        }
        return found | own, remarks


def _keep_only(folder: Path, names: set[str]) -> None:
    """Remove all but these files from a folder that grading writes, and folders that lie where a file is to go."""
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
    """Whether this is a regular file that is small enough for a timestamp."""
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


@dataclass(frozen=True)
class Lying:
    """The unit's notebooks as they lie in a student's folder.

    files: ``{notebook: name of its file}``.  notes, remarks, wrong: as of HandedIn.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    wrong: str = ""


def lying_in(folder: Path, names: Sequence[str], dirs: CourseDirectory) -> Lying:
    """Look for the unit's notebooks in a student's folder; names: theirs, without ".ipynb".

    One with another name, as ``naming.meant`` finds it, is a regular file.
    """
    right = {name: f"{name}{naming.ENDING}" for name in names}
    files = {name: file for name, file in right.items() if os.path.lexists(folder / file)}
    if len(files) == len(names):
        return Lying(files)
    there = _notebooks_in(folder)
    meant = naming.meant(names, {*there, *files.values()}, lambda: _notebooks_of_others(dirs, names))
    shown = ", ".join(map(submission.quoted, there))
    for name, several in meant.unclear.items():
        said = ", ".join(map(submission.quoted, several))
        return Lying(wrong=COMMANDS["several_notebooks"].format(file=right[name], files=said))
    if not meant.files:
        said = COMMANDS["other_notebooks" if there else "nothing_handed_in"]
        return Lying(wrong=said.format(names=", ".join(right.values()), files=shown))
    notes = {
        name: FEEDBACK["named_otherwise"].format(right=right[name], file=submission.quoted(file))
        for name, file in meant.files.items()
        if file != right[name]
    }
    missing = [file for name, file in right.items() if name not in meant.files]
    remarks = tuple(COMMANDS["not_all_notebooks"].format(file=file) for file in missing)
    return Lying(meant.files, notes, remarks)


def _notebooks_in(folder: Path) -> list[str]:
    """The sorted names of the regular files in a folder that are named like notebooks; none among very many files."""
    try:
        with os.scandir(folder) as entries:
            seen = list(itertools.islice(entries, MOST_BESIDE + 1))
            there = [entry.name for entry in seen if entry.is_file(follow_symlinks=False)]
    except OSError:  # it is told of the notebook, which cannot be opened then either
        return []
    return sorted(name for name in there if name.endswith(naming.ENDING)) if len(seen) <= MOST_BESIDE else []


def _notebooks_of_others(dirs: CourseDirectory, names: Sequence[str]) -> set[str]:
    """The names of the notebooks of the course's other units, as released."""
    released = os.path.relpath(dirs.format_path(dirs.release_directory, ".", "*"), dirs.root)
    return {path.stem for path in Path(dirs.root).glob(f"{released}/*{naming.ENDING}")} - set(names)


def students_part(dirs: CourseDirectory, step: str, unit: str) -> int:
    """The index of the first part of a path that contains the student's id.

    step: the folder of one of nbgrader's steps, for instance ``submitted``.  The parts before are the instructor's, and
    may be links.
    """
    anywhere = Path(dirs.format_path(step, "*", unit))
    return next(k for k, part in enumerate(anywhere.parts) if "*" in part)


def is_linked(folder: Path, first: int) -> bool:
    """Whether a student's folder, or one on the way to it, is a link, for instance to another student's.

    first: index of the first part that is looked at, from ``students_part``.
    """
    there = os.path.join("", *folder.parts[:first])
    return any(os.path.islink(there := os.path.join(there, part)) for part in folder.parts[first:])


def handed_in(path: Path) -> bytes:
    """The bytes of a submitted file, cut one byte above the largest size that is graded.

    Raises Unreadable if it is no regular file: a link could lead to anyone's file, and opening a pipe could wait for
    ever.  Raises OSError if it cannot be opened.
    """
    try:
        with opened(path, path.parent) as file:
            return file.read(submission.LARGEST_FILE + 1)
    except OSError as why:
        if path.is_symlink() or not path.is_file():
            raise submission.Unreadable(FEEDBACK["not_a_file"]) from why
        raise
