"""Unit 04: the Jacobian by rows and by columns."""

from typing import Any

import numpy as np
import torch

from grader.jacobian import Function, forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import PredictedShape
from grader.problem import Map, Problem, mixed_signs, normal, uniform
from grader.quantities import Column, Jacobian, Row
from grader.question import Question
from grader.units import u01_functions, u05_functions
from grader.units import u04_functions as functions

ORBIT = Map(functions.orbit, {"x": normal(3)}, "(x₀x₂, sin x₀ + x₁, x₁x₂ − x₀²)")
SPREAD = Map(functions.four_of_two, {"x": mixed_signs(2)}, "(x₀x₁, e^(x₀/2), x₁², x₀ − 2x₁)")
FUNNEL = Map(functions.funnel, {"x": normal(4)}, "(x₀x₃ + sin x₁, x₂² − x₀x₁)")


def _table(f: Function, x: torch.Tensor) -> np.ndarray:
    """The Jacobian of f at x: (m, n)."""
    return forward_mode(f, {"x": x})["x"]


def _place(of: str) -> Any:
    """A sampler for an extra: the index of an output (of="y") or of an input (of="x")."""
    return lambda generator, p: int(
        torch.randint(p.y.size if of == "y" else p.inputs["x"].numel(), (), generator=generator)
    )


def _sizes(*names: str) -> Any:
    """A guess at a shape, made by concatenating shapes: "X" is X's, "y" is y's, "flat" is (m, n)."""

    def guess(p: Problem) -> np.ndarray:
        shapes = {"X": tuple(p.inputs["X"].shape), "y": tuple(p.outputs[0].shape)}
        shapes["flat"] = (p.y.size, p.inputs["X"].numel())
        return np.array(sum((shapes[name] for name in names), ()), dtype=float)

    return guess


def _parts(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """The Jacobians h′(u) and g′(x) of outer and inner, and h′(x) if u and x have the same shape, else None."""
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
    """A derivation that combines h′(u) and g′(x) entry by entry, if they have the same shape."""

    def derive(p: Problem) -> Any:
        of_outer, of_inner, _ = _parts(p)
        return combine(of_outer, of_inner) if of_outer.shape == of_inner.shape else None

    return derive


def _other_order(p: Problem) -> Any:
    outer, inner, x = p.map.fixed_args["outer"], p.map.fixed_args["inner"], p.inputs["x"]
    fits = all(J.shape == (x.numel(), x.numel()) for J in _parts(p)[:2])
    return _table(lambda z: inner(outer(z)), x) if fits else None


def _softmax(wrong: Any) -> Any:
    """A derivation from ``wrong(s, x)``, with s = softmax(x), which returns one value or a list of them."""

    def derive(p: Problem) -> Any:
        values = wrong(p.y, p.inputs["x"].numpy())
        return [({}, value) for value in values] if isinstance(values, list) else values

    return derive


def _exponentials(s: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    e = np.exp(x)
    return [np.diag(e) - np.outer(e, e), np.diag(e)]


JACOBIAN_SHAPE_FLAT = Mistake(
    "jacobian_shape_flat",
    name="the shape of the flattened table",
    says="this is the shape of the table with X laid out as one long row.",
    why="That is J on paper, m×n. PyTorch keeps the shapes of both sides: y's shape, then X's.",
    on_problem=_sizes("flat"),
)
JACOBIAN_SHAPE_INPUTS_FIRST = Mistake(
    "jacobian_shape_inputs_first",
    name="the input's shape first",
    says="the sizes of X stand before those of y.",
    why="Outputs come first, as in a table with one row per output: J[i] is the gradient of output i, in X's shape.",
    on_problem=_sizes("X", "y"),
)
JACOBIAN_SHAPE_OF_ONE_SIDE = Mistake(
    "jacobian_shape_of_one_side",
    name="the shape of one side only",
    says="this is the shape of {name} alone.",
    why="Every output has a derivative by every entry of X. The shape needs both: y's, then X's.",
    on_problem=lambda p: [({"name": name}, _sizes(name)(p)) for name in ("X", "y")],
)
TRANSPOSED_BY_RESHAPE = Mistake(
    "transposed_by_reshape",
    formula="Jᵀ.reshape(m, n)",
    name="reshaped instead of transposed",
    says="the numbers are right, but most of them stand in the wrong place: a table was reshaped where it had to be "
    "transposed.",
    why="`reshape` keeps the order of the entries and only breaks the line elsewhere. Rows become columns by `.T`, "
    "or, better, are put into rows from the start.",
    on_problem=lambda p: p.jacobians["x"].T.reshape(p.jacobians["x"].shape),
)
SOFTMAX_DIAGONAL = Mistake(
    "softmax_diagonal",
    formula="diag(s)",
    name="diag(s) alone",
    says="this is diag(s) alone.",
    why="Every output is divided by the same sum, and that sum moves with every input. That is where −ssᵀ comes from.",
    on_problem=_softmax(lambda s, x: np.diag(s)),
)
SOFTMAX_OUTER = Mistake(
    "softmax_outer",
    formula="−ssᵀ",
    name="the outer product alone",
    says="this is made of the outer product ssᵀ alone.",
    why="s_i moves with x_i in two ways: as a numerator, which gives s_i on the diagonal, and as a part of the sum "
    "below, which gives −s_i·s_j everywhere.",
    on_problem=_softmax(lambda s, x: [-np.outer(s, s), np.outer(s, s)]),
)
SOFTMAX_PLUS = Mistake(
    "softmax_plus",
    formula="diag(s) + ssᵀ",
    name="plus instead of minus",
    says="this is diag(s) + ssᵀ: the minus is missing.",
    why="When another input grows, the sum below grows, and s_i shrinks: off the diagonal all entries are negative. "
    "Each column must add up to 0, since the outputs always add up to 1.",
    on_problem=_softmax(lambda s, x: np.diag(s) + np.outer(s, s)),
)
SOFTMAX_UNNORMALISED = Mistake(
    "softmax_unnormalised",
    formula="diag(e) − eeᵀ",
    name="exponentials instead of their shares",
    says="the exponentials stand here where the softmax belongs.",
    why="s is e^x divided by its sum: `torch.softmax(x, dim=0)`.",
    on_problem=_softmax(_exponentials),
)
SOFTMAX_NOT_DIAGONAL = Mistake(
    "softmax_not_diagonal",
    formula="1sᵀ − ssᵀ",
    name="s not put on the diagonal",
    says="here s was added to every row, or to every column, of −ssᵀ.",
    why="In `s - torch.outer(s, s)` the vector is stretched to a table. `torch.diag(s)` puts it on the diagonal.",
    on_problem=_softmax(lambda s, x: [side * np.ones((s.size, s.size)) - np.outer(s, s) for side in (s, s[:, None])]),
)
INNER_FOR_OUTER = Mistake(
    "inner_for_outer",
    formula="diag(s) − s·s",
    name="a number instead of a table",
    says="the single number s·s was subtracted from every entry.",
    why="`s @ s` of two vectors is their inner product, and `.T` changes nothing in a vector. The table of all "
    "products is `torch.outer(s, s)`.",
    on_problem=_softmax(lambda s, x: np.diag(s) - s @ s),
)
LOG_SOFTMAX = Mistake(
    "log_softmax",
    formula="I − 1sᵀ",
    name="the Jacobian of log softmax",
    says="this is I − 1sᵀ, the Jacobian of the logarithm of the softmax.",
    why="Row i still has to be multiplied by s_i, which the logarithm took away.",
    on_problem=_softmax(lambda s, x: np.eye(s.size) - s),
)
JACOBIANS_EXCHANGED = Mistake(
    "jacobians_exchanged",
    formula="g′(x) h′(u)",
    name="the factors in the other order",
    says="this is g′(x)·h′(u): the right matrices in the wrong order.",
    why="A matrix product is not commutative. The outer function comes last on the way from x, and its Jacobian "
    "stands on the left: h′(u)·g′(x).",
    on_problem=_exchanged,
)
ELEMENTWISE_PRODUCT = Mistake(
    "elementwise_product",
    formula="h′(u) ⊙ g′(x)",
    name="multiplied entry by entry",
    says="here the two Jacobians were multiplied entry by entry.",
    why="`*` multiplies what stands at the same place, `@` is the matrix product. An input acts on an output by way "
    "of every intermediate value, and the matrix product adds up all these ways.",
    on_problem=_together(lambda of_outer, of_inner: of_outer * of_inner),
)
ONES_FOR_IDENTITY = Mistake(
    "ones_for_identity",
    formula="(Wᵀ, 1)",
    name="ones instead of the identity",
    says="the derivative by b was taken to be ones.",
    why="Output i moves with b_i and with no other entry of b: that is the identity matrix. Ones are what its rows "
    "add up to.",
    on_problem=lambda p: (p.jacobians["x"], np.ones(p.y.size)),
)
MATRIX_NOT_TRANSPOSED = Mistake(
    "matrix_not_transposed",
    formula="W",
    name="W itself instead of its transpose",
    says="the derivative by x was taken to be W itself.",
    why="With x on the left, y_i is x times *column* i of W, so column i of W is row i of J: that is Wᵀ. W itself "
    "is the Jacobian of W @ x.",
    on_problem=lambda p: [({}, (p.jacobians["x"].T, by_b)) for by_b in (p.jacobians["b"], np.ones(p.y.size))],
)
FACTOR_X_KEPT = Mistake(
    "factor_x_kept",
    formula="Wᵀ ⊙ x",
    name="x was left in",
    says="here each entry of the matrix is still multiplied by an entry of x.",
    why="Those products are the terms that y is the sum of. Differentiated by x_j, W[j, i]·x_j leaves W[j, i]: a "
    "linear map has the same Jacobian at every x.",
    on_problem=lambda p: (p.jacobians["x"] * p.inputs["x"].numpy(), p.jacobians["b"]),
)

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
        also=(CATALOGUE["value_not_slope"].derived(lambda p: p.y),),
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
        PredictedShape(wrt="X", of=Jacobian(wrt="X")),
        [Map(functions.table_to_two, {"X": normal(4, 3)}, "(X₀₀X₁₂, the sum of X)")],
        also=(
            JACOBIAN_SHAPE_FLAT,
            JACOBIAN_SHAPE_INPUTS_FIRST,
            JACOBIAN_SHAPE_OF_ONE_SIDE,
        ),
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
        [FUNNEL, SPREAD, Map(u05_functions.pair, {"x": normal(3)}, "(x₀x₁, x₁² + sin x₂)")],
        gives=("f", "x"),
        also=(TRANSPOSED_BY_RESHAPE,),
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
        [Map(functions.softmax, {"x": uniform(-1.5, 1.5, n)}, "softmax(x)") for n in (4, 3, 5)],
        gives=("x",),
        also=(
            CATALOGUE["value_not_slope"].derived(lambda p: p.y),
            SOFTMAX_DIAGONAL,
            SOFTMAX_OUTER,
            SOFTMAX_PLUS,
            SOFTMAX_UNNORMALISED,
            SOFTMAX_NOT_DIAGONAL,
            INNER_FOR_OUTER,
            LOG_SOFTMAX,
        ),
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
                u01_functions.composed,
                {"x": normal(3)},
                "outer(inner(x)), inner (x₀x₂, sin x₀ + x₁, x₁x₂ − x₀²), outer (u₀u₁, sin u₁ + 2u₂, u₀u₂ − u₁²)",
                {"outer": u05_functions.swirl, "inner": functions.orbit},
            ),
            Map(
                u01_functions.composed,
                {"x": normal(3)},
                "outer(inner(x)), inner (x₀x₁, x₁² + sin x₂), outer (u₀u₁, e^(u₀/2), u₁², u₀ − 2u₁)",
                {"outer": functions.four_of_two, "inner": u05_functions.pair},
            ),
            Map(
                u01_functions.composed,
                {"x": normal(2)},
                "outer(inner(x)), inner (x₀x₁, e^(x₀/2), x₁², x₀ − 2x₁), outer (u₀u₃ + sin u₁, u₂² − u₀u₁)",
                {"outer": functions.funnel, "inner": functions.four_of_two},
            ),
        ],
        gives=("outer", "inner", "x"),
        also=(
            CATALOGUE["chain_stops_early"].derived(lambda p: _parts(p)[0]),
            CATALOGUE["inner_only"].derived(lambda p: _parts(p)[1]),
            CATALOGUE["outer_at_wrong_place"].derived(_outer_at_x),
            JACOBIANS_EXCHANGED,
            ELEMENTWISE_PRODUCT,
            CATALOGUE["slopes_added"].derived(_together(lambda of_outer, of_inner: of_outer + of_inner)),
            CATALOGUE["order_exchanged"].derived(_other_order),
        ),
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
        Jacobian(wrt=("x", "b")),
        [
            Map(functions.row_times_matrix, {"x": normal(3), "W": normal(3, 3), "b": normal(3)}, "x @ W + b"),
            Map(functions.row_times_matrix, {"x": normal(4), "W": normal(4, 2), "b": normal(2)}, "x @ W + b"),
            Map(functions.row_times_matrix, {"x": normal(2), "W": normal(2, 3), "b": normal(3)}, "x @ W + b"),
        ],
        gives=("W", "b", "x"),
        also=(
            MATRIX_NOT_TRANSPOSED,
            ONES_FOR_IDENTITY,
            FACTOR_X_KEPT,
        ),
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
        Jacobian(wrt="X"),
        [
            Map(functions.leaning, {"X": normal(2, 3)}, "sin X[:, 0] · (the row sums of X) + X[0, 1]"),
            Map(functions.sine_product, {"X": normal(2, 3)}, "Xᵀ @ sin X"),
            Map(functions.unrolled, {"X": normal(3)}, "the outer product of (X₀X₁, X₂²) and X, plus X"),
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
