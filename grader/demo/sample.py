"""A sample class: the answers and accidents of real students, and the score that each must get.

Its unit, notebook and pack of questions, is a copy of an earlier unit 05, in ``course/`` beside this file, so that
changes to the real unit leave the class as it is.  Every submission is made from the released notebook by filling in
right or wrong answers, and by breaking it in ways in which students break theirs.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from grader.classroom.cells import cells_of
from grader.classroom.submission import grade_id

UNIT = "05_weighted_vjp"
COURSE = Path(__file__).parent / "course"
PACK = COURSE / "questions.py"

Edit = Callable[[NotebookNode], None]


@dataclass(frozen=True)
class Student:
    """One member of the class.

    story: what happened, in a few words.
    wrong: ``{question id: (code in place of the solution, expected score, the mistake, error or status that the judge
        must name)}``.
    undone: ids of questions that are not answered.
    edit: changes the notebook further.  lost: ids of questions that get no points because of ``edit`` or ``file``.
    file: turns the text of the finished notebook into the bytes that are handed in.
    remark: the key in ``words.FEEDBACK`` of a sentence that the feedback page must show, or "".
    """

    name: str
    story: str
    wrong: Mapping[str, tuple[str, float, str]] = field(default_factory=dict)
    undone: tuple[str, ...] = ()
    edit: Edit | None = None
    lost: tuple[str, ...] = ()
    file: Callable[[str], bytes] | None = None
    remark: str = ""

    def submission(self, solution: NotebookNode, released: NotebookNode) -> bytes:
        """The bytes that this student hands in.  solution, released: the unit's source and release versions."""
        nb = deepcopy(released)
        solved = {grade_id(cell): cell.source for cell in solution.cells if grade_id(cell)}
        cells = checks(released)
        answers = {f"answer-{cells[id]}": answer for id, (answer, _, _) in self.wrong.items()}
        undone = {f"answer-{cells[id]}" for id in self.undone}
        for cell in nb.cells:
            name = grade_id(cell)
            if cell.metadata.get("nbgrader", {}).get("solution") and name not in undone:
                cell.source = answered(solved[name], answers.get(name))
        if self.edit:
            self.edit(nb)
        text = nbformat.writes(nb)
        return self.file(text) if self.file else text.encode()

    def expected(self, points: Mapping[str, float]) -> dict[str, float]:
        """``{question id: score}`` that grading must give; points: ``{question id: points}`` of the unit."""
        return {
            id: self.wrong[id][1] if id in self.wrong else 0.0 if id in (*self.undone, *self.lost) else worth
            for id, worth in points.items()
        }


def checks(released: NotebookNode) -> dict[str, str]:
    """``{question id: grade_id of the cell that checks it}``, as the cells of a released notebook say.

    In all of our notebooks, the answer's cell has the same id, prefixed with ``answer-``.
    """
    return {question: cell for cell, question in cells_of(released).questions.items()}


def lay_out(folder: Path) -> None:
    """Copy the course of the sample class into a folder: its configuration, its pack, and its unit's source version.

    The release version is left for nbgrader to generate; the one in COURSE is for use without nbgrader.
    """
    shutil.copytree(COURSE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "exercises"))


def hand_in(course: Path, students: Sequence[Student], unit: str = UNIT) -> None:
    """Write the students' submissions into ``submitted/`` of a course in which the unit has been released.

    Raises FileExistsError if one of them has a folder there already.
    """
    name = Path(unit) / f"{unit}.ipynb"
    solution = nbformat.read(course / "solutions" / name, as_version=4)
    released = nbformat.read(course / "exercises" / name, as_version=4)
    for student in students:
        path = course / "submitted" / student.name / name
        path.parent.mkdir(parents=True)
        path.write_bytes(student.submission(solution, released))


def answered(source: str, answer: str | None = None) -> str:
    """The source of a solution cell without its BEGIN and END markers.

    answer: code to put between them in place of the solution; None keeps the solution.
    """
    lines: list[str] = []
    inside = False
    for line in source.splitlines():
        if "BEGIN SOLUTION" in line:
            inside = True
            if answer is not None:
                indent = line[: len(line) - len(line.lstrip())]
                lines += [indent + new for new in answer.splitlines()]
        elif "END SOLUTION" in line:
            inside = False
        elif not inside or answer is None:
            lines.append(line)
    return "\n".join(lines)


def _index(nb: NotebookNode, name: str) -> int:
    return next(k for k, cell in enumerate(nb.cells) if grade_id(cell) == name)


def _delete(name: str) -> Edit:
    return lambda nb: nb.cells.__delitem__(_index(nb, name))


def _insert(before: str, source: str) -> Edit:
    return lambda nb: nb.cells.insert(_index(nb, before), new_code_cell(source))


def _set_source(name: str, source: str) -> Edit:
    return lambda nb: nb.cells[_index(nb, name)].update(source=source)


def _copy_cells_with_a_first_try(nb: NotebookNode) -> None:
    """Copy an answer and its check above the originals, which count, and put another answer into the copy."""
    place = _index(nb, "answer-05-one_row")
    pair = deepcopy(nb.cells[place : place + 2])
    pair[0].source = "def one_row(f, x, i):\n    return f(x)[i]"
    for cell in pair:
        cell.id += "-copy"  # front ends give copies new ids, too
    nb.cells[place:place] = pair


def _check_before_answer(nb: NotebookNode) -> None:
    place = _index(nb, "answer-05-scalar_trick")
    nb.cells[place], nb.cells[place + 1] = nb.cells[place + 1], nb.cells[place]


def _metadata(**values: object) -> Edit:
    """Overwrite these values in the nbgrader metadata of all graded cells."""

    def edit(nb: NotebookNode) -> None:
        for cell in nb.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.metadata.nbgrader.update(values)

    return edit


def _skip_the_checks(nb: NotebookNode) -> None:
    for cell in nb.cells:
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["skip-execution"]


def _by_another_front_end(text: str) -> bytes:
    """The notebook in an older format without cell ids, with a BOM, Windows line ends and a saved widget state."""
    nb = json.loads(text)
    nb["nbformat_minor"] = 2
    nb["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}
    for cell in nb["cells"]:
        del cell["id"]
        cell["metadata"]["collapsed"] = False
    return b"\xef\xbb\xbf" + json.dumps(nb, indent=2, ensure_ascii=False).replace("\n", "\r\n").encode()


_ALL = tuple(
    f"vjp.{name}"
    for name in (
        "predict_error",
        "weight_the_outputs",
        "scalar_trick",
        "backward_gradient",
        "one_row",
        "ones_sum_the_rows",
        "several_outputs",
        "several_inputs",
        "mend_the_weight",
        "weight_that_depends_on_x",
        "rebuild_jacobian",
        "transfer",
    )
)
_SECOND_HALF = _ALL[6:]

_ROWS_BY_BACKWARD = """\
J = torch.zeros(len(f(x)), len(x), dtype=x.dtype)
for i in range(len(J)):
    f(x)[i].backward()
    J[i] = x.grad
return J"""

_COLUMNS = """\
y = f(x)
J = torch.zeros(len(x), len(y), dtype=x.dtype)
for i in range(len(y)):
    J[:, i] = torch.autograd.grad(y[i], x, retain_graph=True)[0]
return J"""

_NOT_RETAINED = """\
y = f(x)
return torch.stack([torch.autograd.grad(entry, x)[0] for entry in y])"""

_ONLY_Y = "return torch.autograd.grad(y, x, grad_outputs=v)[0]"
_EXCHANGED = "return torch.autograd.grad((y, z), x, grad_outputs=(w, v))[0]"
_HALF = "by_A, by_x = torch.autograd.grad(f(A, x), (A, x), grad_outputs=v)\nreturn by_A, 2 * by_x"
_BY_COLUMNS = "y = f(x)\nv = v.reshape(y.shape[::-1]).T\nreturn torch.autograd.grad(y, x, grad_outputs=v)[0]"
_FLAT = "return torch.autograd.grad(f(x), x, grad_outputs=v)[0]"
_BOTH_FACTORS = "return torch.autograd.grad((weigh(x) * f(x)).sum(), x)[0]"
_WARNS = 'import sys\nprint("a harmless warning", file=sys.stderr)\nweight = v'

CLASS = (
    Student("ada", "everything right"),
    Student("ben", "nothing touched", undone=_ALL),
    Student("carla", "half done", undone=_SECOND_HALF),
    Student(
        "deniz",
        "ones as weights, everywhere",
        wrong={
            "vjp.predict_error": ('return "acd"', 0.0, "letter_too_many"),
            "vjp.weight_the_outputs": ("weight = torch.ones_like(y)", 0.0, "ones_weight"),
            "vjp.scalar_trick": ("number = y.sum()", 0.0, "ones_weight"),
            "vjp.ones_sum_the_rows": ("return [1, 9]", 0.0, "sum_of_columns"),
        },
    ),
    Student(
        "emma",
        "a mean for a sum",
        wrong={
            "vjp.weight_the_outputs": ("weight = v / len(v)", 0.0, "mean_of_weighted"),
            "vjp.scalar_trick": ("number = (v * y).mean()", 0.0, "mean_of_weighted"),
            "vjp.transfer": ("return torch.autograd.grad(f(X).mean(), X)[0]", 0.0, "mean_of_outputs"),
        },
    ),
    Student(
        "farid",
        "forgets that backward adds",
        wrong={
            "vjp.backward_gradient": ("f(x).backward(gradient=v)", 0.0, "stale_grad"),
            "vjp.rebuild_jacobian": (_ROWS_BY_BACKWARD, 0.0, "rows_accumulated"),
        },
    ),
    Student(
        "grace",
        "things in another order",
        wrong={
            "vjp.several_outputs": (_EXCHANGED, 0.0, "weights_exchanged"),
            "vjp.several_inputs": (
                "return torch.autograd.grad(f(A, x), (x, A), grad_outputs=v)",
                0.0,
                "inputs_swapped",
            ),
            "vjp.mend_the_weight": (_BY_COLUMNS, 0.0, "weight_laid_out_by_columns"),
        },
    ),
    Student(
        "hugo",
        "rows and columns",
        wrong={
            "vjp.one_row": ("weight = torch.zeros_like(y)\nweight[i - 1] = 1", 0.0, "other_row"),
            "vjp.rebuild_jacobian": (_COLUMNS, 0.0, "transposed_assembly"),
        },
    ),
    Student(
        "ines",
        "differentiates too much",
        wrong={
            "vjp.scalar_trick": ("number = (v * y).sum() ** 2", 0.0, "squared_loss"),
            "vjp.weight_that_depends_on_x": (_BOTH_FACTORS, 0.0, "weight_not_detached"),
        },
    ),
    Student(
        "jonas",
        "one of two right",
        wrong={
            "vjp.several_outputs": (_ONLY_Y, 0.0, "one_output_forgotten"),
            "vjp.several_inputs": (_HALF, 1.0, "some_right"),
        },
    ),
    Student(
        "kaya",
        "stopped by errors",
        wrong={
            "vjp.weight_the_outputs": ("weight = None", 0.0, "scalar_needed"),
            "vjp.mend_the_weight": (_FLAT, 0.0, "weight_shape"),
            "vjp.rebuild_jacobian": (_NOT_RETAINED, 0.0, "second_backward"),
        },
    ),
    Student("lena", "deleted a check", edit=_delete("05-scalar_trick"), remark="missing"),
    Student(
        "milan",
        "deleted an answer",
        edit=_delete("answer-05-one_row"),
        lost=("vjp.one_row",),
        remark="missing_answer",
    ),
    Student("nora", "copied cells", edit=_copy_cells_with_a_first_try, remark="duplicate"),
    Student("otto", "an exception half way", edit=_insert("answer-05-one_row", "1 / 0")),
    Student("pia", "a warning on stderr", wrong={"vjp.weight_the_outputs": (_WARNS, 2.0, "")}),
    Student(
        "quinn",
        "emptied a check of something undone",
        undone=("vjp.transfer",),
        edit=_set_source("05-transfer", ""),
        remark="changed",
    ),
    Student("rosa", "gave herself 100 points", undone=("vjp.transfer",), edit=_metadata(points=100)),
    Student("sami", "metadata from the future", edit=_metadata(schema_version=99)),
    Student(
        "tara",
        "the kernel crashed half way",
        edit=_insert("answer-05-several_outputs", "import os\n\nos._exit(1)"),
        lost=_SECOND_HALF,
    ),
    Student("ugo", "checks tagged to be skipped", undone=_ALL, edit=_skip_the_checks),
    Student("vera", "a check above its answer", edit=_check_before_answer, remark="reordered"),
    Student(
        "walt",
        "handed in plain text",
        lost=_ALL,
        file=lambda text: b"My answers: 1. ac  2. v",
        remark="not_a_notebook",
    ),
    Student("xenia", "an empty file", lost=_ALL, file=lambda text: b"", remark="empty"),
    Student(
        "yuri",
        "not UTF-8",
        lost=_ALL,
        file=lambda text: text.replace("weighted", "gewichtet für").encode("latin-1", "replace"),
        remark="not_utf8",
    ),
    Student("zoe", "saved by another front end", file=_by_another_front_end),
)


def crowd(count: int, seed: int = 0) -> list[Student]:
    """A class of ``count`` students, mixed as real classes are: mostly right answers, common mistakes, gaps.

    One in twenty also has an accident with the notebook.  The same seed gives the same class.
    """
    draw = random.Random(seed)
    usual = {id: [student.wrong[id] for student in CLASS if id in student.wrong] for id in _ALL}
    accidents = [student for student in CLASS if student.edit or student.file]
    students = []
    for k in range(count):
        had = draw.choice(accidents) if draw.random() < 0.05 else Student("", "")
        done = len(_ALL) if draw.random() < 0.7 else draw.randrange(len(_ALL))
        undone = {*_ALL[done:], *had.undone}
        wrong = {
            id: draw.choice(usual[id])
            for id in _ALL
            if usual[id] and id not in {*undone, *had.lost} and draw.random() < 0.25
        }
        kept = tuple(id for id in _ALL if id in undone)
        students.append(replace(had, name=f"student-{k:05}", story="one of many", wrong=wrong, undone=kept))
    return students
