"""Submissions that take all the processor they can get, beside an honest one that needs some of it."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import threading
import time

import pytest

from grader.sandbox import SandboxError, conversation, forkserver
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Usage, Zygote, claimed_core

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


def ran(zygote: Zygote, source: str, limits: Limits) -> tuple[str, str, Usage]:
    """A cell's breach, what it printed, and what it took."""
    (run,) = zygote.run([source], lambda id: None, limits)
    return run.breach, "".join(output.get("text", "") for output in run.outputs), zygote.used


def beside(hog: Zygote, honest: Zygote, step: str) -> tuple[str, str, Usage]:
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
    monkeypatch.setattr("grader.sandbox.zygote.CLAIM", f"test-{secrets.token_hex(8)}")


@pytest.fixture
def two(fork_server):
    made = Zygote(fork_server=fork_server), Zygote(fork_server=fork_server)
    for zygote in made:
        zygote.run(["1"], lambda id: None)
    yield made
    for zygote in made:
        zygote.close()


class OnTheClock:
    """A clock that counts all that passes."""

    def __init__(self, pid: int):
        self.started = time.monotonic()

    def __enter__(self) -> OnTheClock:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def used(self) -> float:
        return time.monotonic() - self.started


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_neighbours_cell_has_its_time(two, step):
    assert beside(*two, step)[:2] == ("", "done\n")


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_on_shared_processors_and_on_the_clock_it_has_not(monkeypatch, step):
    """The way to fail: forks of one session that may run anywhere, and a limit that counts while others run."""
    popen = subprocess.Popen
    monkeypatch.setattr(forkserver.subprocess, "Popen", lambda *a, start_new_session=False, **rest: popen(*a, **rest))
    monkeypatch.setattr("grader.sandbox.zygote.claimed_core", lambda: (None, None))
    monkeypatch.setattr("grader.sandbox.zygote.Clock", OnTheClock)
    monkeypatch.setattr(conversation, "GRACE", 0.3)
    made = Zygote(), Zygote()
    try:
        for zygote in made:
            zygote.run(["1"], lambda id: None)
        breach, _, used = beside(*made, step)
        assert breach == "cell_time" or used.seconds > 2 * NEEDS + 1
    finally:
        for zygote in made:
            zygote.close()


def test_neighbors_have_processors_of_their_own(two):
    code = "import os\nprint(len(os.sched_getaffinity(0)), *os.sched_getaffinity(0))"
    places = [ran(zygote, code, LIMIT)[1].split() for zygote in two]
    assert [count for count, _ in places] == ["1", "1"]
    if len(os.sched_getaffinity(0)) > 1:
        assert places[0] != places[1]


def test_claims_spread_evenly_over_the_processors_and_end_with_their_sockets():
    cores = sorted(os.sched_getaffinity(0))
    with contextlib.ExitStack() as claims:
        first = [claimed_core() for _ in cores]
        second = [claimed_core() for _ in cores]
        for _, claim in first + second:
            claims.enter_context(claim)
        assert sorted(core for core, _ in first) == sorted(core for core, _ in second) == cores
        core, claim = first[0]
        claim.close()
        again, claim = claimed_core()
        claims.enter_context(claim)
        assert again == core


def test_where_no_claim_can_be_made_all_forks_stay_on_one_processor_too(monkeypatch, fork_server):
    monkeypatch.setattr("grader.sandbox.zygote.MOST_CLAIMS", 0)
    zygote = Zygote(fork_server=fork_server)
    try:
        places = [ran(zygote, "import os\nprint(*os.sched_getaffinity(0))", LIMIT)[1].split() for _ in range(2)]
    finally:
        zygote.close()
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
