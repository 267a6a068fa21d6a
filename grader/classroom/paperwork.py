"""What of grading a submission runs none of its code: reading what was handed in, and writing what comes of it.

What comes out is what ``nbgrader autograde`` and ``nbgrader generate_feedback`` make of the same submission with the
same configuration.  The functions at the end are called in a process of its own; see ``apart``.
"""

from __future__ import annotations

import logging
import re
import signal
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from html import escape
from types import SimpleNamespace
from typing import Any, TypeVar

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import Exporter, HTMLExporter
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
from traitlets import Bool, Unicode
from traitlets.config import Config

from grader.classroom import apart, submission
from grader.classroom.nbgrader_plugin import Mend, RunOutside, limits_of
from grader.notebooks import copied
from grader.words import CLASSROOM

Resources = dict[str, Any]
Out = TypeVar("Out")

MOST_OUTPUTS = 20  # of a cell, on a page that is made plainly
PIECE_SECONDS, PIECES_SECONDS = 1.0, 8.0  # of processor time: for one text of a page, and for all of them
KEPT_OF_AN_OUTPUT, MOST_LINES = 2_000, 10  # characters and lines of a traceback, on a page that is made plainly

# What nbgrader's preprocessors of these classes do is done here or by whoever writes the gradebook.  CheckCellMetadata
# looks for what no longer can be: a mended notebook's metadata are the released one's.
_DONE_HERE = (
    *(Mend, RunOutside, ClearOutput, OverwriteKernelspec, CheckCellMetadata),
    *(SaveAutoGrades, AssignLatePenalties, GetGrades),
)


@dataclass(frozen=True)
class Record:
    """What people have put into the gradebook, which grading leaves as it is and feedback shows.

    manual, extra: ``{(notebook, grade_id): points}``.  comments: the same with texts.
    """

    manual: Mapping[tuple[str, str], float] = field(default_factory=dict)
    extra: Mapping[tuple[str, str], float] = field(default_factory=dict)
    comments: Mapping[tuple[str, str], str] = field(default_factory=dict)


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


class Paperwork:
    """nbgrader's parts as a unit has them configured.

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
        """What is to be run of what was handed in, and what nbgrader's steps go on with."""
        place: dict[str, Any] = {"student": student, "assignment": self.unit, "notebook": name, "db_url": ""}
        resources: Resources = {"nbgrader": place, "metadata": {"name": name}, "unique_key": name}
        nb = mended(handed_in, self.released[name])
        for step in self.sanitize:
            nb, resources = step(nb, resources)
        return nb, resources

    def finish(
        self, nb: NotebookNode, resources: Resources, record: Record, seconds_late: float, plain: bool
    ) -> GradedNotebook:
        """What is written of a notebook that was run and judged.

        plain: make a page that takes no time, whatever the student wrote.
        """
        place = resources["nbgrader"]
        name, trusted = place["notebook"], self.released[place["notebook"]]
        for step in self.steps:
            nb, resources = step(nb, resources)
        scores, comments = _scores(nb), _comments(nb)
        nb = submission.legible(nb)
        text = written(nb)
        total = _put_grades(nb, name, record, scores, comments)
        penalty = self._penalty(place["student"], total, seconds_late)
        worth = float(sum(c.metadata.nbgrader.get("points", 0) for c in trusted.cells if utils.is_grade(c)))
        place |= {"score": total - (penalty or 0), "late_penalty": penalty or 0, "max_score": worth}
        self.pages.plain = plain
        page, _ = self.pages.from_notebook_node(_shortened(nb) if plain else nb, resources=resources)
        return GradedNotebook(text, page, scores, comments, penalty)

    def _penalty(self, student: str, score: float, seconds_late: float) -> float | None:
        """What being late costs, as the course's plugin says and nbgrader bounds it."""
        if seconds_late <= 0:
            return None
        penalty = self.late.plugin_inst.late_submission_penalty(student, score, seconds_late)
        return None if penalty is None else self.late._check_late_penalty(SimpleNamespace(score=score), penalty)


# Whatever a cell holds is seen within it: nothing is drawn over another cell, or widens the page.
_WITHIN = (
    "<style>div.text_cell_render,div.output_subarea{contain:paint;overflow-wrap:anywhere}"
    "div.output_subarea{overflow-x:auto}</style>"
)


class Pages(HTMLExporter):  # type: ignore[misc]
    """nbgrader's feedback pages, many in a row.

    What many submissions share, the statements and checks, is rendered once.  nbconvert parses each finished page
    again, to add what pictures or JupyterLab's own template may lack; here only a page that has such a thing.

    plain: show what students wrote as it is, without laying it out.  trusted: the released texts, which are laid out
        all the same.
    """

    plain = False
    trusted: Container[str] = ()

    exclude_anchor_links = Bool(True)  # a heading with the id of a graded cell would be where links to that cell lead
    raw_template = Unicode(
        "{%- extends 'index.html.j2' -%}{%- block body -%}" + _WITHIN + "{{ super() }}{%- endblock -%}"
        "{%- block any_cell scoped -%}"
        "{%- set kept = cell | rendered -%}{%- if kept -%}{{ kept }}{%- else -%}"
        "{%- set page -%}{{ super() }}{%- endset -%}{{ cell | keep(page) }}{%- endif -%}{%- endblock -%}"
    )

    def default_filters(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        yield from super().default_filters()
        yield "rendered", lambda cell: _RENDERED.get(("page", repr(cell), str(self.plain)))
        yield "keep", lambda cell, page: _kept(("page", repr(cell), str(self.plain)), lambda: page)

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        self.patience = _Patience()
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        highlight = Highlight2HTML(pygments_lexer=lexer, parent=self)

        def highlighted(source: str, language: str | None = None, metadata: Any = None) -> Any:
            key = ("code", source, language, lexer)
            return self._piece(key, source, lambda: highlight(source, language, metadata))

        self.register_filter("highlight_code", highlighted)
        self.filters["highlight_code"] = highlighted
        widgets = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, parent=self, resources=resources)
        self.register_filter("filter_data_type", widgets)
        html, made = super(HTMLExporter, self).from_notebook_node(nb, self._init_resources(resources), **kw)
        if _LAB.search(html) or _NO_ALT.search(html):
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
        key = ("markdown", source)
        return self._piece(key, source, lambda: HTMLExporter.markdown2html(self, context, source))

    def _piece(self, key: tuple[str | None, ...], source: str, render: Callable[[], Any]) -> Any:
        """A text or a piece of code as the page shows it: laid out, or as it is where that takes too long."""

        def as_it_is() -> str:
            return f'<div class="highlight"><pre>{escape(source)}</pre></div>'

        if self.plain and source not in self.trusted:
            return as_it_is()
        return _RENDERED[key] if key in _RENDERED else self.patience.render(lambda: _kept(key, render), as_it_is)


class PatientPages(HTMLExporter):  # type: ignore[misc]
    """``Pages`` in a process of its own, for ``nbgrader generate_feedback``: no page holds it for long."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        nb, resources = Exporter.from_notebook_node(self, nb, resources)  # nbgrader's steps
        config = Config({name: self.config[name] for name in _OF_PAGES if name in self.config})
        seconds = limits_of(self.config).page_seconds
        resources = {name: thing for name, thing in resources.items() if not callable(thing)}  # what travels
        with apart.borrowed() as process:
            try:
                return process.call(page, config, nb, resources, False, seconds=seconds), resources
            except Exception:
                self.log.warning(CLASSROOM["plain_page"])
                nb = submission.noted(nb, CLASSROOM["plain_page"])
                return process.call(page, config, nb, resources, True, seconds=seconds), resources


_OF_PAGES = ("Exporter", "TemplateExporter", "HTMLExporter", "Highlight2HTML")  # parts of a configuration
_LAB = re.compile("<body[^>]*jp-Notebook")
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


class _TooSlow(BaseException):
    """A piece of a page takes longer than it may; nothing between here and ``_Patience`` is to handle that."""


class _Patience:
    """Processor time for the pieces of one page, where this is the process's first thread, which alone can be told."""

    def __init__(self) -> None:
        self.left = PIECES_SECONDS

    def render(self, piece: Callable[[], Out], instead: Callable[[], Out]) -> Out:
        """What ``piece`` makes, or, where that takes too long, what ``instead`` does."""
        if threading.current_thread() is not threading.main_thread():
            return piece()
        if self.left <= 0:
            return instead()
        usual = signal.signal(signal.SIGVTALRM, _stop)
        begun = time.thread_time()
        try:
            # Again and again: an exception can be lost, where a finalizer runs for instance.
            signal.setitimer(signal.ITIMER_VIRTUAL, min(PIECE_SECONDS, self.left), 0.05)
            return piece()
        except _TooSlow:
            return instead()
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, usual)
            self.left -= time.thread_time() - begun


def _stop(*anything: object) -> None:
    raise _TooSlow


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


def _shortened(nb: NotebookNode) -> NotebookNode:
    """The notebook with few outputs a cell, without pictures, and with long texts cut off, but for cards."""
    nb = copied(nb)
    for cell in nb.cells:
        if len(cell.get("outputs", [])) > MOST_OUTPUTS:
            cell.outputs = [
                *cell.outputs[: MOST_OUTPUTS - 1],
                cell.outputs[-1],
            ]  # the last one may say what was breached
    for output in (output for cell in nb.cells for output in cell.get("outputs", [])):
        if output.get("data", {}).pop("image/png", None):
            output["data"].setdefault("text/plain", CLASSROOM["picture"])
        for holder, name in ((output, "text"), (output, "evalue"), (output.get("data", {}), "text/plain")):
            if len(holder.get(name, "")) > KEPT_OF_AN_OUTPUT:
                holder[name] = holder[name][:KEPT_OF_AN_OUTPUT] + " …"
        if "traceback" in output:
            output["traceback"] = [line[:KEPT_OF_AN_OUTPUT] for line in output["traceback"][-MOST_LINES:]]
    return nb


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


def _made(steps: Iterable[Any], config: Config) -> list[Any]:
    """nbgrader's preprocessors of these classes, but for those whose work is done here."""
    return [step(config=config) for step in steps if step not in _DONE_HERE]


_LOG = logging.getLogger("grader")  # of nbgrader's functions, which want one


# --- what is called in a process of its own: its arguments and results travel

_OPEN: dict[str, Paperwork] = {}


def open_unit(key: str, unit: str, released: Mapping[str, str], config: Config) -> None:
    """Have the unit's paperwork at hand under this key."""
    _OPEN[key] = Paperwork(unit, released, config)


def read(key: str, student: str, name: str, handed_in: bytes | str) -> tuple[NotebookNode, Resources, float]:
    """See ``Paperwork.read``; seconds of processor time come last."""
    begun = time.thread_time()
    return *_OPEN[key].read(student, name, handed_in), time.thread_time() - begun


def finish(key: str, *arguments: Any) -> tuple[GradedNotebook, float]:
    """See ``Paperwork.finish``; seconds of processor time come last."""
    begun = time.thread_time()
    return _OPEN[key].finish(*arguments), time.thread_time() - begun


def page(config: Config, nb: NotebookNode, resources: Resources, plain: bool) -> str:
    """A notebook's page, laid out as configured; see ``Paperwork.finish`` for ``plain``."""
    key = repr(config)
    if key not in _PAGES:
        _PAGES[key] = Pages(config=config)
    _PAGES[key].plain = plain
    return str(_PAGES[key].from_notebook_node(_shortened(nb) if plain else nb, resources=resources)[0])


_PAGES: dict[str, Pages] = {}
