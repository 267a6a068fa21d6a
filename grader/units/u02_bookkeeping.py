"""Unit 02: gradients that accumulate, branches that are cut, and operations that are forbidden."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from grader.jacobian import forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.models import Parameters
from grader.predictions import Facts, Predicted
from grader.problem import Map, Problem, fixed, mixed_signs, normal, uniform
from grader.quantities import Computed, Gradient, GradState, Step
from grader.question import Question
from grader.units import u02_functions as functions
from grader.units import u05_functions

BOWL = (functions.bowl, "x·x + x₀x₁")
TWIST = (functions.twist, "sin(x₀)·x₋₁ + x₁²")  # x₋₁ is the last entry
WELL = (functions.well, "e^(x₀/3) + e^(x₁/3) + … − x₀x₋₁")


# --- the functions to differentiate that no student is handed


def loss_today(x: Tensor) -> Tensor:
    return x[0] * x[1] ** 2


def loss_tomorrow(x: Tensor) -> Tensor:
    return x[0] ** 2 + 4 * x[1]


def loss_of_both_days(x: Tensor) -> Tensor:
    return loss_today(x) + loss_tomorrow(x)


def one_after_the_other(
    x: Tensor, first: Callable[[Tensor], Tensor], second: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    return first(x), second(x)


def squared_distance(
    x: Tensor, t: Tensor, predict: Callable[[Tensor], Tensor], target: Callable[[Tensor], Tensor]
) -> Tensor:
    """The squared distance between predict(x) and a target t, which the caller computes as target(x)."""
    return ((predict(x) - t) ** 2).sum()


def last_half(h: Tensor, inner: Callable[[Tensor], Tensor], outer: Callable[[Tensor], Tensor]) -> Tensor:
    """outer(h), where h = inner(x) was computed by the caller."""
    return outer(h)


def gained(A: Tensor, x: Tensor, gain: float) -> Tensor:
    return ((gain * torch.tanh(A @ x)) ** 2).sum()


def miss(w: Tensor, row: Tensor, t: Tensor) -> Tensor:
    return (torch.tanh(row @ w) - t) ** 2


def shares(A: Tensor, x: Tensor, c: Tensor) -> Tensor:
    h = torch.sigmoid(A @ x)
    return (c * (h / h.sum())).sum()


def mean_over_rows(
    w: Tensor, X: Tensor, t: Tensor, loss: Callable[[Tensor, Tensor, Tensor], Tensor], size: int
) -> Tensor:
    return torch.stack([loss(w, row, one) for row, one in zip(X.split(1), t.split(1), strict=True)]).mean()


def error_of_layer(W: Tensor, b: Tensor, X: Tensor, t: Tensor) -> Tensor:
    """The mean squared error of a linear layer.  W: (1, k), b: (1,), X: (N, k), t: (N, 1).  Returns ()."""
    return ((X @ W.T + b - t) ** 2).mean()


def error_of_halves(W: Tensor, b: Tensor, V: Tensor, c: Tensor, X: Tensor, t: Tensor) -> Tensor:
    """The mean squared error of a network of two halves.  Returns ()."""
    return error_of_layer(V, c, torch.tanh(X @ W.T + b), t)


# --- what is predicted


def _is_leaf(make: Callable[[Tensor, Tensor], Tensor]) -> Callable[[], bool]:
    """A function that tells whether ``make(x, c)`` is a leaf, where x requires a gradient and c does not."""

    def find_out() -> bool:
        x = torch.tensor([1.2, -0.7, 0.4], dtype=torch.float64, requires_grad=True)
        c = torch.tensor([2.0, 0.5, -1.0], dtype=torch.float64)
        return make(x, c).is_leaf

    return find_out


def _under_no_grad(x: Tensor, c: Tensor) -> Tensor:
    with torch.no_grad():
        return 2 * x


def _step_with_six() -> dict[str, Tensor]:
    """Six parameters after the training step of 02.which_grad_is_none, by their letters."""
    first, second, last = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 1)
    teacher, spare = nn.Linear(3, 1), nn.Linear(4, 1)
    gain = nn.Parameter(torch.tensor(1.5))
    second.requires_grad_(False)
    last.eval()
    layers = (first, second, last, teacher, spare)
    optimizer = torch.optim.SGD([gain, *(p for layer in layers for p in layer.parameters())], lr=0.1)
    X = torch.linspace(-1, 1, 24).reshape(8, 3)
    optimizer.zero_grad()
    prediction = last(torch.tanh(second(torch.tanh(first(X)))))
    loss = gain.item() * ((prediction - teacher(X).detach()) ** 2).mean()
    loss.backward()
    optimizer.step()
    weights = (first.weight, second.weight, last.weight, teacher.weight, spare.weight, gain)
    return dict(zip("abcdef", weights, strict=True))


def _is_none(letter: str) -> Callable[[], bool]:
    return lambda: _step_with_six()[letter].grad is None


# --- what wrong answers compute


def _gradient_of(f: Callable[..., Tensor], p: Problem) -> np.ndarray:
    """The gradient of f, a function other than the question's, with respect to x at the problem's x."""
    x = p.inputs["x"]
    return forward_mode(f, {"x": x})["x"].reshape(tuple(x.shape))


def _two(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The gradients of first and second, and what x.grad held before the call: (n,) each."""
    first, second = p.jacobians["x"]
    return first, second, p.extras["stale"].numpy()


def _one_tensor(p: Problem) -> Any:
    _, second, _ = _two(p)
    return [({}, (second, second)), ({}, (0 * second, 0 * second))]


def _nothing_cleared(p: Problem) -> Any:
    first, second, old = _two(p)
    return [
        ({}, (before + one, before + first + second)) for before in (old, 0 * old) for one in (first, first + second)
    ]


def _cleared_from_then_on(p: Problem) -> Any:
    first, second, old = _two(p)
    return (old + first, second)


def _at_zero(p: Problem) -> Any:
    """The gradients at 0, added to what lay in x.grad: one tensor kept twice, or two copies."""
    _, _, old = _two(p)
    first, second = p.at("x", torch.zeros_like(p.inputs["x"])).jacobians["x"]
    total = old + first + second
    return [({}, (total, total)), ({}, (old + first, total))]


def _not_squared(p: Problem) -> np.ndarray:
    """The gradient of Σ (predict(x) − t), with t held constant."""
    return forward_mode(p.map.fixed_args["predict"], {"x": p.drawn["x"]})["x"].sum(axis=0)


def _gain_inside(p: Problem) -> np.ndarray:
    """The gradient of Σ tanh(gain · A @ x)²."""
    A, x, gain = p.inputs["A"].numpy(), p.inputs["x"].numpy(), p.map.fixed_args["gain"]
    h = np.tanh(gain * (A @ x))
    return gain * A.T @ (2 * h * (1 - h**2))


def _through_the_target(p: Problem) -> Any:
    return (p.totals["x"] - p.jacobians["x"]).reshape(tuple(p.inputs["x"].shape))


def _written(p: Problem) -> Any:
    """The gradient after ``h.data *= gain``: the factor is not recorded, and tanh's 1 − h² uses the scaled h."""
    A, x, gain = p.inputs["A"].numpy(), p.inputs["x"].numpy(), p.map.fixed_args["gain"]
    scaled = gain * np.tanh(A @ x)
    return A.T @ (2 * scaled * (1 - scaled**2))


def _gain_hidden(p: Problem) -> Any:
    return p.truth / p.map.fixed_args["gain"]


def _share_parts(p: Problem) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A, c, h = sigmoid(A @ x), and the sum of h, for ``shares``."""
    A, x, c = (p.inputs[name].numpy() for name in ("A", "x", "c"))
    h = 1 / (1 + np.exp(-(A @ x)))
    return A, c, h, h.sum()


def _shares_written(p: Problem) -> Any:
    A, c, h, total = _share_parts(p)
    return A.T @ (c * (h / total) * (1 - h / total))


def _shares_hidden(p: Problem) -> Any:
    A, c, h, _ = _share_parts(p)
    return A.T @ (c * h * (1 - h))


def _total_constant(p: Problem) -> Any:
    return _shares_hidden(p) / _share_parts(p)[3]


def _by_the_gates(p: Problem) -> Any:
    """The gradient with respect to h instead of x."""
    _, c, h, total = _share_parts(p)
    return (c - c @ h / total) / total


def _row_gradients(p: Problem) -> np.ndarray:
    """The gradient of each row's own loss with respect to w: (N, n)."""
    rows, t = p.inputs["X"], p.inputs["t"]
    of_row = lambda w: torch.stack([miss(w, row, one) for row, one in zip(rows, t, strict=True)])  # noqa: E731
    return forward_mode(of_row, {"w": p.inputs["w"]})["w"]


def _rows_alone(p: Problem) -> Any:
    gradients = _row_gradients(p)
    return [({"k": k}, share * g) for k, g in enumerate(gradients) for share in (1, 1 / len(gradients))]


def _rows_added(p: Problem) -> Any:
    return _row_gradients(p).sum(axis=0)


def _batches(p: Problem) -> list[np.ndarray]:
    """The gradient of each micro-batch's own mean loss with respect to w: (n,) each."""
    g, size = _row_gradients(p), p.map.fixed_args["size"]
    return [g[k : k + size].mean(axis=0) for k in range(0, len(g), size)]


def _alike(p: Problem) -> Any:
    batches, rows, size = _batches(p), len(p.inputs["X"]), p.map.fixed_args["size"]
    return [({}, share * sum(batches)) for share in (1 / len(batches), size / rows, 1 / rows, 1 / size)]


def _last_batch(p: Problem) -> Any:
    batches, rows, size = _batches(p), len(p.inputs["X"]), p.map.fixed_args["size"]
    length = rows - size * (len(batches) - 1)
    return [({}, share * batches[-1]) for share in (1, length / rows, 1 / len(batches), size / rows)]


def _without_last_batch(p: Problem) -> Any:
    *whole, _ = _batches(p)
    rows, size = len(p.inputs["X"]), p.map.fixed_args["size"]
    return [({}, share * sum(whole)) for share in (size / rows, 1, 1 / len(whole), 1 / (len(whole) + 1))]


def _with_size(rows: int, columns: int, size: int) -> Map:
    return Map(
        mean_over_rows,
        {"w": normal(columns), "X": normal(rows, columns), "t": normal(rows)},
        "the mean of (tanh(X @ w) − t)²",
        {"loss": partial(functions.loss_of_rows, most=size), "size": size},
    )


_STALE = {"stale": lambda generator, p: mixed_signs(*next(iter(p.inputs.values())).shape)(generator)}


# --- training steps


def _gradients(p: Problem, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The gradient of the layer's error at these parameters, weight and bias in one line: (k + 1,)."""
    X, t = p.inputs["X"].numpy(), p.inputs["t"].numpy()
    off = 2 * (X @ W.T + b - t) / len(X)
    return np.concatenate([(off.T @ X)[0], off.sum(axis=0)])


def _after_steps(p: Problem, count: int, added_up: bool = False, late: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The layer's weight and bias after ``count`` training steps: (1, k) and (1,).

    added_up: True if each step takes the sum of all gradients so far instead of the last one.
    late: 1 if each step takes the gradient that belongs to the point of the round before, and the first takes none.
    """
    theta = np.concatenate([p.inputs["W"].numpy()[0], p.inputs["b"].numpy()])
    found: list[np.ndarray] = []
    for k in range(count):
        found.append(_gradients(p, theta[None, :-1], theta[-1:]))
        usable = found[: k + 1 - late]
        for g in usable if added_up else usable[-1:]:
            theta = theta - functions.RATE * g
    return theta[None, :-1], theta[-1:]


def _late_steps(p: Problem) -> Any:
    return [({}, _after_steps(p, p.extras["steps"], added_up, late=1)) for added_up in (False, True)]


def _one_long_step(p: Problem) -> tuple[np.ndarray, ...]:
    """The parameters after a single step, with the gradients of all rounds added up."""
    start, moved = _after_steps(p, 0), _after_steps(p, 1)
    return tuple(x + p.extras["steps"] * (y - x) for x, y in zip(start, moved, strict=True))


def _halves(p: Problem) -> list[np.ndarray]:
    """The gradients with respect to the parameters of the features, W and b, and of the head, V and c."""
    return [p.jacobians[name].reshape(tuple(p.inputs[name].shape)) for name in HALVES]


def _one_tensor_frozen(p: Problem) -> Any:
    W, b, V, c = _halves(p)
    return [({}, (None, b, V, c)), ({}, (W, None, V, c))]


HALVES = ("W", "b", "V", "c")  # the first two are the features', the other two the head's

FIRST_BACKWARD_ONLY = Mistake(
    "first_backward_only",
    formula="∇f₁",
    name="only the first backward",
    says="this is what the first call of `backward` left in `.grad`.",
    why="The second call adds its gradient to it.",
    on_problem=lambda p: _gradient_of(loss_today, p),
)
SHARED_GRAD = Mistake(
    "shared_grad",
    formula="(x.grad, x.grad)",
    name="one tensor kept twice",
    says="both entries are the same tensor: they show whatever `x.grad` holds at the end.",
    why="As long as `x.grad` holds a tensor, a plain `backward` adds to that very tensor, and `zero_()` empties it, "
    "even if you have kept it under another name. `x.grad = None` lets go of it, and the next `backward` starts a "
    "new one.",
    on_problem=_one_tensor,
)
NEVER_ZEROED = Mistake(
    "never_zeroed",
    name="not cleared in between",
    says="what the first `backward` left was still there when the second one ran.",
    why="`backward` adds to `.grad`. Let `x.grad` start afresh before each of the two calls.",
    on_problem=_nothing_cleared,
)
NOT_ZEROED_BEFORE = Mistake(
    "not_zeroed_before",
    name="not cleared at the start",
    says="the second entry is right; the first still contains what lay in `x.grad` before your function was called.",
    why="Clear before each `backward`, including the first: you do not know what the caller left there.",
    on_problem=_cleared_from_then_on,
)
POINT_ZEROED = Mistake(
    "point_zeroed",
    formula="(old + ∇first(0), old + ∇first(0) + ∇second(0))",
    name="x zeroed instead of x.grad",
    says="these are gradients at 0, added to what lay in `x.grad` before: x itself was set to 0.",
    why="`x.zero_()` overwrites the point at which the losses are differentiated, and leaves `x.grad` alone. It is "
    "`x.grad` that must start afresh: `x.grad = None`.",
    on_problem=_at_zero,
)
DIFFERENCE_NOT_SQUARED = Mistake(
    "difference_not_squared",
    formula="the gradient of Σ (predict(x) − t)",
    name="the difference was not squared",
    says="this is the gradient of Σ (predict(x) − t), without the square.",
    why="The square brings down a factor 2(predict(x) − t) for each output. Without it the target has no effect.",
    on_problem=_not_squared,
)
GAIN_INSIDE = Mistake(
    "gain_inside",
    formula="the gradient of Σ tanh(gain · A @ x)²",
    name="the gain inside tanh",
    says="this is the gradient of Σ tanh(gain · A @ x)²: the gain was applied before tanh.",
    why="tanh(gain · z) is not gain · tanh(z). The gain multiplies what tanh returns: `gain * torch.tanh(A @ x)`.",
    on_problem=_gain_inside,
)
OTHER_BRANCH_CUT = Mistake(
    "other_branch_cut",
    formula="the gradient through the target",
    name="the wrong branch was cut",
    says="this is the gradient that flows through the target; the prediction was cut off instead.",
    why="Detach the tensor that should count as a constant. The gradient should flow through the other one.",
    on_problem=_through_the_target,
)
DATA_WRITTEN = Mistake(
    "data_written",
    name="a saved value overwritten through .data",
    says="this was computed with overwritten values, and one operation is missing from the graph.",
    why="A write through `.data` is not recorded, so its own derivative is lost. It also overwrites what an earlier "
    "operation has saved, and evades the check that would raise an error.",
)
OPERATION_HIDDEN = Mistake(
    "operation_hidden",
    name="an operation that autograd did not see",
    says="the derivative of the operation that changes h is missing.",
    why="What is done to `.data`, or under `torch.no_grad()`, is not recorded: it changes the values forward, and "
    "backward it is as if it had never happened. Compute a new tensor instead, by an operation that is recorded. If "
    "the operation was left out altogether, the result may look the same.",
)
TOTAL_HELD_CONSTANT = Mistake(
    "total_held_constant",
    name="the sum held constant",
    says="this treats the sum that h is divided by as a constant.",
    why="That sum depends on x, too. Remove the `.detach()`, `.item()` or `float()` that cuts it off.",
    on_problem=_total_constant,
)
ONE_SAMPLE_ONLY = Mistake(
    "one_sample_only",
    formula="∇ℓ_k",
    name="one row only",
    says="this is made of the gradient of the loss of row {k} alone.",
    why="Every row counts. In a loop, `loss = …` forgets the loss of the previous row, and `w.grad = None` forgets its "
    "gradient: collect the losses, then combine all of them.",
    on_problem=_rows_alone,
)
SAMPLES_ADDED = Mistake(
    "samples_added",
    formula="∇ℓ₁ + … + ∇ℓ_N",
    name="a sum instead of a mean",
    says="this is the gradient of the sum of the losses; the gradient of their mean was asked for.",
    why="A mean is the sum divided by the number of rows, and so is its gradient.",
)
MEANS_ADDED = Mistake(
    "means_added",
    formula="g₁ + … + g_B",
    name="the micro-batches' gradients just added",
    says="this is the sum of the micro-batches' own gradients.",
    why="Each of them belongs to a mean over a few rows. The mean over all rows weights each micro-batch by its "
    "share of the rows.",
    on_problem=lambda p: sum(_batches(p)),
)
MEAN_OF_MEANS = Mistake(
    "mean_of_means",
    formula="(g₁ + … + g_B) / B",
    name="the mean of the means",
    says="here every micro-batch counts the same, including the shorter one.",
    why="The mean over all rows gives every row the same weight. So a micro-batch counts by its share of the rows: its "
    "length divided by the number of rows.",
    on_problem=_alike,
)
LAST_BATCH_ONLY = Mistake(
    "last_batch_only",
    formula="g_B",
    name="only the last micro-batch",
    says="this is what the last micro-batch alone leaves in `.grad`.",
    why="Here `backward` is meant to add. Clear `.grad` once, before the first micro-batch, not between them.",
    on_problem=_last_batch,
)
LAST_BATCH_LEFT_OUT = Mistake(
    "last_batch_left_out",
    formula="size/N · (g₁ + … + g_(B−1))",
    name="the shorter micro-batch left out",
    says="the last micro-batch, which is shorter than the others, was left out.",
    why="`range(N // size)` counts only the full ones. `X.split(size)` and `range(0, N, size)` reach the remaining "
    "rows, too.",
    on_problem=_without_last_batch,
)
PARAMETERS_UNMOVED = Mistake(
    "parameters_unmoved",
    formula="(weight, bias) as they were",
    name="the parameters have not moved",
    says="the model's parameters still have the values that they had before your function was called.",
    why="`step` moves a parameter along what it finds in its `.grad`. So nothing moves if the gradients are cleared "
    "between `backward` and `step`, or if `step` is never called.",
    on_problem=lambda p: _after_steps(p, 0),
)
GRADIENTS_ADDED_UP = Mistake(
    "gradients_added_up",
    name="the gradients of all steps added up",
    says="every step went along the sum of all gradients so far.",
    why="`backward` adds to `.grad`. Call `zero_grad` in every round of the loop, before `backward`.",
    on_problem=lambda p: _after_steps(p, p.extras["steps"], added_up=True),
)
ONE_STEP_BEHIND = Mistake(
    "one_step_behind",
    name="one step too few",
    says="these are the parameters after one step too few: the last gradient was never used.",
    why="If `step` comes before `backward`, the first call finds no gradient and does nothing, and each later one uses "
    "the gradient of the round before. In one round: clear, compute the loss, `backward`, and then `step`.",
    on_problem=lambda p: _after_steps(p, p.extras["steps"] - 1),
)
BEHIND_AND_ADDED_UP = Mistake(
    "behind_and_added_up",
    name="step before backward, and nothing cleared",
    says="the last gradient was never used, and every step went along the sum of all gradients so far.",
    why="In one round of the loop: clear, compute the loss, `backward`, and then `step`.",
    on_problem=lambda p: _after_steps(p, p.extras["steps"] - 1, added_up=True),
)
STEP_BEFORE_ITS_GRADIENT = Mistake(
    "step_before_its_gradient",
    name="step between the loss and backward",
    says="each step used gradients that belong to the points of earlier rounds.",
    why="The loss was computed at one point, `step` moved the parameters away from it, and only then did `backward` "
    "find the gradient. Let `backward` follow the loss, and `step` follow `backward`.",
    on_problem=_late_steps,
)
STEPPED_ONCE = Mistake(
    "stepped_once",
    name="a single step",
    says="the parameters have moved by a single step.",
    why="Both `backward` and `step` belong in the loop: each round computes a new gradient, at the point that the "
    "previous step has reached. A `return` inside the loop ends it after the first round.",
    on_problem=lambda p: [({}, _after_steps(p, 1)), ({}, _one_long_step(p))],
)
NOT_FROZEN = Mistake(
    "not_frozen",
    formula="every .grad filled",
    name="nothing was frozen",
    says="the parameters of `features` have received gradients, just like those of the head.",
    why="A parameter is frozen by `requires_grad_(False)`, called on it or on its module before `backward`. "
    "`model.eval()` changes how some layers compute, and records all the same; and assigning "
    "`model.features.requires_grad = False` only gives the module an attribute that nobody reads.",
    on_problem=lambda p: tuple(_halves(p)),
)
OTHER_HALF_FROZEN = Mistake(
    "other_half_frozen",
    formula="(∂W, ∂b, None, None)",
    name="the wrong half was frozen",
    says="the parameters of the head have no gradient, and those of `features` have one.",
    why="The head is what should be trained. Freeze `model.features`.",
    on_problem=lambda p: (*_halves(p)[:2], None, None),
)
ONE_TENSOR_FROZEN = Mistake(
    "one_tensor_frozen",
    name="one of two parameters frozen",
    says="only one of the two parameters of `features` was frozen.",
    why="A linear layer has a weight and a bias. `requires_grad_(False)`, called on the layer itself, takes both.",
    on_problem=_one_tensor_frozen,
)

QUESTIONS = [
    Question(
        "02.leaf_or_not",
        "2.1 Leaf or not?",
        Facts(
            calls={
                "a": _is_leaf(lambda x, c: x),
                "b": _is_leaf(lambda x, c: 2 * x),
                "c": _is_leaf(lambda x, c: x.detach()),
                "d": _is_leaf(lambda x, c: x.float()),
                "e": _is_leaf(lambda x, c: (2 * c).requires_grad_()),
                "f": _is_leaf(_under_no_grad),
            },
            notes={
                "a": "No operation made x.",
                "b": "x requires a gradient, so the product is recorded.",
                "c": "`detach` returns the values without their graph.",
                "d": "Converting to another dtype is an operation like any other, and x requires a gradient.",
                "e": "c requires no gradient, so 2 * c was not recorded. It was declared afterwards, and the graph "
                "begins there.",
                "f": "Under `no_grad` nothing is recorded.",
            },
        ),
        points=1,
        stars=2,
        minutes=4,
        hints=(
            "A leaf is a tensor that no recorded operation made. For each line: is there an operation, and was it "
            "recorded?",
            "An operation is recorded if one of its inputs requires a gradient, unless recording is switched off. The "
            "result of an operation that was not recorded is a leaf that requires no gradient.",
            "c was not declared, so 2 * c is not recorded. x.float() is an operation like any other: it makes a new "
            "tensor.",
        ),
    ),
    Question(
        "02.two_backwards",
        "2.2 Two backwards, one .grad",
        Predicted(of=GradState()),
        [Map(loss_of_both_days, {"x": fixed([3.0, -1.0])}, "x₀x₁² + (x₀² + 4x₁)")],
        also=(
            FIRST_BACKWARD_ONLY,
            CATALOGUE["last_backward_only"].derived(lambda p: _gradient_of(loss_tomorrow, p)),
        ),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "Work out what each call alone would leave in x.grad: two numbers each.",
            "The first call leaves (x₁², 2x₀x₁). What does the second one do with what it finds there?",
        ),
    ),
    Question(
        "02.which_grad_is_none",
        "2.3 Which .grad is None?",
        Facts(
            calls={letter: _is_none(letter) for letter in "abcdef"},
            notes={
                "a": "The gradient passes through `second` on its way to `first`: freezing a layer stops nothing that "
                "flows through it.",
                "b": "`requires_grad_(False)` freezes the parameters of `second`: `backward` leaves nothing in them.",
                "c": "`eval` changes what layers such as dropout compute. It does not stop recording, and a linear "
                "layer takes no notice of it.",
                "d": "`detach` cut the teacher's output off from its graph.",
                "e": "`spare` took no part in the loss.",
                "f": "`gain.item()` is a Python number: no graph leads from the loss back to gain.",
            },
        ),
        points=1,
        stars=2,
        minutes=7,
        hints=(
            "Go back from the loss, operation by operation. Which parameters do you meet, and which of those require a "
            "gradient?",
            "Three questions for each: did it take part? Was it cut off, by `detach` or `item`? Does it require a "
            "gradient? `eval` answers none of them.",
        ),
    ),
    Question(
        "02.cut_one_branch",
        "2.4 Cut one branch",
        Gradient(),
        [
            Map(
                squared_distance,
                {"x": normal(n)},
                formula,
                {"predict": predict, "target": target},
                derived={"t": target},
            )
            for n, predict, target, formula in (
                (3, u05_functions.pair, functions.ahead, "Σ (predict(x) − t)², t = (x₂², x₀ − x₁)"),
                (3, u05_functions.swirl, functions.turned, "Σ (predict(x) − t)², three outputs, t = x₀·(x₂, x₁, x₀)"),
                (5, u05_functions.fold, functions.further_ahead, "Σ (predict(x) − t)², t = (x₀x₃, cos x₁, x₄²)"),
            )
        ],
        gives=("predict", "target", "x"),
        also=(OTHER_BRANCH_CUT, DIFFERENCE_NOT_SQUARED),
        points=2,
        stars=2,
        minutes=4,
        hints=(
            "Both branches start at x. Which tensor should keep its values and lose its graph?",
            "`.detach()` returns the same values without the graph behind them.",
            "`t = target(x).detach()`",
        ),
    ),
    Question(
        "02.freeze_half",
        "2.5 Freeze half a model",
        Computed(
            wrt=HALVES,
            compute=lambda p: (None, None, *_halves(p)[2:]),
            text="(None, None, the gradients of the head)",
            in_grad=True,
            entries=("features.weight.grad", "features.bias.grad", "head.weight.grad", "head.bias.grad"),
        ),
        [
            Map(
                error_of_halves,
                {
                    "W": normal(h, k),
                    "b": normal(h),
                    "V": normal(1, h),
                    "c": normal(1),
                    "X": normal(N, k),
                    "t": normal(N, 1),
                },
                "the mean squared error of head(tanh(features(X)))",
            )
            for k, h, N in ((2, 3, 4), (3, 2, 5), (3, 3, 3))
        ],
        gives=(*HALVES, "model", "X", "t"),
        computed={"model": functions.two_halves},
        hidden=HALVES,
        also=(NOT_FROZEN, OTHER_HALF_FROZEN, ONE_TENSOR_FROZEN),
        without={"inputs_swapped": "the first two entries are both None"},
        errors={
            "no_graph": "No parameter is left that requires a gradient, or nothing was recorded. Freeze only "
            "`model.features`, and let the head be recorded as usual.",
        },
        points=2,
        stars=2,
        minutes=4,
        hints=(
            "The parameters of `features` should count as constants. Which method takes a declaration back?",
            "A module has `requires_grad_`, too: it goes through all of the module's parameters.",
            "`model.features.requires_grad_(False)`",
        ),
    ),
    Question(
        "02.zero_it_right",
        "2.6 Zero it right",
        Computed(
            compute=lambda p: (p.jacobians["x"][0], p.jacobians["x"][1]),
            text="(∇first(x), ∇second(x))",
        ),
        [
            Map(one_after_the_other, {"x": normal(n)}, f"{f[1]} and {g[1]}", {"first": f[0], "second": g[0]})
            for n, f, g in ((2, BOWL, TWIST), (4, WELL, BOWL), (3, TWIST, WELL))
        ],
        gives=("first", "second", "x"),
        extras=_STALE,
        also=(
            SHARED_GRAD,
            NEVER_ZEROED,
            NOT_ZEROED_BEFORE,
            POINT_ZEROED,
        ),
        points=2,
        stars=3,
        minutes=6,
        hints=(
            "What does `gradients.append(x.grad)` keep: the numbers that are there now, or the tensor that holds them?",
            "`x.grad.zero_()` writes zeros into a tensor that you have kept. How can `x.grad` let go of it instead?",
            "`x.grad = None`, before each `backward`.",
        ),
    ),
    Question(
        "02.step_in_place",
        "2.7 Take the step",
        Step(in_place=True),
        [Map(f, {"x": normal(n)}, text) for n, (f, text) in ((2, TWIST), (3, BOWL), (4, WELL))],
        gives=("f", "x", "eta"),
        extras={"eta": lambda generator, p: round(uniform(0.1, 0.6)(generator).item(), 2)},
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "`x = x - …` gives the name x to a new tensor; the caller still holds the old one. Which operation "
            "changes the tensor itself?",
            "`x -= …` does, but it is refused for a leaf that requires a gradient while autograd is recording.",
            "`with torch.no_grad():`, and inside it `x -= eta * g`.",
        ),
    ),
    Question(
        "02.mend_the_step",
        "2.8 Mend the order of a training step",
        Parameters(
            wrt=("W", "b"),
            compute=lambda p: _after_steps(p, p.extras["steps"]),
            text="the parameters after all steps",
            entries=("weight", "bias"),
        ),
        [
            Map(
                error_of_layer,
                {"W": normal(1, k), "b": normal(1), "X": normal(N, k), "t": normal(N, 1)},
                "the mean squared error of a linear layer",
            )
            for N, k in ((5, 2), (4, 3), (3, 3))
        ],
        gives=("W", "b", "model", "optimizer", "X", "t", "steps"),
        computed={"model": functions.linear_layer, "optimizer": functions.sgd},
        hidden=("W", "b"),
        extras={"steps": lambda generator, p: 4 + int(torch.randint(3, (), generator=generator))},
        also=(
            PARAMETERS_UNMOVED,
            GRADIENTS_ADDED_UP,
            ONE_STEP_BEHIND,
            BEHIND_AND_ADDED_UP,
            STEP_BEFORE_ITS_GRADIENT,
            STEPPED_ONCE,
        ),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "Go through the first round of the loop, line by line: what is in the parameters' `.grad` when `step` is "
            "called?",
            "`step` uses what `backward` has left in `.grad`. What must not stand between the two, and what must have "
            "happened before `backward`?",
            "`zero_grad`, then the loss, `backward`, `step`.",
        ),
    ),
    Question(
        "02.mend_torch_tensor",
        "2.9 Mend torch.tensor(losses)",
        GradState(wrt="w"),
        [
            Map(
                functions.mean_miss,
                {"w": normal(n), "X": normal(rows, n), "t": normal(rows)},
                "the mean of (tanh(X @ w) − t)²",
            )
            for rows, n in ((5, 3), (6, 2), (5, 5))
        ],
        gives=("w", "X", "t"),
        also=(
            ONE_SAMPLE_ONLY,
            SAMPLES_ADDED.derived(_rows_added),
        ),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "`torch.tensor(…)` takes numbers. What becomes of the graph behind each loss?",
            "Declaring the new tensor silences the error, but the new tensor is a leaf: no graph leads from it to w.",
            "`torch.stack(losses)` puts tensors together by an operation that is recorded.",
        ),
    ),
    Question(
        "02.mend_data",
        "2.10 Mend a write through .data",
        Gradient(),
        [
            Map(
                gained,
                {"A": normal(m, n), "x": normal(n)},
                "Σ (gain · tanh(A @ x))²",
                {"gain": gain},
            )
            for m, n, gain in ((2, 3, 1.5), (3, 3, 0.6), (4, 2, -1.25))
        ],
        gives=("A", "x", "gain"),
        also=(
            DATA_WRITTEN.derived(_written),
            OPERATION_HIDDEN.derived(_gain_hidden),
            GAIN_INSIDE,
        ),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "Two things go wrong in one line: the factor is not recorded, and the values that tanh has saved are "
            "overwritten.",
            "Making a new tensor cures both: no `.data`, no `*=`.",
            "`h = gain * h`",
        ),
    ),
    Question(
        "02.mend_in_place",
        "2.11 Mend a write in place",
        Gradient(),
        [
            Map(
                shares,
                {"A": normal(m, n), "x": normal(n), "c": mixed_signs(m)},
                "Σ c·h / Σ h, h = sigmoid(A @ x)",
            )
            for m, n in ((2, 3), (3, 3), (4, 2))
        ],
        gives=("A", "x", "c"),
        also=(
            DATA_WRITTEN.derived(_shares_written),
            OPERATION_HIDDEN.derived(_shares_hidden),
            TOTAL_HELD_CONSTANT,
            CATALOGUE["chain_stops_early"].derived(_by_the_gates),
        ),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "The message names the tensor: it is the output of a sigmoid. Why does sigmoid still need its output?",
            "The derivative of a sigmoid is h·(1 − h), so h must not change. Let the division make a new tensor.",
            "`h = h / h.sum()`",
        ),
    ),
    Question(
        "02.micro_batches",
        "2.12 Transfer: many small batches that equal a large one",
        GradState(wrt="w"),
        [_with_size(7, 3, 3), _with_size(5, 2, 2), _with_size(9, 4, 4)],
        gives=("loss", "w", "X", "t", "size"),
        extras=_STALE,
        also=(
            SAMPLES_ADDED.derived(_rows_added),
            MEANS_ADDED,
            MEAN_OF_MEANS,
            LAST_BATCH_ONLY,
            LAST_BATCH_LEFT_OUT,
        ),
        points=3,
        stars=3,
        minutes=12,
        hints=(
            "`zip(X.split(size), t.split(size))` gives the micro-batches; the last one may be shorter. `backward` "
            "adds: where must `w.grad` be cleared, and how often?",
            "The loss of a micro-batch is a mean over its own rows. What must you multiply it by, so that each of its "
            "rows counts as much as in the mean over all rows?",
            "By its share of the rows, `len(rows) / len(X)`: `(loss(w, rows, goals) * len(rows) / len(X)).backward()`.",
        ),
    ),
    Question(
        "02.gradient_of_an_intermediate",
        "2.13 Recall: the gradient of a tensor in the middle",
        Gradient(wrt="h"),
        [
            Map(
                last_half,
                {"x": normal(n)},
                f"outer(h), outer(h) = {text.replace('x', 'h')}",
                {"inner": inner, "outer": outer},
                derived={"h": inner},
                takes=("h",),
            )
            for n, inner, (outer, text) in (
                (3, u05_functions.swirl, TWIST),
                (2, u05_functions.fan, BOWL),
                (5, u05_functions.fold, TWIST),
            )
        ],
        gives=("inner", "outer", "x"),
        leaves=("x",),
        points=2,
        stars=2,
        minutes=4,
        hints=(
            "`backward` leaves gradients only in leaves. h is not a leaf: an operation made it.",
            "From unit 01: `torch.autograd.grad` returns the gradient with respect to what you name. Or h can ask to "
            "keep its gradient: a method, called before `backward`.",
            "`h.retain_grad()`, or `torch.autograd.grad(outer(h), h)` with the very h that went into the loss.",
        ),
    ),
]
