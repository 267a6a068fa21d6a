"""Whatever goes wrong with one submission, at any step, is reported for it, and the others get their grades."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import time
from itertools import cycle
from pathlib import Path

import nbformat
import pytest
from courses import UNIT, Here, content, handed_in, url
from jinja2 import pass_context
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.coursedir import CourseDirectory

from grader import cli
from grader.classroom import bounded, judging
from grader.demo import sample
from grader.nbgrader import command, feedback, folders, steps
from grader.nbgrader.command import grade_class
from grader.nbgrader.feedback import Pages
from grader.nbgrader.folders import Course, is_linked, students_part
from grader.nbgrader.gradebook import GradebookWriter
from grader.nbgrader.job import Aside
from grader.nbgrader.resources import PROCESS
from grader.sandbox import SandboxError
from grader.sandbox.zygote import Zygote
from grader.words import COMMANDS, FEEDBACK

TWO = [s for s in sample.CLASS if s.name in ("ada", "deniz")]
FAULTS = [
    OSError(errno.EIO, "Input/output error"),
    RecursionError("maximum recursion depth exceeded"),
    OverflowError("date value out of range"),
    MemoryError(),
    UserWarning("a warning as an error"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
]
# step -> what is called there with ada's submission among its arguments
STEPS = {
    "reading": (folders, "handed_in"),
    "times": (folders.timestamp, "read"),
    "the walk over files": (folders, "files"),
    "their digest": (folders, "_digest_of"),
    "mending": (steps.Steps, "read"),
    "judging": (judging, "run"),
    "the page": (steps.Steps, "finish"),
    "copying": (folders, "copy_whole"),
    "writing": (folders, "write_whole"),
    "the gradebook": (GradebookWriter, "put"),
}
TOLD_OTHERWISE = {"the walk over files": "left_beside", "times": "bad_timestamp"}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = handed_in(tmp_path_factory.mktemp("boundary") / "course", TWO)
    for student in ("ada", "deniz"):
        (folder / "submitted" / student / UNIT / "notes.txt").write_text(student)
    return folder


@pytest.fixture
def fresh(course, tmp_path):
    return Path(shutil.copytree(course, tmp_path / "course"))


@pytest.fixture
def forked(monkeypatch):
    """Have the process that does the paperwork be a fork of this one, with what a test has changed."""
    PROCESS.bounded.close()
    monkeypatch.setattr(bounded.threading, "active_count", lambda: 1)
    yield
    PROCESS.bounded.close()


def is_of_ada(arguments) -> bool:
    return any(sign in repr(arguments) for sign in ("'ada'", "/ada/"))


def failing(real, fault):
    def step(*arguments, **named):
        if is_of_ada((arguments, named)):
            raise fault
        return real(*arguments, **named)

    return step


def spoil(monkeypatch, step, fault):
    holder, name = STEPS[step]
    monkeypatch.setattr(holder, name, failing(getattr(holder, name), fault))


def name_of(fault):
    return type(fault).__name__


# Each step once, with one fault after another.
@pytest.mark.parametrize(("step", "fault"), zip(STEPS, cycle(FAULTS)), ids=name_of)
def test_a_fault_is_told_of_its_submission_and_of_no_other(fresh, forked, monkeypatch, step, fault):
    told_of_its_submission(fresh, monkeypatch, step, fault)


@pytest.mark.parametrize("fault", FAULTS, ids=name_of)
@pytest.mark.parametrize("step", STEPS)
def test_every_fault_at_every_step_is_told_of_its_submission(fresh, forked, monkeypatch, step, fault):
    told_of_its_submission(fresh, monkeypatch, step, fault)


def told_of_its_submission(fresh, monkeypatch, step, fault):
    spoil(monkeypatch, step, fault)
    outcome = grade_class(Course(fresh, UNIT), Here)
    grades = {grade.student: grade for grade in outcome.graded}
    assert grades["deniz"].remarks == ()
    assert "deniz" not in outcome.failed
    said = outcome.failed.get("ada") or " ".join(grades["ada"].remarks)
    assert said
    if "ada" in outcome.failed and not isinstance(fault, OSError):
        assert type(fault).__name__ in said
    scores = {row[0]: row[3] for row in content(url(fresh))["grades"] if row[3]}
    assert "deniz" in scores


def test_without_the_boundary_a_fault_would_stop_everybody(fresh, forked, monkeypatch):
    """The way to fail: the same fault with nobody's name on it, in what is done once for all."""
    monkeypatch.setattr(Course, "students", failing(lambda self: [], FAULTS[1]))
    monkeypatch.setattr("test_boundary.is_of_ada", lambda arguments: True)
    with pytest.raises(RecursionError):
        grade_class(Course(fresh, UNIT), Here)


def test_a_file_where_the_unit_has_a_folder_is_left_and_the_other_way_round(fresh):
    for student, made in (("ada", "data"), ("deniz", "data/points.txt/x")):
        path = fresh / "submitted" / student / UNIT / made
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("the student's")
    source = fresh / "solutions" / UNIT / "data" / "points.txt"
    source.parent.mkdir()
    source.write_text("the unit's")
    outcome = grade_class(Course(fresh, UNIT), Here)
    assert outcome.failed == {}
    for student in ("ada", "deniz"):
        assert (fresh / "autograded" / student / UNIT / "data" / "points.txt").read_text() == "the unit's"


def test_a_link_is_told_in_folders_of_other_names_and_order_and_the_instructors_own_are_followed(tmp_path):
    dirs = CourseDirectory(root=str(tmp_path), directory_structure="{nbgrader_step}/{assignment_id}/s-{student_id}")
    dirs.submitted_directory = "inbox"
    (tmp_path / "disk" / "s-ada").mkdir(parents=True)
    (tmp_path / "disk" / "s-mia").symlink_to("s-ada")
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "unit").symlink_to("../disk")
    first = students_part(dirs, "inbox", "unit")
    linked = {who: is_linked(Path(dirs.format_path("inbox", who, "unit")), first) for who in ("ada", "mia")}
    assert linked == {"ada": False, "mia": True}


def _hang(*anything):
    while True:
        pass


def _sleep(*anything):
    time.sleep(1e6)


def score_of(fresh, student) -> float:
    return sum(row[3] or 0 for row in content(url(fresh))["grades"] if row[0] == student)


@pytest.mark.parametrize("stuck", [_hang, _sleep])
def test_what_takes_too_long_to_read_is_ended_and_told(fresh, forked, monkeypatch, stuck):
    real = steps.mended
    monkeypatch.setattr(steps, "mended", lambda data, nb: stuck() if isinstance(data, bytes) else real(data, nb))
    outcome = grade_class(Course(fresh, UNIT), Here, students=["ada"], limits={"reading_seconds": 1.0})
    (grade,) = outcome.graded
    assert (grade.score, grade.remarks) == (0.0, (FEEDBACK["slow_to_read"],))
    page = (fresh / "feedback" / "ada" / UNIT / f"{UNIT}.html").read_text("utf-8")
    assert FEEDBACK["slow_to_read"][:40] in page


@pytest.mark.parametrize("stuck", [_hang, _sleep])
def test_a_page_that_takes_too_long_is_made_plainly_and_the_grade_counts(fresh, forked, monkeypatch, stuck):
    real = Pages.markdown2html
    usual = grade_class(Course(fresh, UNIT), Here, students=["ada"]).graded[0].score

    @pass_context
    def laid_out(self, context, source):
        return real(self, context, source) if self.plain else stuck()

    PROCESS.bounded.close()
    monkeypatch.setattr(Pages, "markdown2html", laid_out)
    monkeypatch.setattr(feedback.Patience, "render", lambda self, piece, instead: piece())
    outcome = grade_class(Course(fresh, UNIT), Here, students=["ada"], force=True, limits={"page_seconds": 1.5})
    (grade,) = outcome.graded
    assert grade.score == usual > 0
    assert grade.remarks == (FEEDBACK["plain_page"],)
    page = (fresh / "feedback" / "ada" / UNIT / f"{UNIT}.html").read_text("utf-8")
    assert FEEDBACK["plain_page"] in page
    assert f"<strong>{usual:g} of " in page


def test_one_text_that_takes_too_long_is_shown_as_it_is_and_the_rest_laid_out():
    patience = feedback.Patience()
    assert patience.render(lambda: "laid out", lambda: "plain") == "laid out"
    assert patience.render(_hang, lambda: "plain") == "plain"
    assert patience.render(lambda: "laid out", lambda: "plain") == "laid out"
    patience.left = 0.0  # all that the page had
    assert patience.render(lambda: "laid out", lambda: "plain") == "plain"


def test_a_plain_page_has_no_crowd_of_outputs():
    """A page with a picture is parsed once more as a whole, and tens of thousands of them take minutes."""
    tiny = {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo="}, "metadata": {}}
    nb = new_notebook(cells=[new_code_cell("x", outputs=[nbformat.from_dict(tiny)] * 3800)])
    made = feedback.shortened(nb)
    assert len(made.cells[0].outputs) == feedback.MOST_OUTPUTS
    assert {tuple(output.data.items()) for output in made.cells[0].outputs} == {(("text/plain", FEEDBACK["picture"]),)}
    pages = Pages(template_name="classic")
    assert "<img" not in pages.from_notebook_node(made)[0]
    few = new_notebook(cells=[new_code_cell("x", outputs=[nbformat.from_dict(tiny)])])
    assert "<img" in pages.from_notebook_node(few)[0]  # the way to fail


@pytest.mark.parametrize("both", [False, True])
def test_a_process_that_ends_under_one_submission_is_replaced_and_the_run_goes_on(fresh, monkeypatch, both):
    real, ended = Zygote.run, []

    def run(self, cells, *rest, **named):
        if any("ADA" in cell for cell in cells) and (both or not ended):
            ended.append(self)
            raise SandboxError("it has ended.")
        return real(self, cells, *rest, **named)

    path = fresh / "submitted" / "ada" / UNIT / f"{UNIT}.ipynb"
    path.write_text(path.read_text("utf-8").replace("import torch", "import torch  # ADA", 1), "utf-8")
    monkeypatch.setattr(Zygote, "run", run)
    outcome = grade_class(Course(fresh, UNIT), Here)
    graded = [grade.student for grade in outcome.graded]
    assert "deniz" in graded
    assert ("ada" in graded) != both
    assert len(ended) == 1 + both
    if both:
        assert "it has ended." in outcome.failed["ada"]
        assert score_of(fresh, "ada") == 0.0


def test_what_goes_wrong_in_setting_a_submission_aside_is_told_of_it_alone(fresh, monkeypatch):
    def grade(unit, job):
        return Aside("it cannot be graded") if job.student == "ada" else real(unit, job)

    def mapped(workers, work, things, idle):
        for job in things:
            yield job, grade(work.args[0], job)

    real = command.grade
    monkeypatch.setattr(command, "mapped", mapped)
    monkeypatch.setattr(command, "set_aside", failing(command.set_aside, RecursionError("too deep")))
    outcome = grade_class(Course(fresh, UNIT), Here)
    assert [grade.student for grade in outcome.graded] == ["deniz"]
    assert "RecursionError: too deep" in outcome.failed["ada"]


def test_a_machine_that_cannot_run_anything_stops_the_run(fresh, monkeypatch):
    def run(self, *anything, **named):
        raise SandboxError("nothing can be run here.")

    monkeypatch.setattr(Zygote, "run", run)
    with pytest.raises(SandboxError, match="nothing can be run here"):
        grade_class(Course(fresh, UNIT), Here)


def test_a_zygote_that_is_killed_is_told_as_what_it_is(fork_server):
    zygote = Zygote(fork_server=fork_server)
    try:

        def pose(id):
            os.kill(zygote.pid, signal.SIGKILL)
            time.sleep(0.2)
            return []

        with pytest.raises(SandboxError):
            zygote.run(["from grader import check\ncheck('x', len)", "1"], pose)
    finally:
        zygote.close()


def test_half_a_character_in_a_folders_name_is_told_on_a_terminal_and_as_json(fresh, monkeypatch, capsysbinary):
    os.rename(fresh / "submitted" / "ada", os.fsencode(fresh / "submitted") + b"/mia\xff\x1b[2J")
    monkeypatch.chdir(fresh)
    monkeypatch.setattr("grader.nbgrader.command.local_workers", lambda jobs, fork_server, template: Here())
    monkeypatch.setattr("grader.sandbox.forkserver.ForkServer.started", lambda: None)
    assert cli.main(["grade", UNIT, "--json"]) == 1
    said = json.loads(capsysbinary.readouterr().out)
    assert said["failed"] == {"mia\udcff\x1b[2J": COMMANDS["bad_student"]}
    assert [grade["student"] for grade in said["graded"]] == ["deniz"]
    assert cli.main(["grade", UNIT]) == 1
    assert b"mia??[2J" in capsysbinary.readouterr().out
