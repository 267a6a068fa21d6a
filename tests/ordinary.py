"""A course as anybody's: two notebooks of functions, asserts, gaps and essays, nothing of ours in it, and its class.

It has a cell of each kind that nbgrader knows, and of each way in which people write tests.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.api import Gradebook
from own import solved

from grader.nbgrader import course

UNIT = "week1"
PLAIN = "c = get_config()\nc.IncludeHeaderFooter.header = 'source/header.ipynb'\n"
PLUGIN = "from grader.nbgrader import plugin\n\nplugin.configure(c)\n"


# --- cells


def text(source: str):
    return new_markdown_cell(source)


def code(source: str):
    return new_code_cell(source)


def marked(id: str, source: str, kind: str = "code", **rules):
    """A cell of nbgrader's.  rules: what is not usual in its metadata."""
    make = {"code": new_code_cell, "markdown": new_markdown_cell}[kind]
    usual = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return make(source, metadata={"nbgrader": {"grade_id": id, "cell_type": kind, **usual, **rules}})


def locked(id: str, source: str, kind: str = "code"):
    return marked(id, source, kind, locked=True)


def answer(id: str, source: str):
    return marked(id, source, solution=True)


def test(id: str, points: float, source: str):
    return marked(id, source, grade=True, locked=True, points=points)


test.__test__ = False  # not one of pytest's


def by_hand(id: str, points: float, source: str, kind: str = "markdown"):
    return marked(id, source, kind, grade=True, solution=True, points=points)


def task(id: str, points: float, source: str):
    return marked(id, source, "markdown", task=True, locked=True, points=points)


def gap(before: str, solution: str) -> str:
    """An answer cell: what is given, and the solution, which students are to write."""
    begin = "    " if solution.startswith("    ") else ""
    return f"{before}{begin}### BEGIN SOLUTION\n{solution}\n{begin}### END SOLUTION"


def hidden(source: str) -> str:
    return f"### BEGIN HIDDEN TESTS\n{source}\n### END HIDDEN TESTS"


def notebook(*cells, prefix="cell"):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nb = new_notebook(cells=list(cells), metadata={"kernelspec": kernel})
    for k, cell in enumerate(nb.cells):
        cell.id = f"{prefix}-{k}"
    return nb


# --- the course

HEADER = notebook(
    text("Run everything once more before you hand it in."), code('NAME = ""\nPARTNERS = ""'), prefix="head"
)

WORDS = notebook(
    locked("about", "Functions on lists of words.", "markdown"),
    code("import math"),
    text("### 1. Longest\nThe longest word of a list, the first of several; a `ValueError` for an empty list."),
    answer(
        "longest",
        gap(
            'def longest(words):\n    """The longest word."""\n',
            '    if not words:\n        raise ValueError("no words")\n    return max(words, key=len)',
        ),
    ),
    code('longest(["a", "abc", "ab"])'),
    test(
        "longest-seen",
        2,
        '"""Some lists"""\nassert longest(["a"]) == "a"\nassert longest(["a", "abc", "ab"]) == "abc", "the longest"',
    ),
    test(
        "longest-empty",
        1,
        'try:\n    longest([])\nexcept ValueError:\n    print("refused, as it should be")\n'
        'else:\n    raise AssertionError("an empty list was not refused")',
    ),
    test("longest-hidden", 2, "# more lists are tried\n{}".format(hidden('assert longest(["ab", "cd"]) == "ab"'))),
    text("### 2. Lengths\nAll lengths. Use it for the mean length."),
    answer("lengths", gap("def lengths(words):\n", "    return [len(word) for word in words]")),
    answer("mean", gap("def mean_length(words):\n", "    return sum(lengths(words)) / len(words)")),
    test(
        "lengths-part",
        4,
        "tried = [([], []), (['a'], [1]), (['ab', 'c'], [2, 1]), (['', 'abcd'], [0, 4])]\n"
        "sum(lengths(given) == wanted for given, wanted in tried)",
    ),
    test(
        "mean-part",
        1,
        "print('the mean of ab, c, def')\ngot = mean_length(['ab', 'c', 'def'])\nprint(got)\n"
        "1.0 if math.isclose(got, 2) else 0.25 if round(got) in (1, 2) else 0",
    ),
    test(
        "mean-uses",
        0.5,
        "kept = lengths\ndel lengths\ntry:\n    mean_length(['ab'])\nexcept NameError:\n    pass\n"
        "else:\n    raise AssertionError('mean_length does not use lengths')\nfinally:\n    lengths = kept",
    ),
    test(
        "mean-calls",
        0.5,
        "calls, kept = [], lengths\ndef lengths(words):\n    calls.append(words)\n    return kept(words)\n"
        "mean_length(['ab'])\nlengths = kept\nassert calls == [['ab']], calls",
    ),
    text("### 3. Say hello\nPrint `hello, NAME`, for the name that `input` gives."),
    answer("hello", gap("def hello():\n", '    print(f"hello, {input()}")')),
    test(
        "hello-io",
        1,
        "import contextlib, io\ndef input(prompt=''):\n    return 'ada'\nout = io.StringIO()\n"
        "with contextlib.redirect_stdout(out):\n    hello()\ndel input\nassert out.getvalue() == 'hello, ada\\n'",
    ),
    test(
        "hello-mock",
        1,
        "from unittest.mock import patch\nwith patch('builtins.print') as said:\n"
        "    with patch('builtins.input', lambda: 'bo'):\n        hello()\nsaid.assert_called_once_with('hello, bo')",
    ),
    test(
        "style",
        1,
        "import inspect\nassert 'hello' in globals()\nassert 'for' in inspect.getsource(lengths)\n"
        "import os\nassert os.environ.get('NBGRADER_EXECUTION') in ('autograde', 'validate')",
    ),
    text("### 4. A constant"),
    answer("vowels", gap("", 'vowels = "aeiou"')),
    test("vowels-test", 1, "import unittest\nunittest.TestCase().assertEqual(sorted(vowels), sorted('aeiou'))\n1"),
    test("for-nothing", 0, "assert vowels"),
    by_hand("big-o", 2, "How long does `longest` take?\nAs long as it takes to look at each word once."),
    by_hand("own-use", 3, 'print(longest("some words of a sentence".split()))\nlengths(["x"])', "code"),
    task(
        "read-up",
        4,
        "Read about generators, and rewrite `lengths` below.\n\n### BEGIN MARK SCHEME\nTwo points for `yield`.\n"
        "### END MARK SCHEME",
    ),
    code("lengths"),
)

DATA = notebook(
    locked(
        "imports", "%matplotlib inline\nimport csv\nimport numpy as np\nimport matplotlib.pyplot as plt\nimport tools"
    ),
    text("### 1. Read\nThe column `value` of a file, as an array."),
    answer(
        "read",
        gap(
            "def read(path):\n",
            "    with open(path) as file:\n"
            '        return np.array([float(row["value"]) for row in csv.DictReader(file)])',
        ),
    ),
    code('read("data.csv")'),
    test(
        "read-test",
        2,
        "np.testing.assert_allclose(read('data.csv'), [1, 2, 4.5])\nassert tools.same_type(read('data.csv'))",
    ),
    text("### 2. Scale\nSubtract the mean and divide by the largest distance from it."),
    answer("scale", gap("def scale(x):\n", "    x = x - x.mean()\n    return x / abs(x).max()")),
    test(
        "scale-test",
        3,
        "from tools import near\nx = np.array([1.0, 2.0, 6.0])\nbefore = x.copy()\n"
        "np.testing.assert_array_almost_equal(scale(x), [-2 / 3, -1 / 3, 1])\nassert (x == before).all()\n"
        + hidden("assert near(scale(np.array([0.0, 4.0])), [-1, 1])"),
    ),
    test(
        "scale-random",
        2,
        "rng = np.random.default_rng(1)\nnp.random.seed(3)\n"
        "points = 0\nfor x in (rng.normal(size=4), np.random.rand(3)):\n    y = scale(x)\n"
        "    points += bool(np.isclose(abs(y).max(), 1)) and bool(np.isclose(y.mean(), 0))\nint(points)",
    ),
    text("### 3. Draw"),
    answer("draw", gap("def draw(x):\n", "    figure, axes = plt.subplots()\n    axes.plot(x)\n    return axes")),
    code("axes = draw([1, 2, 4])"),
    test(
        "draw-test", 2, "line = draw([3, 1, 2]).lines[0]\nassert list(line.get_ydata()) == [3, 1, 2]\nplt.close('all')"
    ),
    test("draw-shown", 1, "%matplotlib inline\ndraw([3, 1, 2])\nprint('drawn')"),
    by_hand("see", 2, "What do you see?\nIt rises."),
    locked("bye", "That is all.", "markdown"),
)

SOURCES = {"words": WORDS, "data": DATA}
BESIDE = {
    "data.csv": "name,value\na,1\nb,2\nc,4.5\n",
    "tools.py": "import numpy as np\n\n\ndef near(a, b):\n    return bool(np.allclose(a, b))\n\n\n"
    "def same_type(x):\n    print('looking at', len(x), 'numbers')\n    return x.dtype == np.float64\n",
}


# --- the class


@dataclass(frozen=True)
class Student:
    """What somebody made of the released notebooks.

    solved: whether the answers not in ``wrote`` are right; else they are as released.  wrote: {cell: source}.
    further: {cell: sources of own cells after it}.  deleted: beginnings of cells that are gone.
    named: whether the name was filled in.  without: notebooks that were not handed in.
    """

    solved: bool = True
    wrote: dict[str, str] = field(default_factory=dict)
    further: dict[str, tuple[str, ...]] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    named: bool = True
    without: tuple[str, ...] = ()


LOOP = "def lengths(words):\n    found = []\n    for word in words:\n        found.append(len(word))\n    return found"
CLASS = {
    "all-right": Student(),
    "untouched": Student(solved=False, named=False),
    "half-done": Student(
        solved=False,
        wrote={
            "longest": "def longest(words):\n    return sorted(words, key=len)[-1]",
            "lengths": LOOP,
            "big-o": "Quadratic.",
            "scale": "def scale(x):\n    return x / abs(x).max()",
            "draw": "def draw(x):\n    plt.plot(x)\n    return plt.gca()",
        },
        further={
            "lengths": ("lengths(['so', 'far'])\n# so good", "help(lengths)", "lengths?"),
            "draw": ("plt.plot([1, 2]);",),
        },
    ),
    "wrong": Student(
        wrote={
            "longest": "def longest(words):\n    return words[0]",
            "lengths": "def lengths(words):\n    return [len(word) for word in words if word]",
            "mean": "def mean_length(words):\n    return sum(map(len, words)) // len(words) - 0.5",
            "hello": "def hello():\n    return input('who?')",
            "vowels": "vowels = 'aeiouy'",
            "read": "def read(path):\n    return np.array([1, 2, 4])",
            "scale": "def scale(x):\n    x -= x.mean()\n    return x / abs(x).max()",
            "draw": "def draw(x):\n    return plt.subplots()[1]",
        },
    ),
    "errors": Student(
        wrote={
            "longest": "def longest(words):\n    return longest(words[1:] or words)",
            "lengths": f"{LOOP}\n\nlengths(['ab'])\nlengths([1])",
            "hello": "def hello(:\n    print('hello')",
            "vowels": "vowels = aeiou",
            "own-use": "print('before')\nraise KeyError('my use')",
            "read": "def read(path):\n    return open('no-such-file.csv').read()",
        },
        further={"vowels": ("1 / 0", "'5' + 5")},
    ),
    "loud": Student(
        wrote={"longest": "import sys\n\n\ndef longest(words):\n    print('looking at', words)\n    if not words:\n"
               "        raise ValueError\n    return max(words, key=len)\n\n\nprint('to stderr', file=sys.stderr)"},
        further={
            "lengths": ("import warnings\nwarnings.warn('be careful')\nlengths(['x'])", "display(1, 'two')\n3"),
            "vowels": ("for k in range(3):\n    print(k, end=' ')", "vowels\nvowels[::-1]", "vowels;"),
            "scale": ("np.array([1.0]) / 0", "plt.plot([1, 2], [3, 4])\nplt.show()\nprint('after it')"),
        },
    ),
    "tidy": Student(
        deleted=('longest(["a"', "### 2. Lengths", 'read("data.csv")', "lengths"),
        further={
            "longest": ("", "# only a comment", "def longest_two(words):\n    return sorted(words, key=len)[-2:]"),
            "mean": ("%precision 2\nmean_length(['ab', 'c', 'd'])", "%precision %r\n1 / 3", "x = %pwd\ntype(x)"),
        },
    ),
    "one-only": Student(without=("data",), wrote={"big-o": "Each word once.", "own-use": "lengths(['my', 'own'])"}),
}  # fmt: skip
BY_HAND = {
    ("all-right", "words", "big-o"): {"manual_score": 1.5, "extra_credit": 0.5, "comment": "Say why."},
    ("all-right", "words", "read-up"): {"manual_score": 4.0},
    ("all-right", "data", "scale-test"): {"extra_credit": 1.0},
    ("wrong", "words", "longest-seen"): {"manual_score": 1.0},
    ("wrong", "data", "see"): {"comment": "I do not see that."},
    ("half-done", "data", "see"): {"manual_score": 0.0},
    ("errors", "words", "own-use"): {"manual_score": 2.0, "comment": "A good start."},
}


def lay_out(folder: Path, unit: str, sources: dict, config: str = PLAIN) -> Path:
    """A course with one assignment, released by plain nbgrader."""
    place = folder / "source" / unit
    place.mkdir(parents=True)
    (folder / course.CONFIG).write_text(config)
    nbformat.write(HEADER, folder / "source" / "header.ipynb")
    for name, nb in sources.items():
        nbformat.write(nb, place / f"{name}.ipynb")
    for name, content in BESIDE.items():
        (place / name).write_text(content)
    os.environ["PATH"] = course.environment(folder)["PATH"]  # nbgrader calls `alembic`
    made = course.api(folder).generate_assignment(unit)
    assert made["success"], made["log"]
    return folder


def hand_in(folder: Path, unit: str, name: str, made: Student) -> None:
    place = folder / "submitted" / name / unit
    place.mkdir(parents=True)
    for path in sorted((folder / "release" / unit).glob("*.ipynb")):
        if path.stem not in made.without:
            nb = nbformat.read(path, 4)
            right = solved(nbformat.read(folder / "source" / unit / path.name, 4)) if made.solved else {}
            write(nb, made, name, {**right, **made.wrote})
            nbformat.write(nb, place / path.name)
    for name in BESIDE:
        (place / name).write_text(BESIDE[name])


def write(nb, made: Student, name: str, answers: dict[str, str]) -> None:
    """What a student does to a released notebook."""
    cells = []
    for cell in nb.cells:
        id = cell.metadata.get("nbgrader", {}).get("grade_id")
        if id is None and made.deleted and cell.source.startswith(made.deleted):
            continue
        if id in answers:
            cell.source = answers[id]
        elif made.named:
            cell.source = cell.source.replace('NAME = ""', f'NAME = "{name}"')
        cells += [cell, *map(new_code_cell, made.further.get(id, ()))]
    nb.cells = cells


def enter(folder: Path, unit: str, entries: dict) -> None:
    """Put into the gradebook what people give by hand: {(student, notebook, cell): what}."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        for (student, name, cell), given in entries.items():
            book.update_or_create_student(student)
            book.update_or_create_submission(unit, student)
            grade = book.find_grade(cell, name, unit, student)
            for column in given.keys() - {"comment"}:
                setattr(grade, column, given[column])
            if "comment" in given:
                book.find_comment(cell, name, unit, student).manual_comment = given["comment"]
        book.db.commit()
