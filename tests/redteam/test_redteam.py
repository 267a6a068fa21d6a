"""Every hostile submission of attacks.py: harmless with its defence, and shown to work without it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import attacks
import naive
import nbformat
import numpy
import pytest
from attacks import ATTACKS, BASES, BEFORE_MIDDLE, FULL, RELEASED, SOLUTION, Attack
from nbformat import NotebookNode
from world import Seen, World

from grader import card
from grader.classroom import judging, submission
from grader.classroom.submission import grade_id
from grader.nbgrader.results import _verdict as verdict
from grader.problem import Problem
from grader.question import Question
from grader.sandbox import codec, conversation, wire
from grader.sandbox.conversation import CellRun
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Zygote

from support import rules

MEBIBYTE = 2**20
LIMITS = Limits(cell_seconds=10, notebook_seconds=40, cpu_seconds=60, memory=512 * MEBIBYTE)
LIFTED = Limits(60, 120, 600, 2**40, 2**40, 1024, 2**60, 10**6, 10**8, 10**8)
ENDLESS = 1e9  # seconds that an endless attack lasts where a limit must end it
A_WHILE = 1.2  # and where nothing does: longer than the limit that it would have had
SECRET = b"s" * 32

by_attack = [pytest.param(attack, id=attack.name) for attack in ATTACKS]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    made.work_here()
    yield made
    made.close()


@pytest.fixture(scope="module")
def zygote(world) -> Iterator[Zygote]:
    made = Zygote()
    made.run([], lambda id: None)  # from here on all of its own processes are there
    world.keep(made.pid, *world.family(made.pid))
    assert honest_neighbour(world, made, "whole") == FULL  # before the first attack, and after the last
    yield made
    assert honest_neighbour(world, made, "whole") == FULL
    made.close()


@pytest.fixture(scope="module")
def unconfined(world) -> Iterator[Zygote]:
    made = Zygote(confined=False)
    made.run([], lambda id: None)
    world.keep(made.pid)
    yield made
    made.close()


@pytest.fixture(scope="module")
def kernel(world) -> Iterator[naive.Kernel]:
    made = naive.Kernel(world.scratch, world.token)
    world.keep(made.process.pid)
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def problems_are_drawn_once():
    """The neighbour meets the same problems every time; drawing them takes longer than to grade it."""
    draw = Question.problems
    with pytest.MonkeyPatch.context() as patched:
        known: dict[tuple[str, int], list[Problem]] = {}

        def problems(question: Question, seed: int = 0) -> list[Problem]:
            key = question.id, seed
            if key not in known:
                known[key] = draw(question, seed)
            return known[key]

        patched.setattr(Question, "problems", problems)
        yield


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(conversation, "GRACE", 0.3)


def graded(
    world: World,
    data: bytes,
    zygote: Zygote,
    limits: Limits,
    honest: dict[str, float],
    released: NotebookNode = RELEASED,
) -> Seen:
    """A submission judged outside, by the same calls as in ``nbgrader autograde``."""
    seen = Seen(honest)
    try:
        nb = submission.mend(submission.read(data), released)
    except submission.Unreadable as why:
        nb = submission.unreadable(released, str(why))
    begun = time.monotonic()
    judging.run(nb, rules(released), zygote, limits, SECRET, "mallory")
    seen.seconds = time.monotonic() - begun
    seen.notebook = nb
    seen.scores = scores(nb)
    seen.changed, seen.alive, seen.left = world.changes(), world.alive(), world.left()
    return seen


def scores(nb: NotebookNode) -> dict[str, float]:
    """The judge's scores, which must be those that nbgrader reads as well."""
    read = naive.score(nb)
    said = {
        grade_id(cell): verdict(cell, cell.metadata.nbgrader.points)
        for cell in nb.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }
    assert {id: data["score"] if data else 0.0 for id, data in said.items()} == read
    return read


def honest_neighbour(world: World, zygote: Zygote, name: str = "short") -> dict[str, float]:
    data, released = NEIGHBOURS[name]
    return graded(world, data, zygote, LIMITS, FULL, released).scores


def only(data: bytes, ids: Collection[str]) -> NotebookNode:
    """A notebook's first code cell, its imports, and the cells of these questions."""
    nb = nbformat.reads(data.decode(), as_version=4)
    first = next(cell for cell in nb.cells if cell.cell_type == "code")
    nb.cells = [first, *(cell for cell in nb.cells if grade_id(cell).removeprefix("answer-") in ids)]
    return nb


SOLVED = BASES["solved"].submission(SOLUTION, RELEASED)
SHORT = {id: FULL[id] for id in BEFORE_MIDDLE[2:]}
NEIGHBOURS = {
    "whole": (SOLVED, RELEASED),
    "short": (nbformat.writes(only(SOLVED, SHORT)).encode(), only(nbformat.writes(RELEASED).encode(), SHORT)),
}


# --- what shows that an attack worked


def _scored(seen: Seen) -> bool:
    return any(score > seen.honest.get(id, 0.0) for id, score in seen.scores.items())


def _active(seen: Seen) -> bool:
    for output in seen.outputs():
        data = output.get("data", {})
        html = str(data.get("text/html", ""))
        if {"image/svg+xml", "application/javascript"} & set(data) or re.search("<script|<img|onerror", html):
            return True
        if not re.fullmatch("[A-Za-z0-9+/=\n]*", str(data.get("image/png", ""))):
            return True
    return False


def _unwritable(seen: Seen) -> bool:
    try:
        nbformat.writes(seen.notebook).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


PROOFS: dict[str, Callable[[Seen, World], bool]] = {
    "scored": lambda seen, world: _scored(seen),
    "told": lambda seen, world: world.token in seen.text(),
    "through": lambda seen, world: "went through" in seen.text(),
    "through_in_graded": lambda seen, world: "went through" in seen.text(graded=True),
    "through_or_not_the_owner": lambda seen, world: "went through" in seen.text(),
    "in_graded": lambda seen, world: any(o["output_type"] == "stream" for o in seen.outputs(graded=True)),
    "changed": lambda seen, world: bool(seen.changed),
    "alive": lambda seen, world: bool(seen.alive),
    "left_behind": lambda seen, world: bool(seen.left),
    "unlike": lambda seen, world: bool(seen.raised) or seen.scores != seen.honest,
    "raised_or_missing": lambda seen, world: bool(seen.raised) or set(seen.scores) != set(seen.honest),
    "died": lambda seen, world: bool(seen.raised),
    "died_or_raised": lambda seen, world: bool(seen.raised),
    "active": lambda seen, world: _active(seen),
    "controls": lambda seen, world: bool(
        re.search("[\x00-\x08\x0b-\x1f\u202e]", "".join(o.get("text", "") for o in seen.outputs()))
    ),
    "unwritable": lambda seen, world: _unwritable(seen),
    "long": lambda seen, world: len(seen.text()) > 400_000,
    "heavy": lambda seen, world: len(nbformat.writes(seen.notebook)) > 10 * MEBIBYTE,
    "all_ran": lambda seen, world: all(
        cell.execution_count for cell in seen.notebook.cells if cell.cell_type == "code"
    ),
    "lasted": lambda seen, world: seen.seconds >= seen.long,
    "all_of_them": lambda seen, world: len(seen.notebook.cells) > 100_000,
    "neighbour": lambda seen, world: seen.scores != seen.honest,
}


@pytest.mark.parametrize("attack", by_attack)
def test_attack_gains_nothing_and_harms_nobody(attack: Attack, world, zygote):
    honest = attack.scores()
    limits = replace(LIMITS, **attack.limits)
    seen = graded(world, attack.submission(world.prelude(ENDLESS)), zygote, limits, honest)
    assert set(seen.scores) == set(honest)
    assert all(seen.scores[id] <= honest[id] for id in honest), "a score above the honest one"
    if attack.exact:
        assert seen.scores == honest
    elif attack.family == "exhaust":  # what was answered before keeps its credit
        assert {id: seen.scores[id] for id in BEFORE_MIDDLE} == {id: honest[id] for id in BEFORE_MIDDLE}
    assert seen.changed == []
    assert seen.alive == []
    assert seen.left == []
    assert not _unwritable(seen)
    if attack.proof not in ("unlike", "raised_or_missing", "neighbour"):  # said above, and by the neighbour below
        assert not PROOFS[attack.proof](seen, world)
    assert zygote.alive
    assert honest_neighbour(world, zygote) == SHORT


@pytest.mark.parametrize("attack", by_attack)
def test_attack_works_where_its_defence_is_absent(attack: Attack, world, request, tmp_path, monkeypatch):
    if callable(attack.shown):
        assert attack.shown(tmp_path)
        return
    try:
        seen = SHOWN[attack.shown](attack, world, request, monkeypatch)
        mine = attack.proof == "through_or_not_the_owner" and not os.access(Path(numpy.__file__).parent, os.W_OK)
        assert mine or PROOFS[attack.proof](seen, world), (seen.scores, seen.raised, seen.text()[:2000])
    finally:
        world.end_leftovers()
        if world.changes() or world.left():
            world.mend()


# --- graders without a defence


def _in_kernel(attack: Attack, world: World, request, monkeypatch, tests: str = "", strict: bool = False) -> Seen:
    """Judged in the student's own process, with the student's own metadata."""
    kernel = request.getfixturevalue("kernel")
    seen = Seen(attack.scores())
    data = attack.submission(world.prelude(A_WHILE))
    try:
        nb = naive.read(data) if strict else nbformat.reads(data.decode(), as_version=4)
        cells = [cell for cell in nb.cells if cell.cell_type == "code"]
        sources = [tests if tests and grade_id(cell) == "05-scalar_trick" else cell.source for cell in cells]
        folder = world.root / "submitted" / "ada" / "05"
        outputs = kernel.run(sources, folder)
        if outputs is None:
            seen.raised = "the kernel died"
        else:
            for cell, made in zip(cells, outputs, strict=True):
                cell.outputs = [nbformat.from_dict(output) for output in made if "output_type" in output]
            seen.notebook, seen.scores = nb, naive.score(nb)
    except Exception as why:
        seen.raised = repr(why)
    seen.changed, seen.alive = world.changes(), world.alive()
    return seen


def _plain(attack, world, request, monkeypatch) -> Seen:
    return _in_kernel(attack, world, request, monkeypatch, strict=True)


def _kept(attack, world, request, monkeypatch) -> Seen:
    """Saved outputs are believed."""
    nb = nbformat.reads(attack.submission(world.prelude(A_WHILE)).decode(), as_version=4)
    return Seen(attack.scores(), naive.score(nb), nb)


def _neighbour(attack, world, request, monkeypatch) -> Seen:
    """The honest notebook after the attack, in one process."""
    first = nbformat.reads(attack.submission(world.prelude(A_WHILE)).decode(), as_version=4)
    nb = nbformat.reads(BASES["solved"].submission(SOLUTION, RELEASED).decode(), as_version=4)
    before = [cell.source for cell in first.cells if cell.cell_type == "code"]
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    outputs = request.getfixturevalue("kernel").run([*before, *(cell.source for cell in cells)], world.scratch)
    assert outputs is not None
    for cell, made in zip(cells, outputs[len(before) :], strict=True):
        cell.outputs = [nbformat.from_dict(output) for output in made]
    return Seen(FULL, {id: score for id, score in naive.score(nb).items() if id}, nb)


def _unconfined(attack, world, request, monkeypatch) -> Seen:
    """The sandbox without its layers, and with limits that nothing reaches."""
    monkeypatch.setattr("grader.sandbox.watch.LONGEST_PATH", 10**9)
    made = request.getfixturevalue("unconfined")
    return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIFTED, attack.scores())


def _endless(attack, world, request, monkeypatch) -> Seen:
    """Confined, with limits that nothing reaches."""
    made = request.getfixturevalue("zygote")
    seen = graded(world, attack.submission(world.prelude(A_WHILE)), made, LIFTED, attack.scores())
    seen.long = A_WHILE
    return seen


def _any_length(attack, world, request, monkeypatch) -> Seen:
    """Frames, answers and numbers of checks are what they say."""
    for module, name in ((wire, "LARGEST_TEXT"), (wire, "LARGEST_ARRAYS"), (codec, "MOST_ENTRIES")):
        monkeypatch.setattr(module, name, 2**40)
    monkeypatch.setattr(conversation, "MOST_CHECKS", 2**40)
    return _endless(attack, world, request, monkeypatch)


def _received(monkeypatch, instead) -> None:
    """The trusted side's receiver, with another way to take what it cannot make sense of."""
    real = wire.receive
    monkeypatch.setattr(wire, "receive", lambda pipe, left=None: instead(real, pipe, left))


def _lenient(attack, world, request, monkeypatch) -> Seen:
    """Messages that nobody asked for are passed over."""

    def patient(real, pipe, left):
        while True:
            message, arrays = real(pipe, left)
            if "answers" not in message:
                return message, arrays

    _received(monkeypatch, patient)
    return _endless(attack, world, request, monkeypatch)


def _told_its_score(attack, world, request, monkeypatch) -> Seen:
    """A protocol that has scores in it: what a message says is taken down."""

    def credulous(real, pipe, left):
        message, arrays = real(pipe, left)
        if "score" in message:
            text = {"text/plain": str(message["score"])}
            message = {"done": [{"output_type": "execute_result", "data": text, "metadata": {}}]}
        return message, arrays

    _received(monkeypatch, credulous)
    return _believed(attack, world, request, monkeypatch)


def _uncaught(attack, world, request, monkeypatch) -> Seen:
    """Only what a reader of JSON says that it raises is foreseen."""

    def hopeful(real, pipe, left):
        try:
            return real(pipe, left)
        except wire.Broken as why:
            if why.__cause__ and not isinstance(why.__cause__, ValueError):
                raise why.__cause__ from None
            raise

    _received(monkeypatch, hopeful)
    return _raising(attack, world, request)


def _unchecked(attack, world, request, monkeypatch) -> Seen:
    """Outputs are what a fork says."""
    monkeypatch.setattr(
        conversation, "outputs_from", lambda message, limit: ([dict(output) for output in message], False)
    )
    return _raising(attack, world, request)


def _raising(attack, world, request) -> Seen:
    made = request.getfixturevalue("zygote")
    try:
        return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIMITS, attack.scores())
    except Exception as why:
        return Seen(attack.scores(), raised=repr(why))


def _unfitted(attack, world, request, monkeypatch) -> Seen:
    """Answers are sent whatever their size."""
    made = request.getfixturevalue("zygote")
    sent = "import sys\nsys.modules['grader.sandbox.codec']._fitting = lambda value: value\n"
    return graded(world, attack.submission(sent + world.prelude(A_WHILE)), made, LIMITS, attack.scores())


def _unfiltered(attack, world, request, monkeypatch) -> Seen:
    """Texts are kept as they come."""
    for module in (conversation, codec):
        monkeypatch.setattr(module, "plain_text", str)
    made = request.getfixturevalue("zygote")
    return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIMITS, attack.scores())


def _unlimited(attack, world, request, monkeypatch) -> Seen:
    """Whatever is handed in is graded."""
    monkeypatch.setattr(submission, "MOST_CELLS", 10**9)
    return Seen(FULL, FULL, submission.read(attack.submission(world.prelude(A_WHILE))))


def _one_seed(attack, world, request, monkeypatch) -> Seen:
    """Everyone meets the same hidden inputs."""
    monkeypatch.setattr(judging, "seed", lambda *anything: attacks.ELSEWHERE)
    made = request.getfixturevalue("zygote")
    return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIMITS, attack.scores())


def _believed(attack, world, request, monkeypatch) -> Seen:
    """What the fork says that its graded cells displayed is scored as nbgrader reads it."""
    monkeypatch.setattr(judging, "_judged", lambda asked, done, points, outputs, *more: outputs)
    monkeypatch.setitem(globals(), "scores", naive.score)
    made = request.getfixturevalue("zygote")
    return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIMITS, attack.scores())


def _believed_generously(attack, world, request, monkeypatch) -> Seen:
    real = conversation.outputs_from
    monkeypatch.setattr(conversation, "outputs_from", lambda message, limit: real(message, 10**9))
    made = request.getfixturevalue("zygote")
    return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIMITS, attack.scores())


class _Forgetful(CellRun):
    """A run that does not know that it was answered."""

    @property
    def answers(self):
        return []

    @answers.setter
    def answers(self, given):
        pass


def _generous(attack, world, request, monkeypatch) -> Seen:
    """Every check is posed whatever it asks for, as often as it asks."""

    def pose(asked, id, said):
        return next((one.first() for one in asked.values() if one.question.id == said), None)

    monkeypatch.setattr(judging, "_pose", pose)
    monkeypatch.setattr(conversation, "CellRun", _Forgetful)
    made = request.getfixturevalue("zygote")
    return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIMITS, attack.scores())


def _unescaped(attack, world, request, monkeypatch) -> Seen:
    """Cards that quote a student's words as they are."""
    for module in (card, judging):
        monkeypatch.setattr(module, "escape", lambda text, quote=True: text)
    made = request.getfixturevalue("zygote")
    return graded(world, attack.submission(world.prelude(A_WHILE)), made, LIMITS, attack.scores())


SHOWN = {
    "unescaped": _unescaped,
    "kernel": _in_kernel,
    "asserts": partial(_in_kernel, tests=naive.ASSERTS),
    "plain": _plain,
    "kept": _kept,
    "neighbour": _neighbour,
    "unconfined": _unconfined,
    "endless": _endless,
    "any_length": _any_length,
    "lenient": _lenient,
    "told_its_score": _told_its_score,
    "uncaught": _uncaught,
    "unchecked": _unchecked,
    "unfitted": _unfitted,
    "unfiltered": _unfiltered,
    "one_seed": _one_seed,
    "unlimited": _unlimited,
    "asserts_by_grad": partial(_in_kernel, tests=naive.ASSERTS_BY_GRAD),
    "asserts_by_backward": partial(_in_kernel, tests=naive.ASSERTS_BY_BACKWARD),
    "believed": _believed,
    "believed_generously": _believed_generously,
    "generous": _generous,
}


# --- the table itself


def test_table_is_what_was_promised():
    assert len(ATTACKS) >= 80
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert set(Counter(attack.family for attack in ATTACKS)) == {
        "fake",
        "steal",
        "damage",
        "exhaust",
        "confuse",
        "accident",
    }
    assert all(attack.proof in PROOFS and (callable(attack.shown) or attack.shown in SHOWN) for attack in ATTACKS)
    assert all(set(attack.scores()) == set(FULL) for attack in ATTACKS)


@pytest.mark.parametrize("base", attacks.BASES)
def test_bases_are_worth_what_the_table_says_judged_either_way(base, world, zygote, kernel):
    data = BASES[base].submission(SOLUTION, RELEASED)
    assert graded(world, data, zygote, LIMITS, FULL).scores == attacks.HONEST[base]
    nb = naive.read(data)
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    for cell, made in zip(cells, kernel.run([cell.source for cell in cells], world.scratch), strict=True):
        cell.outputs = [nbformat.from_dict(output) for output in made]
    assert naive.score(nb) == attacks.HONEST[base]


_GRADER_THAT_IS_KILLED = """
from grader.sandbox.zygote import Zygote
from grader.sandbox.limits import Limits
cell = "import time\\nfrom grader import check\\ncheck('x', 1)\\ntime.sleep(1e6)"
Zygote().run([cell], lambda id: print("running", flush=True), Limits(cell_seconds=1e6, notebook_seconds=1e6))
"""


def test_run_ends_with_the_grader_that_is_killed(world):
    elsewhere = {**os.environ, "TMPDIR": str(world.scratch)}  # who is killed removes nothing
    grader = subprocess.Popen(
        [sys.executable, "-c", _GRADER_THAT_IS_KILLED], stdout=subprocess.PIPE, text=True, env=elsewhere
    )
    world.keep(grader.pid)
    assert grader.stdout.readline() == "running\n"
    assert len(world.family(grader.pid)) == 3  # the zygote process, its fork, and the first of the fork's namespace
    grader.kill()
    grader.communicate()
    end = time.monotonic() + 60
    while world.alive() and time.monotonic() < end:
        time.sleep(0.01)
    assert world.alive() == []
