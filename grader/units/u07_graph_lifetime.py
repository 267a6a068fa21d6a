"""Unit 07: what a graph saves, when it is freed, inputs that take no part, hooks and truncated backpropagation."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from grader.jacobian import forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import Facts, Letters
from grader.problem import Map, Problem, normal, uniform
from grader.quantities import Computed, EachWeight, Gradient
from grader.question import Question
from grader.units import u01_functions, u05_functions
from grader.units import u07_functions as functions

PAIR = Map(u05_functions.pair, {"x": normal(3)}, "(x₀x₁, x₁² + sin x₂)")
SWIRL = Map(u05_functions.swirl, {"x": normal(3)}, "(x₀x₁, sin x₁ + 2x₂, x₀x₂ − x₁²)")
FAN = Map(u05_functions.fan, {"x": normal(2)}, "(x₀², x₀x₁, sin x₁, x₀ − 3x₁)")
FOLD = Map(u05_functions.fold, {"x": normal(5)}, "(x₀x₁ − x₄, tanh x₂ + x₀x₃, x₃² + x₁x₄)")


def _leaf() -> Tensor:
    return torch.tensor([1.2, -0.7, 0.4], dtype=torch.float64, requires_grad=True)


# --- 7.1: the snippets that the exercise prints


def _twice() -> None:
    y = (_leaf() ** 2).sum()
    y.backward()
    y.backward()


def _twice_a_sum() -> None:
    y = _leaf().sum()
    y.backward()
    y.backward()


def _kept_once() -> None:
    y = (_leaf() ** 2).sum()
    y.backward(retain_graph=True)
    y.backward()


def _kept_once_used_thrice() -> None:
    y = (_leaf() ** 2).sum()
    y.backward(retain_graph=True)
    y.backward()
    y.backward()


def _computed_anew() -> None:
    x = _leaf()
    (x**2).sum().backward()
    (x**2).sum().backward()


def _shared() -> None:
    h = _leaf() ** 2
    h.sum().backward()
    h.mean().backward()


# --- 7.2: what is saved for the backward pass


def _keeps(operation: Callable[[Tensor, Tensor], Tensor], place: int) -> Callable[[], bool]:
    """A function that tells whether ``operation(x, w)``, where only x requires a gradient, saves x (0) or w (1)."""

    def look() -> bool:
        tensors = (_leaf(), torch.tensor([2.0, -1.0, 3.0], dtype=torch.float64))
        saved: list[int] = []

        def pack(t: Tensor) -> Tensor:
            saved.append(t.data_ptr())
            return t

        with saved_tensors_hooks(pack, lambda t: t):
            operation(*tensors)
        return tensors[place].data_ptr() in saved

    return look


def _only_inputs_is_ignored() -> bool:
    """Whether ``only_inputs=False`` has no effect except a warning."""
    x, w = _leaf(), _leaf()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (asked,) = torch.autograd.grad((x**2 * w).sum(), x, only_inputs=False)
    (plain,) = torch.autograd.grad((x**2 * w).sum(), x)
    return torch.equal(asked, plain) and x.grad is None and w.grad is None and len(caught) == 1


# --- 7.7: gradients in some leaves only


def _everywhere(p: Problem) -> Any:
    return tuple(p.jacobians[name].reshape(tuple(x.shape)) for name, x in p.inputs.items())


def _all_but_b(p: Problem) -> Any:
    return tuple(g if name != "b" else None for name, g in zip(p.inputs, _everywhere(p), strict=True))


def _b_alone(p: Problem) -> Any:
    return tuple(g if name == "b" else None for name, g in zip(p.inputs, _everywhere(p), strict=True))


# --- 7.8: a hook between inner and outer


def _at_h(p: Problem) -> tuple[np.ndarray, np.ndarray, float]:
    """The gradient of outer with respect to h: (k,), the Jacobian of inner: (k, n), and the limit."""
    parts, x = p.map.fixed_args, p.inputs["x"]
    g = forward_mode(parts["outer"], {"h": parts["inner"](x)})["h"][0]
    return g, forward_mode(parts["inner"], {"x": x})["x"], float(p.extras["limit"])


def _limit(generator: torch.Generator, p: Problem) -> float:
    """The limit: half the largest |entry| of the gradient at h, rounded up to two decimals: some entries are cut."""
    parts = p.map.fixed_args
    g = forward_mode(parts["outer"], {"h": parts["inner"](p.inputs["x"])})["h"][0]
    return float(np.ceil(50 * np.abs(g).max()) / 100)


def _through_clip(p: Problem) -> np.ndarray:
    g, J, c = _at_h(p)
    return J.T @ np.clip(g, -c, c)


def _clipped_forward(p: Problem) -> np.ndarray:
    parts, c = p.map.fixed_args, float(p.extras["limit"])
    return forward_mode(lambda x: parts["outer"](parts["inner"](x).clamp(-c, c)), p.inputs)["x"][0]


def _by_length(p: Problem) -> np.ndarray:
    g, J, c = _at_h(p)
    return J.T @ g * min(1.0, c / float(np.sqrt(g @ g)))


def _chain(x: Tensor, outer: Callable[[Tensor], Tensor], inner: Callable[[Tensor], Tensor]) -> Tensor:
    return outer(inner(x))


def _composed(inner: Callable[[Tensor], Tensor], outer: Callable[[Tensor], Tensor], n: int, text: str) -> Map:
    return Map(_chain, {"x": normal(n)}, text, {"outer": outer, "inner": inner})


# --- 7.9: backpropagation through time, a chunk of k steps at a time

State = tuple[Tensor, Tensor]  # the next state, and the loss after the step


def _unrolled(W: Tensor, h: Tensor, xs: Tensor, step: Callable[[Tensor, Tensor, Tensor], State], k: int) -> Tensor:
    """The sum of the losses after all steps; k, the length of a chunk, does not change it."""
    return sum(_losses(step, W, h, xs), torch.zeros((), dtype=torch.float64))


def _losses(step: Callable[[Tensor, Tensor, Tensor], State], W: Tensor, h: Tensor, xs: Tensor) -> list[Tensor]:
    losses = []
    for x in xs:
        h, loss = step(W, h, x)
        losses.append(loss)
    return losses


def _states(p: Problem) -> list[Tensor]:
    """The state before each of the T steps, and the last one."""
    states = [p.inputs["h"]]
    for x in p.inputs["xs"]:
        states.append(p.map.fixed_args["step"](p.inputs["W"], states[-1], x)[0])
    return states


def _piece(p: Problem, first: int, last: int, counted: slice = slice(None), start: Tensor | None = None) -> np.ndarray:
    """The gradient with respect to W of losses in the steps first, …, last − 1, back to the state before the first.

    counted: which of these losses count.  start: another state to begin with.
    """
    h = _states(p)[first] if start is None else start
    xs, step = p.inputs["xs"][first:last], p.map.fixed_args["step"]

    def counted_losses(W: Tensor) -> Tensor:
        return sum(_losses(step, W, h, xs)[counted], torch.zeros((), dtype=torch.float64))

    return forward_mode(counted_losses, {"W": p.inputs["W"]})["W"][0].reshape(tuple(p.inputs["W"].shape))


def _cut_before(p: Problem, starts: Sequence[int], counted: slice = slice(None)) -> np.ndarray:
    """The gradient with respect to W if the state is detached before each of these steps."""
    ends = [*starts[1:], _T(p)]
    return np.sum([_piece(p, a, b, counted) for a, b in zip(starts, ends, strict=True)], axis=0)


def _T(p: Problem) -> int:
    return len(p.inputs["xs"])


def _k(p: Problem) -> int:
    return int(p.map.fixed_args["k"])


def _chunks(p: Problem) -> list[int]:
    """The steps with which the chunks begin."""
    return list(range(0, _T(p), _k(p)))


def _cut_elsewhere(p: Problem) -> Any:
    """Cuts that are shifted, too close or too far by one step, only one, or at every step after the first chunk."""
    T, k = _T(p), _k(p)
    shifted = [[0, *range(by, T, k)] for by in range(1, k)]
    resized = [list(range(0, T, length)) for length in (k - 1, k + 1) if length > 1]
    others = [[0, k], [0, T - k], [0, *range(k, T)]]
    known = (_chunks(p), _split(p), list(range(T)))
    return [({}, _cut_before(p, starts)) for starts in (*shifted, *resized, *others) if starts not in known]


def _split(p: Problem) -> list[int]:
    """The steps with which k pieces of nearly the same length begin, as ``xs.chunk(k)`` makes them."""
    T, k = _T(p), _k(p)
    return list(range(0, T, -(-T // k)))


def _some_losses(p: Problem) -> Any:
    """The last loss, cut or not; the last one of each chunk; the losses of the first or the last k steps."""
    T, k, last = _T(p), _k(p), slice(-1, None)
    return [
        ({}, _piece(p, _chunks(p)[-1], T, last)),
        ({}, _piece(p, 0, T, last)),
        ({}, _cut_before(p, _chunks(p), last)),
        ({}, _piece(p, 0, k)),
        ({}, _piece(p, T - k, T)),
    ]


def _last_chunk(p: Problem) -> np.ndarray:
    return _piece(p, _chunks(p)[-1], _T(p))


def _restarted(p: Problem) -> Any:
    """Every chunk from the first state, or from zeros."""
    first, k = p.inputs["h"], _k(p)
    return [
        ({}, np.sum([_piece(p, a, min(a + k, _T(p)), start=start) for a in _chunks(p)], axis=0))
        for start in (first, torch.zeros_like(first))
    ]


def _window(p: Problem) -> np.ndarray:
    """Every loss back through the k steps before it."""
    return np.sum([_piece(p, max(0, t - _k(p)), t, slice(-1, None)) for t in range(1, _T(p) + 1)], axis=0)


def _averaged(p: Problem) -> Any:
    """The mean over all steps, over the chunks, and over the steps of each chunk."""
    T, k = _T(p), _k(p)
    by_chunk = np.sum([_piece(p, a, b) / (b - a) for a, b in ((a, min(a + k, T)) for a in _chunks(p))], axis=0)
    return [({}, p.truth / T), ({}, p.truth / len(_chunks(p))), ({}, by_chunk)]


def _counted_again(p: Problem) -> np.ndarray:
    """Every chunk's losses once more in the pass of each later chunk."""
    starts = _chunks(p)
    pieces = [_piece(p, a, min(a + _k(p), _T(p))) for a in starts]
    return np.sum([(len(starts) - j) * piece for j, piece in enumerate(pieces)], axis=0)


def _without_rest(p: Problem) -> Any:
    """Only whole chunks; None where there is no rest."""
    T, k = _T(p), _k(p)
    return sum(_piece(p, a, a + k) for a in range(0, T - k + 1, k)) if T % k else None


# --- 7.10: two losses


def _two_losses(x: Tensor) -> tuple[Tensor, Tensor]:
    h = functions.trunk(x)
    return functions.first_loss(h), functions.second_loss(h)


def _each_loss(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    J = p.jacobians["x"]
    return J[0], J[1]


def _by_the_trunk(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    h = {"h": functions.trunk(p.inputs["x"])}
    return forward_mode(functions.first_loss, h)["h"][0], forward_mode(functions.second_loss, h)["h"][0]


# --- mistakes

LANDED_EVERYWHERE = Mistake(
    "landed_everywhere",
    formula="(∂L/∂a, ∂L/∂b, ∂L/∂c)",
    name="a gradient in every leaf",
    says="every leaf has a gradient in `.grad`, and so has b.",
    why="Without `inputs`, `backward` adds to `.grad` of every leaf that took part and requires a gradient. With "
    "`inputs=` it adds only to those that you name; the others stay as they were.",
    on_problem=_everywhere,
)
LANDED_IN_THE_OTHER = Mistake(
    "landed_in_the_other",
    formula="(None, ∂L/∂b, None)",
    name="the wrong leaf was named",
    says="only b has a gradient, the one leaf that was to be spared.",
    why="`inputs=` names the tensors to fill, not those to spare.",
    on_problem=_b_alone,
)
ZEROS_LANDED = Mistake(
    "zeros_landed",
    formula="(∂L/∂a, 0, ∂L/∂c)",
    name="zeros instead of None",
    says="`b.grad` holds zeros, but should be None.",
    why="To an optimizer, zeros are a gradient like any other. It skips a leaf whose `.grad` is None; a leaf whose "
    "`.grad` is zero it may still move, by momentum or weight decay.",
    on_problem=lambda p: tuple(0 * g if name == "b" else g for name, g in zip(p.inputs, _everywhere(p), strict=True)),
)
NOTHING_LANDED = Mistake(
    "nothing_landed",
    formula="(None, None, None)",
    name="no gradient in any leaf",
    says="after your function ran, `.grad` of a, b and c is None.",
    why="`torch.autograd.grad` returns the gradients and leaves `.grad` alone; `backward` is what fills it.",
    on_problem=lambda p: (None, None, None),
)
HOOK_WITHOUT_EFFECT = Mistake(
    "hook_without_effect",
    formula="Jᵀg",
    name="not clipped",
    says="this is the gradient with respect to x, with nothing clipped.",
    why="A hook acts only through what it returns: without a `return`, the gradient passes unchanged. And it must be "
    "registered before the backward pass, on the very tensor h that goes into outer.",
    on_problem=lambda p: p.jacobians["x"][0],
)
CLIPPED_AT_THE_INPUT = Mistake(
    "clipped_at_the_input",
    formula="clip(Jᵀg)",
    name="clipped at x instead of h",
    says="here the gradient with respect to x was clipped, at the very end.",
    why="It was to be clipped at h, before the chain rule multiplies it by the derivatives of inner. It matters which "
    "of the two comes first.",
    on_problem=lambda p: np.clip(p.jacobians["x"][0], -p.extras["limit"], p.extras["limit"]),
)
CLIPPED_FROM_ABOVE_ONLY = Mistake(
    "clipped_from_above_only",
    formula="Jᵀ min(g, c)",
    name="clipped from above only",
    says="large negative entries passed unclipped.",
    why="Clip on both sides: `g.clamp(-limit, limit)`. `torch.clamp(g, max=limit)` has only an upper bound.",
    on_problem=lambda p: _at_h(p)[1].T @ np.minimum(_at_h(p)[0], p.extras["limit"]),
)
CLIPPED_FROM_BELOW_ONLY = Mistake(
    "clipped_from_below_only",
    formula="Jᵀ max(g, −c)",
    name="clipped from below only",
    says="large positive entries passed unclipped.",
    why="Clip on both sides: `g.clamp(-limit, limit)`. `torch.clamp(g, min=-limit)` has only a lower bound.",
    on_problem=lambda p: _at_h(p)[1].T @ np.maximum(_at_h(p)[0], -p.extras["limit"]),
)
CLIPPED_AT_THE_OUTPUT = Mistake(
    "clipped_at_the_output",
    formula="Jᵀg · min(1, c)",
    name="clipped at y instead of h",
    says="the hook was on y, where the gradient is still 1.",
    why="It was to be clipped at h: register the hook on the tensor that inner returned.",
    on_problem=lambda p: p.jacobians["x"][0] * p.extras["limit"] if p.extras["limit"] < 1 else None,
)
ZERO_FOR_LIMIT = Mistake(
    "zero_for_limit",
    formula="Jᵀ(g where |g| ≤ c, else 0)",
    name="0 instead of the limit",
    says="entries beyond the limit were set to 0.",
    why="An entry that is clipped stops at the limit and keeps its sign: with a limit of 2, 5 becomes 2, and −5 "
    "becomes −2.",
    on_problem=lambda p: _at_h(p)[1].T @ np.where(np.abs(_at_h(p)[0]) > p.extras["limit"], 0, _at_h(p)[0]),
)
CLIPPED_AT_ZERO = Mistake(
    "clipped_at_zero",
    formula="Jᵀ clip(g, 0, c)",
    name="clipped from below at 0",
    says="negative entries were set to 0.",
    why="A gradient may have either sign, so the interval goes from −limit to limit: `g.clamp(-limit, limit)`.",
    on_problem=lambda p: _at_h(p)[1].T @ np.clip(_at_h(p)[0], 0, p.extras["limit"]),
)
CLIPPED_BY_LENGTH = Mistake(
    "clipped_by_length",
    formula="Jᵀg · c/‖g‖",
    name="clipped by norm, not by entry",
    says="the whole gradient was scaled so that its length is at most the limit.",
    why="That is clipping by norm, another rule, which keeps the direction. Here every entry is clipped by itself, to "
    "the interval from −limit to limit.",
    on_problem=_by_length,
)
CLIPPED_NOT_HANDED_ON = Mistake(
    "clipped_not_handed_on",
    formula="clip(g)",
    name="the gradient with respect to h, not x",
    says="this is the clipped gradient with respect to h; it has not been passed on to x.",
    why="From h to x the chain rule still multiplies by the derivatives of inner. Differentiate with respect to x: the "
    "hook acts on the way.",
    on_problem=lambda p: np.clip(_at_h(p)[0], -p.extras["limit"], p.extras["limit"]),
)
CLIPPED_ON_THE_WAY_FORWARD = Mistake(
    "clipped_on_the_way_forward",
    formula="∇ outer(clip(h))",
    name="the values clipped, not the gradient",
    says="here the values of h were clipped, in the forward pass.",
    why="That is another function, with another derivative. A hook leaves the values alone and acts on the gradient, "
    "in the backward pass.",
    on_problem=_clipped_forward,
)
NEVER_CUT = Mistake(
    "never_cut",
    formula="∇L",
    name="nothing was cut",
    says="this is the whole gradient, back through all steps to the first.",
    why="Where a chunk begins, the state is to count as a constant: `h = h.detach()`, before the step. Without the "
    "assignment, `h.detach()` has no effect: it returns another tensor and leaves h as it was.",
    on_problem=lambda p: _piece(p, 0, _T(p)),
)
CUT_AT_EVERY_STEP = Mistake(
    "cut_at_every_step",
    formula="Σₜ ∂Lₜ/∂W, each with a constant state",
    name="cut before every step",
    says="the state was detached before every step, so that no loss goes back further than its own step.",
    why="Within a chunk of k = {k} steps the gradient must flow from step to step. Detach only where a chunk begins.",
    on_problem=lambda p: [({"k": _k(p)}, _cut_before(p, range(_T(p))))],
)
CUT_ELSEWHERE = Mistake(
    "cut_elsewhere",
    name="cut before the wrong steps",
    says="the state was cut, but not at just those steps where a chunk begins.",
    why="Here k = {k}: counted from 0, the chunks begin at the steps {starts}. Detach just before such a step.",
    on_problem=lambda p: [
        ({"k": _k(p), "starts": ", ".join(map(str, _chunks(p)))}, value) for _, value in _cut_elsewhere(p)
    ],
)
K_PIECES = Mistake(
    "k_pieces",
    name="k chunks, not chunks of k steps",
    says="the sequence was cut into {k} pieces.",
    why="k is the length of a chunk, not the number of chunks. `xs.chunk(k)` makes k pieces, `xs.split(k)` makes "
    "pieces of k rows.",
    on_problem=lambda p: [({"k": _k(p)}, _cut_before(p, _split(p)))] if _split(p) != _chunks(p) else None,
)
LAST_CHUNK = Mistake(
    "last_chunk_only",
    formula="∂L/∂W of the last chunk",
    name="the last chunk alone",
    says="this is the gradient of the losses in the last chunk alone.",
    why="The gradients of all chunks are added up. Look for a line that overwrites the sum.",
    on_problem=_last_chunk,
)
LOSS_DETACHED = Mistake(
    "loss_detached",
    formula="∂L/∂W of the last chunk's losses, through all steps",
    name="the loss detached, not the state",
    says="only the losses of the last chunk were differentiated, and those through all steps to the first.",
    why="A loss that is detached no longer counts. Detach the state: it is what joins a chunk to the one before it.",
    on_problem=lambda p: _piece(p, 0, _T(p), slice(_chunks(p)[-1], None)),
)
SOME_LOSSES = Mistake(
    "losses_left_out",
    name="some losses left out",
    says="only some of the losses count here.",
    why="`step` returns a loss after every step, and L is the sum of all of them: add each one up where it arises.",
    on_problem=_some_losses,
)
RESTARTED = Mistake(
    "state_reset",
    name="every chunk begins anew",
    says="every chunk began with the first state, or with zeros, and not with the state that the chunk before it left.",
    why="`detach` cuts the graph and keeps the numbers: a chunk begins with the state that the one before it reached.",
    on_problem=_restarted,
)
WINDOW = Mistake(
    "sliding_window",
    formula="Σₜ ∂Lₜ/∂W, each through k steps",
    name="a window for each loss",
    says="here every loss goes back through the {k} steps before it.",
    why="That is another way to truncate, and it goes through most steps {k} times. Here a loss goes back to the start "
    "of its chunk and no further.",
    on_problem=lambda p: [({"k": _k(p)}, _window(p))],
)
AVERAGED = Mistake(
    "losses_averaged",
    formula="∂L/∂W, divided by a number of steps or chunks",
    name="a mean instead of the sum",
    says="losses or gradients were averaged, not added up.",
    why="L is the sum of the losses after all steps.",
    on_problem=_averaged,
)
COUNTED_AGAIN = Mistake(
    "losses_counted_again",
    name="losses counted more than once",
    says="the losses of earlier chunks were counted again in the backward pass of every later chunk.",
    why="After a chunk's backward pass begin a new sum of losses. Or add up the losses of all chunks and go back once.",
    on_problem=_counted_again,
)
REST_DROPPED = Mistake(
    "rest_dropped",
    formula="∂L/∂W of the whole chunks",
    name="the last, shorter chunk is missing",
    says="this is the gradient of the whole chunks; the steps that are left at the end are missing.",
    why="If k does not divide the number of steps, the last chunk is shorter. Its losses count as well.",
    on_problem=_without_rest,
)
SUM_OF_LOSSES = Mistake(
    "sum_of_losses",
    formula="(∇(p + q), ∇(p + q))",
    name="the gradient of the sum",
    says="this is the gradient of p + q.",
    why="A single pass for both losses adds their gradients up, and so does `x.grad`: read twice without a copy, it is "
    "one tensor, to which both passes added. Here each loss has a gradient of its own.",
    on_problem=lambda p: [({}, (sum(_each_loss(p)),) * k) for k in (1, 2)],
)
STOPPED_AT_THE_TRUNK = Mistake(
    "stopped_at_the_trunk",
    formula="(∂p/∂h, ∂q/∂h)",
    name="stopped at h",
    says="these are the gradients with respect to h, the trunk's output.",
    why="Go on from h to x: each of them is the upstream gradient of the trunk, the weight for its VJP.",
    on_problem=_by_the_trunk,
)

ONES_AT_THE_TRUNK = Mistake(
    "ones_at_the_trunk",
    formula="(∇Σh, ∇Σh)",
    name="ones as the weight at h",
    says="both are the gradient of the sum of h's entries, whatever the losses are.",
    why="The weight at h is the gradient of p with respect to h, or that of q: `torch.autograd.grad(p, h)` finds it.",
    on_problem=lambda p: (forward_mode(functions.trunk, {"x": p.inputs["x"]})["x"].sum(axis=0),) * 2,
)

QUESTIONS = [
    Question(
        "07.refused_the_second_time",
        "7.1 Which of these will be refused?",
        Letters(
            calls={
                "a": _twice,
                "b": _twice_a_sum,
                "c": _kept_once,
                "d": _kept_once_used_thrice,
                "e": _computed_anew,
                "f": _shared,
            },
            error="second_backward",
            missed="call_missed",
            too_many="call_too_many",
            notes={
                "a": "The derivative of `x ** 2` is 2x, so x is saved. The first pass frees it.",
                "b": "The derivative of a sum is 1, whatever x holds: nothing was saved, so nothing is missing.",
                "c": "The first pass was told to keep the graph, so the second still finds everything.",
                "d": "Only the first pass was told to keep the graph. The second frees it, and a third follows.",
                "e": "The second line computes the square and the sum anew: a new graph, with everything in place.",
                "f": "There are two results, but one `x ** 2` behind both. The first pass went through it.",
            },
        ),
        points=1,
        stars=2,
        minutes=5,
        hints=(
            "For each pass: which operations does it go back through? Has an earlier pass gone through one of them "
            "without keeping the graph?",
            "What an operation must save depends on its derivative: 2x for a square, 1 for a sum.",
        ),
    ),
    Question(
        "07.what_is_saved",
        "7.2 What is saved?",
        Facts(
            calls={
                "a": _keeps(lambda x, w: torch.sin(x), 0),
                "b": _keeps(lambda x, w: torch.exp(x), 0),
                "c": _keeps(lambda x, w: x * w, 1),
                "d": _keeps(lambda x, w: x + w, 1),
                "e": _keeps(lambda x, w: x * w, 0),
                "f": _only_inputs_is_ignored,
            },
            missed="saved_missed",
            too_many="saved_too_many",
            notes={
                "a": "The derivative of sin x is cos x. To compute it in the backward pass, x is needed.",
                "b": "The derivative of eˣ is eˣ, the result: the result is saved, and x is not.",
                "c": "The derivative of x·w with respect to x is w.",
                "d": "The derivative of a sum with respect to x is 1, whatever w holds.",
                "e": "x would be needed for the derivative with respect to w. But w requires no gradient.",
                "f": "The lesson's table of parameters says what became of `only_inputs`.",
            },
        ),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "Write down the derivative of each operation with respect to x. Which of the tensors occur in it?",
            "Only what some gradient needs is saved, and a result may do as well as an input: think of eˣ.",
        ),
    ),
    Question(
        "07.retain",
        "7.3 Two gradients from one graph",
        EachWeight(),
        [SWIRL, FAN, PAIR],
        gives=("x", "y", "v", "w"),
        weights={"v": None, "w": None},
        computed={"y": None},
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "The second call needs what the first would free.",
            "`retain_graph` is True or False. What does False do?",
        ),
    ),
    Question(
        "07.unused_none",
        "7.4 Which inputs take part?",
        Gradient(wrt=("a", "b", "c"), unused="none"),
        [
            Map(functions.without_b, {"a": normal(2), "b": normal(3), "c": normal()}, "(Σᵢ aᵢc)² + sin c"),
            Map(functions.without_c, {"a": normal(2), "b": normal(3), "c": normal()}, "Πᵢ aᵢ · Σⱼ bⱼ + Σⱼ bⱼ²"),
            Map(functions.without_a, {"a": normal(2), "b": normal(3), "c": normal()}, "e^(b₀/2) · b₁ + c b₂²"),
        ],
        gives=("f", "a", "b", "c"),
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "By default, an input that takes no part raises an error, because it is usually a slip.",
            "`torch.autograd.grad` has an argument that allows it. What does the tuple hold at its place then?",
        ),
    ),
    Question(
        "07.let_go",
        "7.5 Keep it, and free it at the end",
        EachWeight(frees_graph=True),
        [FOLD, SWIRL, FAN],
        gives=("x", "y", "v", "w", "u"),
        weights={"v": None, "w": None, "u": None},
        computed={"y": None},
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "How many of the three passes are followed by another one?",
            "The last pass is the one whose weight is u. Every other pass must keep the graph.",
            "`keep = weight is not u`: `is` asks whether two names stand for one object.",
        ),
    ),
    Question(
        "07.unused_zeros",
        "7.6 Mend a step that stumbles over None",
        Gradient(wrt=("W", "b", "x"), unused="zeros"),
        [
            Map(
                functions.without_bias,
                {"W": normal(2, 3), "b": normal(2), "x": normal(3)},
                "Σ tanh(W @ x) + Π (W @ x)",
            ),
            Map(functions.penalty, {"W": normal(2, 3), "b": normal(2), "x": normal(3)}, "Σ W²"),
            Map(
                functions.bias_and_input,
                {"W": normal(3, 2), "b": normal(3), "x": normal(2)},
                "Π b · Σ x² + b₀",
            ),
        ],
        gives=("f", "W", "b", "x"),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "A loss that does not depend on b stays the same when b moves. What number is its derivative?",
            "An argument of `torch.autograd.grad` puts zeros of the right shape where None would stand.",
            "`materialize_grads=True`, in place of `allow_unused=True`. By hand: `torch.zeros_like(b)` for each None.",
        ),
    ),
    Question(
        "07.backward_inputs",
        "7.7 Fill two leaves and spare the third",
        Computed(wrt=("a", "b", "c"), compute=_all_but_b, text="(∂L/∂a, None, ∂L/∂c)", in_grad=True),
        [
            Map(
                functions.blend,
                {"a": normal(2), "b": normal(3), "c": normal(4)},
                "Σᵢ aᵢ · Σⱼ bⱼ + a₀ Σₖ cₖ²",
            ),
            Map(
                functions.tower,
                {"a": normal(3), "b": normal(2), "c": normal(2)},
                "Σᵢ sin aᵢ · Πⱼ bⱼ + (Σₖ cₖ · Σⱼ bⱼ)²",
            ),
            Map(
                u01_functions.lens,
                {"a": uniform(0.5, 2), "b": uniform(-2, -0.5), "c": uniform(0.2, 1.2)},
                "ab² + a sin c",
            ),
        ],
        gives=("a", "b", "c", "loss"),
        computed={"loss": None},
        also=(
            LANDED_EVERYWHERE,
            LANDED_IN_THE_OTHER,
            ZEROS_LANDED,
            NOTHING_LANDED,
        ),
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "`backward` has an argument that names the tensors whose `.grad` it may fill.",
            "`inputs=` takes a tensor, or several in a tuple or list.",
            "`loss.backward(inputs=(a, c))`",
        ),
    ),
    Question(
        "07.clipping_hook",
        "7.8 A hook that clips",
        Computed(compute=_through_clip, text="J_innerᵀ clip(∂outer/∂h)"),
        [
            _composed(
                u05_functions.fold,
                functions.surge,
                5,
                "inner (x₀x₁ − x₄, tanh x₂ + x₀x₃, x₃² + x₁x₄), outer h₂ − h₀ + ¼(h₁ + sin(h₀ + h₁ + h₂))",
            ),
            _composed(
                u05_functions.swirl,
                functions.cross,
                3,
                "inner (x₀x₁, sin x₁ + 2x₂, x₀x₂ − x₁²), outer h₀ − h₁ + ¼(h₂ + sin(h₀ + h₁ − h₂))",
            ),
            _composed(
                u05_functions.fan,
                functions.surge,
                2,
                "inner (x₀², x₀x₁, sin x₁, x₀ − 3x₁), outer h₃ − h₀ + ¼(h₁ + sin(h₀ + h₁ + h₃))",
            ),
        ],
        gives=("outer", "inner", "x", "limit"),
        extras={"limit": _limit},
        also=(
            HOOK_WITHOUT_EFFECT,
            CLIPPED_AT_THE_INPUT,
            CLIPPED_AT_THE_OUTPUT,
            CLIPPED_FROM_ABOVE_ONLY,
            CLIPPED_FROM_BELOW_ONLY,
            CLIPPED_AT_ZERO,
            ZERO_FOR_LIMIT,
            CLIPPED_BY_LENGTH,
            CLIPPED_NOT_HANDED_ON,
            CLIPPED_ON_THE_WAY_FORWARD,
        ),
        points=3,
        stars=3,
        minutes=8,
        hints=(
            "Compute h = inner(x) first: the hook belongs on that tensor, and must be there before the backward pass.",
            "`h.register_hook(function)`: the function gets the gradient with respect to h, and what it returns is "
            "passed on instead.",
            "`h.register_hook(lambda g: g.clamp(-limit, limit))`; then differentiate outer(h) with respect to x.",
        ),
    ),
    Question(
        "07.truncated",
        "7.9 Transfer: truncated backpropagation through time",
        Computed(wrt="W", compute=lambda p: _cut_before(p, _chunks(p)), text="∂L/∂W, chunk by chunk"),
        [
            Map(
                _unrolled,
                {"W": normal(2, 3), "h": normal(2), "xs": normal(8, 1)},
                "8 steps h ← tanh(W @ [h, x]), loss (h₀ − x₀)², k = 3",
                {"step": functions.elman, "k": 3},
            ),
            Map(
                _unrolled,
                {"W": normal(3, 4), "h": normal(3), "xs": normal(14, 1)},
                "14 steps h ← tanh(W @ [h, x]), loss (h₀ − x₀)², k = 4",
                {"step": functions.elman, "k": 4},
            ),
            Map(
                _unrolled,
                {"W": normal(2, 4), "h": normal(2), "xs": normal(12, 2)},
                "12 steps h ← (h + sin(W @ [h, x]))/2, loss h₀h₁ + h₀², k = 5",
                {"step": functions.leaky, "k": 5},
            ),
        ],
        gives=("step", "W", "h", "xs", "k"),
        also=(
            NEVER_CUT,
            CUT_AT_EVERY_STEP,
            CUT_ELSEWHERE,
            K_PIECES,
            LAST_CHUNK,
            LOSS_DETACHED,
            SOME_LOSSES,
            RESTARTED,
            WINDOW,
            AVERAGED,
            COUNTED_AGAIN,
            REST_DROPPED,
        ),
        errors={
            "second_backward": "This pass came to steps whose graph an earlier pass had freed. Between chunks, cut: "
            "replace the state by `h.detach()`, and begin a new sum of losses if you go back once for each chunk. "
            "Within a chunk, add up the losses and go back once.",
        },
        points=3,
        stars=4,
        minutes=12,
        hints=(
            "Write the loop without any cut first: it adds up the losses, and one call of `grad` follows. Then ask in "
            "front of which steps the state must become a constant.",
            "A chunk begins at the steps 0, k, 2k, …: with `for i, x in enumerate(xs)`, where i % k is 0.",
            "`if i % k == 0: h = h.detach()`, and on the next line `h, loss = step(W, h, x)`.",
        ),
    ),
    Question(
        "07.two_losses",
        "7.10 Recall: two losses on one trunk",
        Computed(compute=_each_loss, text="(∇p, ∇q)", frees_graph=True),
        [
            Map(_two_losses, {"x": normal(3)}, "h = (x₀x₁, sin x₂ + x₀²), p = h₀² + h₁, q = e^(h₀/2) · h₁"),
            Map(_two_losses, {"x": normal(2)}, "h = (x₀x₁, sin x₁ + x₀²), p = h₀² + h₁, q = e^(h₀/2) · h₁"),
            Map(_two_losses, {"x": normal(4)}, "h = (x₀x₁, sin x₃ + x₀²), p = h₀² + h₁, q = e^(h₀/2) · h₁"),
        ],
        gives=("x", "h", "p", "q"),
        computed={
            "h": functions.trunk,
            "p": functions.first_of_two,
            "q": functions.second_of_two,
        },
        also=(
            CATALOGUE["sums_in_turn"].derived(lambda p: (_each_loss(p)[0], sum(_each_loss(p)))),
            SUM_OF_LOSSES,
            CATALOGUE["results_exchanged"].derived(lambda p: _each_loss(p)[::-1]),
            STOPPED_AT_THE_TRUNK,
            ONES_AT_THE_TRUNK,
        ),
        points=3,
        stars=3,
        minutes=8,
        hints=(
            "From p back to h the graph belongs to p alone. What is the gradient of p with respect to h, and what does "
            "the trunk make of it?",
            "It is the weight for the trunk's VJP: `grad_outputs`, in a call that differentiates h with respect to x. "
            "The trunk is used twice: which of the two passes must keep it?",
            "`(at_h,) = grad(p, h)`, then `grad(h, x, grad_outputs=at_h, retain_graph=True)`. The same for q, without "
            "`retain_graph`.",
        ),
    ),
]
