"""Mistakes with many results at once: one gradient or Hessian per sample, one weighted gradient per weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grader.mistakes.base import Mistake, at_least_two

if TYPE_CHECKING:
    from grader.problem import Block

Cases = list[tuple[dict[str, Any], np.ndarray]]


def sample_hessians(b: Block) -> np.ndarray:
    """The Hessian at each of N samples, for an input of shape (N, n) of which output i sees only row i: (N, n, n)."""
    N, n = b.x_shape
    i = np.arange(N)
    return b.H.reshape(N, n, N, n)[i, :, i]


def _sample_slopes(b: Block) -> np.ndarray:
    """The gradient at each sample: (N, n)."""
    return b.g.reshape(b.x_shape)


def _outer_products(b: Block) -> np.ndarray:
    g = _sample_slopes(b)
    return g[:, :, None] * g[:, None]


def _diagonals(b: Block) -> Cases:
    """The diagonal of each sample's Hessian, as a vector and as a matrix."""
    diagonals = np.diagonal(sample_hessians(b), axis1=1, axis2=2)
    return [({}, diagonals), ({}, diagonals[:, None] * np.eye(b.x_shape[1]))]


def _per_sample(b: Block) -> np.ndarray:
    """One gradient per sample: (N, *x's shape)."""
    return b.J.reshape(-1, *b.x_shape)


def _everywhere(one: np.ndarray, count: int) -> np.ndarray:
    """The same array once for each sample."""
    return np.tile(one, (count,) + (1,) * one.ndim)


def _one_of(all_: np.ndarray) -> Cases:
    """One entry along the first dimension: alone, as a batch of one, or at every place."""
    return [
        ({"i": i}, form)
        for i, one in enumerate(all_)
        for form in (one, one[None], _everywhere(one, len(all_)))
        if len(all_) > 1
    ]


def _weights(b: Block) -> np.ndarray:
    """The weights, one per row: (B, m)."""
    return np.asarray(b.p.extras["V"])


def _results(b: Block, V: np.ndarray) -> np.ndarray:
    return (V @ b.J).reshape(-1, *b.x_shape)


def _square_weights(b: Block) -> bool:
    B, m = _weights(b).shape
    return B == m > 1


MISTAKES = [
    # one gradient per sample
    Mistake(
        "samples_summed",
        unit="09",
        formula="∇ Σᵢ lossᵢ",
        name="the sum over all samples",
        says="this is one gradient for the whole batch: the sum over all samples.",
        why="The gradient of a sum is the sum of the gradients, and it no longer shows what each sample contributed. "
        "Differentiate the loss of one sample, and let `vmap` repeat that for every sample.",
        derive={"sample_gradients": at_least_two(lambda b: _per_sample(b).sum(axis=0))},
    ),
    Mistake(
        "samples_averaged",
        unit="09",
        formula="∇ (1/N) Σᵢ lossᵢ",
        name="the mean over all samples",
        says="this is one gradient for the whole batch: the mean over all samples.",
        why="That is the gradient of the mean loss, which an optimizer uses. The exercise asks for every sample's "
        "own gradient.",
        derive={"sample_gradients": at_least_two(lambda b: _per_sample(b).mean(axis=0))},
    ),
    Mistake(
        "samples_each_over_n",
        unit="09",
        formula="∇lossᵢ / N",
        name="each gradient divided by N",
        says="every sample's gradient is divided by the number of samples.",
        why="The loss was averaged over the batch, so that every sample counts 1/N. The loss of a single sample is "
        "not divided by N.",
        derive={"sample_gradients": at_least_two(lambda b: _per_sample(b) / b.m)},
    ),
    Mistake(
        "samples_accumulated",
        unit="09",
        formula="∇loss₀ + … + ∇lossᵢ",
        name="each sample added to the next",
        says="every entry is the sum of the gradients of all samples up to it.",
        why="`backward` adds to `.grad`. Set it to None before each sample, or use `torch.autograd.grad`, which does "
        "not accumulate.",
        derive={"sample_gradients": at_least_two(lambda b: np.cumsum(_per_sample(b), axis=0))},
    ),
    Mistake(
        "sum_for_every_sample",
        unit="09",
        formula="∇ Σᵢ lossᵢ, N times",
        name="the sum in every place",
        says="every entry is the sum over all samples.",
        why="Either the loss of the whole batch was differentiated N times, or `.grad` was collected without a "
        "`.clone()`: then all N entries are the one tensor to which every `backward` adds.",
        derive={
            "sample_gradients": at_least_two(lambda b: _everywhere(_per_sample(b).sum(axis=0), b.m)),
        },
    ),
    Mistake(
        "one_gradient_only",
        unit="09",
        formula="∇lossᵢ",
        name="one sample only",
        says="this holds the gradient of sample {i} and of no other.",
        why="There is one gradient for each of the {m} samples. In a loop, look at what changes from one iteration "
        "to the next, and at where the `return` is.",
        derive={"sample_gradients": lambda b: _one_of(_per_sample(b))},
    ),
    Mistake(
        "samples_last",
        unit="09",
        formula="out_dims=1",
        name="the samples not in front",
        says="these are the right gradients, but the samples are not counted by the first dimension.",
        why="Entry i must be the gradient of sample i: shape (N, …). `vmap` puts the batch in front unless `out_dims` "
        "says otherwise, and so does `torch.stack` with a list of gradients.",
        derive={"sample_gradients": lambda b: np.swapaxes(_per_sample(b), 0, 1) if b.x_shape else None},
    ),
    Mistake(
        "gradients_squared",
        unit="09",
        formula="(∇lossᵢ)²",
        name="the squares of the entries",
        says="every entry is the square of the right one.",
        why="The mean of these squares is the diagonal of the empirical Fisher matrix. The exercise asks for the "
        "gradients themselves.",
        derive={"sample_gradients": lambda b: _per_sample(b) ** 2},
    ),
    Mistake(
        "losses_for_gradients",
        unit="09",
        formula="lossᵢ",
        name="the losses, not their gradients",
        says="these are the losses of the samples, one number each; the exercise asks for their gradients.",
        why="`vmap(f)` evaluates f at every sample; `vmap(grad(f))` evaluates its gradient.",
        derive={"sample_gradients": lambda b: b.y},
    ),
    Mistake(
        "norms_for_gradients",
        unit="09",
        formula="‖∇lossᵢ‖",
        name="the norms of the gradients",
        says="these are the norms of the per-sample gradients.",
        why="Gradient clipping needs the norms. The exercise asks for the gradients themselves.",
        derive={"sample_gradients": lambda b: np.linalg.norm(b.J, axis=1) if b.n > 1 else None},
    ),
    # one Hessian per sample
    Mistake(
        "hessians_summed",
        unit="09",
        formula="Σᵢ H(xᵢ)",
        name="the Hessians added up",
        says="this is the sum of the Hessians of all samples.",
        why="Each sample has its own x, and so its own Hessian. `vmap` over the samples keeps them apart.",
        derive={"sample_hessians": lambda b: sample_hessians(b).sum(axis=0)},
    ),
    Mistake(
        "hessians_averaged",
        unit="09",
        formula="(1/N) Σᵢ H(xᵢ)",
        name="the mean of the Hessians",
        says="this is the mean of the Hessians of all samples.",
        why="Each sample needs its own Hessian. Nothing is averaged.",
        derive={"sample_hessians": lambda b: sample_hessians(b).mean(axis=0)},
    ),
    Mistake(
        "hessian_of_the_sum",
        unit="09",
        formula="∂² Σᵢ f(xᵢ) / ∂X∂X",
        name="the Hessian with respect to the whole batch",
        says="this is the Hessian of the sum with respect to the whole batch: it pairs every entry of X with every "
        "other.",
        why="f at one sample does not depend on the other samples, so all blocks are zero except the N on the "
        "diagonal. The exercise asks for those blocks only, and `vmap` over the samples computes nothing else.",
        derive={"sample_hessians": lambda b: b.H.reshape(b.x_shape * 2)},
    ),
    Mistake(
        "hessians_diagonal",
        unit="09",
        formula="diag H(xᵢ)",
        name="only the diagonals",
        says="this holds only the unmixed second derivatives of each sample.",
        why="The mixed second derivatives are missing. They are zero only if f is a sum of functions of one variable "
        "each.",
        derive={"sample_hessians": _diagonals},
    ),
    Mistake(
        "hessians_rows_summed",
        unit="09",
        formula="1ᵀH(xᵢ)",
        name="the rows of each Hessian added up",
        says="these are the rows of each sample's Hessian, added up.",
        why="`torch.autograd.grad(g.sum(), X)` gives every entry of the gradient the weight 1 and adds the rows. "
        "`jacfwd(grad(f))` keeps them apart.",
        derive={"sample_hessians": lambda b: sample_hessians(b).sum(axis=1)},
    ),
    Mistake(
        "hessians_outer",
        unit="09",
        formula="∇f ∇fᵀ at every sample",
        name="products of first derivatives",
        says="this is the outer product of each sample's gradient with itself.",
        why="A second derivative is the derivative of a first one, not a product of two.",
        derive={"sample_hessians": _outer_products},
    ),
    Mistake(
        "gradients_for_hessians",
        unit="09",
        formula="∇f(xᵢ)",
        name="the gradients themselves",
        says="these are the gradients, a first derivative for each entry.",
        why="Differentiate once more: `jacfwd(grad(f))` is the Hessian of f, forward over reverse.",
        derive={"sample_hessians": _sample_slopes},
    ),
    Mistake(
        "one_hessian_only",
        unit="09",
        formula="H(xᵢ)",
        name="one sample only",
        says="this holds the Hessian of sample {i} and of no other.",
        why="There is one Hessian for each sample: `vmap` applies a function of one x to every row of X.",
        derive={"sample_hessians": lambda b: _one_of(sample_hessians(b))},
    ),
    Mistake(
        "hessians_last",
        unit="09",
        formula="out_dims ≠ 0",
        name="the samples not in front",
        says="these are the right Hessians, but the samples are not counted by the first dimension.",
        why="Entry i must be the Hessian at sample i: shape (N, n, n). `vmap` puts the batch in front unless "
        "`out_dims` says otherwise.",
        derive={
            "sample_hessians": lambda b: [({}, np.moveaxis(sample_hessians(b), 0, place)) for place in (1, 2)],
        },
    ),
    # one weighted gradient per weight
    Mistake(
        "one_weight_only",
        unit="09",
        formula="V[i] J",
        name="one weight only",
        says="this is the gradient for weight {i} and for no other.",
        why="Each row of V is a weight and has its own result. `is_grads_batched=True` takes all of them in one call.",
        derive={"batched_vjp": lambda b: _one_of(_results(b, _weights(b)))},
    ),
    Mistake(
        "weights_added_up",
        unit="09",
        formula="(Σ V[i]) J",
        name="the weights added up",
        says="this is one gradient for the sum of all weights.",
        why="Row i of the result belongs to row i of V. A sum over the weights, in V or in the result, mixes them.",
        derive={"batched_vjp": lambda b: _results(b, _weights(b)).sum(axis=0)},
    ),
    Mistake(
        "weights_averaged",
        unit="09",
        formula="(1/B) (Σ V[i]) J",
        name="the mean of the weights",
        says="this is one gradient for the mean of all weights.",
        why="Row i of the result belongs to row i of V. Nothing is averaged.",
        derive={"batched_vjp": lambda b: _results(b, _weights(b)).mean(axis=0)},
    ),
    Mistake(
        "ones_for_every_weight",
        unit="09",
        formula="Jᵀ1, B times",
        name="ones as every weight",
        says="every row is the gradient of the plain sum of the outputs.",
        why="Each row of V says how much every output counts. With `y.sum()`, or with ones, every output counts 1, "
        "and all rows are the same.",
        derive={"batched_vjp": lambda b: _results(b, np.ones_like(_weights(b)))},
    ),
    Mistake(
        "results_in_columns",
        unit="09",
        formula="(VJ)ᵀ",
        name="one column per weight",
        says="the results are in the columns; row i must be the gradient for weight i.",
        why="The batch is the first dimension of V and of the result. `torch.stack(rows)` puts vectors into rows, "
        "`torch.stack(rows, dim=1)` into columns.",
        derive={"batched_vjp": lambda b: _results(b, _weights(b)).T},
    ),
    Mistake(
        "weights_in_columns",
        unit="09",
        formula="VᵀJ",
        name="the columns of V as weights",
        says="the columns of V were used as weights; each row of V is one weight.",
        why="With `is_grads_batched=True`, the first dimension counts the weights, and the other dimensions are those "
        "of y. If V is square, its transpose has the right shape, too, and no error is raised.",
        derive={"batched_vjp": lambda b: _results(b, _weights(b).T) if _square_weights(b) else None},
    ),
    Mistake(
        "directions_for_weights",
        unit="09",
        formula="V Jᵀ",
        name="a JVP for each row",
        says="row i of this is the JVP of J with V[i]; the exercise asks for the VJP.",
        why="A weight counts outputs, and a VJP pulls it back to the inputs: `V @ J`. A direction moves inputs, and a "
        "JVP pushes it forward to the outputs: `V @ J.T`. The shapes agree only if J is square.",
        derive={"batched_vjp": lambda b: _weights(b) @ b.J.T if b.square else None},
    ),
    Mistake(
        "weights_left_out",
        unit="09",
        formula="J",
        name="the Jacobian, without the weights",
        says="this is the whole Jacobian; V was not used.",
        why="J is the result if the weights are the rows of the identity matrix. Here they are the rows of V.",
        derive={"batched_vjp": at_least_two(lambda b: b.J.reshape(-1, *b.x_shape))},
    ),
    Mistake(
        "weights_accumulated",
        unit="09",
        formula="(V[0] + … + V[i]) J",
        name="each result added to the next",
        says="every row is the sum of the right rows up to it.",
        why="`backward` adds to `.grad`. Set it to None between two weights, or use `torch.autograd.grad`.",
        derive={"batched_vjp": lambda b: np.cumsum(_results(b, _weights(b)), axis=0)},
    ),
    Mistake(
        "sum_of_weights_throughout",
        unit="09",
        formula="(Σ V[i]) J, B times",
        name="the sum in every row",
        says="every row is the gradient for the sum of all weights.",
        why="`.grad` was collected without a `.clone()`: all rows are the one tensor to which every `backward` adds. "
        "`torch.autograd.grad` returns a new tensor each time.",
        derive={
            "batched_vjp": lambda b: _everywhere(_results(b, _weights(b)).sum(axis=0), len(_weights(b))),
        },
    ),
]
