"""Mistakes that are made with several kinds of Quantity, or that questions of several units derive."""

from __future__ import annotations

import numpy as np

from grader.mistakes.base import Mistake, grid, nth
from grader.mistakes.batched import sample_hessians


def _opposite(truth: np.ndarray) -> np.ndarray | None:
    """The truth with the opposite sign; None if that changes nothing."""
    return -truth if np.any(truth) else None


MISTAKES = [
    Mistake(
        "minus_sign",
        unit="01",
        formula="−g",
        name="opposite sign",
        says="this is the right answer with the opposite sign.",
        why="Every entry has the right size. The gradient points uphill; the minus sign belongs to a descent step, "
        "not to the gradient itself.",
        derive={
            "weights": lambda b: -b.v,
            "operation": lambda b: -b.g,
            "jacobian": lambda b: -grid(b, b.J),
            "row": lambda b: -b.J[b.p.extras["i"]],
            "column": lambda b: -b.J[:, b.p.extras["j"]],
            "jvp": lambda b: -b.J @ b.extra("u"),
            "nth": lambda b: _opposite(nth(b)),
            "second_partial": lambda b: _opposite(b.H[b.p.extras["i"], b.p.extras["j"]]),
            "hessian": lambda b: -b.H.reshape(b.x_shape * 2),
            "hvp": lambda b: -b.H @ b.extra("u"),
            "sample_gradients": lambda b: -b.J.reshape(-1, *b.x_shape),
            "sample_hessians": lambda b: -sample_hessians(b),
            "batched_vjp": lambda b: -(np.asarray(b.p.extras["V"]) @ b.J).reshape(-1, *b.x_shape),
            "laplacian": lambda b: _opposite(np.trace(b.H)),
            "squared_norm": lambda b: -2 * b.H @ b.g,
        },
    ),
    Mistake(
        "chain_stops_early",
        unit="01",
        formula="h′(g(x))",
        name="the chain rule stops early",
        says="this is the derivative with respect to the intermediate value, not with respect to x.",
        why="With u = g(x) and y = h(u), you have h′(u). The factor g′(x) is still missing. "
        "Differentiate with respect to the leaf x, not with respect to what was computed from it.",
    ),
    Mistake(
        "outer_at_wrong_place",
        unit="01",
        formula="h′(x) · g′(x)",
        name="the outer derivative at the wrong place",
        says="this is h′(x)·g′(x): the outer derivative was taken at x.",
        why="In h(g(x)) the outer function never sees x. It sees u = g(x), and its derivative must be taken there: "
        "h′(g(x))·g′(x).",
    ),
    Mistake(
        "divided_by_one_step",
        unit="01",
        formula="(f(x+h) − f(x−h)) / h",
        name="divided by h instead of 2h",
        says="this is twice the slope.",
        why="From x−h to x+h the run is 2h, not h.",
    ),
    Mistake(
        "inner_only",
        unit="01",
        formula="g′(x)",
        name="the inner derivative alone",
        says="this is g′(x), the derivative of the inner function alone.",
        why="With u = g(x) and y = h(u), the factor h′(u) is missing: how fast y moves when u does.",
    ),
    Mistake(
        "order_exchanged",
        unit="01",
        formula="g′(h(x)) · h′(x)",
        name="inner and outer function swapped",
        says="this is the derivative of g(h(x)): the two functions were composed in the wrong order.",
        why="The inner function comes first: it sees x, and the outer one sees the inner one's result.",
    ),
    Mistake(
        "slopes_added",
        unit="01",
        formula="h′(g(x)) + g′(x)",
        name="the two slopes added",
        says="this is h′(g(x)) + g′(x), the right slopes, but added.",
        why="If u moves g′(x) times as fast as x, and y moves h′(u) times as fast as u, then y moves h′(u)·g′(x) "
        "times as fast as x.",
    ),
    Mistake(
        "accumulated_in_turn",
        unit="01",
        formula="(∂f/∂a, 2 · ∂f/∂b, …)",
        name="each backward added to the one before",
        says="these are 1, 2 and 3 times the right gradients, one after the other.",
        why="Every `backward` adds to the `.grad` of all inputs, not only of the one that you read next. One "
        "`backward`, or one `torch.autograd.grad` with all inputs, gives all gradients.",
    ),
    Mistake(
        "over_everything",
        unit="00",
        name="reduced over all dimensions",
        says="this was computed over all entries at once.",
        why="Without `dim`, PyTorch reduces every dimension and leaves a single number.",
    ),
    Mistake(
        "weight_laid_out_by_columns",
        unit="05",
        name="weights laid out by columns",
        says="the flat weights were filled in column by column.",
        why="PyTorch lays entries out row by row (row-major): `v.reshape(y.shape)` does just that, and a transpose "
        "afterwards undoes it.",
    ),
    Mistake(
        "sums_in_turn",
        unit="07",
        formula="(Jᵀv, Jᵀ(v + w), …)",
        name="each result added to the next",
        says="the first result is right; every later one is the sum of all up to it.",
        why="`backward` adds to `.grad`. Set `.grad` to None between two calls, or use `autograd.grad`, which "
        "returns each gradient separately.",
    ),
    Mistake(
        "results_exchanged",
        unit="07",
        formula="(…, Jᵀw, Jᵀv)",
        name="results in reverse order",
        says="these are the right gradients, in reverse order.",
        why="The first place of the tuple belongs to the first weight.",
    ),
]
