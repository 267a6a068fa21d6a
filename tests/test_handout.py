"""A student's folder: what is in it, what is not, and what of the student's is kept."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

import grader
from grader.classroom import CourseError
from grader.cli import main
from grader.nbgrader import handout

ROOT = Path(__file__).parent.parent
EXERCISE = "exercises/05_weighted_vjp/05_weighted_vjp.ipynb"
LESSON = "course/lesson_05_weighted_vjp.ipynb"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Signatures and progress go into the test's own folder."""
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("GRADER_PROGRESS", str(tmp_path / "progress.json"))


@pytest.fixture
def course(tmp_path):
    """A copy of the course's parts that students get, to be changed."""
    for name in ("course", "exercises", "solutions"):
        shutil.copytree(ROOT / name, tmp_path / "here" / name)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path / "here")
    return tmp_path / "here"


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def edit(path: Path, source: str) -> None:
    nb = nbformat.read(path, as_version=4)
    nb.cells[-1].source = source
    nbformat.write(nb, path)


def run(path: Path) -> None:
    """As if every cell had been run: JupyterLab saves counts and outputs."""
    nb = nbformat.read(path, as_version=4)
    for k, cell in enumerate(cell for cell in nb.cells if cell.cell_type == "code"):
        cell.execution_count = k
        cell.outputs = [nbformat.v4.new_output("stream", text="done")]
    nbformat.write(nb, path)


def test_folder_holds_lessons_exercises_and_the_start_page_and_no_solutions(tmp_path):
    done = handout.lay_out(ROOT, tmp_path / "mine")
    assert files(tmp_path / "mine") == {*done.new, ".handout.json"}
    assert {name.split("/")[0] for name in done.new} == {"course", "exercises"}
    units = {path.stem for path in (ROOT / "exercises").glob("*/*.ipynb")}
    assert {name for name in done.new if name.startswith("exercises/")} == {f"exercises/{u}/{u}.ipynb" for u in units}
    assert {f"course/lesson_{u}.ipynb" for u in units} | {handout.START} == set(done.new) - {
        f"exercises/{u}/{u}.ipynb" for u in units
    }
    for name in done.new:
        text = (tmp_path / "mine" / name).read_text("utf-8")
        assert "BEGIN SOLUTION" not in text
    assert "BEGIN SOLUTION" in (ROOT / "solutions" / "05_weighted_vjp" / "05_weighted_vjp.ipynb").read_text("utf-8")


def test_what_a_student_has_written_is_kept_and_a_newer_version_of_it_is_told(course, tmp_path, capsys):
    mine = tmp_path / "mine"
    handout.lay_out(course, mine)
    edit(mine / EXERCISE, "my answer")
    written = (mine / EXERCISE).read_bytes()
    assert handout.lay_out(course, mine) == handout.HandedOut()
    edit(course / EXERCISE, "a better exercise")
    done = handout.lay_out(course, mine)
    assert (done.new, done.updated, done.kept) == ([], [], [EXERCISE])
    assert (mine / EXERCISE).read_bytes() == written


def test_what_a_student_has_only_run_is_brought_up_to_date(course, tmp_path):
    mine = tmp_path / "mine"
    handout.lay_out(course, mine)
    run(mine / LESSON)
    had_run = (mine / LESSON).read_bytes()
    assert handout.lay_out(course, mine) == handout.HandedOut()
    assert (mine / LESSON).read_bytes() == had_run  # and keeps its outputs as long as there is nothing newer
    edit(course / LESSON, "a better sentence")
    assert handout.lay_out(course, mine).updated == [LESSON]
    assert (mine / LESSON).read_bytes() == (course / LESSON).read_bytes()


def test_without_a_record_everything_that_differs_is_the_students(course, tmp_path):
    mine = tmp_path / "mine"
    handout.lay_out(course, mine)
    (mine / ".handout.json").write_text("not json")
    (mine / EXERCISE).write_text("not a notebook")
    assert handout.lay_out(course, mine).kept == [EXERCISE]
    assert (mine / EXERCISE).read_text() == "not a notebook"
    (mine / EXERCISE).unlink()
    assert handout.lay_out(course, mine).new == [EXERCISE]


def test_start_page_shows_where_the_student_is(tmp_path):
    def shown() -> str:
        handout.lay_out(ROOT, tmp_path / "mine")
        nb = nbformat.read(tmp_path / "mine" / handout.START, as_version=4)
        (output,) = [o for cell in nb.cells if cell.cell_type == "code" for o in cell.outputs]
        return str(output.data["text/plain"])

    before = shown()
    (tmp_path / "progress.json").write_text(json.dumps({"05.weight_the_outputs": "correct"}))
    assert shown() != before
    assert "✓" in shown()


def test_start_page_lists_every_unit_with_its_exercises_and_their_minutes():
    nb = nbformat.read(ROOT / handout.START, as_version=4)
    text = "\n".join(cell.source for cell in nb.cells)
    rows = re.findall(
        r"^\| \[(\d\d) .*?\]\(lesson_(\w+)\.ipynb\) \| .+? \| \[(\d+)\]\((.*?)\) \| (\d+) \|$", text, re.M
    )
    said = {unit: (int(count), int(minutes)) for unit, _, count, _, minutes in rows}
    asked: dict[str, list[int]] = {}
    for question in grader.questions():
        asked.setdefault(question.unit, []).append(question.minutes)
    assert said == {unit: (len(minutes), sum(minutes)) for unit, minutes in asked.items()}
    for _, stem, _, exercises, _ in rows:
        assert (ROOT / "course" / f"lesson_{stem}.ipynb").exists()
        assert exercises == f"../exercises/{stem}/{stem}.ipynb"
        assert (ROOT / "course" / exercises).exists()


def test_course_of_ones_own_hands_out_what_it_released_with_the_files_beside(tmp_path, capsys, monkeypatch):
    own = Path(shutil.copytree(ROOT / "examples" / "course", tmp_path / "own"))
    with pytest.raises(CourseError, match="nothing that students could get"):
        handout.lay_out(own, tmp_path / "mine")
    released = own / "release" / "ps1"
    shutil.copytree(own / "source" / "ps1", released)
    monkeypatch.chdir(own)
    assert main(["handout", str(tmp_path / "mine")]) == 0
    assert "mine is ready: 3 new files" in capsys.readouterr().out
    assert files(tmp_path / "mine") == {".handout.json"} | {
        f"exercises/ps1/{name}" for name in ("problem1.ipynb", "problem2.ipynb", "data.csv")
    }


def test_only_the_lessons_where_exercises_come_another_way(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["handout", "--lessons", str(tmp_path / "mine")]) == 0
    assert {name.split("/")[0] for name in files(tmp_path / "mine")} == {"course", ".handout.json"}


def test_a_course_is_not_mixed_with_a_students_folder(course, monkeypatch, capsys):
    monkeypatch.chdir(course)
    before = files(course)
    assert main(["handout", "."]) == 1
    assert "is a course" in capsys.readouterr().err
    assert files(course) == before
