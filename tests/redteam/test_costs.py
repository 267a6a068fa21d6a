"""Every submission of costs.py in one class: it costs nobody else anything; and what it costs without the defence."""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import sys
import tempfile
import warnings
from difflib import SequenceMatcher
from pathlib import Path

import nbformat
import pytest
from attacks import FULL, RELEASED, UNIT
from costs import COSTS, NOTEBOOK, SOLVED, Cost
from courses import command, handed_in
from dateutil.tz import tz
from nbconvert import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.utils import find_all_files, parse_utc

from grader.classroom import CourseError, submission
from grader.classroom.bounded import BoundedProcess, TooLong
from grader.classroom.supplementary import LARGEST_BESIDE, MOST_BESIDE
from grader.demo.sample import CLASS
from grader.files import remove
from grader.nbgrader import course
from grader.nbgrader.results import results
from grader.words import COMMANDS, FEEDBACK

TOLD = COMMANDS | FEEDBACK
HONEST = ("ada", "zora")  # the first and the last to be graded
SHORT = 0.5  # seconds; the naive way takes many times as long, and ours a small part of it
by_cost = [pytest.param(cost, id=cost.name) for cost in COSTS]


def unit_of(folder: Path, student: str) -> Path:
    made = folder / "submitted" / student / UNIT
    made.mkdir(parents=True)
    (made / NOTEBOOK).write_bytes(SOLVED)
    return made


def everybody(folder: Path) -> Path:
    """A course in which all of them have handed in, and two honest members."""
    handed_in(folder, [s for s in CLASS if s.name == "ada"])
    (folder / "submitted" / "ada" / UNIT / NOTEBOOK).write_bytes(SOLVED)
    unit_of(folder, "zora")
    for cost in COSTS:
        cost.make(unit_of(folder, f"m-{cost.name}"))
    return folder


@contextlib.contextmanager
def place():
    """A folder that pytest does not remove: its own way of doing that calls itself, a thousand folders deep."""
    made = Path(tempfile.mkdtemp(prefix="costs-"))
    try:
        yield made / "course"
    finally:
        remove(made)


@pytest.fixture(scope="session")
def somewhere():
    with place() as made:
        yield made


@pytest.fixture(scope="session")
def elsewhere():
    with place() as made:
        yield made


@pytest.fixture(scope="session")
def graded(somewhere):
    """A class of all of them with honest members, graded by the command: what it said, and the results by student."""
    folder = everybody(somewhere)
    process = command(folder, "--json", "--jobs", "2")
    out, err = process.communicate()
    return folder, process.returncode, json.loads(out), {r.student: r for r in results(folder, UNIT)}, err


@pytest.fixture
def alone():
    """The folder of one student, for what happens without the defence."""
    with place() as folder:
        unit_of(folder, "ada")
        yield unit_of(folder, "mallory")


def test_table_is_what_was_promised():
    assert len(COSTS) >= 40
    assert len({cost.name for cost in COSTS}) == len(COSTS)
    assert all(cost.naive in NAIVE for cost in COSTS)


def test_the_run_ends_and_says_who_has_no_grade(graded):
    _, status, said, _, err = graded
    assert status == 1, err
    assert set(said["failed"]) == {f"m-{cost.name}" for cost in COSTS if cost.failed}
    assert "Traceback" not in err


def says_score(page: str, score: float) -> bool:
    """Whether a feedback page says this score at its top."""
    return f"<strong>{score:g} of {sum(FULL.values()):g}</strong>" in page


@pytest.mark.parametrize("student", HONEST)
def test_neighbors_get_their_own_grade(graded, student):
    assert graded[3][student].scores == FULL
    page = (graded[0] / "feedback" / student / UNIT / f"{UNIT}.html").read_text("utf-8")
    assert says_score(page, sum(FULL.values()))


@pytest.mark.parametrize("cost", by_cost)
def test_each_has_its_own_grade_and_its_sentence(graded, cost):
    folder, _, said, found, _ = graded
    student = f"m-{cost.name}"
    if cost.failed:
        assert said["failed"][student] == TOLD[cost.told]
        assert student not in found
        return
    assert sum(found[student].scores.values()) == (sum(FULL.values()) if cost.worth else 0.0)
    (grade,) = [grade for grade in said["graded"] if grade["student"] == student]
    text = " ".join(grade["remarks"])
    begin = re.split(r"\{\w+(?:![a-z])?\}", TOLD[cost.told])[-1] if cost.told else ""
    assert begin in text
    assert bool(text) == bool(cost.told)
    page = folder / "feedback" / student / UNIT / f"{UNIT}.html"
    assert page.stat().st_size < 10**7
    assert says_score(page.read_text("utf-8"), sum(found[student].scores.values()))


def test_nothing_that_was_too_much_was_copied(graded):
    copied = [path for step in ("autograded", "feedback") for path in (graded[0] / step).rglob("*")]
    assert len(copied) < 10 * len(COSTS)
    assert not [path for path in copied if path.is_symlink() or not (path.is_file() or path.is_dir())]
    assert sum(path.stat().st_size for path in copied if path.is_file()) < 10**8
    assert (graded[0] / "feedback" / "m-long_name" / UNIT / ("n" * 250)).read_text() == "x"  # and what was not, was


# --- what each does where the defence is absent; each returns whether it worked


def _unforeseen(folder: Path) -> bool:
    """nbgrader's own reader of times raises what nobody expects of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            parse_utc((folder / "timestamp.txt").read_text())
        except ValueError:
            return False
        except Exception:
            return True
    return False


def _opens(folder: Path) -> bool:
    """It opens a file that a student names."""
    opened = []

    class Recorded(tz.tzfile):
        def __init__(self, file, *rest):
            opened.append(file)
            super().__init__(file, *rest)

    with pytest.MonkeyPatch.context() as patched, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patched.setattr(tz, "tzfile", Recorded)
        with pytest.raises(ValueError, match="magic"):
            parse_utc((folder / "timestamp.txt").read_text())
    return opened == ["/etc/passwd"]


def _taken_for_utc(folder: Path) -> bool:
    return parse_utc((folder / "timestamp.txt").read_text()).hour == 0


def _extras(folder: Path) -> list[Path]:
    return [Path(file) for file in find_all_files(str(folder), ["*.ipynb"])]


def _read(path: Path) -> bytes:
    return path.read_bytes()


def _waits(folder: Path) -> bool:
    (path,) = _extras(folder)
    with pytest.raises(TooLong):
        apart(_read, path)
    return True


def _refused(folder: Path) -> bool:
    (path,) = _extras(folder) or [folder / "timestamp.txt"]
    with pytest.raises(OSError, match=path.name):
        _read(path)
    return True


def _reads_another(folder: Path) -> bool:
    """Through a link it is somebody else's file that is read."""
    path = next((path for path in folder.rglob("*") if path.is_symlink()), folder / NOTEBOOK)
    return path.resolve() == Path("/etc/passwd").resolve() or path.resolve().parent.parent.name == "ada"


def _long_name(folder: Path) -> bool:
    (path,) = _extras(folder)
    with pytest.raises(OSError, match="too long"):
        tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    return True


def _a_folder_there(folder: Path) -> bool:
    with pytest.raises(IsADirectoryError):
        os.replace(folder / NOTEBOOK, folder / f"{UNIT}.html")
    return True


def _read_all(folder: Path) -> None:
    files = _extras(folder)
    if not files:
        raise OSError("no file was found in a folder that has one")
    for file in files:
        _read(file)


def _deep(folder: Path) -> bool:
    with pytest.raises((RecursionError, OSError)):
        _read_all(folder)
    return True


def _all_of_them(folder: Path) -> bool:
    return len(_extras(folder)) > MOST_BESIDE


class _Enough(Exception):
    """What was counted is as much as it takes."""


def _listed(folder: str, most: int) -> bool:
    """Whether nbgrader's walk lists folders more often than that.  The hook stays, so the process has to end."""
    left = iter(range(most))

    def count(event: str, _: object) -> None:
        if event == "os.scandir" and next(left, None) is None:
            raise _Enough

    sys.addaudithook(count)
    try:
        find_all_files(folder, [".ipynb_checkpoints", "*.pyc", "*.ipynb"])
    except _Enough:
        return True
    return False


def _lists_them_each_time(folder: Path) -> bool:
    folders = 1 + sum(path.is_dir() for path in folder.rglob("*"))
    # One listing by the walk itself and one for each of three patterns make four a folder; twice that is too many.
    return apart(_listed, str(folder), 8 * folders, seconds=60)


def _a_terabyte(folder: Path) -> bool:
    return sum(path.stat().st_size for path in _extras(folder)) > 1000 * LARGEST_BESIDE


def _unprintable(folder: Path) -> bool:
    with pytest.raises(UnicodeEncodeError):
        "\n".join(path.name for path in _extras(folder)).encode()
    return True


def _slow_conversion(folder: Path) -> bool:
    data = (folder / NOTEBOOK).read_text()
    with pytest.raises(TooLong):
        apart(nbformat.reads, data, 4)
    apart(submission.read, data.encode(), seconds=20)
    return True


def _memory_of(data: bytes) -> int:
    """Bytes that a process takes for what these bytes hold."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = json.loads(data)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return grown if kept else 0


def _hungry(folder: Path) -> bool:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("grader.classroom.bounded.MEMORY", 2**40)
        return apart(_memory_of, (folder / NOTEBOOK).read_bytes(), seconds=60) > 2 * 2**30


def _many_notes(folder: Path) -> bool:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(submission, "MOST_NOTES", 10**9)
        return len(submission.remarks(submission.mend(submission.read(_read(folder / NOTEBOOK)), RELEASED))) > 1000


def _most_alike(cells: list[str], released: list[str]) -> list[float]:
    return [max(SequenceMatcher(None, one, other).ratio() for other in released) for one in cells]


def _each_with_each(folder: Path) -> bool:
    """The nearest released cell is looked for to each cell that says nothing of itself."""
    submitted = submission.read(_read(folder / NOTEBOOK))
    with pytest.raises(TooLong):
        apart(_most_alike, [cell.source for cell in submitted.cells], [cell.source for cell in RELEASED.cells])
    apart(submission.mend, submitted, RELEASED, seconds=20)
    return True


def _own(folder: Path, kind: str) -> list[str]:
    nb = nbformat.read(folder / NOTEBOOK, 4)
    return [cell.source for cell in nb.cells if cell.id.startswith("own-") and cell.cell_type == kind]


def _laid_out(sources: list[str]) -> None:
    for source in sources:
        HTMLExporter().markdown2html({"cell": {}}, source)


def _highlighted(sources: list[str]) -> None:
    for source in sources:
        Highlight2HTML(pygments_lexer="ipython3")(source, "ipython3")


def _slow_code(folder: Path) -> bool:
    with pytest.raises(TooLong):
        apart(_highlighted, _own(folder, "code"))
    return True


def _slow_text(folder: Path) -> bool:
    with pytest.raises(TooLong):
        apart(_laid_out, _own(folder, "markdown"))
    return True


NAIVE = {
    name.removeprefix("_"): function
    for name, function in globals().copy().items()
    if getattr(function, "__annotations__", None) == {"folder": "Path", "return": "bool"}
}


def apart(work, *arguments, seconds=SHORT):
    process = BoundedProcess()
    try:
        process.call(os.getpid, seconds=60)  # it has imported what it needs
        return process.call(work, *arguments, seconds=seconds)
    finally:
        process.close()


@pytest.mark.parametrize("cost", by_cost)
def test_without_its_defence_it_works(alone, cost: Cost):
    cost.make(alone)
    assert NAIVE[cost.naive](alone)


# --- nbgrader's own commands, with the plugin


@pytest.fixture(scope="session")
def by_nbgrader(elsewhere):
    """The same class by ``nbgrader autograde`` and ``generate_feedback``: results by student, and the two logs."""
    folder = everybody(elsewhere)
    for odd in ("m-*", "m-[a]da", "a\nb"):  # to nbgrader patterns, which match others' folders, and no student at all
        unit_of(folder, odd)
    logs = []
    for command_ in ("autograde", "generate_feedback"):
        with contextlib.suppress(CourseError):  # some members have no grade: then it ends with status 1
            course.nbgrader(folder, folder / "state", command_, UNIT, line=logs.append)
    return folder, {r.student: r for r in results(folder, UNIT)}, "\n".join(logs)


@pytest.mark.parametrize("student", HONEST)
def test_neighbors_get_their_own_grade_by_nbgrader_too(by_nbgrader, student):
    folder, found, _ = by_nbgrader
    assert found[student].scores == FULL
    page = (folder / "feedback" / student / UNIT / f"{UNIT}.html").read_text("utf-8")
    assert says_score(page, sum(FULL.values()))


@pytest.mark.parametrize("cost", by_cost)
def test_each_is_graded_by_nbgrader_or_said_not_to_be(by_nbgrader, cost):
    _, found, log = by_nbgrader
    student = f"m-{cost.name}"
    score = sum(found[student].scores.values()) if student in found else 0.0
    failed = f"error processing assignment '{UNIT}' for student '{student}'" in log
    failed = failed or f"submitted/{student}/{UNIT}' was left out" in log
    assert score in ((sum(FULL.values()), 0.0) if failed else (sum(FULL.values()) if cost.worth else 0.0,))


def test_what_nbgrader_would_copy_through_a_link_is_not_on_anybodys_page(by_nbgrader):
    folder, _, log = by_nbgrader
    for step in ("autograded", "feedback"):
        assert not [path for path in (folder / step).rglob("*") if path.name == "passwd" or path.is_symlink()]
    assert "m-a_link_out/05_weighted_vjp' was left out" in log


def test_without_the_plugin_a_name_stops_nbgrader_for_everybody(tmp_path):
    """The way to fail: a line end in one student's id."""
    folder = handed_in(tmp_path / "course", [s for s in CLASS if s.name == "ada"])
    unit_of(folder, "a\nb")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("grader.nbgrader.plugin._stumbles", lambda dirs, folder: "")
        commands = course.api(folder)
        commands.coursedir.assignment_id = UNIT
        with pytest.raises(NbGraderException, match="Could not match"):
            Autograde(coursedir=commands.coursedir, parent=commands).start()
    assert not (folder / "autograded" / "ada" / UNIT / NOTEBOOK).exists()
