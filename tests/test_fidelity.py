"""What a cell shows in the sandbox is what it shows in a real kernel: the text outputs of both, side by side."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from grader.classroom import submission
from grader.demo import sample
from grader.sandbox.conversation import outputs_from
from grader.sandbox.wire import plain_text
from grader.sandbox.zygote import Zygote

ROOT = Path(__file__).parent.parent
NAME = Path(sample.UNIT) / f"{sample.UNIT}.ipynb"
SOLUTION = nbformat.read(sample.COURSE / "solutions" / NAME, as_version=4)
RELEASED = nbformat.read(sample.COURSE / "exercises" / NAME, as_version=4)

# Cells that any kernel shows alike.
ALIKE = {
    "print": "print('a', 1, end='')\nprint('b')",
    "both streams": "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out again')",
    "last expression": "x = 3\nx",
    "semicolon": "x;",
    "None": "None",
    "two expressions": "1\n2",
    "display": "display('shown', [1, 2])\n'last'",
    "display of many kinds": "class Both:\n    def __repr__(self): return 'plain'\n"
    "    def _repr_html_(self): return '<b>rich</b>'\nBoth()",
    "HTML": "from IPython.display import HTML, Markdown\ndisplay(HTML('<b>x</b>'))\nMarkdown('*x*')",
    "print and value": "print('first')\n'second'",
    "error": "def f():\n    return 1 / 0\nf()",
    "error after print": "print('before')\nraise ValueError('two\\nlines')",
    "chained error": "try:\n    {}['a']\nexcept KeyError as why:\n    raise RuntimeError('chained') from why",
    "own exception": "class Mine(Exception):\n    pass\nraise Mine('text', 3)",
    "long error": "raise ValueError('x' * 1000)",
    "assertion": "assert 1 == 2, 'unequal'",
    "syntax": "def f(:\n    pass",
    "indentation": "if True:\nx = 1",
    "name": "undefined_name",
    "multi-line": "y = (1 +\n     2)\ny",
    "unicode": "'∂y/∂x → Jᵀv'",
    "numbers": "import torch\ntorch.tensor([1., float('nan'), 2.5])",
    "tensor with a graph": "torch.ones(2, requires_grad=True) * 2",
    "numpy": "import numpy as np\nnp.arange(6.).reshape(2, 3)",
    "dict": "{'b': 1, 'a': [1, (2, 3)], 'long': list(range(40))}",
    "warning": "import warnings\nwarnings.warn('careful')\n'after'",
    "deprecation": "warnings.warn('old', DeprecationWarning)",
    "torch warning": "y = torch.ones(2, requires_grad=True) * 2\ny.grad",
    "await": "import asyncio\nawait asyncio.sleep(0)\n'awaited'",
    "async def": "async def g():\n    return 7\nawait g()",
    "Out": "Out[3] if len(Out) else None\n_ == 7",
    "underscore": "_",
    "In": "len(In) > 3, In[1][:5]",
    "get_ipython": "get_ipython() is not None, 'get_ipython' in globals()",
    "assignment magic": "a = %pwd\ntype(a).__name__",
    "who": "%who_ls str",
    "capture": "%%capture held\nprint('held')",
    "captured": "held.stdout",
    "unknown magic": "%no_such_magic",
    "unknown cell magic": "%%no_such_cell_magic\nx",
    "precision": "%precision 3\n3.14159265",
    "question mark": "x = 5\nx",
    "exit": "import sys\nsys.exit('leaving')",
    "quit": "raise SystemExit",
    "keyboard": "raise KeyboardInterrupt('by hand')",
    "main": "__name__",
    "pickle": "import pickle\npickle.loads(pickle.dumps(x))",
    "dataclass": "from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\nP(1)",
    "inspect": "import inspect\ndef here(): pass\ninspect.getsource(here)",
    "logging": "import logging\nlogging.warning('logged')",
    "thread": "import threading\nt = threading.Thread(target=print, args=('in a thread',))\nt.start(); t.join()",
    "carriage": "print('one\\rtwo')",
    "colour": "print('\\x1b[31mred\\x1b[0m')",
    "clear": "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')",
    "flush": "print('flushed', flush=True)\nsys.stdout.flush()",
    "write": "sys.stdout.write('written\\n')",
    "figure": "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nlines = ax.plot([1, 2])\nplt.close(fig)\nfig",
    "show": "lines = plt.plot([1, 2])\nplt.show()",
    "figure at the end": "lines = plt.plot([1, 2])",
    "help": "print?",
    "comment": "# nothing",
    "empty": "",
    "cell of blanks": "   \n\n",
}  # fmt: skip

# Cells that the sandbox answers otherwise: what it shows, as a pattern of the compared texts, and why that is meant.
NO_PROGRAMS = "other programs cannot be started"
NO_FILES = "no file outside of the libraries can be read"
NO_JUDGE = "check, hint and progress show nothing here: the judge is elsewhere"
OTHERWISE = {
    "program": ("!echo hello", "OSError", NO_PROGRAMS),
    "system": ("import os\nos.system('true')", "'execute_result', '[1-9]", NO_PROGRAMS),
    "subprocess": ("import subprocess\nsubprocess.run(['true'])", "PermissionError", NO_PROGRAMS),
    "script magic": ("%%bash\necho hello", "PermissionError", NO_PROGRAMS),
    "processes": (
        "import multiprocessing\nmultiprocessing.Process(target=print).start()",
        "PermissionError",
        "other processes cannot be started",
    ),
    "network": ("import socket\nsocket.socket().fileno() > 0", "PermissionError", "no socket can be opened"),
    "files": ("len(open('/etc/passwd').readline()) > 0", "PermissionError", NO_FILES),
    "folders": ("len(os.listdir('/')) > 0", "PermissionError", NO_FILES),
    "environment": (
        "'USER' in os.environ or len(os.environ) > 6",
        "False",
        "of the environment nothing is handed over",
    ),
    "update": (
        "handle = display('a', display_id='x')\nhandle.update('b')",
        "'a'.*'b'",
        "what is shown is not changed afterwards: both are kept",
    ),
    "kernel": ("get_ipython().kernel is not None", "AttributeError", "there is a shell, but no kernel"),
    "kind of shell": ("type(get_ipython()).__name__", "'Shell'", "there is a shell, but no kernel"),
    "asyncio.run": ("import asyncio\nasyncio.run(asyncio.sleep(0))", "PermissionError", "a new loop needs sockets"),
    "history": ("%history -l 1", r", \[\]", "no history is kept beyond In and Out"),
    "check": ("from grader import check, hint, progress\ncheck('vjp.transfer', None)", r", \[\]", NO_JUDGE),
    "hint": ("hint('vjp.transfer')", r", \[\]", NO_JUDGE),
    "progress": ("progress()", r", \[\]", NO_JUDGE),
    "judge": ("import grader.judge", "PermissionError|ModuleNotFoundError", "the judge is elsewhere"),
}

# Cells whose texts cannot be compared, since no two kernels agree with each other: they must end without an error.
UNCOMPARABLE = {"time": "%time 1", "timeit": "%timeit -n 1 -r 1 1"}


def texts(outputs):
    """What of a cell's outputs is compared: both streams as wholes, then values, displays and errors in order.

    Two streams reach a real kernel's client in no fixed order, so each is taken by itself.
    """
    streams, rest = {"stdout": "", "stderr": ""}, []
    for output in outputs:
        if output["output_type"] == "stream":
            streams[output["name"]] += output["text"]
        elif output["output_type"] == "error":
            rest.append(("error", output["ename"], _no_places(plain_text(output["evalue"]))))
        elif "text/plain" in output["data"]:
            rest.append((output["output_type"], output["data"]["text/plain"]))
    return {name: _no_places(plain_text(text)) for name, text in streams.items()}, rest


def _no_places(text):
    """Text in which a cell's file has no name of its own: warnings and syntax errors name what every kernel invents."""
    return re.sub(r"(?:/\S+/ipykernel_\d+/)?\b\d+\.py(?=:\d+:|, line)|<ipython-input-[^>]*>", "CELL", text)


def in_a_kernel(sources, folder):
    """The texts of each cell in a real kernel, up to the cell in which it died."""
    nb = new_notebook(cells=[new_code_cell(source) for source in sources])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    client = NotebookClient(nb, timeout=120, allow_errors=True, resources={"metadata": {"path": str(folder)}})
    # The zygote process heeds none of Python's own variables, such as those by which `make test` silences warnings.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        client.execute(env=environment)
    except DeadKernelError:
        done = next(k for k, cell in enumerate(nb.cells) if cell.execution_count is None)
        return [texts(cell.outputs) for cell in nb.cells[: done - 1]]
    return [texts(cell.outputs) for cell in nb.cells]


@pytest.fixture(scope="module")
def zygote(fork_server):
    process = Zygote(fork_server=fork_server)
    yield process
    process.close()


def in_the_sandbox(sources, zygote):
    return [texts(done.outputs) for done in zygote.run(sources, lambda id: None)]


@pytest.fixture(scope="module", autouse=True)
def a_students_environment(tmp_path_factory):
    """What Python and IPython read is not what whoever runs the tests has set: PYTHONWARNINGS would silence kernels.

    The zygote process is started without any of it, by ``python -I``.
    """
    folder = tmp_path_factory.mktemp("kernel")
    with pytest.MonkeyPatch.context() as patched:
        for name in [name for name in os.environ if name.startswith("PYTHON")]:
            patched.delenv(name)
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR"):
            patched.setenv(name, str(folder / name))
        yield folder


@pytest.fixture(scope="module")
def tricky(zygote, a_students_environment):
    """``{cell: (in a kernel, in the sandbox)}``."""
    cells = {**ALIKE, **UNCOMPARABLE, **{name: source for name, (source, *_) in OTHERWISE.items()}}
    sources = list(cells.values())
    both = (in_a_kernel(sources, a_students_environment), in_the_sandbox(sources, zygote))
    return dict(zip(cells, zip(*both, strict=True), strict=True))


@pytest.mark.parametrize("name", ALIKE)
def test_cell_shows_the_same(tricky, name):
    kernel, sandbox = tricky[name]
    assert sandbox == kernel


@pytest.mark.parametrize("name", OTHERWISE)
def test_cell_shows_what_it_is_meant_to_show_instead(tricky, name):
    """The way to fail: a comparison that finds everything equal."""
    kernel, sandbox = tricky[name]
    assert sandbox != kernel
    assert re.search(OTHERWISE[name][1], str(sandbox))


@pytest.mark.parametrize("name", UNCOMPARABLE)
def test_cell_that_tells_the_time_runs_in_both(tricky, name):
    for streams, rest in tricky[name]:
        assert streams["stdout"]
        assert not any(kind == "error" for kind, *_ in rest)


# Cells that IPython rewrites before they are Python, or could: whether that is seen without looking at their tokens.
SIGNS = {
    "x = 1\nx": True,
    "%time 1": False,
    "x = %pwd": False,
    "x = \\\n  %pwd": False,
    "files = !ls": False,
    "len?": False,
    "?len": False,
    "!ls": False,
    ",f a b": False,
    ";f a": False,
    "/f 1": False,
    "def g():\n    !ls": False,
    "%%time\nx": True,
    "\n\n%%time\nx": True,
    ">>> 1 + 1": True,
    "In [1]: 1": True,
    "  indented = 1": True,
    "if x:\n  a\n b": False,
    "a = '''\n%not\n!ls\n'''": True,
    "x = 1 \\\n% 3": True,
    "# a comment that ends\u2028%pwd": False,
    "print('a')\r%pwd": False,
    "x = 1\x0c%pwd": False,
    "unclosed = (1,": False,
    "await x": True,
    "f'{x!r}'": True,
    "'\\d'": True,
    "℘ = 1": True,
    "": True,
    "# nothing": True,
}


def test_every_cell_becomes_what_ipython_makes_of_it(zygote):
    """Only that IPython does not look for its signs among the tokens of what is Python already."""
    code = f"""
import warnings
from IPython.core import inputtransformer2

def become(manager, source):
    looked, make = [], inputtransformer2.make_tokens_by_line
    inputtransformer2.make_tokens_by_line = lambda lines: looked.append(1) or make(lines)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = manager.transform_cell(source)
        except SyntaxError as why:
            made = repr(why)
    inputtransformer2.make_tokens_by_line = make
    return made, bool(looked), len(caught)

ours, usual = get_ipython().input_transformer_manager, inputtransformer2.TransformerManager()
for source in {[*SIGNS]!r}:
    print([become(ours, source), become(usual, source)])
ours.token_transformers.append(inputtransformer2.HelpEnd)
print([become(ours, "x"), become(usual, "x")])
"""
    ((done,),) = [run.outputs for run in zygote.run([code], lambda id: None)]
    pairs = [ast.literal_eval(line) for line in done["text"].splitlines()]
    assert len(pairs) == len(SIGNS) + 1
    for source, ((ours, _, said), (usual, looked, heard)) in zip((*SIGNS, "x"), pairs, strict=True):
        assert (ours, said) == (usual, heard), source
        assert looked
    assert [not looked for (_, looked, _), _ in pairs[:-1]] == [*SIGNS.values()]
    assert pairs[-1][0][1]  # a student's own transformer is asked


def test_input_finds_nobody_who_answers(zygote):
    """A real kernel without a front end has another error for it, and nbclient gives up."""
    _, rest = in_the_sandbox(["input('name? ')", "'goes on'"], zygote)[0]
    assert rest[0][:2] == ("error", "EOFError")


def test_html_and_scripts_show_their_text_only(zygote):
    (done,) = zygote.run(["from IPython.display import HTML\nHTML('<script>x</script>')"], lambda id: None)
    assert done.outputs[0]["data"] == {"text/plain": "<IPython.core.display.HTML object>"}


def code(nb):
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def notebooks():
    """``{name: notebook}``: every unit's solution, and, mended, each of the sample class whose file can be read."""
    found = {path.stem: nbformat.read(path, as_version=4) for path in sorted((ROOT / "solutions").glob("*/*.ipynb"))}
    for student in sample.CLASS:
        try:
            submitted = submission.read(student.submission(SOLUTION, RELEASED))
        except submission.Unreadable:
            continue
        found[student.name] = submission.mend(submitted, RELEASED)
    return found


NOTEBOOKS = notebooks()


@cache
def kernel_run(sources, folder):
    """As ``in_a_kernel``; several members differ in metadata only, and share one run."""
    return in_a_kernel(sources, folder)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_ungraded_cell_of_solutions_and_class_shows_what_a_kernel_shows(name, zygote):
    cells = code(NOTEBOOKS[name])
    # These are meant to show nothing, see OTHERWISE; what they show in a kernel is other tests' business.
    quiet = [cell.source.startswith(("check(", "hint(", "progress(", "gallery(")) for cell in cells]
    sources = tuple("" if q else cell.source for q, cell in zip(quiet, cells, strict=True))
    sandbox, kernel = in_the_sandbox(list(sources), zygote), kernel_run(sources, ROOT / "tests")
    assert len(kernel) == len(cells) or name == "tara"  # whose kernel dies half way
    for ours, theirs in zip(sandbox, kernel, strict=False):
        assert ours == theirs


def test_the_class_shows_something_to_compare():
    """The way to fail: notebooks that show nothing at all are always alike."""
    sources = "".join(cell.source for nb in NOTEBOOKS.values() for cell in code(nb))
    assert "1 / 0" in sources
    assert "stderr" in sources
    assert len(NOTEBOOKS) >= 20
    assert {path.stem.removeprefix("lesson_") for path in (ROOT / "course").glob("lesson_*.ipynb")} <= NOTEBOOKS.keys()


def test_streams_are_compared_without_codes_and_places():
    outputs, _ = outputs_from(
        [{"output_type": "stream", "name": "stderr", "text": "<ipython-input-3-ab>:1: W\x1b[0m"}], 99
    )
    assert texts(outputs) == texts([{"output_type": "stream", "name": "stderr", "text": "/tmp/ipykernel_7/8.py:1: W"}])
