"""Unit 04: the Jacobian by rows and by columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from grader.jacobian import Function, forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import PredictedShape
from grader.problem import Map, Problem, mixed_signs, normal, uniform
from grader.quantities import Column, Computed, Jacobian, Row
from grader.question import Question
from grader.units import u01_functions, u05_functions
from grader.units import u04_functions as functions

ORBIT = Map(functions.orbit, {"x": normal(3)}, "(x₀x₂, sin x₀ + x₁, x₁x₂ − x₀²)")
SPREAD = Map(functions.four_of_two, {"x": mixed_signs(2)}, "(x₀x₁, e^(x₀/2), x₁², x₀ − 2x₁)")
FUNNEL = Map(functions.funnel, {"x": normal(4)}, "(x₀x₃ + sin x₁, x₂² − x₀x₁)")


def _matrix_to_two(X: torch.Tensor) -> torch.Tensor:
    return torch.stack([X[0, 0] * X[1, 2], X.sum()])


def _softmax_of(x: torch.Tensor) -> torch.Tensor:
    return torch.softmax(x, dim=0)


def _row_times_matrix(x: torch.Tensor, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return x @ W + b


def _product(C: torch.Tensor, B: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    return C @ B @ A


def _steps(n: int, k: int, l: int, m: int) -> Map:
    """The product of the Jacobians of three steps, from n numbers to k, to l, to m."""
    return Map(_product, {"C": normal(m, l), "B": normal(l, k), "A": normal(k, n)}, "C·B·A")


def _table(f: Function, x: torch.Tensor) -> np.ndarray:
    """The Jacobian of f at x: (m, n)."""
    return forward_mode(f, {"x": x})["x"]


def _place(of: str) -> Any:
    """A sampler for an extra: the index of an output (of="y") or of an input (of="x")."""
    return lambda generator, p: int(
        torch.randint(p.y.size if of == "y" else p.inputs["x"].numel(), (), generator=generator)
    )


def _sizes(*names: str) -> Any:
    """A guess at the Jacobian's shape: the shapes named, one after another.  "X" is X's, "y" y's, "flat" (m, n)."""

    def guess(p: Problem) -> np.ndarray:
        shapes = {"X": tuple(p.inputs["X"].shape), "y": tuple(p.outputs[0].shape)}
        shapes["flat"] = (p.y.size, p.inputs["X"].numel())
        return np.array(sum((shapes[name] for name in names), ()), dtype=float)

    return guess


def _parts(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """h′(u), of shape (m, k), g′(x), of shape (k, n), and h′(x) if u and x have the same shape, else None."""
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
    """A derivation that combines h′(u) and g′(x) entry by entry where they have the same shape; None elsewhere."""

    def derive(p: Problem) -> Any:
        of_outer, of_inner, _ = _parts(p)
        return combine(of_outer, of_inner) if of_outer.shape == of_inner.shape else None

    return derive


def _other_order(p: Problem) -> Any:
    outer, inner, x = p.map.fixed_args["outer"], p.map.fixed_args["inner"], p.inputs["x"]
    fits = all(J.shape == (x.numel(), x.numel()) for J in _parts(p)[:2])
    return _table(lambda z: inner(outer(z)), x) if fits else None


def _softmax(wrong: Any) -> Any:
    """A derivation made of ``wrong``, which takes s = softmax(x) and x to one wrong value or to a list of them."""

    def derive(p: Problem) -> Any:
        values = wrong(p.y, p.inputs["x"].numpy())
        return [({}, value) for value in values] if isinstance(values, list) else values

    return derive


def _exponentials(s: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    e = np.exp(x)
    return [np.diag(e) - np.outer(e, e), np.diag(e)]


def _counts(p: Problem) -> tuple[tuple[int, int], tuple[int, int]]:
    """The multiplications in each of the two products: from the left, (CB)A, and from the right, C(BA)."""
    (m, l), (k, n) = p.inputs["C"].shape, p.inputs["A"].shape
    return (m * l * k, m * k * n), (l * k * n, m * l * n)


def _cheaper(p: Problem) -> tuple[int, int]:
    """The multiplications in each of the two products of the cheaper order."""
    return min(_counts(p), key=sum)


def _with_count(count: Callable[[Problem], int | list[int]]) -> Callable[[Problem], Any]:
    """A derivation that gives the right J with another number, or with each of several, where that is wrong."""

    def derive(p: Problem) -> Any:
        wrong = count(p)
        numbers = dict.fromkeys(wrong if isinstance(wrong, list) else [wrong])
        details = {"left": sum(_counts(p)[0]), "right": sum(_counts(p)[1])}
        return [(details, (p.outputs[0].numpy(), np.asarray(float(c)))) for c in numbers if c != sum(_cheaper(p))]

    return derive


def _entries(p: Problem) -> list[int]:
    """The entries of the intermediate product and of J, in either order; of J alone; and of the three factors."""
    (m, l), (k, n) = p.inputs["C"].shape, p.inputs["A"].shape
    return [m * k + m * n, l * n + m * n, m * n, m * l + l * k + k * n]


def _all_sizes(p: Problem) -> int:
    return int(np.prod(p.inputs["C"].shape) * np.prod(p.inputs["A"].shape))


def _operations(p: Problem) -> list[int]:
    """Multiplications and additions of the cheaper order, with an addition for each multiplication or one fewer."""
    (m, l), (k, n) = p.inputs["C"].shape, p.inputs["A"].shape
    first = m * k if _cheaper(p) == _counts(p)[0] else l * n
    return [2 * sum(_cheaper(p)), 2 * sum(_cheaper(p)) - first - m * n]


JACOBIAN_SHAPE_FLAT = Mistake(
    "jacobian_shape_flat",
    name="the shape of the flattened Jacobian",
    says="this is the shape of the Jacobian with X flattened to a vector.",
    why="On paper J is often written as an m×n matrix. PyTorch keeps the shapes of both sides: y's shape, then X's.",
    on_problem=_sizes("flat"),
)
JACOBIAN_SHAPE_INPUTS_FIRST = Mistake(
    "jacobian_shape_inputs_first",
    name="the input's shape first",
    says="the sizes of X come before those of y.",
    why="Outputs come first, as in a matrix with one row per output: J[i] is the gradient of output i, in X's shape.",
    on_problem=_sizes("X", "y"),
)
JACOBIAN_SHAPE_OF_ONE_SIDE = Mistake(
    "jacobian_shape_of_one_side",
    name="the shape of one side only",
    says="this is the shape of {name} alone.",
    why="Every output has a derivative with respect to every entry of X. The shape needs both: y's, then X's.",
    on_problem=lambda p: [({"name": name}, _sizes(name)(p)) for name in ("X", "y")],
)
TRANSPOSED_BY_RESHAPE = Mistake(
    "transposed_by_reshape",
    formula="Jᵀ.reshape(m, n)",
    name="reshaped instead of transposed",
    says="the numbers are right, but most of them are in the wrong place: the matrix was reshaped where it should have "
    "been transposed.",
    why="`reshape` keeps the entries in the same order and only starts new rows elsewhere. To turn rows into columns, "
    "use `.T`; better still, write each gradient into its row from the start.",
    on_problem=lambda p: p.jacobians["x"].T.reshape(p.jacobians["x"].shape),
)
SOFTMAX_DIAGONAL = Mistake(
    "softmax_diagonal",
    formula="diag(s)",
    name="diag(s) alone",
    says="this is diag(s) alone.",
    why="Every output is divided by the same sum, and that sum changes with every input: hence the term −ssᵀ.",
    on_problem=_softmax(lambda s, x: np.diag(s)),
)
SOFTMAX_OUTER = Mistake(
    "softmax_outer",
    formula="−ssᵀ",
    name="the outer product alone",
    says="this consists of the outer product ssᵀ alone.",
    why="s_i depends on x_i in two ways: through the numerator, which gives s_i on the diagonal, and through the sum "
    "in the denominator, which gives −s_i·s_j everywhere.",
    on_problem=_softmax(lambda s, x: [-np.outer(s, s), np.outer(s, s)]),
)
SOFTMAX_PLUS = Mistake(
    "softmax_plus",
    formula="diag(s) + ssᵀ",
    name="plus instead of minus",
    says="this is diag(s) + ssᵀ: the sign of the second term is wrong.",
    why="If another input grows, the sum in the denominator grows, and s_i shrinks: off the diagonal all entries are "
    "negative. Each column must add up to 0, since the outputs always add up to 1.",
    on_problem=_softmax(lambda s, x: np.diag(s) + np.outer(s, s)),
)
SOFTMAX_UNNORMALISED = Mistake(
    "softmax_unnormalised",
    formula="diag(e) − eeᵀ",
    name="exponentials that are not normalized",
    says="the exponentials e^x were used in place of softmax(x).",
    why="s is e^x divided by its sum: `torch.softmax(x, dim=0)`.",
    on_problem=_softmax(_exponentials),
)
SOFTMAX_NOT_DIAGONAL = Mistake(
    "softmax_not_diagonal",
    formula="1sᵀ − ssᵀ",
    name="s not put on the diagonal",
    says="s was added to every row, or to every column, of −ssᵀ.",
    why="In `s - torch.outer(s, s)` the vector s is stretched to a whole matrix. `torch.diag(s)` puts it on the "
    "diagonal.",
    on_problem=_softmax(lambda s, x: [side * np.ones((s.size, s.size)) - np.outer(s, s) for side in (s, s[:, None])]),
)
INNER_FOR_OUTER = Mistake(
    "inner_for_outer",
    formula="diag(s) − s·s",
    name="a number in place of a matrix",
    says="the single number s·s was subtracted from every entry.",
    why="`s @ s` of two vectors is their inner product, and `.T` does nothing to a vector. The matrix of all products "
    "s_i·s_j is `torch.outer(s, s)`.",
    on_problem=_softmax(lambda s, x: np.diag(s) - s @ s),
)
LOG_SOFTMAX = Mistake(
    "log_softmax",
    formula="I − 1sᵀ",
    name="the Jacobian of log softmax",
    says="this is I − 1sᵀ, the Jacobian of the logarithm of softmax.",
    why="The derivative of log s_i is that of s_i divided by s_i. So row i still has to be multiplied by s_i.",
    on_problem=_softmax(lambda s, x: np.eye(s.size) - s),
)
JACOBIANS_EXCHANGED = Mistake(
    "jacobians_exchanged",
    formula="g′(x) h′(u)",
    name="the factors in the other order",
    says="this is g′(x)·h′(u): the right matrices in the wrong order.",
    why="The matrix product is not commutative. The outer function is applied last, but its Jacobian stands on the "
    "left: h′(u)·g′(x).",
    on_problem=_exchanged,
)
ELEMENTWISE_PRODUCT = Mistake(
    "elementwise_product",
    formula="h′(u) ⊙ g′(x)",
    name="multiplied entry by entry",
    says="the two Jacobians were multiplied entry by entry.",
    why="`*` multiplies entries at the same place; `@` is the matrix product. An input affects an output through every "
    "intermediate value, and the matrix product adds up all these paths.",
    on_problem=_together(lambda of_outer, of_inner: of_outer * of_inner),
)
ONES_FOR_IDENTITY = Mistake(
    "ones_for_identity",
    formula="(Wᵀ, 1)",
    name="ones instead of the identity",
    says="the derivative with respect to b was taken to be ones.",
    why="Output i depends on b_i and on no other entry of b, so the Jacobian is the identity matrix. Ones are what its "
    "rows add up to.",
    on_problem=lambda p: [({}, (p.jacobians["x"], np.ones(s))) for s in (p.y.size, (p.y.size, p.y.size))],
)
SHIFT_HELD_CONSTANT = Mistake(
    "shift_held_constant",
    formula="(Wᵀ, 0)",
    name="b taken for a constant",
    says="the derivative with respect to b was taken to be zero.",
    why="b is constant while you differentiate with respect to x. With respect to b, it is x that stays fixed, and "
    "y_i grows just as fast as b_i.",
    on_problem=lambda p: (p.jacobians["x"], np.zeros((p.y.size, p.y.size))),
)
MATRIX_NOT_TRANSPOSED = Mistake(
    "matrix_not_transposed",
    formula="W",
    name="W itself instead of its transpose",
    says="the Jacobian with respect to x was taken to be W itself.",
    why="With x on the left, y_i is x times *column* i of W, so column i of W is row i of J: that makes J = Wᵀ. W "
    "itself is the Jacobian of W @ x.",
    on_problem=lambda p: [({}, (p.jacobians["x"].T, by_b)) for by_b in (p.jacobians["b"], np.ones(p.y.size))],
)
FACTOR_X_KEPT = Mistake(
    "factor_x_kept",
    formula="Wᵀ ⊙ x",
    name="x was left in",
    says="each entry of the matrix is still multiplied by an entry of x.",
    why="Those products are the terms that y_i is the sum of. The derivative of x_j·W[j, i] with respect to x_j is "
    "W[j, i]: the Jacobian of a linear map is the same at every x.",
    on_problem=lambda p: (p.jacobians["x"] * p.inputs["x"].numpy(), p.jacobians["b"]),
)
DEARER_ORDER = Mistake(
    "dearer_order",
    formula="max",
    name="the dearer order",
    says="J is right, but this is the count of the dearer order.",
    why="Here it takes {left} multiplications from the left, and {right} from the right. Neither order is always the "
    "cheaper one, and m and n alone do not decide: count both, with all four sizes, and take the smaller number.",
    on_problem=_with_count(lambda p: max(map(sum, _counts(p)))),
)
BOTH_ORDERS = Mistake(
    "both_orders_counted",
    formula="(CB)A plus C(BA)",
    name="both orders together",
    says="J is right, but this adds up the counts of both orders.",
    why="J is computed in one of them. From the left takes {left} multiplications, from the right {right}.",
    on_problem=_with_count(lambda p: sum(map(sum, _counts(p)))),
)
ONE_PRODUCT = Mistake(
    "one_product_counted",
    formula="C·B or B·A alone",
    name="one of the two products left out",
    says="J is right, but this is the count for only one of the two products.",
    why="Three factors take two products. The first gives an intermediate matrix, and multiplying that by the third "
    "factor takes p·q·r multiplications again, with its own sizes.",
    on_problem=_with_count(lambda p: [count for order in _counts(p) for count in order]),
)
ENTRIES_FOR_MULTIPLICATIONS = Mistake(
    "entries_for_multiplications",
    formula="entries",
    name="the entries of matrices",
    says="J is right, but this counts entries of matrices, not multiplications.",
    why="Each entry of a p×q matrix times a q×r matrix is a sum of q products. So there are p·q·r multiplications, not "
    "p·r.",
    on_problem=_with_count(_entries),
)
ALL_SIZES = Mistake(
    "all_sizes_multiplied",
    formula="m · l · k · n",
    name="all four sizes multiplied together",
    says="J is right, but this is the product of all four sizes.",
    why="That is the number of paths from the inputs to the outputs. Matrix products do not follow each path on its "
    "own: two of them take the *sum* of two counts, and each count is a product of three sizes.",
    on_problem=_with_count(_all_sizes),
)
ADDITIONS_COUNTED = Mistake(
    "additions_counted",
    formula="multiplications and additions",
    name="additions counted as well",
    says="J is right, but this counts the additions, too.",
    why="A sum of q products takes q multiplications and q − 1 additions. Only the multiplications were asked for: "
    "p·q·r for a p×q matrix times a q×r matrix.",
    on_problem=_with_count(_operations),
)
COUNT_BEFORE_PRODUCT = Mistake(
    "count_before_product",
    formula="(count, J)",
    name="the two results exchanged",
    says="both results are right, but each is in the other's place.",
    why="J comes first, then the number of multiplications.",
    on_problem=lambda p: (np.asarray(float(sum(_cheaper(p)))), p.outputs[0].numpy()),
)

QUESTIONS = [
    Question(
        "04.shape",
        "4.1 What shape does the Jacobian have?",
        PredictedShape(wrt="X", of=Jacobian(wrt="X")),
        [Map(_matrix_to_two, {"X": normal(4, 3)}, "(X₀₀X₁₂, the sum of X)")],
        also=(
            JACOBIAN_SHAPE_FLAT,
            JACOBIAN_SHAPE_INPUTS_FIRST,
            JACOBIAN_SHAPE_OF_ONE_SIDE,
        ),
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "How many outputs are there? And what shape does the gradient of one of them have?",
            "y's shape comes first, then X's. y has shape (2,).",
        ),
    ),
    Question(
        "04.one_row",
        "4.2 One row",
        Row(),
        [ORBIT, SPREAD, FUNNEL],
        gives=("f", "x", "i"),
        extras={"i": _place("y")},
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "Row i is the gradient of one number, and unit 03 shows how to get the gradient of one number. Which "
            "number is it?",
            "`y[i]` is a single number: a tensor of shape ().",
        ),
    ),
    Question(
        "04.all_rows",
        "4.3 All rows",
        Jacobian(),
        [SPREAD, ORBIT, FUNNEL],
        gives=("f", "x"),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "In step i of the loop, row i is the gradient of `y[i]`, as in 4.2.",
            "All rows go back through the same graph. What must every pass but the last leave in place?",
            "`(row,) = torch.autograd.grad(y[i], x, retain_graph=True)`",
        ),
    ),
    Question(
        "04.one_column",
        "4.4 One column",
        Column(),
        [FUNNEL, ORBIT, SPREAD],
        gives=("f", "x", "j"),
        extras={"j": _place("x")},
        also=(CATALOGUE["value_not_slope"].derived(lambda p: p.y),),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "Column j says how all outputs change when input j changes and the others stay fixed. In which direction "
            "does x move?",
            "The direction has x's shape: 1 at place j, and 0 elsewhere. Start from `torch.zeros_like(x)`.",
        ),
    ),
    Question(
        "04.mend_transposed",
        "4.5 Mend a Jacobian that came out transposed",
        Jacobian(),
        [FUNNEL, SPREAD, Map(u05_functions.pair, {"x": normal(3)}, "(x₀x₁, x₁² + sin x₂)")],
        gives=("f", "x"),
        also=(TRANSPOSED_BY_RESHAPE,),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "The gradients themselves are right. Where does the loop put them, and where do they belong?",
            "Two things must change together: the shape of J, and the place that the loop writes to.",
            "`J[i] = gradient` writes into row i. Its length is len(x), and there are len(y) rows.",
        ),
    ),
    Question(
        "04.linear_map",
        "4.6 The Jacobian of a linear map",
        Jacobian(wrt=("x", "b")),
        [
            Map(_row_times_matrix, {"x": normal(3), "W": normal(3, 3), "b": normal(3)}, "x @ W + b"),
            Map(_row_times_matrix, {"x": normal(4), "W": normal(4, 2), "b": normal(2)}, "x @ W + b"),
            Map(_row_times_matrix, {"x": normal(2), "W": normal(2, 3), "b": normal(3)}, "x @ W + b"),
        ],
        gives=("W", "b", "x"),
        also=(
            MATRIX_NOT_TRANSPOSED,
            ONES_FOR_IDENTITY,
            SHIFT_HELD_CONSTANT,
            FACTOR_X_KEPT,
        ),
        without={"transposed_assembly": "the transpose of this J is W, which has a name of its own here"},
        partial=True,
        points=2,
        stars=3,
        minutes=7,
        hints=(
            "Write y_i as a sum over j. What is the factor of x_j?",
            "y_i = Σ_j x_j·W[j, i] + b_i. So ∂y_i/∂x_j is W[j, i], with the indices the other way around, and "
            "∂y_i/∂b_k is 1 where k = i, else 0.",
            "A new tensor gets W's dtype if you ask for it: `torch.eye(len(b), dtype=W.dtype)`.",
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
        stars=3,
        minutes=8,
        hints=(
            "At which point must the Jacobian of `outer` be taken? It never sees x.",
            "Write down the shapes: the Jacobian of `outer` is (m, k), that of `inner` is (k, n), and the result is "
            "(m, n). In which order do they fit?",
            "`jacobian(outer, inner(x)) @ jacobian(inner, x)`",
        ),
    ),
    Question(
        "04.cheaper_order",
        "4.8 Which order costs less?",
        Computed(
            wrt=(),
            compute=lambda p: (p.outputs[0].numpy(), sum(_cheaper(p))),
            entries=("J", "the count"),
            text="(C·B·A, count)",
        ),
        [_steps(5, 4, 6, 3), _steps(2, 5, 3, 6), _steps(3, 2, 5, 4), _steps(4, 5, 2, 3)],
        gives=("C", "B", "A"),
        also=(
            DEARER_ORDER,
            BOTH_ORDERS,
            ONE_PRODUCT,
            ENTRIES_FOR_MULTIPLICATIONS,
            ALL_SIZES,
            ADDITIONS_COUNTED,
            COUNT_BEFORE_PRODUCT,
        ),
        plain_numbers=True,
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "There are two orders, (C·B)·A and C·(B·A), and each consists of two products. What shape does the "
            "intermediate result have in each?",
            "A p×q matrix times a q×r matrix takes p·q·r multiplications. From the left, C·B takes m·l·k of them and "
            "gives an m×k matrix. How many does that matrix times A take?",
            "From the left: m·l·k + m·k·n. From the right: l·k·n + m·l·n. `min` takes the smaller of two numbers.",
        ),
    ),
    Question(
        "04.softmax",
        "4.9 Transfer: the Jacobian of softmax",
        Jacobian(),
        [Map(_softmax_of, {"x": uniform(-1.5, 1.5, n)}, "softmax(x)") for n in (4, 3, 5)],
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
            "There are two ways: row by row, as in 4.3, or by a formula in s = softmax(x).",
            "s_i = e^(x_i) / (e^(x₀) + e^(x₁) + …). Use the quotient rule to differentiate with respect to x_j, once "
            "for j = i and once for j ≠ i, and write the results in terms of s_i and s_j.",
            "∂s_i/∂x_j is −s_i·s_j, and where i = j you add s_i. `torch.diag` and `torch.outer` make matrices out of "
            "vectors.",
        ),
    ),
    Question(
        "04.any_shape",
        "4.10 Recall: gradients of any shape make a Jacobian",
        Jacobian(wrt="X"),
        [
            Map(functions.leaning, {"X": normal(2, 3)}, "sin X[:, 0] · (the row sums of X) + X[0, 1]"),
            Map(functions.sine_product, {"X": normal(2, 3)}, "Xᵀ @ sin X"),
            Map(functions.unrolled, {"X": normal(3)}, "the outer product of (X₀X₁, X₂²) and X, plus X"),
        ],
        gives=("f", "X"),
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "Flatten the outputs, `f(X).reshape(-1)`, and go through them as in 4.3. What shape does each gradient "
            "have?",
            "`torch.stack(rows)` has shape (m,) + X's shape. Only the outputs still need their own shape back.",
            "`torch.stack(rows).reshape(Y.shape + X.shape)`. `torch.func.jacrev(f)(X)` must give the same.",
        ),
    ),
]
