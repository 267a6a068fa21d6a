"""Random edits of valid submissions: whatever a student did to the notebook, every identifiable cell is graded."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from repeats import count

from grader.classroom import judging, submission
from grader.classroom.notes import METADATA
from grader.classroom.submission import grade_id
from grader.demo import sample
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Zygote

from support import case, rules, scored

ROOT = Path(__file__).parent.parent
MARK = "the-students-own-metadata"

NAME = Path(sample.UNIT) / f"{sample.UNIT}.ipynb"
SOLUTION = nbformat.read(sample.COURSE / "solutions" / NAME, as_version=4)
RELEASED = nbformat.read(sample.COURSE / "exercises" / NAME, as_version=4)
TRUSTED = {grade_id(cell): cell for cell in RELEASED.cells if grade_id(cell)}
ANSWERS = {id for id, cell in TRUSTED.items() if cell.metadata.nbgrader.solution}
# all right, half done, wrong in several ways, a solved class-mate who prints to stderr
BASES = {
    student.name: json.loads(student.submission(SOLUTION, RELEASED))
    for student in sample.CLASS
    if student.name in ("ada", "carla", "deniz", "grace", "pia")
}
TEXTS = (
    "helper = 1",
    "# a note",
    "",
    "1 / 0",
    "def broken(:",
    "print('seen')",
    "\ud800",
    "a\x00b",
    "<script>alert(1)</script>",
    "%%html\n<b>",
    "x" * 3000,
)
NAMES = (*TRUSTED, "nobody", "", "<b>", "- a\n- b", "\ud800", 7, None, ["05-transfer"], {"a": 1})
TYPES = ("code", "markdown", "raw", "heading", "", None, 3, ["code"])


# --- edits: each changes the cells in place; a, b and c are any numbers


def delete(cells, a, b, c):
    del cells[a % len(cells)]


def duplicate(cells, a, b, c):
    cells.insert(b % (len(cells) + 1), deepcopy(cells[a % len(cells)]))


def swap(cells, a, b, c):
    a, b = a % len(cells), b % len(cells)
    cells[a], cells[b] = cells[b], cells[a]


def move(cells, a, b, c):
    cells.insert(b % len(cells), cells.pop(a % len(cells)))


def split(cells, a, b, c):
    cell = cells[a % len(cells)]
    lines = text_of(cell).splitlines(keepends=True)
    second = deepcopy(cell)
    if c % 2:
        second["metadata"] = {}
    cell["source"], second["source"] = lines[: b % (len(lines) + 1)], lines[b % (len(lines) + 1) :]
    cells.insert(a % len(cells) + 1, second)


def merge(cells, a, b, c):
    if len(cells) > 1:
        a %= len(cells) - 1
        cells[a]["source"] = text_of(cells[a]) + "\n" + text_of(cells.pop(a + 1))


def retype(cells, a, b, c):
    cells[a % len(cells)]["cell_type"] = TYPES[b % len(TYPES)]


def rename(cells, a, b, c):
    own_metadata(cells, a)["nbgrader"] = {"grade_id": NAMES[b % len(NAMES)], "grade": bool(c % 2), "solution": True}


def renumber(cells, a, b, c):
    changes = (
        {"points": b},
        {"schema_version": b},
        {"locked": False},
        {"grade": True},
        {"checksum": MARK},
        {"task": 1},
    )
    nbgrader = own_metadata(cells, a).setdefault("nbgrader", {})
    if isinstance(nbgrader, dict):
        nbgrader.update(changes[c % len(changes)])


def decorate(cells, a, b, c):
    made = ({"tags": ["skip-execution", MARK]}, {MARK: b}, {"nbgrader": MARK}, {"collapsed": MARK}, {"editable": b})
    own_metadata(cells, a).update(made[c % len(made)])


def undress(cells, a, b, c):
    cells[a % len(cells)]["metadata"] = (None, [], MARK, {})[b % 4]


def strip(cells, a, b, c):
    """What an upload or a front end does that knows nothing of nbgrader: to all cells, or to every second or third."""
    for cell in cells[a % (1 + b % 3) :: 1 + b % 3]:
        cell["metadata"] = (None, {}, {"nbgrader": None})[c % 3]


def attach(cells, a, b, c):
    more = ({"outputs": MARK}, {"attachments": {MARK: {}}}, {"id": MARK}, {"execution_count": MARK}, {MARK: b})
    cells[a % len(cells)].update(more[b % len(more)])


def add(cells, a, b, c):
    metadata = {} if c % 2 else {"nbgrader": {"grade_id": NAMES[c % len(NAMES)], "grade": True, "points": 100}}
    made = {"cell_type": TYPES[c % 3], "metadata": metadata, "source": TEXTS[b % len(TEXTS)]}
    cells.insert(a % (len(cells) + 1), made)


def rewrite(cells, a, b, c):
    cells[a % len(cells)]["source"] = (*TEXTS, None, 5, ["a\n", 5], {})[b % (len(TEXTS) + 4)]


def no_cell(cells, a, b, c):
    cells.insert(a % (len(cells) + 1), (None, 3, "text", [])[b % 4])


EDITS = (
    delete,
    duplicate,
    swap,
    move,
    split,
    merge,
    retype,
    rename,
    renumber,
    decorate,
    undress,
    strip,
    attach,
    add,
    rewrite,
    no_cell,
)


def text_of(cell):
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def own_metadata(cells, a):
    cell = cells[a % len(cells)]
    if not isinstance(cell.get("metadata"), dict):
        cell["metadata"] = {}
    return cell["metadata"]


def edited(base, edits):
    """A base submission's JSON after the edits.  What is no cell is left alone by the edits that come after."""
    nb = deepcopy(BASES[base])
    for k, a, b, c in edits:
        cells = [cell for cell in nb["cells"] if isinstance(cell, dict)]
        odd = [cell for cell in nb["cells"] if not isinstance(cell, dict)]
        if not cells:
            break
        EDITS[k % len(EDITS)](cells, a, b, c)
        nb["cells"] = cells + odd
    return nb


def saved(nb, k, a):
    """The bytes of a notebook, as editors save it and as transfers spoil it."""
    nb = {**nb, **({"nbformat_minor": a}, {"metadata": {MARK: a}}, {"nbformat": a % 9}, {})[k % 4]}
    text = json.dumps(nb, ensure_ascii=bool(k % 3))
    data = text.encode("utf-8", "surrogatepass")
    ways = (
        lambda: data[: a % (len(data) + 1)],
        lambda: text.encode("latin-1", "replace"),
        lambda: text.encode("utf-16", "surrogatepass"),
        lambda: b"\xef\xbb\xbf" + data,
        lambda: json.dumps(nb, indent=1).replace("\n", "\r\n").encode(),
        lambda: data[: a % (len(data) + 1)] + bytes([a % 256]) + data[a % (len(data) + 1) + 1 :],
    )
    return ways[k]() if k < len(ways) else data


number = st.integers(0, 10**6)
edit = st.tuples(st.integers(0, len(EDITS) - 1), number, number, number)


def mended(data):
    """As nbgrader's sanitizing does it: the mended notebook, and whether the file could be read."""
    try:
        return submission.mend(submission.read(data), RELEASED), True
    except submission.Unreadable as why:
        return submission.unreadable(RELEASED, str(why)), False


def untouched(base, nb):
    """The answers that the edits left as they were: their last cell still has its source."""
    before = {grade_id(cell): text_of(cell) for cell in nbformat.from_dict(BASES[base]).cells}
    after = {}
    for cell in nb["cells"]:
        metadata = cell.get("metadata") if isinstance(cell, dict) else None
        nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        if isinstance(id, str) and id in ANSWERS:
            after[id] = text_of(cell)
    return {id for id, text in after.items() if text == before[id]}


@settings(max_examples=count("edits"))
@given(st.sampled_from(sorted(BASES)), st.lists(edit, min_size=1, max_size=8), st.integers(0, 40), number)
def test_no_edit_stops_grading_or_gets_past_the_instructors_cells(base, edits, way, place):
    nb = edited(base, edits)
    result, readable = mended(saved(nb, way, place))
    nbformat.validate(result)
    nbformat.writes(result).encode()
    assert readable or all(submission.remarks(result))
    ids = [grade_id(cell) for cell in result.cells]
    for id, trusted in TRUSTED.items():
        if id not in ANSWERS:
            assert ids.count(id) == 1
            assert result.cells[ids.index(id)] == trusted
        elif id in ids:
            assert ids.count(id) == 1
            cell = result.cells[ids.index(id)]
            assert (cell.cell_type, cell.metadata) == (trusted.cell_type, trusted.metadata)
            assert ids.index(id) < ids.index(id.removeprefix("answer-"))
    assert {id for id in ids if id} <= set(TRUSTED)
    assert all(cell.metadata == {} for cell in result.cells if not grade_id(cell))
    assert all(not cell.get("outputs") for cell in result.cells)
    assert {name: thing for name, thing in result.metadata.items() if name != METADATA} == RELEASED.metadata
    assert MARK not in json.dumps([cell.metadata for cell in result.cells])
    if readable and way >= 6:  # otherwise bytes were spoiled as well
        sources = {grade_id(cell): cell.source for cell in result.cells}
        before = {grade_id(cell): text_of(cell) for cell in nbformat.from_dict(BASES[base]).cells}
        for id in untouched(base, nb):
            assert sources[id] == before[id]


def test_the_edits_reach_every_remark_and_every_kind_of_file():
    """The way to fail: edits that changed nothing would prove nothing."""
    from grader.words import FEEDBACK

    rng, said, read = random.Random(5), set(), []
    for k in range(400):
        nb = edited("ada", [tuple(rng.randrange(10**6) for _ in range(4)) for _ in range(rng.randrange(1, 9))])
        result, readable = mended(saved(nb, k % 41, rng.randrange(10**6)))
        read.append(readable)
        said |= set(submission.remarks(result))
    assert {True, False} == set(read)
    keys = ("missing", "missing_answer", "duplicate", "unknown_id", "reordered", "changed", "retyped", "put_back")
    for key in (*keys, "recognized"):
        start = FEEDBACK[key].partition("{")[0]
        assert any(remark.startswith(start) for remark in said), key


def test_without_mending_edits_take_the_instructors_cells_away():
    """The way to fail: edits that leave every graded cell where it is."""
    rng, whole = random.Random(6), []
    graded = {id for id in TRUSTED if id not in ANSWERS}
    for _ in range(200):
        nb = edited("ada", [tuple(rng.randrange(10**6) for _ in range(4)) for _ in range(rng.randrange(1, 9))])
        read = submission.read(json.dumps(nb).encode())
        kept = {grade_id(cell): cell.source for cell in read.cells}
        whole.append(all(kept.get(id) == TRUSTED[id].source for id in graded))
    assert {True, False} == set(whole)


@pytest.fixture(scope="module")
def zygote(fork_server):
    process = Zygote(fork_server=fork_server)
    yield process
    process.close()


def scores(data, zygote, student="someone"):
    """``{grade_id: score}`` of a submission, run and judged."""
    nb, _ = mended(data)
    judging.run(nb, rules(RELEASED), zygote, Limits(), b"s" * 32, student)
    return scored(nb)


@pytest.fixture(scope="module")
def honest(zygote):
    return {base: scores(json.dumps(nb).encode(), zygote) for base, nb in BASES.items()}


def test_untouched_answers_keep_their_credit_and_no_edit_gains_any(zygote, honest):
    for k in range(count("edited and run")):
        with case(f"number {k}"):
            rng = random.Random(k)
            base = sorted(BASES)[k % len(BASES)]
            nb = edited(base, [tuple(rng.randrange(10**6) for _ in range(4)) for _ in range(rng.randrange(1, 7))])
            found = scores(json.dumps(nb).encode(), zygote)
            kept = {id.removeprefix("answer-") for id in untouched(base, nb)}
            assert {id: found[id] for id in kept} == {id: honest[base][id] for id in kept}
            assert all(found[id] <= honest[base][id] for id in found)


def without_metadata(base, every=1):
    nb = deepcopy(BASES[base])
    for cell in nb["cells"][::every]:
        cell["metadata"] = {}
    return json.dumps(nb).encode()


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("base", ["ada", "carla", "deniz"])
def test_a_notebook_without_its_metadata_gets_what_its_answers_are_worth(zygote, honest, base, every):
    assert scores(without_metadata(base, every), zygote) == honest[base]


def test_by_ids_alone_it_would_get_nothing(zygote, monkeypatch):
    monkeypatch.setattr(submission.matching, "found", lambda theirs, ours: submission.matching.Found())
    assert set(scores(without_metadata("ada"), zygote).values()) == {0.0}


def test_answers_without_metadata_among_tries_and_in_a_new_notebook_get_what_they_are_worth(zygote, honest):
    tries, new = (json.loads(without_metadata("ada")) for _ in range(2))
    answers = [k for k, cell in enumerate(BASES["ada"]["cells"]) if grade_id(nbformat.from_dict(cell)) in ANSWERS]
    for k in reversed(answers):  # a wrong try above each answer, and a look at it below
        name = text_of(tries["cells"][k]).partition("(")[0].removeprefix("def ")
        own = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        tries["cells"].insert(k + 1, {**own, "source": f"print({name})"})
        tries["cells"].insert(k, {**own, "source": f"def {name}(*anything):\n    return None"})
    assert scores(json.dumps(tries).encode(), zygote) == honest["ada"]
    new["cells"] = [new["cells"][k] for k in answers]
    assert scores(json.dumps(new).encode(), zygote) == honest["ada"]


def test_bases_have_right_and_wrong_answers(honest):
    assert honest["ada"] == {id: float(c.metadata.nbgrader.points) for id, c in TRUSTED.items() if id in honest["ada"]}
    assert 0 in honest["deniz"].values()
    assert 0 in honest["carla"].values()


def test_an_answer_that_was_rewritten_loses_its_credit(zygote, honest):
    """The way to fail: that scores stay the same because nothing is looked at."""
    nb = deepcopy(BASES["ada"])
    for cell in nb["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "answer-05-transfer":
            cell["source"] = "def any_shape(f, X, V):\n    return X"
    found = scores(json.dumps(nb).encode(), zygote)
    assert found == {**honest["ada"], "05-transfer": 0.0}
