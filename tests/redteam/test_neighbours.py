"""Submissions that take all the processor they can get, beside an honest one that needs some of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import threading
import time

import pytest

from grader.sandbox import SandboxError, origin
from grader.sandbox import run as sandbox
from grader.sandbox.run import Limits, Usage, Warm

NEEDS = 0.5  # seconds of processor time that the honest cell needs
LIMIT = Limits(cell_seconds=2.0, notebook_seconds=60)
HONEST = f"""
import hashlib, time
data = b"x" * 2**20
while time.process_time() < {NEEDS}:
    hashlib.sha256(data)
print("done")
"""
SIXTY = """
import threading, time
def spin():
    import hashlib, zlib
    import numpy
    data, array = b"x" * 2**20, numpy.arange(2.0**20)
    while True:
        {step}
for _ in range(60):
    threading.Thread(target=spin, daemon=True).start()
print("started")
time.sleep(1e6)
"""
# What sixty threads do, all of it without the interpreter's lock.
STEPS = {
    "hashing": "hashlib.sha256(data)",
    "compressing": "zlib.compress(data, 9)",
    "sorting": "numpy.sort(array[::-1])",
    "copying memory": "array[::-1].copy()",
}


def ran(warm: Warm, source: str, limits: Limits) -> tuple[str, str, Usage]:
    """A cell's breach, what it printed, and what it took."""
    (run,) = warm.run([source], lambda id: None, limits)
    return run.breach, "".join(output.get("text", "") for output in run.outputs), warm.used


def beside(hog: Warm, honest: Warm, step: str) -> tuple[str, str, Usage]:
    """What becomes of the honest cell while sixty threads are at work; they are ended then."""
    source = SIXTY.format(step=step)
    long = Limits(cell_seconds=120, notebook_seconds=120)

    def spin() -> None:
        with contextlib.suppress(SandboxError, OSError):  # it is ended in the middle
            ran(hog, source, long)

    thread = threading.Thread(target=spin)
    thread.start()
    time.sleep(1.0)  # until all of them have started
    try:
        return ran(honest, HONEST, LIMIT)
    finally:
        hog.close()
        thread.join()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """As if no other test, and no other grader, had claimed a processor of this machine."""
    monkeypatch.setattr(sandbox, "CLAIM", f"test-{secrets.token_hex(8)}")


@pytest.fixture
def two():
    made = Warm(), Warm()
    for warm in made:
        warm.run(["1"], lambda id: None)
    yield made
    for warm in made:
        warm.close()


class OnTheClock:
    """A clock that counts all that passes."""

    def __init__(self, pid: int):
        self.started = time.monotonic()

    def used(self) -> float:
        return time.monotonic() - self.started


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_neighbours_cell_has_its_time(two, step):
    assert beside(*two, step)[:2] == ("", "done\n")


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_on_shared_processors_and_on_the_clock_it_has_not(monkeypatch, step):
    """The way to fail: forks of one session that may run anywhere, and a limit that counts while others run."""
    popen = subprocess.Popen
    monkeypatch.setattr(origin.subprocess, "Popen", lambda *a, start_new_session=False, **rest: popen(*a, **rest))
    monkeypatch.setattr(sandbox, "claimed_core", lambda: (None, None))
    monkeypatch.setattr(sandbox, "Clock", OnTheClock)
    monkeypatch.setattr(sandbox, "GRACE", 0.3)
    made = Warm(), Warm()
    try:
        for warm in made:
            warm.run(["1"], lambda id: None)
        breach, _, used = beside(*made, step)
        assert breach == "cell_time" or used.seconds > 2 * NEEDS + 1
    finally:
        for warm in made:
            warm.close()


def test_neighbours_have_processors_of_their_own(two):
    code = "import os\nprint(len(os.sched_getaffinity(0)), *os.sched_getaffinity(0))"
    places = [ran(warm, code, LIMIT)[1].split() for warm in two]
    assert [count for count, _ in places] == ["1", "1"]
    if len(os.sched_getaffinity(0)) > 1:
        assert places[0] != places[1]


def test_claims_spread_evenly_over_the_processors_and_end_with_their_sockets():
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as claims:
        first = [sandbox.claimed_core() for _ in cores]
        second = [sandbox.claimed_core() for _ in cores]
        for _, claim in first + second:
            claims.enter_context(claim)
        assert sorted(core for core, _ in first) == sorted(core for core, _ in second) == cores
        core, claim = first[0]
        claim.close()
        again, claim = sandbox.claimed_core()
        claims.enter_context(claim)
        assert again == core


def test_where_no_claim_can_be_made_all_forks_stay_on_one_processor_too(monkeypatch):
    monkeypatch.setattr(sandbox, "MOST_CLAIMS", 0)
    warm = Warm()
    try:
        places = [ran(warm, "import os\nprint(*os.sched_getaffinity(0))", LIMIT)[1].split() for _ in range(2)]
    finally:
        warm.close()
    assert places[0] == places[1]
    assert len(places[0]) == 1


def test_who_only_sleeps_is_stopped_on_the_clock(two):
    breach, _, used = ran(two[0], "import time\ntime.sleep(1e6)", Limits(cell_seconds=0.5))
    assert breach == "cell_time"
    assert used.cpu < 0.5


def test_time_of_the_grader_is_not_the_submissions(two):
    """What it takes to pose and to judge is no time of a cell or of the notebook."""

    def slowly(id):
        time.sleep(1.5)
        return []

    cell = "from grader import check\ncheck('x', len)"
    runs = two[0].run([cell] * 3, slowly, Limits(cell_seconds=20.0, notebook_seconds=30.0), lambda k, answers: None)
    assert [run.breach for run in runs] == ["", "", ""]
