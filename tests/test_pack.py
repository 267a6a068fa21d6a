"""Packs: found where they may be, loaded without mixing, refused in one sentence that names file and line."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import grader
from grader import pack
from grader.pack import CONFIG, PackError, Packs, Source

FUNCTIONS = """\
import torch

SHIFT = {shift}


def bend(x):
    return torch.stack([x[0] * x[1] + SHIFT, torch.sin(x[1]), x[0] ** 2])
"""
QUESTIONS = """\
import functions
from grader.mistakes import Mistake
from grader.problem import Map, normal
from grader.quantities import WeightedGradient
from grader.question import Question

TWICE = Mistake(
    "twice_as_much",
    name="twice as much",
    says="this is twice the answer.",
    why="Nothing is doubled here.",
    on_problem=lambda p: 2 * p.truth,
)
QUESTIONS = [
    Question(
        "own.bend",
        "1 Bend it",
        WeightedGradient(),
        [Map(functions.bend, {{"x": normal(2)}}, "bend")],
        gives=("f", "x", "v"),
        weights={{"v": None}},
        also=(TWICE,),
        without={{"accumulated": "twice has a name of its own here"}},
        hints=("{hint}", "second"),
    ),
]
LESSONS = {{"own": "lessons/bend.ipynb"}}
"""


def written(folder: Path, questions: str = QUESTIONS, functions: str = FUNCTIONS, **about: object) -> Path:
    """A pack's two files in a folder; returns the file with the questions."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "functions.py").write_text(functions.format(**{"shift": 0, **about}))
    (folder / "questions.py").write_text(questions.format(**{"hint": "first", **about}))
    return folder / "questions.py"


def right(f, x, v):
    import torch

    return torch.autograd.grad(f(x), x, grad_outputs=v)[0]


# --- finding


def test_this_course_is_a_pack_that_is_found_by_its_entry_point():
    (source,) = pack.installed()
    assert source.name == "grader.units"
    assert source.installed
    assert {"grader.units.u05_weighted_vjp", "grader.units.u05_functions"} <= source.modules.keys()


def test_an_entry_point_without_a_module_is_refused_by_name(monkeypatch):
    from importlib.metadata import EntryPoint

    point = EntryPoint("lost", "no_such_module_anywhere", pack.GROUP)
    monkeypatch.setattr(pack, "entry_points", lambda group: [point])
    with pytest.raises(PackError, match=r"'lost' .* no_such_module_anywhere"):
        pack.installed()


def test_an_installed_module_is_a_pack_with_what_lies_beside_it(tmp_path, monkeypatch):
    from importlib.metadata import EntryPoint

    written(tmp_path / "somebodys")
    (tmp_path / "somebodys" / "__init__.py").write_text("")
    text = (tmp_path / "somebodys" / "questions.py").read_text()
    (tmp_path / "somebodys" / "questions.py").write_text(text.replace("import functions", "from . import functions"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(pack, "entry_points", lambda group: [EntryPoint("one", "somebodys", pack.GROUP)])
    (tmp_path / "somebodys" / "__init__.py").write_text("from somebodys.questions import QUESTIONS")
    (source,) = pack.installed()
    assert set(source.modules) == {"somebodys", "somebodys.questions", "somebodys.functions"}
    assert list(pack.loaded(source).questions) == ["own.bend"]


def test_a_pack_beside_a_notebook_is_found_and_other_modules_are_not_executed(tmp_path):
    written(tmp_path)
    (tmp_path / "helper.py").write_text("raise RuntimeError('executed')")
    (tmp_path / "their_own.py").write_text("QUESTIONS = ['not a pack: it does not import grader']")
    (tmp_path / "broken.py").write_text("def (")
    assert [Path(source.file).name for source in pack.beside(tmp_path)] == ["questions.py"]


def test_within_a_course_packs_of_the_folders_above_are_found_and_outside_they_are_not(tmp_path):
    written(tmp_path / "course")
    inner = tmp_path / "course" / "source" / "ps1"
    inner.mkdir(parents=True)
    assert pack.beside(inner) == []
    (tmp_path / "course" / CONFIG).touch()
    assert [source.name for source in pack.beside(inner)] == ["questions"]
    assert pack.beside(tmp_path) == []


@pytest.mark.parametrize("name", ["ps1/questions.py", "ps1/questions", "*/questions.py", "ps?/questions"])
def test_a_course_names_its_packs_by_path_or_pattern(tmp_path, name):
    file = written(tmp_path / "ps1")
    assert [source.file for source in pack.named(tmp_path, [name])] == [str(file)]


def test_a_pack_may_be_a_folder(tmp_path):
    written(tmp_path / "mine", QUESTIONS.replace("import functions", "from mine import functions"))
    (tmp_path / "mine" / "__init__.py").write_text("from .questions import LESSONS, QUESTIONS")
    (source,) = pack.named(tmp_path, ["mine"])
    made = pack.loaded(source)
    assert list(made.questions) == ["own.bend"]
    assert made.lessons == {"own": "lessons/bend.ipynb"}


@pytest.mark.parametrize("name", ["questions", "questions.py", "nowhere/*"])
def test_a_pack_that_is_named_and_not_there_is_told(tmp_path, name):
    (tmp_path / "notes").mkdir()
    with pytest.raises(PackError) as told:
        pack.named(tmp_path, [name])
    assert repr(name) in str(told.value)
    assert str(tmp_path / CONFIG) in str(told.value)


# --- loading


def test_a_pack_has_its_questions_functions_mistakes_and_lessons(tmp_path):
    made = pack.loaded(pack.of_path(written(tmp_path)))
    (question,) = made.questions.values()
    (function,) = made.functions
    assert function is question.maps[0].fn
    key, name = made.functions[function]
    assert name == "bend"
    assert made.modules == {key: (tmp_path / "functions.py").read_text()}
    packs = Packs([made])
    assert packs.mistake("own.bend", "twice_as_much").words.name == "twice as much"
    assert packs.mistake("own.bend", "no such mistake") is None
    assert packs.lesson("own.bend", "own") == "lessons/bend.ipynb"
    assert packs.lesson("own.bend", "05") == ""


def test_a_lesson_of_an_installed_pack_is_named_where_it_is_and_nowhere_else(tmp_path):
    installed = pack.loaded(pack.installed()[0])
    here = Path(__file__).parent.parent
    assert Packs([installed], here).lesson("05.scalar_trick", "05") == "course/lesson_05_weighted_vjp.ipynb"
    assert Packs([installed], tmp_path).lesson("05.scalar_trick", "05") == ""
    own = pack.loaded(pack.of_path(written(tmp_path)))
    assert Packs([own], tmp_path).lesson("own.bend", "own") == "lessons/bend.ipynb"  # the course's own word counts


def test_two_packs_with_modules_of_the_same_names_do_not_mix(tmp_path):
    one = pack.loaded(pack.of_path(written(tmp_path / "a", shift=1)))
    questions = QUESTIONS.replace("own.bend", "other.bend")
    other = pack.loaded(pack.of_path(written(tmp_path / "b", questions, shift=2)))
    shifts = [q.maps[0].fn.__globals__["SHIFT"] for q in Packs([one, other]).questions.values()]
    assert shifts == [1, 2]
    assert len(Packs([one, other]).modules) == 2


def test_loading_from_text_leaves_no_module_behind_and_every_other_in_its_place(tmp_path):
    import grader.units as units

    source = pack.of_path(written(tmp_path))
    before = dict(sys.modules)
    sys.modules["functions"] = units  # any module: somebody else's of that name
    try:
        made = pack._made(replace(pack.installed()[0], installed=False))
        assert list(pack.loaded(source).questions) == ["own.bend"]
        assert sys.modules["functions"] is units
    finally:
        sys.modules.pop("functions")
    assert set(sys.modules) - set(before) <= {name for name in sys.modules if name.startswith("_")}
    assert grader.units is units is sys.modules["grader.units"]
    # The same course again, of the same text, and yet another object than the installed one.
    assert made.questions.keys() == {question.id for question in units.QUESTIONS}
    assert made.questions["05.scalar_trick"].maps[0].fn is not units.u05_weighted_vjp.SWIRL.fn


def test_a_pack_is_loaded_from_its_text_where_its_files_are_not(tmp_path):
    source = pack.of_path(written(tmp_path))
    elsewhere = {name: (f"/nowhere/{name}.py", text) for name, (_, text) in source.modules.items()}
    made = pack._made(Source(source.name, elsewhere))
    question = made.questions["own.bend"]
    assert question.problems()
    assert question.maps[0].fn.__code__.co_filename == "/nowhere/functions.py"


def test_a_pack_with_parents_is_loaded_from_its_text_where_these_are_not_installed(tmp_path):
    source = pack.of_path(written(tmp_path))
    texts = {f"not_installed.deep.{name}": given for name, given in source.modules.items()}
    file, text = texts["not_installed.deep.questions"]
    texts["not_installed.deep.questions"] = file, text.replace("import functions", "from . import functions")
    made = pack._made(Source("not_installed.deep.questions", texts, installed=True))
    assert list(made.questions) == ["own.bend"]
    assert not [name for name in sys.modules if name.startswith("not_installed")]


def test_what_counts_is_the_text_and_not_where_it_lies(tmp_path):
    one, other = (pack.of_path(written(tmp_path / name)) for name in "ab")
    assert one.digest == other.digest
    assert len(Packs(map(pack.loaded, [one, other])).packs) == 1
    for changed in ({"hint": "another"}, {"shift": 5}):
        assert pack.of_path(written(tmp_path / "c", **changed)).digest != one.digest


# --- refused, in one sentence


def refused(folder: Path, **texts: str) -> str:
    with pytest.raises(PackError) as told:
        pack.loaded(pack.of_path(written(folder, **texts)))
    assert "\n" not in str(told.value)
    return str(told.value)


def line_of(file: Path, words: str) -> int:
    return next(n for n, line in enumerate(file.read_text().splitlines(), 1) if words in line)


def test_two_packs_with_one_id_are_an_error_that_names_both(tmp_path):
    one, other = written(tmp_path / "a"), written(tmp_path / "b", hint="another")
    with pytest.raises(PackError) as told:
        Packs([pack.loaded(pack.of_path(one)), pack.loaded(pack.of_path(other))])
    for file in (one, other):
        assert f"{file}:{line_of(file, 'own.bend')}" in str(told.value)


def test_a_pack_that_fails_to_import_is_told_with_file_and_line(tmp_path):
    said = refused(tmp_path, functions=FUNCTIONS + "\n1 / 0\n")
    assert f"{tmp_path / 'functions.py'}:{line_of(tmp_path / 'functions.py', '1 / 0')}: " in said
    assert "ZeroDivisionError" in said


def test_a_pack_that_is_no_python_is_told_with_file_and_line(tmp_path):
    said = refused(tmp_path, questions=QUESTIONS + "\ndef (\n")
    assert f"{tmp_path / 'questions.py'}:{line_of(tmp_path / 'questions.py', 'def (')}: " in said


@pytest.mark.parametrize("instead", ["NONE = []", "QUESTIONS = {{}}", "QUESTIONS = [1]"])
def test_a_pack_without_questions_is_told(tmp_path, instead):
    said = refused(tmp_path, questions=f"from grader import check\n{instead}\n")
    assert said.startswith(f"{tmp_path / 'questions.py'}:1: ")


def test_two_questions_with_one_id_are_told(tmp_path):
    said = refused(tmp_path, questions=QUESTIONS + "\nQUESTIONS += QUESTIONS\n")
    assert "two questions 'own.bend'" in said


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("bend = lambda x: x", "lambda or a closure"),
        ("def made():\n    def bend(x):\n        return x\n    return bend\nbend = made()", "lambda or a closure"),
        (
            "def made(c):\n    def bend(x):\n        return c * x\n    return bend\nbend = made(2)",
            "lambda or a closure",
        ),
        ("import torch\nbend = torch.sin", "not a plain Python function"),
        ("from grader import words\ndef bend(x):\n    return x", "imports grader"),
        ("import questions_too\ndef bend(x):\n    return x", "imports questions_too"),
        ("from . import other\ndef bend(x):\n    return x", ""),
    ],
)
def test_a_function_that_cannot_be_handed_to_students_is_told_with_file_and_line(tmp_path, function, said):
    (tmp_path / "questions_too.py").write_text("")
    told = refused(tmp_path, functions=function)
    assert said in told
    assert f"{tmp_path}/" in told
    assert int(told.split(":")[1]) >= 1


def test_a_function_beside_the_questions_is_refused_since_questions_never_enter_the_sandbox(tmp_path):
    own = QUESTIONS.replace("import functions\n", "").replace("functions.bend", "bend")
    own = own.replace("QUESTIONS = [", "def bend(x):\n    return x\n\n\nQUESTIONS = [")
    assert "imports grader" in refused(tmp_path, questions=own)


def test_a_function_that_is_not_handed_to_students_may_be_anything(tmp_path):
    plain = QUESTIONS.replace('gives=("f", "x", "v")', 'gives=("x", "v")')
    assert pack.loaded(pack.of_path(written(tmp_path, plain, "import torch\nbend = torch.sin"))).functions == {}


# --- in a student's kernel


@pytest.fixture
def notebooks_folder(tmp_path, monkeypatch):
    """The folder of a released notebook, with a pack in it, as the working folder."""
    written(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_that_a_student_calls_sees_the_pack_beside_the_notebook(notebooks_folder):
    assert "own.bend" in {question.id for question in grader.questions()}
    assert grader.check("own.bend", right).verdict.correct
    wrong = grader.check("own.bend", lambda f, x, v: 2 * right(f, x, v)).verdict
    assert (wrong.status, wrong.mistake, wrong.unit) == ("mistake", "twice_as_much", "own")
    assert "first" in str(grader.hint("own.bend"))
    assert "own  ✓    1/1" in str(grader.progress())
    assert "05  " not in str(grader.progress())  # nothing of another course that was never begun
    assert grader.diagnose("own.bend", right, seed=3).correct
    assert grader.check("04.one_row", lambda f, x, i: 1).verdict.question == "04.one_row"
    assert "04  ·✗········" in str(grader.progress())


def test_elsewhere_the_question_is_not_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(grader.UnknownQuestion, match=r"own\.bend") as told:
        grader.diagnose("own.bend", right)
    assert str(tmp_path) in str(told.value)  # where the file with the questions should lie
    with pytest.raises(grader.UnknownQuestion) as told:
        grader.diagnose("05.scalar_trik", right)
    assert str(tmp_path) not in str(told.value)


def test_a_lesson_that_the_pack_does_not_have_is_not_named(notebooks_folder):
    ones = grader.diagnose("own.bend", lambda f, x, v: right(f, x, v * 0 + 1))
    assert (ones.mistake, ones.unit) == ("ones_weight", "")
    assert "Lesson" not in str(grader.check("own.bend", lambda f, x, v: right(f, x, v * 0 + 1)))
    assert grader.diagnose("05.scalar_trick", lambda f, x, v: right(f, x, v * 0 + 1)).unit == "05"


def test_an_edited_pack_is_the_edited_one_at_the_next_check(notebooks_folder):
    assert "first" in str(grader.hint("own.bend"))
    written(notebooks_folder, hint="rewritten")
    grader.student._hints_given.clear()
    assert "rewritten" in str(grader.hint("own.bend"))


def test_a_broken_pack_stops_no_other_question_and_says_why_its_own_are_missing(notebooks_folder):
    written(notebooks_folder, questions=QUESTIONS + "\n1 / 0\n")
    assert grader.diagnose("05.scalar_trick", right).correct
    with pytest.raises(grader.UnknownQuestion, match=r"questions.py:\d+: .*ZeroDivisionError"):
        grader.diagnose("own.bend", right)


def test_a_pack_that_repeats_an_installed_id_is_an_error_where_that_question_is_asked(notebooks_folder):
    written(notebooks_folder, questions=QUESTIONS.replace("own.bend", "05.scalar_trick"))
    for id in ("05.scalar_trick", "no.such"):
        with pytest.raises(grader.UnknownQuestion, match=r"Two packs have a question .05\.scalar_trick"):
            grader.diagnose(id, right)
    assert grader.diagnose("05.mend_the_weight", right).title.startswith("5.5")


def test_a_line_of_a_packs_function_is_never_shown_as_the_students(notebooks_folder):
    verdict = grader.diagnose("own.bend", lambda f, x, v: f("text"))
    assert verdict.status == "raised"
    assert [line for _, line in verdict.lines] == ['verdict = grader.diagnose("own.bend", lambda f, x, v: f("text"))']


def test_the_engine_imports_no_course():
    """In a fresh interpreter, since this one has loaded it."""
    code = (
        "import sys, grader.student, grader.judge, grader.lesson, grader.cli, grader.classroom.judging, "
        "grader.classroom.report_page, grader.classroom.export\n"
        "print([name for name in sys.modules if name.startswith('grader.units')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    found = subprocess.run(
        [sys.executable, "-c", code.replace("print(", "grader.questions()\nprint(")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "grader.units.u05_weighted_vjp" in found.stdout  # the way to fail
