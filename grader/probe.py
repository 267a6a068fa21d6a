"""The student's side: a callable and inputs go in, plain values come out.

This module knows no answer and imports nothing that does, so that it can run where the
student's code runs.  What it returns holds numpy arrays, strings and numbers only.
"""

from __future__ import annotations

import contextlib
import inspect
import linecache
import sysconfig
import traceback
import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

LONGEST_TEXT = 500  # characters of a student's repr or message that a card could show
MOST_ITEMS = 64  # items of a returned tuple or list that are looked at

_PLAIN = getattr(torch._C, "DisableTorchFunctionSubclass", contextlib.nullcontext)  # see ``grader.borrowed``

_NOT_THE_STUDENTS = tuple(
    str(Path(place).resolve())
    for place in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parent)}
)


@dataclass(frozen=True)
class Arg:
    """One argument of a call: its name, and how it is handed over."""

    name: str
    value: Any  # numpy array (becomes a float64 tensor), plain number, or a callable
    requires_grad: bool = False
    stale: np.ndarray | None = None  # what already lies in `.grad`, same shape as value
    computed: bool = False  # True: value is called with the tensors passed before, and its result passed with its graph


@dataclass(frozen=True)
class Call:
    """One question put to an answer: what to pass, and what to look at afterwards."""

    args: tuple[Arg, ...] = ()
    observe: str = "returned"  # a key of OBSERVERS
    of: tuple[str, ...] = ()  # the arguments that are looked at
    again: np.ndarray | None = None  # weights for one more derivative of what was returned, in its shape


@dataclass(frozen=True)
class Value:
    """Something that a student's code returned, as plain data."""

    kind: str  # tensor, no_values, array, number, text, none, tuple, list, callable, other
    array: np.ndarray | None = None  # tensor, array, number: the values, in their own shape
    dtype: str = ""  # as torch or numpy calls it, before any conversion
    items: tuple[Value, ...] = ()
    text: str = ""
    type_name: str = ""


@dataclass(frozen=True)
class Raised:
    """An exception that stopped a student's code, with the lines of it that are the student's."""

    type_name: str
    message: str
    lines: tuple[tuple[int, str], ...] = ()  # (line number, source line), outermost first


@dataclass(frozen=True)
class Answer:
    """What came out of one call: a value, or the reason why there is none."""

    value: Value | None = None
    raised: Raised | None = None
    untouched: bool = False
    instead: Value | None = None  # what was given where a function was asked for
    misfit: str = ""  # how the signature refuses the call; empty where it fits
    warned: tuple[str, ...] = field(default=())


def probe(answer: object, call: Call) -> Answer:
    """Put ``call`` to ``answer`` and return what came of it; never raises for what students do.

    answer: the student's function, or, for a call without arguments, a plain value.
    KeyboardInterrupt passes through, so that a student can stop an endless loop.
    """
    if answer is ...:
        return Answer(untouched=True)
    try:
        return _put(answer, call)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a student's exit() must not end the check
        return Answer(untouched=True) if _is_unfilled(error) else Answer(raised=describe_error(error))


def _put(answer: object, call: Call) -> Answer:
    """As ``probe``, but whatever the student's objects raise comes through: to look at one can raise too."""
    if not callable(answer):
        return Answer(instead=plain(answer)) if call.args else Answer(value=plain(answer))
    if is_stub(answer):
        return Answer(untouched=True)
    misfit = _misfit(answer, call)
    if misfit:
        return Answer(misfit=misfit)
    passed: dict[str, Any] = {}
    for arg in call.args:
        passed[arg.name] = _hand_over(arg, [p for p in passed.values() if isinstance(p, torch.Tensor)])
    with warnings.catch_warnings(record=True) as caught, torch.enable_grad():
        warnings.simplefilter("always")
        returned = answer(*passed.values())
        value = OBSERVERS[call.observe](returned, passed, call)
    return Answer(value=value, warned=tuple(_clip(w.message) for w in caught))


def is_stub(function: object) -> bool:
    """True for a function whose body is nothing but a docstring, ``...`` or ``pass``."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return False
    empty = (_docstring_only.__code__, _nothing.__code__)
    return any(code.co_code == e.co_code and len(code.co_consts) == len(e.co_consts) for e in empty) and (
        code.co_consts[-1] is None
    )


def plain(thing: object, depth: int = 3) -> Value:
    """``thing`` as a Value: its own dtype is noted, its entries become float64 or complex128."""
    name = _clip(type(thing).__name__)
    if thing is None:
        return Value("none", type_name=name)
    if isinstance(thing, torch.Tensor):
        return _plain_tensor(thing, name)
    if isinstance(thing, (bool, int, float, complex, np.number, np.bool_)):
        return _plain_array(np.asarray(thing), "number", name)
    if isinstance(thing, np.ndarray):
        return _plain_array(thing, "array", name)
    if isinstance(thing, str):
        return Value("text", text=_cut(thing), type_name=name)
    if isinstance(thing, (tuple, list)) and depth:
        kind = "tuple" if isinstance(thing, tuple) else "list"
        return Value(kind, items=tuple(plain(i, depth - 1) for i in thing[:MOST_ITEMS]), type_name=name)
    if callable(thing):
        return Value("callable", text=_clip(getattr(thing, "__name__", name)), type_name=name)
    return Value("other", text=_clip(thing), type_name=name)


def describe_error(error: BaseException) -> Raised:
    """The exception's type and message, and those lines of its traceback that the student wrote.

    A line that a recursion comes back to is told once, at its innermost place.
    """
    frames = traceback.extract_tb(error.__traceback__)
    lines = tuple(
        (frame.lineno or 0, linecache.getline(frame.filename, frame.lineno or 0).strip())
        for frame in frames
        if not str(Path(frame.filename)).startswith(_NOT_THE_STUDENTS)
    )
    innermost_last = tuple(reversed(dict.fromkeys(reversed(lines))))
    return Raised(_clip(type(error).__name__), _clip(error), innermost_last)


def _returned(returned: object, passed: Mapping[str, object], call: Call) -> Value:
    return plain(returned)


def _grad(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """What lies in the `.grad` of the named arguments after the call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # .grad of a non-leaf warns; its None says it all
        return _together(tuple(plain(passed[name].grad) for name in call.of))


def _together(values: tuple[Value, ...]) -> Value:
    """One value as it is, several as a tuple."""
    return values[0] if len(values) == 1 else Value("tuple", items=values, type_name="tuple")


def _after(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """What the named arguments hold after the call, for functions that change them in place."""
    return _together(tuple(plain(passed[name]) for name in call.of))


def _again(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """What was returned, and its derivative: that of its weighted sum by the first named argument.

    Whether a result still has its graph can be faked; whether one can differentiate it once more cannot.
    """
    first, second = plain(returned), Value("none")
    if isinstance(returned, torch.Tensor) and call.again is not None and first.array is not None:
        with contextlib.suppress(RuntimeError):  # no graph, or not one that leads to the argument
            weighted = (returned * torch.from_numpy(call.again)).sum()
            second = plain(torch.autograd.grad(weighted, passed[call.of[0]])[0])
    return Value("tuple", items=(first, second), type_name="tuple")


def _freed(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """What was returned, and 1 where the graph of the computed argument was let go, 0 where it was kept."""
    name = next(arg.name for arg in call.args if arg.computed)
    try:
        torch.autograd.grad(passed[name].sum(), passed[call.of[0]])
        freed = 0.0
    except RuntimeError:
        freed = 1.0
    return Value("tuple", items=(plain(returned), plain(freed)), type_name="tuple")


OBSERVERS: dict[str, Callable[..., Value]] = {
    "returned": _returned,
    "grad": _grad,
    "after": _after,
    "again": _again,
    "freed": _freed,
}


def _nothing():  # type: ignore[no-untyped-def]
    ...


def _docstring_only():  # type: ignore[no-untyped-def]
    """The bytecode of a function that has a docstring and nothing else."""


def _hand_over(arg: Arg, before: list[torch.Tensor]) -> object:
    if arg.computed:
        return arg.value(*before)
    if not isinstance(arg.value, np.ndarray):
        return arg.value
    tensor = torch.from_numpy(arg.value.copy()).requires_grad_(arg.requires_grad)
    if arg.stale is not None:
        tensor.grad = torch.from_numpy(arg.stale.copy())
    return tensor


def _misfit(function: Callable[..., object], call: Call) -> str:
    """The function's own parameter list where it cannot take the call's arguments, else ''."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""  # a builtin that does not say: let the call decide
    try:
        signature.bind(*(arg.name for arg in call.args))
    except TypeError:
        return str(signature)
    return ""


def _is_unfilled(error: BaseException) -> bool:
    """True where the release version's bare ``raise NotImplementedError()`` was reached.

    PyTorch raises NotImplementedError too, but with a message and from deeper frames.
    """
    if type(error) is not NotImplementedError or error.args:
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    return not str(Path(last.filename)).startswith(_NOT_THE_STUDENTS)


def _plain_tensor(tensor: torch.Tensor, name: str) -> Value:
    dtype = str(tensor.dtype).removeprefix("torch.")
    try:
        with _PLAIN():  # a subclass's own methods do not speak for its entries
            bare = torch.Tensor.detach(tensor)
            dense = bare.to_dense() if bare.layout != torch.strided else bare
            wide = torch.complex128 if dense.is_complex() else torch.float64
            array = np.array(dense.cpu().to(wide).numpy())
        return Value("tensor", array, dtype, type_name=name)
    except (RuntimeError, NotImplementedError, TypeError):  # meta, quantised and other bodiless ones
        return Value("no_values", dtype=dtype, type_name=name)


def _plain_array(array: np.ndarray, kind: str, name: str) -> Value:
    dtype = str(array.dtype)
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        wide = np.complex128 if np.iscomplexobj(array) else np.float64
        return Value(kind, np.array(array, dtype=wide), dtype, type_name=name)
    return Value("other", dtype=dtype, text=_clip(array), type_name=name)


def _clip(thing: object) -> str:
    """A short text of any object, even of one whose str or repr raises."""
    try:
        text = _cut(str(thing), LONGEST_TEXT + 1)
    except KeyboardInterrupt:
        raise
    except BaseException:
        text = f"<{type(thing).__name__} that cannot be printed>"
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """The first characters as a plain str, whatever a subclass of str makes of slicing."""
    return str.__getitem__(text, slice(0, longest))
