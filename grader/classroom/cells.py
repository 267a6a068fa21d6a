"""What kind each graded cell of a unit is, by its released source: a question, an nbgrader test, or graded by hand.

Ids are not used for this: front ends make them up.  ``faults`` finds cells that cannot be graded, before any grading.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode

from grader.classroom.submission import grade_id
from grader.pack import Packs
from grader.words import CELLS

CHECK, PACKAGE = "check", "grader"
AUTOTEST = "AUTOTEST"  # in a comment from which nbgrader makes tests when it generates the release version


@dataclass(frozen=True)
class Cells:
    """The graded cells of one released notebook, by their grade_ids.

    questions: ``{grade_id: question id}`` of cells that call ``check``.
    tests: ``{grade_id: source}`` of nbgrader's tests, with their hidden tests.
    by_hand: cells that a person grades.  order: all of them, in the order of the notebook.
    """

    questions: Mapping[str, str] = field(default_factory=dict)
    tests: Mapping[str, str] = field(default_factory=dict)
    by_hand: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


def cells_of(released: NotebookNode, hidden: Mapping[str, str] | None = None) -> Cells:
    """The kinds of the graded cells of a released notebook.

    hidden: ``{grade_id: source}`` of the cells with hidden tests, before these are removed.
    """
    checks = Checks(released)
    questions, tests, by_hand, order = dict[str, str](), dict[str, str](), list[str](), list[str]()
    for cell in filter(is_graded, released.cells):
        id = grade_id(cell)
        order.append(id)
        if not is_test(cell):
            by_hand.append(id)
        else:
            called = list[tuple[str | None, int]]()
            with contextlib.suppress(SyntaxError):  # then it is a test that always fails; ``faults`` says so
                called = checks.of(cell.source)
            if called:
                questions[id] = called[0][0] or ""
            else:
                tests[id] = (hidden or {}).get(id, cell.source)
    return Cells(questions, tests, tuple(by_hand), tuple(order))


def is_graded(cell: NotebookNode) -> bool:
    """Whether a cell is worth points, whoever gives them."""
    rules = cell.metadata.get("nbgrader", {})
    return bool(rules.get("grade") or rules.get("task"))


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell is graded by running it: nbgrader's "Autograder tests"."""
    rules = cell.metadata.get("nbgrader", {})
    return bool(cell.cell_type == "code" and rules.get("grade") and not rules.get("solution") and not rules.get("task"))


def faults(name: str, released: NotebookNode, packs: Packs, hidden: Mapping[str, str] | None = None) -> list[str]:
    """What cannot be graded in a released notebook, in sentences that name the cell and the remedy.

    name: the notebook's, for the sentences.  packs: those available.  hidden: as for ``cells_of``.
    """
    checks, found, seen = Checks(released), list[str](), set[str | None]()
    for k, cell in enumerate(released.cells):
        rules, id = cell.metadata.get("nbgrader", {}), grade_id(cell)
        if cell.cell_type != "code":
            continue
        about = {"notebook": name, "cell": id or CELLS["number"].format(number=k + 1)}
        try:
            called = checks.of(cell.source)
            whole = (hidden or {}).get(id, cell.source)
            concealed = checks.of(whole) if is_test(cell) else called
            empty = is_test(cell) and AUTOTEST not in whole and not _tree(whole).body
        except SyntaxError as why:
            if is_test(cell):
                found.append(CELLS["no_python"].format(**about, line=why.lineno or 1, error=why.msg))
            continue
        if not is_test(cell):
            if called:
                found.append(CELLS["not_graded"].format(**about, id=called[0][0] or "…"))
        elif len(called) > 1:
            found.append(CELLS["two_checks"].format(**about))
        elif len(concealed) > len(called):
            found.append(CELLS["hidden_check"].format(**about))
        elif empty:
            found.append(CELLS["empty"].format(**about))
        elif called:
            found += _of_question(called[0][0], rules, packs, about)
            if called[0][0] in seen:
                found.append(CELLS["again"].format(**about, id=called[0][0]))
            seen.add(called[0][0])
            if not checks.imported:
                found.append(CELLS["not_imported"].format(**about))
    if not any(map(is_graded, released.cells)):
        found.append(CELLS["nothing_graded"].format(notebook=name))
    return found


def _of_question(id: str | None, rules: Mapping[str, object], packs: Packs, about: Mapping[str, str]) -> Iterator[str]:
    if id is None:
        yield CELLS["no_literal"].format(**about)
    elif id not in packs.questions:
        near = difflib.get_close_matches(id, packs.questions, n=3, cutoff=0.6)
        nearest = CELLS["nearest"].format(ids=", ".join(near)) if near else ""
        yield CELLS["unknown"].format(**about, id=id, nearest=nearest, packs=_named(packs))
    else:
        worth, points = float(packs.questions[id].points), float(str(rules.get("points", 0)))
        if worth != points:
            yield CELLS["points"].format(
                **about, id=id, worth=f"{worth:g}", points=f"{points:g}", where=packs.where(id)
            )


def _named(packs: Packs) -> str:
    return ", ".join(pack.name for pack in packs.packs) or CELLS["no_packs"]


class Checks:
    """Finds calls of this package's ``check`` in a notebook, by whatever name the notebook imports it.

    imported: whether some cell imports it.
    """

    def __init__(self, nb: NotebookNode):
        self.names, self.packages, others = set[str](), set[str](), set[str]()
        for cell in nb.cells:
            if cell.cell_type == "code":
                with contextlib.suppress(SyntaxError):
                    others |= self._bound(_tree(cell.source))
        self.imported = bool(self.names or self.packages)
        if not self.imported and CHECK not in others:  # the cells would stop with a NameError, which ``faults`` says
            self.names = {CHECK}

    def _bound(self, tree: ast.AST) -> set[str]:
        """Record the names under which the package's ``check`` is imported; returns names bound to anything else."""
        others = set[str]()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.packages |= {alias.asname or alias.name for alias in node.names if alias.name == PACKAGE}
            elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE and not node.level:
                self.names |= {alias.asname or alias.name for alias in node.names if alias.name == CHECK}
                self.names |= {CHECK for alias in node.names if alias.name == "*"}
            elif isinstance(node, ast.ImportFrom):
                others |= {alias.asname or alias.name for alias in node.names}
            elif isinstance(node, ast.FunctionDef):
                others.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                others.add(node.id)
        return others

    def of(self, source: str) -> list[tuple[str | None, int]]:
        """(question id, line) of each call in a cell's source; None for an id that is not written out.

        Raises SyntaxError.
        """
        calls = [node for node in ast.walk(_tree(source)) if isinstance(node, ast.Call) and self._is_check(node.func)]
        if not self.imported:  # then ``check`` may be a function of the notebook's own, with other arguments
            calls = [call for call in calls if _id(call) is not None and len(call.args) == 2]
        return [(_id(call), call.lineno) for call in calls]

    def _is_check(self, function: ast.expr) -> bool:
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return function.attr == CHECK and function.value.id in self.packages
        return isinstance(function, ast.Name) and function.id in self.names


def _id(call: ast.Call) -> str | None:
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "id")]
    first = given[0] if given else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def _tree(source: str) -> ast.Module:
    """A cell's syntax tree; magics are translated as IPython does.  Raises SyntaxError."""
    try:
        return ast.parse(source)
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return ast.parse(TransformerManager().transform_cell(source))
