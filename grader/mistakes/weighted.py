"""Mistakes with weighted gradients, with ``.grad``, and with a step of steepest descent."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.mistakes.base import Mistake, at_least_two, grid

if TYPE_CHECKING:
    from grader.problem import Block, Problem

ACCUMULATED = (2, 3, 4)  # numbers of backward calls without clearing that are recognized
SMALLEST_SUM = 1e-3  # of the weights, relative to the sum of their absolute values, for dividing by it
FEW = 4  # up to this number of weights, all permutations are tried


@cache
def _other_orders_of(m: int) -> np.ndarray:
    """Permutations of m indices, (k, m), without the identity: all if m ≤ FEW, else reversal and rotations by one."""
    identity = tuple(range(m))
    tried = permutations(identity) if m <= FEW else [identity[::-1], *(identity[k:] + identity[:k] for k in (1, -1))]
    return np.array([order for order in tried if order != identity])


def _orders(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    return [({}, v) for v in b.v[_other_orders_of(b.m)]] if b.m > 1 else None


def _one_output(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if b.m < 2:
        return None
    single = np.eye(b.m)
    return [({"i": i}, one) for i, pair in enumerate(zip(single, single * b.v, strict=True)) for one in pair]


def _diagonal(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    if not b.square:
        return None
    diagonal = np.diag(b.J)
    return [({}, diagonal * b.v), ({}, diagonal)]


def _swapped(truth: tuple[np.ndarray, ...], p: Problem) -> list[tuple[dict[str, Any], Any]]:
    """The right gradients in the wrong places of the tuple."""
    orders = permutations(range(len(truth)))
    return [({}, tuple(truth[k] for k in order)) for order in orders if list(order) != sorted(order)]


def _stale(b: Block) -> np.ndarray | None:
    stale = b.p.extras.get("stale")
    return None if stale is None else b.g + np.asarray(stale).reshape(-1)


def _as_it_was(b: Block) -> np.ndarray | None:
    stale = b.p.extras.get("stale")
    return None if stale is None else np.asarray(stale).reshape(-1)


def _last_backward(b: Block) -> np.ndarray | None:
    weights = list(b.p.weights.values())
    if len(weights) < 2 or len(b.p.outputs) > 1:
        return None
    return b.J.T @ weights[-1].numpy().reshape(-1)


def _undetached(b: Block) -> np.ndarray | None:
    """The gradient of v(x)·y(x) by the product rule: Jᵀv + (∂v/∂x)ᵀy."""
    weigh = b.p.question.weigh
    if weigh is None:
        return None
    from grader.jacobian import forward_mode

    return b.g + forward_mode(weigh, b.p.inputs)[b.name].T @ b.y


def _other_half(b: Block) -> np.ndarray | None:
    """(∂v/∂x)ᵀy: the weight differentiated, and y held constant."""
    both = _undetached(b)
    return None if both is None else both - b.g


def _one_weight_for_all(b: Block) -> list[tuple[dict[str, Any], np.ndarray]] | None:
    total = b.v.sum()
    if b.m < 2:
        return None
    return [({"reduced": "sum"}, total * b.ones), ({"reduced": "mean"}, total / b.m * b.ones)]


def _summing_to_one(b: Block) -> np.ndarray | None:
    total = b.v.sum()
    return b.v / total if b.m > 1 and abs(total) > SMALLEST_SUM * np.abs(b.v).sum() else None


def _times(b: Block) -> list[tuple[dict[str, Any], np.ndarray]]:
    return [({"k": k}, k * b.v) for k in ACCUMULATED]


def _through_everything(b: Block) -> np.ndarray | None:
    """The gradient with nothing held constant; None unless the truth holds a derived tensor constant."""
    return None if b.T is None or b.name not in b.p.drawn else b.T.T @ b.v


def _by_the_leaf(b: Block) -> np.ndarray | None:
    """The gradient with respect to the drawn input instead of one derived from it, in the drawn input's shape."""
    if b.T is None or b.name in b.p.drawn:
        return None
    (x, *_) = b.p.drawn.values()
    return (b.T.T @ b.v).reshape(tuple(x.shape))


MISTAKES = [
    Mistake(
        "jvp_for_vjp",
        unit="05",
        formula="Jv",
        name="Jv instead of Jᵀv",
        says="this is Jv, the Jacobian times v, not Jᵀv.",
        why="Jv adds up the columns of J: it says how y moves when x moves along v. A weighted gradient adds up "
        "the rows, one per output, each times that output's weight.",
        derive={"vjp": lambda b: b.J @ b.v if b.square else None},
    ),
    Mistake(
        "ones_weight",
        unit="05",
        formula="Jᵀ1",
        name="ones as the weight",
        says="this is the gradient of the plain sum of the outputs, where every output counts 1.",
        why="The weights {v} have no effect here. They act as `grad_outputs`, as the `gradient` of `backward`, or as "
        "factors in the number that is differentiated, `(v * y).sum()`. In `y.sum()`, and with "
        "`torch.ones_like(y)`, all outputs count the same.",
        derive={
            "weights": at_least_two(lambda b: b.ones),
        },
    ),
    Mistake(
        "mean_of_weighted",
        unit="05",
        formula="Jᵀv / m",
        name="mean of the weighted outputs",
        says="this is Jᵀv divided by {m}, the number of outputs.",
        why="A mean was taken where a sum was meant: `(v * y).mean()` is `(v * y).sum()` divided by {m}, and so is "
        "its gradient.",
        derive={"weights": at_least_two(lambda b: b.v / b.m)},
    ),
    Mistake(
        "mean_of_outputs",
        unit="05",
        formula="Jᵀ1 / m",
        name="gradient of y.mean()",
        says="this is the gradient of y.mean(): every output counts 1/{m}.",
        why="Taking the mean makes y a single number, so autograd asks for no weight. But the weights {v} were "
        "never used: each output got the same share instead.",
        derive={"weights": at_least_two(lambda b: b.ones / b.m)},
    ),
    Mistake(
        "weighted_twice",
        unit="05",
        formula="Jᵀ(v ⊙ v)",
        name="weighted twice",
        says="this is Jᵀ(v⊙v): every output was weighted by v twice.",
        why="Multiplying y by v is one way to weight it; `grad_outputs=v` is another. Use only one of them: together "
        "they count each output v² times.",
        derive={"weights": at_least_two(lambda b: b.v * b.v)},
    ),
    Mistake(
        "weight_applied_after",
        unit="05",
        formula="v ⊙ Jᵀ1",
        name="weight applied to the inputs",
        says="this is v times the unweighted gradient, entry by entry.",
        why="The weights belong to the outputs, so they must act before the rows are added up. After the sum, entry "
        "j of the result belongs to x_j, and multiplying it by v_j mixes the two up.",
        derive={"vjp": lambda b: b.v * (b.J.T @ b.ones) if b.square else None},
    ),
    Mistake(
        "diagonal_only",
        unit="05",
        formula="diag(J) ⊙ v",
        name="only the diagonal of J",
        says="this uses only the diagonal of J: how y_i depends on x_i with the same index.",
        why="Each output may depend on every input. The off-diagonal entries of J are part of the sum; they can be "
        "left out only if the map acts entry by entry.",
        derive={"vjp": _diagonal},
    ),
    Mistake(
        "accumulated",
        unit="01",
        formula="k · Jᵀv",
        name="accumulated {k} times",
        says="this is {k} times the right answer.",
        why="`backward` adds to what is already in `.grad`. Called {k} times without setting `.grad` to None in "
        "between, it leaves {k} times the gradient. A factor of {k} in the formula would look the same.",
        derive={"weights": _times},
    ),
    Mistake(
        "stale_grad",
        unit="02",
        formula="Jᵀv + old",
        name="an old .grad was not cleared",
        says="this is the right gradient plus what was already in `.grad` before your function was called.",
        why="`backward` adds to `.grad`; it never replaces it. Set `.grad` to None before the first call.",
        derive={"grad_state": _stale},
    ),
    Mistake(
        "grad_untouched",
        unit="01",
        formula="old",
        name=".grad is unchanged",
        says="`.grad` still holds what it held before your function was called, and nothing else.",
        why="Only `backward` fills `.grad`, and only for leaves that took part: a detached copy has a "
        "`.grad` of its own. `torch.autograd.grad` returns the gradients, and leaves `.grad` alone.",
        derive={"grad_state": _as_it_was},
    ),
    Mistake(
        "last_backward_only",
        unit="02",
        formula="Jᵀv_last",
        name="only the last backward",
        says="this is what the last backward call alone would leave in `.grad`.",
        why="Every `backward` adds to `.grad`, so all calls count: it ends up with the sum of what each of them would "
        "leave.",
        derive={"grad_state": _last_backward},
    ),
    Mistake(
        "one_output_only",
        unit="05",
        formula="J[i]",
        name="one output only",
        says="this uses the gradient of output {i} alone.",
        why="Every output counts here, each with its own weight. One row of J is the answer only if the weight "
        "is one-hot.",
        derive={"weights": _one_output},
    ),
    Mistake(
        "whole_jacobian",
        unit="05",
        formula="J",
        name="the whole Jacobian",
        says="this is the whole Jacobian: one row per output, not yet weighted and added up.",
        why="The weights turn its rows into one gradient: `v @ J`. `autograd.grad` does that without ever building J.",
        derive={"vjp": at_least_two(lambda b: grid(b, b.J))},
    ),
    Mistake(
        "unreduced_jacobian",
        unit="05",
        formula="v[:, None] ⊙ J",
        name="weighted rows, not added up",
        says="these are the rows of J, each times its weight, before they are added up.",
        why="The gradient of a weighted sum is the weighted sum of the gradients: sum over the outputs; the "
        "result has x's shape.",
        derive={"vjp": at_least_two(lambda b: grid(b, b.v[:, None] * b.J))},
    ),
    Mistake(
        "outputs_as_weights",
        unit="05",
        formula="Jᵀy",
        name="outputs used as weights",
        says="this is Jᵀy: the outputs themselves were used as weights.",
        why="That is the gradient of half the sum of squares of y. `grad_outputs` has y's shape, but its values are "
        "v, not y.",
        derive={"weights": at_least_two(lambda b: b.y)},
    ),
    Mistake(
        "weighted_outputs_as_weights",
        unit="05",
        formula="Jᵀ(v ⊙ y)",
        name="weighted outputs used as weights",
        says="this is Jᵀ(v⊙y): the outputs, weighted by v, were used as weights.",
        why="`grad_outputs` says how much each output counts, and that is v itself. Autograd already knows the "
        "outputs: they are its first argument.",
        derive={"weights": at_least_two(lambda b: b.v * b.y)},
    ),
    Mistake(
        "weight_in_other_order",
        unit="05",
        formula="Jᵀπ(v)",
        name="weights in the wrong order",
        says="the right weights were used, but in the wrong order.",
        why="Entry i of `grad_outputs` weights entry i of y. Here v = {v}.",
        derive={"weights": _orders},
    ),
    Mistake(
        "weight_not_detached",
        unit="05",
        formula="Jᵀv + (∂v/∂x)ᵀy",
        name="the weight was differentiated too",
        says="this is Jᵀv + (∂v/∂x)ᵀy: the weight's own dependence on x was differentiated as well.",
        why="In `(v * y).sum()` both factors depend on x, and the product rule takes both. A weight is a constant: "
        "`v.detach()`. Here `grad_outputs` takes the weight as plain numbers.",
        derive={"vjp": _undetached},
    ),
    Mistake(
        "y_held_constant",
        unit="05",
        formula="(∂v/∂x)ᵀy",
        name="the weight differentiated, and y held constant",
        says="this is (∂v/∂x)ᵀy, the other half of the product rule: v was differentiated, and y was not.",
        why="In `(v * y).sum()` the weight is the factor to hold constant. Detach v, and keep the graph of y.",
        derive={"vjp": _other_half},
    ),
    Mistake(
        "normalised_weight",
        unit="05",
        formula="Jᵀv / ‖v‖",
        name="weight scaled to length 1",
        says="this is Jᵀv divided by the length of v.",
        why="A direction is often scaled to length 1. A weight is not: use {v} unchanged.",
        derive={"weights": at_least_two(lambda b: b.v / np.sqrt(b.v @ b.v))},
    ),
    Mistake(
        "one_weight_for_all",
        unit="05",
        formula="(Σ v) Jᵀ1",
        name="one weight for all outputs",
        says="this is the plain sum of the gradients, times the {reduced} of v: every output got that same weight.",
        why="v holds one weight for each output, here {v}. Reduced to a single number, it no longer says which "
        "output counts how much: add up v·y, not v.",
        derive={"weights": _one_weight_for_all},
    ),
    Mistake(
        "weight_summing_to_one",
        unit="05",
        formula="Jᵀv / Σ v",
        name="weights scaled to sum to 1",
        says="this is Jᵀv divided by the sum of v.",
        why="A weighted mean divides by the sum of the weights; a weighted gradient does not. Use the weight {v} "
        "unchanged.",
        derive={"weights": _summing_to_one},
    ),
    Mistake(
        "absolute_weight",
        unit="05",
        formula="Jᵀ|v|",
        name="absolute values of the weight",
        says="this is Jᵀ|v|: the signs of the weights were lost.",
        why="A negative weight means that the output counts against the sum. Here v = {v}.",
        derive={"weights": at_least_two(lambda b: np.abs(b.v))},
    ),
    Mistake(
        "squared_loss",
        unit="05",
        formula="(v·y) Jᵀv",
        name="gradient of the squared sum",
        says="this is the gradient of a square of v·y, not of v·y itself.",
        why="Squaring brings the factor v·y down in front, here {vy}. The scalar to differentiate is just the "
        "weighted sum.",
        derive={"weights": at_least_two(lambda b: [({}, c * (b.v @ b.y) * b.v) for c in (1, 2)])},
    ),
    Mistake(
        "sum_of_squares",
        unit="05",
        formula="Jᵀ(2v ⊙ v ⊙ y)",
        name="gradient of a sum of squares",
        says="this is the gradient of Σ (v_i·y_i)², or half of it: each weighted output was squared.",
        why="The square brings down the factor v_i·y_i, and the chain rule another v_i. The scalar to differentiate is "
        "just the weighted sum v·y.",
        derive={"weights": at_least_two(lambda b: [({}, c * b.v**2 * b.y) for c in (1, 2)])},
    ),
    Mistake(
        "value_not_slope",
        unit="01",
        formula="f(x)",
        name="the value instead of the slope",
        says="this is the value of the function, not its derivative.",
        why="The value says how high the curve is at that point; the derivative says how fast it rises there.",
        derive={"derivative": lambda b: b.y},
    ),
    Mistake(
        "inputs_swapped",
        unit="01",
        formula="(…, ∂f/∂c, ∂f/∂b)",
        name="gradients in the wrong places",
        says="these are the right gradients, in the wrong places of the tuple.",
        why="The gradients must come in the order in which the exercise names the variables. `torch.autograd.grad` "
        "returns them in the order of `inputs`: changing that order changes no value, only the places.",
        derive={"tuple": _swapped},
    ),
    Mistake(
        "branch_not_cut",
        unit="02",
        formula="the gradient through both branches",
        name="the branch was not cut",
        says="this is the gradient through both branches.",
        why="One branch should count as a constant. `.detach()` gives the same values without their graph: no gradient "
        "flows back through them.",
        derive={"vjp": _through_everything},
    ),
    Mistake(
        "leaf_for_intermediate",
        unit="02",
        formula="∂f/∂x",
        name="the gradient with respect to the leaf",
        says="this is the gradient with respect to x, the leaf; the exercise asks for the one with respect to an "
        "intermediate result.",
        why="Pass the tensor in the middle as the input of `autograd.grad`, or call its `retain_grad()` before "
        "`backward`.",
        derive={"vjp": _by_the_leaf},
    ),
    Mistake(
        "gradient_for_step",
        unit="03",
        formula="∇f(x)",
        name="the gradient instead of the new point",
        says="this is the gradient itself; the exercise asks for the point after the step.",
        why="The new point is x minus the rate times the gradient.",
        derive={"step": lambda b: b.g},
    ),
    Mistake(
        "step_alone",
        unit="03",
        formula="−η∇f(x)",
        name="the step without the point",
        says="this is how far x moves, not where it ends up.",
        why="Add the step to x: the new point is x minus the rate times the gradient.",
        derive={"step": lambda b: [({}, sign * float(b.extra("eta")[0]) * b.g) for sign in (-1, 1)]},
    ),
    Mistake(
        "uphill",
        unit="03",
        formula="x + η∇f(x)",
        name="a step uphill",
        says="this step was taken uphill.",
        why="The gradient points in the direction in which f grows. To make f smaller, go the opposite way: minus "
        "the rate times the gradient.",
        derive={"step": lambda b: b.x + float(b.extra("eta")[0]) * b.g},
    ),
    Mistake(
        "step_without_rate",
        unit="03",
        formula="x − ∇f(x)",
        name="the rate left out",
        says="the whole gradient was subtracted; the rate is missing.",
        why="The new point is x minus the rate times the gradient.",
        derive={"step": lambda b: b.x - b.g},
    ),
    Mistake(
        "nothing_changed",
        unit="02",
        formula="x",
        name="x is unchanged",
        says="x still holds its old values.",
        why="`x = x - …` makes a new tensor and gives it the old name; the caller's tensor stays the same. To "
        "change the tensor itself use an in-place operation, such as `x -= …`, under `torch.no_grad()`.",
        derive={"step": lambda b: b.x},
    ),
    Mistake(
        "graph_kept",
        unit="07",
        name="the graph was never freed",
        says="the values are right, but the graph is still in memory.",
        why="The last pass should free what was saved: leave out `retain_graph` there, and `create_graph`, "
        "which keeps the graph as well. Otherwise the memory is held for as long as the output lives.",
    ),
    Mistake(
        "zeros_for_none",
        unit="07",
        name="zeros instead of None",
        says="an input that takes no part got zeros; the exercise asks for None.",
        why="`allow_unused=True` returns None for it; `materialize_grads=True` turns that into zeros.",
    ),
    Mistake(
        "none_for_zeros",
        unit="07",
        name="None instead of zeros",
        says="an input that takes no part got None; the exercise asks for zeros.",
        why="`materialize_grads=True` returns zeros of its shape, so that you can go on computing.",
    ),
    Mistake(
        "one_sum_for_all",
        unit="07",
        formula="Jᵀ(v + w + …), each time",
        name="the sum in every place",
        says="every place holds the sum of all the gradients.",
        why="Either the weights were added up, or `x.grad` was stored after each `backward` without a `.clone()`: "
        "then all places hold one and the same tensor, to which every call adds.",
    ),
    Mistake(
        "first_for_all",
        unit="07",
        formula="Jᵀv, each time",
        name="the first weight for all",
        says="every place holds the gradient for the first weight.",
        why="Each pass needs its own weight: the second place belongs to the second weight.",
    ),
    Mistake(
        "tuple_of_one",
        unit="01",
        name="the tuple was not unpacked",
        says="you returned a tuple that holds the right tensor; return the tensor itself.",
        why="`torch.autograd.grad` returns a tuple, one gradient per input, even for a single input. Take the "
        "gradient out: `(g,) = torch.autograd.grad(…)` or `torch.autograd.grad(…)[0]`.",
    ),
    Mistake(
        "list_of_one",
        unit="01",
        name="a list instead of a tensor",
        says="you returned a list that holds the right tensor; return the tensor itself.",
        why="Take it out of the list: `return g`, not `return [g]`.",
    ),
    Mistake(
        "parts_not_added",
        unit="05",
        name="the parts side by side, not added up",
        says="you returned {kind} whose entries add up to the right answer; return their sum.",
        why="Each output gives one part. The gradient of a sum is the sum of the gradients: add "
        "the parts, or pass all outputs with their weights to a single `torch.autograd.grad`.",
    ),
    Mistake(
        "attribute_misspelt",
        unit="01",
        name="an attribute that tensors do not have",
        says="your code set `{attribute}` on a tensor; the attribute is called `{nearest}`.",
        why="Python silently adds a new attribute to an object, so a misspelled one changes nothing in PyTorch.",
    ),
    Mistake(
        "not_returned",
        unit="00",
        name="None was returned",
        says="your function returned None.",
        why="A function without `return` returns None. If yours has one, look at what follows it. A `.grad` is None "
        "until `backward` has put a gradient there: `torch.autograd.grad` never does, and for a tensor that is not a "
        "leaf, `backward` does so only if `retain_grad()` was called on that very tensor before. And "
        "`allow_unused=True` gives None for an input that takes no part.",
    ),
    Mistake(
        "grad_is_none",
        unit="01",
        name="no gradient in .grad",
        says="after your function, `.grad` is None: no gradient has arrived there.",
        why="`backward` fills the `.grad` of leaves that took part in the computation. A detached copy, or what "
        "`torch.tensor(…)` makes, is a different tensor with a `.grad` of its own. `torch.autograd.grad` returns "
        "the gradients, and leaves `.grad` alone.",
    ),
    Mistake(
        "grad_of_non_leaf",
        unit="02",
        name="the .grad of a tensor that is not a leaf",
        says="your function returned None: it read the `.grad` of a tensor that is not a leaf.",
        why="`backward` leaves gradients in leaves only. A tensor that an operation computed keeps its own if "
        "`retain_grad()` is called on it before `backward`; or pass that tensor to `torch.autograd.grad` as an input. "
        "`.to()` and `.float()` are operations, too.",
    ),
]
