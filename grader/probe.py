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
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

LONGEST_TEXT = 500  # characters of a student's repr or message that a card could show
MOST_ITEMS = 64  # items of a returned tuple or list that are looked at

_NOT_THE_STUDENTS = tuple(
    str(Path(place).resolve())
    for place in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), Path(__file__).parent}
)


@dataclass(frozen=True)
class Arg:
    """One argument of a call: its name, and how it is handed over."""

    name: str
    value: Any  # numpy array (becomes a float64 tensor), plain number, or a callable
    requires_grad: bool = False
    stale: np.ndarray | None = None  # what already lies in `.grad`, same shape as value


@dataclass(frozen=True)
class Call:
    """One question put to an answer: what to pass, and what to look at afterwards."""

    args: tuple[Arg, ...] = ()
    observe: str = "returned"  # a key of OBSERVERS
    of: tuple[str, ...] = ()  # the arguments whose `.grad` is looked at


@dataclass(frozen=True)
class Value:
    """Something that a student's code returned, as plain data."""

    kind: str  # tensor, array, number, text, none, tuple, list, callable, other
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
    if not callable(answer):
        return Answer(instead=plain(answer)) if call.args else Answer(value=plain(answer))
    if is_stub(answer):
        return Answer(untouched=True)
    misfit = _misfit(answer, call)
    if misfit:
        return Answer(misfit=misfit)
    passed = {arg.name: _hand_over(arg) for arg in call.args}
    try:
        with warnings.catch_warnings(record=True) as caught, torch.enable_grad():
            warnings.simplefilter("always")
            returned = answer(*passed.values())
            value = OBSERVERS[call.observe](returned, passed, call)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a student's exit() must not end the check
        if _is_unfilled(error):
            return Answer(untouched=True)
        return Answer(raised=describe_error(error))
    return Answer(value=value, warned=tuple(_clip(w.message) for w in caught))


def is_stub(function: object) -> bool:
    """True for a function whose body is nothing but a docstring, ``...`` or ``pass``."""
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    empty = (_docstring_only.__code__, _nothing.__code__)
    return any(code.co_code == e.co_code and len(code.co_consts) == len(e.co_consts) for e in empty) and (
        code.co_consts[-1] is None
    )


def plain(thing: object, depth: int = 3) -> Value:
    """``thing`` as a Value: its own dtype is noted, its entries become float64 or complex128."""
    name = type(thing).__name__
    if thing is None:
        return Value("none", type_name=name)
    if isinstance(thing, torch.Tensor):
        return _plain_tensor(thing, name)
    if isinstance(thing, (bool, int, float, complex, np.number, np.bool_)):
        return _plain_array(np.asarray(thing), "number", name)
    if isinstance(thing, np.ndarray):
        return _plain_array(thing, "array", name)
    if isinstance(thing, str):
        return Value("text", text=thing[:LONGEST_TEXT], type_name=name)
    if isinstance(thing, (tuple, list)) and depth:
        kind = "tuple" if isinstance(thing, tuple) else "list"
        return Value(kind, items=tuple(plain(i, depth - 1) for i in thing[:MOST_ITEMS]), type_name=name)
    if callable(thing):
        return Value("callable", text=_clip(getattr(thing, "__name__", name)), type_name=name)
    return Value("other", text=_clip(thing), type_name=name)


def describe_error(error: BaseException) -> Raised:
    """The exception's type and message, and those lines of its traceback that the student wrote."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = tuple(
        (frame.lineno or 0, linecache.getline(frame.filename, frame.lineno or 0).strip())
        for frame in frames
        if not str(Path(frame.filename)).startswith(_NOT_THE_STUDENTS)
    )
    return Raised(type(error).__name__, _clip(error), lines)


def _returned(returned: object, passed: Mapping[str, object], call: Call) -> Value:
    return plain(returned)


def _grad(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """What lies in the `.grad` of the named arguments after the call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # .grad of a non-leaf warns; its None says it all
        values = tuple(plain(passed[name].grad) for name in call.of)
    return values[0] if len(values) == 1 else Value("tuple", items=values, type_name="tuple")


OBSERVERS: dict[str, Callable[..., Value]] = {"returned": _returned, "grad": _grad}


def _nothing():  # type: ignore[no-untyped-def]
    ...


def _docstring_only():  # type: ignore[no-untyped-def]
    """The bytecode of a function that has a docstring and nothing else."""


def _hand_over(arg: Arg) -> object:
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
        dense = tensor.detach().to_dense() if tensor.layout != torch.strided else tensor.detach()
        wide = torch.complex128 if dense.is_complex() else torch.float64
        return Value("tensor", dense.cpu().to(wide).numpy().copy(), dtype, type_name=name)
    except (RuntimeError, NotImplementedError, TypeError):  # meta, quantised and other bodiless ones
        return Value("other", dtype=dtype, text=f"a tensor of dtype {dtype} without values", type_name=name)


def _plain_array(array: np.ndarray, kind: str, name: str) -> Value:
    dtype = str(array.dtype)
    with contextlib.suppress(TypeError, ValueError):
        wide = np.complex128 if np.iscomplexobj(array) else np.float64
        return Value(kind, np.array(array, dtype=wide), dtype, type_name=name)
    return Value("other", dtype=dtype, text=_clip(array), type_name=name)


def _clip(thing: object) -> str:
    """A short text of any object, even of one whose str or repr raises."""
    try:
        text = str(thing)
    except Exception:
        text = f"<{type(thing).__name__} that cannot be printed>"
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
