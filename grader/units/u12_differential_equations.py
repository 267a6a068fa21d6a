"""Unit 12: derivatives of a network with respect to its input, and differential equations solved with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from grader.jacobian import forward_mode
from grader.mistakes import Mistake
from grader.models import Fitted, LossParts, Trained
from grader.predictions import Facts
from grader.problem import Map, Problem, Sampler, fixed, mixed_signs, normal, uniform
from grader.quantities import Computed
from grader.question import Question
from grader.units import u12_functions as functions

PARAMETERS = ("W", "b", "a", "s")  # of functions.ansatz, which draws them side by side


@dataclass(frozen=True)
class _OfNetwork(Computed):
    """A quantity made of a network's derivatives with respect to its input; one of them is differentiated again.

    wrt: a parameter, with respect to which the probe differentiates
        what is ``differentiable``, as training does.
    """

    wrt: str | tuple[str, ...] = ()
    twice: ClassVar = True
    show: Callable[[Problem], Mapping[str, str]] = lambda p: {"u": p.map.formula}  # what a card shows for the network
    shape_help: ClassVar[str] = "u has one value at every point, of shape (N, 1), and so has what is made of it here."


# --- networks, and their derivatives at every point by forward mode


def _network(fn: Any, formula: str, kinds: tuple[int, ...], **inputs: Sampler) -> Map:
    """A Map whose inputs are a network's parameters and those of ``inputs`` that the network takes: x, t or X.

    kinds: for each hidden unit 0, for tanh, or 1, for sin.
    """
    h, taken = len(kinds), tuple(name for name in inputs if name in ("x", "t", "X"))
    k = sum(inputs[name](torch.Generator()).shape[1] for name in taken)
    parameters: dict[str, Sampler] = {"W": mixed_signs(h, k), "b": normal(h), "a": mixed_signs(h, 1), "s": fixed(kinds)}
    return Map(fn, {**parameters, **inputs}, formula, takes=(*PARAMETERS, *taken))


TANH, SIN, MIXED = (0, 0, 0, 0), (1, 1, 1), (0, 1, 0, 1, 0)

Place = str | tuple[str, int]  # an input of shape (N, 1), or an input and one of its columns


def derivative(p: Problem, *places: Place) -> np.ndarray:
    """The network's derivative with respect to these inputs in turn, at every point: (N, 1).

    By nested forward mode: all points move at once, which is correct because u's value at a point depends on that
    point alone.  Without places it is the value.
    """
    if places not in p.seconds:

        def u(inputs: dict[str, Tensor]) -> Any:
            return p.forward(*inputs.values())

        slope: Callable[[dict[str, Tensor]], Any] = u
        for place in places:
            slope = _slope(slope, place)
        p.seconds[places] = slope(p.inputs).detach().numpy()
    found: np.ndarray = p.seconds[places]
    return found


def _slope(f: Callable[[dict[str, Tensor]], Any], place: Place) -> Callable[[dict[str, Tensor]], Any]:
    name, column = place if isinstance(place, tuple) else (place, 0)

    def slope(inputs: dict[str, Tensor]) -> Any:
        x = inputs[name]
        direction = torch.zeros_like(x)
        direction[:, column] = 1
        return torch.func.jvp(lambda z: f({**inputs, name: z}), (x,), (direction,))[1]

    return slope


def _number(low: float, high: float) -> Callable[[torch.Generator, Problem], float]:
    return lambda generator, p: float(uniform(low, high)(generator))


# --- 12.predict_coupled


def _own(f: Callable[[Tensor], Tensor]) -> Callable[[], bool]:
    """Whether ``grad(u, x, ones_like(u))`` holds ∂uᵢ/∂xᵢ in every row i, for u = f(x)."""

    def test() -> bool:
        x = torch.linspace(-1, 2, 6, dtype=torch.float64)[:, None].requires_grad_()
        u = f(x)
        (g,) = torch.autograd.grad(u, x, torch.ones_like(u))
        J = torch.autograd.functional.jacobian(f, x)[:, 0, :, 0]
        return torch.allclose(g[:, 0], J.diagonal())

    return test


def _model(*middle: nn.Module) -> nn.Sequential:
    """A network from 1 to 5 to 1, always the same, with these modules after the hidden layer."""
    model = nn.Sequential(nn.Linear(1, 5), nn.Tanh(), *middle, nn.Linear(5, 1)).double()
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_(torch.cos(k + torch.arange(p.numel(), dtype=p.dtype)).reshape(p.shape))
    return model


# --- mistakes that more than one question can meet


def _squared(residual: np.ndarray) -> list[tuple[dict[str, Any], Any]]:
    return [({}, residual**2), ({}, np.mean(residual**2)), ({}, np.sum(residual**2)), ({}, np.mean(residual))]


def _tables(left: np.ndarray, right: np.ndarray) -> list[tuple[dict[str, Any], Any]]:
    """left − right, (N, 1) each, if one of the two has lost its second dimension: (N, N)."""
    return [({}, left.T - right), ({}, left - right.T)]


SLOPE_SQUARED = Mistake(
    "slope_squared",
    formula="(u_x)² for u_xx",
    name="the square of the slope for the second derivative",
    says="the square of the first derivative stands where the second derivative belongs.",
    why="(u_x)² is the slope times itself. u_xx says how the slope changes from point to point: differentiate u_x, "
    "which has a graph if the first call was told `create_graph=True`, once more.",
)
MIXED_FOR_SECOND = Mistake(
    "mixed_for_second",
    formula="u_xt for u_xx",
    name="the mixed derivative for u_xx",
    says="u_xt, the mixed derivative, stands where u_xx belongs.",
    why="Both calls differentiate with respect to x. If t stands in the second, you learn how the slope in x changes "
    "as time goes on.",
)
SECOND_IN_TIME = Mistake(
    "second_in_time",
    formula="u_tt for u_xx",
    name="u_tt for u_xx",
    says="u_tt, the second derivative in time, stands where u_xx belongs.",
    why="Check with respect to which variable each of your calls differentiates.",
)
POINTS_AVERAGED = Mistake(
    "points_averaged",
    formula="u_x / N",
    name="derivatives divided by N",
    says="a derivative is divided by N, the number of points.",
    why="`u.mean()` weights every point with 1/N, and so does the mean of a derivative. A sum, or "
    "`grad_outputs=torch.ones_like(u)`, weights each with 1.",
)
POINTS_SUMMED = Mistake(
    "points_summed",
    formula="Σ u_x",
    name="derivatives added up over the points",
    says="here the derivatives at all points are added up.",
    why="Every point has its own. A sum before `autograd.grad` adds no derivatives up, since each point keeps its own "
    "place in the result; a sum afterwards does.",
)
VALUES_AS_WEIGHTS = Mistake(
    "values_as_weights",
    formula="u · u_x",
    name="the values themselves as weights",
    says="some derivative is weighted with values, those of what was differentiated or those of x.",
    why="`grad_outputs` says how much each point counts. Each counts 1 here: `torch.ones_like(u)`, not u or x.",
)
RESIDUAL_SQUARED = Mistake(
    "residual_squared",
    formula="r² or its mean",
    name="the loss, or a part of it, for the residual",
    says="this is made of the right residual, but squared, added up or averaged.",
    why="The residual is wanted as it is, with its sign, one number at every point. The loss comes later.",
)
EVERY_PAIR = Mistake(
    "every_pair_of_points",
    formula="(N, 1) − (N,)",
    name="a table of all pairs of points",
    says="this is a table of all pairs of points: one term from point i, another from point j.",
    why="A tensor of shape (N,) met one of shape (N, 1), and broadcasting made N rows of N out of them. Somewhere a "
    "dimension was lost: by `sum(dim=1)` without `keepdim=True`, by an index or by `squeeze()`. The product `@` of a "
    "column and a row makes such a table, too.",
)
RESIDUAL_TURNED = Mistake(
    "residual_turned",
    name="the residual with its sign turned",
    says="this is the residual with its sign turned.",
    why="Take the left side of the equation minus the right side. A loss that squares it would not mind; this check "
    "does.",
    on_problem=lambda p: -p.truth,
)
ARGUMENTS_EXCHANGED = Mistake(
    "arguments_exchanged",
    formula="u(t, x)",
    name="u called with its arguments exchanged",
    says="u was called with its arguments exchanged, as u(t, x).",
    why="The network takes x first and t second. Both have the same shape, so no error is raised.",
)


def _exchanged(p: Problem) -> Problem:
    """The problem with x and t swapped."""
    return p.at("x", p.inputs["t"]).at("t", p.inputs["x"])


def _two_exchanged(p: Problem) -> Any:
    """u_x and u_xx if u is called as u(t, x)."""
    there = _exchanged(p)
    return derivative(there, "t"), derivative(there, "t", "t")


# --- 12.two_derivatives


def _u_x(p: Problem) -> np.ndarray:
    return derivative(p, "x")


def _u_t(p: Problem) -> np.ndarray:
    return derivative(p, "t")


def _u_xx(p: Problem) -> np.ndarray:
    return derivative(p, "x", "x")


def _u_xt(p: Problem) -> np.ndarray:
    return derivative(p, "x", "t")


def _u_tt(p: Problem) -> np.ndarray:
    return derivative(p, "t", "t")


def _two(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    return _u_x(p), _u_xx(p)


def _two_averaged(p: Problem) -> Any:
    u_x, u_xx = _two(p)
    N = len(u_x)
    return [({}, (u_x / N, u_xx / N**2)), ({}, (u_x / N, u_xx / N)), ({}, (u_x, u_xx / N))]


def _two_summed(p: Problem) -> Any:
    sums = [np.sum(g) for g in _two(p)]
    return [({}, tuple(np.reshape(g, shape) for g in sums)) for shape in ((), (1,), (1, 1))]


def _two_weighted(p: Problem) -> Any:
    """The results with y as grad_outputs in the first call or in both, or with u_x in the second."""
    u, u_x, u_xx = derivative(p), *_two(p)
    again = u_x**2 + u * u_xx  # the derivative of u · u_x
    x = p.inputs["x"].numpy()
    firsts = [(u * u_x, again), (u * u_x, u * u_x * again), (u_x, u_x * u_xx), (u_x, u * u_xx), (u * u_x, u * again)]
    firsts += [(x * u_x, x * (u_x + x * u_xx)), (x * u_x, u_x + x * u_xx)]
    return [({}, pair) for pair in firsts]


TIME_FOR_PLACE = Mistake(
    "t_for_x",
    formula="u_t for u_x",
    name="with respect to t",
    says="the first entry is u_t: the first call differentiates with respect to t.",
    why="u_x is how u changes if x moves and t stays. The second argument of `autograd.grad` says which tensor moves.",
    on_problem=lambda p: [({}, (_u_t(p), second(p))) for second in (_u_tt, _u_xt, _u_xx)],
)
BOTH_IN_SECOND = Mistake(
    "both_slopes_differentiated",
    formula="u_xx + u_xt",
    name="u_t differentiated along with u_x",
    says="the second entry is u_xx + u_xt.",
    why="Where `autograd.grad` is given several outputs, or their sum, it adds up what they contribute. Hand u_x alone "
    "to the second call.",
    on_problem=lambda p: (_u_x(p), _u_xx(p) + _u_xt(p)),
)
DERIVATIVES_EXCHANGED = Mistake(
    "derivatives_exchanged",
    formula="(u_xx, u_x)",
    name="the two results exchanged",
    says="both results are right, but they stand in each other's place.",
    why="The first derivative comes first.",
    on_problem=lambda p: _two(p)[::-1],
)
SECOND_ON_FIRST = Mistake(
    "second_on_first",
    formula="u_x + u_xx",
    name="the second derivative added to the first",
    says="an entry holds u_x + u_xx.",
    why="`backward` adds to `x.grad`, which still held u_x. `autograd.grad` returns each derivative by itself.",
    on_problem=lambda p: [({}, (first, _u_x(p) + _u_xx(p))) for first in (_u_x(p), _u_x(p) + _u_xx(p))],
)
ONE_ORDER_LOW = Mistake(
    "one_order_low",
    formula="(u, u_x), (u_x, u_x)",
    name="a derivative too few",
    says="here u_x stands in the place of u_xx.",
    why="Every derivative takes a call of its own: the first gives u_x, and the second, given u_x, gives u_xx.",
    on_problem=lambda p: [({}, (first, _u_x(p))) for first in (derivative(p), _u_x(p))],
)

# --- 12.ode_residual


def _oscillator(p: Problem, u2: Any = None, u1: Any = None, u0: Any = None, f: float = -1) -> np.ndarray:
    """u″ + 2ζω u′ + ω² u − f(t), with other terms where they are given, and another factor for f."""
    zeta, omega = p.extras["zeta"], p.extras["omega"]
    terms = {"t": p.inputs["t"], "c": p.drawn["c"]}
    return np.asarray(
        (derivative(p, "t", "t") if u2 is None else u2)
        + (2 * zeta * omega * derivative(p, "t") if u1 is None else u1)
        + (omega**2 * derivative(p) if u0 is None else u0)
        + f * functions.swing(terms["c"], terms["t"]).numpy()
    )


def _damping(factor: Callable[[float, float], float]) -> Callable[[Problem], Any]:
    return lambda p: _oscillator(p, u1=factor(p.extras["zeta"], p.extras["omega"]) * derivative(p, "t"))


def _oscillator_averaged(p: Problem) -> Any:
    """u′ and u″ divided by N, as ``u.mean()`` gives them, and u″ once more by a second mean."""
    zeta, omega = p.extras["zeta"], p.extras["omega"]
    u1, u2 = derivative(p, "t"), derivative(p, "t", "t")
    N = len(u1)
    return [
        ({}, _oscillator(p, u2=u2 / N**power, u1=2 * zeta * omega * u1 / N**first))
        for power, first in ((2, 1), (1, 1), (1, 0))
    ]


def _oscillator_exchanged(p: Problem) -> np.ndarray:
    zeta, omega = p.extras["zeta"], p.extras["omega"]
    return _oscillator(p, u2=derivative(p, "t"), u1=2 * zeta * omega * derivative(p, "t", "t"))


def _oscillator_weighted(p: Problem) -> Any:
    """The results with u as grad_outputs in the first call, and with u′ in the second."""
    c = 2 * p.extras["zeta"] * p.extras["omega"]
    u, u1, u2 = derivative(p), derivative(p, "t"), derivative(p, "t", "t")
    again = u1**2 + u * u2
    return [
        *(({}, _oscillator(p, u2=second, u1=c * u * u1)) for second in (again, u * u1 * again)),
        *(({}, _oscillator(p, u2=second)) for second in (u1 * u2, u * u2)),
    ]


def _slips(p: Problem) -> Any:
    """Residuals with one wrong term: the detail {term} is the right term, {what} the one in its place."""
    zeta, omega = p.extras["zeta"], p.extras["omega"]
    u, u1 = derivative(p), derivative(p, "t")
    return [
        ({"term": "ω² u", "what": "2ω u"}, _oscillator(p, u0=2 * omega * u)),
        ({"term": "ω² u", "what": "ω² alone"}, _oscillator(p, u0=omega**2)),
        ({"term": "ω² u", "what": "(ωu)²"}, _oscillator(p, u0=(omega * u) ** 2)),
        ({"term": "ω² u", "what": "u alone"}, _oscillator(p, u0=u)),
        ({"term": "2ζω u′", "what": "2ζω alone"}, _oscillator(p, u1=2 * zeta * omega)),
        ({"term": "2ζω u′", "what": "2ζω u"}, _oscillator(p, u1=2 * zeta * omega * u)),
        ({"term": "2ζω u′ + ω² u", "what": "2ζω u + ω² u′"}, _oscillator(p, u1=2 * zeta * omega * u, u0=omega**2 * u1)),
        ({"term": "u″", "what": "nothing"}, _oscillator(p, u2=0.0)),
        ({"term": "u″", "what": "u″ + u′, as `.grad` holds after a second `backward`"}, _oscillator(p) + u1),
    ]


TERM_SLIPPED = Mistake(
    "term_slipped",
    formula="{what} for {term}",
    name="a term that is not the equation's",
    says="where {term} belongs, there is {what}.",
    why="Compare your last line with the equation, term by term.",
    on_problem=_slips,
)
FORCE_ADDED = Mistake(
    "force_added",
    formula="… + f(t)",
    name="the sign of f",
    says="f is added; it must be subtracted.",
    why="The residual is the left side of the equation minus the right side, so that it is 0 where the equation holds.",
    on_problem=lambda p: _oscillator(p, f=1),
)
FORCE_LEFT_OUT = Mistake(
    "force_left_out",
    formula="u″ + 2ζω u′ + ω² u",
    name="f left out",
    says="this is the left side of the equation alone; f is missing.",
    why="The residual is the left side minus the right side, f(t).",
    on_problem=lambda p: _oscillator(p, f=0),
)
OMEGA_UNSQUARED = Mistake(
    "omega_unsquared",
    formula="ω u",
    name="ω where ω² belongs",
    says="u is multiplied by ω; it must be multiplied by ω².",
    why="No error is raised: the shapes are right, and so is every derivative. Compare your last line with the "
    "equation, term by term.",
    on_problem=lambda p: _oscillator(p, u0=p.extras["omega"] * derivative(p)),
)
DAMPING_SIGN = Mistake(
    "damping_sign",
    formula="− 2ζω u′",
    name="the sign of the damping",
    says="2ζω u′ is subtracted; it must be added.",
    why="With a minus, the force would push in the direction in which the mass already moves.",
    on_problem=_damping(lambda zeta, omega: -2 * zeta * omega),
)
DAMPING_FACTOR = Mistake(
    "damping_factor",
    formula="{factor} u′",
    name="a factor of the damping",
    says="u′ is multiplied by {factor}; it must be multiplied by 2ζω.",
    why="Compare your last line with the equation, term by term.",
    on_problem=lambda p: [
        ({"factor": said}, _damping(factor)(p))
        for said, factor in (
            ("ζω", lambda zeta, omega: zeta * omega),
            ("2ζ", lambda zeta, omega: 2 * zeta),
            ("2ω", lambda zeta, omega: 2 * omega),
            ("ζ", lambda zeta, omega: zeta),
            ("0", lambda zeta, omega: 0.0),
        )
    ],
)
FIRST_FOR_SECOND = Mistake(
    "first_for_second",
    formula="u′ for u″",
    name="the first derivative in the place of the second",
    says="the first derivative stands where the second belongs.",
    why="The second derivative takes a second call of `autograd.grad`, to which the first derivative is given.",
    on_problem=lambda p: [({}, _oscillator(p, u2=derivative(p, "t"))), ({}, _oscillator_exchanged(p))],
)
VALUE_LEFT_OUT = Mistake(
    "value_left_out",
    formula="u″ + 2ζω u′ − f",
    name="the term with u left out",
    says="the term ω² u is missing.",
    why="The spring pulls harder the farther the mass is from rest: the value of u belongs to the residual, too.",
    on_problem=lambda p: _oscillator(p, u0=0.0),
)

DECLARED_TOO_LATE = (
    "Autograd followed the graph back and never met this t. u must be computed from the very tensor that requires a "
    "gradient: declare t first, `t.requires_grad_()`, and call u afterwards. A copy or a slice of t is another tensor. "
    "If it is the second call that stops: `requires_grad_()` on a derivative makes a leaf of it, with no way back to "
    "t; `create_graph=True` in the first call is what it needs."
)

# --- 12.poisson_residual


def _entry(p: Problem, i: int, j: int) -> np.ndarray:
    return derivative(p, ("X", i), ("X", j))


def _d(p: Problem) -> int:
    return int(p.inputs["X"].shape[1])


def _gradient(p: Problem) -> np.ndarray:
    """∇u at every point: (N, d)."""
    return np.concatenate([derivative(p, ("X", i)) for i in range(_d(p))], axis=1)


def _pure(p: Problem) -> np.ndarray:
    """∂²u/∂xᵢ² at every point: (N, d)."""
    return np.concatenate([_entry(p, i, i) for i in range(_d(p))], axis=1)


def _laplacian(p: Problem) -> np.ndarray:
    return np.sum(_pure(p), axis=1, keepdims=True)


def _rows(p: Problem) -> np.ndarray:
    """Each row of the Hessian added up, at every point: (N, d)."""
    return np.concatenate([sum(_entry(p, i, j) for j in range(_d(p))) for i in range(_d(p))], axis=1)


def _f(p: Problem) -> np.ndarray:
    return functions.load(p.drawn["c"], p.inputs["X"]).numpy()


def _poisson(p: Problem, laplacian: Any) -> np.ndarray:
    """−Δu − f, with ``laplacian`` for Δu."""
    return np.asarray(-laplacian - _f(p))


def _poisson_with(*others: Callable[[Problem], Any]) -> Callable[[Problem], Any]:
    return lambda p: [({}, _poisson(p, other(p))) for other in others]


def _added(values: Callable[[Problem], np.ndarray]) -> Callable[[Problem], np.ndarray]:
    return lambda p: values(p).sum(axis=1, keepdims=True)


ALL_OF_HESSIAN = Mistake(
    "all_of_hessian_at_points",
    formula="Σᵢⱼ ∂²u/∂xᵢ∂xⱼ for Δu",
    name="all entries of H added up",
    says="here Δu is the sum of all entries of the Hessian, the mixed ones included.",
    why="The derivative of g.sum() brings every coordinate of g in: entry i of it is the sum of row i of H. "
    "Differentiate one column of g at a time, and take the same coordinate of what you get.",
    on_problem=_poisson_with(_added(_rows)),
)
ROWS_OF_HESSIAN = Mistake(
    "rows_of_hessian_at_points",
    formula="Σⱼ ∂²u/∂xᵢ∂xⱼ",
    name="the rows of H, each added up",
    says="this has one entry for each coordinate: a row of the Hessian, added up.",
    why="Δu is one number at every point. And g.sum() brings in the mixed derivatives, which do not belong to it: "
    "differentiate one column of g at a time.",
    on_problem=_poisson_with(_rows),
)
PURE_UNSUMMED = Mistake(
    "second_derivatives_unsummed",
    formula="∂²u/∂xᵢ²",
    name="second derivatives not added up",
    says="these are the terms of the Laplacian side by side, not added up.",
    why="Δu is one number at every point: the sum over the coordinates, of shape (N, 1).",
    on_problem=_poisson_with(_pure),
)
ONE_COORDINATE = Mistake(
    "one_coordinate_only",
    formula="∂²u/∂xₖ² for Δu",
    name="one coordinate only",
    says="of the Laplacian, only the term of coordinate {k} is there.",
    why="Δu has a term for every coordinate. In a loop, add each to a total; a `return` inside the loop ends it.",
    on_problem=lambda p: [({"k": k}, _poisson(p, _entry(p, k, k))) for k in range(_d(p))],
)
SLOPES_SQUARED = Mistake(
    "squared_gradient",
    formula="|∇u|² for Δu",
    name="the squared gradient for the Laplacian",
    says="|∇u|², the sum of the squared slopes, stands where Δu belongs.",
    why="∇²u and |∇u|² look alike. The Laplacian adds up second derivatives: differentiate ∇u once more.",
    on_problem=_poisson_with(_added(lambda p: _gradient(p) ** 2)),
)
MIXED_ONLY = Mistake(
    "mixed_only",
    formula="Σᵢ≠ⱼ ∂²u/∂xᵢ∂xⱼ for Δu",
    name="mixed derivatives only",
    says="here the mixed derivatives are added up, those that do not belong to Δu.",
    why="∂²u/∂xᵢ² takes coordinate i twice: the column of g that you differentiate, and the column of the result.",
    on_problem=_poisson_with(
        lambda p: _added(_rows)(p) - _laplacian(p), lambda p: (_added(_rows)(p) - _laplacian(p)) / 2
    ),
)
COORDINATES_AVERAGED = Mistake(
    "coordinates_averaged",
    formula="Δu / d",
    name="the mean over the coordinates",
    says="here the second derivatives are averaged over the coordinates.",
    why="The Laplacian is their sum.",
    on_problem=_poisson_with(lambda p: _laplacian(p) / _d(p)),
)
SOURCE_IN_EVERY_TERM = Mistake(
    "source_for_each_coordinate",
    formula="−Δu − d·f",
    name="f subtracted once for each coordinate",
    says="f was subtracted d times, once for each coordinate.",
    why="The sum over the coordinates belongs to Δu alone: add its terms up first, and subtract f after the loop.",
    on_problem=lambda p: _poisson(p, _laplacian(p)) - (_d(p) - 1) * _f(p),
)
ONE_ROW_OF_HESSIAN = Mistake(
    "row_of_hessian_for_laplacian",
    formula="Σᵢ ∂²u/∂xₖ∂xᵢ for Δu",
    name="a row of H for its diagonal",
    says="a row of the Hessian is added up, that of coordinate {k}, where its diagonal belongs.",
    why="In every turn of the loop two things move on: the column of g that is differentiated, and the column of the "
    "result that is taken.",
    on_problem=lambda p: [({"k": k}, _poisson(p, _rows(p)[:, k : k + 1])) for k in range(_d(p))],
)
GRADIENT_ADDED_UP = Mistake(
    "slopes_added_for_laplacian",
    formula="Σᵢ ∂u/∂xᵢ for Δu",
    name="first derivatives added up",
    says="first derivatives are added up where second ones belong.",
    why="Each coordinate of the gradient must be differentiated once more, with respect to the same coordinate.",
    on_problem=_poisson_with(_added(_gradient)),
)
LAPLACIAN_SIGN = Mistake(
    "laplacian_sign",
    formula="Δu − f",
    name="the sign of Δu",
    says="Δu lacks its minus sign.",
    why="The equation is −Δu = f. Its residual is the left side minus the right side: −Δu − f.",
    on_problem=lambda p: _laplacian(p) - _f(p),
)
SOURCE_ADDED = Mistake(
    "source_added",
    formula="−Δu + f",
    name="the sign of f",
    says="f is added; it must be subtracted.",
    why="The equation is −Δu = f. Its residual is the left side minus the right side: −Δu − f.",
    on_problem=lambda p: -_laplacian(p) + _f(p),
)
SOURCE_LEFT_OUT = Mistake(
    "source_left_out",
    formula="−Δu, Δu",
    name="f left out",
    says="f is missing: this is the Laplacian alone, perhaps with its sign.",
    why="The residual is the left side of the equation minus the right side, f(X).",
    on_problem=lambda p: [({}, -_laplacian(p)), ({}, _laplacian(p))],
)

# --- 12.burgers_residual


def _burgers(p: Problem, time: Any = None, flow: Any = None, second: Any = None, nu: float | None = None) -> np.ndarray:
    """u_t + u · u_x − ν u_xx, with other terms where they are given."""
    return np.asarray(
        (_u_t(p) if time is None else time)
        + (derivative(p) * _u_x(p) if flow is None else flow)
        - (p.extras["nu"] if nu is None else nu) * (_u_xx(p) if second is None else second)
    )


U_LEFT_OUT = Mistake(
    "flow_without_u",
    formula="u_t + u_x − ν u_xx",
    name="u_x without u",
    says="u_x stands alone; it must be multiplied by u.",
    why="In Burgers' equation the speed with which a value travels is that value itself: the term is u · u_x.",
    on_problem=lambda p: _burgers(p, flow=_u_x(p)),
)
FLUX_UNHALVED = Mistake(
    "flux_not_halved",
    formula="∂(u²)/∂x for u · u_x",
    name="twice u · u_x",
    says="the second term is 2u · u_x, the derivative of u².",
    why="u · u_x is the derivative of u²/2.",
    on_problem=lambda p: _burgers(p, flow=2 * derivative(p) * _u_x(p)),
)
FLOW_IN_TIME = Mistake(
    "flow_in_time",
    formula="u · u_t",
    name="u · u_t for u · u_x",
    says="u is multiplied by u_t; it must be multiplied by u_x.",
    why="Check the order of what your call returns: asked for (x, t), `autograd.grad` returns u_x first and u_t "
    "second.",
    on_problem=lambda p: _burgers(p, flow=derivative(p) * _u_t(p)),
)
X_AND_T_EXCHANGED = Mistake(
    "x_and_t_exchanged",
    formula="u_x + u · u_t − ν u_tt",
    name="x and t exchanged",
    says="the derivatives with respect to x and t are exchanged.",
    why="Asked for (x, t), `autograd.grad` returns u_x first and u_t second.",
    on_problem=lambda p: [
        ({}, _burgers(p, time=_u_x(p), flow=derivative(p) * _u_t(p), second=second(p)))
        for second in (_u_tt, _u_xt, _u_xx)
    ],
)
VISCOSITY_SIGN = Mistake(
    "viscosity_sign",
    formula="… + ν u_xx",
    name="the sign of ν u_xx",
    says="ν u_xx is added; it must be subtracted.",
    why="Viscosity smooths: on the right side of u_t + u · u_x = ν u_xx it has a plus, and the residual is left minus "
    "right. With the wrong sign every ripple would grow.",
    on_problem=lambda p: _burgers(p, nu=-p.extras["nu"]),
)
VISCOSITY_LEFT_OUT = Mistake(
    "viscosity_left_out",
    formula="{what}",
    name="a factor or term with ν left out",
    says="this is {what}.",
    why="The last term is u_xx times the number ν.",
    on_problem=lambda p: [
        ({"what": said}, _burgers(p, nu=nu))
        for said, nu in (("u_t + u · u_x − u_xx, without ν", 1.0), ("u_t + u · u_x, without ν u_xx", 0.0))
    ],
)
TIME_TWICE = Mistake(
    "second_for_first_in_time",
    formula="u_tt for u_t",
    name="u_tt for u_t",
    says="u_tt stands where u_t belongs.",
    why="Burgers' equation is of first order in time.",
    on_problem=lambda p: _burgers(p, time=_u_tt(p)),
)
STEADY = Mistake(
    "time_left_out",
    formula="u · u_x − ν u_xx",
    name="u_t left out",
    says="u_t is missing.",
    why="Without it, this is the residual of a state that does not change in time.",
    on_problem=lambda p: _burgers(p, time=0.0),
)


def _burgers_averaged(p: Problem) -> Any:
    u, N = derivative(p), len(derivative(p))
    first = {"time": _u_t(p) / N, "flow": u * _u_x(p) / N}
    return [
        ({}, _burgers(p, **first, second=_u_xx(p) / N**2)),
        ({}, _burgers(p, **first, second=_u_xx(p) / N)),
        ({}, _burgers(p, second=_u_xx(p) / N)),
    ]


def _burgers_weighted(p: Problem) -> Any:
    """The results with u as grad_outputs in the first call, and with u_x in the second."""
    u, u_x, u_t, u_xx = derivative(p), _u_x(p), _u_t(p), _u_xx(p)
    again = u_x**2 + u * u_xx
    first = {"time": u * u_t, "flow": u * u * u_x}
    return [
        *(({}, _burgers(p, **first, second=second)) for second in (again, u * u_x * again)),
        *(({}, _burgers(p, second=second)) for second in (u_x * u_xx, u * u_xx)),
    ]


def _burgers_of_exchanged(p: Problem) -> np.ndarray:
    """The residual if u is called as u(t, x)."""
    there = _exchanged(p)
    u_x, u_t, u_xx = derivative(there, "t"), derivative(there, "x"), derivative(there, "t", "t")
    return np.asarray(u_t + derivative(there) * u_x - p.extras["nu"] * u_xx)


def _burgers_tables(p: Problem) -> Any:
    u, u_x = derivative(p), _u_x(p)
    flow = u * u_x
    rest = _burgers(p, flow=0.0)
    return [*_tables(rest, -flow), ({}, rest + u @ u_x.T), ({}, rest + u.T * u_x)]


SECOND_SLIPPED = Mistake(
    "viscous_term_slipped",
    formula="{what} for u_xx",
    name="another term for ν u_xx",
    says="{what} stands where ν u_xx belongs.",
    why="u_xx is the derivative of u_x alone, with respect to x alone. What `.grad` holds after a second `backward` is "
    "the sum of both results, and of several outputs `autograd.grad` returns the sum of their derivatives.",
    on_problem=lambda p: [
        ({"what": said}, _burgers(p, second=second, nu=nu))
        for said, second, nu in (
            ("ν(u_x + u_xx)", _u_x(p) + _u_xx(p), None),
            ("ν(u_xx + u_xt)", _u_xx(p) + _u_xt(p), None),
            ("ν²u_xx", _u_xx(p), p.extras["nu"] ** 2),
            ("ν times the derivative of u · u_x", _u_x(p) ** 2 + derivative(p) * _u_xx(p), None),
        )
    ],
)
FLOW_SLIPPED = Mistake(
    "flow_slipped",
    formula="{what} for u · u_x",
    name="another term for u · u_x",
    says="{what} stands where + u · u_x belongs.",
    why="Compare your last line with the equation, term by term: u_t + u · u_x − ν u_xx.",
    on_problem=lambda p: [
        ({"what": said}, _burgers(p, flow=flow))
        for said, flow in (
            ("− u · u_x", -derivative(p) * _u_x(p)),
            ("u", derivative(p)),
            ("(u_x)²", _u_x(p) ** 2),
            ("u · u_xx", derivative(p) * _u_xx(p)),
            ("nothing", 0.0),
        )
    ],
)

# --- 12.loss_parts: the heat equation

MEASURED, ENDS = ("x0", "u0"), ("tb",)


def _heat(*inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squares: of u_t − 0.1 u_xx at (x, t), of u(x0, 0) − u0, and of u at both ends at the times tb."""
    *parameters, x, t, x0, u0, tb = inputs

    def u(x: Tensor, t: Tensor) -> Tensor:
        return functions.output(*parameters, x, t)

    def u_x(z: Tensor) -> Tensor:
        return torch.func.jvp(lambda x: u(x, t), (z,), (torch.ones_like(z),))[1]

    u_t = torch.func.jvp(lambda t: u(x, t), (t,), (torch.ones_like(t),))[1]
    u_xx = torch.func.jvp(u_x, (x,), (torch.ones_like(x),))[1]
    r = u_t - functions.CONDUCTIVITY * u_xx
    initial = u(x0, torch.zeros_like(x0)) - u0[:, None]
    ends = torch.cat([u(torch.zeros_like(tb), tb), u(torch.ones_like(tb), tb)])
    return (r**2).mean(), (initial**2).mean(), (ends**2).mean()


def _heat_map(kinds: tuple[int, ...], formula: str, N: int, M: int, K: int) -> Map:
    h = len(kinds)
    return Map(
        _heat,
        {
            **{"W": mixed_signs(h, 2), "b": normal(h), "a": mixed_signs(h, 1), "s": fixed(kinds)},
            **{"x": uniform(0, 1, N, 1), "t": uniform(0, 1, N, 1)},
            **{"x0": uniform(0, 1, M, 1), "u0": normal(M), "tb": uniform(0, 1, K, 1)},
        },
        formula,
    )


def _u_at(p: Problem, x: Any, t: Any) -> np.ndarray:
    """u at points x and t, of which one may be a number: (·, 1)."""
    x, t = torch.broadcast_tensors(*(torch.as_tensor(z, dtype=torch.float64) for z in (x, t)))
    return functions.output(*(p.inputs[name] for name in PARAMETERS), x, t).numpy()


def _r(p: Problem) -> np.ndarray:
    """The residual at every point, by forward mode: (N, 1)."""

    def u(inputs: dict[str, Tensor]) -> Any:
        return functions.output(*(p.inputs[name] for name in PARAMETERS), inputs["x"], inputs["t"])

    points = {name: p.inputs[name] for name in ("x", "t")}
    u_xx, u_t = _slope(_slope(u, "x"), "x")(points), _slope(u, "t")(points)
    return np.asarray((u_t - functions.CONDUCTIVITY * u_xx).numpy())


def _starts(p: Problem) -> np.ndarray:
    """u(x0, 0): (M, 1)."""
    return _u_at(p, p.inputs["x0"], 0.0)


def _misses(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The errors that are squared and averaged in each part: (N, 1), (M, 1) and (2K, 1)."""
    tb = p.inputs["tb"]
    ends = np.concatenate([_u_at(p, 0.0, tb), _u_at(p, 1.0, tb)])
    return _r(p), _starts(p) - p.inputs["u0"].numpy()[:, None], ends


PARTS = ("residual", "initial", "boundary")


def _instead(p: Problem, place: int, values: list[Any]) -> list[tuple[dict[str, Any], Any]]:
    """The right parts, with each of these values in turn in place of the part at index ``place``."""
    return [
        (
            {"place": place},
            tuple(np.asarray(v) if k == place else t for k, t in enumerate(p.truth)),
        )
        for v in values
    ]


def _in_each(change: Callable[[np.ndarray], Any]) -> Callable[[Problem], Any]:
    """The right parts with one in turn replaced by ``change`` of the errors that it squares and averages."""
    return lambda p: [case for k, miss in enumerate(_misses(p)) for case in _instead(p, k, [change(miss)])]


def _at_other_times(p: Problem) -> Any:
    x0, u0 = p.inputs["x0"], p.inputs["u0"].numpy()[:, None]
    return _instead(p, 1, [np.mean((_u_at(p, x0, 1.0) - u0) ** 2), np.mean((_u_at(p, 0.0, x0) - u0) ** 2)])


def _initial_tables(p: Problem) -> Any:
    """The initial part with u(x0, 0) − u0 broadcast to a table, averaged or summed, and with u at the interior x."""
    u0 = p.inputs["u0"].numpy()
    inside = _u_at(p, p.inputs["x"], 0.0)
    return _instead(
        p, 1, [np.mean((_starts(p) - u0) ** 2), np.sum((_starts(p) - u0) ** 2), np.mean((inside - u0) ** 2)]
    )


def _ends(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    ends = _misses(p)[2]
    K = len(ends) // 2
    return ends[:K], ends[K:]


def _one_end(p: Problem) -> Any:
    return _instead(p, 2, [np.mean(end**2) for end in _ends(p)])


def _ends_added(p: Problem) -> Any:
    left, right = _ends(p)
    return _instead(p, 2, [np.mean(left**2) + np.mean(right**2)])


def _ends_mixed(p: Problem) -> Any:
    left, right = _ends(p)
    return _instead(p, 2, [np.mean((left - right) ** 2), np.mean((left + right) ** 2)])


def _other_boundary(p: Problem) -> Any:
    """The boundary part at time 0; at x = tb and times 0 and 1; and at the interior points' times t."""
    tb, t = p.inputs["tb"], p.inputs["t"]
    corners = np.concatenate([_u_at(p, [[0.0]], [[0.0]]), _u_at(p, [[1.0]], [[0.0]])])
    exchanged = np.concatenate([_u_at(p, tb, 0.0), _u_at(p, tb, 1.0)])
    inner = np.concatenate([_u_at(p, 0.0, t), _u_at(p, 1.0, t)])
    return _instead(p, 2, [np.mean(z**2) for z in (corners, exchanged, inner)])


TABLE_AVERAGED = Mistake(
    "table_averaged",
    formula="mean of (M, 1) − (M,)",
    name="the mean of a table of all pairs",
    says="this is made of an M×M table: u at every point minus the measurement at every other.",
    why="`u(x0, …)` has shape (M, 1) and u0 has shape (M,), so their difference has shape (M, M), and `mean` hides it. "
    "No error is raised. Give u0 a second dimension, `u0[:, None]`, or take that of u away.",
    on_problem=_initial_tables,
)
PART_SUMMED = Mistake(
    "part_summed",
    formula="Σ r²",
    name="a sum for a mean",
    says="this is the sum of the squares, not their mean.",
    why="With a sum, the weight of this part would depend on how many points you happen to take.",
    on_problem=_in_each(lambda z: np.sum(z**2)),
)
PART_UNSQUARED = Mistake(
    "part_unsquared",
    formula="mean of r, of |r|",
    name="not squared",
    says="this is not a mean of squares: what is averaged is not squared.",
    why="Without the square, what is too high in one place and too low in another may cancel; |r| does not cancel, but "
    "it has a kink at 0, just where training leads.",
    on_problem=lambda p: [case for change in (np.mean, lambda z: np.mean(np.abs(z))) for case in _in_each(change)(p)],
)
MEAN_SQUARED = Mistake(
    "mean_then_squared",
    formula="(mean of r)²",
    name="squared after the mean",
    says="this is the square of a mean, not the mean of the squares.",
    why="Averaged first, what is too high in one place and too low in another cancels.",
    on_problem=_in_each(lambda z: np.mean(z) ** 2),
)
PART_ROOTED = Mistake(
    "part_rooted",
    formula="√(mean of r²)",
    name="the root taken",
    says="this is the root of the mean square, or of the sum.",
    why="The mean of the squares is wanted, without a root.",
    on_problem=lambda p: [
        case
        for root in (lambda z: np.sqrt(np.mean(z**2)), lambda z: np.sqrt(np.sum(z**2)))
        for case in _in_each(root)(p)
    ],
)
OTHER_START = Mistake(
    "initial_elsewhere",
    formula="u(x0, 1), u(0, x0)",
    name="the initial values at another time",
    says="this compares u0 with u at other points.",
    why="The measurements belong to the points x0 at time 0: `u(x0, torch.zeros_like(x0))`.",
    on_problem=_at_other_times,
)
START_UNMEASURED = Mistake(
    "initial_without_u0",
    formula="mean of u(x0, 0)²",
    name="the measurements left out",
    says="this pulls u to 0 at time 0; the measurements u0 are missing.",
    why="u should be u0 there: square the difference.",
    on_problem=lambda p: _instead(p, 1, [np.mean(_starts(p) ** 2)]),
)
ONE_END_ONLY = Mistake(
    "one_end_only",
    formula="mean of u(0, t)²",
    name="one end of the rod only",
    says="this looks at one end of the rod only.",
    why="u must be 0 at x = 0 and at x = 1. Where nothing is asked of u, it may be anything.",
    on_problem=_one_end,
)
ENDS_ADDED = Mistake(
    "ends_added",
    formula="mean of u(0, t)² + mean of u(1, t)²",
    name="the means of both ends added",
    says="this is twice as large: the means of both ends are added.",
    why="One mean over all 2K values is asked for. Put both ends into one tensor, or take half of the sum.",
    on_problem=_ends_added,
)
ENDS_MIXED = Mistake(
    "ends_mixed",
    formula="mean of (u(0, t) ± u(1, t))²",
    name="both ends put together before they are squared",
    says="this squares the sum or the difference of u at both ends.",
    why="That is 0 also where the two cancel. Each end must be 0 by itself: square first.",
    on_problem=_ends_mixed,
)
BOUNDARY_ELSEWHERE = Mistake(
    "boundary_elsewhere",
    formula="u(0, 0), u(t, 0)",
    name="the boundary at other points",
    says="this looks at u at other points.",
    why="The ends are x = 0 and x = 1, at all the times tb: `u(torch.zeros_like(tb), tb)` is the left one. x is the "
    "first argument of u, and t the second.",
    on_problem=_other_boundary,
)

# --- 12.train: −u″ = f on [0, 1]


def rod(c: Tensor, line: Tensor, x: Tensor) -> Tensor:
    """c₀ sin(c₁x) + c₂x³ + c₃e^x and the line l₀ + l₁x, which solves −u″ = f for ``functions.rod_source``.

    c: (4,), line: (2,).  It is defined here because a module whose functions are handed to students is sent whole.
    """
    return c[0] * torch.sin(c[1] * x) + c[2] * x**3 + c[3] * torch.exp(x) + line[0] + line[1] * x


def _ends_of(p: Problem) -> np.ndarray:
    """The exact solution at 0 and 1."""
    return rod(p.drawn["c"], p.drawn["line"], torch.tensor([0.0, 1.0], dtype=torch.float64)).numpy()


def _exact(p: Problem) -> np.ndarray:
    return rod(p.drawn["c"], p.drawn["line"], p.inputs["x"]).numpy()


def _equation(p: Problem) -> np.ndarray:
    """−u″ − f at the problem's points: (N, 1)."""
    return -derivative(p, "x", "x") - functions.rod_source(p.drawn["c"])(p.inputs["x"]).numpy()


def _boundary(p: Problem) -> np.ndarray:
    ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    u = functions.output(*(p.inputs[name] for name in PARAMETERS), ends).detach().numpy()
    return np.asarray(u[:, 0] - _ends_of(p))


def _line(p: Problem, left: float, right: float) -> np.ndarray:
    """The straight line between these boundary values."""
    x = p.inputs["x"].numpy()
    return np.asarray(left + (right - left) * x)


def _rod_with(
    factor: float, change: Callable[[np.ndarray], np.ndarray] = lambda ends: ends
) -> Callable[[Problem], Any]:
    """The solution of −u″ = factor · f with the boundary values ``change((left, right))``."""

    def solution(p: Problem) -> np.ndarray:
        ends = _ends_of(p)
        return factor * (_exact(p) - _line(p, *ends)) + _line(p, *change(ends))

    return solution


SOURCE_SIGN = Mistake(
    "trained_with_other_sign",
    formula="u″ = f",
    name="trained for u″ = f",
    says="u solves u″ = f; it should solve −u″ = f.",
    why="The boundary values are right, and the loss fell: but it was the loss of another equation. The residual is "
    "−u″ − f.",
    on_problem=_rod_with(-1.0),
)
SOURCE_MISSING = Mistake(
    "trained_without_source",
    formula="u″ = 0",
    name="trained for u″ = 0",
    says="u is a straight line, the solution of u″ = 0: f is missing.",
    why="The residual is −u″ − f, with f at the points where u″ is taken.",
    on_problem=_rod_with(0.0),
)
BOUNDARY_ZERO = Mistake(
    "trained_to_zero_at_the_ends",
    formula="u(0) = u(1) = 0",
    name="the boundary values taken as 0",
    says="u solves the equation, but with the boundary values 0.",
    why="At the ends, u should be `left` and `right`: square the differences, not u.",
    on_problem=_rod_with(1.0, np.zeros_like),
)
BOUNDARY_EXCHANGED = Mistake(
    "trained_with_ends_exchanged",
    formula="u(0) = right, u(1) = left",
    name="the boundary values exchanged",
    says="u solves the equation, but its two boundary values are exchanged.",
    why="`left` belongs to x = 0, and `right` to x = 1.",
    on_problem=_rod_with(1.0, lambda ends: ends[::-1]),
)


def _drawn(*samplers: Sampler) -> Sampler:
    """The numbers that these samplers draw, side by side."""
    return lambda generator: torch.stack([draw(generator) for draw in samplers])


def _rod_map(formula: str, *curved: Sampler) -> Map:
    """A Map of ``rod``.  curved: samplers of c₀ to c₃; the line is drawn, and not passed to students."""
    return Map(
        functions.output,
        {
            **{"W": mixed_signs(16, 1), "b": normal(16), "a": uniform(-0.5, 0.5, 16, 1), "s": fixed([0] * 16)},
            "c": _drawn(*curved),
            "line": uniform(-1, 1, 2),
            "x": lambda generator: torch.linspace(0, 1, 41, dtype=torch.float64)[:, None],
        },
        formula,
        takes=(*PARAMETERS, "x"),
    )


NONE = fixed(0.0)

# --- 12.find_coefficient


LR, DESCENT_STEPS = 0.8, 80


@np.errstate(all="ignore")  # it may diverge on a draw, which is then drawn again
def _descent(p: Problem, steps: int = DESCENT_STEPS, kept: float = 0.0) -> np.ndarray:
    """The result of gradient descent on the mean square misfit.  kept: the fraction of old gradients that is kept."""
    c, data = p.inputs["c"], p.extras["data"].numpy()
    k, g = p.extras["k0"].item(), 0.0
    for _ in range(steps):
        at = torch.tensor(k, dtype=torch.float64)
        J = forward_mode(lambda k: p.forward(c, k), {"k": at})["k"][:, 0]
        g = kept * g + 2 * float(np.mean(J * (functions.course(c, at).numpy() - data)))
        k -= LR * g
    return np.asarray(k)


GRADIENT_KEPT = Mistake(
    "gradient_kept",
    formula="k − lr · Σ gradients",
    name="the gradient never cleared",
    says="this is where the search gets if every step adds its gradient to all those before it.",
    why="`backward` adds to `k.grad`. Clear it before each step, `k.grad = None` or `optimizer.zero_grad()`, as in the "
    "training loop of unit 02.",
    on_problem=lambda p: _descent(p, kept=1.0),
)
START_RETURNED = Mistake(
    "start_returned",
    formula="k0",
    name="the value that the search began with",
    says="this is k0, where the search began.",
    why="Look whether your steps change the very tensor that you return, or a copy of it.",
    on_problem=lambda p: p.extras["k0"].item(),
)
ONE_STEP = Mistake(
    "one_step_only",
    formula="k0 − lr · gradient",
    name="one step only",
    says="this is where the search is after a single step.",
    why="A `return` inside the loop ends it. If it stands behind the loop, look whether each step starts from the k of "
    "the step before.",
    on_problem=lambda p: _descent(p, steps=1),
)
SAME_GRADIENT = Mistake(
    "gradient_of_the_start",
    formula="k0 − steps · lr · gradient",
    name="the first gradient in every step",
    says="this is where the search gets if every step uses the gradient at k0.",
    why="The slope changes with k: solve again in every step, with the k of that step.",
    on_problem=lambda p: np.asarray(
        p.extras["k0"].item() + DESCENT_STEPS * (_descent(p, steps=1) - p.extras["k0"].item())
    ),
)
MISFIT_RETURNED = Mistake(
    "misfit_returned",
    formula="misfit(k)",
    name="the misfit, not the coefficient",
    says="this is 0: the misfit at the end of the search, or its gradient.",
    why="That it is 0 shows that the search has got there. What is wanted is where: k.",
    on_problem=lambda p: np.zeros(()),
)
LOGARITHM = Mistake(
    "logarithm_returned",
    formula="log k",
    name="the logarithm of k",
    says="this is the logarithm of k.",
    why="If you search for log k so that k stays positive, return `exp` of what you found.",
    on_problem=lambda p: np.log(p.truth),
)
COURSE_RETURNED = Mistake(
    "course_returned",
    formula="solve(k)",
    name="the solution, not the coefficient",
    says="this is `solve(k)`, or data; the coefficient k itself is wanted.",
    why="The solution at the k that you found agrees with data. Return that k.",
    on_problem=lambda p: np.asarray(p.extras["data"]),
)


QUESTIONS = [
    Question(
        "12.predict_coupled",
        "12.1 Predict: whose derivative is it?",
        Facts(
            calls={
                "a": _own(_model(nn.BatchNorm1d(5))),
                "b": _own(_model()),
                "c": _own(_model(nn.LayerNorm(5))),
                "d": _own(lambda x: torch.softmax(_model()(x), dim=0)),
                "e": _own(_model(nn.BatchNorm1d(5)).eval()),
                "f": _own(lambda x: torch.cumsum(_model()(x), dim=0)),
                "g": _own(lambda x: torch.tensor(1.7, dtype=x.dtype, requires_grad=True) * _model()(x)),
            },
            notes={
                "a": "In training mode, batch normalization subtracts the mean of the whole batch and divides by its "
                "spread. So every xⱼ has a part in every uᵢ, and the sum brings those parts in.",
                "b": "uᵢ depends on xᵢ alone: J is diagonal, and Jᵀ1 is its diagonal.",
                "c": "Layer normalization takes its mean over the hidden units of a single sample. No sample meets "
                "another.",
                "d": "Each uᵢ depends on all of x. And since all uᵢ add up to 1 whatever x is, this gradient is 0 in "
                "every row.",
                "e": "In evaluation mode, batch normalization uses the mean and spread that it has stored. They are "
                "constants, and no sample meets another.",
                "f": "Row i of the sum holds u₀ to uᵢ, so x₀ has a part in all rows, and its derivative is counted in "
                "each of them.",
                "g": "All rows share the scale, but it depends on no x: J stays diagonal.",
            },
        ),
        points=1,
        stars=2,
        minutes=8,
        hints=(
            "`grad(u, x, ones)` is Jᵀ1: entry j is the sum of column j of J, Σᵢ ∂uᵢ/∂xⱼ. For which J is that ∂uⱼ/∂xⱼ?",
            "For each letter, imagine that one entry of x changes. Does only its own row of u change, or others as "
            "well?",
        ),
    ),
    Question(
        "12.two_derivatives",
        "12.2 u_x and u_xx at every point",
        _OfNetwork(compute=_two, text="(u_x, u_xx)", entries=("u_x", "u_xx")),
        [
            _network(functions.output, "a network of x and t with tanh", TANH, x=normal(5, 1), t=normal(5, 1)),
            _network(functions.output, "a network of x and t with sin", SIN, x=normal(3, 1), t=normal(3, 1)),
            _network(functions.output, "a network of x and t", MIXED, x=normal(4, 1), t=normal(4, 1)),
        ],
        gives=(*PARAMETERS, "u", "x", "t"),
        computed={"u": functions.ansatz},
        hidden=PARAMETERS,
        leaves=("x", "t"),
        also=(
            SLOPE_SQUARED.derived(lambda p: (_u_x(p), _u_x(p) ** 2)),
            MIXED_FOR_SECOND.derived(lambda p: (_u_x(p), _u_xt(p))),
            SECOND_IN_TIME.derived(lambda p: (_u_x(p), _u_tt(p))),
            POINTS_AVERAGED.derived(_two_averaged),
            POINTS_SUMMED.derived(_two_summed),
            VALUES_AS_WEIGHTS.derived(_two_weighted),
            TIME_FOR_PLACE,
            BOTH_IN_SECOND,
            DERIVATIVES_EXCHANGED,
            SECOND_ON_FIRST,
            ONE_ORDER_LOW,
            ARGUMENTS_EXCHANGED.derived(_two_exchanged),
        ),
        partial=True,
        points=2,
        stars=2,
        minutes=7,
        hints=(
            "`autograd.grad` needs a weight for every entry of what it differentiates. With which weights does each "
            "point count by itself?",
            "Ones, in both calls. And the first call must record a graph, so that u_x can be differentiated.",
            "`(u_x,) = torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)`, and then the same of u_x.",
        ),
    ),
    Question(
        "12.ode_residual",
        "12.3 Mend the residual of an oscillator",
        _OfNetwork(compute=_oscillator, text="u″ + 2ζω u′ + ω² u − f(t)", wrt="W", differentiable=True),
        [
            _network(functions.output, "a network of t with tanh", TANH, t=normal(4, 1), c=mixed_signs(2)),
            _network(functions.output, "a network of t with sin", SIN, t=normal(3, 1), c=mixed_signs(2)),
            _network(functions.output, "a network of t", MIXED, t=normal(5, 1), c=mixed_signs(2)),
        ],
        gives=(*PARAMETERS, "u", "c", "f", "t", "zeta", "omega"),
        computed={"u": functions.ansatz, "f": functions.force},
        hidden=(*PARAMETERS, "c"),
        leaves=("W",),
        extras={"zeta": _number(0.2, 0.9), "omega": _number(1.3, 2.5)},
        errors={"not_in_graph": DECLARED_TOO_LATE},
        also=(
            OMEGA_UNSQUARED,
            DAMPING_SIGN,
            DAMPING_FACTOR,
            FORCE_ADDED,
            FORCE_LEFT_OUT,
            VALUE_LEFT_OUT,
            FIRST_FOR_SECOND,
            SLOPE_SQUARED.derived(lambda p: _oscillator(p, u2=derivative(p, "t") ** 2)),
            POINTS_AVERAGED.derived(_oscillator_averaged),
            VALUES_AS_WEIGHTS.derived(_oscillator_weighted),
            TERM_SLIPPED,
            RESIDUAL_SQUARED.derived(lambda p: _squared(p.truth)),
            EVERY_PAIR.derived(
                lambda p: _tables(_oscillator(p, f=0), functions.swing(p.drawn["c"], p.inputs["t"]).numpy())
            ),
            RESIDUAL_TURNED,
        ),
        points=2,
        stars=2,
        minutes=8,
        hints=(
            "Run it as it is. PyTorch's first message is about t: what must be true of a tensor before anything is "
            "computed from it, if you want to differentiate with respect to it?",
            "The second message is about u′: it has to be differentiated once more, so it needs a graph. And what "
            "will be done with u″?",
            "When the messages are gone, compare each term of the last line with the equation. Then think of training: "
            "what you return is differentiated, too, so the last call needs `create_graph=True` as well.",
        ),
    ),
    Question(
        "12.poisson_residual",
        "12.4 Poisson's equation: the Laplacian of a network",
        _OfNetwork(compute=lambda p: _poisson(p, _laplacian(p)), text="−Δu − f", wrt="W", differentiable=True),
        [
            _network(functions.output, "a network of 2 coordinates with tanh", TANH, X=normal(5, 2), c=mixed_signs(2)),
            _network(functions.output, "a network of 3 coordinates with sin", SIN, X=normal(4, 3), c=mixed_signs(2)),
            _network(functions.output, "a network of 3 coordinates", MIXED, X=normal(3, 3), c=mixed_signs(2)),
        ],
        gives=(*PARAMETERS, "u", "c", "f", "X"),
        computed={"u": functions.ansatz, "f": functions.source},
        hidden=(*PARAMETERS, "c"),
        leaves=("W", "X"),
        also=(
            ALL_OF_HESSIAN,
            ROWS_OF_HESSIAN,
            PURE_UNSUMMED,
            ONE_COORDINATE,
            SLOPES_SQUARED,
            MIXED_ONLY,
            COORDINATES_AVERAGED,
            SOURCE_IN_EVERY_TERM,
            ONE_ROW_OF_HESSIAN,
            POINTS_SUMMED.derived(lambda p: _poisson(p, np.sum(_laplacian(p)))),
            GRADIENT_ADDED_UP,
            LAPLACIAN_SIGN,
            SOURCE_ADDED,
            SOURCE_LEFT_OUT,
            EVERY_PAIR.derived(lambda p: _tables(-_laplacian(p), _f(p))),
            RESIDUAL_SQUARED.derived(lambda p: _squared(p.truth)),
            RESIDUAL_TURNED,
        ),
        points=3,
        stars=3,
        minutes=12,
        hints=(
            "With g = ∇u of shape (N, d), column i of g is ∂u/∂xᵢ at every point. Which column of its gradient is "
            "wanted?",
            "One call for each coordinate i: the gradient of `g[:, i].sum()` with respect to X has shape (N, d), and "
            "its column i is ∂²u/∂xᵢ².",
            "Add up columns of shape (N, 1), `row[:, i : i + 1]`, so that no dimension is lost before f is subtracted.",
        ),
    ),
    Question(
        "12.burgers_residual",
        "12.5 Transfer: the residual of Burgers' equation",
        _OfNetwork(compute=_burgers, text="u_t + u·u_x − ν u_xx", wrt="W", differentiable=True),
        [
            _network(functions.output, "a network of x and t with sin", SIN, x=normal(4, 1), t=normal(4, 1)),
            _network(functions.output, "a network of x and t", MIXED, x=normal(3, 1), t=normal(3, 1)),
            _network(functions.output, "a network of x and t with tanh", TANH, x=normal(5, 1), t=normal(5, 1)),
        ],
        gives=(*PARAMETERS, "u", "x", "t", "nu"),
        computed={"u": functions.ansatz},
        hidden=PARAMETERS,
        leaves=("W", "x", "t"),
        extras={"nu": _number(0.1, 0.8)},
        also=(
            U_LEFT_OUT,
            FLUX_UNHALVED,
            FLOW_IN_TIME,
            X_AND_T_EXCHANGED,
            VISCOSITY_SIGN,
            VISCOSITY_LEFT_OUT,
            TIME_TWICE,
            STEADY,
            SLOPE_SQUARED.derived(lambda p: _burgers(p, second=_u_x(p) ** 2)),
            MIXED_FOR_SECOND.derived(lambda p: _burgers(p, second=_u_xt(p))),
            SECOND_IN_TIME.derived(lambda p: _burgers(p, second=_u_tt(p))),
            POINTS_AVERAGED.derived(_burgers_averaged),
            VALUES_AS_WEIGHTS.derived(_burgers_weighted),
            FLOW_SLIPPED,
            SECOND_SLIPPED,
            FIRST_FOR_SECOND.derived(lambda p: _burgers(p, second=_u_x(p))),
            ARGUMENTS_EXCHANGED.derived(_burgers_of_exchanged),
            EVERY_PAIR.derived(_burgers_tables),
            RESIDUAL_SQUARED.derived(lambda p: _squared(p.truth)),
            RESIDUAL_TURNED,
        ),
        points=3,
        stars=3,
        minutes=10,
        hints=(
            "Three derivatives are needed: u_t, u_x and u_xx. One call of `autograd.grad` can return the first two.",
            "`u_x, u_t = torch.autograd.grad(y, (x, t), torch.ones_like(y), create_graph=True)`; u_xx is the "
            "derivative of u_x alone, with respect to x.",
        ),
    ),
    Question(
        "12.loss_parts",
        "12.6 Three losses, and a silent table",
        LossParts("a", differentiable=True, parts=PARTS),
        [
            _heat_map(TANH, "a network of x and t with tanh", 5, 4, 3),
            _heat_map(SIN, "a network of x and t with sin", 4, 3, 5),
            _heat_map(MIXED, "a network of x and t", 4, 4, 4),
        ],
        gives=(*PARAMETERS, "u", "residual", "x", "t", "x0", "u0", "tb"),
        computed={"u": functions.ansatz},
        hidden=PARAMETERS,
        leaves=("x", "t", "a"),
        hands={"residual": functions.heat_residual},
        also=(
            TABLE_AVERAGED,
            PART_SUMMED,
            PART_UNSQUARED,
            MEAN_SQUARED,
            PART_ROOTED,
            OTHER_START,
            START_UNMEASURED,
            ONE_END_ONLY,
            ENDS_ADDED,
            ENDS_MIXED,
            BOUNDARY_ELSEWHERE,
        ),
        partial=True,
        points=3,
        stars=3,
        minutes=10,
        hints=(
            "Print the shapes of `u(x0, torch.zeros_like(x0))` and u0, and that of their difference. How many "
            "differences are wanted?",
            "`u0[:, None]` has shape (M, 1). For the ends, `torch.zeros_like(tb)` and `torch.ones_like(tb)` are the "
            "places.",
            "All 2K values at the ends in one tensor: `torch.cat([u(…, tb), u(…, tb)])`; then square and average.",
        ),
    ),
    Question(
        "12.train",
        "12.7 Train until the error is small",
        Trained(
            ("W", "b", "a"),
            exact=_exact,
            residual=_equation,
            boundary=_boundary,
            tolerance=0.02,
            residual_tolerance=0.12,
            boundary_tolerance=0.03,
            along="x",
            text="−u″ = f with u(0) = left, u(1) = right",
        ),
        [
            _rod_map("a sine and a line", uniform(0.8, 1.2), uniform(2.5, 3.2), NONE, NONE),
            _rod_map("x³ and a line", NONE, fixed(1.0), uniform(0.8, 1.2), NONE),
            _rod_map("e^x and a line", NONE, fixed(1.0), NONE, uniform(0.8, 1.2)),
        ],
        gives=(*PARAMETERS, "u", "c", "f", "left", "right"),
        computed={"u": functions.trainable, "f": functions.rod_source},
        hidden=(*PARAMETERS, "c"),
        extras={
            "left": lambda generator, p: float(_ends_of(p)[0]),
            "right": lambda generator, p: float(_ends_of(p)[1]),
        },
        also=(SOURCE_SIGN, SOURCE_MISSING, BOUNDARY_ZERO, BOUNDARY_EXCHANGED),
        points=4,
        stars=4,
        minutes=20,
        hints=(
            "Write the loss first, and print it: the mean square of −u″ − f at 32 points in [0, 1], plus the squares "
            "of u(0) − left and u(1) − right.",
            "Then the loop of unit 02: `optimizer = torch.optim.Adam(u.parameters(), lr=0.01)`, and in each step "
            "`zero_grad`, `backward`, `step`. Both calls of `autograd.grad` need `create_graph=True`: the loss is "
            "differentiated once more.",
            "The residual is much larger than the boundary terms at first: ten times the boundary terms helps. With "
            '`torch.optim.LBFGS`, take `line_search_fn="strong_wolfe"`, and let the closure return the loss.',
        ),
    ),
    Question(
        "12.find_coefficient",
        "12.8 Recall: find the coefficient",
        Fitted(compute=lambda p: np.asarray(p.drawn["k"].item()), text="k", start="k0"),
        [
            Map(functions.course, {"c": fixed([0.2, 1.0, 1.0, 4.0]), "k": uniform(0.5, 0.9)}, "y′ = k(1 − y)y"),
            Map(functions.course, {"c": fixed([0.3, 1.5, 0.0, 2.0]), "k": uniform(0.5, 0.9)}, "y′ = k(1.5 − y)"),
            Map(functions.course, {"c": fixed([0.1, 1.0, 1.0, 6.0]), "k": uniform(0.5, 0.9)}, "y′ = k(1 − y)y"),
        ],
        gives=("c", "solve", "data", "k0", "lr", "steps"),
        computed={"solve": functions.solver},
        hidden=("c",),
        extras={
            "data": lambda generator, p: p.outputs[0],
            # From above, and where y′ = k(1.5 − y) from below.
            "k0": lambda generator, p: (uniform(1.0, 1.4) if p.drawn["c"][2] else uniform(0.25, 0.4))(generator),
        },
        hands={"lr": LR, "steps": DESCENT_STEPS},
        declared=False,
        also=(
            GRADIENT_KEPT,
            START_RETURNED,
            ONE_STEP,
            SAME_GRADIENT,
            MISFIT_RETURNED,
            LOGARITHM,
            COURSE_RETURNED,
        ),
        plain_numbers=True,
        points=3,
        stars=3,
        minutes=12,
        hints=(
            "k is a leaf like any parameter: `k = k0.clone().requires_grad_()`. What is the loss?",
            "`loss = ((solve(k) - data) ** 2).mean()`, its gradient with respect to k, and a step under "
            "`torch.no_grad()`; `steps` times.",
            "If you use `backward`, clear `k.grad` in every step. If you use an optimizer, it takes `[k]`.",
        ),
    ),
]
