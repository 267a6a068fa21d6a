"""The student's side: calls a student's function on given inputs and returns plain values.

This module knows no answers and imports nothing that does, so that it can run where the
student's code runs.  What it returns contains only numpy arrays, strings and numbers.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import linecache
import sysconfig
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

LONGEST_TEXT = 500  # characters kept of a student's text, repr or message
MOST_ITEMS = 64  # items of a returned tuple or list that are looked at
MOST_NODES = 1000  # nodes of a student's graph whose rules are watched

_PLAIN = getattr(torch._C, "DisableTorchFunctionSubclass", contextlib.nullcontext)  # see ``grader.borrowed``

_NOT_THE_STUDENTS = tuple(
    str(Path(place).resolve())
    for place in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).parent)}
)


@dataclass(frozen=True)
class Arg:
    """One argument of a call: its name, and how it is passed."""

    name: str
    value: Any  # numpy array (becomes a float64 tensor), plain number, or a callable
    requires_grad: bool = False
    stale: np.ndarray | None = None  # what `.grad` already holds before the call, in the shape of value
    computed: bool = False  # True: passed is value(*tensors made before), with its graph
    hidden: bool = False  # True: not passed, but used to compute later arguments; a parameter if it requires a gradient


@dataclass(frozen=True)
class Call:
    """One call of an answer: what to pass, and what to look at afterwards."""

    args: tuple[Arg, ...] = ()
    observe: str = "returned"  # a key of OBSERVERS
    of: tuple[str, ...] = ()  # the names of the arguments to look at
    again: np.ndarray | None = None  # weights for differentiating the result once more, in its shape
    use: str = "call"  # how the answer is used: a key of USES
    weight: np.ndarray | None = None  # the v of an operation's VJP, in the shape of its result


@dataclass(frozen=True)
class Value:
    """A value that a student's code returned, as plain data."""

    kind: str  # tensor, no_values, array, number, text, none, tuple, list, callable, class, other
    array: np.ndarray | None = None  # tensor, array, number: the values, in their own shape
    dtype: str = ""  # torch's or numpy's name for it, before any conversion
    items: tuple[Value, ...] = ()
    text: str = ""
    type_name: str = ""


@dataclass(frozen=True)
class Raised:
    """An exception that stopped a student's code, with the lines of its traceback that the student wrote."""

    type_name: str
    message: str
    lines: tuple[tuple[int, str], ...] = ()  # (line number, source line), outermost first
    at: int = 0  # the number of the innermost of them that is in the answer's own file or cell; 0 if none is
    unknown: tuple[str, ...] = ()  # attributes that were set on tensors although tensors do not have them


@dataclass(frozen=True)
class Answer:
    """The outcome of one call: a value, or the reason why there is none."""

    value: Value | None = None
    raised: Raised | None = None
    untouched: bool = False
    instead: Value | None = None  # the value that was given instead of a function
    misfit: str = ""  # the function's own signature if the call does not fit it
    warned: tuple[str, ...] = field(default=())


def probe(answer: object, call: Call) -> Answer:
    """Call ``answer`` as ``call`` says, and return the outcome; student code cannot make this raise.

    answer: the student's function, or, for a call without arguments, a plain value.  ``...``, a stub and a bare
        ``raise NotImplementedError()`` count as untouched.
    Only KeyboardInterrupt passes through, so that a student can stop an endless loop.
    """
    if answer is ...:
        return Answer(untouched=True)
    try:
        return _put(answer, call)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a student's exit() must not end the check
        try:
            unfilled = _is_unfilled(error, call)
            return Answer(untouched=True) if unfilled else Answer(raised=describe_error(error, call, answer))
        except Exception:  # looking at an exception of a class that the student wrote may raise anything
            return Answer(raised=Raised("Exception", ""))


def _put(answer: object, call: Call) -> Answer:
    """Like ``probe``, but lets exceptions through, including those that a student's object raises when looked at."""
    if not callable(answer):
        return Answer(instead=plain(answer)) if call.args else Answer(value=plain(answer))
    if is_stub(answer):
        return Answer(untouched=True)
    if call.use in OF_A_CLASS and not isinstance(answer, type):
        return Answer(instead=plain(answer))
    misfit = _misfit(answer, call) if call.use in ("call", "operation") else ""
    if misfit:
        return Answer(misfit=misfit)
    if call.use in FUNCTION_USES and (isinstance(answer, torch.autograd.Function) or _is_other_class(answer)):
        kind = "class" if isinstance(answer, type) else "other"
        return Answer(instead=Value(kind, type_name=_clip(type(answer).__name__)))
    made: dict[str, Any] = {}
    for arg in call.args:
        made[arg.name] = _hand_over(arg, [p for p in made.values() if isinstance(p, torch.Tensor)])
    passed = [made[arg.name] for arg in call.args if not arg.hidden]
    with warnings.catch_warnings(record=True) as caught, torch.enable_grad(), torch.autograd.set_detect_anomaly(False):
        warnings.simplefilter("always")
        returned = USES[call.use](answer, passed)
        if call.use in FUNCTION_USES and not _of_a_function(answer, returned, passed):
            return Answer(instead=plain(answer))
        value = OBSERVERS[call.observe](returned, made, call)
    return Answer(value=value, warned=tuple(_clip(w.message) for w in caught))


def is_stub(function: object) -> bool:
    """Whether a function's body is nothing but a docstring, ``...``, ``pass`` or ``return None``."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType):
        return False
    empty = (_docstring_only.__code__, _nothing.__code__)
    return any(code.co_code == e.co_code and len(code.co_consts) == len(e.co_consts) for e in empty) and (
        code.co_consts[-1] is None
    )


def plain(thing: object, depth: int = 3) -> Value:
    """``thing`` as a Value: entries become float64 or complex128, and the original dtype is noted.

    depth: how many levels of nested tuples and lists are kept as such; deeper ones become "other".
    """
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


def functions_of(call: Call) -> Iterator[Callable[..., Any]]:
    """The functions that a call passes, including those inside partials."""
    waiting = [arg.value for arg in call.args]
    while waiting:
        value = waiting.pop()
        if isinstance(value, partial):
            waiting += [value.func, *value.args, *value.keywords.values()]
        elif callable(value):
            yield value


def describe_error(error: BaseException, call: Call | None = None, answer: object = None) -> Raised:
    """The exception's type and message, and the lines of its traceback that the student wrote.

    A line that recursion repeats is listed once, at its innermost position.
    call: the call that was made; lines from the files of the functions that it passes are not the student's.
    answer: the student's function; helpers in other cells, and functions that the notebook provides, have other files.
    """
    handed, own = _files(call), _file(answer)
    frames = [
        (frame, at)
        for frame, at in traceback.walk_tb(error.__traceback__)
        if _is_the_students(frame.f_code.co_filename, handed)
    ]
    lines = [(at, linecache.getline(frame.f_code.co_filename, at).strip()) for frame, at in frames]
    innermost_last = tuple(reversed(dict.fromkeys(reversed(lines))))
    within = [at for frame, at in frames if frame.f_code.co_filename == own]
    unknown = dict.fromkeys(name for frame, _ in frames for name in _unknown_attributes(frame))
    return Raised(
        _clip(type(error).__name__), _clip(error), innermost_last, within[-1] if within else 0, tuple(unknown)
    )


def _unknown_attributes(frame: types.FrameType) -> Iterator[str]:
    """Attributes that code has set on the tensors in a frame's local variables although tensors do not have them."""
    for value in list(frame.f_locals.values()):
        if type(value) is torch.Tensor:
            names = itertools.islice(dict.keys(vars(value)), MOST_ITEMS)
            yield from (_clip(name) for name in names if type(name) is str and not hasattr(torch.Tensor, name))


def _files(call: Call | None) -> set[str]:
    """The files that the functions of a call come from."""
    return {_file(function) for function in functions_of(call or Call())} - {""}


def _file(function: object) -> str:
    """The file that a function was defined in, "" for anything without code of its own."""
    # Only its type is looked at: any access to a student's object may raise.
    return function.__code__.co_filename if type(function) is types.FunctionType else ""


def _is_the_students(file: str, handed: set[str]) -> bool:
    """Whether a frame in this file can be the student's own code.  handed: from ``_files``."""
    return file not in handed and not str(Path(file)).startswith(_NOT_THE_STUDENTS)


def _returned(returned: object, passed: Mapping[str, object], call: Call) -> Value:
    return plain(returned)


def _grad(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """The `.grad` of the named arguments after the call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # reading .grad of a non-leaf warns; the None that it returns is enough
        return _together(tuple(plain(passed[name].grad) for name in call.of))


def _together(values: tuple[Value, ...]) -> Value:
    """A single value unchanged, several as a Value of kind tuple."""
    return values[0] if len(values) == 1 else Value("tuple", items=values, type_name="tuple")


def _after(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """The named arguments themselves after the call, for functions that change them in place."""
    return _together(tuple(plain(passed[name]) for name in call.of))


def _again(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """What was returned, and the gradient of its weighted sum with respect to the first named argument, if any.

    For a tuple of numbers, the weighted sum is over its entries.  A result can pretend to have a graph, but not to be
    differentiable once more.
    """
    first, second = plain(returned), Value("none")
    made: Any = returned
    if isinstance(returned, tuple):
        entries = tuple.__getitem__(returned, slice(MOST_ITEMS))
        numbers = all(isinstance(entry, torch.Tensor) and entry.numel() == 1 for entry in entries)
        made = torch.stack([entry.reshape(()) for entry in entries]) if entries and numbers else None
    if isinstance(made, torch.Tensor) and call.again is not None and made.shape == call.again.shape:
        with contextlib.suppress(RuntimeError):  # no graph, or none that leads to the argument
            weighted = (made * torch.from_numpy(call.again)).sum()
            second = plain(torch.autograd.grad(weighted, passed[call.of[0]])[0])
    return Value("tuple", items=(first, second), type_name="tuple")


def _freed(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """What was returned, and 1 if the graph of the first computed argument was freed, 0 if it was kept."""
    name = next(arg.name for arg in call.args if arg.computed)
    try:
        torch.autograd.grad(passed[name].sum(), passed[call.of[0]])
        freed = 0.0
    except RuntimeError:
        freed = 1.0
    return Value("tuple", items=(plain(returned), plain(freed)), type_name="tuple")


def _pulled(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """An operation's result y, its VJP with the call's weight, and the derivative of that VJP.

    The VJP has a gradient for each of the named arguments; it is None if y has no graph.  If ``call.again`` is given,
    the sum of the VJP's entries times ``again`` is differentiated with respect to the named arguments and the weight.
    """
    assert isinstance(returned, Pulled)
    assert call.weight is not None
    y, leaves = plain(returned.y), [passed[name] for name in call.of]
    gradients = second = Value("none")
    if (y.kind, y.dtype) == ("tensor", "float64") and y.array is not None and y.array.shape == call.weight.shape:
        v = torch.from_numpy(call.weight.copy()).requires_grad_(call.again is not None)
        pulled = returned.pull(v, leaves)
        if pulled is not None:
            gradients = Value("tuple", items=tuple(plain(g) for g in pulled), type_name="tuple")
            if call.again is not None:
                second = _once_more(pulled, [*leaves, v], call.again)
    return Value("tuple", items=(y, gradients, second), type_name="tuple")


def _once_more(gradients: tuple[torch.Tensor | None, ...], leaves: list[torch.Tensor], weights: np.ndarray) -> Value:
    """The gradients of the weighted sum of all entries of ``gradients``: a tuple; None if these have no graph.

    weights: one for each entry, flattened.
    """
    parts = torch.from_numpy(weights.copy()).split([leaf.numel() for leaf in leaves[: len(gradients)]])
    terms = [
        (r.reshape(g.shape) * g).sum()
        for r, g in zip(parts, gradients, strict=True)
        if g is not None and g.requires_grad and g.numel() == r.numel()
    ]
    if not terms:
        return Value("none")
    for leaf in leaves:
        leaf.grad = None
    # Not autograd.grad: it only visits nodes that lead to a leaf, and so misses the error of once_differentiable.
    torch.autograd.backward(sum(terms))
    found = (torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves)
    return Value("tuple", items=tuple(map(plain, found)), type_name="tuple")


def _parameters(returned: object, passed: Mapping[str, Any], call: Call) -> Value:
    """The parameters of a module after the call, in the order in which it registers them: a tuple."""
    parameters = itertools.islice(torch.nn.Module.named_parameters(passed[call.of[0]]), MOST_ITEMS)
    return Value("tuple", items=tuple(plain(parameter) for _, parameter in parameters), type_name="tuple")


OBSERVERS: dict[str, Callable[..., Value]] = {
    "returned": _returned,
    "grad": _grad,
    "after": _after,
    "again": _again,
    "freed": _freed,
    "pulled": _pulled,
    "parameters": _parameters,
}


@dataclass(frozen=True)
class Pulled:
    """What an operation returned, and its VJP: (weight, arguments) -> a gradient for each, or None without a graph."""

    y: object
    pull: Callable[[torch.Tensor, list[torch.Tensor]], tuple[torch.Tensor | None, ...] | None]


def _called(answer: Callable[..., object], passed: list[Any]) -> object:
    return answer(*passed)


def _applied(answer: Any) -> Any:
    """What to call for an operation: the ``apply`` of a Function class, or else the function itself."""
    return getattr(answer, "apply", answer) if isinstance(answer, type) else answer


def _operated(answer: Any, passed: list[Any]) -> Pulled:
    """Use an operation in autograd's graph.  answer: a function, or a Function class, whose ``apply`` is called."""
    y: Any = _applied(answer)(*passed)

    def pull(v: torch.Tensor, leaves: list[torch.Tensor]) -> tuple[torch.Tensor | None, ...] | None:
        if not y.requires_grad:
            return None
        return torch.autograd.grad(y, leaves, v, create_graph=v.requires_grad, allow_unused=True)

    return Pulled(y, pull)


def _transformed(answer: Any, passed: list[Any]) -> Pulled:
    """Use an operation under a transform of ``torch.func``, with its differentiable arguments as variables."""
    apply = _applied(answer)
    places = [k for k, p in enumerate(passed) if isinstance(p, torch.Tensor) and p.requires_grad]

    def of_variables(*variables: torch.Tensor) -> Any:
        whole = dict(zip(places, variables, strict=True))
        return apply(*(whole.get(k, p) for k, p in enumerate(passed)))

    y, vjp, *_ = torch.func.vjp(of_variables, *(passed[k].detach() for k in places))
    return Pulled(y, lambda v, leaves: vjp(v))


# The following functions are given a class of nodes.  If an expression returns anything but such a node, they return
# the name of its type instead.


def _differentiated(answer: Any, passed: list[Any]) -> object:
    """(value, gradient of each input) of an expression, by an engine whose class of nodes is the answer.

    passed: the expression, and its inputs.
    """
    expression, *inputs = passed
    leaves = [answer(_bare(x)) for x in inputs]
    out = expression(*leaves)
    if not isinstance(out, answer):
        return _clip(type(out).__name__)
    found = _swept(out, leaves, inputs)
    return found if isinstance(found, list) else (out.data, *found)


def _differentiated_with_weights(answer: Any, passed: list[Any]) -> object:
    """Like ``_differentiated``, for an expression with any number of outputs, each with its upstream gradient.

    passed: the expression, its inputs, and the upstream gradients of all outputs, flattened.  The graph is built anew
    for each output, so that an engine need not be able to go through one graph twice.  An upstream gradient that is the
    number 1 is not passed, since it is the default.
    """
    expression, *inputs, weights = passed
    weights = weights.reshape(-1)
    values, found = [], []
    start, k, count = 0, 0, 1
    while k < count:
        leaves = [answer(_bare(x)) for x in inputs]
        made = expression(*leaves)
        outputs = made if type(made) is tuple else (made,)
        count, out = len(outputs), outputs[k]
        if not isinstance(out, answer):
            return _clip(type(out).__name__)
        shape = np.shape(out.data)
        stop = start + int(np.prod(shape))
        g = _bare(weights[start:stop].reshape(shape))
        swept = _swept(out, leaves, inputs, *(() if shape == () and g == 1 else (g,)))
        if isinstance(swept, list):
            return swept
        values.append(out.data)
        found.append(swept)
        start, k = stop, k + 1
    value = values[0] if len(values) == 1 else np.concatenate([np.ravel(np.asarray(y, dtype=float)) for y in values])
    return (value, *map(_total, zip(*found, strict=True)))


class _Watch:
    """Observes the calls of a graph's rules without changing what they hand back.

    amiss: (method that made the rule, type) of the first result that is neither a tuple nor a list, or (method, shape,
    wanted shape) of the first gradient whose shape is not its parent's, whichever comes first; () if there is neither.
    idle: whether rules were called, and only ever with zeros.
    """

    def __init__(self, out: Any):
        self.amiss: tuple[str, ...] = ()
        self.idle, self.handed = False, False
        waiting, seen = [out], set[int]()
        while waiting and len(seen) < MOST_NODES:
            node = waiting.pop()
            parents, pull = getattr(node, "parents", ()), getattr(node, "pull", None)
            if id(node) in seen or type(parents) not in (tuple, list):
                continue
            seen.add(id(node))
            waiting += parents
            if callable(pull):
                with contextlib.suppress(AttributeError):  # the class may have slots, or a method ``pull``
                    node.pull = partial(self._called, pull, parents)

    def _called(self, pull: Callable[..., object], parents: Any, /, *args: Any, **keywords: Any) -> object:
        with contextlib.suppress(Exception):  # the student's code may hand back anything
            self.handed = self.handed or bool(np.any(args[0]))
            self.idle = not self.handed
        back = pull(*args, **keywords)
        if not self.amiss:
            with contextlib.suppress(Exception):  # the student's objects may raise on any access
                self._look(str(getattr(pull, "__qualname__", "")), back, parents)
        return back

    def _look(self, name: str, back: Any, parents: Any) -> None:
        method = _clip(name.rpartition(".<locals>")[0].rpartition(".")[2])
        if not isinstance(back, (tuple, list)):
            self.amiss = (method, _clip(type(back).__name__))
            return
        for part, parent in zip(back, parents, strict=False):
            got, wanted = np.shape(part), np.shape(parent.data)
            if got != wanted:
                self.amiss = (method, str(got), str(wanted))
                return


def _swept(out: Any, leaves: list[Any], inputs: list[torch.Tensor], *g: Any) -> tuple[Any, ...] | list[str]:
    """The gradients that an engine leaves at the leaves: a tuple.

    If they do not have the leaves' shapes, or if the engine raises an error, and the watch says why, a list instead:
    ``amiss`` of the watch, or ["start"] if the pass started with 1 and not with the array that it was given.  If every
    rule was called with zeros, nothing has arrived, and the shapes do not matter.
    """
    watch = _Watch(out)
    try:
        out.backward(*g)
    except (ValueError, TypeError, IndexError):
        explained = _explained(watch, out, inputs, *g)
        if explained is None:
            raise
        return explained
    found = tuple(_arrived(leaf.grad, x) for leaf, x in zip(leaves, inputs, strict=True))
    fits = all(np.shape(grad) == tuple(x.shape) for grad, x in zip(found, inputs, strict=True))
    explained = None if fits else _explained(watch, out, inputs, *g)
    return found if explained is None else explained


def _explained(watch: _Watch, out: Any, inputs: list[torch.Tensor], *g: Any) -> tuple[Any, ...] | list[str] | None:
    """What ``_swept`` returns for a pass that went wrong; None if nothing was seen that explains it."""
    if watch.idle:
        return tuple(np.zeros(tuple(x.shape)) for x in inputs)
    with contextlib.suppress(Exception):  # the student's gradient may raise on any access
        if np.shape(*g) and np.all(out.grad == 1):
            return ["start"]
    return list(watch.amiss) or None


def _handed_back(answer: Any, passed: list[Any]) -> object:
    """(value, what its rule hands back to each parent) of a single operation on nodes whose class is the answer.

    passed: the operation, its inputs, and the upstream gradient.
    If a rule returns anything but a tuple or a list of gradients, a list is returned instead of a tuple.
    """
    operation, *inputs, g = passed
    out = operation(*(answer(_bare(x)) for x in inputs))
    if not isinstance(out, answer):
        return _clip(type(out).__name__)
    if out.pull is None:
        return (out.data,)
    back = out.pull(_bare(g))
    if isinstance(back, tuple):  # read by tuple's and list's own methods: those of a subclass might never end
        return (out.data, *tuple.__getitem__(back, slice(MOST_ITEMS)))
    if isinstance(back, list):
        return (out.data, *list.__getitem__(back, slice(MOST_ITEMS)))
    return [out.data, back]


def _bare(x: torch.Tensor) -> Any:
    """A tensor in the form that an engine without torch takes: a single number as a float, else a float64 array."""
    return x.item() if x.ndim == 0 else np.array(x.numpy())


def _arrived(grad: Any, x: torch.Tensor) -> Any:
    """The gradient that an engine has left at a leaf; the bare 0 of a leaf that nothing reached becomes zeros."""
    return np.zeros(tuple(x.shape)) if isinstance(grad, (int, float)) and grad == 0 else grad


def _total(grads: tuple[Any, ...]) -> Any:
    """The sum of gradients; but if one is no gradient, or differs in shape from the others, the first such one."""
    if len(grads) == 1:
        return grads[0]
    for grad in grads:
        if grad is None or np.shape(grad) != np.shape(grads[-1]):
            return grad
    return sum(np.asarray(grad, dtype=float) for grad in grads)


# How an answer is used: (answer, what is passed, in order) -> what counts as its return value.
USES: dict[str, Callable[[Any, list[Any]], object]] = {
    "call": _called,
    "operation": _operated,
    "function": _operated,
    "transformed": _transformed,
    "engine": _differentiated,
    "weighted_engine": _differentiated_with_weights,
    "pull": _handed_back,
}
OF_A_CLASS = ("engine", "weighted_engine", "pull")  # uses whose answer is a class
FUNCTION_USES = ("function", "transformed")  # an ``autograd.Function`` is asked for, or something that calls its apply


def _is_other_class(answer: object) -> bool:
    return isinstance(answer, type) and not issubclass(answer, torch.autograd.Function)


def _of_a_function(answer: Any, returned: object, passed: list[Any]) -> bool:
    """Whether an answer is a Function class, its ``apply``, or a function that returns what such an ``apply`` gave."""

    def made_by_one(y: object) -> bool:
        return isinstance(getattr(y, "grad_fn", None), torch.autograd.function.BackwardCFunction)

    if isinstance(returned, Pulled) and made_by_one(returned.y):
        return True
    # A result from torch.func has lost its graph, so the function is called again without the transform.
    return made_by_one(_applied(answer)(*passed))


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
    if arg.hidden and arg.requires_grad:
        tensor = torch.nn.Parameter(tensor.detach())  # a module built from it registers this very tensor
    if arg.stale is not None:
        tensor.grad = torch.from_numpy(arg.stale.copy())
    return tensor


def _misfit(function: Callable[..., object], call: Call) -> str:
    """The function's own parameter list if it cannot take the call's arguments, else ''."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""  # a builtin without a signature: let the call decide
    try:
        signature.bind(*(arg.name for arg in call.args if not arg.hidden))
    except TypeError:
        return str(signature)
    return ""


def _is_unfilled(error: BaseException, call: Call) -> bool:
    """Whether the bare ``raise NotImplementedError()`` of the release version was reached.

    PyTorch raises NotImplementedError too, but with a message and from deeper frames.
    """
    if type(error) is not NotImplementedError or error.args:
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    return _is_the_students(last.filename, _files(call))


def _plain_tensor(tensor: torch.Tensor, name: str) -> Value:
    dtype = ""
    try:
        with _PLAIN():  # a subclass could override methods to lie about its entries
            bare = torch.Tensor.detach(tensor)
            dtype = str(torch.Tensor.dtype.__get__(bare)).removeprefix("torch.")  # type: ignore[attr-defined]
            dense = bare.to_dense() if bare.layout != torch.strided else bare
            wide = torch.complex128 if dense.is_complex() else torch.float64
            array = np.array(dense.cpu().to(wide).resolve_conj().resolve_neg().numpy())
        return Value("tensor", array, dtype, type_name=name)
    except (RuntimeError, NotImplementedError, TypeError):  # meta, quantized and other tensors without readable entries
        return Value("no_values", dtype=dtype, type_name=name)


def _plain_array(array: np.ndarray, kind: str, name: str) -> Value:
    dtype = str(array.dtype)
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        wide = np.complex128 if np.iscomplexobj(array) else np.float64
        return Value(kind, np.array(array, dtype=wide), dtype, type_name=name)
    return Value("other", dtype=dtype, text=_clip(array), type_name=name)


def _clip(thing: object) -> str:
    """``str(thing)``, cut to ``LONGEST_TEXT`` characters; also works if its str or repr raises."""
    try:
        text = _cut(str(thing), LONGEST_TEXT + 1)
    except KeyboardInterrupt:
        raise
    except BaseException:
        text = f"<{type(thing).__name__} that cannot be printed>"
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"


def _cut(text: str, longest: int = LONGEST_TEXT) -> str:
    """The first characters of ``text`` as a plain str, even if it is a subclass of str that overrides slicing."""
    return str.__getitem__(text, slice(0, longest))
