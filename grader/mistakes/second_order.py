"""Mistakes with Hessians, with quantities computed from them, and with higher derivatives."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from grader.mistakes.base import Mistake, nth, order

if TYPE_CHECKING:
    from grader.problem import Block


def _pure_partials(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    i, j = b.p.extras["i"], b.p.extras["j"]
    return [({"k": k}, b.H[k, k]) for k in sorted({i, j})] if i != j else []


def _newton_alone(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    step = np.linalg.solve(b.H, b.g)
    return [({}, step), ({}, -step)]


def _other_orders(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    n = order(b)
    return [({"k": k, "order": n}, np.asarray(b.derivative(k))) for k in range(n + 2) if k != n]


def _running_orders(b: Block) -> np.ndarray | None:
    """What ``.grad`` holds if it is never reset: each backward adds the derivative of everything already in it."""
    n = order(b)
    return np.asarray(sum(comb(n - 1, k - 1) * b.derivative(k) for k in range(1, n + 1))) if n > 1 else None


def _difference_of_gradients(b: Block) -> np.ndarray | None:
    """∇f(x + u) − ∇f(x); None if x was not drawn but computed from another input."""
    if b.name not in b.p.drawn:
        return None
    x = b.p.drawn[b.name]
    moved = b.p.at(b.name, x + torch.from_numpy(b.extra("u")).reshape(x.shape))
    return moved.jacobians[b.name].T @ b.v - b.g


def _along_gradient(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({}, b.H @ b.g), ({}, 2 * b.H @ b.g)]


def _toward_a_root(b: Block) -> np.ndarray | None:
    return b.x - b.v @ b.y / b.g if b.g.all() else None


def _other_lengths(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    step = np.linalg.solve(b.H, b.g)
    return [({"factor": factor}, b.x - c * step) for factor, c in (("half", 0.5), ("twice", 2))]


def _gradient_times_row_sums(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    product = b.g * b.H.sum(axis=1)
    return [({}, product), ({}, 2 * product)]


def _one_pure_partial(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    return [({"k": k}, np.asarray(b.H[k, k])) for k in range(b.n)] if b.n > 1 else None


def _one_column(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    return [({"k": k}, np.asarray(b.H[:, k].sum())) for k in range(b.n)] if b.n > 1 else None


def _zero(truth: np.ndarray) -> np.ndarray | None:
    """Zeros in the truth's shape; None if they are the truth."""
    return np.zeros_like(truth) if np.any(truth) else None


def _reciprocals(b: Block) -> np.ndarray | None:
    return b.x - (1 / b.H) @ b.g if b.H.all() else None


def _power_of_first(b: Block) -> np.ndarray | None:
    n = order(b)
    return np.asarray(b.derivative(1) ** n) if n > 1 else None


MISTAKES = [
    Mistake(
        "hessian_of_rows",
        unit="08",
        formula="H[0] + … + H[i]",
        name="each row added to the next",
        says="every row here is the sum of the right rows up to it.",
        why="`backward` adds to `.grad`. Set it to None between two rows, or use `autograd.grad`.",
        derive={"hessian": lambda b: np.cumsum(b.H, axis=0).reshape(b.x_shape * 2)},
    ),
    Mistake(
        "hessian_diagonal",
        unit="08",
        formula="diag(H)",
        name="only the diagonal of H",
        says="this holds only the unmixed second derivatives.",
        why="∂²f/∂x_i∂x_j is zero for all i ≠ j only if f is a sum of functions of one variable each.",
        derive={"hessian": lambda b: [({}, np.diag(b.H)), ({}, np.diag(np.diag(b.H)))]},
    ),
    Mistake(
        "gradient_outer",
        unit="08",
        formula="∇f ∇fᵀ",
        name="products of first derivatives",
        says="this is the outer product of the gradient with itself.",
        why="A second derivative is the derivative of a first one, not a product of two.",
        derive={"hessian": lambda b: np.outer(b.g, b.g).reshape(b.x_shape * 2)},
    ),
    Mistake(
        "hessian_summed",
        unit="08",
        formula="1ᵀH",
        name="the rows of H, added up",
        says="these are the rows of H, added up.",
        why="That is what `autograd.grad` returns for the whole gradient weighted with ones. One row of H is the "
        "gradient of one entry of the gradient.",
        derive={"hessian": lambda b: b.H.sum(axis=0)},
    ),
    Mistake(
        "row_sums_on_diagonal",
        unit="08",
        formula="diag(H1)",
        name="the row sums of H on a diagonal",
        says="this has the row sums of H on its diagonal, and zeros elsewhere.",
        why="The second pass over `g.sum()` adds up all rows of H, and a sum cannot be taken apart again. One row of H "
        "is the gradient of one entry, `g[i]`.",
        derive={"hessian": lambda b: np.diag(b.H.sum(axis=1)).reshape(b.x_shape * 2)},
    ),
    Mistake(
        "hvp_ones",
        unit="08",
        formula="H1",
        name="H times ones",
        says="this is H times a vector of ones: the rows of H, added up.",
        why="The direction u is the weight of the second pass. With ones, or with `.sum()`, every entry of the "
        "gradient counts the same.",
        derive={"hvp": lambda b: b.H.sum(axis=1)},
    ),
    Mistake(
        "hvp_diagonal",
        unit="08",
        formula="diag(H) ⊙ u",
        name="only the diagonal of H",
        says="this uses only the diagonal of H.",
        why="The mixed second derivatives are part of every entry of Hu.",
        derive={"hvp": lambda b: [({}, np.diag(b.H) * b.extra("u")), ({}, np.diag(b.H))]},
    ),
    Mistake(
        "hvp_gradient_weighted",
        unit="08",
        formula="∇f ⊙ u",
        name="the gradient times u, entry by entry",
        says="this is the gradient times u, entry by entry: a first derivative.",
        why="Multiply the gradient by u, add up, and then differentiate once more.",
        derive={"hvp": lambda b: b.g * b.extra("u")},
    ),
    Mistake(
        "hvp_plus_gradient",
        unit="08",
        formula="Hu + ∇f",
        name="an old .grad was not cleared",
        says="this is Hu plus the gradient.",
        why="The first backward left the gradient in `.grad`, and the second added to it. Set `.grad` to None in "
        "between, or use `autograd.grad`.",
        derive={"hvp": lambda b: b.H @ b.extra("u") + b.g},
    ),
    Mistake(
        "hvp_doubled",
        unit="08",
        formula="2Hu",
        name="twice Hu",
        says="this is twice the right answer.",
        why="The derivative of u·∇f is Hu; a factor 2 belongs to uᵀHu or to ‖∇f‖², not here.",
        derive={"hvp": lambda b: 2 * b.H @ b.extra("u")},
    ),
    Mistake(
        "hvp_directional",
        unit="08",
        formula="(u·∇f) ∇f",
        name="from the directional derivative",
        says="this uses the directional derivative u·∇f alone.",
        why="Differentiate the number u·∇f once more: its gradient is Hu.",
        derive={"hvp": lambda b: [({}, (b.g @ b.extra("u")) * b.g), ({}, b.g @ b.extra("u"))]},
    ),
    Mistake(
        "hvp_times_slope",
        unit="08",
        formula="(u·∇f) Hu",
        name="from the square of the directional derivative",
        says="this is Hu times u·∇f: the square of the directional derivative was differentiated.",
        why="The gradient of (u·∇f)² is 2(u·∇f)Hu, and half of it is (u·∇f)Hu. Differentiate u·∇f itself: its gradient "
        "is Hu.",
        derive={"hvp": lambda b: [({}, c * (b.g @ b.extra("u")) * b.H @ b.extra("u")) for c in (1, 2)]},
    ),
    Mistake(
        "hvp_applied_after",
        unit="08",
        formula="u ⊙ H1",
        name="u applied after the second pass",
        says="this is u times H1, entry by entry: u was multiplied after the second pass.",
        why="The second pass has added up the rows of H, all with the weight 1, and no factor can change that "
        "afterwards. u must weight the entries of the gradient before: `grad_outputs=u`, or `(g * u).sum()`.",
        derive={"hvp": lambda b: b.extra("u") * b.H.sum(axis=1)},
    ),
    Mistake(
        "hvp_along_gradient",
        unit="08",
        formula="H∇f",
        name="the gradient as the direction",
        says="here H was multiplied by the gradient, not by u.",
        why="The gradient is what the second pass differentiates. The weight of that pass is u: `grad_outputs=u`, or "
        "`(g * u).sum()`.",
        derive={"hvp": _along_gradient},
    ),
    Mistake(
        "hvp_whole_step",
        unit="08",
        formula="∇f(x + u) − ∇f(x)",
        name="the gradient's change over a whole step",
        says="this is ∇f(x + u) − ∇f(x), the change of the gradient over a whole step.",
        why="Hu is the rate at which the gradient changes at the point x itself. On the way from x to x + u that rate "
        "changes, unless f is quadratic. Differentiate `(g * u).sum()`, which needs no step.",
        derive={"hvp": _difference_of_gradients},
    ),
    Mistake(
        "hessian_twice",
        unit="08",
        formula="HHu",
        name="H applied twice",
        says="this is H times Hu: the Hessian was applied twice.",
        why="One pass over the gradient gives Hu. Taking that as the direction of another pass multiplies by H once "
        "more.",
        derive={"hvp": lambda b: b.H @ b.H @ b.extra("u")},
    ),
    Mistake(
        "curvature_along",
        unit="08",
        formula="uᵀHu",
        name="the number uᵀHu",
        says="this is uᵀHu, the curvature along u, a single number.",
        why="Hu is the vector that says how the gradient changes when x moves along u.",
        derive={"hvp": lambda b: b.extra("u") @ b.H @ b.extra("u")},
    ),
    Mistake(
        "gradient_for_second",
        unit="08",
        formula="∇f",
        name="the gradient itself",
        says="this is the gradient, a first derivative.",
        why="Differentiate once more: the first `autograd.grad` needs `create_graph=True` for that.",
        derive={
            "hvp": lambda b: b.g,
            "hessian": lambda b: b.g,
            "squared_norm": lambda b: b.g,
            "second_partial": lambda b: [({}, b.g[b.p.extras[k]]) for k in ("i", "j")],
        },
    ),
    Mistake(
        "laplacian_of_all",
        unit="08",
        formula="1ᵀH1",
        name="all entries of H added up",
        says="this is the sum of all entries of H, the mixed ones included.",
        why="The Laplacian adds up the diagonal only. Differentiating the sum of the gradient's entries brings in "
        "the mixed ones: differentiate one entry at a time.",
        derive={"laplacian": lambda b: b.H.sum()},
    ),
    Mistake(
        "laplacian_of_squares",
        unit="08",
        formula="∇f·∇f",
        name="squares of first derivatives",
        says="this is the sum of the squared first derivatives.",
        why="(∂f/∂x)² and ∂²f/∂x² look alike, but they are not the same.",
        derive={"laplacian": lambda b: b.g @ b.g},
    ),
    Mistake(
        "laplacian_unsummed",
        unit="08",
        formula="diag(H)",
        name="not added up",
        says="these are the terms of the Laplacian, not yet added up.",
        why="The Laplacian is a single number: their sum.",
        derive={"laplacian": lambda b: np.diag(b.H)},
    ),
    Mistake(
        "one_pure_partial",
        unit="08",
        formula="H[k, k]",
        name="one term of the Laplacian",
        says="this is the second derivative with respect to x_{k} alone, one term of the Laplacian.",
        why="There is one such term for each variable, and the Laplacian is their sum. In a loop, add each one to a "
        "total; `total = …` alone replaces it, and a `return` inside the loop ends it.",
        derive={"laplacian": _one_pure_partial},
    ),
    Mistake(
        "column_for_laplacian",
        unit="08",
        formula="Σ_i H[i, k]",
        name="the sum of one column of H",
        says="this is the sum of column {k} of H.",
        why="The Laplacian takes a different entry from every row: entry i of row i, `row[i]`. The sum of column {k} "
        "is also entry {k} of the gradient of `g.sum()`.",
        derive={"laplacian": _one_column},
    ),
    Mistake(
        "sum_of_gradient",
        unit="08",
        formula="1·∇f",
        name="first derivatives added up",
        says="this is the sum of the first derivatives.",
        why="Every term must be differentiated twice with respect to the same variable.",
        derive={"laplacian": lambda b: b.g.sum()},
    ),
    Mistake(
        "pure_for_mixed",
        unit="08",
        formula="H[k, k]",
        name="an unmixed partial derivative",
        says="this differentiates twice with respect to x_{k}.",
        why="A mixed derivative differentiates with respect to one variable first, and then with respect to the other.",
        derive={"second_partial": _pure_partials},
    ),
    Mistake(
        "product_of_slopes",
        unit="08",
        formula="∂f/∂x_i · ∂f/∂x_j",
        name="a product of first derivatives",
        says="this is the product of the two first derivatives.",
        why="Differentiate the first derivative with respect to the other variable, instead of multiplying.",
        derive={"second_partial": lambda b: b.g[b.p.extras["i"]] * b.g[b.p.extras["j"]]},
    ),
    Mistake(
        "row_of_hessian",
        unit="08",
        formula="H[i]",
        name="the whole row",
        says="this is the whole row {i} of H; the exercise asks for one entry of it.",
        why="Entry {j} of it is the derivative with respect to x_{j}.",
        derive={"second_partial": lambda b: b.H[b.p.extras["i"]]},
    ),
    Mistake(
        "gradient_step",
        unit="08",
        formula="x − ∇f",
        name="a step along the gradient",
        says="this is x minus the gradient.",
        why="Newton's step is −H⁻¹∇f: the curvature decides how far to go in each direction.",
        derive={"newton_step": lambda b: b.x - b.g},
    ),
    Mistake(
        "newton_step_alone",
        unit="08",
        formula="−H⁻¹∇f",
        name="the step without the point",
        says="this is the step, not the point after it.",
        why="The new point is x plus the step −H⁻¹∇f.",
        derive={"newton_step": _newton_alone},
    ),
    Mistake(
        "newton_uphill",
        unit="08",
        formula="x + H⁻¹∇f",
        name="the opposite sign",
        says="the step was taken in the opposite direction.",
        why="The new point is x minus H⁻¹∇f.",
        derive={"newton_step": lambda b: b.x + np.linalg.solve(b.H, b.g)},
    ),
    Mistake(
        "newton_other_length",
        unit="08",
        formula="x − c H⁻¹∇f",
        name="the step too long or too short",
        says="this step is {factor} as long as Newton's.",
        why="Near x, f(x + s) is about f(x) + ∇f·s + ½ sᵀHs. The derivative of that with respect to s is ∇f + Hs: the "
        "½ is gone. It is zero at s = −H⁻¹∇f, with no factor.",
        derive={"newton_step": _other_lengths},
    ),
    Mistake(
        "newton_for_a_root",
        unit="08",
        formula="x − f(x) / ∇f(x)",
        name="Newton's method for a zero of f",
        says="this is x − f(x)/∇f(x), entry by entry: Newton's method for a zero of f.",
        why="Here you are looking for a zero of the gradient. So ∇f takes the place of f in that method, and H the "
        "place of its derivative.",
        derive={"newton_step": _toward_a_root},
    ),
    Mistake(
        "newton_diagonal",
        unit="08",
        formula="x − ∇f / diag(H)",
        name="only the diagonal of H",
        says="this divides by the diagonal of H.",
        why="That is Newton's step only if the variables do not interact. Solve with the whole matrix.",
        derive={"newton_step": lambda b: b.x - b.g / np.diag(b.H)},
    ),
    Mistake(
        "hessian_not_inverted",
        unit="08",
        formula="x − H∇f",
        name="H where H⁻¹ was meant",
        says="this is x minus H∇f: it multiplies by H instead of solving with it.",
        why="`torch.linalg.solve(H, g)` is H⁻¹g, without ever making the inverse.",
        derive={"newton_step": lambda b: b.x - b.H @ b.g},
    ),
    Mistake(
        "half_of_squared_norm",
        unit="08",
        formula="H∇f",
        name="a factor 2 is missing",
        says="this is H∇f, half of the right answer.",
        why="The derivative of a square brings a 2: the gradient of ‖∇f‖² is 2H∇f.",
        derive={"squared_norm": lambda b: b.H @ b.g},
    ),
    Mistake(
        "gradient_of_norm",
        unit="08",
        formula="H∇f / ‖∇f‖",
        name="the norm, not its square",
        says="this is the gradient of the norm ‖∇f‖; the exercise asks for the gradient of its square.",
        why="The root divides by ‖∇f‖.",
        derive={"squared_norm": lambda b: b.H @ b.g / np.sqrt(b.g @ b.g)},
    ),
    Mistake(
        "squared_norm_plus_gradient",
        unit="08",
        formula="2H∇f + ∇f",
        name="an old .grad was not cleared",
        says="this is 2H∇f plus the gradient.",
        why="The first `backward` left the gradient in `.grad`, and the second added to it. Set `.grad` to None in "
        "between, after keeping the gradient under another name, or use `autograd.grad`.",
        derive={"squared_norm": lambda b: 2 * b.H @ b.g + b.g},
    ),
    Mistake(
        "gradient_applied_after",
        unit="08",
        formula="2∇f ⊙ H1",
        name="the gradient applied after the second pass",
        says="here the gradient was multiplied, entry by entry, after the second pass.",
        why="The chain rule gives 2H∇f, a matrix times a vector. The second pass over `g.sum()` adds up the rows of H "
        "with the weight 1 each, and a factor afterwards cannot change that. Differentiate `(g * g).sum()`.",
        derive={"squared_norm": _gradient_times_row_sums},
    ),
    Mistake(
        "square_of_the_sum",
        unit="08",
        formula="2(1·∇f) H1",
        name="the square of a sum",
        says="this is the gradient of (1·∇f)²: the entries of ∇f were added up first, and their sum was squared.",
        why="‖∇f‖² is the sum of the squares, `(g ** 2).sum()`, not the square of the sum, `g.sum() ** 2`.",
        derive={"squared_norm": lambda b: 2 * b.g.sum() * b.H.sum(axis=1)},
    ),
    Mistake(
        "twice_the_gradient",
        unit="08",
        formula="2∇f",
        name="H is missing",
        says="this is twice the gradient.",
        why="That is the derivative of ‖g‖² with respect to g. By the chain rule it must still be multiplied by the "
        "derivative of g with respect to x, which is H.",
        derive={"squared_norm": lambda b: 2 * b.g},
    ),
    Mistake(
        "order_off",
        unit="08",
        formula="another order",
        name="the wrong order",
        says="this is the derivative of order {k}; the exercise asks for order {order}.",
        why="f itself has order 0, and each differentiation adds 1. Every call must differentiate what "
        "the previous one returned: differentiating f(x) again gives f′ again.",
        derive={"nth": _other_orders},
    ),
    Mistake(
        "second_plus_first",
        unit="08",
        formula="f′ + f″",
        name="lower orders added",
        says="this is the right derivative with lower ones added to it.",
        why="They stayed in `.grad`: `backward` adds. Set `x.grad = None` between two orders, or use `autograd.grad`.",
        derive={"nth": _running_orders},
    ),
    Mistake(
        "power_of_first",
        unit="08",
        formula="(f′)ⁿ",
        name="a power of the first derivative",
        says="this is a power of f′.",
        why="f″ is the derivative of f′, not its square.",
        derive={"nth": _power_of_first},
    ),
    Mistake(
        "zero_second",
        unit="08",
        name="zero",
        says="this is 0, and the true value is not.",
        why="Two things give 0. `x.grad.zero_()` overwrites the very tensor that holds the first derivative; set "
        "`x.grad = None` instead. And returning 0 where PyTorch refuses to differentiate again is right only "
        "for a linear f.",
        derive={
            "nth": lambda b: _zero(nth(b)) if order(b) > 1 else None,
            "hessian": lambda b: _zero(b.H.reshape(b.x_shape * 2)),
            "hvp": lambda b: _zero(b.H @ b.extra("u")),
        },
    ),
    Mistake(
        "hessian_from_grad",
        unit="08",
        formula="∇f + H[0] + … + H[i]",
        name="the gradient left in .grad, and each row added to the next",
        says="every row here is the gradient plus the sum of the right rows up to it.",
        why="The first `backward` left the gradient in `.grad`, and every row was added to it. Take the gradient "
        "with `autograd.grad`, and each row, too.",
        derive={"hessian": lambda b: (np.cumsum(b.H, axis=0) + b.g).reshape(b.x_shape * 2)},
    ),
    Mistake(
        "summed_then_picked",
        unit="08",
        formula="(1ᵀH)[j]",
        name="the rows of H added up before one entry is taken",
        says="this is entry {j} of the sum of all rows of H.",
        why="With `.sum()`, or ones, in the second pass every first derivative counts. Take one of them, `g[{i}]`, "
        "and differentiate that.",
        derive={"second_partial": lambda b: b.H.sum(axis=0)[b.p.extras["j"]]},
    ),
    Mistake(
        "laplacian_of_triangle",
        unit="08",
        formula="Σ_{i≤j} H[i, j]",
        name="each row added to the next",
        says="this is the sum of the diagonal of H and of everything above it.",
        why="`backward` adds to `.grad`, so after row i, entry i holds the rows before it, too. Set "
        "`x.grad = None` between two rows, or use `autograd.grad`.",
        derive={"laplacian": lambda b: np.triu(b.H).sum()},
    ),
    Mistake(
        "reciprocal_of_hessian",
        unit="08",
        formula="x − (1 / H)∇f",
        name="1/H entry by entry",
        says="this takes 1/H entry by entry for the inverse of H.",
        why="The entries of an inverse matrix are not the reciprocals of the entries. `torch.linalg.solve(H, g)` is "
        "H⁻¹g.",
        derive={"newton_step": _reciprocals},
    ),
    Mistake(
        "not_differentiable_again",
        unit="08",
        name="not differentiable again",
        says="the values are right, but they cannot be differentiated once more.",
        why="The graph of the result is missing, or was freed by the last call. `create_graph=True` keeps it and "
        "records the backward pass as well.",
    ),
    Mistake(
        "graph_cut_inside",
        unit="08",
        name="part of the graph is missing",
        says="the values are right, but their derivative is not.",
        why="Somewhere on the way a tensor lost its graph: look for `.detach()`, `.data`, `.item()` or a missing "
        "`create_graph=True`.",
    ),
]
