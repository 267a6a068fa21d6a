"""What can be asked for, how each follows from J, and which mistakes belong to it.

J has shape (m, n), ``J[i, j] = ∂y_i/∂x_j``; v is the weight, of length m.  A Quantity turns a
Problem into the truth and into what each mistake of the catalogue would give on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from grader import errors
from grader.mistakes import CATALOGUE
from grader.probe import Call, Value, probe
from grader.words import SHAPE_HELP

if TYPE_CHECKING:
    from grader.question import Problem


@dataclass(frozen=True)
class Wrong:
    """What one mistake gives on one Problem."""

    key: str  # of the catalogue
    value: Any  # in the form of the truth, or in another shape
    detail: Mapping[str, Any]  # what the explanation names, e.g. which row


class Block:
    """One input's part of a Problem, flattened: what the derivations of mistakes are written in.

    J: (m, n).  v, y: (m,).  x: (n,).  x_shape, y_shape: the shapes before flattening (y's is (m,)
    where there are several outputs).  p: the whole Problem.
    """

    def __init__(self, p: Problem, name: str, v: np.ndarray):
        self.p, self.name, self.v = p, name, v
        self.J, self.y = p.jacobians[name], p.y
        self.x = p.inputs[name].numpy().reshape(-1)
        self.x_shape = tuple(p.inputs[name].shape)
        self.y_shape = tuple(p.outputs[0].shape) if len(p.outputs) == 1 else self.y.shape
        self.m, self.n = self.J.shape
        self.square = self.m == self.n > 1 and self.y_shape == self.x_shape
        self.ones = np.ones(self.m)

    @cached_property
    def g(self) -> np.ndarray:
        """The truth of a weighted gradient, Jᵀv: (n,)."""
        return self.J.T @ self.v


@dataclass(frozen=True)
class Quantity:
    """What a Question asks for.  Subclasses say how it follows from J.

    by: the input, or the inputs, that is differentiated by; a tuple asks for a tuple of results.
    """

    by: str | tuple[str, ...] = "x"

    kinds: ClassVar[tuple[str, ...]] = ()  # the catalogue's columns that hold its mistakes
    formula: ClassVar[str] = ""
    form: ClassVar[str] = "tensor"  # a key of judge.FORMS
    shape_help: ClassVar[str] = SHAPE_HELP["gradient"]
    observes: ClassVar[str] = "returned"
    predicts: ClassVar[bool] = False  # True where the answer is about one fixed problem

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs differentiated by, as a tuple."""
        return self.by if isinstance(self.by, tuple) else (self.by,)

    def weight(self, p: Problem) -> np.ndarray:
        """The weight of all outputs, flattened: (m,); ones where a scalar needs none."""
        if not p.weights:
            return np.ones(p.y.size)
        return np.concatenate([v.detach().numpy().reshape(-1) for v in p.weights.values()])

    def blocks(self, p: Problem) -> list[Block]:
        return [Block(p, name, self.weight(p)) for name in self.names]

    def one(self, block: Block) -> np.ndarray:
        """The truth for one input."""
        raise NotImplementedError

    def truth(self, p: Problem) -> Any:
        return self._gather([self.one(block) for block in self.blocks(p)])

    def scale(self, p: Problem) -> float:
        """What a rounding error is relative to: the sum before cancellation, |J|ᵀ|v|, at its largest."""
        sizes = (np.abs(b.J).T @ np.abs(b.v) for b in self.blocks(p))
        return max((float(size.max(initial=0)) for size in sizes), default=1.0) or 1.0

    def equation(self, p: Problem) -> str:
        """How the shapes fit, e.g. ``(2,)·(2×3) → (3,)``; '' where there is nothing to say."""
        return ""

    def rows(self, p: Problem) -> tuple[np.ndarray, np.ndarray] | None:
        """(J, v) where the truth is one weighted sum of the rows of J, else None."""
        return None

    def wrongs(self, p: Problem) -> list[Wrong]:
        """What every mistake of this Quantity gives, the Question's own derivations included."""
        found: list[Wrong] = []
        for mistake in CATALOGUE.values():
            if mistake.key in p.question.without:
                continue
            for kind in self.kinds:
                if kind in mistake.derive:
                    found += self._derived(p, mistake.key, mistake.derive[kind])
            if isinstance(self.by, tuple) and "tuple" in mistake.derive:
                found += self._whole(p, mistake.key, mistake.derive["tuple"])
        for key, derive in p.question.also.items():
            for detail, value in _cases(derive(p)):
                found.append(Wrong(key, _as_values(value), detail))
        return found

    def _derived(self, p: Problem, key: str, derive: Callable[[Block], Any]) -> list[Wrong]:
        """The mistake made for every input at once, the same way."""
        per_input = [_cases(derive(block)) for block in self.blocks(p)]
        shapes = [block.x_shape for block in self.blocks(p)]
        if not all(per_input) or len({len(cases) for cases in per_input}) != 1:
            return []
        return [
            Wrong(
                key,
                self._gather([_like(value, shape) for (_, value), shape in zip(case, shapes, strict=True)]),
                case[0][0],
            )
            for case in zip(*per_input, strict=True)
        ]

    def _whole(self, p: Problem, key: str, derive: Callable[..., Any]) -> list[Wrong]:
        return [Wrong(key, value, detail) for detail, value in _cases(derive(self.truth(p), p))]

    def _gather(self, results: list[np.ndarray]) -> Any:
        return tuple(results) if isinstance(self.by, tuple) else results[0]


@dataclass(frozen=True)
class WeightedGradient(Quantity):
    """The vector-Jacobian product Jᵀv, in x's shape: what ``grad_outputs`` and ``gradient`` weight."""

    kinds: ClassVar = ("vjp",)
    formula: ClassVar = "Jᵀv"

    def one(self, block: Block) -> np.ndarray:
        return block.g.reshape(block.x_shape)

    def rows(self, p: Problem) -> tuple[np.ndarray, np.ndarray] | None:
        one_vector = len(self.names) == 1 and len(p.inputs[self.names[0]].shape) == 1 and p.y.size > 1
        return (p.jacobians[self.names[0]], self.weight(p)) if one_vector else None

    def equation(self, p: Problem) -> str:
        b = self.blocks(p)[0]
        return f"({b.m},)·({b.m}×{b.n}) → ({b.n},)" + (
            f", in x's shape {b.x_shape}" if len(b.x_shape) != 1 else ""
        )


@dataclass(frozen=True)
class Gradient(WeightedGradient):
    """The gradient of one number by x, in x's shape: Jᵀv with a single row and v = 1."""

    kinds: ClassVar = ("vjp",)
    formula: ClassVar = "∇f(x)"

    def equation(self, p: Problem) -> str:
        return ""


@dataclass(frozen=True)
class Derivative(Gradient):
    """The derivative of one number by one number, a tensor of shape ()."""

    kinds: ClassVar = ("vjp", "derivative")
    formula: ClassVar = "f′(x)"


@dataclass(frozen=True)
class GradState(WeightedGradient):
    """What lies in ``x.grad`` afterwards: Jᵀ times the sum of the weights of all backward calls.

    Several weights for one output mean as many calls of ``backward``, one after another.
    """

    kinds: ClassVar = ("vjp", "grad_state")
    formula: ClassVar = "x.grad"
    observes: ClassVar = "grad"

    def weight(self, p: Problem) -> np.ndarray:
        if len(p.outputs) > 1 or len(p.weights) < 2:
            return super().weight(p)
        return np.asarray(sum(v.numpy().reshape(-1) for v in p.weights.values()))


@dataclass(frozen=True)
class Jacobian(Quantity):
    """The whole table of partials, of shape y's + x's."""

    kinds: ClassVar = ("jacobian",)
    shape_help: ClassVar = SHAPE_HELP["jacobian"]
    formula: ClassVar = "J"

    def one(self, block: Block) -> np.ndarray:
        return block.J.reshape(block.y_shape + block.x_shape)

    def equation(self, p: Problem) -> str:
        b = self.blocks(p)[0]
        return f"{b.m} outputs by {b.n} inputs → ({b.m}, {b.n})"


@dataclass(frozen=True)
class Row(Quantity):
    """Row i of J, the gradient of y_i, in x's shape; i is an extra of the Question."""

    kinds: ClassVar = ("row",)
    formula: ClassVar = "J[i, :]"

    def one(self, block: Block) -> np.ndarray:
        return block.J[block.p.extras["i"]].reshape(block.x_shape)


@dataclass(frozen=True)
class Column(Quantity):
    """Column j of J, how every output moves with x_j, in y's shape; j is an extra of the Question."""

    kinds: ClassVar = ("column",)
    shape_help: ClassVar = SHAPE_HELP["output"]
    formula: ClassVar = "J[:, j]"

    def one(self, block: Block) -> np.ndarray:
        return block.J[:, block.p.extras["j"]].reshape(block.y_shape)


@dataclass(frozen=True)
class JVP(Quantity):
    """The Jacobian-vector product Ju, in y's shape; u is an extra of the Question, in x's shape."""

    kinds: ClassVar = ("jvp",)
    shape_help: ClassVar = SHAPE_HELP["output"]
    formula: ClassVar = "Ju"

    def one(self, block: Block) -> np.ndarray:
        return (block.J @ np.asarray(block.p.extras["u"]).reshape(-1)).reshape(block.y_shape)


@dataclass(frozen=True)
class Output(Quantity):
    """The map's own output y: what an exercise asks for before anything is differentiated."""

    by: str | tuple[str, ...] = ()
    kinds: ClassVar = ("output",)
    shape_help: ClassVar = SHAPE_HELP["output"]
    formula: ClassVar = "y"

    def truth(self, p: Problem) -> Any:
        outputs = tuple(y.detach().numpy() for y in p.outputs)
        return outputs if len(outputs) > 1 else outputs[0]

    def scale(self, p: Problem) -> float:
        return float(np.abs(p.y).max(initial=0)) or 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        return [
            Wrong(key, _as_values(value), detail)
            for key, derive in p.question.also.items()
            for detail, value in _cases(derive(p))
        ]


@dataclass(frozen=True)
class Predicted(Quantity):
    """The numbers of another Quantity, said by the student before anything is run."""

    of: Quantity | None = None
    form: ClassVar = "numbers"
    shape_help: ClassVar = SHAPE_HELP["predicted"]
    predicts: ClassVar = True

    @property
    def inner(self) -> Quantity:
        assert self.of is not None
        return self.of

    @property
    def formula_of(self) -> str:
        return self.inner.formula

    def truth(self, p: Problem) -> Any:
        return self.inner.truth(p)

    def scale(self, p: Problem) -> float:
        return self.inner.scale(p)

    def equation(self, p: Problem) -> str:
        return self.inner.equation(p)

    def wrongs(self, p: Problem) -> list[Wrong]:
        return self.inner.wrongs(p)


@dataclass(frozen=True)
class PredictedShape(Predicted):
    """The shape of another Quantity, as a tuple of ints."""

    form: ClassVar = "shape"
    shape_help: ClassVar = SHAPE_HELP["dimensions"]

    def truth(self, p: Problem) -> Any:
        return np.array(np.shape(self.inner.truth(p)), dtype=float)

    def scale(self, p: Problem) -> float:
        return 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        truth = tuple(np.shape(self.inner.truth(p)))
        guesses: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
            ("shape_of_output", {}, tuple(p.outputs[0].shape)),
            *(("shape_of_input", {"name": name}, tuple(x.shape)) for name, x in p.inputs.items()),
            ("shape_reversed", {}, truth[::-1]),
            ("shape_of_scalar", {}, ()),
        ]
        found: dict[tuple[int, ...], Wrong] = {}
        for key, detail, guess in guesses:
            if guess != truth and guess not in found:
                found[guess] = Wrong(key, np.array(guess, dtype=float), detail)
        return list(found.values())


@dataclass(frozen=True)
class Letters(Quantity):
    """Which of several snippets raise a given error: the letters of those that do, in order.

    calls: letter -> a function without arguments; each is really run to find the truth.
    error: the key in ``errors.NOTES`` that is asked for.
    """

    calls: Mapping[str, Callable[[], object]] | None = None
    error: str = ""
    form: ClassVar = "letters"
    predicts: ClassVar = True

    def truth(self, p: Problem) -> Any:
        return "".join(letter for letter, call in (self.calls or {}).items() if self.happens(call))

    def happens(self, call: Callable[[], object]) -> bool:
        raised = probe(call, Call()).raised
        note = errors.recognise(raised) if raised else None
        return note is not None and note.key == self.error

    def wrongs(self, p: Problem) -> list[Wrong]:
        truth = self.truth(p)
        letters = list(self.calls or {})
        found = []
        for mask in range(2 ** len(letters)):
            said = "".join(x for k, x in enumerate(letters) if mask >> k & 1)
            if said != truth:
                off = next(x for x in letters if (x in said) != (x in truth))
                key = "letter_missed" if off in truth else "letter_too_many"
                found.append(Wrong(key, said, {"letter": off}))
        return found

    def scale(self, p: Problem) -> float:
        return 1.0


@dataclass(frozen=True)
class Cause(Quantity):
    """Which of several causes an error has: one letter.

    snippet: raises the error when run.  options: letter -> key in ``errors.NOTES``, or a free name
    for a cause that raises nothing.
    """

    snippet: Callable[[], object] | None = None
    options: Mapping[str, str] | None = None
    form: ClassVar = "letters"
    predicts: ClassVar = True

    def truth(self, p: Problem) -> Any:
        assert self.snippet is not None
        raised = probe(self.snippet, Call()).raised
        note = errors.recognise(raised) if raised else None
        return next(
            letter for letter, key in (self.options or {}).items() if note is not None and key == note.key
        )

    def wrongs(self, p: Problem) -> list[Wrong]:
        return [
            Wrong("other_cause", letter, {"letter": letter, "cause": key})
            for letter, key in (self.options or {}).items()
            if letter != self.truth(p)
        ]

    def scale(self, p: Problem) -> float:
        return 1.0


def letters_of(value: Value) -> str:
    """A student's choice as sorted lower-case letters: 'b', 'B ', 'b, d', ['d', 'b'] and ('b',) alike."""
    if value.kind in ("tuple", "list"):
        text = " ".join(letters_of(item) for item in value.items)
    else:
        text = value.text
    return "".join(sorted(set(re.findall(r"[a-z]", text.lower()))))


def _cases(result: Any) -> list[tuple[Mapping[str, Any], Any]]:
    """A derivation's result as (detail, value) pairs: it may give none, one value, or a list of pairs."""
    if result is None:
        return []
    if isinstance(result, list):
        return result
    return [({}, result)]


def _as_values(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(np.asarray(v, dtype=float) for v in value)
    return np.asarray(value, dtype=float)


def _like(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A flat value in the input's shape; a value of another size stays as it is."""
    value = np.asarray(value)
    return value.reshape(shape) if value.ndim == 1 and value.size == int(np.prod(shape)) else value
