"""Settings for all tests: deterministic Hypothesis, one torch thread per worker, and no progress file."""

from __future__ import annotations

from pathlib import Path

import pytest
import repeats
import torch
from hypothesis import HealthCheck, settings

from grader import student
from grader.sandbox.forkserver import ForkServer

settings.register_profile(
    "derandomized",
    derandomize=True,
    deadline=None,
    database=None,
    # All examples of a test can share its fixtures here.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("derandomized")

HERE = Path(__file__).parent
UNITS = sorted({question.unit for question in student.questions()})

# Files whose tests share costly fixtures, and with which others they do: all of these tests go to the same worker.
TOGETHER = {
    "test_costs.py": "costs",
    "test_redteam.py": "attacks",
    "test_redteam_asserts.py": "asserts",
    "test_fidelity.py": "fidelity",
    "test_classroom.py": "a class",
    "test_grading_class.py": "a class",
    "test_grading.py": "grading",
    "test_grading_elsewhere.py": "elsewhere",
    "test_redteam_nbgrader.py": "red team",
    "test_boundary.py": "boundary",
    "test_notes.py": "notes",
    "test_report.py": "report",
    "test_ordinary_course.py": "ordinary",
    **{path.name: "browser" for path in (HERE / "browser").glob("test_*.py")},
}
torch.set_num_threads(1)  # workers keep all cores busy, so more threads would only wait for each other


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="run what only `make test-all` runs: see tests/repeats.py")


def pytest_configure(config):
    repeats.everything = config.getoption("--all")
    for unit in UNITS:
        config.addinivalue_line("markers", f"unit{unit}: what is tested of one question of unit {unit}")


def pytest_collection_modifyitems(config, items):
    """Keep what belongs to this run, and mark what is tested of one unit: ``pytest -m unit05``."""
    if [Path(argument).resolve() for argument in config.args] == [HERE] and (wrong := repeats.unused(ids(items))):
        raise pytest.UsageError(f"tests/repeats.py names tests that do not exist: {', '.join(wrong)}")
    left_out = [item for item in items if not repeats.chosen(item.nodeid)]
    items[:] = [item for item in items if repeats.chosen(item.nodeid)]
    config.hook.pytest_deselected(items=left_out)
    for item in items:
        for unit in units_of(item):
            item.add_marker(f"unit{unit}")


def ids(items):
    return [item.nodeid for item in items]


def units_of(item):
    """The units that a test's parameters name, as a question, a question's id or a unit's number or name."""
    values = getattr(item, "callspec", None)
    texts = [getattr(value, "id", value) for value in values.params.values()] if values else []
    return {text[:2] for text in texts if isinstance(text, str) and text[:2] in UNITS and text[2:3] in ("", ".", "_")}


@pytest.fixture(autouse=True)
def no_session(monkeypatch):
    """Start each test like a fresh kernel, without a progress file unless the test names one."""
    monkeypatch.setenv("GRADER_PROGRESS", "")
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    monkeypatch.delenv("NBGRADER_VALIDATING", raising=False)
    student._session.clear()
    student._hints_given.clear()


@pytest.fixture(scope="session")
def fork_server():
    """One set of imports for all zygotes of a worker that need not be alone; each of them takes seconds to start."""
    with ForkServer.started() as server:
        yield server


@pytest.fixture(scope="session")
def class_handed_in(tmp_path_factory):
    """A course in which the sample class and a crowd have handed in, one of them late."""
    from courses import UNIT, handed_in, url
    from nbgrader.api import Gradebook

    from grader.demo import sample

    students = [*sample.CLASS, *sample.crowd(repeats.count("students"), seed=1)]
    folder = handed_in(tmp_path_factory.mktemp("class") / "course", students)
    for name, time in (("ada", "2024-11-01 12:00:00 UTC"), ("ben", "2024-12-24 12:00:00 UTC")):
        (folder / "submitted" / name / UNIT / "timestamp.txt").write_text(time)
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    with Gradebook(url(folder)) as book:
        book.update_or_create_assignment(UNIT, duedate="2024-11-15 12:00:00 UTC")
        book.update_or_create_student("ada", first_name="Ada", last_name="Lovelace")
    return folder


@pytest.fixture(scope="session")
def class_by_nbgrader(class_handed_in):
    """The same course, graded and given feedback by nbgrader with our plugin."""
    from courses import UNIT, copied

    from grader.nbgrader import course

    folder = copied(class_handed_in, class_handed_in.with_name("theirs"))
    course.nbgrader(folder, folder / "state", "autograde", UNIT)
    course.nbgrader(folder, folder / "state", "generate_feedback", UNIT)
    return folder


@pytest.fixture(scope="session")
def class_by_us(class_handed_in):
    """The same course, graded by ``grader grade``."""
    from courses import command, copied

    folder = copied(class_handed_in, class_handed_in.with_name("ours"))
    process = command(folder, "--jobs", "1")
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return folder


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Distribute tests to whichever worker is free, but keep those of each file in ``TOGETHER`` on one worker.

    xdist's own way, ``xdist_group`` marks, has no effect with pytest 9.2, where the attribute they are written into is
    gone; and without any grouping, every worker would run each costly fixture.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFileOrTest(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return scope(nodeid)

    return ByFileOrTest(config, log)


def scope(nodeid):
    """The name of the group of tests that go to one worker with this test: its file, or the test alone."""
    file = nodeid.partition("::")[0]
    return TOGETHER.get(file.rpartition("/")[2], nodeid)
