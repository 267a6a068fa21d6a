"""A run that is killed at any moment and started again has the same results as an undisturbed one."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
from courses import UNIT, command, content, copied, files, handed_in, url
from repeats import count

from grader.demo import sample

from support import case

IN_ONE_COURSE = 10  # kills, one after another
AT_WORK = 0.6  # of the moments lie after a run's first submission, the others before
STUDENTS = [*sample.crowd(10, seed=2), *[s for s in sample.CLASS if s.name in ("walt", "tara")]]


def state(folder):
    return files(folder), content(url(folder))


def pages(folder) -> int:
    return len(list(folder.glob("feedback/*/*/*.html")))


def first_page(process, folder) -> None:
    """Wait until one more submission is graded, or the process ends."""
    before = pages(folder)
    while pages(folder) == before and process.poll() is None:
        time.sleep(0.005)


def killed(process, seconds: float) -> str:
    """Wait that long or until it ends, and kill it then, in whatever it is doing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.005)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    return "".join(process.communicate())


def left(mark: str) -> list[str]:
    """Processes that were started with this mark in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes() and "zombie" not in (place / "status").read_text():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A course before grading, the same after an undisturbed run, and how long that took: to its first page, and on."""
    folder = tmp_path_factory.mktemp("killed")
    before = handed_in(folder / "before", STUDENTS)
    after = copied(before, folder / "after")
    start = time.monotonic()
    process = command(after, "--jobs", "2")
    first_page(process, after)
    first = time.monotonic()
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return before, state(after), (first - start, time.monotonic() - first)


def test_killed_at_random_moments_and_run_again_it_ends_as_if_undisturbed(undisturbed, tmp_path):
    for k, first in enumerate(range(0, count("kills"), IN_ONE_COURSE)):
        with case(f"course {k}"):
            _killed_and_run_again(undisturbed, tmp_path / f"{k}", k, min(IN_ONE_COURSE, count("kills") - first))


def _killed_and_run_again(undisturbed, there, k, kills):
    before, expected, (to_first, on) = undisturbed
    folder, temporary = copied(before, there / "course"), there / "tmp"
    temporary.mkdir()
    draw = random.Random(k)
    mark = f"GRADER_TEST_MARK={k}-{os.getpid()}"
    environment = {**dict([mark.split("=")]), "TMPDIR": str(temporary)}
    partly = []
    for n in range(kills):
        process = command(folder, "--jobs", str(1 + k % 2), **environment)
        if n == 1 or (draw.random() < AT_WORK and n != 0):  # both at least once
            first_page(process, folder)
            killed(process, draw.uniform(0, on / 2))
        else:
            killed(process, draw.uniform(0.1, to_first))
        grades = content(url(folder))["grades"]
        partly.append(len({row[0] for row in grades}))
        # All or nothing: who has a grade has all of them, and a page.
        assert len(grades) == partly[-1] * len({row[2] for row in expected[1]["grades"]})
        for student in {row[0] for row in grades}:
            assert (folder / "feedback" / student / UNIT / f"{UNIT}.html").exists()
    process = command(folder, "--jobs", "2", **environment)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert state(folder) == expected
    assert partly == sorted(partly)  # what is graded once is not lost
    end = time.monotonic() + 30
    while (left(mark) or list(temporary.glob("zygote-*"))) and time.monotonic() < end:
        time.sleep(0.1)
    assert left(mark) == []
    assert list(temporary.glob("zygote-*")) == []


def test_another_class_ends_otherwise(undisturbed, tmp_path):
    """The way to fail: a comparison that finds everything the same."""
    before, expected, _ = undisturbed
    folder = copied(before, tmp_path / "course")
    name = f"{UNIT}/{UNIT}.ipynb"
    (folder / "submitted" / "tara" / name).write_bytes((before / "submitted" / "walt" / name).read_bytes())
    process = command(folder, "--jobs", "2")
    process.communicate()
    found = state(folder)
    assert found[0] != expected[0]
    assert found[1] != expected[1]
