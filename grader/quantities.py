"""What can be asked for, how each follows from J, and which mistakes belong to it.

J has shape (m, n), ``J[i, j] = ∂y_i/∂x_j``; v is the weight, of length m.  A Quantity turns a
Problem into the truth and into what each mistake of the catalogue would give on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from grader.mistakes import CATALOGUE, Derivation
from grader.probe import Value
from grader.problem import Block, Wrong
from grader.words import EQUATIONS, SHAPE_HELP

if TYPE_CHECKING:
    from grader.problem import Problem


@dataclass(frozen=True)
class Quantity:
    """What a Question asks for.  Subclasses say how it follows from J.

    wrt: the input, or the inputs, that is differentiated by; a tuple asks for a tuple of results.
    differentiable: True where the result must itself be differentiable: the probe differentiates it once more, with
        respect to the first input, and the judge compares that value too.
    frees_graph: True where the graph of the computed argument must have been let go at the end.
    """

    wrt: str | tuple[str, ...] = "x"
    differentiable: bool = False
    frees_graph: bool = False

    kinds: ClassVar[tuple[str, ...]] = ()  # the catalogue's columns that hold its mistakes
    formula: ClassVar[str] = ""
    form: ClassVar[str] = "tensor"  # a key of words.FORMS
    shape_help: ClassVar[str] = SHAPE_HELP["gradient"]
    looks: ClassVar[str] = "returned"
    predicts: ClassVar[bool] = False  # True where the answer is about one fixed problem
    twice: ClassVar[bool] = False  # True where a derivative is differentiated

    @property
    def observes(self) -> str:
        """What the probe looks at after the call: a key of ``probe.OBSERVERS``."""
        return "again" if self.differentiable else "freed" if self.frees_graph else self.looks

    @property
    def looks_at(self) -> tuple[str, ...]:
        """The arguments that the probe looks at."""
        return self.names

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs differentiated by, as a tuple."""
        return self.wrt if isinstance(self.wrt, tuple) else (self.wrt,)

    def weight(self, p: Problem) -> np.ndarray:
        """The weight of all outputs, flattened: (m,); ones where a scalar needs none."""
        if not p.weights:
            return np.ones(p.y.size)
        return np.concatenate([v.detach().numpy().reshape(-1) for v in p.weights.values()])

    def blocks(self, p: Problem) -> list[Block]:
        """The parts of a Problem by the inputs differentiated by, made once."""
        if id(self) not in p.parts:
            v = self.weight(p)
            p.parts[id(self)] = [p.block(name, v) for name in self.names]
        return p.parts[id(self)]

    def one(self, block: Block) -> np.ndarray:
        """The truth for one input."""
        raise NotImplementedError

    def shape(self, block: Block) -> tuple[int, ...]:
        """The shape that flat results are put into: x's, or y's where there is one entry per output."""
        return block.x_shape

    def truth(self, p: Problem) -> Any:
        return self._gather([self.one(block) for block in self.blocks(p)])

    def formula_on(self, p: Problem) -> str:
        """The truth as a formula, in the terms of the Question."""
        return self.formula

    def scale(self, p: Problem) -> float:
        """What a rounding error is relative to: the sum before cancellation, |J|ᵀ|v|, at its largest."""
        sizes = (np.abs(b.J).T @ np.abs(b.v) for b in self.blocks(p))
        return max((float(size.max(initial=0)) for size in sizes), default=1.0) or 1.0

    def again_weights(self, p: Problem) -> np.ndarray | None:
        """The weights with which the probe differentiates a result once more, in the truth's shape."""
        return np.cos(1.0 + np.arange(np.size(p.truth))).reshape(np.shape(p.truth)) if self.differentiable else None

    def sequel(self, p: Problem, seen: Value) -> str:
        """The mistake that shows only in what came after the right values, or ''.

        seen: the derivative of the result, or 1 for a graph that was let go.
        """
        if self.frees_graph:
            return "" if seen.array is not None and float(seen.array) == 1.0 else "graph_kept"
        if seen.array is None:
            return "not_differentiable_again"
        return "" if alike_roughly(seen.array, self._moved(p)) else "graph_cut_inside"

    def _moved(self, p: Problem, step: float = 1e-5) -> np.ndarray:
        """The derivative of the weighted truth by the first input, by central differences of the truth itself."""
        name, r = self.names[0], self.again_weights(p)
        x = p.inputs[name]
        moved = np.empty(x.numel())
        for j, e in enumerate(torch.eye(x.numel(), dtype=x.dtype)):
            ends = [p.at(name, x + sign * step * e.reshape(x.shape)).truth for sign in (1, -1)]
            moved[j] = float(np.sum(r * (ends[0] - ends[1]))) / (2 * step)
        return moved.reshape(tuple(x.shape))

    def equation(self, p: Problem) -> str:
        """How the shapes fit, e.g. ``(2,)·(2×3) → (3,)``; '' where there is nothing to say."""
        return ""

    def rows(self, p: Problem) -> tuple[np.ndarray, np.ndarray] | None:
        """(J, v) where the truth is one weighted sum of the rows of J, else None."""
        return None

    def wrongs(self, p: Problem) -> list[Wrong]:
        """What every mistake of this Quantity gives, the Question's own derivations included."""
        found: list[Wrong] = []
        weights: list[tuple[str, Mapping[str, Any], np.ndarray]] = []
        blocks = self.blocks(p)
        shapes = [self.shape(block) for block in blocks]
        columns = (*self.kinds, "tuple") if isinstance(self.wrt, tuple) else self.kinds
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

    def _weighted(
        self,
        blocks: list[Block],
        shapes: list[tuple[int, ...]],
        weights: list[tuple[str, Mapping[str, Any], np.ndarray]],
    ) -> list[Wrong]:
        """The gradients with other weights, in one product for each input."""
        if not weights:
            return []
        W = np.array([v for _, _, v in weights])
        results = [
            map(np.asarray, (W @ block.J).reshape(len(W), *shape)) for block, shape in zip(blocks, shapes, strict=True)
        ]
        values = zip(*results, strict=True) if isinstance(self.wrt, tuple) else results[0]
        return [Wrong(key, value, detail) for (key, detail, _), value in zip(weights, values, strict=True)]

    def _also(self, p: Problem) -> list[Wrong]:
        """What the Question's own derivations give."""
        return [
            Wrong(mistake.key, _as_values(value), detail)
            for mistake in p.question.also
            if mistake.on_problem
            for detail, value in _cases(mistake.on_problem(p))
        ]

    def _derived(
        self, blocks: list[Block], shapes: list[tuple[int, ...]], key: str, derive: Callable[[Block], Any]
    ) -> list[Wrong]:
        """The mistake made for every input at once, the same way."""
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
    """The vector-Jacobian product Jᵀv, in x's shape: what ``grad_outputs`` and ``gradient`` weight.

    unused: what stands at the place of an input that does not take part: "none" or "zeros"; "" where all do.
    text: the formula as a card shows it, where ``Jᵀv`` would say too little.
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
    """The gradient of one number by x, in x's shape: Jᵀv with a single row and v = 1."""

    kinds: ClassVar[tuple[str, ...]] = ("vjp", "weights")
    formula: ClassVar = "∇f(x)"

    def formula_on(self, p: Problem) -> str:
        plain = self.wrt == "x" or len(self.names) > 1
        return self.text or (self.formula if plain else f"∂f/∂{self.names[0]}")

    def equation(self, p: Problem) -> str:
        return ""


@dataclass(frozen=True)
class Derivative(Gradient):
    """The derivative of one number by one number, a tensor of shape ()."""

    kinds: ClassVar[tuple[str, ...]] = ("vjp", "weights", "derivative")

    def formula_on(self, p: Problem) -> str:
        return f"f′({self.names[0]})"


@dataclass(frozen=True)
class GradState(WeightedGradient):
    """What lies in ``x.grad`` afterwards: Jᵀ times the sum of the weights of all backward calls.

    Several weights for one output mean as many calls of ``backward``, one after another.
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
    """One step of steepest descent, x − η∇f(x), in x's shape; the rate is the extra ``eta``.

    in_place: True where x itself must hold it afterwards.
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
    """A tuple of weighted gradients by one input: one for each weight, each by itself."""

    kinds: ClassVar[tuple[str, ...]] = ()
    formula: ClassVar = "(Jᵀv, Jᵀw, …)"

    def each(self, p: Problem) -> tuple[np.ndarray, ...]:
        """The weights, flattened."""
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
        return found + self._also(p)


@dataclass(frozen=True)
class Hessian(Quantity):
    """All second derivatives of one number, of shape x's + x's."""

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
    """The Hessian times a direction, Hu, in x's shape; u is an extra of the Question, in x's shape."""

    kinds: ClassVar[tuple[str, ...]] = ("hvp",)
    formula: ClassVar = "Hu"
    shape_help: ClassVar = SHAPE_HELP["gradient"]

    def one(self, block: Block) -> np.ndarray:
        return (block.H @ block.extra("u")).reshape(block.x_shape)


@dataclass(frozen=True)
class Laplacian(Hessian):
    """The trace of the Hessian, the sum of the unmixed second derivatives: shape ()."""

    kinds: ClassVar[tuple[str, ...]] = ("laplacian",)
    formula: ClassVar = "Δf = tr H"
    shape_help: ClassVar = SHAPE_HELP["number"]

    def one(self, block: Block) -> np.ndarray:
        return np.asarray(np.trace(block.H))

    def shape(self, block: Block) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True)
class SecondPartial(Laplacian):
    """One entry of the Hessian, ∂²f/∂x_i∂x_j: shape (); i and j are extras of the Question."""

    kinds: ClassVar[tuple[str, ...]] = ("second_partial",)
    formula: ClassVar = "∂²f/∂x_i∂x_j"

    def one(self, block: Block) -> np.ndarray:
        return np.asarray(block.H[block.p.extras["i"], block.p.extras["j"]])


@dataclass(frozen=True)
class NewtonStep(Hessian):
    """x − H⁻¹∇f(x), in x's shape: the stationary point of the second-order model at x."""

    kinds: ClassVar[tuple[str, ...]] = ("newton_step",)
    formula: ClassVar = "x − H⁻¹∇f(x)"
    shape_help: ClassVar = SHAPE_HELP["point"]

    def one(self, block: Block) -> np.ndarray:
        return (block.x - np.linalg.solve(block.H, block.g)).reshape(block.x_shape)

    def scale(self, p: Problem) -> float:
        return float(np.abs(self.truth(p)).max(initial=0)) or 1.0


@dataclass(frozen=True)
class GradientOfSquaredNorm(Hessian):
    """The gradient of ‖∇f(x)‖², which is 2H∇f(x), in x's shape."""

    kinds: ClassVar[tuple[str, ...]] = ("squared_norm",)
    formula: ClassVar = "2H∇f(x)"
    shape_help: ClassVar = SHAPE_HELP["gradient"]

    def one(self, block: Block) -> np.ndarray:
        return (2 * block.H @ block.g).reshape(block.x_shape)


@dataclass(frozen=True)
class NthDerivative(Quantity):
    """The derivative of some order of one number by one number: shape ().

    order: that order, or 0 where the Question's extra ``order`` says it.
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
    """What only the Question itself can say: computed from a Problem's J, H and weights, by a formula that is given.

    compute: problem -> array, or tuple of arrays; None in a tuple where None must be returned.
    text: the formula as a card shows it.
    in_grad: True where it must lie in ``.grad`` of the tensors named by ``by`` afterwards.
    """

    compute: Callable[[Problem], Any] = lambda p: np.zeros(())
    text: str = ""
    in_grad: bool = False
    kinds: ClassVar[tuple[str, ...]] = ()

    @property
    def observes(self) -> str:
        return "grad" if self.in_grad else super().observes

    def formula_on(self, p: Problem) -> str:
        return self.text

    def truth(self, p: Problem) -> Any:
        return _as_values(self.compute(p))

    def scale(self, p: Problem) -> float:
        truth = self.truth(p)
        arrays = [t for t in (truth if isinstance(truth, tuple) else (truth,)) if t is not None]
        return max((float(np.abs(a).max(initial=0)) for a in arrays), default=1.0) or 1.0


@dataclass(frozen=True)
class Jacobian(Quantity):
    """The whole table of partials, of shape y's + x's."""

    kinds: ClassVar[tuple[str, ...]] = ("jacobian",)
    shape_help: ClassVar = SHAPE_HELP["jacobian"]
    formula: ClassVar = "J"

    def one(self, block: Block) -> np.ndarray:
        return block.J.reshape(block.y_shape + block.x_shape)

    def equation(self, p: Problem) -> str:
        b = self.blocks(p)[0]
        return EQUATIONS["jacobian"].format(m=b.m, n=b.n)


@dataclass(frozen=True)
class Row(Quantity):
    """Row i of J, the gradient of y_i, in x's shape; i is an extra of the Question."""

    kinds: ClassVar[tuple[str, ...]] = ("row",)
    formula: ClassVar = "J[i, :]"

    def one(self, block: Block) -> np.ndarray:
        return block.J[block.p.extras["i"]].reshape(block.x_shape)


@dataclass(frozen=True)
class Column(Quantity):
    """Column j of J, how every output moves with x_j, in y's shape; j is an extra of the Question."""

    kinds: ClassVar[tuple[str, ...]] = ("column",)
    shape_help: ClassVar = SHAPE_HELP["output"]
    formula: ClassVar = "J[:, j]"

    def one(self, block: Block) -> np.ndarray:
        return block.J[:, block.p.extras["j"]].reshape(block.y_shape)

    def shape(self, block: Block) -> tuple[int, ...]:
        return block.y_shape


@dataclass(frozen=True)
class JVP(Quantity):
    """The Jacobian-vector product Ju, in y's shape; u is an extra of the Question, in x's shape."""

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
    """The map's own output y: what an exercise asks for before anything is differentiated."""

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


def alike_roughly(a: np.ndarray, b: np.ndarray, rtol: float = 1e-5) -> bool:
    """Whether two arrays have one shape and agree to the precision of a central difference."""
    scale = max(np.abs(b).max(initial=0), 1.0)
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= rtol * scale))


@cache
def _belonging(columns: tuple[str, ...]) -> list[tuple[str, str, Derivation]]:
    """What stands in these columns of the catalogue: (key of the mistake, column, derivation)."""
    return [(m.key, column, m.derive[column]) for m in CATALOGUE.values() for column in columns if column in m.derive]


def _cases(result: Any) -> list[tuple[Mapping[str, Any], Any]]:
    """A derivation's result as (detail, value) pairs: it may give none, one value, or a list of pairs."""
    if result is None:
        return []
    if isinstance(result, list):
        return result
    return [({}, result)]


def _as_values(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_as_values(v) for v in value)
    return None if value is None else np.asarray(value, dtype=float)


def _like(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A flat value in the input's shape; a value of another size stays as it is."""
    value = np.asarray(value)
    return value.reshape(shape) if value.shape != shape and value.ndim == 1 and value.size == prod(shape) else value
