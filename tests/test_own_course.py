"""The course that ``docs/a-course-of-your-own.md`` walks through, graded by both commands with exact scores."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from courses import Here, content, url
from own import CLASS, EXAMPLE, NAMED, NOTEBOOKS, ROOT, SCORES, UNIT, named, scores, with_class

from grader import cli, words
from grader.classroom import judging, submission
from grader.classroom.cells import cells_of
from grader.classroom.judging import Rules
from grader.classroom.notes import Notes
from grader.nbgrader import course, released
from grader.nbgrader.command import grade_class, local_workers
from grader.nbgrader.folders import Course
from grader.sandbox.zygote import Zygote

PAGE = ROOT / "docs" / "a-course-of-your-own.md"


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    return with_class(tmp_path_factory.mktemp("own") / "course")


@pytest.fixture
def handed_in(given, tmp_path, monkeypatch) -> Path:
    folder = Path(shutil.copytree(given, tmp_path / "course"))
    monkeypatch.chdir(folder)
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    """Every file of a course but the gradebook, in which the run's own table is made at once."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "gradebook.db")
    return {str(path.relative_to(folder)): path.read_bytes() for path in found if "__pycache__" not in path.parts}


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.chmod(0o644)
    path.write_text(text.replace(old, new), "utf-8")


def both(name: str) -> tuple[Path, Path]:
    return Path("source", UNIT, f"{name}.ipynb"), Path("release", UNIT, f"{name}.ipynb")


# --- graded


def test_the_released_folder_has_what_students_need(given):
    assert {path.name for path in (given / "release" / UNIT).iterdir()} == {
        *(f"{name}.ipynb" for name in NOTEBOOKS),
        *("data.csv", "questions.py", "functions.py"),
    }


def test_grader_grade_gives_the_exact_scores_and_names_the_mistakes(handed_in):
    outcome = grade_class(Course(handed_in, UNIT), Here)
    assert (outcome.failed, len(outcome.graded)) == ({}, len(CLASS))
    assert scores(handed_in) == SCORES
    assert named(handed_in, "bo") == NAMED
    assert all((handed_in / "feedback" / who / UNIT / f"{nb}.html").exists() for who in CLASS for nb in NOTEBOOKS)


def test_in_parallel_it_is_the_same(handed_in):
    outcome = grade_class(Course(handed_in, UNIT), lambda: local_workers(2))
    assert outcome.failed == {}
    assert scores(handed_in) == SCORES
    assert named(handed_in, "bo") == NAMED


def test_nbgrader_autograde_gives_the_same(handed_in):
    nbgrader = course.api(handed_in)
    for student in CLASS:
        done = nbgrader.autograde(UNIT, student)
        assert done["success"], done["log"]
    assert scores(handed_in) == SCORES
    assert named(handed_in, "bo") == NAMED
    theirs = content(url(handed_in))
    again = grade_class(Course(handed_in, UNIT), Here, force=True)
    assert again.failed == {}
    assert content(url(handed_in)) == theirs


def test_the_report_has_titles_mistakes_pages_and_counts_what_was_judged_inside(handed_in, capsys):
    grade_class(Course(handed_in, UNIT), Here)
    assert cli.main(["report", UNIT, "--json", "r.json"]) == 0
    assert "2 graded cells are nbgrader tests" in capsys.readouterr().out
    data = json.loads(Path("r.json").read_text())
    assert [item["title"] for item in data["questions"]][:2] == ["1 Weight the predictions", "2 The slope of the loss"]
    assert [item["inside"] for item in data["questions"]] == [False, False, False, True, True, False]
    assert {m["key"]: m["name"] for m in data["mistakes"]}["half_the_slope"] == "the 2 of the square is missing"
    assert not [m["lesson"] for m in data["mistakes"] if m["key"] == "half_the_slope" and m["lesson"]]
    assert {m["lesson"] for m in data["mistakes"]} == {""}  # the lessons of the installed pack are not this course's
    html = Path("report", f"{UNIT}.html").read_text("utf-8")
    links = re.findall(r'href="([^"#]+)"', html)
    assert {f"../feedback/bo/{UNIT}/{name}.html" for name in NOTEBOOKS} <= set(links)
    assert all(Path("report", link).resolve().exists() for link in links)


def test_the_export_names_questions_and_tells_the_notebooks_apart(handed_in, capsys):
    grade_class(Course(handed_in, UNIT), Here)
    assert cli.main(["export", "--csv"]) == 0
    rows = [line.split(",")[:5] for line in capsys.readouterr().out.split() if line.startswith("bo,")]
    assert [row[2] for row in rows] == [
        *("ps1.logistic", "ps1.loss_slope", "05.weight_the_outputs"),
        *("problem2/read-test", "problem2/fit-test", "problem2/say-it"),
    ]


def test_the_students_own_copy_of_a_released_file_is_not_read(handed_in):
    (handed_in / "submitted" / "ada" / UNIT / "data.csv").write_text("x,t\n1,1\n")
    (handed_in / "submitted" / "ada" / UNIT / "questions.py").write_text("1 / 0")
    grade_class(Course(handed_in, UNIT), Here, students=["ada"])
    assert scores(handed_in)["ada"] == SCORES["ada"]


def test_without_the_released_file_the_same_answers_fail(handed_in):
    """The way to fail."""
    (handed_in / "release" / UNIT / "data.csv").unlink()
    grade_class(Course(handed_in, UNIT), Here, students=["ada"])
    assert scores(handed_in)["ada"] == {**SCORES["ada"], "problem2/read-test": 0.0}


def test_nothing_of_a_pack_but_its_functions_is_in_a_forks_memory_or_files(given, fork_server):
    from test_sandbox import LONG, WALK

    marks = {
        "question": "The slope of the loss",
        "mistake": "the 2 of the square is missing",
        "derivation": "without the factor 2 that comes",
        "functions": "torch.tanh(X @ w) * w[0]",
    }
    what = "walk_memory(); count = walk_files(['.', '..', '/tmp'])"
    walk = WALK.format(marks=json.dumps({name: mark.encode().hex() for name, mark in marks.items()}), what=what)
    dirs, name = course.directory(given), "problem1"
    packs = released.packs(dirs)
    nb = nbformat.read(given / "submitted" / "ada" / UNIT / f"{name}.ipynb", 4)
    trusted = nbformat.read(given / "release" / UNIT / f"{name}.ipynb", 4)
    nb.cells.append(nbformat.v4.new_code_cell(walk))
    mended = submission.mend(submission.read(nbformat.writes(nb).encode()), trusted)
    rules = Rules(trusted, cells_of(trusted), packs, released.files(dirs, UNIT, packs))
    zygote = Zygote(fork_server=fork_server)
    try:
        judging.run(mended, rules, zygote, LONG, bytes(32), "ada")
    finally:
        zygote.close()
    *_, printed = [output.text for output in mended.cells[-1].outputs if output.output_type == "stream"]
    found, count = json.loads(printed)
    assert found.keys() == {"functions"}  # the way to fail: what is there is found
    assert count > 1
    assert all(Notes.of(mended).verdicts[cell]["status"] == "correct" for cell in ("cell-18", "cell-21", "cell-25"))


def test_folders_may_have_any_names_and_lie_elsewhere(handed_in, tmp_path, capsys):
    shutil.move(handed_in / "submitted", tmp_path / "inbox")
    shutil.move(handed_in / "release", handed_in / "handout")
    names = {"submitted": tmp_path / "inbox", "release": "handout", "autograded": "done", "feedback": "told"}
    with Path("nbgrader_config.py").open("a") as config:
        config.write("".join(f"c.CourseDirectory.{step}_directory = {str(name)!r}\n" for step, name in names.items()))
    assert grade_class(Course(handed_in, UNIT), Here).failed == {}
    assert scores(handed_in) == SCORES
    assert named(handed_in, "bo") == NAMED
    assert cli.main(["report", UNIT]) == 0
    links = re.findall(r'href="([^"#]+)"', Path("report", f"{UNIT}.html").read_text("utf-8"))
    assert f"../told/bo/{UNIT}/problem1.html" in links
    assert all(Path("report", link).resolve().exists() for link in links)
    assert cli.main(["release", "--check"]) == 0
    assert not any((handed_in / name).exists() for name in ("autograded", "feedback", "submitted", "release"))


# --- graded again


def graded_again(folder: Path) -> int:
    return len(grade_class(Course(folder, UNIT), Here).graded)


def test_an_edited_question_function_or_data_file_grades_everybody_again_and_nothing_else_does(handed_in):
    assert graded_again(handed_in) == len(CLASS)
    assert graded_again(handed_in) == 0
    edited(handed_in / "questions.py", "this is half of the gradient.", "this is half of what was asked for.")
    assert graded_again(handed_in) == len(CLASS)
    edited(handed_in / "functions.py", "torch.tanh(X @ w) * w[0]", "torch.tanh(X @ w) * w[1]")
    assert graded_again(handed_in) == len(CLASS)
    (handed_in / "release" / UNIT / "data.csv").write_text("x,t\n")
    assert graded_again(handed_in) == len(CLASS)
    (handed_in / "more.py").write_text((handed_in / "questions.py").read_text().replace('"ps1.', '"ps2.'))
    edited(handed_in / "nbgrader_config.py", '["questions.py"]', '["questions.py", "more.py"]')
    with_another = graded_again(handed_in)  # the configuration itself counts, too
    edited(handed_in / "more.py", "this is half", "this is the half")
    assert (with_another, graded_again(handed_in)) == (len(CLASS), 0)


# --- what nobody could grade


def stops(folder: Path, capsys, *said: str) -> None:
    """``grader grade`` and ``nbgrader generate_assignment`` stop with these words, and write nothing."""
    before = everything(folder)
    capsys.readouterr()
    assert cli.main(["grade", UNIT, "--jobs", "1"]) == 1
    told = capsys.readouterr().err
    made = course.api(folder).generate_assignment(UNIT, force=True)
    assert not made["success"]
    for text in (told, made["log"]):
        for part in said:
            assert part in text
    assert everything(folder) == before


IN_CELLS = [
    ('check(\\"ps1.logistic\\", weighted)', 'check(\\"ps1.logistics\\", weighted)', "problem1", "cell-18"),
    ('\\"05.weight_the_outputs\\"', "name", "problem1", "cell-25"),
    ('"points": 3', '"points": 4', "problem1", "cell-21"),
    ("import csv", 'import csv\\nfrom grader import check\\ncheck(\\"ps1.logistic\\", 1)', "problem2", "imports"),
    ("assert len(x) == len(t) == 6", "assert len(x) == len(t) ==", "problem2", "read-test"),
]


@pytest.mark.parametrize(
    ("old", "new", "notebook", "cell"), IN_CELLS, ids=[f"{c}-{k}" for k, (*_, c) in enumerate(IN_CELLS)]
)
def test_a_cell_that_nobody_can_grade_stops_both_commands(handed_in, capsys, old, new, notebook, cell):
    for path in both(notebook):
        edited(path, old, new)
    if notebook == "problem2":  # the gradebook has the cell, too; as if it had been released so
        stops_release_only(handed_in, notebook, cell)
    else:
        stops(handed_in, capsys, f"{notebook}.ipynb, cell {cell}")


def stops_release_only(folder: Path, notebook: str, cell: str) -> None:
    before = everything(folder)
    made = course.api(folder).generate_assignment(UNIT, force=True)
    assert not made["success"]
    assert f"source/{UNIT}/{notebook}.ipynb, cell {cell}" in made["log"]
    assert everything(folder) == before


def test_a_gradebook_with_other_tests_than_the_released_ones_stops_grading(handed_in, capsys):
    edited(Path("release", UNIT, "problem2.ipynb"), "assert len(x) == len(t) == 6", "assert len(x) == len(t) == 7")
    before = everything(handed_in)
    assert cli.main(["grade", UNIT, "--jobs", "1"]) == 1
    assert "problem2.ipynb, cell read-test: the gradebook has another version" in capsys.readouterr().err
    assert everything(handed_in) == before


IN_PACKS = [
    ("questions.py", "import functions", "import functions\n1 / 0", "ZeroDivisionError"),
    ("questions.py", "QUESTIONS = [", "LIST = [", "needs a list QUESTIONS"),
    ("questions.py", '"ps1.loss_slope"', '"ps1.logistic"', "two questions 'ps1.logistic'"),
    ("questions.py", '"ps1.loss_slope"', '"05.scalar_trick"', "Two packs have a question '05.scalar_trick'"),
    ("questions.py", "Map(functions.logistic,", "Map(lambda w, X: X @ w,", "a lambda or a closure"),
    ("questions.py", "return p.truth / 2", "return p.truth", "the truth and half_the_slope"),
    ("functions.py", "import torch", "import torch\nimport questions", "imports questions"),
    ("nbgrader_config.py", '"questions.py"', '"question.py"', "names the pack 'question.py'"),
]


@pytest.mark.parametrize(("file", "old", "new", "said"), IN_PACKS, ids=[words for *_, words in IN_PACKS])
def test_a_pack_that_cannot_be_used_stops_both_commands(handed_in, capsys, file, old, new, said):
    edited(handed_in / file, old, new)
    place = [] if file == "nbgrader_config.py" else [f"{handed_in / file}:"]
    stops(handed_in, capsys, said, *place)


@pytest.mark.parametrize("broken", ["1 / 0", "def ("])
def test_a_configuration_that_cannot_be_read_stops_and_is_not_passed_over(handed_in, capsys, broken):
    with Path("nbgrader_config.py").open("a") as config:
        config.write(f"\n{broken}\n")
    before = everything(handed_in)
    for arguments in (["grade", UNIT], ["report", UNIT], ["questions"]):
        assert cli.main(arguments) == 1
        assert re.search(r"nbgrader_config\.py(:\d+)?: the configuration cannot be read: ", capsys.readouterr().err)
    assert everything(handed_in) == before


def test_a_notebook_without_a_graded_cell_stops_both_commands(handed_in, capsys):
    for path in both("problem1"):
        nb = nbformat.read(path, 4)
        for cell in nb.cells:
            cell.metadata.pop("nbgrader", None)
            cell.source = re.sub(r".*### .*\n?", "", cell.source).replace("check(", "print(")
        nbformat.write(nb, path)
    stops(handed_in, capsys, "problem1.ipynb: it has no graded cell")


# --- what is said of it


def test_the_page_shows_what_stands_in_the_example():
    """Each indented block of code on the page is in the example, but for commands and another course's entry point."""
    files = [*EXAMPLE.glob("*.py"), *EXAMPLE.rglob("*.ipynb")]
    texts = [path.read_text("utf-8") for path in files if path.suffix == ".py"]
    texts += [cell.source for path in files if path.suffix == ".ipynb" for cell in nbformat.read(path, 4).cells]
    texts = [re.sub(r"  # noqa.*", "", text) for text in texts]
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE.read_text("utf-8"), re.M)
    shown = ["\n".join(line[4:] for line in block.strip("\n").splitlines()) for block in blocks]
    code = [block for block in shown if not re.match(r"(pip|grader|nbgrader|\[project)", block)]
    assert len(code) == 7
    for block in code:
        parts = [line for line in block.split("\n") if line.strip(" ]")]
        assert any(all(line in text for line in parts) for text in texts), block


def test_check_pack_says_whether_it_keeps_to_the_rules(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(shutil.copytree(EXAMPLE, tmp_path / "course"))
    for name in ("questions.py", "questions"):
        assert cli.main(["check-pack", name, "--answers", "answers.py"]) == 0
        assert capsys.readouterr().out == f"{words.RULES['all_kept']}\n"
    assert cli.main(["check-pack", "questions.py"]) == 0
    assert "WRONG" in capsys.readouterr().out  # what was not checked is said
    edited(Path("questions.py"), 'says="this is half of the gradient."', 'says="half"')
    edited(Path("answers.py"), '"minus_sign"', '"plus_sign"')
    assert cli.main(["check-pack", "questions.py", "--answers", "answers.py"]) == 1
    told = capsys.readouterr().out
    assert "ps1.loss_slope: Wrong answer 2 should be named plus_sign, but is named minus_sign" in told
    assert "words_sentence" in told
    for wrong in (["nothing"], ["questions.py", "--answers", "nothing.py"]):
        assert cli.main(["check-pack", *wrong]) == 1
        assert "nothing" in capsys.readouterr().err


def test_check_pack_finds_an_installed_pack_by_its_module(capsys):
    assert cli.main(["check-pack", "grader.units"]) == 0
    assert words.RULES["all_kept"] in capsys.readouterr().out
