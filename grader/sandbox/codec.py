"""Calls and Answers as JSON and arrays, so that neither functions nor pickles cross the sandbox's boundary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from grader.probe import LONGEST_TEXT, MOST_ITEMS, Answer, Arg, Call, Raised, Value
from grader.sandbox.handed import Handed, Name
from grader.sandbox.wire import Broken, plain_text

Arrays = dict[str, np.ndarray]
Find = Callable[[Name], Callable[..., Any]]
DEEPEST = 5  # levels of nested Values: the observer's tuple, three levels of the student's tuples, and their entries
MOST_ENTRIES = 2**16  # size of an answer in array entries; every question's reference is far smaller
MOST_AXES = 16  # axes of one array
MOST_VALUES = 2**12  # Values in one answer, all levels together
LARGEST_LINE = 10**6  # larger line numbers are not believed

# kind of a Value -> the field that carries its content: array, items, or neither
_HOLDS = {
    **dict.fromkeys(("tensor", "array", "number"), "array"),
    **dict.fromkeys(("tuple", "list"), "items"),
    **dict.fromkeys(("no_values", "text", "none", "callable", "class", "other"), ""),
}


def call_as_message(call: Call, handed: Handed, arrays: Arrays) -> dict[str, Any]:
    """Encode a Call as JSON; its arrays are added to ``arrays``, and the message refers to them by name.

    handed: knows the functions, which are sent by name.  Raises TypeError for any other function.
    """
    return {
        "observe": call.observe,
        "of": list(call.of),
        "again": _put(call.again, arrays),
        "use": call.use,
        "weight": _put(call.weight, arrays),
        "args": [
            {
                "name": arg.name,
                "value": _value_as_message(arg.value, handed, arrays),
                "requires_grad": arg.requires_grad,
                "stale": _put(arg.stale, arrays),
                "computed": arg.computed,
                "hidden": arg.hidden,
            }
            for arg in call.args
        ],
    }


def call_from_message(message: Mapping[str, Any], find: Find, arrays: Arrays) -> Call:
    """Decode what ``call_as_message`` encoded.  Used on the confined side, which trusts the sender.

    find: maps the key of a module and a function's name in there to the function.
    """
    return Call(
        tuple(
            Arg(
                arg["name"],
                _value_from_message(arg["value"], find, arrays),
                arg["requires_grad"],
                _get(arg["stale"], arrays),
                arg["computed"],
                arg["hidden"],
            )
            for arg in message["args"]
        ),
        message["observe"],
        tuple(message["of"]),
        _get(message["again"], arrays),
        message["use"],
        _get(message["weight"], arrays),
    )


def answer_as_message(answer: Answer, arrays: Arrays) -> dict[str, Any]:
    """Encode an Answer as JSON; its arrays are added to ``arrays``.  Too large a value is sent without its content."""
    raised = answer.raised
    return {
        "value": answer.value and _result_as_message(_fitting(answer.value), arrays),
        "instead": answer.instead and _result_as_message(_fitting(answer.instead), arrays),
        "raised": raised
        and {
            "type": raised.type_name,
            "message": raised.message,
            "lines": [*map(list, raised.lines)],
            "at": raised.at,
            "unknown": [*raised.unknown][:MOST_ITEMS],
        },
        "untouched": answer.untouched,
        "misfit": answer.misfit,
        "warned": [*dict.fromkeys(answer.warned)][:MOST_ITEMS],
    }


def answer_from_message(message: Any, arrays: Arrays) -> Answer:
    """Decode an Answer from a process that may send anything: every part is checked or cut.  Raises Broken."""
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
    # The judge relies on exactly one of these being given, as the probe does.
    given = (answer.value is not None, answer.instead is not None, answer.raised is not None)
    if sum((*given, answer.untouched, bool(answer.misfit))) != 1:
        raise Broken("an answer that says nothing, or two things")
    return answer


def _value_as_message(value: Any, handed: Handed, arrays: Arrays) -> dict[str, Any]:
    if isinstance(value, np.ndarray):
        imaginary = _put(value.imag, arrays) if np.iscomplexobj(value) else None
        return {"array": _put(value.real, arrays), "imaginary": imaginary, "dtype": str(value.dtype)}
    if isinstance(value, (int, float)):
        return {"number": value}
    if isinstance(value, partial):
        fixed = {name: _value_as_message(v, handed, arrays) for name, v in value.keywords.items()}
        return {**_value_as_message(value.func, handed, arrays), "fixed": fixed}
    return {"function": list(handed.name(value))}


def _value_from_message(message: Mapping[str, Any], find: Find, arrays: Arrays) -> Any:
    if "array" in message:
        whole = _whole(_get(message["array"], arrays), _get(message["imaginary"], arrays))
        assert whole is not None
        return whole.astype(message["dtype"], copy=False)
    if "number" in message:
        return message["number"]
    key, name = message["function"]
    function, fixed = find((key, name)), message.get("fixed")
    return (
        partial(function, **{k: _value_from_message(v, find, arrays) for k, v in fixed.items()}) if fixed else function
    )


def _fitting(value: Value) -> Value:
    """The value, or just its type if it is too large to be sent: the trusted side would end the notebook for that."""
    axes = 0 if value.array is None else np.ndim(value.array)
    if axes > MOST_AXES or _size(value) > MOST_ENTRIES:
        return Value("other", dtype=value.dtype, type_name=value.type_name)
    return replace(value, items=tuple(map(_fitting, value.items))) if value.items else value


def _size(value: Value) -> int:
    """Array entries and characters of a value, plus a fixed cost per Value, by which MOST_VALUES cost MOST_ENTRIES."""
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
    dtype = _text(message.get("dtype"))
    if array is not None and np.iscomplexobj(array) != dtype.startswith("complex"):
        raise Broken("complex numbers that are said to be none, or the reverse")
    return Value(
        kind,
        array,
        dtype,
        tuple(item for item in inner if item is not None),
        _text(message.get("text")),
        _text(message.get("type")),
    )


def _whole(real: np.ndarray | None, imaginary: np.ndarray | None) -> np.ndarray | None:
    """The real array, or the complex one made of both parts.

    They are not added as ``real + 1j * imaginary``, where an infinite part would make the other one NaN.
    """
    if imaginary is None:
        return real
    if real is None or real.shape != imaginary.shape:
        raise Broken("half a complex array")
    try:
        whole = np.empty(real.shape, dtype=np.complex128)
    except (ValueError, MemoryError) as why:  # sizes whose product NumPy refuses, beside a 0
        raise Broken("an array of impossible size") from why
    whole.real, whole.imag = real, imaginary
    return whole


def _raised_from_message(message: Any) -> Raised:
    lines = message.get("lines") if isinstance(message, dict) else None
    if not isinstance(lines, list):
        raise Broken("an error that is none")
    kept = [(line[0], _text(line[1])) for line in lines[:MOST_ITEMS] if isinstance(line, list) and len(line) == 2]
    at, unknown = message.get("at", 0), message.get("unknown", [])
    if not all(type(number) is int and 0 <= number <= LARGEST_LINE for number in (at, *(number for number, _ in kept))):
        raise Broken("a line that has no number")
    if not isinstance(unknown, list):
        raise Broken("attributes that are none")
    names = tuple(map(_text, unknown[:MOST_ITEMS]))
    return Raised(_text(message.get("type")), _text(message.get("message")), tuple(kept), at, names)


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
    return np.array(array)  # a copy, since arrays off the pipe are read-only and torch warns about those


def _take(name: Any, arrays: Arrays) -> np.ndarray | None:
    """As ``_get``, but only once per array: one large array named a thousand times would fill the memory here."""
    array = _get(name, arrays)
    if array is not None:
        del arrays[name]
        if array.size > MOST_ENTRIES or array.ndim > MOST_AXES:
            raise Broken("an array that is too large")
    return array


def _text(thing: Any) -> str:
    return plain_text(thing)[:LONGEST_TEXT]
