"""The steps of grading before and after a submission's code runs: read the notebook, and write the results.

The results are those that ``nbgrader autograde`` and ``nbgrader generate_feedback`` produce for the same submission
with the same configuration.  All of this runs in a bounded process; see ``classroom.bounded``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    GetGrades,
    OverwriteKernelspec,
    SaveAutoGrades,
)
from traitlets.config import Config

from grader.classroom import submission
from grader.classroom.cells import is_graded
from grader.classroom.notes import Notes
from grader.nbgrader.clock import ReadTime
from grader.nbgrader.feedback import Pages
from grader.nbgrader.job import GradedNotebook, Record
from grader.nbgrader.plugin import Mend, RunOutside
from grader.nbgrader.summary import NO_RESPONSE, untouched

Resources = dict[str, Any]

# The work of these preprocessors is done here, or where the gradebook is written.  CheckCellMetadata has nothing to
# find, since a mended notebook has the metadata of the release version.
_DONE_HERE = (
    *(Mend, ReadTime, RunOutside, ClearOutput, OverwriteKernelspec, CheckCellMetadata),
    *(SaveAutoGrades, AssignLatePenalties, GetGrades),
)


class Steps:
    """nbgrader's preprocessors, penalties and feedback pages for one unit, as its configuration has them.

    released: ``{notebook: text}``, the release versions.
    """

    def __init__(self, unit: str, released: Mapping[str, str], config: Config):
        self.unit = unit
        self.released = {name: nbformat.reads(text, as_version=4) for name, text in released.items()}
        autograde = Autograde(config=config)
        self.sanitize = _made(autograde.sanitize_preprocessors, config)
        self.steps = _made(autograde.autograde_preprocessors, config)
        self.late = AssignLatePenalties(config=config)
        self.late.init_plugin()
        feedback = GenerateFeedback(coursedir=CourseDirectory(config=config), config=config)
        self.pages = Pages(parent=feedback, config=feedback.config)
        self.pages.trusted = {cell.source for nb in self.released.values() for cell in nb.cells}
        for step in feedback.preprocessors:
            if step not in _DONE_HERE:
                self.pages.register_preprocessor(step)

    def read(self, student: str, name: str, handed_in: bytes | str) -> tuple[NotebookNode, Resources]:
        """The notebook to run, mended and sanitized, and the resources for nbgrader's further steps.

        handed_in: the file's bytes, or a text that says why there are none.
        """
        place: dict[str, Any] = {"student": student, "assignment": self.unit, "notebook": name, "db_url": ""}
        resources: Resources = {"nbgrader": place, "metadata": {"name": name}, "unique_key": name}
        nb = mended(handed_in, self.released[name])
        for step in self.sanitize:
            nb, resources = step(nb, resources)
        return nb, resources

    def finish(
        self, nb: NotebookNode, resources: Resources, record: Record, seconds_late: float, plain: bool
    ) -> GradedNotebook:
        """The results for a notebook that was run and judged.

        resources: from ``read``.  plain: make a feedback page that takes little time whatever the student wrote.
        """
        place = resources["nbgrader"]
        name, trusted = place["notebook"], self.released[place["notebook"]]
        for step in self.steps:
            nb, resources = step(nb, resources)
        scores, comments = _scores(nb), _comments(nb)
        nb = submission.legible(nb)
        text, notes = nbformat.v4.writes(nb) + "\n", (Notes.of(nb) or Notes()).as_data()
        total = _put_grades(nb, name, record, scores, comments)
        penalty = self._penalty(place["student"], total, seconds_late)
        worth = float(sum(c.metadata.nbgrader.get("points", 0) for c in trusted.cells if is_graded(c)))
        place |= {"score": total - (penalty or 0), "late_penalty": penalty or 0, "max_score": worth}
        page = self.pages.page(nb, resources, plain)
        return GradedNotebook(text.encode(), page.encode(), scores, comments, penalty, notes)

    def _penalty(self, student: str, score: float, seconds_late: float) -> float | None:
        """Points off for being late, from the course's plugin, kept between 0 and ``score`` as in nbgrader."""
        if seconds_late <= 0:
            return None
        penalty = self.late.plugin_inst.late_submission_penalty(student, score, seconds_late)
        return None if penalty is None else min(max(penalty, 0.0), score)


def mended(handed_in: bytes | str, trusted: NotebookNode) -> NotebookNode:
    """The notebook to grade in place of what was handed in; see ``submission.mend`` and ``submission.unreadable``.

    handed_in: the file's bytes, or a text that says why there are none.  trusted: the release version.
    """
    if isinstance(handed_in, str):
        return submission.unreadable(trusted, handed_in)
    try:
        return submission.mend(submission.read(handed_in), trusted)
    except submission.Unreadable as why:
        return submission.unreadable(trusted, str(why))


def _scores(nb: NotebookNode) -> dict[str, float | None]:
    """``{grade_id: points}`` as nbgrader reads them off the outputs; None for cells that are graded by hand."""
    return {submission.grade_id(c): utils.determine_grade(c, _LOG)[0] for c in nb.cells if utils.is_grade(c)}


def _comments(nb: NotebookNode) -> dict[str, str | None]:
    """``{grade_id: comment or None}``: as nbgrader does, note which answers are unchanged from the release version."""
    return {
        submission.grade_id(c): NO_RESPONSE if untouched(c) and not utils.is_task(c) else None
        for c in nb.cells
        if utils.is_solution(c) or utils.is_task(c)
    }


def _put_grades(
    nb: NotebookNode,
    notebook: str,
    record: Record,
    scores: Mapping[str, float | None],
    comments: Mapping[str, str | None],
) -> float:
    """Put scores and comments into the cells' metadata, as nbgrader's GetGrades does; returns the sum of the scores."""
    total = 0.0
    for cell in nb.cells:
        id = submission.grade_id(cell)
        if id in comments:
            cell.metadata.nbgrader["comment"] = record.comments.get((notebook, id), comments[id])
        if is_graded(cell):
            given = record.manual.get((notebook, id), scores.get(id))  # a task has no score but one given by hand
            cell.metadata.nbgrader["waits"] = given is None
            score = (given or 0.0) + record.extra.get((notebook, id), 0.0)
            total += score
            cell.metadata.nbgrader["score"] = score
            cell.metadata.nbgrader["points"] = float(cell.metadata.nbgrader.get("points", 0))
    return total


def _made(steps: Iterable[Any], config: Config) -> list[Any]:
    """Instances of these preprocessors, without those whose work is done here."""
    return [step(config=config) for step in steps if step not in _DONE_HERE]


_LOG = logging.getLogger("grader")  # nbgrader's functions require one
