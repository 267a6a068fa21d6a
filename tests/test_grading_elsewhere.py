"""The same class on a PostgreSQL server, and on a Dask cluster of two worker processes: the same grades and pages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
import warnings
from concurrent.futures import Executor, Future
from pathlib import Path

import own
import pytest
from courses import UNIT, Here, command, content, copied, files, free_port, handed_in, postgresql, url
from sqlalchemy import create_engine, delete
from sqlalchemy.exc import DBAPIError

from grader import cli
from grader.classroom import workers
from grader.demo import sample
from grader.nbgrader import course
from grader.nbgrader.command import grade_class
from grader.nbgrader.folders import Course
from grader.nbgrader.gradebook import RUN, _write

FEW = [s for s in sample.CLASS if s.name in ("ada", "deniz", "tara", "walt")] + sample.crowd(1, seed=3)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """(a course before grading, the same graded with SQLite on this machine)."""
    folder = tmp_path_factory.mktemp("here")
    before = handed_in(folder / "before", FEW)
    after = copied(before, folder / "after")
    assert len(grade_class(Course(after, UNIT), Here).graded) == len(FEW)
    return before, after


@pytest.fixture(scope="module")
def postgres():
    """The URL of an empty database on a server of this test's own."""
    with postgresql() as url:
        if not url:
            said = "PostgreSQL is NOT installed: grading into it was NOT tested. On Debian: apt-get install postgresql"
            warnings.warn(said, stacklevel=1)
            pytest.skip(said)
        yield url


def test_a_class_is_graded_into_postgresql(here, postgres, tmp_path, monkeypatch, capsys):
    before, after = here
    folder = copied(before, tmp_path / "course")
    assert course.api(folder, CourseDirectory={"db_url": postgres}).generate_assignment(UNIT, force=True)["success"]
    process = command(folder, "--jobs", "1", "--db", postgres)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert f"graded {len(FEW):10}" in out
    again = grade_class(Course(folder, UNIT, postgres), Here)
    assert (again.graded, len(again.unchanged)) == ([], len(FEW))
    assert content(postgres) == content(url(after))
    assert files(folder) == files(after)
    assert content(url(folder))["grades"] == []  # the way to fail: it went into the file after all
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert cli.main(["report", UNIT, "--db", postgres]) == 0
    assert f"{len(FEW)} submissions" in capsys.readouterr().out
    assert cli.main(["export", "--csv", "--db", postgres]) == 0
    assert "deniz" in capsys.readouterr().out


def test_what_the_server_refuses_of_many_rows_is_told_as_a_refusal(postgres):
    """Rows are copied past SQLAlchemy, which turns what a driver raises into errors that are told."""
    engine = create_engine(postgres)
    RUN.metadata.create_all(engine)
    row = {"unit": "copied", "student": "ada", "fingerprint": "x"}
    try:
        for rows, refused in (([row], False), ([row, {**row, "fingerprint": None}], True)):
            told = pytest.raises(DBAPIError, match="fingerprint") if refused else contextlib.nullcontext()
            with told, engine.begin() as connection:
                _write(connection, RUN, [], rows)
                connection.execute(delete(RUN).where(RUN.c.unit == "copied"))
    finally:
        engine.dispose()


def test_a_server_that_is_gone_is_told_without_its_password(here, tmp_path):
    folder = copied(here[0], tmp_path / "course")
    process = command(folder, "--db", f"postgresql://grader:hush@127.0.0.1:{free_port()}/gradebook")
    out, err = process.communicate()
    assert process.returncode == 1
    assert "refuse" in err
    assert "hush" not in out + err


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler with two worker processes, which stand in another folder."""
    port, elsewhere = free_port(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "dask"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),  # the tests' own work, beside the package's
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",  # Dask's own 3 would start four more workers
    }
    common = {"cwd": elsewhere, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = [*dask, "worker", address, "--nworkers", "1", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    # Each in a session of its own: a nanny is ended together with its worker.
    processes = [
        subprocess.Popen(arguments, **common, start_new_session=True) for arguments in (scheduler, worker, worker)
    ]
    try:
        from distributed import Client

        with Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
        yield address
    finally:
        for process in reversed(processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_a_class_is_graded_on_a_cluster(here, cluster, tmp_path):
    before, after = here
    folder = copied(before, tmp_path / "course")
    process = command(folder, "--dask", cluster)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert content(url(folder)) == content(url(after))
    assert files(folder) == files(after)


def test_a_course_of_ones_own_is_graded_on_a_cluster_that_does_not_have_its_pack(cluster, tmp_path):
    folder = own.with_class(tmp_path / "own")
    process = command(folder, "--dask", cluster, unit=own.UNIT)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert own.scores(folder) == own.SCORES
    assert own.named(folder, "bo") == own.NAMED


def test_both_workers_of_the_cluster_are_used_and_one_that_dies_is_replaced(cluster, tmp_path):
    from test_grading import square

    from grader.classroom.workers import DaskWorkers, Lost, mapped

    place = DaskWorkers(cluster)
    try:
        assert sum(lane.most for lane in place.all) == 4  # two at work, two waiting
        found = {thing[0]: result for thing, result in mapped(place, square, ((k, tmp_path) for k in range(9)))}
    finally:
        place.close()
    assert isinstance(found.pop(3), Lost)
    assert isinstance(found.pop(7), ValueError)
    assert found == {k: k**2 for k in range(9) if k not in (3, 7)}


class Crowded(Executor):
    """An executor of one worker that dies with all that it holds, as Dask counts deaths: who was there is guilty."""

    def __init__(self, most):
        self.most, self.held, self.sizes = most, [], []

    def submit(self, work, thing):
        made = Future()
        self.held.append((thing, made))
        if len(self.held) == self.most:
            self.end()
        else:
            threading.Timer(0.05, self.end).start()
        return made

    def end(self):
        held, self.held = self.held, []
        self.sizes += [len(held)] if held else []
        for thing, made in held:
            if any(beside == "killer" for beside, _ in held):
                made.set_exception(KilledWorker(thing))
            else:
                made.set_result(thing)


class KilledWorker(RuntimeError):
    """As distributed.scheduler.KilledWorker, by whose name it is known."""


class Anywhere:
    """A place with one such executor."""

    def __init__(self, most):
        self.all = [workers.Worker(Crowded(most), most)]


def test_who_only_stood_beside_a_killer_is_not_given_up():
    place = Anywhere(4)
    asked = ["a", "killer", "b", "c", "d", "e", "f"]
    found = dict(workers.mapped(place, str, asked))
    assert isinstance(found.pop("killer"), workers.Lost)
    assert found == {name: name for name in asked if name != "killer"}
    sizes = place.all[0].executor.sizes
    assert sizes[0] == 4
    assert sizes[-4:] == [1, 1, 1, 1]  # whoever was there the first time is tried alone


class Lossy:
    """A Dask client of which a task ends well, and its result is lost before it is fetched."""

    def __init__(self, error):
        self.error = error

    def submit(self, work, *arguments, pure):
        assert not pure
        return self

    def add_done_callback(self, done):
        done(self)

    def result(self):
        if self.error:
            raise self.error
        return 1

    async def _result(self, raiseit):
        return self.result()

    @property
    def status(self):
        return "finished"


def test_an_error_that_comes_while_a_result_is_fetched_is_heard_of():
    """Dask's own executor loses it, and waits for ever."""
    from distributed.cfexecutor import _cascade_future

    error = KilledWorker("square")
    future = workers._Cluster(Lossy(error)).submit(pow, 2, 3)
    assert future.exception(timeout=0) is error
    assert workers._Cluster(Lossy(None)).submit(pow, 2, 3).result(timeout=0) == 1
    lost = Future()
    with pytest.raises(KilledWorker):
        asyncio.run(cascaded(_cascade_future, Lossy(error), lost))
    assert not lost.done()  # the way to fail


async def cascaded(cascade, asked, future):
    await cascade(asked, future)
