"""Calls and Answers as messages: what the probe is asked, and what it found, without a function or a pickle in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from grader.probe import LONGEST_TEXT, MOST_ITEMS, Answer, Arg, Call, Raised, Value
from grader.sandbox.wire import Broken, plain_text

Arrays = dict[str, np.ndarray]
DEEPEST = 5  # levels of a Value: three of the student's tuples, what is in them, and the observer's own around them
MOST_ENTRIES = 2**16  # entries of one answer's arrays; no question has a truth that comes near it
MOST_VALUES = 2**12  # items of one answer, all levels together
LARGEST_LINE = 10**6  # a line number above it is none

# kind of a Value -> what it holds besides its names
_HOLDS = {
    **dict.fromkeys(("tensor", "array", "number"), "array"),
    **dict.fromkeys(("tuple", "list"), "items"),
    **dict.fromkeys(("no_values", "text", "none", "callable", "other"), ""),
}


def call_as_message(call: Call, maps: ModuleType, arrays: Arrays) -> dict[str, Any]:
    """A Call as JSON; its arrays go into ``arrays``.  Functions go by their name in ``maps``, and only those can."""
    return {
        "observe": call.observe,
        "of": list(call.of),
        "again": _put(call.again, arrays),
        "args": [
            {
                "name": arg.name,
                "value": _value_as_message(arg.value, maps, arrays),
                "requires_grad": arg.requires_grad,
                "stale": _put(arg.stale, arrays),
                "computed": arg.computed,
            }
            for arg in call.args
        ],
    }


def call_from_message(message: Mapping[str, Any], maps: ModuleType, arrays: Arrays) -> Call:
    """The Call again, on the confined side, which trusts the other one."""
    return Call(
        tuple(
            Arg(
                arg["name"],
                _value_from_message(arg["value"], maps, arrays),
                arg["requires_grad"],
                _get(arg["stale"], arrays),
                arg["computed"],
            )
            for arg in message["args"]
        ),
        message["observe"],
        tuple(message["of"]),
        _get(message["again"], arrays),
    )


def answer_as_message(answer: Answer, arrays: Arrays) -> dict[str, Any]:
    """An Answer as JSON; its arrays go into ``arrays``."""
    raised = answer.raised
    return {
        "value": answer.value and _result_as_message(_fitting(answer.value), arrays),
        "instead": answer.instead and _result_as_message(_fitting(answer.instead), arrays),
        "raised": raised and {"type": raised.type_name, "message": raised.message, "lines": [*map(list, raised.lines)]},
        "untouched": answer.untouched,
        "misfit": answer.misfit,
        "warned": [*dict.fromkeys(answer.warned)][:MOST_ITEMS],
    }


def answer_from_message(message: Any, arrays: Arrays) -> Answer:
    """An Answer from a process that may say anything: every part is checked, cut or refused.  Raises Broken."""
    if not isinstance(message, dict):
        raise Broken("an answer that is none")
    raised, warned = message.get("raised"), message.get("warned", [])
    if not isinstance(warned, list):
        raise Broken("warnings that are none")
    budget = iter(range(MOST_VALUES))
    answer = Answer(
        value=_result_from_message(message.get("value"), arrays, budget),
        instead=_result_from_message(message.get("instead"), arrays, budget),
        raised=_raised_from_message(raised) if raised is not None else None,
        untouched=message.get("untouched") is True,
        misfit=_text(message.get("misfit", "")),
        warned=tuple(map(_text, warned[:MOST_ITEMS])),
    )
    # The probe gives one of these; the judge relies on it.
    given = (answer.value is not None, answer.instead is not None, answer.raised is not None)
    if sum((*given, answer.untouched, bool(answer.misfit))) != 1:
        raise Broken("an answer that says nothing, or two things")
    return answer


def _value_as_message(value: Any, maps: ModuleType, arrays: Arrays) -> dict[str, Any]:
    if isinstance(value, np.ndarray):
        return {"array": _put(value, arrays)}
    if isinstance(value, (int, float)):
        return {"number": value}
    if isinstance(value, partial):
        fixed = {name: _value_as_message(v, maps, arrays) for name, v in value.keywords.items()}
        return {**_value_as_message(value.func, maps, arrays), "fixed": fixed}
    name = getattr(value, "__name__", "")
    if getattr(maps, name, None) is not value:
        raise TypeError(f"{value!r} is handed to students and is not a function of grader.functions")
    return {"function": name}


def _value_from_message(message: Mapping[str, Any], maps: ModuleType, arrays: Arrays) -> Any:
    if "array" in message:
        return _get(message["array"], arrays)
    if "number" in message:
        return message["number"]
    function: Callable[..., Any] = getattr(maps, message["function"])
    fixed = message.get("fixed")
    return (
        partial(function, **{k: _value_from_message(v, maps, arrays) for k, v in fixed.items()}) if fixed else function
    )


def _fitting(value: Value) -> Value:
    """The value, or only what it is where it is too large to be sent: that must not end the notebook."""
    return value if _size(value) <= MOST_ENTRIES else Value("other", dtype=value.dtype, type_name=value.type_name)


def _size(value: Value) -> int:
    """Entries and characters of a value, and for each item what makes MOST_VALUES of them MOST_ENTRIES."""
    own = np.size(value.array) if value.array is not None else 0
    return own + len(value.text) + MOST_ENTRIES // MOST_VALUES + sum(map(_size, value.items))


def _result_as_message(value: Value, arrays: Arrays) -> dict[str, Any]:
    message: dict[str, Any] = {"kind": value.kind, "dtype": value.dtype, "text": value.text, "type": value.type_name}
    if value.array is not None:
        whole = np.asarray(value.array)
        message["real"] = _put(whole.real, arrays)
        message["imaginary"] = _put(whole.imag, arrays) if np.iscomplexobj(whole) else None
    return {**message, "items": [_result_as_message(item, arrays) for item in value.items]}


def _result_from_message(message: Any, arrays: Arrays, budget: Iterator[int], depth: int = DEEPEST) -> Value | None:
    if message is None:
        return None
    if not isinstance(message, dict) or not depth or next(budget, None) is None:
        raise Broken("a value that is none, or too many of them")
    kind, items = _text(message.get("kind")), message.get("items", [])
    if not isinstance(items, list) or len(items) > MOST_ITEMS or kind not in _HOLDS:
        raise Broken("items that are none, or a kind that is none")
    array = _whole(_take(message.get("real"), arrays), _take(message.get("imaginary"), arrays))
    inner = tuple(_result_from_message(item, arrays, budget, depth - 1) for item in items)
    if any(item is None for item in inner):
        raise Broken("an item that is none")
    if (array is not None) != (_HOLDS[kind] == "array") or (inner and _HOLDS[kind] != "items"):
        raise Broken(f"not what a {kind} holds")
    return Value(
        kind,
        array,
        _text(message.get("dtype")),
        tuple(item for item in inner if item is not None),
        _text(message.get("text")),
        _text(message.get("type")),
    )


def _whole(real: np.ndarray | None, imaginary: np.ndarray | None) -> np.ndarray | None:
    """A real array, or a complex one of its two parts; not their sum, in which an infinite part spoils the other."""
    if imaginary is None:
        return real
    if real is None or real.shape != imaginary.shape:
        raise Broken("half a complex array")
    whole = np.empty(real.shape, dtype=np.complex128)
    whole.real, whole.imag = real, imaginary
    return whole


def _raised_from_message(message: Any) -> Raised:
    lines = message.get("lines") if isinstance(message, dict) else None
    if not isinstance(lines, list):
        raise Broken("an error that is none")
    kept = [(line[0], _text(line[1])) for line in lines[:MOST_ITEMS] if isinstance(line, list) and len(line) == 2]
    if not all(type(number) is int and 0 <= number <= LARGEST_LINE for number, _ in kept):
        raise Broken("a line that has no number")
    return Raised(_text(message.get("type")), _text(message.get("message")), tuple(kept))


def _put(array: np.ndarray | None, arrays: Arrays) -> str | None:
    if array is None:
        return None
    name = str(len(arrays))
    arrays[name] = np.asarray(array, dtype=np.float64)
    return name


def _get(name: Any, arrays: Arrays) -> np.ndarray | None:
    if name is None:
        return None
    array = arrays.get(name) if isinstance(name, str) else None
    if array is None or array.dtype != np.float64:
        raise Broken("an array that did not come")
    return np.array(array)  # what came over the pipe is read-only memory, of which torch warns


def _take(name: Any, arrays: Arrays) -> np.ndarray | None:
    """As ``_get``, once only: one large array that is named a thousand times would fill the trusted side's memory."""
    array = _get(name, arrays)
    if array is not None:
        del arrays[name]
        if array.size > MOST_ENTRIES:
            raise Broken("an array that is too large")
    return array


def _text(thing: Any) -> str:
    return plain_text(thing)[:LONGEST_TEXT]
