"""Feedback pages as nbgrader makes them, many in a row, each within limits of time.

Their text comes from students, so they are laid out in a process that can be killed; see ``classroom.bounded``.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Container, Iterator
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import nbformat
from jinja2 import pass_context
from nbconvert.exporters import Exporter, HTMLExporter, ResourcesDict
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from traitlets import Bool, Unicode
from traitlets.config import Config

from grader import card
from grader.canonical import copied
from grader.classroom import submission
from grader.classroom.cells import is_graded
from grader.classroom.formulas import NoFormula, as_mathml
from grader.nbgrader.plugin import limits_of
from grader.nbgrader.resources import PROCESS
from grader.words import FEEDBACK

Resources = dict[str, Any]
Out = TypeVar("Out")

MOST_OUTPUTS = 20  # of a cell, on a plain page
PIECE_SECONDS, PIECES_SECONDS = 1.0, 8.0  # of CPU time, for one text of a page and for all of them
KEPT_OF_AN_OUTPUT, MOST_LINES = 2_000, 10  # characters of a text, and lines of a traceback, on a plain page

# Keeps what a cell shows within that cell: nothing can be drawn over another cell or widen the page.
_WITHIN = (
    "<style>div.text_cell_render,div.output_subarea{contain:paint;overflow-wrap:anywhere}"
    "div.output_subarea{overflow-x:auto}</style>"
)

TEMPLATES, TEMPLATE = str(Path(__file__).with_name("templates")), "grader_feedback"
NBGRADERS = "feedback"  # nbgrader's own template, in whose place ours is used


class Pages(HTMLExporter):  # type: ignore[misc]
    """Makes nbgrader's feedback pages, many in a row.

    Cells that many submissions share, such as statements and checks, are rendered once.  nbconvert parses each finished
    page again to complete pictures and JupyterLab's own template; here this is done only for pages that have these.

    plain: show students' texts as preformatted text, without laying them out.
    trusted: the released texts, which are laid out even then.
    """

    plain = False
    trusted: Container[str] = ()

    exclude_anchor_links = Bool(True)  # links to a graded cell would lead to a student's heading with the cell's id
    raw_template = Unicode(
        "{%- extends 'index.html.j2' -%}{%- block body -%}" + _WITHIN + "{{ super() }}{%- endblock -%}"
        "{%- block any_cell scoped -%}"
        "{%- set kept = cell | rendered -%}{%- if kept -%}{{ kept }}{%- else -%}"
        "{%- set page -%}{{ super() }}{%- endset -%}{{ cell | keep(page) }}{%- endif -%}{%- endblock -%}"
    )

    def __init__(self, **settings: Any):
        self.rendered, self.patience, self.steps = Rendered(), Patience(), list[Any]()
        self.usual: Resources = {}
        config = settings.get("config") or getattr(settings.get("parent"), "config", Config())
        if config.HTMLExporter.get("template_name", NBGRADERS) == NBGRADERS:  # the course has none of its own
            settings = {"template_name": TEMPLATE, "extra_template_basedirs": [TEMPLATES], **settings}
        super().__init__(**settings)

    def default_filters(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        yield from super().default_filters()
        yield "rich", card.rich
        yield "say", lambda key, **facts: card.rich(FEEDBACK[key].format(**facts))
        yield "lesson", _lesson
        yield "rendered", lambda cell: self.rendered.get(("page", repr(cell), str(self.plain)))
        yield "keep", lambda cell, page: self.rendered.kept(("page", repr(cell), str(self.plain)), lambda: page)

    def register_preprocessor(self, preprocessor: Any, enabled: bool = False) -> Any:
        """As nbconvert's method, but keep the preprocessor in ``steps``.

        For a name or a class nbconvert calls this again with the object made of it; only then is it kept.
        """
        if callable(preprocessor) and not isinstance(preprocessor, type):
            self.steps.append(preprocessor)
        return super().register_preprocessor(preprocessor, enabled)

    def page(self, nb: NotebookNode, resources: Resources, plain: bool) -> str:
        """The notebook's feedback page as HTML; may change the notebook.

        plain: make a page that takes little time whatever the student wrote; see ``shortened``.
        The preprocessors are called here, since nbconvert would copy and validate the notebook before and after each.
        """
        self.plain, self.patience = plain, Patience()
        nb = shortened(nb) if plain else nb
        if not self.usual:  # what nbconvert passes to its templates; it only tells by making and parsing a page
            _, given = super().from_notebook_node(nbformat.v4.new_notebook(), dict(resources))
            self.usual = {name: thing for name, thing in given.items() if name not in resources}
        made = ResourcesDict(lambda: "", {**self.usual, **resources})
        for step in self.steps:
            nb, made = step(nb, made)
        language = nb.metadata.get("language_info", {})
        lexer = language.get("pygments_lexer", language.get("name"))
        highlight = Highlight2HTML(pygments_lexer=lexer, parent=self)

        def highlighted(source: str, language: str | None = None, metadata: Any = None) -> Any:
            key = ("code", source, language, lexer)
            return self._piece(key, source, lambda: highlight(source, language, metadata))

        self.register_filter("highlight_code", highlighted)
        self.filters["highlight_code"] = highlighted
        widgets = WidgetsDataTypeFilter(
            notebook_metadata={made["unique_key"]: nb.metadata}, parent=self, resources=made
        )
        self.register_filter("filter_data_type", widgets)
        html = str(self.template.render(nb=nb, resources=made)).lstrip("\r\n")
        if _LAB.search(html) or _NO_ALT.search(html):
            html, _ = self.from_notebook_node(nb, resources)
        return html

    @pass_context
    def markdown2html(self, context: Any, source: str) -> Any:
        attachments = context.get("cell", {}).get("attachments", {})
        if attachments or self.embed_images:
            return super().markdown2html(context, source)
        return self._piece(("markdown", source), source, lambda: _laid_out(source))

    def _piece(self, key: tuple[str | None, ...], source: str, render: Callable[[], Any]) -> Any:
        """A text or a piece of code as HTML: laid out, or preformatted if that takes too long or the page is plain."""

        def as_it_is() -> str:
            return f'<div class="highlight"><pre>{escape(source)}</pre></div>'

        if self.plain and source not in self.trusted:
            return as_it_is()
        return self.rendered.get(key) or self.patience.render(lambda: self.rendered.kept(key, render), as_it_is)


class PatientPages(HTMLExporter):  # type: ignore[misc]
    """``Pages`` in a bounded process, for ``nbgrader generate_feedback``: a page that takes too long is made plain."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        nb, resources = Exporter.from_notebook_node(self, nb, resources)  # nbgrader's steps
        _add_from_gradebook(nb, resources)
        config = Config({name: self.config[name] for name in _OF_PAGES if name in self.config})
        seconds = limits_of(self.config).page_seconds
        resources = {name: thing for name, thing in resources.items() if not callable(thing)}  # what can be pickled
        key = repr(config)
        with PROCESS.bounded.borrowed() as process:

            def page(nb: NotebookNode, plain: bool) -> str:
                process.make(key, _pages, config)
                return str(process.ask(key, "page", nb, resources, plain, seconds=seconds))

            try:
                return page(nb, plain=False), resources
            except Exception:
                self.log.warning(FEEDBACK["plain_page"])
                return page(submission.noted(nb, FEEDBACK["plain_page"]), plain=True), resources


def _add_from_gradebook(nb: NotebookNode, resources: Resources) -> None:
    """Add the student's name to the resources, and to each graded cell whether it waits for a person's score."""
    place = resources["nbgrader"]
    with Gradebook(place["db_url"]) as gradebook:
        who = gradebook.find_student(place["student"])
        place["person"] = f"{who.first_name or ''} {who.last_name or ''}".strip()
        of = gradebook.find_submission_notebook(place["notebook"], place["assignment"], place["student"])
        waits = {grade.name: grade.manual_score is None and grade.auto_score is None for grade in of.grades}
    for cell in filter(is_graded, nb.cells):
        cell.metadata.nbgrader["waits"] = waits.get(submission.grade_id(cell), False)


class _Renderer(IPythonRenderer):  # type: ignore[misc]
    """nbconvert's renderer of Markdown, with formulas as MathML; what is no formula is shown as it was written."""

    def inline_math(self, body: str) -> str:
        return _formula(body, f"${body}$")

    def block_math(self, body: str) -> str:
        return _formula(body, f"$${body}$$", display=True)

    def latex_environment(self, name: str, body: str) -> str:
        whole = f"\\begin{{{name}}}{body}\\end{{{name}}}"
        return _formula(whole, whole, display=True)


def _formula(tex: str, written: str, display: bool = False) -> str:
    try:
        return as_mathml(tex, display)
    except NoFormula:
        return f'<code class="tex">{escape(written)}</code>'


def _laid_out(source: str) -> str:
    """Markdown as HTML.  Headings have no ids: links to a graded cell would lead to a student's heading."""
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    return str(MarkdownWithMath(renderer=renderer).render(source))


def _lesson(where: tuple[str, str]) -> str:
    """A lesson as HTML, a link if it is on a website.  where: its place in the course, and its address or ""."""
    lesson, address = where
    name = f"<code>{escape(lesson)}</code>"
    return f'<a href="{escape(address)}">{name}</a>' if address.startswith("https://") else name


def _pages(config: Config) -> Pages:
    return Pages(config=config)


_OF_PAGES = ("Exporter", "TemplateExporter", "HTMLExporter", "Highlight2HTML")  # parts of a configuration
_LAB = re.compile("<body[^>]*jp-Notebook")
_NO_ALT = re.compile(r"<img\b(?![^>]*\balt=)")
MOST_RENDERED, LONGEST_RENDERED = 4096, 10_000  # number of cached pieces, and characters of the longest key


class Rendered:
    """A cache of the pieces of pages that many submissions share."""

    def __init__(self) -> None:
        self._pieces: dict[tuple[str | None, ...], Any] = {}

    def get(self, key: tuple[str | None, ...]) -> Any:
        return self._pieces.get(key)

    def kept(self, key: tuple[str | None, ...], render: Callable[[], Any]) -> Any:
        """The piece of this key, made by ``render`` if it is not in the cache."""
        if key not in self._pieces:
            if len(self._pieces) >= MOST_RENDERED:
                self._pieces.clear()
            made = render()
            if sum(len(part or "") for part in key) > LONGEST_RENDERED:  # hardly any other submission has the same
                return made
            self._pieces[key] = made
        return self._pieces[key]


class _TooSlow(BaseException):
    """A piece of a page takes too long.  A BaseException, so that nothing but ``Patience`` handles it."""


class Patience:
    """Limits the CPU time for the pieces of one page; only in the main thread, which alone can receive signals."""

    def __init__(self) -> None:
        self.left = PIECES_SECONDS

    def render(self, piece: Callable[[], Out], instead: Callable[[], Out]) -> Out:
        """What ``piece`` returns, or, if that takes too long, what ``instead`` returns."""
        if threading.current_thread() is not threading.main_thread():
            return piece()
        if self.left <= 0:
            return instead()
        usual = signal.signal(signal.SIGVTALRM, _stop)
        begun = time.thread_time()
        try:
            # The signal is repeated, since its exception can be lost, for instance in a finalizer.
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


def shortened(nb: NotebookNode) -> NotebookNode:
    """A copy with at most MOST_OUTPUTS outputs per cell, no pictures, and long texts cut off; HTML cards are kept."""
    nb = copied(nb)
    for cell in nb.cells:
        if len(cell.get("outputs", [])) > MOST_OUTPUTS:
            cell.outputs = [
                *cell.outputs[: MOST_OUTPUTS - 1],
                cell.outputs[-1],
            ]  # the last one may say what was breached
    for output in (output for cell in nb.cells for output in cell.get("outputs", [])):
        if output.get("data", {}).pop("image/png", None):
            output["data"].setdefault("text/plain", FEEDBACK["picture"])
        for holder, name in ((output, "text"), (output, "evalue"), (output.get("data", {}), "text/plain")):
            if len(holder.get(name, "")) > KEPT_OF_AN_OUTPUT:
                holder[name] = holder[name][:KEPT_OF_AN_OUTPUT] + " …"
        if "traceback" in output:
            output["traceback"] = [line[:KEPT_OF_AN_OUTPUT] for line in output["traceback"][-MOST_LINES:]]
    return nb
