"""Mistakes with whole Jacobians, with their rows and columns, and with Jacobian-vector products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grader.mistakes.base import Mistake, at_least_two, grid

if TYPE_CHECKING:
    from grader.problem import Block


def _transposed(b: Block) -> np.ndarray | None:
    return b.J.T if len(b.y_shape) == len(b.x_shape) == 1 else None


def _one_row(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    """One row of J alone, as a vector, as a matrix with one row, or in every row of a Jacobian."""
    if b.m < 2:
        return None
    forms = (lambda row: row, lambda row: row[None], lambda row: grid(b, np.tile(row, (b.m, 1))))
    return [({"i": i}, form(b.J[i])) for i in range(b.m) for form in forms]


def _diagonal_of_table(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if not b.square:
        return None
    diagonal = np.diag(b.J)
    return [({}, diagonal), ({}, grid(b, np.diag(diagonal)))]


def _flattened(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    """The entries of J flattened, as (m, n), or with one more dimension of size 1, but never in J's own shape."""
    shapes = [(b.m * b.n,), (b.m, b.n), (1, b.m, b.n), (b.m, 1, b.n), (b.m, b.n, 1)]
    return [({}, b.J.reshape(shape)) for shape in shapes if shape != b.y_shape + b.x_shape]


def _inputs_first(b: Block) -> np.ndarray | None:
    if len(b.y_shape) == len(b.x_shape) == 1:
        return None  # that would be the transpose, which has its own name
    return b.J.T.reshape(b.x_shape + b.y_shape)


def _other_rows(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, b.J[k]) for k in range(b.m) if k != b.p.extras["i"]]


def _other_columns(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, b.J[:, k]) for k in range(b.n) if k != b.p.extras["j"]]


def _rows_up_to(b: Block) -> np.ndarray | None:
    i = b.p.extras["i"]
    return b.J[: i + 1].sum(axis=0) if 0 < i < b.m - 1 else None


def _place_as_value(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    """i times row i, or times the sum of all rows, which for i = 1 would be the truth or another mistake."""
    i = b.p.extras["i"]
    found: list[tuple[dict[str, Any], np.ndarray]] = [({}, i * b.J[i]), ({}, i * b.J.sum(axis=0))]
    return None if i == 1 else found[: 2 if i else 1]


def _all_but_row(b: Block) -> np.ndarray | None:
    """The sum of all rows but row i; None for two rows: that is the other row, which has its own name."""
    return b.J.sum(axis=0) - b.J[b.p.extras["i"]] if b.m > 2 else None


def _derivative_of_input(b: Block) -> np.ndarray | None:
    i = b.p.extras["i"]
    return np.eye(b.n)[i] if i < b.n and len(b.x_shape) == 1 else None


def _column_of_that_number(b: Block) -> np.ndarray | None:
    i = b.p.extras["i"]
    return b.J[:, i] if i < b.n else None


def _row_of_that_number(b: Block) -> np.ndarray | None:
    j = b.p.extras["j"]
    return b.J[j] if j < b.m else None


MISTAKES = [
    Mistake(
        "transposed_assembly",
        unit="04",
        formula="Jᵀ",
        name="the transpose of J",
        says="this is Jᵀ: rows and columns are swapped.",
        why="Row i of J is the gradient of output i, so J has shape ({m}, {n}): outputs first. A gradient goes into "
        "a row, `J[i] = g`, not into a column, `J[:, i] = g`. And if J is a product AB, its transpose is BᵀAᵀ.",
        derive={"jacobian": _transposed},
    ),
    Mistake(
        "rows_accumulated",
        unit="04",
        formula="J[0] + … + J[i]",
        name="each row added to the next",
        says="every row here is the sum of the right rows up to it.",
        why="`backward` adds to `.grad`. Set it to None between two rows, or use `autograd.grad`, which keeps nothing. "
        "A one-hot weight that is used again adds rows, too, if the 1 of the previous row is still in it.",
        derive={"jacobian": at_least_two(lambda b: grid(b, np.cumsum(b.J, axis=0)))},
    ),
    Mistake(
        "other_row",
        unit="04",
        formula="J[k]",
        name="the wrong row",
        says="this is row {k} of J; the exercise asks for row {i}.",
        why="Row i is the gradient of output i: of `y[i]`, or of y with a one-hot weight whose 1 is at index i. "
        "Indices start at 0.",
        derive={"row": _other_rows},
    ),
    Mistake(
        "rows_up_to_i",
        unit="04",
        formula="J[0] + … + J[i]",
        name="all rows up to row i",
        says="this is the sum of rows 0 to {i} of J; the exercise asks for row {i} alone.",
        why="Either `.grad` was not cleared between the rows, or a slice such as `y[:i + 1]` was differentiated. Row i "
        "is the gradient of `y[i]` and of nothing else.",
        derive={"row": _rows_up_to},
    ),
    Mistake(
        "place_as_value",
        unit="05",
        formula="i · J[i]",
        name="i used as the weight's value",
        says="the weight holds the number i, here {i}, where it should hold a 1 at index i.",
        why="i says which output counts, not how much. A one-hot weight is 1 at index i and 0 everywhere else.",
        derive={"row": _place_as_value},
    ),
    Mistake(
        "all_rows_but_i",
        unit="05",
        formula="Σ J[k], k ≠ i",
        name="all rows but the right one",
        says="this is the sum of all rows of J but row {i}.",
        why="The weight 0 leaves an output out, and the weight 1 lets it in. Here they are the wrong way round: row i "
        "needs a 1 at index i and zeros elsewhere.",
        derive={"row": _all_but_row},
    ),
    Mistake(
        "input_for_output",
        unit="04",
        formula="∂x_i/∂x",
        name="an input instead of an output",
        says="this is the derivative of x[{i}] with respect to x: 1 at index {i}, and 0 elsewhere.",
        why="Row i is the gradient of output i, `y[i]`. `x[i]` is an input, and has nothing to do with f.",
        derive={"row": _derivative_of_input},
    ),
    Mistake(
        "column_for_row",
        unit="04",
        formula="J[:, i]",
        name="a column instead of a row",
        says="this is column {i} of J; the exercise asks for row {i}.",
        why="Row i is the gradient of output i with respect to all inputs. Column i says how all outputs move with "
        "input i.",
        derive={"row": _column_of_that_number},
    ),
    Mistake(
        "other_column",
        unit="04",
        formula="J[:, k]",
        name="the wrong column",
        says="this is column {k} of J; the exercise asks for column {j}.",
        why="Column j says how all outputs move with input j. Indices start at 0.",
        derive={"column": _other_columns},
    ),
    Mistake(
        "row_for_column",
        unit="04",
        formula="J[j]",
        name="a row instead of a column",
        says="this is row {j} of J; the exercise asks for column {j}.",
        why="Column j says how all outputs move with input j. Row j is the gradient of output j with respect to all "
        "inputs.",
        derive={"column": _row_of_that_number},
    ),
    Mistake(
        "output_for_jvp",
        formula="f(x)",
        name="the value of f instead of its change",
        says="this is f(x) itself, not the rate at which it changes along u.",
        why="f(x) says where y is; Ju says how fast y moves when x moves along u. `torch.func.jvp` returns both, in "
        "this order, and a dual number holds both.",
        derive={"jvp": lambda b: b.y},
    ),
    Mistake(
        "direction_of_ones",
        formula="J1",
        name="ones as the direction",
        says="this is J times a vector of ones: the sum of its columns.",
        why="A direction of ones moves every input at the same rate. u says how fast each input moves.",
        derive={"jvp": lambda b: b.J.sum(axis=1) if b.n > 1 else None},
    ),
    Mistake(
        "jvp_diagonal",
        formula="diag(J) ⊙ u",
        name="only the diagonal of J",
        says="this uses only the diagonal of J: how each output moves with the input of the same index.",
        why="Every output may move with every input: Ju adds up whole columns of J, each times its entry of u.",
        derive={"jvp": lambda b: np.diag(b.J) * b.extra("u") if b.square else None},
    ),
    Mistake(
        "vjp_for_jvp",
        unit="05",
        formula="Jᵀu",
        name="Jᵀu instead of Ju",
        says="this is Jᵀu, a weighted sum of the rows, not Ju.",
        why="Ju says how y moves when x moves along u: it adds up columns, and has y's shape.",
        derive={"jvp": lambda b: b.J.T @ b.extra("u") if b.square else None},
    ),
    Mistake(
        "rows_added_up",
        unit="04",
        formula="J[0] + J[1] + …",
        name="the rows added up",
        says="this is the sum of the rows of J: the gradient of y.sum().",
        why="The derivative of a sum is the sum of the derivatives. `y.sum()`, or a weight of ones, adds up all "
        "rows, and no single row can be recovered from the sum. Differentiate one output at a time, such as `y[i]`.",
        derive={"row": lambda b: b.J.T @ b.ones, "jacobian": at_least_two(lambda b: b.J.T @ b.ones)},
    ),
    Mistake(
        "whole_table",
        unit="04",
        formula="J",
        name="the whole table",
        says="this is the whole Jacobian; the exercise asks for one row or one column of it.",
        why="`J[i]` is row i, `J[:, j]` is column j. But a single row costs one backward pass, and a single column one "
        "forward-mode pass: the rest of the table is not needed.",
        derive={"row": at_least_two(lambda b: grid(b, b.J)), "column": lambda b: grid(b, b.J) if b.n > 1 else None},
    ),
    Mistake(
        "columns_added_up",
        unit="04",
        formula="J1",
        name="the columns added up",
        says="this is the sum of the columns of J.",
        why="A direction of ones moves all inputs at once. Column j says what happens when input j moves alone: a "
        "1 at index j, and zeros elsewhere.",
        derive={"column": lambda b: b.J.sum(axis=1) if b.n > 1 else None},
    ),
    Mistake(
        "moved_along_x",
        unit="04",
        formula="Jx",
        name="x itself as the direction",
        says="this is Jx: each column of J times its entry of x, added up.",
        why="In `jvp`, the first tuple says where x is, and the second in which direction it moves. Column j of J is "
        "the derivative along input j alone, and Ju is the derivative along u.",
        derive={"column": lambda b: b.J @ b.x, "jvp": lambda b: b.J @ b.x},
    ),
    Mistake(
        "one_row_only",
        unit="04",
        formula="J[i]",
        name="one row only",
        says="this holds row {i} of J and no other.",
        why="The Jacobian has one row for each of the {m} outputs. Look at what changes from one iteration of the loop "
        "to the next, and at where the `return` is.",
        derive={"jacobian": _one_row},
    ),
    Mistake(
        "jacobian_diagonal",
        unit="04",
        formula="diag(J)",
        name="only the diagonal of J",
        says="this holds only the diagonal of J: how each output moves with the input of the same index.",
        why="Each output may move with every input. The other entries are zero only if the map acts entry by entry.",
        derive={"jacobian": _diagonal_of_table},
    ),
    Mistake(
        "jacobian_in_other_shape",
        unit="04",
        formula="J, reshaped",
        name="the right numbers in the wrong shape",
        says="these are the right numbers in the right order, but in the wrong shape.",
        why="The shape of a Jacobian is y's shape, then x's: `reshape(y.shape + x.shape)`. For rows that are "
        "vectors, `torch.stack` puts them below each other, and `torch.cat` joins them end to end.",
        derive={"jacobian": _flattened},
    ),
    Mistake(
        "jacobian_inputs_first",
        unit="04",
        formula="x's shape + y's shape",
        name="x's dimensions first",
        says="the dimensions of x come before those of y.",
        why="Outputs come first, as in a table with one row per output: J[i] is the gradient of output i, in x's "
        "shape.",
        derive={"jacobian": _inputs_first},
    ),
    Mistake(
        "argument_ignored",
        unit="04",
        formula="0",
        name="a function that ignores its argument",
        says="this is zero everywhere.",
        why="`jacobian`, `jacrev` and `jacfwd` pass a tensor of their own to the function and watch how the result "
        "depends on it. A function that computes with the x outside, such as `lambda _: f(x)`, does not depend on it. "
        "Give them f itself.",
        derive={"jacobian": lambda b: np.zeros(b.y_shape + b.x_shape)},
    ),
    Mistake(
        "one_grad_for_all_rows",
        unit="04",
        formula="J[0] + J[1] + …, in every row",
        name="one .grad for all rows",
        says="every row here is the sum of all rows.",
        why="Either `y.sum()` was differentiated in every iteration, where `y[i]` was meant. Or `x.grad` was "
        "collected: it is one tensor, every `backward` adds to it in place, and a list of `x.grad` holds that one "
        "tensor {m} times. `autograd.grad` returns a new tensor each time.",
        derive={"jacobian": at_least_two(lambda b: grid(b, np.tile(b.J.sum(axis=0), (b.m, 1))))},
    ),
]
