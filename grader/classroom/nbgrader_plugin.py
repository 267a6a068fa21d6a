"""The judge inside nbgrader, through nbgrader's own doors: preprocessors and one exporter.

``configure(c)`` in ``nbgrader_config.py`` is all that a course needs.  From then on the command line, the
formgrader's button and ``nbgrader.apps.NbGraderAPI`` take this path, whichever starts them.
"""

from __future__ import annotations

import atexit
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from nbgrader.preprocessors import DeduplicateIds, Execute, NbGraderPreprocessor, OverwriteCells
from sqlalchemy.exc import SAWarning
from traitlets import Bool, Float, Integer
from traitlets.config import Config

from grader.classroom import apart, beside, course, outside, submission
from grader.classroom.tables import as_csv
from grader.files import opened
from grader.notebooks import canonical
from grader.sandbox.run import Limits, Warm
from grader.words import CLASSROOM

UNREADABLE = "grader_unreadable"  # notebook metadata by which the exporter tells Mend why there are no cells

Resources = dict[str, Any]


def configure(c: Any) -> None:
    """Put the grader's parts into a traitlets Config, the ``c`` of ``nbgrader_config.py``.

    Generate: the release version comes out in canonical form.  Sanitize: every submission is first read with
    patience and mended, so that no notebook can stop a run.  Grade: cells run in a confined process, and graded cells
    are worth what the judge says of the answers that came out of it.  Feedback: pages are laid out within limits.
    """
    # nbgrader's own use of SQLAlchemy; its grades are right, and its warnings say nothing to an instructor.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    c.GenerateAssignment.preprocessors = [*GenerateAssignment.preprocessors.default(), CanonicalForm]
    c.Autograde.exporter_class = PatientExporter
    c.GenerateFeedback.exporter_class = "grader.classroom.paperwork.PatientPages"
    c.ExportApp.plugin_class = InertCsv
    # Mend does what these two do, for every way that a notebook can be broken.
    done = (DeduplicateIds, OverwriteCells)
    sanitize = [p for p in Autograde.sanitize_preprocessors.default() if p not in done]
    c.Autograde.sanitize_preprocessors = [Mend, *sanitize]
    c.Autograde.autograde_preprocessors = [
        RunOutside if old is Execute else old for old in Autograde.autograde_preprocessors.default()
    ]


def released(converter: Any, resources: Resources) -> NotebookNode:
    """The release version of the notebook at hand.  Raises NbGraderException where it was not generated."""
    unit, name = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
    coursedir = converter.coursedir
    path = Path(coursedir.format_path(coursedir.release_directory, ".", unit)) / f"{name}.ipynb"
    if not path.exists():
        raise NbGraderException(CLASSROOM["no_release"].format(path=path, unit=unit))
    return nbformat.read(path, as_version=4)


class CanonicalForm(NbGraderPreprocessor):  # type: ignore[misc]
    """Last in GenerateAssignment: the same bytes on every machine."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        return canonical(nb, keep_outputs=False), resources


class PatientExporter(NotebookExporter):  # type: ignore[misc]
    """Reads what a student handed in, whatever it is; what is no notebook becomes one that says why."""

    def __init__(self, *arguments: Any, **named: Any):
        """Made when nbgrader knows all submissions, and before it copies the first: those that it stumbles over go."""
        super().__init__(*arguments, **named)
        there = getattr(self.parent, "assignments", {})
        for folder in list(there):
            if why := _stumbles(self.parent.coursedir, Path(folder)):
                self.log.error(CLASSROOM["left_out"].format(folder=ascii(folder), why=why))
                del there[folder]

    def from_filename(self, filename: str, resources: Resources | None = None, **kwargs: Any) -> tuple[str, Resources]:
        path = Path(filename)
        resources = {} if resources is None else resources
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        if not self.parent._sanitizing:  # the second pass reads what the first one wrote
            nb = nbformat.read(path, as_version=4)
        else:
            try:
                nb = self._handed_in(path, resources)
            except submission.Unreadable as why:
                nb = nbformat.v4.new_notebook(metadata={UNREADABLE: str(why)})
        output, resources = self.from_notebook_node(nb, resources=resources, **kwargs)
        return output, resources

    def _handed_in(self, path: Path, resources: Resources) -> NotebookNode:
        """What was handed in, read in a process of its own, within its limits.  Raises Unreadable."""
        who = resources.get("nbgrader", {})
        dirs, unit = self.parent.coursedir, who.get("assignment", "")
        if is_linked(path.parent, students_part(dirs, dirs.submitted_directory, unit)):
            raise submission.Unreadable(CLASSROOM["linked"])
        with apart.borrowed() as process:
            try:
                return process.call(submission.read, handed_in(path), seconds=limits_of(self.config).reading_seconds)
            except apart.GAVE_UP as why:
                raise submission.Unreadable(apart.unread(why)) from why


def _stumbles(dirs: CourseDirectory, folder: Path) -> str:
    """Why nbgrader's own commands would not get over a submitted folder, or "".

    They take a student's id for a pattern, and copy whatever lies beside a notebook, through links too.
    """
    handed_in = folder.relative_to(dirs.root) if folder.is_relative_to(dirs.root) else folder
    if any(sign in str(handed_in) for sign in "*?[\n\r"):
        return CLASSROOM["odd_name"]
    if is_linked(folder, students_part(dirs, dirs.submitted_directory, dirs.assignment_id)):
        return CLASSROOM["a_link"]
    try:
        names = beside.files(folder, dirs.ignore, strict=True)
        when = folder / beside.TIMESTAMP
        odd = when.exists() and (beside.TIMESTAMP not in names or when.stat().st_size > beside.LONGEST_TIMESTAMP)
    except (OSError, beside.TooMuch) as why:
        return str(getattr(why, "strerror", None) or why)
    return CLASSROOM["odd_time"] if odd else ""


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
            raise submission.Unreadable(CLASSROOM["not_a_file"]) from why
        raise


class Mend(NbGraderPreprocessor):  # type: ignore[misc]
    """First in sanitizing: the instructor's cells as they were released, the student's answers as they are."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        trusted = released(self.parent.parent, resources)
        why = nb.metadata.get(UNREADABLE)
        nb = submission.unreadable(trusted, why) if why else submission.mend(nb, trusted)
        for remark in submission.remarks(nb):
            self.log.warning("%s: %s", resources["nbgrader"]["student"], remark)
        return nb, resources


class RunOutside(NbGraderPreprocessor):  # type: ignore[misc]
    """In place of nbgrader's Execute: cells run in a confined fork, and answers are judged outside of it."""

    confined = Bool(True, help=CLASSROOM["help_confined"]).tag(config=True)
    cell_seconds = Float(Limits.cell_seconds, help=CLASSROOM["help_cell_seconds"]).tag(config=True)
    notebook_seconds = Float(Limits.notebook_seconds, help=CLASSROOM["help_notebook_seconds"]).tag(config=True)
    cpu_seconds = Integer(Limits.cpu_seconds, help=CLASSROOM["help_cpu_seconds"]).tag(config=True)
    memory = Integer(Limits.memory, help=CLASSROOM["help_memory"]).tag(config=True)
    file_size = Integer(Limits.file_size, help=CLASSROOM["help_file_size"]).tag(config=True)
    open_files = Integer(Limits.open_files, help=CLASSROOM["help_open_files"]).tag(config=True)
    work_size = Integer(Limits.work_size, help=CLASSROOM["help_work_size"]).tag(config=True)
    threads = Integer(Limits.threads, help=CLASSROOM["help_threads"]).tag(config=True)
    cell_output = Integer(Limits.cell_output, help=CLASSROOM["help_cell_output"]).tag(config=True)
    notebook_output = Integer(Limits.notebook_output, help=CLASSROOM["help_notebook_output"]).tag(config=True)
    reading_seconds = Float(Limits.reading_seconds, help=CLASSROOM["help_reading_seconds"]).tag(config=True)
    page_seconds = Float(Limits.page_seconds, help=CLASSROOM["help_page_seconds"]).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        student = resources["nbgrader"]["student"]
        secret = course.secret(Path(self.parent.parent.coursedir.root))
        limits = limits_of(self.config)
        remarks = outside.run(nb, released(self.parent.parent, resources), warm(self.confined), limits, secret, student)
        for remark in remarks:
            self.log.warning("%s: %s", student, remark)
        if not self.confined:
            self.log.warning(CLASSROOM["not_confined"])
        return nb, resources


def limits_of(config: Config) -> Limits:
    """What one submission may use, as configured for RunOutside."""
    settings = RunOutside(config=Config({"RunOutside": config.RunOutside}))
    return Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)})


class InertCsv(CsvExportPlugin):  # type: ignore[misc]
    """nbgrader's own table, quoted as CSV asks for, and without formulas: ids and names are text to a spreadsheet."""

    def export(self, gradebook: Any) -> None:
        dest = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", dest)
        rows = [
            _row(gradebook, assignment, student)
            for assignment in gradebook.assignments
            if not self.assignment or assignment.name in self.assignment
            for student in gradebook.students
            if not self.student or student.id in map(str, self.student)
        ]
        with open(dest, "w", encoding="utf-8", newline="") as file:
            file.write(as_csv([COLUMNS, *rows]))


COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


def _row(gradebook: Any, assignment: Any, student: Any) -> list[object]:
    """One student's line; who did not hand in has 0."""
    try:
        found = gradebook.find_submission(assignment.name, student.id)
        score, penalty, when = found.score, found.late_submission_penalty or 0.0, found.timestamp
    except MissingEntry:
        score, penalty, when = 0.0, 0.0, None
    who = (student.id, student.last_name, student.first_name, student.email)
    total = max(0.0, score - penalty)
    return [assignment.name, assignment.duedate, when, *who, score, penalty, total, assignment.max_score]


_warm: dict[bool, Warm] = {}


def warm(confined: bool) -> Warm:
    """The one warm process of this run; a new one where it has ended."""
    if confined not in _warm or not _warm[confined].alive:
        _warm[confined] = Warm(confined)
        atexit.register(_warm[confined].close)
    return _warm[confined]


__all__ = ["CanonicalForm", "InertCsv", "Mend", "PatientExporter", "RunOutside", "configure"]
