"""One submission graded: bytes in, results out.  Nothing here reads a file, writes one, or knows a gradebook.

What comes out is what ``nbgrader autograde`` and ``nbgrader generate_feedback`` make of the same submission with the
same configuration.  ``grade`` runs in worker processes, on this machine or on others.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import torch
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
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
from traitlets import Unicode
from traitlets.config import Config

from grader.classroom import outside, submission
from grader.classroom.nbgrader_plugin import Mend, RunOutside
from grader.sandbox.origin import Origin
from grader.sandbox.run import Limits, Usage, Warm

Resources = dict[str, Any]
Notebooks = Mapping[str, bytes | str]

# What nbgrader's preprocessors of these classes do is done here or by whoever writes the gradebook.  CheckCellMetadata
# looks for what no longer can be: a mended notebook's metadata are the released one's.
_DONE_HERE = (
    *(Mend, RunOutside, ClearOutput, OverwriteKernelspec, CheckCellMetadata),
    *(SaveAutoGrades, AssignLatePenalties, GetGrades),
)


@dataclass(frozen=True)
class Unit:
    """What all submissions of one assignment are graded with, and nothing that a machine must have on its disk.

    released: ``{notebook: text}``, the release versions.  config: the course's, with its preprocessors and plugins.
    secret: the course's, from which hidden inputs follow.  confined: False runs students' code unprotected.
    """

    name: str
    released: Mapping[str, str]
    config: Config
    limits: Limits
    secret: bytes
    confined: bool = True

    @cached_property
    def version(self) -> str:
        """A digest of all that decides a grade besides the submission: questions, judge, released cells, limits."""
        settings = re.sub(" at 0x[0-9a-f]+", "", repr(self.config))  # where a function lies differs from run to run
        parts = [self.name, repr(sorted(self.released.items())), settings, repr(self.limits)]
        parts += [self.secret.hex(), str(self.confined), _package_version()]
        return _digest(parts)


@dataclass(frozen=True)
class Record:
    """What people have put into the gradebook, which grading leaves as it is and feedback shows.

    manual, extra: ``{(notebook, grade_id): points}``.  comments: the same with texts.
    """

    manual: Mapping[tuple[str, str], float] = field(default_factory=dict)
    extra: Mapping[tuple[str, str], float] = field(default_factory=dict)
    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One submission: ``{notebook: bytes, or why there are none}``, and what the gradebook knows of it already.

    seconds_late: after the due date and any extension.  beside: a digest of the files that come along.
    """

    student: str
    notebooks: Notebooks
    record: Record = field(default_factory=Record)
    seconds_late: float = 0.0
    beside: str = ""

    def fingerprint(self, unit: Unit) -> str:
        """The same for the same content under the same rules; file times do not count."""
        handed_in = [
            f"{name}={hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else data}"
            for name, data in sorted(self.notebooks.items())
        ]
        known = [repr(sorted(part.items())) for part in vars(self.record).values()]
        return _digest([unit.version, self.student, *handed_in, *known, repr(self.seconds_late), self.beside])


@dataclass
class GradedNotebook:
    """What came of one notebook.

    text: the autograded notebook.  page: its feedback, HTML.  scores: ``{grade_id: points, or None where people are
    to give them}``.  comments: ``{grade_id: comment or None}``.  penalty: for being late, or None.
    """

    text: str
    page: str
    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None]
    penalty: float | None = None


@dataclass
class Graded:
    """What came of one submission.

    remarks: for the instructor.  usage: of the confined processes.  spent: seconds of this process by what it did.
    aside: why nothing could be graded, and a person must look; "" where all went well.
    """

    student: str
    notebooks: dict[str, GradedNotebook] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    spent: dict[str, float] = field(default_factory=dict)
    confined: bool = True
    aside: str = ""


def grade(unit: Unit, job: Job) -> Graded:
    """Grade one submission.  Raises SandboxError where students' code cannot be run here at all."""
    with _tools(unit) as tools:
        tools.heat()
        return tools.grade(job, lambda nb, trusted: tools.run(nb, trusted, job.student))


def set_aside(unit: Unit, job: Job, why: str) -> Graded:
    """What is written of a submission that cannot be graded: no points, nothing run, and the reason on its page."""
    unread = Job(job.student, dict.fromkeys(job.notebooks, why), job.record, job.seconds_late)
    with _tools(unit) as tools:
        graded = tools.grade(unread, lambda nb, trusted: (outside.not_run(nb, trusted), Usage()))
    graded.aside = why
    return graded


class Tools:
    """What grading needs and what takes long to make: nbgrader's parts as configured, and a warm process."""

    def __init__(self, unit: Unit):
        torch.set_num_threads(1)  # there are as many of these processes as cores
        self.unit = unit
        self.released = {name: nbformat.reads(text, as_version=4) for name, text in unit.released.items()}
        self.warm: Warm | None = None
        autograde = Autograde(config=unit.config)
        self.sanitize = _made(autograde.sanitize_preprocessors, unit.config)
        self.finish = _made(autograde.autograde_preprocessors, unit.config)
        self.late = AssignLatePenalties(config=unit.config)
        self.late.init_plugin()
        feedback = GenerateFeedback(coursedir=CourseDirectory(config=unit.config), config=unit.config)
        self.pages = Pages(parent=feedback, config=feedback.config)
        for step in feedback.preprocessors:
            if step not in _DONE_HERE:
                self.pages.register_preprocessor(step)

    def close(self) -> None:
        if self.warm:
            self.warm.close()

    def heat(self) -> None:
        """Start the warm process, which gets ready while the submission is read and its problems are drawn."""
        if self.warm is None or not self.warm.alive:
            self.warm = Warm(self.unit.confined, ORIGIN)

    def run(self, nb: NotebookNode, trusted: NotebookNode, student: str) -> tuple[list[str], Usage]:
        """Run a mended notebook's cells in the sandbox, and judge them."""
        assert self.warm is not None
        remarks = outside.run(nb, trusted, self.warm, self.unit.limits, self.unit.secret, student)
        return remarks, self.warm.used

    def grade(self, job: Job, run: Any) -> Graded:
        graded = Graded(job.student, confined=self.unit.confined)
        for name, trusted in self.released.items():
            if name in job.notebooks:
                graded.notebooks[name] = self._notebook(job, name, trusted, run, graded)
        return graded

    def _notebook(self, job: Job, name: str, trusted: NotebookNode, run: Any, graded: Graded) -> GradedNotebook:
        place: dict[str, Any] = {"student": job.student, "assignment": self.unit.name, "notebook": name, "db_url": ""}
        resources: dict[str, Any] = {"nbgrader": place, "metadata": {"name": name}, "unique_key": name}
        with _timed(graded.spent, "reading"):
            nb = mended(job.notebooks[name], trusted)
            graded.remarks += submission.remarks(nb)
            for step in self.sanitize:
                nb, resources = step(nb, resources)
        with _timed(graded.spent, "judging"):
            remarks, usage = run(nb, trusted)
            graded.remarks += remarks
            graded.usage = graded.usage + usage
        with _timed(graded.spent, "pages"):
            for step in self.finish:
                nb, resources = step(nb, resources)
            scores, comments = _scores(nb), _comments(nb)
            text = written(nb)
            total = _put_grades(nb, name, job.record, scores, comments)
            penalty = self._penalty(job, total)
            place |= {"score": total - (penalty or 0), "late_penalty": penalty or 0, "max_score": _worth(trusted)}
            page, _ = self.pages.from_notebook_node(nb, resources=resources)
        return GradedNotebook(text, page, scores, comments, penalty)

    def _penalty(self, job: Job, score: float) -> float | None:
        """What being late costs, as the course's plugin says and nbgrader bounds it."""
        if job.seconds_late <= 0:
            return None
        penalty = self.late.plugin_inst.late_submission_penalty(job.student, score, job.seconds_late)
        return None if penalty is None else self.late._check_late_penalty(SimpleNamespace(score=score), penalty)


class Pages(HTMLExporter):  # type: ignore[misc]
    """nbgrader's feedback pages, many in a row.

    What many submissions share, the statements and checks, is rendered once.  nbconvert parses each finished page
    again, to add what pictures or JupyterLab's own template may lack; here only a page that has such a thing.
    """

    raw_template = Unicode(
        "{%- extends 'index.html.j2' -%}{%- block any_cell scoped -%}"
        "{%- set kept = cell | rendered -%}{%- if kept -%}{{ kept }}{%- else -%}"
        "{%- set page -%}{{ super() }}{%- endset -%}{{ cell | keep(page) }}{%- endif -%}{%- endblock -%}"
    )

    def default_filters(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        yield from super().default_filters()
        yield "rendered", lambda cell: _RENDERED.get(("page", repr(cell)))
        yield "keep", lambda cell, page: _kept(("page", repr(cell)), lambda: page)

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        highlight = Highlight2HTML(pygments_lexer=lexer, parent=self)

        def highlighted(source: str, language: str | None = None, metadata: Any = None) -> Any:
            return _kept(("code", source, language, lexer), lambda: highlight(source, language, metadata))

        self.register_filter("highlight_code", highlighted)
        self.filters["highlight_code"] = highlighted
        widgets = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("filter_data_type", widgets)
        html, made = super(HTMLExporter, self).from_notebook_node(nb, self._init_resources(resources), **kw)
        if "jp-Notebook" in html or _NO_ALT.search(html):
            return super().from_notebook_node(nb, resources, **kw)
        return html, made

    def _preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The feedback's steps, on the one copy that was made already.

        nbconvert makes another and validates it before and after each step; these notebooks are made here.
        """
        for step in self._preprocessors:
            nb, resources = step(nb, resources)
        return nb, resources

    @pass_context
    def markdown2html(self, context: Any, source: str) -> Any:
        attachments = context.get("cell", {}).get("attachments", {})
        if attachments or self.embed_images:
            return super().markdown2html(context, source)
        return _kept(("markdown", source), lambda: HTMLExporter.markdown2html(self, context, source))


_NO_ALT = re.compile(r"<img\b(?![^>]*\balt=)")
_RENDERED: dict[tuple[str | None, ...], Any] = {}
MOST_RENDERED, LONGEST_RENDERED = 4096, 10_000  # pieces that are remembered, and characters that they are made of


def _kept(key: tuple[str | None, ...], render: Callable[[], Any]) -> Any:
    if key not in _RENDERED:
        if len(_RENDERED) >= MOST_RENDERED:
            _RENDERED.clear()
        made = render()
        if sum(len(part or "") for part in key) > LONGEST_RENDERED:  # hardly another student's
            return made
        _RENDERED[key] = made
    return _RENDERED[key]


def mended(handed_in: bytes | str, trusted: NotebookNode) -> NotebookNode:
    """What is graded of what was handed in: see ``submission.mend``; a text says why there are no bytes."""
    if isinstance(handed_in, str):
        return submission.unreadable(trusted, handed_in)
    try:
        return submission.mend(submission.read(handed_in), trusted)
    except submission.Unreadable as why:
        return submission.unreadable(trusted, str(why))


def written(nb: NotebookNode) -> str:
    """The text of a notebook as nbgrader writes it, a line end at the end; what many submissions share is kept."""
    cells = [_kept(("cell", repr(cell)), partial(_cell_text, cell)) for cell in nb.cells]
    text = nbformat.v4.writes(NotebookNode({**nb, "cells": []})).removesuffix("\n") + "\n"
    return text.replace('"cells": []', '"cells": [\n' + ",\n".join(cells) + "\n ]", 1) if cells else text


def _cell_text(cell: NotebookNode) -> str:
    """A cell as it stands in a notebook's text."""
    text = nbformat.v4.writes(NotebookNode(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5))
    return text.removeprefix('{\n "cells": [\n').rpartition('\n ],\n "metadata": {}')[0]


def _scores(nb: NotebookNode) -> dict[str, float | None]:
    """``{grade_id: points}`` as nbgrader reads them off the outputs; None where people are to give them."""
    return {submission.grade_id(c): utils.determine_grade(c, _LOG)[0] for c in nb.cells if utils.is_grade(c)}


def _comments(nb: NotebookNode) -> dict[str, str | None]:
    """``{grade_id: comment}``: nbgrader notes where an answer is as it was released."""
    return {
        submission.grade_id(c): "No response." if untouched(c) and not utils.is_task(c) else None
        for c in nb.cells
        if utils.is_solution(c) or utils.is_task(c)
    }


def untouched(cell: NotebookNode) -> bool:
    """Whether a cell is as it was released."""
    return bool(cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell))


def _put_grades(
    nb: NotebookNode,
    notebook: str,
    record: Record,
    scores: Mapping[str, float | None],
    comments: Mapping[str, str | None],
) -> float:
    """Scores and comments into the cells, as nbgrader's GetGrades does; returns the sum of the scores."""
    total = 0.0
    for cell in nb.cells:
        id = submission.grade_id(cell)
        if id in comments:
            cell.metadata.nbgrader["comment"] = record.comments.get((notebook, id), comments[id])
        if id in scores:
            given = record.manual.get((notebook, id), scores[id])
            score = (given or 0.0) + record.extra.get((notebook, id), 0.0)
            total += score
            cell.metadata.nbgrader["score"] = score
            cell.metadata.nbgrader["points"] = float(cell.metadata.nbgrader.get("points", 0))
    return total


def _worth(released: NotebookNode) -> float:
    return float(sum(c.metadata.nbgrader.get("points", 0) for c in released.cells if utils.is_grade(c)))


def _made(steps: Iterable[Any], config: Config) -> list[Any]:
    """nbgrader's preprocessors of these classes, but for those whose work is done here."""
    return [step(config=config) for step in steps if step not in _DONE_HERE]


_LOG = logging.getLogger("grader")  # of nbgrader's functions, which want one
_IDLE: dict[str, list[Tools]] = {}
ORIGIN: Origin | None = None  # of this process's warm ones; a worker is given one


@contextmanager
def _tools(unit: Unit) -> Iterator[Tools]:
    """The tools of this process for a unit; two threads never have the same ones."""
    idle = _IDLE.setdefault(unit.version, [])
    tools = idle.pop() if idle else Tools(unit)
    try:
        yield tools
    finally:
        idle.append(tools)


def close() -> None:
    """End the warm processes of this process."""
    for idle in _IDLE.values():
        while idle:
            idle.pop().close()


@contextmanager
def _timed(spent: dict[str, float], name: str) -> Iterator[None]:
    start = time.thread_time()
    try:
        yield
    finally:
        spent[name] = spent.get(name, 0.0) + time.thread_time() - start


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@cache
def _package_version() -> str:
    """A digest of this package: a changed question, mistake or sentence makes other grades or other feedback."""
    here = Path(__file__).parent.parent
    return _digest(f"{path.relative_to(here)} {path.read_text('utf-8')}" for path in sorted(here.rglob("*.py")))


atexit.register(close)
