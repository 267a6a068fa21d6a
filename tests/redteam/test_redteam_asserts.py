"""Attacks on ordinary nbgrader tests, which run inside a submission's process: what is closed, and what stays open.

Each attack is a cell of a submission whose answer is wrong, and the instructor's test of it.  In the sandbox it earns
nothing; in a plain IPython, read as nbgrader reads it, it earns points.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

import naive
import nbformat
import pytest
from nbgrader.utils import determine_grade

from grader.sandbox import conversation
from grader.sandbox.asserts import Test
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Zygote

RIGHT = "def f(x):\n    return 2 * x"
WRONG = "def f(x):\n    return 0"
PLAIN = "assert f(2) == 4\nassert f(3) == 6"
NUMPY = "import numpy as np\nnp.testing.assert_allclose(f(2), 4)"
IN_STEPS = "import numpy as np\ngot = f(2)\nnp.testing.assert_allclose(got, 4)"
TORCH = "import torch\ntorch.testing.assert_close(torch.tensor(float(f(2))), torch.tensor(4.0))"
ABSOLUTE = "assert abs(f(2) - 4) < 1e-6"
TIMED = "%%time\nassert f(2) == 4"
RAISES = """
try:
    f("x", 1)
except ValueError:
    pass
except Exception:
    assert f(2) == 4
    pass
"""


@dataclass(frozen=True)
class Attack:
    """does: in a line.  code: the submission's cell, after a wrong answer.  test: the instructor's.

    before: the instructor's own cells before the test.
    """

    name: str
    does: str
    code: str
    test: str = PLAIN
    before: tuple[str, ...] = ()

    @property
    def cells(self) -> list[str]:
        return [*self.before, WRONG, textwrap.dedent(self.code).strip("\n")]


ATTACKS = [
    Attack(
        "displayhook",
        "the answer calls sys.displayhook with a number",
        "import sys\ndef f(x):\n    sys.displayhook(2.0)",
    ),
    Attack(
        "asserts_dropped",
        "an AST transformer drops every assert",
        """
        import ast
        class Drop(ast.NodeTransformer):
            def visit_Assert(self, node):
                return ast.copy_location(ast.Pass(), node)
        get_ipython().ast_transformers.append(Drop())
        """,
    ),
    Attack(
        "cells_emptied",
        "an input transformer empties every cell with an assert",
        "get_ipython().input_transformers_cleanup.append(\n"
        "    lambda lines: [] if any('assert' in line for line in lines) else lines)",
    ),
    Attack(
        "run_code_stubbed",
        "the shell's run_code does nothing",
        "async def nothing(self, *a, **k):\n    return False\ntype(get_ipython()).run_code = nothing",
    ),
    Attack(
        "run_cell_stubbed",
        "the shell's run_cell does nothing",
        "get_ipython().run_cell = lambda *a, **k: None",
    ),
    Attack(
        "traceback_stubbed",
        "errors show nothing",
        "type(get_ipython())._showtraceback = lambda *a, **k: None",
    ),
    Attack(
        "event_hook",
        "a hook shows a number before each cell",
        "ip = get_ipython()\nip.events.register('pre_run_cell', lambda info: ip.displayhook(2.0))",
    ),
    Attack(
        "cell_magic_redefined",
        "the cell magic that the test begins with does nothing",
        "get_ipython().register_magic_function(lambda line, cell: None, 'cell', 'time')",
        TIMED,
    ),
    Attack(
        "get_ipython_replaced",
        "get_ipython is another function",
        "get_ipython = __import__('unittest.mock').mock.Mock()",
        TIMED,
    ),
    Attack(
        "numpy_testing_replaced",
        "numpy's assertion agrees with everything",
        "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None",
        NUMPY,
    ),
    Attack(
        "numpy_testing_replaced_in_the_answer",
        "the same, done by the answer when the test calls it",
        "def f(x):\n    import numpy.testing\n    numpy.testing.assert_allclose = lambda *a, **k: None",
        IN_STEPS,
    ),
    Attack(
        "code_replaced_in_the_answer",
        "the answer gives the assertion that waits for it another body",
        """
        import numpy as np, types
        def f(x):
            for place in (np.testing.assert_allclose, np.testing._private.utils.assert_array_compare):
                inner = getattr(place, "__wrapped__", place)
                if not inner.__code__.co_freevars:
                    inner.__code__ = (lambda *a, **k: None).__code__
            return 0
        """,
        NUMPY,
    ),
    Attack(
        "internals_replaced",
        "what numpy's assertions call agrees with everything",
        "import numpy as np\nnp.testing._private.utils.assert_array_compare = lambda *a, **k: None",
        NUMPY,
    ),
    Attack(
        "builtin_hidden_in_a_module",
        "a name in a module hides a builtin that its functions call",
        "import statistics\nstatistics.sum = lambda *a: statistics.Fraction(6)",
        "import statistics\nassert statistics.mean([f(1), f(2)]) == 3",
    ),
    Attack(
        "defaults_replaced",
        "numpy's assertion has another tolerance by default",
        """
        import inspect, numpy as np
        found = inspect.unwrap(np.testing.assert_allclose)
        found.__defaults__ = (1e9, 1e9, *found.__defaults__[2:])
        """,
        NUMPY,
    ),
    Attack(
        "keyword_defaults_changed",
        "torch's assertion has another tolerance by default",
        "import torch\ntorch.testing.assert_close.__kwdefaults__.update(rtol=1e9, atol=1e9)",
        TORCH,
    ),
    Attack(
        "torch_testing_replaced",
        "torch's assertion agrees with everything",
        "import torch\ntorch.testing.assert_close = lambda *a, **k: None",
        TORCH,
    ),
    Attack(
        "allclose_replaced",
        "torch.allclose agrees with everything",
        "import torch\ntorch.allclose = lambda *a, **k: True",
        "import torch\nassert torch.allclose(torch.tensor(float(f(2))), torch.tensor(4.0))",
    ),
    Attack(
        "method_added",
        "torch.Tensor has an allclose of its own",
        "import torch\ntorch.Tensor.allclose = lambda *a, **k: True",
        "import torch\nassert torch.tensor(float(f(2))).allclose(torch.tensor(4.0))",
    ),
    Attack(
        "unittest_replaced",
        "unittest's assertion agrees with everything",
        "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None",
        "import unittest\nunittest.TestCase().assertEqual(f(2), 4)",
    ),
    Attack(
        "bases_replaced",
        "unittest's test case has a class before it that agrees with everything",
        """
        import unittest
        class Agrees:
            def failUnlessAll(self, *a): pass
        def agree(self, *a, **k): pass
        unittest.TestCase.__getattribute__ = lambda self, name: lambda *a, **k: None
        """,
        "import unittest\nunittest.TestCase().assertEqual(f(2), 4)",
    ),
    Attack("builtin_replaced", "builtins.abs is always 0", "import builtins\nbuiltins.abs = lambda x: 0", ABSOLUTE),
    Attack("builtin_shadowed", "a name of the notebook's hides abs", "abs = lambda x: 0", ABSOLUTE),
    Attack(
        "builtins_replaced",
        "the notebook has builtins of its own",
        "import builtins\n__builtins__ = {**vars(builtins), 'abs': lambda x: 0}",
        ABSOLUTE,
    ),
    Attack(
        "builtin_shadowed_in_the_answer",
        "the answer hides abs when the test calls it",
        "def f(x):\n    globals()['abs'] = lambda x: 0\n    return 0",
        "got = f(2)\nassert abs(got - 4) < 1e-6",
    ),
    Attack("exception_shadowed", "every exception is the one that the test expects", "ValueError = Exception", RAISES),
    Attack(
        "isclose_replaced",
        "math.isclose agrees with everything",
        "import math\nmath.isclose = lambda *a, **k: True",
        "import math\nassert math.isclose(f(2), 4)",
    ),
    Attack(
        "module_shadowed",
        "the instructor's np is something else that agrees with everything",
        "class np:\n    class testing:\n        assert_allclose = lambda *a: None",
        "np.testing.assert_allclose(f(2), 4)",
        ("import numpy as np",),
    ),
    Attack(
        "module_in_the_work_folder",
        "a numpy.py beside the notebook, and numpy forgotten",
        """
        import sys
        text = "class testing:\\n    @staticmethod\\n    def assert_allclose(*a): pass"
        with open("numpy.py", "w") as file:
            size = file.write(text)
        for name in [name for name in sys.modules if name.split(".")[0] == "numpy"]:
            del sys.modules[name]
        sys.path.insert(0, "")
        """,
        NUMPY,
    ),
    Attack(
        "finder",
        "a finder of modules gives another numpy",
        """
        import sys, types
        class Finder:
            @staticmethod
            def find_spec(name, *rest):
                if name.split(".")[0] == "numpy":
                    from importlib.machinery import ModuleSpec
                    return ModuleSpec(name, Finder)
            @staticmethod
            def create_module(spec):
                made = types.ModuleType(spec.name)
                made.testing = types.SimpleNamespace(assert_allclose=lambda *a: None)
                return made
            @staticmethod
            def exec_module(module): pass
        sys.meta_path.insert(0, Finder)
        for name in [name for name in sys.modules if name.split(".")[0] == "numpy"]:
            del sys.modules[name]
        """,
        NUMPY,
    ),
    Attack(
        "traced",
        "a tracer jumps over the asserts",
        """
        import sys
        def jump(frame, event, argument):
            if event == "line" and frame.f_lineno == 3:
                frame.f_lineno = 4
            return jump
        def tracer(frame, event, argument):
            return jump if frame.f_code.co_name.startswith(("<module>", "<cell")) else None
        sys.settrace(tracer)
        """,
        "if True:\n    done = 1\n    assert f(2) == 4\n    done = 2",
    ),
]
by_name = pytest.mark.parametrize("attack", [pytest.param(attack, id=attack.name) for attack in ATTACKS])


def nothing(id: str) -> None:
    return None


@pytest.fixture(scope="module")
def zygote(fork_server) -> Iterator[Zygote]:
    made = Zygote(fork_server=fork_server)
    yield made
    made.close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory) -> Iterator[naive.Kernel]:
    made = naive.Kernel(tmp_path_factory.mktemp("kernel"), "token")
    yield made
    made.close()


def plainly(kernel: naive.Kernel, folder, cells: list[str], test: str) -> float:
    """The points of 2 that nbgrader gives for a test cell at the end of these cells."""
    made = kernel.run([*cells, test], folder)
    assert made is not None
    rules = {"grade": True, "solution": False, "points": 2, "grade_id": "x", "schema_version": 3}
    cell = nbformat.v4.new_code_cell(test, metadata={"nbgrader": {**rules, "locked": True, "cell_type": "code"}})
    cell.outputs = [nbformat.from_dict(output) for output in made[-1]]
    return determine_grade(cell)[0]


def ended(zygote: Zygote, cells: list[str], test: Test) -> bool:
    return zygote.run([*cells, test], nothing)[-1].ended


@by_name
def test_attack_on_a_test_earns_nothing(attack: Attack, zygote):
    assert not ended(zygote, attack.cells, Test(attack.test, attack.before))


@by_name
def test_attack_on_a_test_earns_points_in_plain_ipython(attack: Attack, kernel, tmp_path):
    assert plainly(kernel, tmp_path, attack.cells, attack.test) == 2


@pytest.mark.parametrize("test", sorted({(attack.test, attack.before) for attack in ATTACKS}))
def test_the_right_answer_passes_and_the_wrong_one_fails_either_way(test, zygote, kernel, tmp_path):
    source, before = test
    for answer, passes in ((RIGHT, True), (WRONG, False)):
        assert ended(zygote, [*before, answer], Test(source, before)) == passes
        assert plainly(kernel, tmp_path, [*before, answer], source) == 2 * passes


# --- attacks whose absent defence is not plain IPython

LEAVES = {
    "os._exit": "import os\nos._exit(0)",
    "exit": "exit()",
    "SystemExit": "raise SystemExit(0)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "crash": "import ctypes\nctypes.string_at(0)",
}


@pytest.mark.parametrize("how", LEAVES)
def test_an_answer_that_leaves_in_the_middle_of_a_test_fails_it(how, zygote):
    answer = "def f(x):\n" + textwrap.indent(LEAVES[how], "    ")
    assert not ended(zygote, [answer], Test("f(1)"))
    assert ended(zygote, ["def f(x):\n    pass"], Test("f(1)"))  # the way to fail


def test_what_an_answer_prints_and_displays_is_no_number(zygote):
    answer = "import sys\ndef f(x):\n    print(2.0)\n    display(2.0)\n    sys.displayhook(2.0)\n"
    answer += "    print(2.0, file=sys.stderr)"
    for test, number in (("f(1)", None), ("f(1)\n0.5", 0.5)):
        run = zygote.run([answer, Test(test)], nothing)[-1]
        assert (run.ended, run.number) == (True, number)
        assert "2.0" in str(run.outputs)


FORGED = """
from grader import check
import sys
wire = sys.modules["grader.sandbox.wire"]
notebook = check.__self__
def f(x):
    wire.send(notebook.pipe, {"done": [], "ended": "0" * 32, "number": 2.0})
"""


def test_a_forged_end_of_a_test_is_not_believed(zygote, monkeypatch):
    test = Test("f(1)\nassert False")
    assert not ended(zygote, [FORGED], test)
    monkeypatch.setattr(conversation.secrets, "token_hex", lambda size: "0" * 2 * size)  # the way to fail
    assert ended(zygote, [FORGED], test)


SPYING = """
import json, sys
from grader import check
wire, notebook = sys.modules["grader.sandbox.wire"], check.__self__
real = json.loads
def spy(text, *rest, **named):
    message = real(text, *rest, **named)
    if "token" in message:
        wire.send(notebook.pipe, {"done": [], "ended": message["token"], "number": 2.0})
    return message
json.loads = spy
"""
SPYING_PIPE = """
import socket
from grader import check
notebook = check.__self__
class Spy(socket.socket):
    __slots__ = ()
    def recv(self, size):
        got = socket.socket.recv(self, size)
        if b'"token": "' in got:
            import sys
            token = got.decode("latin-1").partition('"token": "')[2][:32]
            sys.modules["grader.sandbox.wire"].send(self, {"done": [], "ended": token, "number": 2.0})
        return got
notebook.pipe.__class__ = Spy
"""


SPYING_HEAD = """
import sys
from grader import check
wire, notebook = sys.modules["grader.sandbox.wire"], check.__self__
real = wire._HEAD
class Spy:
    size, pack = real.size, real.pack
    def unpack(self, head):
        text, blob = real.unpack(head)
        wire._HEAD = real
        token = notebook.pipe.recv(text).decode().partition('"token": "')[2][:32]
        wire.send(notebook.pipe, {"done": [], "ended": token, "number": 2.0})
        return wire._HEAD.unpack(wire._exactly(notebook.pipe, 8, None))
wire._HEAD = Spy()
"""
OTHER_CODE = """
import {module} as module
real = module.{name}
def other(*data, **named):
    code = real(*data, **named)
    if isinstance(code, bytes):
        import marshal
        code, wrap = marshal.loads(code), marshal.dumps
    else:
        wrap = lambda code: code
    (mark,) = [text for text in code.co_consts if isinstance(text, str) and text.endswith(":end")]
    made = compile("'HERE'(None)", "x", "exec")
    return wrap(made.replace(co_consts=tuple(mark if each == "HERE" else each for each in made.co_consts)))
module.{name} = other
"""
CHANGED = {
    "json.loads": SPYING,
    "the class of the pipe": SPYING_PIPE,
    "the head of frames": SPYING_HEAD,
    "marshal.loads": OTHER_CODE.format(module="marshal", name="loads"),
    "binascii.a2b_base64": OTHER_CODE.format(module="binascii", name="a2b_base64"),
    "base64.b64decode": OTHER_CODE.format(module="base64", name="b64decode"),
}


@pytest.mark.parametrize("code", CHANGED.values(), ids=CHANGED)
def test_a_test_is_received_by_nothing_that_a_submission_put_in_place(code, zygote, monkeypatch):
    assert not ended(zygote, [code], Test("assert int() == 1"))
    fork = Zygote._fork
    monkeypatch.setattr(Zygote, "_fork", lambda self, *rest: fork(self, *rest[:3], False, ""))  # the way to fail
    assert ended(zygote, [code], Test("assert int() == 1"))


SPYING_DECODER = SPYING.replace("json.loads", "json._default_decoder.decode")


def test_the_decoder_that_json_keeps_is_not_the_one_that_receives_a_test(zygote):
    """It is an object, and no module's or class's entry."""
    assert not ended(zygote, [SPYING_DECODER], Test("assert False"))
    use = SPYING_DECODER + "\nwire = notebook = None\nreal = lambda text: {'token': 1}\njson.loads('{}')"
    assert "AttributeError" in str(zygote.run([use], nothing)[0].outputs)  # the way to fail: nobody calls it


# --- what stays open, so that SECURITY.md says no more than is true

OPEN = {
    "an object that is equal to everything": (
        "class Equal:\n    __eq__ = lambda *a: True\nf = lambda x: Equal()",
        PLAIN,
    ),
    "the frames below an answer": (
        """
        import sys
        def f(x):
            frame = sys._getframe()
            while "ending" not in frame.f_locals:
                frame = frame.f_back
            token = frame.f_locals["message"]["token"]
            pipe = __import__("grader").check.__self__.pipe
            sys.modules["grader.sandbox.wire"].send(pipe, {"done": [], "ended": token})
        """,
        PLAIN,
    ),
    "a name that the test takes from an earlier cell": ("close = lambda a, b: True", "assert close(f(2), 4)"),
    "a library that was not loaded before": (
        """
        import sys, types
        sys.modules["antigravity"] = types.SimpleNamespace(agree=lambda *a: None)
        """,
        "import antigravity\nantigravity.agree(f(2), 4)",
    ),
}


@pytest.mark.parametrize("what", OPEN)
def test_what_stays_open_is_open(what, zygote):
    code, test = OPEN[what]
    before = ("def close(a, b):\n    return a == b",)
    assert ended(zygote, [*before, WRONG, textwrap.dedent(code)], Test(test, before))


def test_a_long_loop_of_calls_is_not_slowed_down_without_end(zygote):
    """Putting things back after every call has a limit, after which calls are as fast as without."""
    (_, run) = zygote.run(
        [RIGHT, Test("for k in range(100_000):\n    assert f(k) == 2 * k")], nothing, Limits(cell_seconds=60)
    )
    assert run.ended
