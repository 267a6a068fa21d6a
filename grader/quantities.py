"""The quantities that can be asked for: how each follows from J, and which mistakes belong to it.

J has shape (m, n), ``J[i, j] = ∂y_i/∂x_j``; v is the weight, of length m.  From a Problem, a Quantity
computes the truth and what each mistake of the catalogue would give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from grader.mistakes import CATALOGUE, Derivation
from grader.mistakes.batched import sample_hessians
from grader.probe import Value
from grader.problem import Block, Wrong
from grader.words import EQUATIONS, SHAPE_HELP

if TYPE_CHECKING:
    from grader.problem import Problem


@dataclass(frozen=True)
class Quantity:
    """What a Question asks for.  Subclasses define how it follows from J.

    wrt: the input or inputs to differentiate with respect to; a tuple asks for a tuple of results.
    differentiable: True if the result must itself be differentiable: the probe differentiates it once more, with
        respect to the first input, and the judge checks that derivative too.
    frees_graph: True if the graph of the computed argument must have been freed at the end.
    """

    wrt: str | tuple[str, ...] = "x"
    differentiable: bool = False
    frees_graph: bool = False

    kinds: ClassVar[tuple[str, ...]] = ()  # the kinds, in ``Mistake.derive``, whose mistakes belong to it
    formula: ClassVar[str] = ""
    form: ClassVar[str] = "tensor"  # a key of words.FORMS
    shape_help: ClassVar[str] = SHAPE_HELP["gradient"]
    looks: ClassVar[str] = "returned"
    use: ClassVar[str] = "call"  # how the answer is called: a key of ``probe.USES``
    predicts: ClassVar[bool] = False  # True if the student predicts the result, for one fixed problem
    twice: ClassVar[bool] = False  # True if a derivative is differentiated
    zero_where_unused: ClassVar[bool] = False  # True if None counts as zeros in the VJP
    drawn_once: ClassVar[bool] = False  # True if grading poses the same problems as the check, whatever its seed
    compared: ClassVar[bool] = True  # False if the truth is one of many: then it is not shown beside a wrong value
    apart: ClassVar[bool] = False  # True if the problems are judged independently: one suffices to name a mistake

    @property
    def observes(self) -> str:
        """What the probe looks at after the call: a key of ``probe.OBSERVERS``."""
        return "again" if self.differentiable else "freed" if self.frees_graph else self.looks

    @property
    def stages(self) -> tuple[Quantity, ...]:
        """The Quantities that an answer is judged by, each only if those before it are right; () for this one alone."""
        return ()

    def in_entry(self, p: Problem, place: int) -> list[Wrong]:
        """What mistakes give in one entry of a tuple, if a tuple's mistake is that in its first wrong entry."""
        return []

    def curve(self, p: Problem) -> tuple[str, np.ndarray] | None:
        """(name, points), of shape (k,), along which a card draws a result with k entries as a curve; else None."""
        return None

    def pulled_with(self, p: Problem) -> np.ndarray | None:
        """The v with which the probe computes the VJP of the result, in its shape; None if it computes no VJP."""
        return None

    @property
    def looks_at(self) -> tuple[str, ...]:
        """The names of the arguments that the probe looks at."""
        return self.names

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs to differentiate with respect to, as a tuple."""
        return self.wrt if isinstance(self.wrt, tuple) else (self.wrt,)

    def weight(self, p: Problem) -> np.ndarray:
        """The weights of all outputs, flattened: (m,); ones if the Problem has no weights."""
        if not p.weights:
            return np.ones(p.y.size)
        return np.concatenate([v.detach().numpy().reshape(-1) for v in p.weights.values()])

    def blocks(self, p: Problem) -> list[Block]:
        """The Blocks of a Problem for ``names``, with this Quantity's weight; made once."""
        if id(self) not in p.parts:
            v = self.weight(p)
            p.parts[id(self)] = [p.block(name, v) for name in self.names]
        return p.parts[id(self)]

    def one(self, block: Block) -> np.ndarray:
        """The truth for one input, in its own shape; defined by subclasses."""
        raise NotImplementedError

    def shape(self, block: Block) -> tuple[int, ...]:
        """The shape that flat results are reshaped to: x's, or y's if there is one entry per output."""
        return block.x_shape

    def truth(self, p: Problem) -> Any:
        return self._gather([self.one(block) for block in self.blocks(p)])

    def formula_on(self, p: Problem) -> str:
        """The formula of the truth as text, in the notation of the Question."""
        return self.formula

    def found_right_on(self, p: Problem) -> str:
        """What is right about a correct answer, as text: the formula of the truth, and whatever else is judged."""
        return self.formula_on(p)

    def scale(self, p: Problem) -> float:
        """The size to which tolerances are relative: the largest entry of |J|ᵀ|v|, the sum without cancellation."""
        sizes = (np.abs(b.J).T @ np.abs(b.v) for b in self.blocks(p))
        return max((float(size.max(initial=0)) for size in sizes), default=1.0) or 1.0

    @property
    def tolerated(self) -> float:
        """How far a right result may be from the truth, relative to ``scale``; 0 stands for the Question's ``rtol``."""
        return 0.0

    def rtol(self, p: Problem) -> float:
        """How far a right result may be from the truth, relative to ``scale``."""
        return self.tolerated or float(p.question.rtol)

    def again_weights(self, p: Problem) -> np.ndarray | None:
        """Weights, in the truth's shape, for differentiating the result once more; None unless ``differentiable``."""
        return np.cos(1.0 + np.arange(np.size(p.truth))).reshape(np.shape(p.truth)) if self.differentiable else None

    def sequel(self, p: Problem, seen: Value) -> str:
        """The key of a mistake that shows only after the values have been found right, or ''.

        seen: the derivative of the result, or for ``frees_graph`` 1 if the graph was freed.
        """
        if self.frees_graph:
            return "" if seen.array is not None and float(seen.array) == 1.0 else "graph_kept"
        if seen.array is None:
            return "not_differentiable_again"
        return "" if alike_roughly(seen.array, self._moved(p)) else "graph_cut_inside"

    def _moved(self, p: Problem, step: float = 1e-5) -> np.ndarray:
        """The gradient of the weighted truth with respect to the first input, by central differences of the truth."""
        name, r = self.names[0], self.again_weights(p)
        x = p.inputs[name]
        moved = np.empty(x.numel())
        for j, e in enumerate(torch.eye(x.numel(), dtype=x.dtype)):
            ends = [p.at(name, x + sign * step * e.reshape(x.shape)).truth for sign in (1, -1)]
            moved[j] = float(np.sum(r * (ends[0] - ends[1]))) / (2 * step)
        return moved.reshape(tuple(x.shape))

    def places(self, p: Problem) -> tuple[str, ...]:
        """The names of the entries of a tuple, one for each."""
        return self.names

    def read(self, p: Problem, value: Value) -> Value:
        """The value to compare with the truth: the value that was returned, or an equivalent one."""
        return value

    def told(self, p: Problem, value: Value) -> tuple[str, Mapping[str, Any]] | None:
        """(key, detail) of a mistake that shows in a property of the value other than its numbers; else None."""
        return None

    def otherwise(self, p: Problem, value: Value, gradients: Value) -> Mapping[str, Mapping[str, Any]]:
        """Mistakes that a wrong value and its gradients together show, if judged in stages: key -> detail."""
        return {}

    def harmless(self, p: Problem) -> frozenset[str]:
        """The keys of mistakes of which some form, but not every form, gives the truth on this problem."""
        return frozenset()

    def shown(self, p: Problem) -> Mapping[str, str]:
        """What a card shows of the problem besides its numeric arguments: name -> text."""
        return {}

    def equation(self, p: Problem) -> str:
        """How the shapes fit, as text, e.g. ``(2,)·(2×3) → (3,)``; '' if there is nothing to say."""
        return ""

    def rows(self, p: Problem) -> tuple[np.ndarray, np.ndarray] | None:
        """(J, v) of shapes (m, n) and (m,) if the truth is one weighted sum of the rows of J, else None."""
        return None

    def combined(self, p: Problem) -> tuple[np.ndarray, np.ndarray] | None:
        """(J, v) as from ``rows``, but also if no picture of it is drawn; else None."""
        return self.rows(p)

    def wrongs(self, p: Problem) -> list[Wrong]:
        """What every mistake of this Quantity gives on a Problem, including the Question's own mistakes."""
        if self.stages:
            return [Wrong(*wrong[:3], stage=k) for k, stage in enumerate(p.stages) for wrong in stage.wrongs]
        found: list[Wrong] = []
        weights: list[tuple[str, Mapping[str, Any], np.ndarray]] = []
        blocks = self.blocks(p)
        shapes = [self.shape(block) for block in blocks]
        columns = (*self.kinds, "tuple") if isinstance(self.wrt, tuple) and self.wrt else self.kinds
        for key, column, derive in _belonging(columns):
            if key in p.question.without:
                continue
            if column == "weights":
                weights += [(key, *case) for case in _cases(derive(blocks[0]))]
            elif column == "tuple":
                found += self._whole(p, key, derive)
            else:
                found += self._derived(blocks, shapes, key, derive)
        return self._weighted(blocks, shapes, weights) + found + self._also(p)

    def _of_kind(self, p: Problem, kind: str) -> Iterator[tuple[str, Mapping[str, Any], Any]]:
        """What the mistakes of a kind give whose derivations take a Problem: (key, detail, value)."""
        for key, _, derive in _belonging((kind,)):
            if key not in p.question.without:
                for detail, value in derive(p):
                    yield key, detail, value

    def _weighted(
        self,
        blocks: list[Block],
        shapes: list[tuple[int, ...]],
        weights: list[tuple[str, Mapping[str, Any], np.ndarray]],
    ) -> list[Wrong]:
        """The mistakes that are gradients with other weights, (m,), by one matrix product per input."""
        if not weights:
            return []
        W = np.array([v for _, _, v in weights])
        results = [
            map(np.asarray, (W @ block.J).reshape(len(W), *shape)) for block, shape in zip(blocks, shapes, strict=True)
        ]
        values = zip(*results, strict=True) if isinstance(self.wrt, tuple) else results[0]
        return [Wrong(key, value, detail) for (key, detail, _), value in zip(weights, values, strict=True)]

    def _also(self, p: Problem, derivation: str = "on_problem") -> list[Wrong]:
        """What the Question's own mistakes give by this derivation, ``on_problem`` or ``on_value``, if they have it."""
        return [
            Wrong(mistake.key, _as_values(value), detail)
            for mistake in p.question.also
            if (derive := getattr(mistake, derivation))
            for detail, value in _cases(derive(p))
        ]

    def _derived(
        self, blocks: list[Block], shapes: list[tuple[int, ...]], key: str, derive: Callable[[Block], Any]
    ) -> list[Wrong]:
        """What a mistake gives if it is made in the same way for every input; [] if it cannot be made for all."""
        if not isinstance(self.wrt, tuple):
            (block,), (shape,) = blocks, shapes
            return [Wrong(key, _like(value, shape), detail) for detail, value in _cases(derive(block))]
        per_input = [_cases(derive(block)) for block in blocks]
        if not all(per_input) or len({len(cases) for cases in per_input}) != 1:
            return []
        return [
            Wrong(
                key,
                tuple(_like(value, shape) for (_, value), shape in zip(case, shapes, strict=True)),
                case[0][0],
            )
            for case in zip(*per_input, strict=True)
        ]

    def _whole(self, p: Problem, key: str, derive: Callable[..., Any]) -> list[Wrong]:
        return [Wrong(key, value, detail) for detail, value in _cases(derive(self.truth(p), p))]

    def _gather(self, results: list[Any]) -> Any:
        return tuple(results) if isinstance(self.wrt, tuple) else results[0]


@dataclass(frozen=True)
class WeightedGradient(Quantity):
    """The vector-Jacobian product Jᵀv, in x's shape; v is passed as ``grad_outputs`` or ``gradient``.

    unused: the result expected for an input that takes no part, "none" or "zeros"; "" if all inputs take part.
    text: the formula that a card shows, if ``Jᵀv`` would say too little.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", WeightedGradient(), maps, ("f", "x", "v"), weights={"v": fixed([1, -2])})
    >>> Problem(q, seed=0).truth.tolist()
    [2.0, -5.0]
    """

    unused: str = ""
    text: str = ""
    kinds: ClassVar[tuple[str, ...]] = ("vjp", "weights")
    formula: ClassVar = "Jᵀv"

    def formula_on(self, p: Problem) -> str:
        return self.text or self.formula

    def one(self, block: Block) -> Any:
        if self.unused == "none" and not block.J.any():
            return None
        return block.g.reshape(block.x_shape)

    def wrongs(self, p: Problem) -> list[Wrong]:
        found = super().wrongs(p)
        if not self.unused:
            return found
        key = {"none": "zeros_for_none", "zeros": "none_for_zeros"}[self.unused]
        instead = [b.g.reshape(b.x_shape) if b.J.any() or self.unused == "none" else None for b in self.blocks(p)]
        return [*found, Wrong(key, self._gather(instead), {})]

    def rows(self, p: Problem) -> tuple[np.ndarray, np.ndarray] | None:
        one_vector = len(self.names) == 1 and len(p.inputs[self.names[0]].shape) == 1 and p.y.size > 1
        return (p.jacobians[self.names[0]], self.weight(p)) if one_vector else None

    def equation(self, p: Problem) -> str:
        b = self.blocks(p)[0]
        if b.m == 1:
            return ""
        return f"({b.m},)·({b.m}×{b.n}) → ({b.n},)" + (
            EQUATIONS["in_shape"].format(shape=b.x_shape) if len(b.x_shape) != 1 else ""
        )


@dataclass(frozen=True)
class Gradient(WeightedGradient):
    """The gradient of a scalar with respect to x, in x's shape: Jᵀv where J has a single row and v = 1.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Gradient(), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    [12.0, 9.0]
    """

    kinds: ClassVar[tuple[str, ...]] = ("vjp", "weights")
    formula: ClassVar = "∇f(x)"

    def formula_on(self, p: Problem) -> str:
        plain = self.wrt == "x" or len(self.names) > 1
        return self.text or (self.formula if plain else f"∂f/∂{self.names[0]}")

    def equation(self, p: Problem) -> str:
        return ""


@dataclass(frozen=True)
class Derivative(Gradient):
    """The derivative of a scalar with respect to a scalar: a tensor of shape ().

    >>> def f(x): return x ** 3
    >>> maps = [Map(f, {"x": fixed(2)})]
    >>> q = Question("99.q", "Q", Derivative(), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    12.0
    """

    kinds: ClassVar[tuple[str, ...]] = ("vjp", "weights", "derivative")

    def formula_on(self, p: Problem) -> str:
        return f"f′({self.names[0]})"


@dataclass(frozen=True)
class GradState(WeightedGradient):
    """What ``x.grad`` holds afterwards: Jᵀ times the sum of the weights of all calls of ``backward``, in x's shape.

    Several weights for a single output stand for as many calls of ``backward``, one after another.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> weights = {"v": fixed([1, -2]), "w": fixed([0, 1])}  # two calls of backward
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", GradState(), maps, ("f", "x", "v", "w"), weights=weights)
    >>> Problem(q, seed=0).truth.tolist()
    [2.0, -1.0]
    """

    kinds: ClassVar[tuple[str, ...]] = ("vjp", "weights", "grad_state")
    formula: ClassVar = "x.grad"
    looks: ClassVar = "grad"

    def formula_on(self, p: Problem) -> str:
        return ", ".join(f"{name}.grad" for name in self.names)

    def weight(self, p: Problem) -> np.ndarray:
        if len(p.outputs) > 1 or len(p.weights) < 2:
            return super().weight(p)
        return np.asarray(sum(v.numpy().reshape(-1) for v in p.weights.values()))


@dataclass(frozen=True)
class Step(Quantity):
    """The point after one step of steepest descent, x − η∇f(x), in x's shape; η is the Question's extra ``eta``.

    in_place: True if x itself must hold the new point afterwards.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Step(), maps, ("f", "x", "eta"), extras={"eta": lambda generator, p: 0.25})
    >>> Problem(q, seed=0).truth.tolist()
    [0.0, -0.25]
    """

    in_place: bool = False
    kinds: ClassVar[tuple[str, ...]] = ("step",)
    formula: ClassVar = "x − η∇f(x)"

    @property
    def observes(self) -> str:
        return "after" if self.in_place else "returned"

    def one(self, block: Block) -> np.ndarray:
        return (block.x - float(block.p.extras["eta"]) * block.g).reshape(block.x_shape)


@dataclass(frozen=True)
class EachWeight(WeightedGradient):
    """A tuple of weighted gradients with respect to one input, one for each weight, each in x's shape.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> weights = {"v": fixed([1, -2]), "w": fixed([0, 1])}
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", EachWeight(), maps, ("f", "x", "v", "w"), weights=weights)
    >>> [g.tolist() for g in Problem(q, seed=0).truth]
    [[2.0, -5.0], [0.0, 4.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar = "(Jᵀv, Jᵀw, …)"

    def each(self, p: Problem) -> tuple[np.ndarray, ...]:
        """The weights, each flattened: (m,)."""
        return tuple(v.detach().numpy().reshape(-1) for v in p.weights.values())

    def blocks(self, p: Problem) -> list[Block]:
        return [p.block(self.names[0], v) for v in self.each(p)]

    def truth(self, p: Problem) -> Any:
        return tuple(self.one(block) for block in self.blocks(p))

    def weight(self, p: Problem) -> np.ndarray:
        return self.each(p)[0]

    def wrongs(self, p: Problem) -> list[Wrong]:
        truth, blocks = self.truth(p), self.blocks(p)
        running = np.cumsum(np.stack(truth), axis=0)
        ones = blocks[0].J.T @ blocks[0].ones
        found = [
            Wrong("sums_in_turn", tuple(running), {}),
            Wrong("one_sum_for_all", (running[-1],) * len(truth), {}),
            Wrong("first_for_all", (truth[0],) * len(truth), {}),
            Wrong("results_exchanged", truth[::-1], {}),
            Wrong("ones_weight", tuple(ones.reshape(g.shape) for g in truth), {}),
        ]
        return [wrong for wrong in found if wrong.key not in p.question.without] + self._also(p)


@dataclass(frozen=True)
class Hessian(Quantity):
    """The Hessian of a scalar, with x's dimensions twice: shape ``x.shape + x.shape``.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Hessian(), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    [[4.0, 6.0], [6.0, 0.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("hessian",)
    twice: ClassVar = True
    formula: ClassVar = "H"
    shape_help: ClassVar = SHAPE_HELP["hessian"]

    def one(self, block: Block) -> np.ndarray:
        return block.H.reshape(block.x_shape + block.x_shape)

    def scale(self, p: Problem) -> float:
        return max(float(np.abs(block.H).max(initial=0)) for block in self.blocks(p)) or 1.0


@dataclass(frozen=True)
class HVP(Hessian):
    """The Hessian-vector product Hu, in x's shape; u is an extra of the Question, in x's shape.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", HVP(), maps, ("f", "x", "u"), extras={"u": like("x")})
    >>> Problem(q, seed=0).truth.shape
    (2,)
    """

    kinds: ClassVar[tuple[str, ...]] = ("hvp",)
    formula: ClassVar = "Hu"
    shape_help: ClassVar = SHAPE_HELP["gradient"]

    def one(self, block: Block) -> np.ndarray:
        return (block.H @ block.extra("u")).reshape(block.x_shape)


@dataclass(frozen=True)
class HVPs(HVP):
    """Hu computed in several ways: a tuple of ``ways`` entries, each in x's shape.

    The mistake in a wrong tuple is that in its first wrong entry.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps, extras = [Map(f, {"x": fixed([3, 2])})], {"u": like("x")}
    >>> q = Question("99.q", "Q", HVPs(ways=2), maps, ("f", "x", "u"), extras=extras)
    >>> [Hu.shape for Hu in Problem(q, seed=0).truth]
    [(2,), (2,)]
    """

    ways: int = 3
    formula: ClassVar = "Hu, each time"

    def in_entry(self, p: Problem, place: int) -> list[Wrong]:
        return [Wrong(w.key, w.value, {**w.detail, "place": place}) for w in p.asking(HVP(self.wrt)).wrongs]

    def truth(self, p: Problem) -> Any:
        return (super().truth(p),) * self.ways

    def wrongs(self, p: Problem) -> list[Wrong]:
        others = (super().truth(p),) * (self.ways - 1)
        return [Wrong(wrong.key, (wrong.value, *others), {**wrong.detail, "place": 0}) for wrong in super().wrongs(p)]


@dataclass(frozen=True)
class SampleHessians(Hessian):
    """The Hessian of f at every sample: f maps X of shape (N, n) to (N,), row by row; shape (N, n, n).

    >>> def f(X): return X[..., 0] ** 2 * X[..., 1]
    >>> q = Question("99.q", "Q", SampleHessians(wrt="X"), [Map(f, {"X": fixed([[3, 2], [1, 0]])})], ("f", "X"))
    >>> Problem(q, seed=0).truth.tolist()
    [[[4.0, 6.0], [6.0, 0.0]], [[0.0, 2.0], [2.0, 0.0]]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("sample_hessians",)
    formula: ClassVar = "H at every sample"
    shape_help: ClassVar = SHAPE_HELP["sample_hessians"]

    def one(self, block: Block) -> np.ndarray:
        return sample_hessians(block)

    def scale(self, p: Problem) -> float:
        return float(np.abs(self.truth(p)).max(initial=0)) or 1.0


@dataclass(frozen=True)
class Laplacian(Hessian):
    """The Laplacian: the trace of the Hessian, of shape ().

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Laplacian(), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    4.0
    """

    kinds: ClassVar[tuple[str, ...]] = ("laplacian",)
    formula: ClassVar = "Δf = tr H"
    shape_help: ClassVar = SHAPE_HELP["number"]

    def one(self, block: Block) -> np.ndarray:
        return np.asarray(np.trace(block.H))

    def shape(self, block: Block) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True)
class SecondPartial(Laplacian):
    """One entry of the Hessian, ∂²f/∂x_i∂x_j, of shape (); i and j are extras of the Question.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> extras = {"i": lambda generator, p: 0, "j": lambda generator, p: 1}
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", SecondPartial(), maps, ("f", "x", "i", "j"), extras=extras)
    >>> Problem(q, seed=0).truth.tolist()
    6.0
    """

    kinds: ClassVar[tuple[str, ...]] = ("second_partial",)
    formula: ClassVar = "∂²f/∂x_i∂x_j"

    def one(self, block: Block) -> np.ndarray:
        return np.asarray(block.H[block.p.extras["i"], block.p.extras["j"]])


@dataclass(frozen=True)
class NewtonStep(Hessian):
    """The point after Newton's step, x − H⁻¹∇f(x), in x's shape: where the quadratic model of f at x is stationary.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", NewtonStep(), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    [1.5, 1.0]
    """

    kinds: ClassVar[tuple[str, ...]] = ("newton_step",)
    formula: ClassVar = "x − H⁻¹∇f(x)"
    shape_help: ClassVar = SHAPE_HELP["point"]

    def one(self, block: Block) -> np.ndarray:
        return (block.x - np.linalg.solve(block.H, block.g)).reshape(block.x_shape)

    def scale(self, p: Problem) -> float:
        return float(np.abs(self.truth(p)).max(initial=0)) or 1.0


@dataclass(frozen=True)
class GradientOfSquaredNorm(Hessian):
    """The gradient of ‖∇f(x)‖² with respect to x, which is 2H∇f(x), in x's shape.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", GradientOfSquaredNorm(), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    [204.0, 144.0]
    """

    kinds: ClassVar[tuple[str, ...]] = ("squared_norm",)
    formula: ClassVar = "2H∇f(x)"
    shape_help: ClassVar = SHAPE_HELP["gradient"]

    def one(self, block: Block) -> np.ndarray:
        return (2 * block.H @ block.g).reshape(block.x_shape)


@dataclass(frozen=True)
class NthDerivative(Quantity):
    """A derivative of any order of a scalar with respect to a scalar: shape ().

    order: the order, or 0 to take it from the Question's extra ``order``.

    >>> def f(x): return x ** 3
    >>> maps = [Map(f, {"x": fixed(2)})]
    >>> q = Question("99.q", "Q", NthDerivative(order=2), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    12.0
    """

    order: int = 0
    kinds: ClassVar[tuple[str, ...]] = ("nth",)
    twice: ClassVar = True

    def order_on(self, p: Problem) -> int:
        return self.order or int(p.extras["order"])

    def formula_on(self, p: Problem) -> str:
        order = self.order_on(p)
        return f"f{['', '′', '″', '‴'][order] if order < 4 else f'^({order})'}({self.names[0]})"

    def one(self, block: Block) -> np.ndarray:
        return np.asarray(block.derivative(self.order_on(block.p)))

    def scale(self, p: Problem) -> float:
        orders = range(self.order_on(p) + 1)
        return max(abs(block.derivative(k)) for block in self.blocks(p) for k in orders) or 1.0


@dataclass(frozen=True)
class Computed(Quantity):
    """A quantity that the Question itself defines, by a function of the Problem.

    compute: problem -> array of any shape, or tuple of arrays, with None where the student must return None.
    text: the formula that a card shows.
    in_grad: True if the results must be in ``.grad`` of the tensors in ``wrt`` afterwards, instead of being returned.
    entries: the names of a tuple's entries; () for the names in ``wrt``, or else numbers.
    show: problem -> what a card shows of it besides its numeric arguments: name -> text.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> asks = Computed(compute=lambda p: np.linalg.norm(p.jacobians["x"], axis=1), text="(‖∇y_i‖)")
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", asks, maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    [3.605551275463989, 4.0]
    """

    compute: Callable[[Problem], Any] = lambda p: np.zeros(())
    text: str = ""
    in_grad: bool = False
    entries: tuple[str, ...] = ()
    show: Callable[[Problem], Mapping[str, str]] = lambda p: {}
    kinds: ClassVar[tuple[str, ...]] = ()
    shape_help: ClassVar[str] = SHAPE_HELP["value"]

    @property
    def observes(self) -> str:
        return "grad" if self.in_grad else super().observes

    def formula_on(self, p: Problem) -> str:
        return self.text

    def shown(self, p: Problem) -> Mapping[str, str]:
        return self.show(p)

    def places(self, p: Problem) -> tuple[str, ...]:
        return self.entries or super().places(p)

    def truth(self, p: Problem) -> Any:
        return _as_values(self.compute(p))

    def scale(self, p: Problem) -> float:
        truth = self.truth(p)
        arrays = [t for t in (truth if isinstance(truth, tuple) else (truth,)) if t is not None]
        return max((float(np.abs(a).max(initial=0)) for a in arrays), default=1.0) or 1.0


@dataclass(frozen=True)
class Numbers(Computed):
    """Numbers that the Question itself defines, which the answer returns as plain numbers; True counts as 1.

    compute: problem -> array.  A number, or a list, tuple or tensor of its shape is accepted.

    >>> def f(x): return torch.sin(x)
    >>> asks = Numbers(wrt=(), compute=lambda p: [p.y.size, p.y.max() <= 1], text="(m, whether y ≤ 1)")
    >>> Problem(Question("99.q", "Q", asks, [Map(f, {"x": normal(2)})], ("f",)), seed=0).truth.tolist()
    [2.0, 1.0]
    """

    form: ClassVar = "numbers"
    shape_help: ClassVar = SHAPE_HELP["predicted"]

    def truth(self, p: Problem) -> Any:
        return np.asarray(self.compute(p), dtype=float)


@dataclass(frozen=True)
class Text(Computed):
    """A text that the Question itself defines, such as a name, which the answer must return to the letter, as a str.

    compute: problem -> the text.

    >>> def f(x): return torch.sin(x)
    >>> asks = Text(wrt=(), compute=lambda p: p.map.fn.__name__, text="the function's name")
    >>> Problem(Question("99.q", "Q", asks, [Map(f, {"x": normal(2)})], ("f",)), seed=0).truth
    'f'
    """

    form: ClassVar = "text"

    def scale(self, p: Problem) -> float:
        return 1.0


@dataclass(frozen=True)
class Jacobian(Quantity):
    """The whole Jacobian, with y's dimensions before x's: shape ``y.shape + x.shape``.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Jacobian(), maps, ("f", "x"))
    >>> Problem(q, seed=0).truth.tolist()
    [[2.0, 3.0], [0.0, 4.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("jacobian",)
    shape_help: ClassVar = SHAPE_HELP["jacobian"]
    formula: ClassVar = "J"

    def one(self, block: Block) -> np.ndarray:
        return block.J.reshape(block.y_shape + block.x_shape)

    def equation(self, p: Problem) -> str:
        b = self.blocks(p)[0]
        return EQUATIONS["jacobian"].format(m=b.m, n=b.n)


@dataclass(frozen=True)
class SampleGradients(Quantity):
    """One gradient per sample: f gives one number for each of N samples; shape ``(N,) + wrt's shape``.

    These are the rows of the Jacobian of all N numbers, each in the shape of what is differentiated with respect to.

    >>> def f(w, X): return (X @ w) ** 2
    >>> maps = [Map(f, {"w": fixed([1, 2]), "X": fixed([[1, 0], [0, 1], [1, 1]])})]
    >>> q = Question("99.q", "Q", SampleGradients(wrt="w"), maps, ("f", "w", "X"))
    >>> Problem(q, seed=0).truth.tolist()
    [[2.0, 0.0], [0.0, 4.0], [6.0, 6.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("sample_gradients",)
    shape_help: ClassVar = SHAPE_HELP["sample_gradients"]
    formula: ClassVar = "one gradient per sample"

    def one(self, block: Block) -> np.ndarray:
        return block.J.reshape(-1, *block.x_shape)


@dataclass(frozen=True)
class BatchedVJP(Quantity):
    """One weighted gradient for each of B weights: VJ, of shape ``(B,) + x.shape``.

    The weights are the rows of the Question's extra V, of shape (B, m), where m counts the outputs.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> extras = {"V": lambda generator, p: torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -2.0]])}
    >>> q = Question("99.q", "Q", BatchedVJP(), [Map(f, {"x": fixed([3, 2])})], ("f", "x", "V"), extras=extras)
    >>> Problem(q, seed=0).truth.tolist()
    [[2.0, 3.0], [0.0, 4.0], [2.0, -5.0]]
    """

    kinds: ClassVar[tuple[str, ...]] = ("batched_vjp",)
    shape_help: ClassVar = SHAPE_HELP["batched_vjp"]
    formula: ClassVar = "VJ"

    def one(self, block: Block) -> np.ndarray:
        return (np.asarray(block.p.extras["V"]) @ block.J).reshape(-1, *block.x_shape)

    def equation(self, p: Problem) -> str:
        (B, m), n = p.extras["V"].shape, self.blocks(p)[0].n
        return EQUATIONS["batched_vjp"].format(B=B, m=m, n=n)


@dataclass(frozen=True)
class Row(Quantity):
    """Row i of J, the gradient of y_i, in x's shape; i is an extra of the Question.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Row(), maps, ("f", "x", "i"), extras={"i": lambda generator, p: 1})
    >>> Problem(q, seed=0).truth.tolist()
    [0.0, 4.0]
    """

    kinds: ClassVar[tuple[str, ...]] = ("row",)
    formula: ClassVar = "J[i, :]"

    def one(self, block: Block) -> np.ndarray:
        return block.J[block.p.extras["i"]].reshape(block.x_shape)

    def combined(self, p: Problem) -> tuple[np.ndarray, np.ndarray] | None:
        J = p.jacobians[self.names[0]]
        return J, np.eye(len(J))[p.extras["i"]]


@dataclass(frozen=True)
class Column(Quantity):
    """Column j of J, the derivative of y with respect to x_j, in y's shape; j is an extra of the Question.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Column(), maps, ("f", "x", "j"), extras={"j": lambda generator, p: 1})
    >>> Problem(q, seed=0).truth.tolist()
    [3.0, 4.0]
    """

    kinds: ClassVar[tuple[str, ...]] = ("column",)
    shape_help: ClassVar = SHAPE_HELP["output"]
    formula: ClassVar = "J[:, j]"

    def one(self, block: Block) -> np.ndarray:
        return block.J[:, block.p.extras["j"]].reshape(block.y_shape)

    def shape(self, block: Block) -> tuple[int, ...]:
        return block.y_shape


@dataclass(frozen=True)
class JVP(Quantity):
    """The Jacobian-vector product Ju, in y's shape; u is an extra of the Question, in x's shape.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", JVP(), maps, ("f", "x", "u"), extras={"u": like("x")})
    >>> Problem(q, seed=0).truth.shape
    (2,)
    """

    kinds: ClassVar[tuple[str, ...]] = ("jvp",)
    shape_help: ClassVar = SHAPE_HELP["output"]
    formula: ClassVar = "Ju"

    def formula_on(self, p: Problem) -> str:
        return f"∇f({self.names[0]})·u" if p.y.size == 1 else self.formula

    def one(self, block: Block) -> np.ndarray:
        return (block.J @ block.extra("u")).reshape(block.y_shape)

    def shape(self, block: Block) -> tuple[int, ...]:
        return block.y_shape


@dataclass(frozen=True)
class Output(Quantity):
    """The function's output y, in its own shape, for exercises without derivatives.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Output(), maps, ("x",))
    >>> Problem(q, seed=0).truth.tolist()
    [6.0, 4.0]
    """

    wrt: str | tuple[str, ...] = ()
    kinds: ClassVar[tuple[str, ...]] = ("output",)
    shape_help: ClassVar = SHAPE_HELP["value"]

    def formula_on(self, p: Problem) -> str:
        return p.map.formula or "y"

    def truth(self, p: Problem) -> Any:
        outputs = tuple(y.detach().numpy() for y in p.outputs)
        return outputs if len(outputs) > 1 else outputs[0]

    def scale(self, p: Problem) -> float:
        return float(np.abs(p.y).max(initial=0)) or 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        return self._also(p)


@dataclass(frozen=True)
class _Forward(Output):
    """The value of an operation, the first stage of ``Operation``.

    of: the function that computes it; None for the Map's.
    """

    of: Callable[..., Any] | None = None

    def truth(self, p: Problem) -> Any:
        if self.of is None:
            return super().truth(p)
        return np.asarray(self.of(*p.inputs.values(), **p.map.fixed_args).detach().numpy())

    def formula_on(self, p: Problem) -> str:
        return "y"

    def scale(self, p: Problem) -> float:
        return float(np.abs(self.truth(p)).max(initial=0)) or 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        return self._also(p, "on_value")


@dataclass(frozen=True)
class _Pullback(WeightedGradient):
    """The VJP of an operation, Jᵀv, the second stage of ``Operation``."""

    kinds: ClassVar[tuple[str, ...]] = ("operation",)

    def equation(self, p: Problem) -> str:
        return ""  # an operation is seldom seen as a matrix

    def wrongs(self, p: Problem) -> list[Wrong]:
        found = super().wrongs(p)
        if not isinstance(self.wrt, tuple):
            return found
        ones = [(b.J.T @ b.ones).reshape(b.x_shape) for b in self.blocks(p)]
        truth = list(self.truth(p))
        for k, name in enumerate(self.names):
            forgetful = (*truth[:k], ones[k], *truth[k + 1 :])
            found.append(Wrong("upstream_unused_once", forgetful, {"which": name}))
        return [wrong for wrong in found if wrong.key not in p.question.without]


@dataclass(frozen=True)
class Operation(WeightedGradient):
    """An operation that students write: a function of tensors, or a ``torch.autograd.Function`` with its ``backward``.

    It is judged in stages: its value y; then its VJP, Jᵀv in x's shape, with the Question's weight v, which the answer
    is not given; then, if ``differentiable``, the derivative of that VJP with respect to the inputs and to v.

    function: True if an ``autograd.Function`` is asked for: the class, its ``apply``, or a function that calls it.
    transformed: True if it must work under ``torch.func``, which takes a ``setup_context``.
    value: the function that computes y, if it is not the Map's: the value of a straight-through estimator, say, is
    rounded, while its gradient is that of the Map.

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Operation(), maps, ("x",), weights={"v": fixed([1, -2])})
    >>> [stage.truth.tolist() for stage in Problem(q, seed=0).stages]
    [[6.0, 4.0], [2.0, -5.0]]
    >>> from grader.judge import diagnose
    >>> diagnose(q, lambda x: torch.stack([x[0] * x[1], x[1] ** 2])).status
    'correct'
    """

    function: bool = False
    transformed: bool = False
    value: Callable[..., Any] | None = None

    @property
    def observes(self) -> str:
        return "pulled"

    def found_right_on(self, p: Problem) -> str:
        said = EQUATIONS["value_and_derivatives" if self.differentiable else "value_and_gradient"]
        return said.format(formula=self.formula_on(p))

    def equation(self, p: Problem) -> str:
        return ""

    @property
    def use(self) -> str:  # type: ignore[override]
        return "transformed" if self.transformed else "function" if self.function else "operation"

    @property
    def stages(self) -> tuple[Quantity, ...]:
        return _Forward(of=self.value), _Pullback(self.wrt, text=self.text)

    def pulled_with(self, p: Problem) -> np.ndarray:
        return self.weight(p).reshape(self.value_shape(p))

    def value_shape(self, p: Problem) -> tuple[int, ...]:
        return tuple(p.outputs[0].shape)

    def again_weights(self, p: Problem) -> np.ndarray | None:
        size = sum(p.inputs[name].numel() for name in self.names)
        return np.cos(1.0 + np.arange(size)) if self.differentiable else None

    def once_more(self, p: Problem, step: float = 1e-5) -> tuple[np.ndarray, ...]:
        """The derivative of r·(Jᵀv), r being ``again_weights``, with respect to each input and to v, in their shapes.

        By central differences of the VJP for the inputs, and exactly, as Jr, for v.
        """
        r = self.again_weights(p)
        assert r is not None

        def number(name: str, moved: torch.Tensor) -> float:
            there = p.at(name, moved)
            gradients = there.truth if isinstance(self.wrt, tuple) else (there.truth,)
            return float(r @ np.concatenate([g.reshape(-1) for g in gradients]))

        found = []
        for name in self.names:
            x = p.inputs[name]
            basis = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
            slopes = [(number(name, x + step * e) - number(name, x - step * e)) / (2 * step) for e in basis]
            found.append(np.reshape(slopes, tuple(x.shape)))
        ends = np.cumsum([p.inputs[name].numel() for name in self.names])
        parts = np.split(r, ends[:-1])
        moved_by = sum(p.jacobians[name] @ part for name, part in zip(self.names, parts, strict=True))
        return (*found, np.asarray(moved_by).reshape(self.value_shape(p)))

    def sequel(self, p: Problem, seen: Value) -> str:
        """See ``Quantity.sequel``.  seen: the derivative of the VJP, as ``once_more`` gives it, or none."""
        if not seen.items:
            return "pullback_without_graph"
        found = [item.array for item in seen.items]
        true = self.once_more(p)
        fits = len(found) == len(true) and all(
            a is not None and alike_roughly(a, b) for a, b in zip(found, true, strict=True)
        )
        return "" if fits else "saved_intermediate"


def alike_roughly(a: np.ndarray, b: np.ndarray, rtol: float = 1e-5) -> bool:
    """Whether two arrays have the same shape and agree to the precision of central differences.

    rtol: relative to the largest absolute entry of b, or to 1 if that is larger.
    """
    scale = max(np.abs(b).max(initial=0), 1.0)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= rtol * scale))


@cache
def _belonging(columns: tuple[str, ...]) -> list[tuple[str, str, Derivation]]:
    """The derivations of the catalogue for these kinds: (key of the mistake, kind, derivation)."""
    return [(m.key, column, m.derive[column]) for m in CATALOGUE.values() for column in columns if column in m.derive]


def _cases(result: Any) -> list[tuple[Mapping[str, Any], Any]]:
    """A derivation's result, which may be None, one value or a list of (detail, value) pairs, as such a list."""
    if result is None:
        return []
    if isinstance(result, list):
        return result
    return [({}, result)]


def _as_values(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_as_values(v) for v in value)
    if value is None or isinstance(value, str):
        return value
    return np.asarray(value, dtype=complex if np.iscomplexobj(value) else float)


def _like(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A flat value of the right size reshaped to ``shape``; any other value unchanged."""
    value = np.asarray(value)
    return value.reshape(shape) if value.shape != shape and value.ndim == 1 and value.size == prod(shape) else value
