"""The functions of unit 10: expressions for any engine.

They are written with operators and methods alone, so that the same text can be called with tensors and with the nodes
of an engine that knows nothing of torch.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

Value = Any  # a tensor, or a node of an engine


def used_twice(a: Value, b: Value, at_c: Value, at_d: Value) -> Value:
    """e = d·c with c = a·b + at_c and d = c + a + at_d: ∂e/∂at_c and ∂e/∂at_d are the gradients that reach c and d."""
    c = a * b + at_c
    d = c + a + at_d
    return d * c


def sine_of(x: Value) -> Value:
    return x.sin()


def exponential(x: Value) -> Value:
    return x.exp()


def logarithm(x: Value) -> Value:
    return x.log()


def hyperbolic_tangent(x: Value) -> Value:
    return x.tanh()


def third_power(x: Value) -> Value:
    return x**3


def inverse_square(x: Value) -> Value:
    return x**-2


def difference(a: Value, b: Value) -> Value:
    return a - b


def quotient(a: Value, b: Value) -> Value:
    return a / b


def squared(x: Value) -> Value:
    return x * x


def number_of_edges(table: Tensor) -> Tensor:
    return table.sum()


def as_lists(table: Tensor) -> list[list[int]]:
    """The parents of every node: entry (k, j) of the table counts how often node j is a parent of node k."""
    return [[j for j, times in enumerate(row) for _ in range(int(times))] for row in table.tolist()]


def deep_on_the_left(a: Value, b: Value) -> Value:
    """A shared value s is reached by a long path through left operands and by short paths through right operands."""
    s = a * b
    t = s + b
    u = t * t
    return ((u * a) * t + s * u) * s * b


def deep_on_both_sides(a: Value, b: Value, c: Value) -> Value:
    s = a + b * c
    t = s * c
    left = ((t * a + s) * t) * s
    right = s * (t * (s + b * t))
    return (left + right) * c


def squares_of_squares(a: Value, b: Value) -> Value:
    s = a * b + 2.0 * a
    t = s * s
    return (t * b + s) * t + t * (b * s) + a


def product_and_more(a: Value, b: Value) -> Value:
    return a * b + a


def rectified(x: Value) -> Value:
    return x.relu()


def absolute(x: Value) -> Value:
    return x.abs()


def larger(a: Value, b: Value) -> Value:
    return a.maximum(b)


def matrix_product(A: Value, B: Value) -> Value:
    return A @ B


def total(X: Value) -> Value:
    return X.sum()


def column_sums(X: Value) -> Value:
    return X.sum(axis=0)


def row_sums(X: Value) -> Value:
    return X.sum(axis=1)


def sum_of_two(A: Value, B: Value) -> Value:
    return A + B


def product_of_two(A: Value, B: Value) -> Value:
    return A * B


# --- earlier units' functions, written for any engine


def ridge_for_engines(x: Value) -> Value:
    """08.ridge"""
    return x[0] ** 2 * x[1] + x[0] * x[2].sin() + x[1] * x[2] ** 2


def swirl_for_engines(x: Value) -> tuple[Value, ...]:
    """05.swirl, with its outputs as a tuple"""
    return x[0] * x[1], x[1].sin() + 2.0 * x[2], x[2] * x[0] - x[1] ** 2


def layer_for_engines(A: Value, x: Value) -> Value:
    """05.layer: A·x as the sum along each row of A ⊙ x"""
    return (A * x).sum(axis=1).sin()


def mixed_rows_for_engines(X: Value) -> Value:
    """05.mixed_rows"""
    return X @ X.T[:, :2] + X[:, :2] ** 2


def half_squared_error_for_engines(X: Value, W: Value, b: Value, T: Value) -> Value:
    """06.half_squared_error"""
    return ((X @ W + b - T) ** 2).sum() * 0.5


def cross_entropy(X: Value, W: Value, b: Value, P: Value) -> Value:
    """A linear layer, softmax and cross-entropy with target probabilities P, whose rows add up to 1."""
    Z = X @ W + b
    return (Z.exp().sum(axis=1).log() - (Z * P).sum(axis=1)).sum()


def looked_up(table: Value, x: Value, c: Value) -> Value:
    """Rows of an embedding, one taken three times and one not at all, through a layer; c tells the uses apart."""
    E = table[[2, 0, 2, 1, 2]]
    return ((E * x).tanh() * E * c).sum(axis=0)
