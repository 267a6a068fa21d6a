"""The sandbox, part by part: frames, answers, outputs, layers, limits, secrets, and what a fork can find."""

from __future__ import annotations

import base64
import ctypes
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook
from repeats import count
from safetensors.numpy import save

import grader
from grader import classroom, probe
from grader.classroom import inert, judging, submission
from grader.classroom.submission import grade_id
from grader.demo import sample
from grader.nbgrader import course
from grader.probe import Answer, Raised, Value, plain
from grader.question import Question
from grader.sandbox import codec, conversation, doctor, readable, wire
from grader.sandbox.asserts import Test
from grader.sandbox.conversation import outputs_from
from grader.sandbox.forkserver import ForkServer
from grader.sandbox.handed import Handed
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import SandboxError, Zygote
from grader.words import COMMANDS, DOCTOR, FEEDBACK, SANDBOX

from support import PACKS, SAMPLE, case, functions, rules, scored

ROOT = Path(__file__).parent.parent
QUESTIONS = {question.id: question for question in grader.questions()}
NAME = Path(sample.UNIT) / f"{sample.UNIT}.ipynb"
SOLUTION = nbformat.read(sample.COURSE / "solutions" / NAME, as_version=4)
RELEASED = nbformat.read(sample.COURSE / "exercises" / NAME, as_version=4)
ADA = next(student for student in sample.CLASS if student.name == "ada")
SECRET = bytes(range(32))
HANDED = Handed(PACKS.modules, PACKS.functions)
USUAL = Limits()
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n and more").decode()


@pytest.fixture(scope="module")
def zygote(fork_server):
    process = Zygote(fork_server=fork_server)
    yield process
    process.close()


@pytest.fixture(scope="module")
def bare(fork_server):
    """A zygote whose forks are not confined."""
    process = Zygote(confined=False, fork_server=fork_server)
    yield process
    process.close()


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def nothing(id):
    return None


def said(runs):
    return "".join(output.get("text", "") for done in runs for output in done.outputs)


# --- frames


def head(text, blob):
    return len(text).to_bytes(4, "big") + len(blob).to_bytes(4, "big") + text + blob


def within(seconds):
    """What is left of these seconds on the clock."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def received(data, close=True):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(10)  # what does not fit between the two is an error, and no test that hangs
        theirs.sendall(data)
        if close:
            theirs.close()
        return wire.receive(ours, within(30))


def test_frame_comes_out_as_it_went_in(pair):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array(1.5), "c": np.zeros((0, 4)), "d": np.ones((3, 2)).T}
    message = {"text": "∂y/∂x \ud800 \x00", "numbers": [1, 2.5, None, True], "nan": float("inf")}
    wire.send(pair[0], message, arrays)
    got, came = wire.receive(pair[1])
    assert got == message
    assert came.keys() == arrays.keys()
    for name, array in arrays.items():
        assert came[name].shape == array.shape
        np.testing.assert_array_equal(came[name], array)


def test_two_frames_in_a_row_are_two_messages(pair):
    wire.send(pair[0], {"n": 1})
    wire.send(pair[0], {"n": 2}, {"x": np.ones(3)})
    assert [wire.receive(pair[1])[0]["n"] for _ in range(2)] == [1, 2]


BAD_FRAMES = {
    "nothing": b"",
    "half a head": b"\x00\x00\x00",
    "less than was announced": head(b'{"a": 1}', b"")[:-2],
    "too long a text": (wire.LARGEST_TEXT + 1).to_bytes(4, "big") + bytes(4),
    "too long a blob": bytes(4) + (wire.LARGEST_ARRAYS + 1).to_bytes(4, "big"),
    "no JSON": head(b"\x80\x04K\x01.", b""),
    "no text": head(b"", b""),
    "not UTF-8": head(b'"\xff\xfe"', b""),
    "a list": head(b"[1]", b""),
    "a number": head(b"1", b""),
    "too deep": head(b"[" * 10**5, b""),
    "too long a number": head(b'{"a": ' + b"9" * 10**5 + b"}", b""),
    "no arrays": head(b"{}", b"no safetensors"),
    "half of the arrays": head(b"{}", save({"a": np.ones(8)})[:-8]),
    "arrays of no type": head(b"{}", save({"a": np.ones(8)}).replace(b"F64", b"F65")),
    "arrays of another type": head(b"{}", save({"a": np.ones(8, dtype=np.int16)}).replace(b"I16", b"B16")),
    "bfloat16": head(b"{}", save({"a": np.ones(8, dtype=np.int16)}).replace(b'"I16"', b'"BF16"')[:-1]),
    "another shape": head(b"{}", save({"a": np.ones(8)}).replace(b"[8]", b"[9]")),
    "a pickle": head(b"{}", b"\x80\x04cposix\nsystem\n."),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_frame_that_is_not_what_was_agreed_is_refused(name):
    with pytest.raises(wire.Broken):
        received(BAD_FRAMES[name])


def test_too_large_a_frame_is_refused_before_it_is_read(pair):
    pair[1].sendall((wire.LARGEST_TEXT + 1).to_bytes(4, "big") + bytes(4) + b"x" * 1000)
    with pytest.raises(wire.Broken, match=str(wire.LARGEST_TEXT + 1)):
        wire.receive(pair[0], within(30))
    assert len(pair[0].recv(2000)) == 1000  # the rest still lies there


def with_arrays(size):
    """A frame that is all that was agreed, with so many bytes of arrays."""
    spare = len(save({"x": np.zeros(0)}))
    blob = save({"x": np.zeros((size - spare) // 8)})
    return head(b'{"a": 1}', blob), len(blob)


def test_a_whole_frame_with_more_bytes_of_arrays_than_agreed_is_refused_and_one_with_fewer_is_not(monkeypatch):
    """The way to fail: a frame is refused because it is cut, whatever it announces."""
    frame, size = with_arrays(2**14)
    monkeypatch.setattr(wire, "LARGEST_ARRAYS", size)
    assert received(frame)[1].keys() == {"x"}
    monkeypatch.setattr(wire, "LARGEST_ARRAYS", size - 1)
    with pytest.raises(wire.Broken, match=str(size)):
        received(frame)


def test_a_whole_frame_with_a_longer_text_than_agreed_is_refused_and_a_shorter_one_is_not(monkeypatch):
    text = b'{"a": "' + b"x" * 1000 + b'"}'
    monkeypatch.setattr(wire, "LARGEST_TEXT", len(text))
    assert received(head(text, b""))[0]["a"] == "x" * 1000
    monkeypatch.setattr(wire, "LARGEST_TEXT", len(text) - 1)
    with pytest.raises(wire.Broken, match=str(len(text))):
        received(head(text, b""))


@pytest.mark.parametrize("data", [b"", b"\x00\x00", head(b'{"a": 1}', b"")[:-1]])
def test_nobody_waits_past_the_deadline(pair, data):
    pair[1].sendall(data)
    with pytest.raises(TimeoutError):
        wire.receive(pair[0], within(0.05))


def test_who_goes_without_reading_what_was_sent_has_broken_the_pipe(pair):
    """The way to fail: an unexpected ConnectionResetError, which is not the end of a stream."""
    wire.send(pair[0], {"n": 1})
    pair[1].close()
    with pytest.raises(wire.Broken, match="reset"):
        wire.receive(pair[0])


def test_as_long_as_any_time_is_left_what_lies_there_is_read_and_then_no_more(pair):
    wire.send(pair[1], {"n": 1})
    with pytest.raises(TimeoutError):
        wire.receive(pair[0], lambda: 0.0)
    assert wire.receive(pair[0], lambda: 0.1)[0] == {"n": 1}


def test_one_look_that_finds_nothing_is_not_the_end_of_the_waiting(pair, monkeypatch):
    monkeypatch.setattr(wire, "LONGEST_WAIT", 0.01)
    looks = []

    def left():
        looks.append(None)
        if len(looks) == 3:  # what comes only now
            wire.send(pair[1], {"n": 1})
        return 1.0

    assert wire.receive(pair[0], left)[0] == {"n": 1}


def test_slow_drops_do_not_move_the_deadline(pair):
    stop = threading.Event()

    def drip():
        pair[1].sendall((10**6).to_bytes(4, "big") + bytes(4))
        while not stop.wait(0.01):
            pair[1].sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(TimeoutError):
            wire.receive(pair[0], within(0.2))
    finally:
        stop.set()
        thread.join()


def test_who_does_not_read_is_not_waited_for_for_ever(pair):
    with pytest.raises(wire.Broken):
        wire.send(pair[0], {"text": "x" * 10**7}, left=within(0.05))


def test_time_left_of_a_reading_is_no_limit_of_the_next_writing(pair):
    wire.send(pair[1], {"n": 1})
    wire.receive(pair[0], within(0.001 + 1))
    pair[0].settimeout(1e-6)  # as a reading that only just came in time leaves it
    reader = threading.Thread(target=wire.receive, args=(pair[1],))
    reader.start()
    wire.send(pair[0], {"text": "x" * 5 * 10**6})
    reader.join()


@settings(max_examples=count("examples"))
@given(st.binary(max_size=200), st.binary(max_size=200), st.booleans())
def test_no_bytes_raise_anything_else(text, blob, whole):
    data = head(text, blob) if whole else text + blob
    try:
        message, arrays = received(data)
    except wire.Broken:
        return
    assert isinstance(message, dict)
    assert isinstance(arrays, dict)


HEADER = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["F64", "BF16", "F8_E4M3", "I64", "C64"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["dtype", "shape", "data_offsets", "a", "__metadata__"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=count("examples"))
@given(HEADER, st.binary(max_size=64))
def test_no_safetensors_header_raises_anything_else(header, data):
    text = json.dumps(header).encode()
    try:
        received(head(b"{}", len(text).to_bytes(8, "little") + text + data))
    except wire.Broken:
        return


# --- calls and answers


def sent(message, arrays):
    """What arrives at the other side."""
    blob = save({k: np.array(a, order="C") for k, a in arrays.items()}) if arrays else b""
    return received(head(json.dumps(message).encode(), blob))


def same(a, b):
    a, b = (c.func if isinstance(c, partial) and not c.keywords else c for c in (a, b))  # nothing is filled in
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        alike = type(a) is type(b) and (a.shape, a.dtype) == (b.shape, b.dtype)
        return alike and np.array_equal(a, b, equal_nan=True)
    if isinstance(a, partial):
        return isinstance(b, partial) and a.func is b.func and same(a.keywords, b.keywords)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, tuple):
        return isinstance(b, tuple) and len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, "__dataclass_fields__"):
        return type(a) is type(b) and all(same(getattr(a, f), getattr(b, f)) for f in a.__dataclass_fields__)
    return a == b and type(a) is type(b)


@pytest.mark.parametrize("id", QUESTIONS)
def test_every_call_of_every_question_arrives_as_it_is(id):
    for problem in QUESTIONS[id].problems(7):
        arrays = {}
        message, came = sent(codec.call_as_message(problem.call, HANDED, arrays), arrays)
        assert same(codec.call_from_message(message, lambda name: getattr(functions, name[1]), came), problem.call)


def test_a_function_of_nobodys_cannot_be_sent():
    class Odd:
        __hash__ = None

        def __call__(self, x):
            return x

    for f in (lambda x: x, Odd(), partial(functions.composed, outer=lambda x: x)):
        call = probe.Call((probe.Arg("f", f),))
        with pytest.raises(TypeError, match="cannot be handed to students"):
            codec.call_as_message(call, HANDED, {})
        with pytest.raises(TypeError, match="cannot be handed to students"):
            HANDED.texts([call])


TEXT = """\
import torch

FACTOR = 3.0


def threefold(x):
    return FACTOR * x


def shifted(x, by, inner):
    return inner(x) + by


def fails(x):
    raise ValueError("in the handed function")
"""


def handed_over(text=TEXT, key="a.course's own"):
    """``(handed, functions)``: a module of functions that lies in no file."""
    made = {}
    exec(compile(text, "course/own.py", "exec"), made)
    names = {f: (key, name) for name, f in made.items() if callable(f)}
    return Handed({key: text, "never needed": "1 / 0"}, names), made


def values(run):
    return [[answer.value.array.tolist() for answer in round] for round in run.answers]


def test_functions_travel_as_text_once_and_are_executed_in_the_fork(zygote, monkeypatch):
    handed, own = handed_over()
    x = probe.Arg("x", np.array([1.0, 2.0]))
    plainly = probe.Call((probe.Arg("f", own["threefold"]), x))
    bound = partial(own["shifted"], by=np.array(1.0), inner=own["threefold"])
    inside = probe.Call((probe.Arg("f", bound), x))
    sent_over, send = [], wire.send
    monkeypatch.setattr(
        wire,
        "send",
        lambda pipe, message, *rest, **left: (sent_over.append(message), send(pipe, message, *rest, **left))[1],
    )
    cell = "from grader import check\ncheck('q', lambda f, x: f(x))"
    again = [[inside], None, None]
    runs = zygote.run([cell, cell], lambda id: [plainly], then=lambda k, answers: again.pop(0), handed=handed)
    assert [values(run) for run in runs] == [[[[3.0, 6.0]], [[4.0, 7.0]]], [[[3.0, 6.0]]]]
    assert [message["modules"].keys() for message in sent_over if "calls" in message] == [
        {"a.course's own"},
        set(),
        set(),
    ]


def test_each_fork_is_sent_what_it_needs_and_nothing_of_a_course_is_there_before(zygote):
    handed, own = handed_over()
    call = probe.Call((probe.Arg("f", own["threefold"]), probe.Arg("x", np.array([1.0]))))
    cell = "from grader import check\ncheck('q', lambda f, x: f(x))"
    for _ in range(2):
        (run,) = zygote.run([cell], lambda id: [call], handed=handed)
        assert values(run) == [[[3.0]]]
    look = "import sys\nprint([m for m in sys.modules if m.startswith('grader.') and 'sandbox' not in m])"
    assert said(zygote.run([look], nothing, handed=handed)) == "['grader.probe']\n"


def test_a_module_of_functions_that_cannot_be_executed_says_why_at_every_check(zygote):
    """It is not in ``sys.modules`` either, so a submission that imports it finds nothing."""
    handed, own = handed_over()
    broken = Handed({"a.course's own": "import no_such_library"}, handed.names)
    call = probe.Call((probe.Arg("f", own["threefold"]),))
    cell = "from grader import check\ncheck('q', lambda f: 1)"
    for run in zygote.run([cell, cell], lambda id: [call], handed=broken):
        assert (run.answers, run.breach) == ([], "")
        assert run.outputs[-1]["evalue"] == "No module named 'no_such_library'"
    (_, run) = zygote.run(
        [cell, "import sys\nprint([m for m in sys.modules if m.startswith('a.course')])"],
        lambda id: [call],
        handed=handed,
    )
    assert said([run]) == "[]\n"


def test_a_function_that_is_not_named_stops_the_run_with_a_sentence(zygote):
    call = probe.Call((probe.Arg("f", len),))
    with pytest.raises(TypeError, match="built-in function len"):
        zygote.run(["from grader import check\ncheck('q', lambda f: 1)"], lambda id: [call])
    assert said(zygote.run(["print('the next')"], nothing)) == "the next\n"


def test_of_an_error_in_a_handed_function_only_the_students_own_line_is_shown(zygote):
    handed, own = handed_over()
    x = probe.Arg("x", np.array([1.0]))
    cell = "from grader import check\ndef answer(f, x):\n    return f(x)\ncheck('q', answer)"
    for f in (own["fails"], partial(own["shifted"], by=0.0, inner=own["fails"])):
        (run,) = zygote.run([cell], lambda id, f=f: [probe.Call((probe.Arg("f", f), x))], handed=handed)
        (((answer,),)) = run.answers
        assert answer.raised == Raised("ValueError", "in the handed function", ((3, "return f(x)"),), at=3)


UNFILLED = "def unfilled(x):\n    raise NotImplementedError()\n\n\ndef fails(x):\n    raise ValueError\n"


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("is_handed", [True, False])
def test_a_file_that_a_call_hands_a_function_from_holds_nothing_of_the_students(is_handed, bound):
    made = {}
    exec(compile(UNFILLED, "course/own.py", "exec"), made)
    for name, lines in (("fails", ((6, ""),)), ("unfilled", ())):
        inner = made[name]
        f = partial(lambda x, inner: inner(x), inner=inner) if bound else inner
        args = (probe.Arg("f", f if is_handed else len), probe.Arg("x", np.array(1.0)))
        answer = probe.probe(lambda g, x, f=f: f(x), probe.Call(args))
        if name == "unfilled":
            assert answer.untouched != is_handed
        else:
            told = [line for line in answer.raised.lines if line[1] == ""]  # of a file that does not exist
            assert tuple(told) == (() if is_handed else lines)


def installed(place, group, files, **more):
    """A distribution in a folder on ``sys.path``."""
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    info = place / "made_up-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\nmade-up = made_up.course:PACK\n")
    names = [*files, *more, "made_up-1.0.dist-info/METADATA", "made_up-1.0.dist-info/entry_points.txt"]
    (info / "RECORD").write_text("".join(f"{name},,\n" for name in names))


@pytest.mark.parametrize(("group", "hidden"), [("grader.packs", True), ("console_scripts", False)])
def test_installed_packs_of_questions_cannot_be_read_and_other_distributions_can(
    group, hidden, tmp_path, monkeypatch, fork_server
):
    place = tmp_path / "library"
    ours = {"made_up/course.py": "secret = 1", "made_up/inner/words.py": "secret = 1", "made_up_words.py": "secret = 1"}
    installed(place, group, ours)
    (place / "other").mkdir()
    (place / "other" / "free.py").write_text("free = 1")
    monkeypatch.syspath_prepend(place)
    beside = list(readable.without(place, readable.packs()))
    free = readable.readable()
    monkeypatch.setattr("grader.sandbox.zygote.readable", lambda: [*free, *beside])
    process = Zygote(fork_server=fork_server)
    names = [*ours, "made_up-1.0.dist-info/METADATA", "other/free.py"]
    try:
        told = {name: str(process.run([f"print(open({str(place / name)!r}).read())"], nothing)) for name in names}
    finally:
        process.close()
    refused = {name for name, text in told.items() if "PermissionError" in text}
    assert refused == (set(names[:-1]) if hidden else set())
    assert "free = 1" in told["other/free.py"]


def test_packs_are_hidden_where_their_modules_really_are(tmp_path, monkeypatch):
    """As of an editable installation, whose list of files names only what points there."""
    place, source = tmp_path / "library", tmp_path / "source"
    installed(place, "grader.packs", {"made_up.pth": str(source)}, **{"../bin/made-up": ""})
    (source / "made_up").mkdir(parents=True)
    (source / "made_up" / "__init__.py").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "made-up").touch()  # importlib_metadata, once imported, passes over files that are not there
    monkeypatch.syspath_prepend(place)
    named = {"made_up.pth", "made_up-1.0.dist-info"}
    assert {path for path in readable.packs() if path.is_relative_to(tmp_path)} == {
        *(place / name for name in named),
        tmp_path / "bin" / "made-up",
    }
    monkeypatch.syspath_prepend(source)
    assert source / "made_up" in readable.packs()


def both_ways(answer):
    arrays = {}
    message, came = sent(codec.answer_as_message(answer, arrays), arrays)
    return codec.answer_from_message(message, came)


def deep(n):
    return "x" if not n else (deep(n - 1), [deep(n - 1)])


THINGS = {
    "tensor": torch.arange(6.0).reshape(2, 3),
    "float32": torch.ones(3, dtype=torch.float32),
    "number tensor": torch.tensor(2.5),
    "empty tensor": torch.zeros(0, 3),
    "complex tensor": torch.tensor([1 + 2j, 3 - 1j]),
    "infinite complex": np.array([complex(np.inf, 1), complex(2, -np.inf), complex(np.nan, 0)]),
    "with a graph": torch.ones(2, requires_grad=True) * 2,
    "meta": torch.ones(3, device="meta"),
    "sparse": torch.eye(3).to_sparse(),
    "stride 0": torch.ones(1).expand(5),
    "nan and inf": torch.tensor([float("nan"), float("inf"), -float("inf"), -0.0]),
    "array": np.ones((2, 0, 3)),
    "0-d array": np.array(3),
    "objects": np.array([{}, []], dtype=object),
    "int": 3,
    "bool": True,
    "complex": 1 + 1j,
    "text": "acd",
    "surrogate": "a\ud800",
    "None": None,
    "tuple": (torch.ones(2), None, "x"),
    "list": [1, 2.5, [3]],
    "empty tuple": (),
    "nested": deep(3),
    "function": len,
    "object": {"a": 1},
}


@pytest.mark.parametrize("name", THINGS)
def test_every_kind_of_value_comes_back_as_it_is(name):
    value = plain(THINGS[name])
    clean = value if name != "surrogate" else Value("text", text="a", type_name="str")
    assert same(both_ways(Answer(value=value)).value, clean)
    assert same(both_ways(Answer(instead=value)).instead, clean)
    wrapped = Value("tuple", items=(value, Value("none")), type_name="tuple")  # as observers of .grad give it
    assert both_ways(Answer(value=wrapped)).value.items[1].kind == "none"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(untouched=True),
        Answer(misfit="(x, v)"),
        Answer(raised=Raised("ValueError", "a\nb", ((3, "raise"), (0, "")), 3, ("require_grad",))),
        Answer(value=plain(None), warned=("The .grad attribute of a Tensor that is not a leaf Tensor", "other")),
    ],
)
def test_every_other_answer_comes_back_as_it_is(answer):
    assert both_ways(answer) == answer


@pytest.mark.parametrize("thing", [np.ones(2 * codec.MOST_ENTRIES), [["x" * 500] * 64] * 64, [[[1.0] * 64] * 64] * 64])
def test_too_large_an_answer_is_told_by_its_type_and_ends_nothing(thing):
    value = both_ways(Answer(value=plain(thing))).value
    assert (value.kind, value.type_name) == ("other", type(thing).__name__)


def test_an_answer_of_just_the_size_is_sent_whole_and_a_larger_one_is_not():
    most = codec.MOST_ENTRIES - codec.MOST_ENTRIES // codec.MOST_VALUES  # each value counts for some entries itself
    for more, kinds in ((0, ("array", "text")), (1, ("other", "other"))):
        values = plain(np.ones(most + more)), Value("text", text="x" * (most + more))
        assert tuple(codec.answer_as_message(Answer(value=v), {})["value"]["kind"] for v in values) == kinds


def test_an_array_with_more_axes_than_can_be_sent_is_sent_without_its_content_also_inside_a_tuple():
    value = plain((torch.zeros((1,) * (codec.MOST_AXES + 1)), torch.zeros((1,) * codec.MOST_AXES)))
    assert [item.kind for item in both_ways(Answer(value=value)).value.items] == ["other", "tensor"]


@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_a_number_too_large_for_a_float_is_refused(number):
    with pytest.raises(wire.Broken):
        conversation.number_from(number)
    assert conversation.number_from(10**300) == 1e300


def good():
    arrays = {}
    value = plain((torch.ones(2), torch.tensor([1j]), "x", None))
    return codec.answer_as_message(Answer(value=value, warned=("w",)), arrays), arrays


def raised(**changes):
    return {"raised": {"type": "E", "message": "m", "lines": [[1, "x"]]} | changes}


def tensor(**changes):
    return {"value": {"kind": "tensor", "real": "0", "dtype": "float64", "text": "", "type": "Tensor"} | changes}


def nest(levels):
    inner = {"kind": "none", "dtype": "", "text": "", "type": ""}
    for _ in range(levels):
        inner = {**inner, "kind": "tuple", "items": [inner]}
    return {"value": inner}


BAD_ANSWERS = {
    "nothing": {},
    "no dict": [],
    "untouched that is 1": {"untouched": 1},
    "two things": {"untouched": True, "misfit": "(x)"},
    "a value and an error": {**tensor(), **raised()},
    "tensor without entries": tensor(real=None),
    "text with entries": tensor(kind="text"),
    "tensor with items": tensor(items=[{"kind": "none", "dtype": "", "text": "", "type": ""}]),
    "no kind": tensor(kind="magic"),
    "kind that is none": tensor(kind=None),
    "an array that is not there": tensor(real="7"),
    "integers": tensor(real="int"),
    "half of a complex": tensor(imaginary="long"),
    "half of a longer complex": tensor(real="long", imaginary="0"),
    "only the imaginary half": tensor(real=None, imaginary="0"),
    "one array twice": tensor(imaginary="0"),
    "large array": tensor(real="large"),
    "too deep": nest(codec.DEEPEST),
    "too many items": {"value": {**nest(0)["value"], "kind": "tuple", "items": [nest(0)["value"]] * 65}},
    "too many values": {"value": {**nest(0)["value"], "kind": "tuple", "items": [{**nest(0)["value"], "kind": "tuple",
        "items": [{**nest(0)["value"], "kind": "tuple", "items": [nest(0)["value"]] * 64}] * 64}] * 64}},
    "items that are None": {"value": {**nest(0)["value"], "kind": "tuple", "items": [None]}},
    "error without lines": raised(lines=None),
    "line without a number": raised(lines=[["1", "x"]]),
    "line numbered True": raised(lines=[[True, "x"]]),
    "line before the first": raised(lines=[[-1, "x"]]),
    "line beyond all": raised(lines=[[10**9, "x"]]),
    "message that is none": raised(message=None),
    "innermost line that is none": raised(at="1"),
    "innermost line before the first": raised(at=-1),
    "attributes that are none": raised(unknown="grad"),
    "an attribute that is none": raised(unknown=[1]),
    "a complex array of impossible size": tensor(real="endless", imaginary="endless too"),
    "an array with too many axes": tensor(real="many axes"),
    "complex numbers that are said to be real": tensor(real="0", imaginary="0"),
    "real numbers that are said to be complex": tensor(real="0", dtype="complex128"),
    "warnings that are none": {"untouched": True, "warned": "w"},
    "warning that is none": {"untouched": True, "warned": [1]},
    "misfit that is none": {"misfit": ["x"]},
}  # fmt: skip


def arrays_at_hand():
    return {
        "0": np.ones(2),
        "long": np.ones(3),
        "int": np.ones(2, dtype=int),
        "large": np.ones(codec.MOST_ENTRIES + 1),
        "endless": np.zeros((0, 2**59)),
        "endless too": np.zeros((0, 2**59)),
        "many axes": np.zeros((1,) * (codec.MOST_AXES + 1)),
    }


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_answer_that_no_probe_gives_is_refused(name):
    with pytest.raises(wire.Broken):
        codec.answer_from_message(BAD_ANSWERS[name], arrays_at_hand())


def test_the_answers_that_these_were_made_from_are_accepted():
    """The way to fail: that everything is refused."""
    for message in (tensor(), raised(), nest(codec.DEEPEST - 1), {"untouched": True}, good()[0]):
        codec.answer_from_message(message, {**arrays_at_hand(), **good()[1]})


def test_of_an_errors_lines_those_are_kept_that_are_a_number_and_a_text():
    message = raised(lines=[[1, "x"], [2], [3, "y", "z"], "4y", 5, {"6": "x", "7": "y"}, [8, "z"]])
    assert codec.answer_from_message(message, {}).raised.lines == ((1, "x"), (8, "z"))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["0", "1", "tensor"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["value", "instead", "raised", "untouched", "misfit", "warned", "kind", "dtype", "text"])
            | st.sampled_from(["type", "items", "real", "imaginary", "message", "lines"]),
            inner,
            max_size=8,
        )
    ),
    max_leaves=25,
)
KINDS = st.sampled_from([*codec._HOLDS, "", "magic", None, 3])
SOME_TEXT = st.sampled_from(["", "float64", "acd", "\ud800", "<b>", "x" * 1000]) | JSON
VALUE = st.recursive(
    st.fixed_dictionaries(
        {"kind": KINDS, "dtype": SOME_TEXT, "text": SOME_TEXT, "type": SOME_TEXT},
        optional={"real": st.sampled_from(["0", "1", "2", "9", None]), "imaginary": st.sampled_from(["3", None])},
    ),
    lambda inner: st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["tuple", "list", "text"]),
            "dtype": st.just(""),
            "text": st.just(""),
            "type": st.just("tuple"),
            "items": st.lists(inner, max_size=4),
        }
    ),
    max_leaves=8,
)
ANSWER = JSON | st.fixed_dictionaries(
    {}, optional={"value": VALUE, "instead": VALUE, "untouched": JSON, "misfit": SOME_TEXT, "warned": JSON}
)


def four_arrays():
    return {"0": np.ones(3), "1": np.array(np.nan), "2": np.zeros((2, 3)), "3": np.ones(3)}


@settings(max_examples=count("examples"))
@given(ANSWER)
def test_no_answer_raises_anything_else(message):
    try:
        answer = codec.answer_from_message(message, four_arrays())
    except wire.Broken:
        return
    assert isinstance(answer, Answer)


class Forging:
    """In place of the zygote: whatever is asked, these messages are the answers."""

    def __init__(self, messages):
        self.messages, self.posed = messages, []

    def run(self, cells, poses, limits, then, handed, files):
        runs = []
        for k, pose in enumerate(poses):
            answers = []
            calls = next((c for q in SAMPLE.questions if (c := pose(q)) is not None), None)
            if calls is not None:
                self.posed.append(calls)
            while calls:
                answers.append(self._answers(k + len(answers), calls))
                calls = then(k, answers)
            runs.append(conversation.CellRun(answers=answers))
        return runs

    def _answers(self, k, calls):
        message = self.messages[k % len(self.messages)] if self.messages else {"untouched": True}
        return [codec.answer_from_message(message, four_arrays()) for _ in calls]


SHOWN = judging.Shown()


def graded(zygote, data=None, limits=USUAL, student="ada", secret=SECRET):
    """``(scores, notebook, remarks)`` of a submission to the sample class's unit."""
    nb = submission.mend(submission.read(data or ADA.submission(SOLUTION, RELEASED)), RELEASED)
    remarks = judging.run(nb, rules(RELEASED), zygote, limits, secret, student, SHOWN)
    return scored(nb), nb, remarks


POINTS = {
    grade_id(c): float(c.metadata.nbgrader.points)
    for c in RELEASED.cells
    if c.metadata.get("nbgrader", {}).get("grade")
}


@settings(max_examples=60)
@given(st.lists(ANSWER, min_size=1, max_size=5))
def test_whatever_answers_are_accepted_the_judge_gives_a_verdict_and_no_more_than_the_points(messages):
    accepted = []
    for message in messages:
        try:
            codec.answer_from_message(message, four_arrays())
        except wire.Broken:
            continue
        accepted.append(message)
    scores, nb, _ = graded(Forging(accepted))
    nbformat.writes(nb).encode()
    assert all(0 <= score <= POINTS[id] for id, score in scores.items())


def test_a_judge_that_stops_stops_one_question_only(monkeypatch):
    def stops(question, problems, answers):
        raise AssertionError("forged")

    monkeypatch.setattr(judging, "judge", stops)
    scores, nb, _ = graded(Forging([]))
    assert set(scores.values()) == {0.0}
    assert FEEDBACK["not_judged"] in nbformat.writes(nb)


# --- outputs


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data):
    return {
        "output_type": "display_data",
        "data": {k.replace("_", "/"): v for k, v in data.items()},
        "metadata": {"x": 1},
    }


def test_of_outputs_only_plain_text_and_pictures_are_kept():
    outputs, cut = outputs_from(
        [
            stream("\x1b[31mred\x1b[0m \x1b]0;title\x07a\x00b\tc\nd\r \x9b31m\u202eback \ud800"),
            shown(text_plain="seen", text_html="<script>", image_png=PNG),
            shown(text_html="<b>only</b>"),
            shown(image_svg="<svg onload=x>", application_javascript="x"),
            {"output_type": "execute_result", "data": {"text/plain": "3"}, "execution_count": 99, "metadata": {}},
            {"output_type": "error", "ename": "E\x1b[1m", "evalue": "v\x07", "traceback": ["\x1b[1mline", "two"]},
        ],
        10**6,
    )
    assert not cut
    assert outputs == [
        stream("red ab\tc\nd 31mback "),
        {"output_type": "display_data", "data": {"text/plain": "seen", "image/png": PNG}, "metadata": {}},
        {"output_type": "execute_result", "data": {"text/plain": "3"}, "execution_count": None, "metadata": {}},
        {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["line", "two"]},
    ]


@pytest.mark.parametrize(
    "png",
    [
        base64.b64encode(b"<svg onload=alert(1)>").decode(),
        PNG + '" onload="x',
        PNG.replace("i", "\n"),
        "",
        None,
        b"x",
        {"a": 1},
    ],
)
def test_a_picture_that_is_none_is_not_shown(png):
    assert outputs_from([shown(text_plain="t", image_png=png)], 10**6)[0][0]["data"] == {"text/plain": "t"}


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        "text",
        [3],
        [{}],
        [{"output_type": "update_display_data"}],
        [{"output_type": ["stream"]}],
        [stream("x", "stdin")],
        [stream(None)],
        [{"output_type": "error", "ename": 1, "evalue": "", "traceback": []}],
        [{"output_type": "error", "ename": "", "evalue": "", "traceback": [1]}],
        [{"output_type": "error", "ename": "", "evalue": "", "traceback": [{}]}],
        [shown(text_plain={"a": 1})],
    ],
)
def test_outputs_of_no_kind_are_refused(message):
    with pytest.raises(wire.Broken):
        outputs_from(message, 10**6)


OUTPUT = st.fixed_dictionaries(
    {"output_type": st.sampled_from(["stream", "display_data", "execute_result", "error"])},
    optional={"name": st.sampled_from(["stdout", 1]), "cut": JSON}
    | dict.fromkeys(("text", "data", "ename", "evalue", "traceback"), JSON),
)


@settings(max_examples=count("examples"))
@given(st.lists(JSON | OUTPUT, max_size=5))
def test_no_outputs_raise_anything_else(message):
    try:
        outputs, _ = outputs_from(message, 10**4)
    except wire.Broken:
        return
    nb = nbformat.v4.new_notebook(cells=[new_code_cell(outputs=[nbformat.v4.new_output(**o) for o in outputs])])
    nbformat.validate(nb)
    nbformat.writes(nb).encode()


def test_more_output_than_allowed_is_cut_on_the_trusted_side_too():
    outputs, cut = outputs_from([stream("x" * 60), stream("y" * 60), stream("z")], 100)
    assert cut
    assert outputs == [stream("x" * 60)]
    assert outputs_from([stream("x" * 60)], 100) == ([stream("x" * 60)], False)


# --- layers


def test_every_forbidden_thing_is_refused_when_confined_and_done_when_not():
    findings = {confined: doctor.examine(confined) for confined in (True, False)}
    for key in [proof.key for proof in [*doctor.PROOFS, doctor.NETWORK]]:
        with case(key):
            status = {confined: f.status for confined, found in findings.items() for f in found if f.proof.key == key}
            already = key == "privileges" and ctypes.CDLL(None).prctl(39, 0, 0, 0, 0)  # some containers start so
            assert status == {True: "refused", False: "refused" if already else "done"}
            assert DOCTOR[key]


def test_doctor_says_whether_submissions_can_be_graded(monkeypatch):
    proofs = [doctor.PROOFS[0], doctor.PROOFS[1], doctor.NETWORK]
    every = (("refused", "refused", "refused"), True), (("refused", "done", "refused"), False)
    for statuses, well in (*every, (("refused", "refused", "done"), True)):
        found = [doctor.Finding(p, s) for p, s in zip(proofs, statuses, strict=True)]
        monkeypatch.setattr(doctor, "examine", lambda found=found: found)
        lines, is_well = doctor.report()
        assert is_well == well
        assert lines[-1] == DOCTOR["well" if well else "not_well"]
        missing = "✗✗–"
        assert "".join(line[0] for line in lines[:-1]) == "".join(
            "✓" if s == "refused" else missing[k] for k, s in enumerate(statuses)
        )
        assert (DOCTOR["without"] in lines[2]) == (statuses[2] == "done")

    def unconfined():
        raise SandboxError("no Landlock")

    monkeypatch.setattr(doctor, "examine", unconfined)
    assert doctor.report() == ([DOCTOR["cannot"].format(why="no Landlock")], False)


_NO_NAMES = """

_write_text = Path.write_text


def _refused(path, *arguments):
    if path.name in ("setgroups", "uid_map", "gid_map"):
        raise PermissionError
    return _write_text(path, *arguments)


Path.write_text = _refused
"""
DENIED = {
    "nothing": (set(), ["user", "network", "processes"]),
    "names": (set(), ["user", "network", "processes"]),
    "processes": ({0x20000000}, ["user", "network"]),
    "all": ({0x10000000, 0x20000000, 0x40000000}, []),
}


@pytest.mark.parametrize("denied", ["nothing", "all"])
def test_namespaces_that_the_kernel_does_not_grant_are_done_without(denied, tmp_path, monkeypatch):
    done_without(denied, tmp_path, monkeypatch)


@pytest.mark.parametrize("denied", ["names", "processes"])
def test_single_namespaces_that_the_kernel_does_not_grant_are_done_without(denied, tmp_path, monkeypatch):
    done_without(denied, tmp_path, monkeypatch)


def done_without(denied, tmp_path, monkeypatch):
    flags, granted = DENIED[denied]
    code = f"""

class _Denying:
    def __getattr__(self, name):
        return getattr(ctypes.CDLL(None, use_errno=True), name)

    def unshare(self, flag):
        return -1 if flag in {flags} else ctypes.CDLL(None).unshare(flag)


def _libc():
    return _Denying()
"""
    code += _NO_NAMES if denied == "names" else ""
    copy_of_the_package(tmp_path, monkeypatch, "confine.py", lambda text: text + code)
    told, receive = [], wire.receive

    def listening(*arguments):
        message, arrays = receive(*arguments)
        told.append(message)
        return message, arrays

    monkeypatch.setattr(wire, "receive", listening)
    process = Zygote()
    try:
        runs = process.run(["import os\nprint(os.getppid())"], nothing)
        assert int(said(runs)) == (0 if "processes" in granted else process.pid)
    finally:
        process.close()
    assert told[0]["ready"] == ["no_new_privs", "limits", "landlock", "seccomp", *granted]


def test_all_runs_end_with_the_first_process_of_their_namespace(fork_server):
    """Of a zygote process that is killed nothing goes on, not even what would not hear of it."""
    process = Zygote(fork_server=fork_server)
    running = threading.Event()
    try:
        runs = []
        cell = "from grader import check\ncheck('x', 1)\nimport time\ntime.sleep(1000)"
        posed = lambda id: running.set()  # noqa: E731
        thread = threading.Thread(target=lambda: runs.extend(ended(process, cell, posed)))
        thread.start()
        assert running.wait(60)
        first, fork = children(process.pid)
        os.kill(first, signal.SIGKILL)
        thread.join(60)
        assert not thread.is_alive()
        assert runs == ["ended"]
        assert not Path(f"/proc/{fork}").exists()
    finally:
        process.close()


def ended(process, cell, pose):
    return [run.breach for run in process.run([cell], pose)]


def children(pid):
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def test_home_of_a_zygote_is_gone_at_whatever_moment_it_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    process = Zygote()
    process.jobs.close()  # as when whoever grades is killed
    assert process.process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []
    process = Zygote()
    assert said(process.run(["print(1)"], nothing)) == "1\n"
    assert list(tmp_path.iterdir()) == [process.own]  # the way to fail
    process.close()
    assert list(tmp_path.iterdir()) == []


def copy_of_the_package(tmp_path, monkeypatch, name, code):
    """The package in another place, one module changed, and the zygote process taken from there."""
    copy = tmp_path / "grader"
    shutil.copytree(ROOT / "grader", copy, ignore=shutil.ignore_patterns("__pycache__", "units", "classroom"))
    path = copy / "sandbox" / name
    path.write_text(code(path.read_text("utf-8")), "utf-8")
    monkeypatch.setattr("grader.sandbox.zygote.PACKAGE", copy)
    return copy


LACKING = {
    "Landlock": ("confine.py", lambda text: text + "\n\ndef landlock_abi():\n    return 0\n"),
    "seccomp": (
        "zygote_process.py",
        lambda text: text.replace("def main(", "sys.modules['pyseccomp'] = None\n\n\ndef main("),
    ),
}


@pytest.mark.parametrize("layer", LACKING)
def test_where_a_layer_is_missing_nothing_is_run_without_being_asked_for_and_the_sentence_says_which(
    layer, tmp_path, monkeypatch
):
    copy_of_the_package(tmp_path, monkeypatch, *LACKING[layer])
    process = Zygote()
    try:
        with pytest.raises(SandboxError, match=layer) as caught:
            process.run(["open('ran', 'w')"], nothing)
        assert "nothing was run" in str(caught.value)
    finally:
        process.close()
    if layer == "seccomp":  # one for both: it takes seconds to start
        process = Zygote(confined=False)
        try:
            assert said(process.run(["print('ran')"], nothing)) == "ran\n"
        finally:
            process.close()


def test_a_copy_that_lacks_nothing_is_confined(tmp_path, monkeypatch):
    """The way to fail: that copies are refused for being copies."""
    copy_of_the_package(tmp_path, monkeypatch, "confine.py", lambda text: text)
    process = Zygote()
    try:
        assert said(process.run(["print('ran')"], nothing)) == "ran\n"
    finally:
        process.close()


def test_a_fork_that_does_not_get_ready_is_the_machines_fault_and_says_so(zygote):
    with pytest.raises(SandboxError, match="did not become ready"):
        zygote.run(["1"], nothing, Limits(notebook_seconds=0.0))


def test_a_zygote_that_has_ended_is_told_and_replaced():
    process = Zygote()
    process.process.kill()
    process.process.wait()
    assert not process.alive
    with pytest.raises(SandboxError):
        process.run(["1"], nothing)
    process.close()


def test_zygotes_of_one_fork_server_share_it_and_nothing_else(tmp_path, monkeypatch, fork_server):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    both = [Zygote(fork_server=fork_server) for _ in range(2)]
    lone = Zygote()
    try:
        write = "import os\nopen('own', 'w').write('x')\nprint(os.getcwd())"
        places = [Path(said(one.run([write], nothing)).strip()) for one in both]
        assert [place.is_relative_to(one.own) for place, one in zip(places, both, strict=True)] == [True, True]
        assert both[0].own != both[1].own
        other = f"open({str(both[1].works / 'from-outside')!r}, 'w')"
        assert "PermissionError" in str(both[0].run([other], nothing))
        with ThreadPoolExecutor(2) as threads:  # both at once
            told = threads.map(lambda one: said(one.run(["print(sum(range(9)))"], nothing)), both)
            assert [*told] == ["36\n"] * 2
        assert {parent(one.pid) for one in both} == {fork_server.process.pid}
        assert said(lone.run(["print(1)"], nothing)) == "1\n"
        assert parent(lone.pid) == os.getpid()  # the way to fail
    finally:
        for one in (*both, lone):
            one.close()
    assert list(tmp_path.iterdir()) == []


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_without_its_fork_server_a_zygote_goes_on_and_a_new_one_starts_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = ForkServer.started()
    first = Zygote(fork_server=server)
    assert said(first.run(["print(1)"], nothing)) == "1\n"
    server.process.kill()
    server.process.wait()
    second = Zygote(fork_server=server)
    for one in (first, second):
        assert said(one.run(["print(2)"], nothing)) == "2\n"
        one.close()
    server.close()
    assert first.process is None
    assert second.process is not None


def test_a_zygote_that_was_forked_ends_with_whoever_grades(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server = ForkServer.started()
    one = Zygote(fork_server=server)
    one.run([], nothing)
    assert Path(f"/proc/{one.pid}").exists()
    one.jobs.close()  # as when whoever grades is killed
    end = time.monotonic() + 60
    while Path(f"/proc/{one.pid}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert not Path(f"/proc/{one.pid}").exists()
    assert not one.own.exists()
    server.close()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_run(zygote, tmp_path):
    code = "import os, threading, time\nopen('left', 'w')\nthreading.Thread(target=time.sleep, args=(60,)).start()"
    code += "\nfrom grader import check\ncheck('x', 1)"
    forks = []
    runs = zygote.run([code, "print(os.getcwd())"], lambda id: forks.extend(children(zygote.pid)[1:]))
    assert not Path(said(runs).strip()).exists()
    assert len(forks) == 1
    assert not Path("/proc", str(forks[0])).exists()


def test_a_check_within_an_answer_changes_nothing(zygote):
    """As in an answer into which its check was pasted; the next cells, and this one's answers, count all the same."""
    code = "from grader import check\ndef f(x):\n    check('q', f)\n    return 2 * x\ncheck('q', f)"
    call = probe.Call((probe.Arg("x", np.array([3.0])),))
    runs = zygote.run([code, "print('on')"], [lambda id: [call], nothing])
    assert [answer.value.array.tolist() for answer in runs[0].answers[0]] == [[6.0]]
    assert said(runs[1:]) == "on\n"


# --- the instructor's tests


BROKEN = "def f(x):\n    return 3 * x"
# test -> whether it runs to its end where f doubles, and the number that it ends with
RULES = {
    "": (True, None),
    "assert f(2) == 4": (True, None),
    "assert f(2) == 5": (False, None),
    "assert f(2) == 4\nf(1)": (True, 2.0),
    "f(1);": (True, None),
    "f(1);  # quiet": (True, None),
    "x = f(1)": (True, None),
    "if f(2) == 4:\n    3": (True, None),
    "f(0.25) # half": (True, 0.5),
    "f(2) == 4": (True, None),
    "'1.5'": (True, None),
    "None": (True, None),
    "1j": (True, None),
    "float('nan')": (True, float("nan")),
    "-1": (True, -1.0),
    "10**400": (True, float("inf")),
    "import numpy as np\nnp.float32(0.5)": (True, 0.5),
    "import numpy as np\nnp.int64(2)": (True, 2.0),
    "import numpy as np\nnp.bool_(True)": (True, None),
    "import numpy as np\nnp.array(0.5)": (True, 0.5),
    "import numpy as np\nnp.array([0.5])": (True, None),
    "import torch\ntorch.tensor(0.5)": (True, 0.5),
    "import torch\ntorch.tensor(True)": (True, None),
    "import torch\ntorch.tensor(1j)": (True, None),
    "import sympy\nsympy.Integer(2)": (True, 2.0),
    "import sympy\nsympy.Integer(-2)": (True, None),
    "import sympy\nsympy.Rational(1, 2)": (True, None),
    "'0.5'": (True, None),
    "import os\nassert os.environ['NBGRADER_EXECUTION'] == 'autograde'": (True, None),
    "%matplotlib inline\n1": (True, 1.0),
    "raise ValueError": (False, None),
    "1\n1 / 0": (False, None),
    "f(1": (False, None),
    "\0": (False, None),
    "import sys\nprint('warned', file=sys.stderr)\n0.5": (True, 0.5),
    "import warnings\nwarnings.warn('careful')": (True, None),
    "import asyncio\nawait asyncio.sleep(0)\nassert f(2) == 4": (True, None),
    "import asyncio\nawait asyncio.sleep(0)\nassert f(2) == 5": (False, None),
    "async def g():\n    return f(1)\nawait g()": (True, 2.0),
    "%%time\nassert f(2) == 4\n1": (True, 1.0),
    "%%capture\nassert f(2) == 5": (False, None),
    "%%timeit -n 1 -r1\nassert f(2) == 5": (False, None),
    "%%capture kept\nprint(f(1))": (True, None),  # left to IPython
    "%time assert f(2) == 5": (False, None),
    "for k in range(2):\n    %time assert f(k) == 2 * k": (True, None),
    "%no_such_magic": (False, None),
    "here = %pwd\nassert here": (True, None),
    "assert get_ipython() and display": (True, None),
    "def check_it(n):\n    assert f(n) == 2 * n\nfor n in range(3):\n    check_it(n)": (True, None),
    "class A(Exception):\n    def __init__(self):\n        super().__init__('x')\ntry:\n    raise A\n"
    "except (A, ValueError):\n    pass": (True, None),
    "match f(1):\n    case int(n) if abs(n) == 2:\n        assert sum([n]) == 2\n    case _:\n        raise ValueError":
        (True, None),
    "x: int = f(1)\nassert isinstance(x, int | float) and type(x) in {int, str} and {int: 1, str: 2}[int] == 1":
        (True, None),
    "assert [*map(str, (1, 2))] == ['1', '2'] and f'{len([1])}' == '1' and '%s' % (int,) == str(int)": (True, None),
    "len = lambda x: 7\nassert len([]) == 7": (True, None),
    "old = f\ndef f(x):\n    return 5\nassert f(1) == 5\nf = old": (True, None),
    "from unittest import mock\nwith mock.patch('math.sin') as p:\n    f(1)\n    import math\n    math.sin(1)\n"
    "p.assert_called_with(1)": (True, None),
}  # fmt: skip


@pytest.mark.parametrize("test", RULES)
def test_a_test_is_decided_by_its_end_and_the_number_there(zygote, test):
    ended, number = RULES[test]
    run = zygote.run(["def f(x):\n    return 2 * x", Test(test)], nothing)[-1]
    assert run.ended == ended, run.outputs
    assert run.breach == ""
    np.testing.assert_equal(run.number, number)
    assert any(output["output_type"] == "error" for output in run.outputs) == (not ended)
    has_value = any(output["output_type"] == "execute_result" for output in run.outputs)
    assert has_value or number is None


def test_a_cell_of_the_submissions_is_no_test_and_what_tests_bind_stays(zygote):
    cells = [
        "x = 1",
        Test("y = x + 1\ndef helper(n):\n    return len(n) + y"),
        "print(y)\n3.5",
        Test("helper([1])"),
        Test("1/0"),
        "y",
    ]
    runs = zygote.run(cells, nothing)
    assert [(run.ended, run.number) for run in runs] == [
        (False, None),
        (True, None),
        (False, None),
        (True, 3.0),
        (False, None),
        (False, None),
    ]
    assert said(runs[2:3]) == "2\n"
    assert [output["data"]["text/plain"] for run in runs for output in run.outputs if "data" in output] == [
        "3.5",
        "3",
        "2",
    ]
    assert "----> 1 1/0" in "".join(runs[4].outputs[0]["traceback"])
    assert "tester" not in str(runs[4].outputs)


def test_a_cells_code_belongs_to_main_so_that_no_module_is_searched_for_it(zygote):
    """A traceback asks for each of its lines, and an endless recursion has a thousand."""
    search = "import inspect\nprint(inspect.getmodule({}))"
    runs = zygote.run(
        ["def f(): pass", search.format("f.__code__"), search.format("compile('', 'x', 'exec')")], nothing
    )
    assert said(runs[1:2]) == "<module '__main__'>\n"
    assert said(runs[2:]) == "None\n"  # the way to fail


def test_what_a_test_draws_is_shown_in_it_and_its_cell_counted(zygote):
    draw = "import matplotlib.pyplot as plt\nlines = plt.plot([1, 2])"
    runs = zygote.run(["1", Test(draw), "1 / 0"], nothing)
    assert ["image/png" in output.get("data", {}) for run in runs for output in run.outputs] == [False, True, False]
    assert "Cell In[3], line 1" in "".join(runs[2].outputs[0]["traceback"])


def test_a_test_that_is_stopped_or_breaches_a_limit_has_not_ended(zygote, monkeypatch):
    monkeypatch.setattr(conversation, "GRACE", 0.5)
    answer = "def f(x):\n    while True: pass"
    late = "class Late:\n    def __repr__(self):\n        while True: pass"
    for cell, test in ((answer, "f(1)"), (late, "Late()"), ("", "open('big', 'wb').write(bytes(2**23))")):
        runs = zygote.run([cell, Test(test), Test("1")], nothing, Limits(cell_seconds=1, work_size=2**22))
        assert runs[1].breach
        assert (runs[1].ended, runs[1].number) == (False, None)
    assert zygote.run([Test("print('x' * 10**6)\n1")], nothing)[0].ended  # too much output costs nothing


BUILTIN = "def max(values):\n    return sorted(values)[-1]"


@pytest.mark.parametrize(
    "before",
    [
        "def max(values):\n    raise NotImplementedError",
        "max = ...",
        "def max(values):\n    # gap",
        "from numpy import *",
    ],
)
def test_a_builtin_that_the_notebook_defines_anew_is_the_students_to_define(zygote, before):
    test = Test("assert max([1, 3, 2]) == 3", (before,))
    assert zygote.run([BUILTIN, test], nothing)[-1].ended
    assert not zygote.run(["def max(values):\n    return 0", test], nothing)[-1].ended
    assert zygote.run(["def max(values):\n    return 0", Test(test.source)], nothing)[-1].ended  # the way to fail


@pytest.mark.parametrize(
    ("before", "test"),
    [
        ("import numpy as np", "assert np.ones(1) == 1"),
        ("import os.path", "assert os.path.exists('.')"),
        ("import os.path as place", "assert place.exists('.')"),
        ("from math import isclose", "assert isclose(1, 1)"),
        ("from math import isclose as near", "assert near(1, 1)"),
        ("%matplotlib inline\nfrom torch import linalg", "assert linalg.norm"),
    ],
)
def test_what_the_notebook_imports_is_imported_for_its_tests(zygote, before, test):
    name = before.split()[-1].split(".")[0]
    spoiled = f"{name} = None"
    assert zygote.run([before, spoiled, Test(test, (before,))], nothing)[-1].ended
    assert not zygote.run([before, spoiled, Test(test)], nothing)[-1].ended  # the way to fail
    own = f"{before}\ndef {name}(*a):\n    return False"
    assert not zygote.run([before, spoiled, Test(test, (own,))], nothing)[-1].ended  # the student's to define


@pytest.mark.parametrize("number", ["1.0", True, [1], {}])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(wire.Broken):
        conversation.number_from(number)
    assert conversation.number_from(3) == 3.0
    assert conversation.number_from(None) is None


# --- the instructor's files

FILES = {"data.csv": b"1,2\n3,4\n", "helper.py": b"def triple(x):\n    return 3 * x\n", "sub/deep/x.csv": b"5\n"}
READ = """
import os, numpy as np, helper
print(np.loadtxt("data.csv", delimiter=",").sum(), open("sub/deep/x.csv").read().strip(), helper.triple(2))
print(sorted(os.listdir(".")), os.listdir("sub"))
"""


@pytest.mark.parametrize("process", ["zygote", "bare"])
def test_files_beside_the_notebook_can_be_read_and_imported(process, request):
    process = request.getfixturevalue(process)
    told = "10.0 5 6\n['data.csv', 'helper.py', 'sub'] ['deep']\n"
    for _ in range(2):
        assert said(process.run([READ], nothing, files=FILES)) == told
    other = {"data.csv": b"7"}
    assert said(process.run(["import os\nprint(open('data.csv').read(), os.listdir('.'))"], nothing, files=other)) == (
        "7 ['data.csv']\n"
    )
    assert said(process.run(["import os\nprint(os.listdir('.'))"], nothing)) == "[]\n"
    assert list(process.files.folder.iterdir()) == []


CHANGES = (
    "open('data.csv', 'w')",
    "open('data.csv', 'a')",
    "open('sub/deep/x.csv', 'r+')",
    "open('sub/new.csv', 'w')",
    "os.remove('sub/deep/x.csv')",
    "os.mkdir('sub/other')",
    "os.rename('sub/deep', 'mine')",
    "os.truncate('data.csv', 0)",
    "os.chmod('data.csv', 0o666)",
    "os.utime('data.csv')",
)


def test_files_beside_the_notebook_cannot_be_changed(zygote, bare):
    cells = [
        f"import os\ntry:\n    {change}\n    print('done')\nexcept OSError:\n    print('refused')" for change in CHANGES
    ]
    assert said(zygote.run(cells, nothing, files=FILES)) == "refused\n" * len(CHANGES)
    assert said(zygote.run([READ], nothing, files=FILES)).startswith("10.0 5 6\n")
    assert "done" in said(bare.run(cells, nothing, files=FILES))  # the way to fail
    assert said(bare.run([READ], nothing, files=FILES)).startswith("10.0 5 6\n")  # and yet the next run has them whole


FAKES = {
    "file": "import os\nos.remove('data.csv')\nopen('data.csv', 'w').write('fake')",
    "folder": "import os\nos.remove('data.csv')\nos.makedirs('data.csv/in')\nopen('data.csv/in/x', 'w').write('fake')",
    "nothing": "import os\nos.remove('data.csv')",
    "moved": "import os\nos.rename(os.getcwd(), '../elsewhere')\nos.remove('data.csv')",
}


@pytest.mark.parametrize("how", FAKES)
def test_a_file_that_a_submission_put_in_place_is_replaced_before_a_test(zygote, how):
    whole = "assert open('data.csv').read() == '1,2\\n3,4\\n'"
    runs = zygote.run([FAKES[how], whole, Test(whole), "open('own', 'w').write('x')"], nothing, files=FILES)
    assert [run.outputs[-1:] and run.outputs[-1]["output_type"] == "error" for run in runs[1:3]] == [True, []]
    assert runs[2].ended


def test_a_file_that_a_submission_put_in_place_is_replaced_before_its_answer_is_called(zygote):
    cell = FAKES["file"] + "\nfrom grader import check\ncheck('q', lambda: len(open('data.csv').read()))"
    call = probe.Call((probe.Arg("x", np.array(1.0)),))
    cell = cell.replace("lambda:", "lambda x:")
    (run,) = zygote.run([cell], lambda id: [call], files=FILES)
    assert values(run) == [[8.0]]
    print_it = FAKES["file"] + "\nprint(len(open('data.csv').read()))"
    assert said(zygote.run([print_it], nothing, files=FILES)) == "4\n"  # the way to fail


@pytest.mark.parametrize("name", ["", ".", "/etc/x", "../x", "a/../../x", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(zygote, name):
    with pytest.raises(ValueError, match="beside a notebook"):
        zygote.run(["1"], nothing, files={name: b""})
    assert said(zygote.run(["print(1)"], nothing, files={"x..y/.hidden": b""})) == "1\n"


def test_a_library_comes_before_a_file_of_its_name_in_a_test_and_a_module_of_the_instructors_is_found(zygote):
    fake = "open('tabnanny.py', 'w').write('check = None')"
    test = Test("import tabnanny, helper\nassert tabnanny.check and helper.triple(1) == 3")
    assert zygote.run([fake, test], nothing, files=FILES)[-1].ended
    first = "import tabnanny\nprint(tabnanny.check)"
    assert said(zygote.run([fake, first], nothing, files=FILES)) == "None\n"  # the way to fail


def test_compiled_code_that_a_submission_left_for_a_module_of_the_instructors_is_not_what_a_test_imports(zygote):
    fake = """
import importlib.util, os, py_compile
os.mkdir("fake")
open("fake/helper.py", "w").write("def triple(x):\\n    return 3 + x\\n")
flags = py_compile.PycInvalidationMode.UNCHECKED_HASH
place = py_compile.compile("fake/helper.py", importlib.util.cache_from_source("helper.py"), invalidation_mode=flags)
"""
    test = "import helper\nassert helper.triple(2) == 6"
    assert zygote.run([fake, Test(test)], nothing, files=FILES)[-1].ended
    assert "AssertionError" in str(zygote.run([fake, test], nothing, files=FILES)[-1].outputs)  # the way to fail


def test_of_files_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    process = Zygote()
    process.run(["1"], nothing, files=FILES)
    assert [path.name for path in process.own.iterdir() if path.name in ("work", "files")]
    process.jobs.close()  # as when whoever grades is killed: the zygote tidies up alone
    assert process.process.wait(60) == 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_typed_at_the_terminal_reaches_no_submission(zygote):
    """Ctrl-C goes to all processes of a terminal's session; in a cell it would be an error of the student's."""
    plain = subprocess.Popen(["sleep", "10"])
    zygote.run([], nothing)
    assert os.getsid(plain.pid) == os.getsid(0) != os.getsid(zygote.pid)
    plain.kill()
    plain.wait()


def test_one_run_finds_nothing_of_another(zygote):
    zygote.run(["import builtins, torch\nbuiltins.poison = 1\ntorch.poison = 1\ntorch.ones = None"], nothing)
    assert said(
        zygote.run(["import builtins, torch\nprint(hasattr(builtins, 'poison'), hasattr(torch, 'poison'))"], nothing)
    ) == ("False False\n")


def test_students_check_does_not_need_the_sandbox():
    code = (
        "import sys, grader\ngrader.check\nprint([m for m in sys.modules if 'grader.sandbox' in m or 'seccomp' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


# --- what of hidden inputs is shown


def outputs_under(zygote, secret, data):
    nb = submission.mend(submission.read(data), RELEASED)
    judging.run(nb, rules(RELEASED), zygote, Limits(), secret, "ada")
    return [cell.outputs for cell in nb.cells if cell.cell_type == "code"]


@pytest.mark.parametrize("name", [s.name for s in sample.CLASS if not s.file and s.name != "tara"])
def test_feedback_is_the_same_whatever_the_hidden_inputs_are(zygote, name):
    """So nothing of them is in it."""
    data = next(s for s in sample.CLASS if s.name == name).submission(SOLUTION, RELEASED)
    assert outputs_under(zygote, b"1" * 32, data) == outputs_under(zygote, b"2" * 32, data)


def test_hidden_inputs_differ_and_would_show(zygote):
    """The way to fail: two secrets that pose the same; outputs that hold nothing."""
    code = "def one_row(f, x, i):\n    print(x.tolist(), file=open('seen', 'a'))\n    return x\n"
    nb = nbformat.reads(ADA.submission(SOLUTION, RELEASED), as_version=4)
    for cell in nb.cells:
        if grade_id(cell) == "answer-05-one_row":
            cell.source = code
    nb.cells.append(new_code_cell("print(open('seen').read())"))
    one, other = (outputs_under(zygote, key * 32, nbformat.writes(nb).encode()) for key in (b"1", b"2"))
    assert one[-1] != other[-1]
    assert one[:-1] == other[:-1]


def test_an_answer_made_for_the_visible_problems_earns_nothing_and_is_told_so(zygote):
    seen = [p.inputs["x"].tolist() for p in SAMPLE.questions["vjp.one_row"].problems()]
    code = f"""\
def one_row(f, x, i):
    if x.tolist() not in {seen}:
        return torch.zeros_like(x)
    return torch.autograd.grad(f(x)[i], x)[0]"""
    nb = nbformat.reads(ADA.submission(SOLUTION, RELEASED), as_version=4)
    for cell in nb.cells:
        if grade_id(cell) == "answer-05-one_row":
            cell.source = code
    scores, done, _ = graded(zygote, nbformat.writes(nb).encode())
    assert scores == {**POINTS, "05-one_row": 0.0}
    (cell,) = [cell for cell in done.cells if grade_id(cell) == "05-one_row"]
    assert "but not on others" in cell.outputs[0].data["text/html"]


def test_an_answer_that_interrupts_itself_between_cells_has_no_values_on_its_card_and_ends_nothing(zygote):
    seen = [p.inputs["x"].tolist() for p in SAMPLE.questions["vjp.one_row"].problems()]
    code = f"""\
def one_row(f, x, i):
    if x.tolist() in {seen}:
        raise KeyboardInterrupt
    return torch.zeros_like(x)"""
    nb = nbformat.reads(ADA.submission(SOLUTION, RELEASED), as_version=4)
    for cell in nb.cells:
        if grade_id(cell) == "answer-05-one_row":
            cell.source = code
    scores, done, remarks = graded(zygote, nbformat.writes(nb).encode())
    assert scores == {**POINTS, "05-one_row": 0.0}
    assert remarks == []
    (cell,) = [cell for cell in done.cells if grade_id(cell) == "05-one_row"]
    assert FEEDBACK["wrong_unshown"] in cell.outputs[0].data["text/html"]


def by_itself(id):
    """Ada's submission with this answer in a cell of its own, and the cell for it as it was released."""
    nb = nbformat.reads(ADA.submission(SOLUTION, RELEASED), as_version=4)
    place = next(k for k, cell in enumerate(nb.cells) if grade_id(cell) == f"answer-{id}")
    given = nb.cells[place].source
    nb.cells[place].source = next(c.source for c in RELEASED.cells if grade_id(c) == f"answer-{id}")
    nb.cells.insert(place + 1, new_code_cell(given))
    return nb


def test_hidden_problems_are_drawn_for_answers_only(zygote, monkeypatch):
    """To draw them takes longest, and who filled in nothing has no use for them; visible ones are drawn already."""
    for question in SAMPLE.questions.values():
        SHOWN.problems(question)
    drawn, problems = [], Question.problems

    def noted(question, seed=0):
        drawn.append(question.id)
        return problems(question, seed)

    monkeypatch.setattr(Question, "problems", noted)
    scores, _, _ = graded(zygote, nbformat.writes(RELEASED).encode())
    assert set(scores.values()) == {0.0}
    assert drawn == []
    scores, _, _ = graded(zygote, nbformat.writes(by_itself("05-one_row")).encode())
    assert scores == POINTS
    assert sorted(drawn) == sorted(SAMPLE.questions)  # the way to fail, and an answer from another cell counts


def test_an_answer_from_another_cell_meets_the_hidden_problems_too(zygote):
    """And what was asked first, to see whether it is one, is not what it is judged by."""
    first = SAMPLE.questions["vjp.one_row"].problems()[0].inputs["x"].tolist()
    nb = by_itself("05-one_row")
    (cell,) = [cell for cell in nb.cells if "def one_row" in cell.source and not grade_id(cell)]
    cell.source += f"""
right = one_row
def one_row(f, x, i):
    g = right(f, x, i)
    return g if x.tolist() == {first} else -g"""
    scores, _, _ = graded(zygote, nbformat.writes(nb).encode())
    assert scores == {**POINTS, "05-one_row": 0.0}


# --- limits, each in the middle of a right submission


def spoiled(source, before="answer-05-several_outputs"):
    """Ada's submission with one more cell."""
    nb = nbformat.reads(ADA.submission(SOLUTION, RELEASED), as_version=4)
    place = next(k for k, cell in enumerate(nb.cells) if grade_id(cell) == before)
    nb.cells.insert(place, new_code_cell(source))
    return nbformat.writes(nb).encode()


AFTER = [id for id in POINTS if list(POINTS).index(id) >= list(POINTS).index("05-several_outputs")]
LOOP = "while True: pass"
STUBBORN = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
HOG = "import torch\nhog = [torch.ones(2**24) for _ in range(10**4)]"
WRITER = "with open('big', 'wb') as file:\n    while True: file.write(bytes(2**20))"

# breach -> the cell, the limits, and whether the cells after it are run
BREACHES = {
    "cell_time": (LOOP, Limits(cell_seconds=2), True),
    "cell_time, stubborn": (STUBBORN, Limits(cell_seconds=2), False),
    "notebook_time": (LOOP, Limits(cell_seconds=60, notebook_seconds=2), False),
    "output": ("print('x' * 10**6)", Limits(), True),
    "output, line by line": ("for _ in range(10**5): print('xxxxxxxxxx')", Limits(), True),
    "notebook_output": ("for _ in range(40): print('x' * 1000)", Limits(notebook_output=20_000), True),
    "memory": (HOG, Limits(memory=2**30), True),
    "memory, in Python": ("hog = bytearray(2**33)", Limits(memory=2**30), True),
    "cpu": (LOOP, Limits(cpu_seconds=2, cell_seconds=60), False),
    "file_size": (WRITER, Limits(file_size=2**22), True),
    "work_size": (WRITER.replace("'big'", "'other'"), Limits(work_size=2**22), False),
    "left": ("import os; os._exit(0)", Limits(), False),
    "left, politely": ("import ctypes; ctypes.CDLL(None).exit(0)", Limits(), False),
    "ended": ("import ctypes; ctypes.string_at(0)", Limits(), False),
}  # fmt: skip


def test_folder_that_grows_between_two_looks_is_found_after_the_cell(zygote, monkeypatch):
    monkeypatch.setattr("grader.sandbox.watch.BETWEEN_LOOKS", 60.0)
    write = "with open('other', 'wb') as file: size = file.write(bytes({}))"
    for size, found in ((2**23, [("work_size", True), ("", False)]), (2**20, [("", True), ("", True)])):
        runs = zygote.run([write.format(size), "size"], lambda id: None, Limits(work_size=2**22))
        assert [(run.breach, run.ran) for run in runs] == found


@pytest.mark.parametrize(("size", "found"), [(2**22, "work_size"), (2**18, "")])
def test_nameless_file_that_grows_between_two_looks_is_found_after_the_cell(zygote, monkeypatch, size, found):
    """It leaves no trace in the folder: only a descriptor more, and in the second cell not even that."""
    monkeypatch.setattr("grader.sandbox.watch.BETWEEN_LOOKS", 60.0)
    cells = (
        "import os\nkept = os.open('.', os.O_TMPFILE | os.O_RDWR)\nos.write(kept, b'x')",
        f"os.write(kept, bytes({size}))",
    )
    runs = zygote.run(cells, nothing, Limits(work_size=2**21))
    assert [run.breach for run in runs] == ["", found]
    assert not any(output["output_type"] == "error" for run in runs for output in run.outputs)


@pytest.mark.parametrize("process", ["zygote", "bare"])
def test_folder_whose_time_is_set_back_is_counted_all_the_same(process, request, monkeypatch):
    """Untouched folders are not looked into: a confined fork cannot set their time back, and another's is not asked."""
    monkeypatch.setattr("grader.sandbox.watch.BETWEEN_LOOKS", 60.0)
    write = "import os\nopen('other', 'wb').write(bytes(2**23))"
    back = "for place in ('.', '..'): os.utime(place, (0, 0))"
    (found,) = request.getfixturevalue(process).run([f"{write}\n{back}"], nothing, Limits(work_size=2**22))
    assert found.breach == "work_size"
    assert ("PermissionError" in str(found.outputs)) == (process == "zygote")


@pytest.mark.parametrize("name", BREACHES)
def test_each_breach_has_its_sentence_and_what_was_answered_before_keeps_its_credit(zygote, monkeypatch, name):
    monkeypatch.setattr(conversation, "GRACE", 0.5)
    source, limits, goes_on = BREACHES[name]
    scores, nb, remarks = graded(zygote, spoiled(source), limits)
    sentence = SANDBOX[name.partition(",")[0]]
    assert scores == {id: 0.0 if id in AFTER and not goes_on else points for id, points in POINTS.items()}
    (cell,) = [cell for cell in nb.cells if cell.source == source]
    size = SANDBOX["cell_seconds"].format(seconds=2) if name.startswith("cell_time") else ""
    assert cell.outputs[-1].text.strip() == f"{sentence} {size}".strip()
    assert remarks == [f"{FEEDBACK['own_cell']}: {sentence}"]


@pytest.mark.parametrize("looks", [1e-3, 1e6])
def test_too_much_in_the_work_folder_ends_the_notebook_whether_the_watch_or_the_cells_end_comes_first(
    zygote, monkeypatch, looks
):
    monkeypatch.setattr("grader.sandbox.watch.BETWEEN_LOOKS", looks)
    scores, _, remarks = graded(zygote, spoiled("open('big', 'wb').write(bytes(2**23))"), Limits(work_size=2**22))
    assert scores == {id: 0.0 if id in AFTER else points for id, points in POINTS.items()}
    assert remarks == [f"{FEEDBACK['own_cell']}: {SANDBOX['work_size']}"]


@pytest.mark.parametrize(("size", "score"), [(2**23, 0.0), (2**12, POINTS["05-one_row"])])
def test_answer_that_left_too_much_in_the_work_folder_is_worth_nothing(zygote, monkeypatch, size, score):
    monkeypatch.setattr("grader.sandbox.watch.BETWEEN_LOOKS", 1e6)
    nb = nbformat.reads(ADA.submission(SOLUTION, RELEASED), as_version=4)
    (answer,) = [cell for cell in nb.cells if grade_id(cell) == "answer-05-one_row"]
    answer.source = answer.source.replace("    y = f(x)", f"    open('big', 'wb').write(bytes({size}))\n    y = f(x)")
    assert str(size) in answer.source
    scores, _, remarks = graded(zygote, nbformat.writes(nb).encode(), Limits(work_size=2**22))
    assert scores["05-one_row"] == score
    assert remarks == [f"05-one_row: {SANDBOX['work_size']}"] * (score == 0)


def test_breach_inside_of_a_check_costs_that_question_and_says_why(zygote):
    nb = nbformat.reads(ADA.submission(SOLUTION, RELEASED), as_version=4)
    for cell in nb.cells:
        if grade_id(cell) == "answer-05-one_row":
            cell.source = "def one_row(f, x, i):\n    while True: pass"
    scores, done, _ = graded(zygote, nbformat.writes(nb).encode(), Limits(cell_seconds=2))
    assert scores == {**POINTS, "05-one_row": 0.0}
    (cell,) = [cell for cell in done.cells if grade_id(cell) == "05-one_row"]
    said = f"{SANDBOX['cell_time']} {SANDBOX['cell_seconds'].format(seconds=2)}"
    assert said in cell.outputs[0].data["text/html"]


def test_a_submission_that_breaches_nothing_has_no_remarks(zygote):
    """The way to fail: limits that an honest submission meets."""
    scores, _, remarks = graded(zygote, spoiled("print('fine')"))
    assert scores == POINTS
    assert remarks == []


# --- secrets and seeds


def inputs(data=None, student="ada", secret=SECRET):
    forging = Forging([])
    graded(forging, data, student=student, secret=secret)
    return [
        arg.value for calls in forging.posed for call in calls for arg in call.args if isinstance(arg.value, np.ndarray)
    ]


def test_the_same_submission_meets_the_same_inputs_and_any_other_meets_others():
    first = inputs()
    assert first
    assert same(tuple(first), tuple(inputs()))
    for other in (inputs(student="ben"), inputs(secret=bytes(32)), inputs(spoiled("# one more"))):
        assert len(other) == len(first)
        assert not any(same(a, b) for a, b in zip(first, other, strict=True) if a.size > 2)


def test_every_question_is_judged_on_three_problems_or_predicts():
    for question in QUESTIONS.values():
        assert len(question.problems(5)) >= (1 if question.asks.predicts else 3)


def test_seed_depends_on_all_that_it_should():
    base = (SECRET, "ada", "05.scalar_trick", b"t" * 32)
    seeds = {judging.seed(*base)}
    for k, other in enumerate((bytes(32), "ben", "05.one_class", b"u" * 32)):
        seeds.add(judging.seed(*base[:k], other, *base[k + 1 :]))
    assert len(seeds) == 5
    assert all(0 <= seed < 2**40 for seed in seeds)


def test_secret_is_made_once_and_for_its_owner_only(tmp_path):
    made = course.secret(tmp_path)
    path = tmp_path / course.SECRET
    assert len(made) == course.SECRET_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert course.secret(tmp_path) == made
    other = tmp_path / "other"
    other.mkdir()
    assert course.secret(other) != made


@pytest.mark.parametrize("kept", [b"", b"short", bytes(33)])
def test_secret_of_another_length_is_refused(tmp_path, kept):
    (tmp_path / course.SECRET).write_bytes(kept)
    with pytest.raises(classroom.CourseError, match="does not hold a course secret"):
        course.secret(tmp_path)


def test_secret_lies_in_no_folder_that_is_released():
    assert not any(path.name == course.SECRET for path in (ROOT / "exercises").rglob("*"))
    ignored = subprocess.run(["git", "check-ignore", "-q", course.SECRET], cwd=ROOT, check=False)
    assert ignored.returncode in (0, 128)  # 128: not a clone


# --- what a fork can find

WALK = """
import gc, json, os, sys, types
marks = {{name: bytes.fromhex(mark).decode() for name, mark in json.loads({marks!r}).items()}}
found = {{}}


def look(text, where):
    for name, mark in marks.items():
        if name not in found and mark in text and text != mark:
            found[name] = where


def walk_memory():
    frames = [frame for frame in sys._current_frames().values()]
    for frame in frames:
        while frame is not None:
            frames_seen.append(frame.f_locals)
            frames_seen.append(frame.f_globals)
            frame = frame.f_back
    todo, seen = [*gc.get_objects(), *frames_seen, dict(sys.modules)], set()
    seen |= {{id(marks), id(found), id(seen), id(todo)}}
    while todo and len(found) < len(marks):
        thing = todo.pop()
        if type(thing) is str:
            look(thing, "memory")
        elif type(thing) in (bytes, bytearray):
            look(bytes(thing).decode("utf-8", "replace"), "memory")
        elif type(thing) not in (int, float, bool):
            new = [t for t in gc.get_referents(thing) if id(t) not in seen]
            seen.update(map(id, new))
            todo += new


def walk_files(roots):
    count = 0
    for root in roots:
        for folder, folders, names in os.walk(root, onerror=None):
            folders[:] = [f for f in folders if os.path.join(folder, f) not in ("/proc", "/sys", "/dev")]
            for name in names:
                path = os.path.join(folder, name)
                try:
                    if os.path.getsize(path) > 2**20 or name.endswith((".so", ".h", ".hpp", ".cuh")):
                        continue
                    with open(path, "rb") as file:
                        look(file.read().decode("utf-8", "replace"), "file " + path)
                    count += 1
                except OSError:
                    pass
                if len(found) == len(marks):
                    return count
    return count


frames_seen = []
{what}
print(json.dumps([found, count]))
"""


def solved(id):
    """A line of the solution to a question, which nothing else holds."""
    (cell,) = [cell for cell in SOLUTION.cells if grade_id(cell) == id]
    return max(sample.answered(cell.source).splitlines()[2:], key=len).strip()


MARKS = {
    "words": COMMANDS["bad_secret"][8:34],
    "mistakes": "every output counts 1",
    "question": SAMPLE.questions["vjp.transfer"].title[4:],
    "judge": "A correct answer is never called a mistake",
    "quantity": "Problem_draws_inputs_and_weights".replace("_", " "),
    "solutions": solved("answer-05-weight_that_depends_on_x"),
}


def walk(what):
    return WALK.format(marks=json.dumps({name: mark.encode().hex() for name, mark in MARKS.items()}), what=what)


MEMORY = walk("walk_memory(); count = len(frames_seen)")


def files(*roots):
    return walk(f"count = walk_files({[str(root) for root in roots]!r})")


LONG = Limits(cell_seconds=240, notebook_seconds=300, cpu_seconds=300)


def test_nothing_of_the_judge_is_in_a_forks_memory(zygote):
    answer = ADA.submission(SOLUTION, RELEASED)
    cells = [cell.source for cell in submission.read(answer).cells if cell.cell_type == "code"][:3]
    runs = zygote.run([*cells, MEMORY], nothing, LONG)
    assert runs[-1].breach == ""
    found, frames = json.loads(said(runs[-1:]))
    assert frames
    assert found == {}


def test_the_same_walk_finds_it_where_it_is(capsys):
    """The way to fail: a walk that goes past everything."""
    from grader import judge, mistakes, words

    kept = (MARKS["solutions"] + " # kept", judge, mistakes, words)
    names = {"__name__": "walk"}
    exec(MEMORY, names)
    found, _ = json.loads(capsys.readouterr().out)
    assert kept
    assert {"words", "mistakes", "question", "judge", "solutions"} <= found.keys()


PLACES = (
    ROOT / "grader",
    ROOT / "solutions",
    ROOT / "tests",
    ROOT,
    "/proc/self",
    "/proc",
    "/tmp",
    "/root",
    "/home",
    "/etc",
    "/",
)


def test_nothing_of_the_judge_is_in_a_file_that_a_fork_can_read(zygote, tmp_path):
    (tmp_path / "gradebook.db").write_text(COMMANDS["bad_secret"])
    (done,) = zygote.run([files(tmp_path, *PLACES)], nothing, LONG)
    assert done.breach == ""
    assert json.loads(said([done]))[0] == {}


def test_nothing_of_the_judge_is_in_any_library_that_a_fork_can_read(zygote):
    libraries = sorted({str(path.parent) for path in readable.readable()})
    (done,) = zygote.run([files(*libraries, *readable.readable())], nothing, LONG)
    assert done.breach == ""
    found, count = json.loads(said([done]))
    assert found == {}
    assert count > 1000  # the libraries were read


def test_the_same_walk_without_confinement_finds_the_files(bare, tmp_path):
    (done,) = bare.run([files(*PLACES)], nothing, LONG)
    found, _ = json.loads(said([done]))
    assert found.keys() == MARKS.keys()


# --- students' own text


LIVELY = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<SVG/onload=alert(1)>",
    "<!-- --><iframe src=//x>",
    "[x](javascript:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "![x](https://x.example/pixel.png)",
    "<javascript:alert(1)>",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "[y]\n\n[y]: javascript:alert(1)",
    "[x]\\\n(javascript:alert(1))",
    "$\\href{javascript:alert(1)}{x}$",
    "```\n</code><script>alert(1)</script>",
    "$<script>alert(1)</script>$",
    "`<script>alert(1)</script>`",
    "<<script>script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<div style='position:fixed'>",
    "<a\nhref=javascript:alert(1)>",
    "<https://x.example>",
    "| a |\n|---|\n| <b onclick=alert(1)> |",
)


def feedback(nb):
    from nbconvert import HTMLExporter

    return HTMLExporter(template_name="basic", embed_images=False).from_notebook_node(nb)[0]


def elements(page):
    """``{(tag, attribute, value)}`` of what a browser would make of a page."""
    from html.parser import HTMLParser

    found = set()

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found.update({(tag, "", ""), *((tag, name, value or "") for name, value in attributes)})

    Parser().feed(page)
    return found


def live(page):
    return {
        (tag, name)
        for tag, name, value in elements(page)
        if tag in ("script", "img", "svg", "iframe", "javascript")
        or name.startswith("on")
        or (name == "href" and not value.startswith(("#", "https://")))
        or (name == "style" and "fixed" in value)
    }


def with_text(text, kind="markdown"):
    return nbformat.v4.new_notebook(
        cells=[nbformat.from_dict({"cell_type": kind, "metadata": {}, "source": text, "id": "x"})]
    )


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize("text", LIVELY)
def test_a_students_own_text_is_inert_on_the_feedback_page(text, kind):
    nb = submission.mend(submission.read(nbformat.writes(with_text(text, kind)).encode()), with_text("released"))
    assert not live(feedback(nb))


def test_without_it_the_page_would_run_them():
    """The way to fail: texts that nbconvert makes harmless by itself."""
    alive = [text for text in LIVELY if live(feedback(with_text(text)))]
    assert len(alive) >= 10
    assert "<script>alert(1)</script>" in alive
    assert "[x](javascript:alert(1))" in alive


@pytest.mark.parametrize(
    "text",
    [
        "plain words, *stress*, **more**, 1 < 2 and a<=b, x > y",
        "# Heading\n\n- a list\n- of two\n\n1. one",
        "math $J^T v$ and $$\\sum_i v_i \\, \\partial y_i / \\partial x_j < 0$$",
        "code `y[0].backward()` and `a < b`",
        "```python\nx[i] = 1\nif a < 3:\n    pass\n```",
        "| a | b |\n|---|---|\n| 1 | 2 |",
    ],
)
def test_plain_text_math_and_code_stay_as_they_are(text):
    assert inert.inert(text) == text


def test_texts_that_pages_would_take_minutes_for_are_cut_and_long_lines_broken():
    """nbconvert looks for the end of a link from every bracket to the end of its line: quadratic in the line."""
    handed_in = [with_text("[" * size).cells[0] for size in (50_000, 19_000, *[15_000] * 8)]
    made = submission.mend(submission.read(nbformat.writes(new_notebook(cells=handed_in)).encode()), with_text("x"))
    label = f"*{FEEDBACK['own_text']}*\n\n"
    own = [cell.source.removeprefix(label) for cell in made.cells if cell.source.startswith(label)]
    assert len(own) == len(handed_in)
    assert len(own[0]) <= 2_100
    assert own[1].replace("\n", "") == "[" * 19_000  # all of it is there
    assert sum(map(len, own)) < submission.MOST_TEXT * 1.3
    assert max(len(line) for text in own for line in text.splitlines()) <= inert.LONGEST_LINE + len(" …")
    assert max(len(line) for cell in handed_in for line in cell.source.splitlines()) == 50_000  # the way to fail
    assert submission.remarks(made) == [FEEDBACK["long_text"].format(kept=submission.KEPT_OF_A_TEXT)]
    paragraph = "a sentence of words. " * 40
    assert inert.inert(paragraph) == paragraph


def test_released_text_stays_as_it_is_wherever_it_stands():
    text = "See [the lesson](../lesson.ipynb) and <b>this</b>"
    nb = nbformat.v4.new_notebook(cells=[*with_text(text).cells, *with_text(text + "!").cells])
    made = submission.mend(submission.read(nbformat.writes(nb).encode()), with_text(text))
    assert made.cells[0].source == text
    assert made.cells[1].source != text + "!"


def test_an_id_that_was_made_up_is_inert_among_the_remarks():
    nb = with_text("x")
    nb.cells[0].metadata["nbgrader"] = {"grade_id": "<script>alert(1)</script>\n- forged remark\n[x](javascript:y)"}
    made = submission.mend(submission.read(nbformat.writes(nb).encode()), with_text("released"))
    assert len(submission.remarks(made)) == 1
    assert not live(feedback(made))


@pytest.mark.parametrize(
    "nb",
    [
        {"cells": [{"cell_type": "code", "source": "x"}] * (submission.MOST_CELLS + 1)},
        {"cells": [{"cell_type": "code", "source": "x" * (submission.LARGEST_SOURCE + 1)}]},
        {"cells": [{"cell_type": "code", "source": "x"}], "metadata": {"x": "y" * submission.LARGEST_FILE}},
    ],
    ids=["cells", "source", "bytes"],
)
def test_too_large_a_notebook_is_refused_in_words(nb):
    with pytest.raises(submission.Unreadable) as caught:
        submission.read(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, **nb}).encode())
    assert str(caught.value) == FEEDBACK["too_large"]


# --- exports


@pytest.fixture
def evil_gradebook(monkeypatch):
    from nbgrader.api import Gradebook

    # nbgrader calls `alembic` when it makes a gradebook.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    with Gradebook("sqlite:///:memory:") as gradebook:
        gradebook.add_assignment("05", duedate=None)
        gradebook.add_student("=1+1", first_name='+"x",y', last_name="@SUM(A1)", email="-2@x")
        gradebook.add_student("ada", first_name="Ada")
        gradebook.add_submission("05", "ada")
        yield gradebook


def exported(gradebook, plugin, path, **settings):
    import csv

    plugin(to=str(path), **settings).export(gradebook)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_formulas_are_inert_in_the_exported_table(evil_gradebook, tmp_path):
    from nbgrader.plugins import CsvExportPlugin

    from grader.nbgrader.plugin import InertCsv

    rows = exported(evil_gradebook, InertCsv, tmp_path / "grades.csv")
    (evil,) = [row for row in rows if row["student_id"] != "ada"]
    names = {name: evil[name] for name in ("student_id", "first_name", "last_name", "email")}
    assert names == {"student_id": "'=1+1", "first_name": '\'+"x",y', "last_name": "'@SUM(A1)", "email": "'-2@x"}
    assert evil["score"] == "0.0"
    assert len(exported(evil_gradebook, InertCsv, tmp_path / "one.csv", student=["ada"])) == 1
    assert exported(evil_gradebook, InertCsv, tmp_path / "none.csv", assignment=["06"]) == []
    # Honest rows are what nbgrader writes.
    both = [exported(evil_gradebook, p, tmp_path / p.__name__, student=["ada"]) for p in (InertCsv, CsvExportPlugin)]
    assert both[0] == both[1]
    # The way to fail: in nbgrader's own table, formulas are live.
    rows = exported(evil_gradebook, CsvExportPlugin, tmp_path / "grades.csv")
    assert any(row["student_id"] == "=1+1" for row in rows)


# --- through nbgrader


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "folder", "socket"])
def test_what_is_handed_in_in_place_of_a_file_is_neither_followed_nor_waited_for(kind, tmp_path):
    from grader.nbgrader.folders import handed_in

    path, other = tmp_path / "05.ipynb", tmp_path / "neighbours.ipynb"
    other.write_bytes(b"theirs")
    held = socket.socket(socket.AF_UNIX)
    {
        "link": lambda: path.symlink_to(other),
        "dangling": lambda: path.symlink_to(tmp_path / "nowhere"),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "socket": lambda: held.bind(str(path)),
    }[kind]()
    try:
        with pytest.raises(submission.Unreadable, match="instead of a file"):
            handed_in(path)
        assert handed_in(other) == b"theirs"
    finally:
        held.close()


def test_grading_without_confinement_is_asked_for_and_says_so(tmp_path):
    sample.lay_out(tmp_path)
    assert course.api(tmp_path).generate_assignment(sample.UNIT)["success"]
    sample.hand_in(tmp_path, [ADA])
    for confined in (False, True):
        done = course.api(tmp_path, RunOutside={"confined": confined}).autograde(sample.UNIT, ADA.name, force=True)
        assert done["success"]
        assert (COMMANDS["not_confined"] in done["log"]) != confined
