"""Unit 04: the Jacobian by rows and by columns."""

from typing import Any

import numpy as np
import torch

from grader import maps
from grader.jacobian import Function, forward_mode
from grader.quantities import Column, Jacobian, PredictedShape, Row
from grader.question import Map, Problem, Question, mixed_signs, normal, uniform

ORBIT = Map(maps.orbit, {"x": normal(3)}, "(x₀x₂, sin x₀ + x₁, x₁x₂ − x₀²)")
SPREAD = Map(maps.four_of_two, {"x": mixed_signs(2)}, "(x₀x₁, e^(x₀/2), x₁², x₀ − 2x₁)")
FUNNEL = Map(maps.funnel, {"x": normal(4)}, "(x₀x₃ + sin x₁, x₂² − x₀x₁)")


def _table(f: Function, x: torch.Tensor) -> np.ndarray:
    """The Jacobian of f at x: (m, n)."""
    return forward_mode(f, {"x": x})["x"]


def _place(of: str) -> Any:
    """An extra: the number of one output, or of one input."""
    return lambda generator, p: int(
        torch.randint(p.y.size if of == "y" else p.inputs["x"].numel(), (), generator=generator)
    )


def _sizes(*names: str) -> Any:
    """The shape that comes of putting these shapes together: X's, y's, or "flat" for m×n."""

    def guess(p: Problem) -> np.ndarray:
        shapes = {"X": tuple(p.inputs["X"].shape), "y": tuple(p.outputs[0].shape)}
        shapes["flat"] = (p.y.size, p.inputs["X"].numel())
        return np.array(sum((shapes[name] for name in names), ()), dtype=float)

    return guess


def _parts(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """h′(u), g′(x), and h′(x) where the outer function takes as many numbers as x has, else None."""
    outer, inner, x = p.map.fixed_args["outer"], p.map.fixed_args["inner"], p.inputs["x"]
    u = inner(x)
    return _table(outer, u), _table(inner, x), _table(outer, x) if u.shape == x.shape else None


def _outer_at_x(p: Problem) -> Any:
    _, of_inner, at_x = _parts(p)
    return None if at_x is None else at_x @ of_inner


def _exchanged(p: Problem) -> Any:
    of_outer, of_inner, _ = _parts(p)
    return of_inner @ of_outer if of_inner.shape[1] == of_outer.shape[0] else None


def _together(combine: Any) -> Any:
    """The two Jacobians combined entry by entry, where their shapes are equal."""

    def derive(p: Problem) -> Any:
        of_outer, of_inner, _ = _parts(p)
        return combine(of_outer, of_inner) if of_outer.shape == of_inner.shape else None

    return derive


def _other_order(p: Problem) -> Any:
    outer, inner, x = p.map.fixed_args["outer"], p.map.fixed_args["inner"], p.inputs["x"]
    fits = all(J.shape == (x.numel(), x.numel()) for J in _parts(p)[:2])
    return _table(lambda z: inner(outer(z)), x) if fits else None


def _softmax(wrong: Any) -> Any:
    """What a formula in s gives: one value, or several."""

    def derive(p: Problem) -> Any:
        values = wrong(p.y, p.inputs["x"].numpy())
        return [({}, value) for value in values] if isinstance(values, list) else values

    return derive


def _exponentials(s: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    e = np.exp(x)
    return [np.diag(e) - np.outer(e, e), np.diag(e)]


QUESTIONS = [
    Question(
        "04.one_row",
        "4.1 One row",
        Row(),
        [ORBIT, SPREAD, FUNNEL],
        gives=("f", "x", "i"),
        extras={"i": _place("y")},
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "Row i is the gradient of one number, and unit 03 tells how to get the gradient of one number. Which "
            "number is it?",
            "`y[i]` is a single number: a tensor of shape ().",
        ),
    ),
    Question(
        "04.all_rows",
        "4.2 All rows",
        Jacobian(),
        [SPREAD, ORBIT, FUNNEL],
        gives=("f", "x"),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "In turn i of the loop, row i is the gradient of `y[i]`, as in 4.1.",
            "All rows go back through the same graph. What must every pass but the last leave in place?",
            "`(row,) = torch.autograd.grad(y[i], x, retain_graph=True)`",
        ),
    ),
    Question(
        "04.one_column",
        "4.3 One column",
        Column(),
        [FUNNEL, ORBIT, SPREAD],
        gives=("f", "x", "j"),
        extras={"j": _place("x")},
        also={"value_not_slope": lambda p: p.y},
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "Column j tells how all outputs move when input j moves, and no other input. In which direction does x go?",
            "The direction has x's shape: zeros, and a 1 at place j. Start from `torch.zeros_like(x)`.",
        ),
    ),
    Question(
        "04.shape",
        "4.4 Which shape has the Jacobian?",
        PredictedShape(by="X", of=Jacobian(by="X")),
        [Map(maps.table_to_two, {"X": normal(4, 3)}, "(X₀₀X₁₂, the sum of X)")],
        also={
            "jacobian_shape_flat": _sizes("flat"),
            "jacobian_shape_inputs_first": _sizes("X", "y"),
            "jacobian_shape_of_one_side": lambda p: [({"name": name}, _sizes(name)(p)) for name in ("X", "y")],
        },
        points=1,
        stars=2,
        minutes=3,
        hints=(
            "How many outputs are there? And which shape has the gradient of one of them?",
            "y's shape first, then X's. y has shape (2,).",
        ),
    ),
    Question(
        "04.mend_transposed",
        "4.5 Mend a table that lies on its side",
        Jacobian(),
        [FUNNEL, SPREAD, Map(maps.pair, {"x": normal(3)}, "(x₀x₁, x₁² + sin x₂)")],
        gives=("f", "x"),
        also={"transposed_by_reshape": lambda p: p.jacobians["x"].T.reshape(p.jacobians["x"].shape)},
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "The gradients themselves are right. Where does the loop put them, and where do they belong?",
            "Two things must change together: the shape of the empty table, and the place that is written to.",
            "`J[i] = gradient` writes into row i. Its length is len(x), and there are len(y) rows.",
        ),
    ),
    Question(
        "04.softmax",
        "4.6 The Jacobian of softmax",
        Jacobian(),
        [Map(maps.softmax, {"x": uniform(-1.5, 1.5, n)}, "softmax(x)") for n in (4, 3, 5)],
        gives=("x",),
        also={
            "value_not_slope": lambda p: p.y,
            "softmax_diagonal": _softmax(lambda s, x: np.diag(s)),
            "softmax_outer": _softmax(lambda s, x: [-np.outer(s, s), np.outer(s, s)]),
            "softmax_plus": _softmax(lambda s, x: np.diag(s) + np.outer(s, s)),
            "softmax_unnormalised": _softmax(_exponentials),
            "softmax_not_diagonal": _softmax(
                lambda s, x: [side * np.ones((s.size, s.size)) - np.outer(s, s) for side in (s, s[:, None])]
            ),
            "inner_for_outer": _softmax(lambda s, x: np.diag(s) - s @ s),
            "log_softmax": _softmax(lambda s, x: np.eye(s.size) - s),
        },
        without={
            "transposed_assembly": "this Jacobian is symmetric: its transpose is the truth",
            "one_grad_for_all_rows": "the rows add up to zero here, which is also what ignoring the argument gives",
        },
        points=3,
        stars=3,
        minutes=10,
        hints=(
            "There are two roads. The rows, one at a time, as in 4.2; or a formula in s = softmax(x).",
            "s_i = e^(x_i) / (e^(x₀) + e^(x₁) + …). Differentiate by x_j with the quotient rule, once for j = i and "
            "once for j ≠ i, and write the results with s_i and s_j.",
            "∂s_i/∂x_j is −s_i·s_j, and where i = j there is + s_i besides. `torch.diag` and `torch.outer` make tables "
            "of vectors.",
        ),
    ),
    Question(
        "04.chain_product",
        "4.7 The chain rule as a product",
        Jacobian(),
        [
            Map(
                maps.composed,
                {"x": normal(3)},
                "outer(inner(x)), inner (x₀x₂, sin x₀ + x₁, x₁x₂ − x₀²), outer (u₀u₁, sin u₁ + 2u₂, u₀u₂ − u₁²)",
                {"outer": maps.swirl, "inner": maps.orbit},
            ),
            Map(
                maps.composed,
                {"x": normal(3)},
                "outer(inner(x)), inner (x₀x₁, x₁² + sin x₂), outer (u₀u₁, e^(u₀/2), u₁², u₀ − 2u₁)",
                {"outer": maps.four_of_two, "inner": maps.pair},
            ),
            Map(
                maps.composed,
                {"x": normal(2)},
                "outer(inner(x)), inner (x₀x₁, e^(x₀/2), x₁², x₀ − 2x₁), outer (u₀u₃ + sin u₁, u₂² − u₀u₁)",
                {"outer": maps.funnel, "inner": maps.four_of_two},
            ),
        ],
        gives=("outer", "inner", "x"),
        also={
            "chain_stops_early": lambda p: _parts(p)[0],
            "inner_only": lambda p: _parts(p)[1],
            "outer_at_wrong_place": _outer_at_x,
            "jacobians_exchanged": _exchanged,
            "elementwise_product": _together(lambda of_outer, of_inner: of_outer * of_inner),
            "slopes_added": _together(lambda of_outer, of_inner: of_outer + of_inner),
            "order_exchanged": _other_order,
        },
        points=3,
        stars=4,
        minutes=10,
        hints=(
            "At which point must the Jacobian of `outer` be taken? It never sees x.",
            "Write down the shapes: `outer` has a Jacobian of shape (m, k), `inner` one of shape (k, n), and the "
            "result is (m, n). In which order do they fit?",
            "`table(outer, inner(x)) @ table(inner, x)`",
        ),
    ),
    Question(
        "04.linear_map",
        "4.8 The Jacobian of a linear map",
        Jacobian(by=("x", "b")),
        [
            Map(maps.row_times_matrix, {"x": normal(3), "W": normal(3, 3), "b": normal(3)}, "x @ W + b"),
            Map(maps.row_times_matrix, {"x": normal(4), "W": normal(4, 2), "b": normal(2)}, "x @ W + b"),
            Map(maps.row_times_matrix, {"x": normal(2), "W": normal(2, 3), "b": normal(3)}, "x @ W + b"),
        ],
        gives=("W", "b", "x"),
        also={
            "matrix_not_transposed": lambda p: [
                ({}, (p.jacobians["x"].T, by_b)) for by_b in (p.jacobians["b"], np.ones(p.y.size))
            ],
            "ones_for_identity": lambda p: (p.jacobians["x"], np.ones(p.y.size)),
            "factor_x_kept": lambda p: (p.jacobians["x"] * p.inputs["x"].numpy(), p.jacobians["b"]),
        },
        without={"transposed_assembly": "the transpose of this J is W, which has a name of its own here"},
        partial=True,
        points=2,
        stars=3,
        minutes=7,
        hints=(
            "Write y_i out as a sum over j. What stands in front of x_j?",
            "y_i = Σ_j x_j·W[j, i] + b_i. So ∂y_i/∂x_j is W[j, i], with the numbers the other way round, and "
            "∂y_i/∂b_k is 1 where k = i, else 0.",
            "A new tensor has W's dtype if you say so: `torch.eye(len(b), dtype=W.dtype)`.",
        ),
    ),
    Question(
        "04.any_shape",
        "4.9 Transfer: any shape, and agree with torch.func",
        Jacobian(by="X"),
        [
            Map(maps.leaning, {"X": normal(2, 3)}, "sin X[:, 0] · (the row sums of X) + X[0, 1]"),
            Map(maps.sine_product, {"X": normal(2, 3)}, "Xᵀ @ sin X"),
            Map(maps.unrolled, {"X": normal(3)}, "the outer product of (X₀X₁, X₂²) and X, plus X"),
        ],
        gives=("f", "X"),
        points=2,
        stars=4,
        minutes=8,
        hints=(
            "Lay the outputs out in one line, `f(X).reshape(-1)`, and go through them as in 4.2. Which shape has each "
            "gradient?",
            "`torch.stack(rows)` has shape (m,) + X's shape. Only the outputs still have to get their own shape back.",
            "`torch.stack(rows).reshape(Y.shape + X.shape)`. `torch.func.jacrev(f)(X)` must give the same.",
        ),
    ),
]
