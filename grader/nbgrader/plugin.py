"""The sandbox and the judge inside nbgrader, as preprocessors, exporters and an export plugin.

``configure(c)`` in ``nbgrader_config.py`` is all that a course needs.  After that nbgrader's command line, the
formgrader's button and ``nbgrader.apps.NbGraderAPI`` all grade this way.
"""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from nbgrader.preprocessors import DeduplicateIds, Execute, NbGraderPreprocessor, OverwriteCells
from sqlalchemy.exc import SAWarning
from traitlets import Bool, Float, Integer, List, Unicode
from traitlets.config import Config

from grader.canonical import canonical
from grader.classroom import CourseError, bounded, judging, submission, supplementary
from grader.classroom.cells import cells_of
from grader.classroom.judging import Rules
from grader.classroom.tables import as_csv
from grader.nbgrader import course, released
from grader.nbgrader.clock import ReadTime
from grader.nbgrader.folders import handed_in, is_linked, lying_in, students_part
from grader.nbgrader.gradebook import sources_of
from grader.nbgrader.resources import PROCESS
from grader.pack import Packs
from grader.sandbox.limits import Limits
from grader.words import COMMANDS, FEEDBACK, LIMITS

# Keys of notebook metadata in which the exporter tells Mend why there are no cells, and what file was taken.
UNREADABLE, NAMED = "grader_unreadable", "grader_named"

Resources = dict[str, Any]


def configure(c: Any, packs: Sequence[str] = ()) -> None:
    """Put the grader's parts into a traitlets Config, the ``c`` of ``nbgrader_config.py``.

    packs: the course's own packs of questions, as paths from the course's folder, with or without ``.py``; patterns
        will do.  Installed packs need not be named.

    Generate: cells that cannot be graded are reported before anything is written; release versions are written in
    canonical form, with the course's packs that they need beside them.  Sanitize: every submission is first read within
    limits and repaired, so that no notebook can stop a run.  Grade: cells run in a confined process, and graded cells
    get the score that the judge gives their answers.  Feedback: pages are laid out within time limits.  Export: CSV
    without formulas.
    """
    # nbgrader calls `alembic` when it makes the gradebook, and fails if the environment is not activated.
    here = str(Path(sys.executable).parent)
    if here not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([here, os.environ.get("PATH", "")])
    # These come from nbgrader's use of SQLAlchemy; its grades are right, and the warnings do not help an instructor.
    warnings.filterwarnings("ignore", category=SAWarning, module="nbgrader")
    c.RunOutside.packs = [packs] if isinstance(packs, str) else list(packs)
    c.GenerateAssignment.exporter_class = ExaminingExporter
    c.GenerateAssignment.preprocessors = [*GenerateAssignment.preprocessors.default(), CanonicalForm]
    c.Autograde.exporter_class = PatientExporter
    c.GenerateFeedback.exporter_class = "grader.nbgrader.feedback.PatientPages"
    c.ExportApp.plugin_class = InertCsv
    # Mend does the work of these two, and handles every way in which a notebook can be broken.
    done = (DeduplicateIds, OverwriteCells)
    sanitize = [p for p in Autograde.sanitize_preprocessors.default() if p not in done]
    c.Autograde.sanitize_preprocessors = [Mend, ReadTime, *sanitize]
    c.Autograde.autograde_preprocessors = [
        RunOutside if old is Execute else old for old in Autograde.autograde_preprocessors.default()
    ]


def trusted(converter: Any, resources: Resources) -> Rules:
    """The Rules for the notebook that ``resources`` names, read once in each of nbgrader's runs.

    Raises NbGraderException if it has no release version, or if a pack cannot be used.
    """
    unit, name = resources["nbgrader"]["assignment"], resources["nbgrader"]["notebook"]
    made = _MADE.setdefault(converter, {})
    if name not in made:
        dirs = converter.coursedir
        try:
            packs = released.packs(dirs, converter.config)
            nb = nbformat.reads(released.text(dirs, unit, name), as_version=4)
            hidden = released.hidden(_sources(dirs, unit).get(name, {}), nb)
            files = released.files(dirs, unit, packs)
        except CourseError as why:
            raise NbGraderException(str(why)) from why
        made[name] = Rules(nb, cells_of(nb, hidden), released.used([nb], packs), files)
    return made[name]


_MADE: WeakKeyDictionary[Any, dict[str, Rules]] = WeakKeyDictionary()  # by nbgrader's converter, one for each run


def _sources(dirs: CourseDirectory, unit: str) -> dict[str, dict[str, str]]:
    """``{notebook: {grade_id: source}}`` of a unit's cells in the gradebook; empty if it does not know the unit."""
    with Gradebook(dirs.db_url, dirs.course_id) as gradebook:
        try:
            return {nb.name: sources_of(nb) for nb in gradebook.find_assignment(unit).notebooks}
        except MissingEntry:
            return {}


class CanonicalForm(NbGraderPreprocessor):  # type: ignore[misc]
    """The last step of GenerateAssignment: put the notebook into canonical form, the same bytes on every machine.

    The course's own packs whose questions it asks are put beside it, where a student's ``check`` finds them.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        converter, unit = self.parent.parent, resources["nbgrader"]["assignment"]
        dirs = converter.coursedir
        with contextlib.suppress(CourseError):  # already reported
            released.put_packs([nb], released.packs(dirs, converter.config), dirs, unit)
        return canonical(nb, keep_outputs=False), resources


class ExaminingExporter(NotebookExporter):  # type: ignore[misc]
    """For GenerateAssignment: stops before anything is written if a graded cell could not be graded."""

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        converter = self.parent
        sources = [Path(path) for found in getattr(converter, "assignments", {}).values() for path in sorted(found)]
        if sources:
            _examined(converter, lambda packs: (f for p in sources for f in released.in_source(p, converter, packs)))


def _examined(converter: Any, find: Callable[[Packs], Iterable[str]]) -> None:
    """Stop nbgrader's run if something cannot be graded: log why, and raise NbGraderException."""
    try:
        with contextlib.chdir(converter.coursedir.root):
            released.examine(find(released.packs(converter.coursedir, converter.config)))
    except CourseError as why:
        converter.log.error("%s", why)
        raise NbGraderException(str(why)) from why


class PatientExporter(NotebookExporter):  # type: ignore[misc]
    """Reads a submitted file within limits; a file that is not a notebook becomes an empty one that says why."""

    def __init__(self, *arguments: Any, **named: Any):
        """Also change nbgrader's list of submissions, complete by now.

        Those that would stop its run are removed, and notebooks that lie there under another name are entered.
        """
        super().__init__(*arguments, **named)
        there = getattr(self.parent, "assignments", {})
        self._named: dict[Path, tuple[str, str]] = {}  # file that nbgrader looks for: its name, and a sentence on it
        for folder in list(there):
            if why := _stumbles(self.parent.coursedir, Path(folder)):
                self.log.error(COMMANDS["left_out"].format(folder=ascii(folder), why=why))
                del there[folder]
            elif self.parent.coursedir.notebook_id == "*":  # otherwise only the named notebook is asked for
                self._enter(Path(folder), there[folder])
        if there:
            dirs, unit = self.parent.coursedir, self.parent.coursedir.assignment_id

            def find(packs: Packs) -> list[str]:
                sources = _sources(dirs, unit)
                texts = {name: released.text(dirs, unit, name) for name in sources}
                notebooks = {name: nbformat.reads(text, as_version=4) for name, text in texts.items()}
                return released.faults_of(dirs, unit, notebooks, sources, packs)

            _examined(self.parent, find)

    def _enter(self, folder: Path, found: list[str]) -> None:
        """Add to nbgrader's list of a student's notebooks those that lie there under another name."""
        dirs = self.parent.coursedir
        release = Path(dirs.format_path(dirs.release_directory, ".", dirs.assignment_id))
        lying = lying_in(folder, sorted(path.stem for path in release.glob("*.ipynb")), dirs)
        for name, note in lying.notes.items():
            path = folder / f"{name}.ipynb"
            self._named[path] = lying.files[name], note
            found.append(str(path))
        for remark in (*lying.remarks, *filter(None, [lying.wrong])):
            self.log.warning("%s: %s", ascii(str(folder)), remark)

    def from_filename(self, filename: str, resources: Resources | None = None, **kwargs: Any) -> tuple[str, Resources]:
        path = Path(filename)
        resources = {} if resources is None else resources
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        if path.parent == Path(self.parent.writer.build_directory):  # the second pass, over what the first one wrote
            nb = nbformat.read(path, as_version=4)
        else:
            file, note = self._named.get(path, (path.name, ""))
            try:
                nb = self._handed_in(path.with_name(file), resources)
            except submission.Unreadable as why:
                nb = nbformat.v4.new_notebook(metadata={UNREADABLE: str(why)})
            nb.metadata[NAMED] = note
        output, resources = self.from_notebook_node(nb, resources=resources, **kwargs)
        return output, resources

    def _handed_in(self, path: Path, resources: Resources) -> NotebookNode:
        """The submitted notebook, read in a bounded process.  Raises Unreadable."""
        who = resources.get("nbgrader", {})
        dirs, unit = self.parent.coursedir, who.get("assignment", "")
        if is_linked(path.parent, students_part(dirs, dirs.submitted_directory, unit)):
            raise submission.Unreadable(FEEDBACK["linked"])
        with PROCESS.bounded.borrowed() as process:
            try:
                return process.call(submission.read, handed_in(path), seconds=limits_of(self.config).reading_seconds)
            except bounded.GAVE_UP as why:
                raise submission.Unreadable(bounded.unread(why)) from why


def _stumbles(dirs: CourseDirectory, folder: Path) -> str:
    """Why nbgrader's own commands would fail on a submitted folder, or "".

    They use a student's id as a glob pattern, and copy whatever lies beside a notebook, following links.
    """
    handed_in = folder.relative_to(dirs.root) if folder.is_relative_to(dirs.root) else folder
    if any(sign in str(handed_in) for sign in "*?[\n\r"):
        return COMMANDS["odd_name"]
    if is_linked(folder, students_part(dirs, dirs.submitted_directory, dirs.assignment_id)):
        return COMMANDS["a_link"]
    try:
        names = supplementary.files(folder, dirs.ignore, strict=True)
        when = folder / supplementary.TIMESTAMP
        odd = when.exists() and (
            supplementary.TIMESTAMP not in names or when.stat().st_size > supplementary.LONGEST_TIMESTAMP
        )
    except (OSError, supplementary.TooMuch) as why:
        return str(getattr(why, "strerror", None) or why)
    return COMMANDS["odd_time"] if odd else ""


class Mend(NbGraderPreprocessor):  # type: ignore[misc]
    """The first sanitizing step: restore the instructor's cells to the release version, and keep the answers."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        kept = trusted(self.parent.parent, resources).released
        why = nb.metadata.get(UNREADABLE)
        note = nb.metadata.get(NAMED)
        nb = submission.unreadable(kept, why) if why else submission.mend(nb, kept)
        nb = submission.noted(nb, note) if note else nb
        for remark in submission.remarks(nb):
            self.log.warning("%s: %s", resources["nbgrader"]["student"], remark)
        return nb, resources


_TRAITS = {int: Integer, float: Float}  # by the type of a default

# A preprocessor with a configurable trait for each field of Limits.
_Limited: Any = type(
    "_Limited",
    (NbGraderPreprocessor,),
    {
        limit.name: _TRAITS[type(limit.default)](limit.default, help=LIMITS[limit.name]).tag(config=True)
        for limit in fields(Limits)
    },
)


class RunOutside(_Limited):  # type: ignore[misc]
    """Replaces nbgrader's Execute: cells run in a confined fork, and answers are judged outside of it."""

    confined = Bool(True, help=COMMANDS["help_confined"]).tag(config=True)
    packs = List(Unicode(), help=COMMANDS["help_packs"]).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        student = resources["nbgrader"]["student"]
        secret = course.secret(Path(self.parent.parent.coursedir.root))
        limits = limits_of(self.config)
        zygote, rules = PROCESS.lend(self.confined), trusted(self.parent.parent, resources)
        try:
            remarks = judging.run(nb, rules, zygote, limits, secret, student, PROCESS.shown)
        finally:
            PROCESS.take_back(zygote)
        for remark in remarks:
            self.log.warning("%s: %s", student, remark)
        if not self.confined:
            self.log.warning(COMMANDS["not_confined"])
        return nb, resources


def limits_of(config: Config) -> Limits:
    """The Limits of one submission, as configured for RunOutside."""
    settings = RunOutside(config=Config({"RunOutside": config.RunOutside}))
    return Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)})


class InertCsv(CsvExportPlugin):  # type: ignore[misc]
    """Exports nbgrader's own table as proper CSV, in which no id or name is a formula to a spreadsheet."""

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
    """One student's row in one assignment; a student who did not hand in has 0 points."""
    try:
        found = gradebook.find_submission(assignment.name, student.id)
        score, penalty, when = found.score, found.late_submission_penalty or 0.0, found.timestamp
    except MissingEntry:
        score, penalty, when = 0.0, 0.0, None
    who = (student.id, student.last_name, student.first_name, student.email)
    total = max(0.0, score - penalty)
    return [assignment.name, assignment.duedate, when, *who, score, penalty, total, assignment.max_score]


__all__ = ["CanonicalForm", "ExaminingExporter", "InertCsv", "Mend", "PatientExporter", "RunOutside", "configure"]
