"""Unit 09: forward mode, and many derivatives in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import Facts
from grader.problem import Map, Problem, like, mixed_signs, normal, uniform
from grader.quantities import JVP, BatchedVJP, Computed, HVPs, SampleGradients, SampleHessians
from grader.question import Question
from grader.units import u08_functions
from grader.units import u09_functions as functions

HELIX = Map(functions.helix, {"x": normal(2)}, "(x₀ cos x₁, x₀ sin x₁, x₁² − x₀, x₀x₁)")
FUNNEL = Map(functions.nozzle, {"x": normal(5)}, "(x₀x₃ + sin x₁, x₂²x₄ − x₀)")
WHIRL = Map(functions.whirl, {"x": normal(3)}, "(x₁x₂, x₀² − x₁, e^(x₀/2) · x₂)")
LATTICE = Map(functions.lattice, {"x": normal(3)}, "(x₀x₁, x₁x₂², tanh x₀ − x₂, x₀x₂, cos x₁)")
SWELL = Map(functions.swell, {"x": normal(3)}, "e^(z/2), z = (x₀ − x₁, x₁x₂, x₂ + sin x₀, x₀x₁x₂)")

U = {"u": like("x")}


# --- 9.1: passes, counted by really calling the maps


def _cheaper_forward(f: Callable[..., torch.Tensor], *shape: int) -> Callable[[], bool]:
    """Whether J of f, at an input of this shape, takes fewer passes in forward mode than in reverse mode."""

    def count() -> bool:
        x = torch.zeros(shape, dtype=torch.float64)
        return x.numel() < f(x).numel()

    return count


def _direction_cheaper_forward() -> bool:
    """Whether one Ju takes fewer passes in forward mode (one) than in reverse mode (two VJPs)."""
    passes = [0]

    def counted(*args: Any, **options: Any) -> torch.Tensor:
        passes[0] += 1
        return torch.autograd.grad(*args, **options)[0]

    x = torch.linspace(-1, 1, 30, dtype=torch.float64).requires_grad_()
    y = functions.rotation(x)
    w = torch.zeros_like(y, requires_grad=True)
    counted(counted(y, x, w, create_graph=True), w, torch.cos(x).detach())
    return passes[0] > 1


def _weight_cheaper_forward() -> bool:
    """Whether one Jᵀv takes fewer passes in forward mode (one per input) than in reverse mode (one)."""
    return torch.zeros(2).numel() < 1


# --- the directional derivatives of 9.2 and 9.9


def _J(p: Problem) -> np.ndarray:
    return p.jacobians["x"]


def _u(p: Problem) -> np.ndarray:
    return np.asarray(p.extras["u"]).reshape(-1)


def _in_shape_of_y(p: Problem, values: np.ndarray) -> np.ndarray:
    return values.reshape(tuple(p.outputs[0].shape))


def _normalized(p: Problem) -> np.ndarray:
    u = _u(p)
    return _in_shape_of_y(p, _J(p) @ u / np.sqrt(u @ u))


def _unsummed(p: Problem) -> np.ndarray:
    return (_J(p) * _u(p)).reshape(tuple(p.outputs[0].shape) + tuple(p.inputs["x"].shape))


def _table(p: Problem) -> np.ndarray:
    return _J(p).reshape(tuple(p.outputs[0].shape) + tuple(p.inputs["x"].shape))


def _whole_step(p: Problem) -> np.ndarray:
    x = p.inputs["x"]
    return _in_shape_of_y(p, p.at("x", x + p.extras["u"]).y - p.y)


def _point_and_direction(p: Problem) -> np.ndarray:
    """J(u)x: the derivative at u, along x."""
    moved = p.at("x", torch.as_tensor(p.extras["u"], dtype=torch.float64))
    return _in_shape_of_y(p, moved.jacobians["x"] @ p.inputs["x"].numpy())


DIRECTION_NORMALIZED = Mistake(
    "jvp_normalized",
    formula="Ju / ‖u‖",
    name="direction scaled to length 1",
    says="this is Ju divided by the length of u.",
    why="Ju says how fast y moves when x moves with the velocity u. If x moves twice as fast, so does y: u must not be "
    "scaled.",
    on_problem=_normalized,
)
COLUMNS_NOT_ADDED = Mistake(
    "jvp_unsummed",
    formula="J[:, j] · u[j]",
    name="columns times u, not added up",
    says="these are the columns of J, each times its entry of u, before they are added up.",
    why="All inputs move at once, and their effects on y add up: Ju has y's shape.",
    on_problem=_unsummed,
)
TABLE_FOR_DIRECTION = Mistake(
    "table_for_jvp",
    formula="J",
    name="the whole Jacobian, without u",
    says="this is the whole Jacobian; u was not used.",
    why="Ju is the product of J with one direction. Forward mode finds it in one pass, and J in one pass per input.",
    on_problem=_table,
)
STEP_FOR_RATE = Mistake(
    "step_for_jvp",
    formula="f(x + u) − f(x)",
    name="the change over a whole step",
    says="this is f(x + u) − f(x), the change over a whole step.",
    why="Ju is the rate of change at x itself. On the way from x to x + u that rate changes, unless f is linear.",
    on_problem=_whole_step,
)
POINT_AND_DIRECTION_EXCHANGED = Mistake(
    "point_and_direction",
    formula="J(u) x",
    name="point and direction exchanged",
    says="this is the derivative at the point u, in the direction x.",
    why="The first tuple of `jvp` says where x is, the second in which direction it moves: "
    "`torch.func.jvp(f, (x,), (u,))`.",
    on_problem=_point_and_direction,
)

BOTH_OF_JVP = Mistake(
    "both_of_jvp",
    formula="(f(x), Ju)",
    name="the output and Ju together",
    says="you returned f(x) and Ju; Ju alone was asked for.",
    why="`torch.func.jvp` returns two things, the output first: `_, Ju = torch.func.jvp(f, (x,), (u,))`.",
    on_problem=lambda p: (p.outputs[0].numpy(), p.truth),
)
NO_TANGENT = Mistake(
    "tangent_is_none",
    name="None",
    says="your function returned None.",
    why="Either `return` is missing, or this is the tangent of a tensor that has none. A tangent is there only inside "
    "of `with forward_ad.dual_level():`, and only if f was called with the dual number, not with x.",
    on_problem=lambda p: [({}, None)],
)

# --- 9.3


def _passes(p: Problem) -> np.ndarray:
    return np.asarray(float(min(_J(p).shape)))


def _with_count(count: Callable[[int, int], float]) -> Callable[[Problem], Any]:
    """The right J with another number of passes; None if the number is the right one."""

    def wrong(p: Problem) -> Any:
        m, n = _J(p).shape
        return (_J(p), np.asarray(float(count(m, n)))) if count(m, n) != min(m, n) else None

    return wrong


def _transposed_with_count(p: Problem) -> Any:
    return _J(p).T, _passes(p)


OTHER_MODE_COUNTED = Mistake(
    "passes_of_other_mode",
    formula="max(m, n)",
    name="the passes of the other mode",
    says="J is right, but the passes are those of the more expensive mode. Here there are {m} outputs and {n} inputs.",
    why="`jacfwd` takes one pass per input, `jacrev` one per output. The cheaper of the two takes min(m, n).",
    on_problem=_with_count(max),
)
ENTRIES_COUNTED = Mistake(
    "passes_per_entry",
    formula="m · n",
    name="one pass per entry of J",
    says="J is right, but this counts the entries of J, m·n, not the passes.",
    why="A pass finds more than one entry: a whole column in forward mode, a whole row in reverse mode.",
    on_problem=_with_count(lambda m, n: m * n),
)
BOTH_COUNTED = Mistake(
    "passes_of_both_modes",
    formula="m + n",
    name="the passes of both modes together",
    says="J is right, but this is m + n: the passes of both modes together.",
    why="One mode is enough: forward mode finds all columns, and reverse mode all rows.",
    on_problem=_with_count(lambda m, n: m + n),
)
EVALUATION_COUNTED = Mistake(
    "evaluation_counted",
    formula="min(m, n) + 1",
    name="the evaluation of f counted as a pass",
    says="J is right, but this is one pass too many.",
    why="A call of f that only finds out m computes no derivative, and is not one of the passes that this mode makes: "
    "`jacfwd` makes n, `jacrev` makes m.",
    on_problem=_with_count(lambda m, n: min(m, n) + 1),
)
ONE_CALL_ONE_PASS = Mistake(
    "one_pass_for_all",
    formula="1",
    name="one pass for the whole of J",
    says="J is right, but it takes more than a single pass.",
    why="You call `jacfwd` or `jacrev` once, but inside it makes one pass per input or one per output.",
    on_problem=_with_count(lambda m, n: 1),
)
COUNT_FIRST = Mistake(
    "count_before_jacobian",
    formula="(min(m, n), J)",
    name="the two results exchanged",
    says="both results are right, but they stand in each other's place.",
    why="The Jacobian comes first, then the number of passes.",
    on_problem=lambda p: (_passes(p), _J(p)),
)
J_TRANSPOSED = Mistake(
    "jacobian_transposed",
    formula="Jᵀ",
    name="the transpose of J",
    says="the number of passes is right, but this is Jᵀ: one row per input.",
    why="`jacfwd` and `jacrev` return the same J, of shape (m, n), and neither needs to be transposed. One finds it "
    "by columns, the other by rows.",
    on_problem=_transposed_with_count,
)

# --- 9.4


def _with_respect_to_x(p: Problem) -> np.ndarray:
    N, k = p.inputs["X"].shape
    i = np.arange(N)
    return p.jacobians["X"].reshape(N, N, k)[i, i]


def _at_mean_sample(p: Problem) -> np.ndarray:
    return p.at("X", p.inputs["X"].mean(dim=0, keepdim=True)).jacobians["w"][0]


SAMPLE_FOR_PARAMETER = Mistake(
    "gradient_by_the_sample",
    formula="∂f/∂x",
    name="with respect to the samples",
    says="these are gradients with respect to the samples x; those with respect to w were asked for.",
    why="`grad` differentiates with respect to the first argument, unless `argnums` says otherwise.",
    on_problem=_with_respect_to_x,
)
MEAN_SAMPLE = Mistake(
    "gradient_at_mean_sample",
    formula="∇f(w, x̄)",
    name="the gradient at the mean sample",
    says="this is the gradient at the mean of all samples.",
    why="Each row of X is a sample and has a gradient of its own. The mean of the rows is not one of the samples.",
    on_problem=_at_mean_sample,
)

OTHER_SHAPES_THAN_F_EXPECTS = (
    "If this happened inside f, then f was given w or x in another shape than it expects. It takes the whole of w, "
    "of shape (p,), and a single sample x, of shape (k,), in this order: which argument does `vmap` take apart, and in "
    "which place does each row arrive? If it happened in a line of your own, print the tensor's shape just before it."
)
A_BATCH_FOR_ONE_WEIGHT = (
    "Without being told, `grad_outputs` is a single weight, of y's shape. V holds one weight in each row, so it has "
    "one dimension more than y: with `is_grads_batched=True`, that first dimension counts the weights."
)

# --- 9.6

PARAMETERS = ("W", "b", "a")  # not in alphabetical order, so that names that were sorted show


def _each(p: Problem, factor: np.ndarray) -> tuple[np.ndarray, ...]:
    """The derivatives of the network's outputs, each sample's times its factor, (N,), in the order of PARAMETERS."""
    error = np.sqrt(p.y) * np.sign(_errors(p))
    rows = [p.jacobians[name].reshape(-1, *p.inputs[name].shape) for name in PARAMETERS]
    scales = [(factor / (2 * error)).reshape(-1, *(1,) * (row.ndim - 1)) for row in rows]
    return tuple(row * scale for row, scale in zip(rows, scales, strict=True))


def _errors(p: Problem) -> np.ndarray:
    """network(x) − t for every sample: (N,)."""
    W, b, a, X, t = (p.inputs[name].numpy() for name in (*PARAMETERS, "X", "t"))
    return np.tanh(X @ W.T + b) @ a - t


def _half(p: Problem) -> Any:
    return tuple(g / 2 for g in p.truth)


def _of_outputs(p: Problem) -> Any:
    return _each(p, np.ones(p.y.size))


def _against_all_targets(p: Problem) -> Any:
    """For every sample i, the gradient of Σⱼ (network(xᵢ) − tⱼ)², and the gradient of the mean over j instead."""
    t = p.inputs["t"].numpy()
    totals = 2 * (len(t) * (_errors(p) + t) - t.sum())
    return [({}, _each(p, totals)), ({}, _each(p, totals / len(t)))]


HALF_THE_LOSS = Mistake(
    "half_the_squared_error",
    formula="∇ ½(network(xᵢ) − tᵢ)²",
    name="a factor 2 is missing",
    says="these are half of the right gradients.",
    why="The derivative of a square brings a factor 2. Either the loss has a ½ that was not asked for, or the 2 was "
    "forgotten in a chain rule by hand.",
    on_problem=_half,
)
OUTPUT_FOR_LOSS = Mistake(
    "output_for_loss",
    formula="∇ network(xᵢ)",
    name="gradients of the output, not of the loss",
    says="these are the gradients of the network's outputs, not of the loss.",
    why="The loss of sample i is (network(xᵢ) − tᵢ)². By the chain rule its gradient is that of the output times "
    "2(network(xᵢ) − tᵢ).",
    on_problem=_of_outputs,
)
ALL_TARGETS = Mistake(
    "every_target_for_each_sample",
    formula="∇ Σⱼ (network(xᵢ) − tⱼ)²",
    name="each sample against all targets",
    says="each sample was compared with the targets of all samples.",
    why="t has a batch dimension, as X does: `in_dims=(None, 0, 0)`. With None in the last place, `vmap` hands the "
    "whole of t to every sample.",
    on_problem=_against_all_targets,
)

PARAMETERS_IGNORED = Mistake(
    "parameters_ignored",
    formula="0",
    name="a loss that ignores its parameters",
    says="this is zero everywhere.",
    why="`grad` and `jacobian` put parameters of their own into your function and watch how the loss responds. "
    "`model(x)` uses the parameters stored in the model instead: call `functional_call(model, params, (x,))`.",
    on_problem=lambda p: tuple(np.zeros_like(g) for g in p.truth),
)

# --- 9.8


def _gradient_at_u(p: Problem) -> np.ndarray:
    return p.at("x", torch.as_tensor(p.extras["u"], dtype=torch.float64)).jacobians["x"][0]


def _H(p: Problem) -> np.ndarray:
    return p.block("x", np.ones(1)).H


def _H_at_u(p: Problem) -> np.ndarray:
    return _H(p.at("x", torch.as_tensor(p.extras["u"], dtype=torch.float64)))


GRADIENT_FOR_HVP = Mistake(
    "gradient_for_hvp",
    formula="∇f(x)",
    name="the gradient itself",
    says="this is the gradient, a first derivative.",
    why="Hu is how the gradient changes along u. `jvp(grad(f), (x,), (u,))` returns the gradient first, and its change "
    "along u second.",
    on_problem=lambda p: _J(p)[0],
)
HESSIAN_AT_DIRECTION = Mistake(
    "hessian_at_u",
    formula="H(u) x, H(u) u",
    name="the Hessian at u",
    says="here the Hessian was taken at the point u.",
    why="H is wanted at x, and u is only the direction. In `jvp`, the first tuple holds the point and the second the "
    "direction.",
    on_problem=lambda p: [({}, _H_at_u(p) @ np.asarray(z)) for z in (p.inputs["x"], p.extras["u"])],
)
GRADIENT_AT_DIRECTION = Mistake(
    "gradient_at_u",
    formula="∇f(u)",
    name="point and direction exchanged",
    says="this is the gradient of f at the point u.",
    why="`jvp(f, (u,), (z,))` moves from the point u in the direction z. That is ∇f(u)·z, whose derivative with "
    "respect to z is ∇f(u). The point is z, and u the direction.",
    on_problem=_gradient_at_u,
)
# --- 9.9


def _second_by_x(p: Problem) -> Any:
    """The result of differentiating the first VJP with respect to x instead of v, with u as its weight."""
    weights = {"zeros": np.zeros(p.y.size), "ones": np.ones(p.y.size)}
    return [({"weight": name}, p.block("x", w).H @ _u(p)) for name, w in weights.items()]


SECOND_BY_X = Mistake(
    "second_pass_by_x",
    formula="(∂g/∂x)ᵀu",
    name="the second pass with respect to x",
    says="this is what comes of differentiating the first VJP with respect to x; it is a second derivative of f.",
    why="The first VJP is Jᵀw. It is linear in w, and its Jacobian with respect to w is Jᵀ, whatever the values of w "
    "are. So differentiate it with respect to w, not x.",
    on_problem=_second_by_x,
)


def _weighted_by_y(p: Problem) -> Any:
    """The result of weighting y by itself and differentiating the VJP with respect to y; None if that is Ju."""
    x = p.inputs["x"].clone().requires_grad_()
    with torch.enable_grad():
        y = p.forward(x)
        (g,) = torch.autograd.grad(y, x, y, create_graph=True)
        (found,) = torch.autograd.grad(g, y, torch.as_tensor(p.extras["u"], dtype=torch.float64))
    return None if np.allclose(found.numpy(), p.truth) else found.numpy()


WEIGHTED_BY_Y = Mistake(
    "weighted_by_y",
    name="y as its own weight",
    says="y itself was the weight, and y occurs in the backward pass of its last operation as well.",
    why="The derivative of Jᵀw with respect to w is wanted, with all else held fixed. If w is y, whatever the pass "
    "took from y is differentiated, too. The weight must be a tensor of its own: "
    "`torch.zeros_like(y, requires_grad=True)`.",
    on_problem=_weighted_by_y,
)


def _V(generator: torch.Generator, p: Problem) -> torch.Tensor:
    """2, 3 or 5 weights: for WHIRL, with its three outputs, three, so that V is square."""
    count = {4: 2, 3: 3, 2: 5}[p.y.size]
    return mixed_signs(count, p.y.size)(generator)


QUESTIONS = [
    Question(
        "09.predict_mode",
        "9.1 Which way is cheaper?",
        Facts(
            calls={
                "a": _cheaper_forward(functions.curve),
                "b": _cheaper_forward(functions.loss_of_many, 1000, 1000),
                "c": _cheaper_forward(functions.narrow_ends, 4),
                "d": _direction_cheaper_forward,
                "e": _weight_cheaper_forward,
                "f": _cheaper_forward(functions.rotation, 30),
            },
            notes={
                "a": "One input, fifty outputs: forward mode takes one pass, reverse mode fifty.",
                "b": "A million inputs, one output: forward mode takes a million passes, reverse mode one.",
                "c": "J is 2×4, and what lies between input and output adds no pass: four forward, two in reverse.",
                "d": "One direction is one pass forward, whatever the sizes are. In reverse mode Ju takes at least "
                "two.",
                "e": "One weight is one pass in reverse, whatever the sizes are. Forward mode takes one for each "
                "input.",
                "f": "Thirty inputs and thirty outputs: thirty passes either way, so neither mode is cheaper.",
            },
        ),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "Forward mode finds a column of J in one pass, reverse mode a row. How many of each does J have?",
            "For d and e, J is not wanted: Ju is a single pass forward, and Jᵀv is a single pass in reverse.",
        ),
    ),
    Question(
        "09.jvp",
        "9.2 A directional derivative in one pass",
        JVP(),
        [HELIX, WHIRL, FUNNEL],
        gives=("f", "x", "u"),
        extras=U,
        also=(
            DIRECTION_NORMALIZED,
            COLUMNS_NOT_ADDED,
            TABLE_FOR_DIRECTION,
            STEP_FOR_RATE,
            POINT_AND_DIRECTION_EXCHANGED,
            BOTH_OF_JVP,
            NO_TANGENT,
        ),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "`torch.func.jvp(function, primals, tangents)` takes two tuples, with one entry for each input of the "
            "function. Which is the point, which the direction?",
            "It returns two things of y's shape: f(x), and Ju.",
            "`_, Ju = torch.func.jvp(f, (x,), (u,))`",
        ),
    ),
    Question(
        "09.cheaper_jacobian",
        "9.3 Pick the mode by counting",
        Computed(compute=lambda p: (_J(p), _passes(p)), text="(J, min(m, n))"),
        [HELIX, FUNNEL, WHIRL, LATTICE],
        gives=("f", "x"),
        also=(
            OTHER_MODE_COUNTED,
            ENTRIES_COUNTED,
            BOTH_COUNTED,
            EVALUATION_COUNTED,
            ONE_CALL_ONE_PASS,
            COUNT_FIRST,
            J_TRANSPOSED,
            CATALOGUE["argument_ignored"].derived(lambda p: (np.zeros_like(_J(p)), _passes(p))),
        ),
        plain_numbers=True,
        points=2,
        stars=2,
        minutes=7,
        hints=(
            "n is the number of entries of x. How do you get m, which nobody told you?",
            "One call of f gives m: `f(x).numel()`. `jacfwd` makes n passes, `jacrev` makes m.",
            "Return two things side by side: the Jacobian that `jacfwd(f)(x)` or `jacrev(f)(x)` gives, and the smaller "
            "number.",
        ),
    ),
    Question(
        "09.vmap_gradient",
        "9.4 One gradient per sample",
        SampleGradients(wrt="w"),
        [
            Map(functions.logistic, {"w": normal(3), "X": normal(4, 2)}, "log(1 + e^(−z)), z = w₀x₀ + w₁x₁ + w₂"),
            Map(functions.ripple, {"w": normal(2), "X": normal(3, 3)}, "sin(w₀x₀ + w₁) · x₂ + (w₁x₁)²/2"),
            Map(functions.bell, {"w": normal(3), "X": normal(3, 3)}, "e^(−|w − x|²/8) + w₀w₁x₂²"),
        ],
        gives=("f", "w", "X"),
        also=(SAMPLE_FOR_PARAMETER, MEAN_SAMPLE),
        errors=dict.fromkeys(("too_many_indices", "batch_dimension_gone", "index_range"), OTHER_SHAPES_THAN_F_EXPECTS),
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "`torch.func.grad(f)` is a function of w and of one sample, and gives the gradient with respect to w. "
            "Which of its two arguments has a batch dimension?",
            "`in_dims` says for each argument along which dimension it is batched: 0 for rows, None for what all "
            "share.",
            "`torch.func.vmap(torch.func.grad(f), in_dims=(None, 0))(w, X)`",
        ),
    ),
    Question(
        "09.batched_weights",
        "9.5 Many weights, one call",
        BatchedVJP(),
        [HELIX, WHIRL, FUNNEL],
        gives=("f", "x", "V"),
        extras={"V": _V},
        errors={"weight_shape": A_BATCH_FOR_ONE_WEIGHT},
        points=2,
        stars=3,
        minutes=6,
        hints=(
            "`torch.autograd.grad` has an argument that says: the first dimension of `grad_outputs` counts the "
            "weights.",
            "`is_grads_batched=True`. Each row of V has y's shape, and V as a whole has one dimension more.",
            "`(G,) = torch.autograd.grad(f(x), x, grad_outputs=V, is_grads_batched=True)`",
        ),
    ),
    Question(
        "09.per_sample",
        "9.6 Transfer: per-sample gradients of a model",
        SampleGradients(wrt=PARAMETERS),
        [
            Map(
                functions.squared_errors,
                {"W": uniform(-1, 1, h, k), "b": normal(h), "a": mixed_signs(h), "X": normal(N, k), "t": normal(N)},
                "(a·tanh(Wx + b) − t)²",
            )
            for h, k, N in ((3, 2, 4), (2, 3, 3), (4, 2, 5))
        ],
        gives=(*PARAMETERS, "model", "X", "t"),
        computed={"model": functions.network},
        hidden=PARAMETERS,
        also=(HALF_THE_LOSS, OUTPUT_FOR_LOSS, ALL_TARGETS, PARAMETERS_IGNORED),
        partial=True,
        points=3,
        stars=3,
        minutes=10,
        hints=(
            "`vmap` needs a function of the parameters and of one sample. `functional_call(model, params, (x,))` "
            "calls the model with the parameters that you give it, as a dict.",
            "`params = dict(model.named_parameters())`, and a function `loss(params, x, t)` of one sample. Its `grad` "
            "is a dict, too.",
            "`grads = vmap(grad(loss), in_dims=(None, 0, 0))(params, X, t)`, and then `tuple(grads.values())`.",
        ),
    ),
    Question(
        "09.batched_hessian",
        "9.7 Hessians of a batch, forward over reverse",
        SampleHessians(wrt="X"),
        [
            Map(functions.valley, {"X": normal(3, 2)}, "x₀²x₁ + sin x₁"),
            Map(functions.ravine, {"X": uniform(-1.5, 1.5, 2, 3)}, "x₀x₁² + x₁x₂ + e^(x₂/2) · x₀"),
            Map(functions.furrow, {"X": uniform(-1.5, 1.5, 3, 3)}, "x₀x₁ cos x₂ + x₂²x₀"),
        ],
        gives=("f", "X"),
        points=3,
        stars=3,
        minutes=8,
        hints=(
            "For a single x, the Hessian is the Jacobian of the gradient. The gradient takes reverse mode; for its "
            "Jacobian, "
            "forward mode is cheaper, since it records no second graph.",
            "`jacfwd(grad(f))` is a function of one x, and gives its Hessian.",
            "`vmap(jacfwd(grad(f)))(X)`",
        ),
    ),
    Question(
        "09.hvp_three_ways",
        "9.8 Mend three Hessian-vector products",
        HVPs(ways=3),
        [
            Map(u08_functions.ridge, {"x": normal(3)}, "x₀²x₁ + x₀ sin x₂ + x₁x₂²"),
            Map(u08_functions.gully, {"x": normal(2)}, "x₀x₁² + e^(x₀/2)"),
            Map(u08_functions.plateau, {"x": normal(4)}, "x₀x₁x₂ + x₃²x₀ + cos x₁x₃ + x₂x₃"),
        ],
        gives=("f", "x", "u"),
        extras=U,
        also=(GRADIENT_FOR_HVP, GRADIENT_AT_DIRECTION, HESSIAN_AT_DIRECTION),
        without={"gradient_for_second": "create_graph is not what is missing here: the gradient has a name of its own"},
        partial=True,
        points=3,
        stars=4,
        minutes=9,
        hints=(
            "First way: the second call weights the entries of g. Which weights does it use, and which are wanted?",
            "Second way: `jvp` returns two things. Which of them is the value of grad(f), and which its derivative "
            "along u?",
            "Third way: `jvp(f, (point,), (direction,))`. The inner function is differentiated with respect to z: is "
            "z where f is taken, or the direction in which it moves?",
        ),
    ),
    Question(
        "09.jvp_from_vjps",
        "9.9 Recall: a JVP out of two VJPs",
        JVP(),
        [LATTICE, FUNNEL, WHIRL, SWELL],
        gives=("x", "y", "u"),
        computed={"y": None},
        extras=U,
        also=(
            DIRECTION_NORMALIZED,
            COLUMNS_NOT_ADDED,
            TABLE_FOR_DIRECTION,
            SECOND_BY_X,
            WEIGHTED_BY_Y,
        ),
        points=3,
        stars=4,
        minutes=10,
        hints=(
            "Unit 05: the VJP g = Jᵀw is linear in its weight w. What is its Jacobian with respect to w?",
            "That Jacobian is Jᵀ, so a VJP of it with the weight u is (Jᵀ)ᵀu = Ju. For the second pass, w must "
            "require a gradient, and the first must make a graph: unit 08.",
            "`w = torch.zeros_like(y, requires_grad=True)`, then g with `create_graph=True`, then the gradient of g "
            "with respect to w, weighted by u.",
        ),
    ),
]
