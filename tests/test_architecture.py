"""The architecture: which module may import which, no import cycles, and a page that names every module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "grader"
PAGE = ROOT / "docs" / "architecture.md"
OF_NBGRADER = ("nbgrader", "nbconvert", "sqlalchemy")


def files() -> dict[str, Path]:
    """``{dotted name: file}`` of every module of the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[:3] != ("grader", "demo", "course"):  # the sample class's course, which is no part of it
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def imports(text: str, at_start: bool = False) -> Iterator[str]:
    """The modules that a text imports, and names that may be modules.  at_start: without imports inside functions."""
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        lazy = isinstance(node, ast.FunctionDef)
        if not (at_start and lazy):
            waiting += ast.iter_child_nodes(node)


def strangers(name: str, text: str) -> set[str]:
    """The modules that a module imports although it must not."""
    room = name.split(".")[1] if "." in name else ""
    found = set(imports(text))
    wrong = set()
    if room != "nbgrader":
        wrong |= {other for other in found if other.split(".")[0] in OF_NBGRADER}
        if name != "grader.cli":
            wrong |= {other for other in found if other.startswith("grader.nbgrader")}
    if room in ("sandbox", "probe"):
        known = ("pack", "question", "problem", "quantities", "mistakes", "judge", "units", "classroom", "student")
        wrong |= {other for other in found if other.startswith(tuple(f"grader.{part}" for part in known))}
    if room != "units":  # packs are found by their entry points
        wrong |= {other for other in found if other.startswith("grader.units")}
    if room not in ("classroom", "nbgrader", "cli", "demo"):
        wrong |= {other for other in found if other.startswith("grader.classroom")}
    return wrong


@pytest.mark.parametrize("name", sorted(files()))
def test_a_module_knows_none_but_its_own_room_and_those_below(name):
    assert strangers(name, files()[name].read_text("utf-8")) == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("grader.classroom.report", "from nbgrader.api import Gradebook"),
        ("grader.classroom.report", "def f():\n    import grader.nbgrader.results"),
        ("grader.probe", "from grader.question import Question"),
        ("grader.sandbox.confined", "import grader.judge"),
        ("grader.judge", "from grader.classroom import report"),
        ("grader.student", "from grader.units import QUESTIONS"),
    ],
)
def test_a_module_that_knows_more_is_noticed(name, text):
    assert strangers(name, text)


def graph(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """The modules that each module imports when it is imported itself."""
    return {
        name: {other for other in imports(text, at_start=True) if other in texts} - {name}
        for name, text in texts.items()
    }


def in_order(texts: Mapping[str, str]) -> list[str]:
    """All modules, each after those that it needs.  Raises CycleError."""
    found = graph(texts)
    packages = {name for name in found if any(other.startswith(f"{name}.") for other in found)}
    # ``from grader import words`` needs words; the package itself imports nothing that it needs.
    return list(
        TopologicalSorter(
            {k: v - packages | {p for p in v & packages if p in LEAVES} for k, v in found.items()}
        ).static_order()
    )


LEAVES = {"grader.words", "grader.mistakes"}  # packages whose own file holds what others import


def test_no_two_modules_need_each_other():
    assert len(in_order({name: path.read_text("utf-8") for name, path in files().items()})) == len(files())


def test_a_circle_is_noticed():
    with pytest.raises(CycleError):
        in_order(
            {"grader.a": "from grader import b", "grader.b": "import grader.c", "grader.c": "from grader.a import x"}
        )
    assert in_order({"grader.a": "def f():\n    from grader import b", "grader.b": "import grader.a"})


def modules() -> set[str]:
    """Every module as the page names it; a folder of one kind of tables counts as one."""
    found = {name.removeprefix("grader.").replace(".", "/") for name in files()} - {"grader"}
    rooms = {"units", "mistakes", "words"}
    return {
        n for n in found if n.split("/")[0] not in rooms and n not in ("classroom", "nbgrader", "sandbox", "demo")
    } | rooms


def missing(text: str) -> set[str]:
    return {
        name
        for name in modules()
        if not re.search(rf"`(grader/)?{re.escape(name)}[`/.]|\b{re.escape(name)}\b(?= *(-->|\[|:))", text)
    }


def test_every_module_is_on_the_page():
    text = PAGE.read_text("utf-8")
    assert missing(text) == set()
    assert missing(text.replace("`classroom/bounded`", "")) == {"classroom/bounded"}  # the way to fail


def test_the_page_names_no_module_that_is_gone():
    named = set(re.findall(r"`((?:classroom|nbgrader|sandbox|demo)/\w+)`", PAGE.read_text("utf-8")))
    assert named <= modules()
    assert len(named) > 20
