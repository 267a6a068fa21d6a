"""Quantities about models: a loss of several parts and its gradient, parameters, a trained model, a fitted number.

A model's parameters are inputs of the Map, by name, and hidden (``Question.hidden``).  ``Question.computed`` builds the
model from them; it registers these very tensors, which are ``nn.Parameter``, so that their gradients, and their values
after training, can be read by name.  The Map's function computes the same in plain operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch

from grader import formatting
from grader.probe import Value
from grader.problem import ROUGH, Problem, Wrong, alike
from grader.quantities import Computed, Output, Quantity, WeightedGradient
from grader.words import EQUATIONS, SHAPE_HELP

AMPLE = 10  # a condition missed by this many times its tolerance is reported as the cause of the error
FAR = 100  # a model whose error exceeds this many times the largest |u| has diverged
Weights = Callable[[Problem], Sequence[float]]


@dataclass(frozen=True)
class LossParts(Output):
    """The parts of a loss, each a tensor of shape (): a tuple, in the order of the Map's outputs.

    parts: their names.  The mistake in a tuple is that in its first wrong part: the derivation of a mistake in part k
    gives the detail ``{"place": k}`` and the whole tuple.
    differentiable: True if every part must have a gradient with respect to ``wrt``, a parameter.

    >>> def f(x): return (x ** 2).mean(), (x - 1).abs().sum()
    >>> q = Question("99.q", "Q", LossParts(parts=("misfit", "size")), [Map(f, {"x": fixed([3, 2])})], ("x",))
    >>> [part.tolist() for part in Problem(q, seed=0).truth]
    [6.5, 3.0]
    """

    parts: tuple[str, ...] = ()
    shape_help: ClassVar = SHAPE_HELP["number"]

    def places(self, p: Problem) -> tuple[str, ...]:
        return self.parts

    def formula_on(self, p: Problem) -> str:
        return f"({', '.join(self.parts)})"

    def _moved(self, p: Problem, step: float = 0.0) -> np.ndarray:
        """The gradient of the weighted sum of all parts with respect to the parameter, exactly: Jᵀr."""
        (name,) = self.names
        r = self.again_weights(p)
        assert r is not None
        return np.asarray(p.jacobians[name].T @ r).reshape(tuple(p.inputs[name].shape))

    def wrongs(self, p: Problem) -> list[Wrong]:
        found = []
        for key, value, detail, *_ in self._also(p):
            named = {**detail, "place": self.parts[detail["place"]]} if "place" in detail else detail
            found.append(Wrong(key, value, named))
        return found

    def in_entry(self, p: Problem, place: int) -> list[Wrong]:
        return [
            Wrong(wrong.key, wrong.value[place], wrong.detail)
            for wrong in p.wrongs
            if wrong.detail.get("place") == self.parts[place] and isinstance(wrong.value, tuple)
        ]


@dataclass(frozen=True)
class _Weighed(WeightedGradient):
    """The base of a Loss and its two stages: the Map's outputs are the parts of the loss, y, and v their weights."""

    parts: tuple[str, ...] = ()
    weights: Weights = lambda p: ()

    def weight(self, p: Problem) -> np.ndarray:
        v = np.asarray(self.weights(p), dtype=float)
        return v if v.size else np.ones(p.y.size)

    def equation(self, p: Problem) -> str:
        return ""

    def rows(self, p: Problem) -> None:
        return None


@dataclass(frozen=True)
class _LossValue(_Weighed):
    """The value of a loss, v·y."""

    shape_help: ClassVar = SHAPE_HELP["number"]

    def truth(self, p: Problem) -> Any:
        return np.asarray(self.weight(p) @ p.y)

    def scale(self, p: Problem) -> float:
        return float(np.abs(self.weight(p)) @ np.abs(p.y)) or 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        found = [Wrong(key, np.asarray(v @ p.y), detail) for key, detail, v in self._of_kind(p, "loss")]
        return found + self._also(p, "on_value")


@dataclass(frozen=True)
class _LossGradient(_Weighed):
    """The gradient of a loss with respect to the parameters, Jᵀv."""

    def formula_on(self, p: Problem) -> str:
        return EQUATIONS["gradient_of"].format(formula=self.text)

    def wrongs(self, p: Problem) -> list[Wrong]:
        found = []
        for key, detail, v in self._of_kind(p, "loss_gradient"):
            gradients = [(block.J.T @ v).reshape(block.x_shape) for block in self.blocks(p)]
            if not alike(self._gather(gradients), p.truth, p.question.rtol, p.scale):
                found.append(Wrong(key, self._gather(gradients), detail))
        return found + self._also(p)


@dataclass(frozen=True)
class Loss(_Weighed):
    """A loss v·y of several parts y, a tensor of shape () that can be differentiated with respect to the parameters.

    It is judged in stages: its value; then its gradient, Jᵀv, which the probe computes itself, so that a part with the
    right value but no gradient is found.  The Question's own mistakes derive wrong gradients by ``on_problem`` and
    wrong values by ``on_value``.  The gradient of a parameter that takes no part may be None instead of zeros.

    parts: the names of the Map's outputs.  weights: problem -> v, one number for each; by default ones.
    text: the loss as a formula.

    >>> def f(w, x): return torch.stack([(x @ w).mean(), (w ** 2).sum()])
    >>> asks = Loss("w", parts=("score", "decay"), weights=lambda p: (-1, 0.5), text="−mean(x·w) + ½‖w‖²")
    >>> maps = [Map(f, {"w": fixed([3, 2]), "x": fixed([[1, 0], [0, 1]])})]
    >>> q = Question("99.q", "Q", asks, maps, ("w", "x"))
    >>> [stage.truth.tolist() for stage in Problem(q, seed=0).stages]
    [4.0, [2.5, 1.5]]
    >>> [wrong.key for wrong in Problem(q, seed=0).wrongs][:2]
    ['part_left_out', 'part_left_out']
    """

    zero_where_unused: ClassVar = True

    @property
    def observes(self) -> str:
        return "pulled"

    @property
    def use(self) -> str:  # type: ignore[override]
        return "operation"

    @property
    def stages(self) -> tuple[Quantity, ...]:
        settings = {"parts": self.parts, "weights": self.weights, "text": self.text}
        return _LossValue(self.wrt, **settings), _LossGradient(self.wrt, **settings)  # type: ignore[arg-type]

    def formula_on(self, p: Problem) -> str:
        return self.text or " + ".join(self.parts)

    def found_right_on(self, p: Problem) -> str:
        return EQUATIONS["loss_and_gradient"].format(formula=self.formula_on(p))

    def pulled_with(self, p: Problem) -> np.ndarray:
        return np.ones(())

    @np.errstate(all="ignore")  # values near the largest float overflow
    def otherwise(self, p: Problem, value: Value, gradients: Value) -> Mapping[str, Mapping[str, Any]]:
        """The mistakes of adding up the parts with other weights, in value and gradient or in the gradient alone.

        The weights follow from the gradient if the parts' gradients are linearly independent.
        """
        arrays = [item.array for item in gradients.items]
        if value.array is None or len(arrays) != len(self.names):
            return {}
        rows, found = [], []
        for block, array in zip(self.blocks(p), arrays, strict=True):
            if array is None or np.iscomplexobj(array) or array.shape != block.x_shape:
                return {}
            rows.append(block.J)
            found.append(array.reshape(-1))
        J, gradient = np.hstack(rows), np.concatenate(found)
        if not np.isfinite(gradient).all() or np.linalg.matrix_rank(J) < len(J):  # the weights would not be unique
            return {}
        try:
            w = np.linalg.lstsq(J.T, gradient, rcond=None)[0]
        except np.linalg.LinAlgError:
            return {}
        size = max(p.scale, float(np.abs(gradient).max(initial=0)), abs(float(value.array)))
        gradient_fits = np.abs(J.T @ w - gradient).max() <= ROUGH * size
        fits = gradient_fits and abs(w @ p.y - float(value.array)) <= ROUGH * size
        right = abs(self.weight(p) @ p.y - float(value.array)) <= ROUGH * size
        if not (fits or (right and gradient_fits)) or np.abs(w - self.weight(p)).max() <= ROUGH * np.abs(w).max():
            return {}
        w[np.abs(w) <= 1e-6 * np.abs(w).max()] = 0.0
        terms = [f"{formatting.number(factor)} · {part}" for factor, part in zip(w, self.parts, strict=True)]
        key = "parts_weighted_otherwise" if fits else "gradient_weighted_otherwise"
        return {key: {"weights": " + ".join(terms).replace("+ −", "− ")}}


def _known(p: Problem, value: np.ndarray) -> bool:
    """Whether a value equals the truth, or what a mistake gives, within the tolerance."""
    tolerated = p.question.asks.tolerated
    return any(alike(value, known, tolerated, p.scale) for known in (p.truth, *(wrong.value for wrong in p.wrongs)))


@dataclass(frozen=True)
class Trained(Quantity):
    """A model, an argument of the answer, that must be trained in place until it solves an equation.

    Only the parameters come back from the student's side.  The judge puts them into the Map's function,
    which gives u at points that the answer never sees, compares u with the exact solution, and finds by forward mode
    whether the equation or its boundary values are violated.  What the answer returns is ignored.

    Grading poses the same problems as the check: training that reaches the tolerance on one problem may miss it on
    another, and nobody should lose points for that.

    wrt: the parameters, in the order in which the model registers them.  model: the argument that is the model.
    exact: problem -> u at the Map's points, in the shape of the Map's output.
    residual, boundary: problem -> array of any shape: by how much u misses the equation, and the boundary values; the
    problem has the trained parameters as its inputs.
    tolerance: the largest error of u, relative to the largest |u|.
    residual_tolerance, boundary_tolerance: the root mean square residual, and the largest error at the boundary, that
    are allowed, both absolute.  If one is met and the other exceeded by a factor of ``AMPLE``, that one is reported as
    the cause of the error; by a smaller factor, training may merely be unfinished, since one of them falls first.
    along: the Map's input along which a card draws u; "" for none.

    >>> def line(w, x): return w[0] + w[1] * x
    >>> class Line(torch.nn.Module):
    ...     def __init__(self, w): super().__init__(); self.w = w
    ...     def forward(self, x): return line(self.w, x)
    >>> asks = Trained("w", model="u", exact=lambda p: 1 + 2 * p.inputs["x"].numpy())
    >>> maps = [Map(line, {"w": normal(2), "x": fixed([0, 0.5, 1])})]
    >>> q = Question("99.q", "Q", asks, maps, ("w", "u"), computed={"u": Line}, hidden=("w",), leaves=("w",))
    >>> Problem(q, seed=0).truth.tolist()
    [1.0, 2.0, 3.0]
    >>> from grader.judge import diagnose
    >>> diagnose(q, lambda u: u.w.data.copy_(torch.tensor([1.0, 2.001]))).status
    'correct'
    >>> diagnose(q, lambda u: u.zero_grad()).mistake
    'untrained'
    """

    model: str = "u"
    exact: Callable[[Problem], Any] = lambda p: p.y
    residual: Callable[[Problem], Any] = lambda p: np.zeros(1)
    boundary: Callable[[Problem], Any] = lambda p: np.zeros(1)
    tolerance: float = 0.01
    residual_tolerance: float = 0.1
    boundary_tolerance: float = 0.01
    along: str = ""
    text: str = ""
    apart: ClassVar = True
    drawn_once: ClassVar = True
    shape_help: ClassVar = SHAPE_HELP["value"]

    @property
    def observes(self) -> str:
        return "parameters"

    @property
    def looks_at(self) -> tuple[str, ...]:
        return (self.model,)

    def formula_on(self, p: Problem) -> str:
        return self.text or self.model

    def truth(self, p: Problem) -> Any:
        return np.asarray(self.exact(p), dtype=float).reshape(tuple(p.outputs[0].shape))

    def scale(self, p: Problem) -> float:
        return float(np.abs(self.truth(p)).max(initial=0)) or 1.0

    @property
    def tolerated(self) -> float:
        return self.tolerance

    def wrongs(self, p: Problem) -> list[Wrong]:
        return self._also(p)

    def curve(self, p: Problem) -> tuple[str, np.ndarray] | None:
        return (self.along, p.inputs[self.along].numpy().reshape(-1)) if self.along else None

    def read(self, p: Problem, value: Value) -> Value:
        """u at the Map's points, from the trained parameters."""
        trained = self._with(p, value)
        if trained is None or not np.isfinite(trained.y).all():
            return Value("other")
        return Value("tensor", trained.outputs[0].numpy(), "float64", type_name="Tensor")

    @np.errstate(all="ignore")  # parameters near the largest float overflow
    def told(self, p: Problem, value: Value) -> tuple[str, Mapping[str, Any]] | None:
        arrays = [item.array for item in value.items if item.array is not None]
        if not all(np.isfinite(array).all() for array in arrays):
            return "training_diverged", {"model": self.model}
        trained = self._with(p, value)
        if trained is None:
            return "model_changed", {"model": self.model}
        u = trained.outputs[0].numpy()
        if _known(p, u):
            return None
        if all(np.array_equal(array, p.inputs[name].numpy()) for name, array in zip(self.names, arrays, strict=True)):
            return "untrained", {"model": self.model}
        error = float(np.abs(u - p.truth).max())
        if not error <= FAR * p.scale:  # true for nan, too
            return "training_diverged", {"model": self.model}
        residual = float(np.sqrt(np.mean(np.square(self.residual(trained)))))
        boundary = float(np.abs(self.boundary(trained)).max())
        solves, fits = residual <= self.residual_tolerance, boundary <= self.boundary_tolerance
        key = "not_trained_enough"
        if solves and boundary > AMPLE * self.boundary_tolerance:
            key = "boundary_missed"
        elif fits and residual > AMPLE * self.residual_tolerance:
            key = "equation_missed"
        return key, {
            "model": self.model,
            "error": formatting.number(error),
            "allowed": formatting.number(self.tolerance * p.scale),
            "residual": formatting.number(residual),
            "boundary": formatting.number(boundary),
        }

    def _with(self, p: Problem, value: Value) -> Problem | None:
        """The problem with the parameters that came back; None if their number or shapes are not the model's."""
        arrays = [item.array for item in value.items]
        if len(arrays) != len(self.names):
            return None
        for name, array in zip(self.names, arrays, strict=True):
            if array is None or np.iscomplexobj(array) or array.shape != tuple(p.inputs[name].shape):
                return None
            p = p.at(name, torch.from_numpy(array.astype(float)))
        return p


@dataclass(frozen=True)
class Parameters(Computed):
    """The parameters of a model after the answer has run: a tuple, each in its own shape, in the order of ``wrt``.

    model: the name of the argument, made by ``Question.computed``, whose parameters they are.

    >>> class Scale(torch.nn.Module):
    ...     def __init__(self, w):
    ...         super().__init__()
    ...         self.w = w
    >>> def f(w): return (w ** 2).sum()
    >>> asks = Parameters(wrt=("w",), compute=lambda p: (0.5 * p.inputs["w"].numpy(),))
    >>> settings = {"computed": {"model": Scale}, "hidden": ("w",)}
    >>> q = Question("99.q", "Q", asks, [Map(f, {"w": fixed([2, 4])})], ("w", "model"), **settings)
    >>> from grader.judge import diagnose
    >>> diagnose(q, lambda model: model.w.data.mul_(0.5)).status
    'correct'
    >>> diagnose(q, lambda model: 0.5 * model.w).status  # returned, and the model left unchanged
    'multiple'
    """

    model: str = "model"

    @property
    def observes(self) -> str:
        return "parameters"

    @property
    def looks_at(self) -> tuple[str, ...]:
        return (self.model,)


@dataclass(frozen=True)
class Fitted(Computed):
    """A number, of shape (), that the answer finds by its own search; it is right if it is close enough.

    start: the name of the extra where the search begins.  tolerance: relative to the truth.

    >>> def f(k): return 2 * k
    >>> extras = {"k0": lambda generator, p: torch.tensor(1.0, dtype=torch.float64)}
    >>> asks = Fitted(compute=lambda p: p.inputs["k"].numpy(), start="k0", text="k")
    >>> q = Question("99.q", "Q", asks, [Map(f, {"k": fixed(3)})], ("k0",), extras=extras)
    >>> from grader.judge import diagnose
    >>> [diagnose(q, lambda k0: k0 + step).status for step in (2.0, 2.001)]
    ['correct', 'correct']
    >>> diagnose(q, lambda k0: k0 + 1.9).mistake
    'search_not_finished'
    """

    wrt: str | tuple[str, ...] = ()
    start: str = ""
    tolerance: float = 1e-3
    apart: ClassVar = True

    @property
    def tolerated(self) -> float:
        return self.tolerance

    @np.errstate(all="ignore")
    def told(self, p: Problem, value: Value) -> tuple[str, Mapping[str, Any]] | None:
        start, k = float(p.extras[self.start]), value.array
        if k is None or k.shape != () or np.iscomplexobj(k) or not np.isfinite(k):
            return None
        if _known(p, k):
            return None
        way = float((k - start) / (p.truth - start))  # 0 at the start, 1 at the truth
        key = "search_not_finished" if 0 < way < 1 else "search_passed_by" if 1 < way < 2 else "search_went_away"
        facts = {
            "start": start,
            "found": float(k),
            "away": abs(float(k - p.truth)),
            "allowed": self.tolerance * p.scale,
        }
        return key, {name: formatting.number(fact) for name, fact in facts.items()}
