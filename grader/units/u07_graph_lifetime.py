"""Unit 07: what a graph keeps, when it is freed, and inputs that take no part."""

import warnings
from collections.abc import Callable
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


# --- 7.7: a hook between inner and outer


def _at_h(p: Problem) -> tuple[np.ndarray, np.ndarray, float]:
    """The gradient of outer with respect to h: (k,), the Jacobian of inner: (k, n), and the limit."""
    parts, x = p.map.fixed_args, p.inputs["x"]
    g = forward_mode(parts["outer"], {"h": parts["inner"](x)})["h"][0]
    return g, forward_mode(parts["inner"], {"x": x})["x"], float(p.extras["limit"])


def _limit(generator: torch.Generator, p: Problem) -> float:
    """The limit: half the largest |entry| of the gradient at h, rounded up to two decimals, so that some are cut."""
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


def _composed(inner: Callable[[Tensor], Tensor], outer: Callable[[Tensor], Tensor], n: int, text: str) -> Map:
    return Map(u01_functions.composed, {"x": normal(n)}, text, {"outer": outer, "inner": inner})


# --- 7.8: two losses


def _each_loss(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    J = p.jacobians["x"]
    return J[0], J[1]


def _by_the_trunk(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    h = {"h": functions.trunk(p.inputs["x"])}
    return forward_mode(functions.first_loss, h)["h"][0], forward_mode(functions.second_loss, h)["h"][0]


# --- 7.9: what is saved for the backward pass


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


def _everywhere(p: Problem) -> Any:
    return tuple(p.jacobians[name].reshape(tuple(x.shape)) for name, x in p.inputs.items())


def _all_but_b(p: Problem) -> Any:
    return tuple(g if name != "b" else None for name, g in zip(p.inputs, _everywhere(p), strict=True))


def _b_alone(p: Problem) -> Any:
    return tuple(g if name == "b" else None for name, g in zip(p.inputs, _everywhere(p), strict=True))


LANDED_EVERYWHERE = Mistake(
    "landed_everywhere",
    formula="(∂L/∂a, ∂L/∂b, ∂L/∂c)",
    name="a gradient in every leaf",
    says="a gradient landed in every leaf, in b as well.",
    why="Without `inputs`, `backward` fills `.grad` of every leaf that took part and requires a gradient. `inputs=` "
    "names those that it may fill; the others stay as they are.",
    on_problem=_everywhere,
)
LANDED_IN_THE_OTHER = Mistake(
    "landed_in_the_other",
    formula="(None, ∂L/∂b, None)",
    name="the wrong ones were named",
    says="a gradient landed in b alone: the one that was to be left out.",
    why="`inputs=` names the tensors to fill, not those to spare.",
    on_problem=_b_alone,
)
ZEROS_LANDED = Mistake(
    "zeros_landed",
    formula="(∂L/∂a, 0, ∂L/∂c)",
    name="zeros where nothing was to land",
    says="`b.grad` holds zeros; nothing was to land there.",
    why="Zeros are a gradient like any other: an optimiser passes over a leaf whose `.grad` is None, but one whose "
    "`.grad` is zero it may still move, by momentum or weight decay.",
    on_problem=lambda p: tuple(0 * g if name == "b" else g for name, g in zip(p.inputs, _everywhere(p), strict=True)),
)
NOTHING_LANDED = Mistake(
    "nothing_landed",
    formula="(None, None, None)",
    name="nothing landed in any leaf",
    says="after your function `.grad` of a, b and c is None.",
    why="`torch.autograd.grad` returns what it finds and leaves `.grad` alone; `backward` is what fills it.",
    on_problem=lambda p: (None, None, None),
)
HOOK_WITHOUT_EFFECT = Mistake(
    "hook_without_effect",
    formula="Jᵀg",
    name="not clipped",
    says="this is the gradient by x with nothing clipped.",
    why="A hook acts only through what it returns: without a `return`, the gradient goes on unchanged. And it must "
    "be registered on h, the tensor that goes into outer, before the pass back.",
    on_problem=lambda p: p.jacobians["x"][0],
)
CLIPPED_AT_THE_INPUT = Mistake(
    "clipped_at_the_input",
    formula="clip(Jᵀg)",
    name="clipped at x instead of h",
    says="here the gradient by x was clipped, at the end of the way.",
    why="It was to be clipped where it passes h, before the chain rule multiplies it by the derivatives of inner. "
    "Clipping does not commute with that.",
    on_problem=lambda p: np.clip(p.jacobians["x"][0], -p.extras["limit"], p.extras["limit"]),
)
CLIPPED_FROM_ABOVE_ONLY = Mistake(
    "clipped_from_above_only",
    formula="Jᵀ min(g, c)",
    name="clipped from above only",
    says="large negative entries were let through.",
    why="Clip on both sides: `g.clamp(-limit, limit)`. `torch.clamp(g, max=limit)` knows only the upper one.",
    on_problem=lambda p: _at_h(p)[1].T @ np.minimum(_at_h(p)[0], p.extras["limit"]),
)
ZERO_FOR_LIMIT = Mistake(
    "zero_for_limit",
    formula="Jᵀ(g where |g| ≤ c, else 0)",
    name="0 instead of the limit",
    says="entries beyond the limit were set to 0.",
    why="An entry that is clipped stops at the limit and keeps its sign: with a limit of 2, 5 becomes 2, and −5 "
    "becomes −2. It is not dropped.",
    on_problem=lambda p: _at_h(p)[1].T @ np.where(np.abs(_at_h(p)[0]) > p.extras["limit"], 0, _at_h(p)[0]),
)
CLIPPED_AT_ZERO = Mistake(
    "clipped_at_zero",
    formula="Jᵀ clip(g, 0, c)",
    name="clipped from below at 0",
    says="negative entries were set to 0.",
    why="The interval goes from −limit to limit: `g.clamp(-limit, limit)`. A gradient may have either sign.",
    on_problem=lambda p: _at_h(p)[1].T @ np.clip(_at_h(p)[0], 0, p.extras["limit"]),
)
CLIPPED_BY_LENGTH = Mistake(
    "clipped_by_length",
    formula="Jᵀg · c/‖g‖",
    name="the length clipped, not the entries",
    says="the whole gradient was scaled until its length was at most the limit.",
    why="That is clipping by norm, another rule, which keeps the direction. Here each entry by itself is to be "
    "brought into the interval from −limit to limit.",
    on_problem=_by_length,
)
CLIPPED_NOT_HANDED_ON = Mistake(
    "clipped_not_handed_on",
    formula="clip(g)",
    name="the gradient by h, not by x",
    says="this is the clipped gradient by h; it has not been handed on to x.",
    why="From h to x the chain rule still multiplies by the derivatives of inner. Differentiate by x: the hook acts "
    "on the way.",
    on_problem=lambda p: np.clip(_at_h(p)[0], -p.extras["limit"], p.extras["limit"]),
)
CLIPPED_ON_THE_WAY_FORWARD = Mistake(
    "clipped_on_the_way_forward",
    formula="∇ outer(clip(h))",
    name="the values clipped, not the gradient",
    says="here the values of h were clipped on the way forward.",
    why="That is another function, with another derivative. A hook leaves the values alone and acts on the "
    "gradient, on the way back.",
    on_problem=_clipped_forward,
)
SUM_OF_LOSSES = Mistake(
    "sum_of_losses",
    formula="(∇(p + q), ∇(p + q))",
    name="the gradient of the sum",
    says="this is the gradient of p + q.",
    why="That is what one pass for both losses gives. Here each loss was to have its own: two passes, and the first "
    "must keep the trunk. Read out of `x.grad` twice, both results are the very same tensor, to which both "
    "passes added.",
    on_problem=lambda p: [({}, (sum(_each_loss(p)),) * k) for k in (1, 2)],
)
STOPPED_AT_THE_TRUNK = Mistake(
    "stopped_at_the_trunk",
    formula="(∂p/∂h, ∂q/∂h)",
    name="stopped at the trunk",
    says="these are the gradients by h, the trunk's output.",
    why="Go on from h to x: differentiate by x, which went into the trunk.",
    on_problem=_by_the_trunk,
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
                "a": "The derivative of `x ** 2` is 2x, so x is saved for the way back. The first pass lets go of it.",
                "b": "The derivative of a sum is 1, whatever x holds: nothing was saved, and nothing is missing.",
                "c": "The first pass was told to keep the graph, so the second one still finds everything.",
                "d": "Only the first pass was told to keep the graph. The second let go of it, and then comes a third.",
                "e": "The second line computes the square and the sum anew: a new graph, with everything in place.",
                "f": "There are two results, but one `x ** 2` behind both. The first pass went through it.",
            },
        ),
        points=1,
        stars=2,
        minutes=5,
        hints=(
            "For each pass: which operations does it go back through? Did an earlier pass go through one of them, and "
            "was that one told to keep the graph?",
            "What an operation has to save depends on its derivative: 2x for a square, 1 for a sum.",
        ),
    ),
    Question(
        "07.retain",
        "7.2 Two gradients out of one graph",
        EachWeight(),
        [SWIRL, FAN, PAIR],
        gives=("x", "y", "v", "w"),
        weights={"v": None, "w": None},
        computed={"y": None},
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "The second call needs what the first one would throw away.",
            "`retain_graph` is True or False. What does False do?",
        ),
    ),
    Question(
        "07.let_go",
        "7.3 Keep it, and let go at the end",
        EachWeight(frees_graph=True),
        [FOLD, SWIRL, FAN],
        gives=("x", "y", "v", "w", "u"),
        weights={"v": None, "w": None, "u": None},
        computed={"y": None},
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "How many of the three passes are followed by another one?",
            "The last pass is the one whose weight is u. Every other one must keep.",
            "`keep = weight is not u`: `is` asks whether two names stand for one object.",
        ),
    ),
    Question(
        "07.backward_inputs",
        "7.4 Fill these, and spare that one",
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
            "`backward` has an argument that names the leaves it may fill.",
            "`inputs=` takes a tensor, or several in a tuple or list.",
            "`loss.backward(inputs=(a, c))`",
        ),
    ),
    Question(
        "07.unused_none",
        "7.5 Which of them take part?",
        Gradient(wrt=("a", "b", "c"), unused="none"),
        [
            Map(functions.without_b, {"a": normal(2), "b": normal(3), "c": normal()}, "(Σᵢ aᵢc)² + sin c"),
            Map(functions.without_c, {"a": normal(2), "b": normal(3), "c": normal()}, "Πᵢ aᵢ · Σⱼ bⱼ + Σⱼ bⱼ²"),
            Map(functions.without_a, {"a": normal(2), "b": normal(3), "c": normal()}, "e^(b₀/2) · b₁ + c b₂²"),
        ],
        gives=("f", "a", "b", "c"),
        points=1,
        stars=2,
        minutes=5,
        hints=(
            "Without a word from you, an input that takes no part is an error: it is mostly a mistake.",
            "`allow_unused=True` says that you know. What stands in the tuple then?",
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
        minutes=6,
        hints=(
            "A loss that does not depend on b does not change when b moves. As a number, what is its derivative?",
            "`materialize_grads=True` puts zeros in the input's shape and dtype where None would stand.",
            "By hand: `torch.zeros_like(b)` for each None.",
        ),
    ),
    Question(
        "07.clipping_hook",
        "7.7 A hook that clips",
        Computed(compute=_through_clip, text="J_innerᵀ clip(∂outer/∂h)"),
        [
            _composed(
                u05_functions.pair,
                functions.cross,
                3,
                "outer(inner(x)), inner (x₀x₁, x₁² + sin x₂), outer (h₀ − h₁)²/4 + h₀h₁/8",
            ),
            _composed(
                u05_functions.swirl,
                functions.surge,
                3,
                "outer(inner(x)), inner (x₀x₁, sin x₁ + 2x₂, x₀x₂ − x₁²), outer h₁ sin(h₀)/2 − Σ h²/4",
            ),
            _composed(
                u05_functions.fan,
                functions.surge,
                2,
                "outer(inner(x)), inner (x₀², x₀x₁, sin x₁, x₀ − 3x₁), outer h₁ sin(h₀)/2 − Σ h²/4",
            ),
        ],
        gives=("outer", "inner", "x", "limit"),
        extras={"limit": _limit},
        also=(
            HOOK_WITHOUT_EFFECT,
            CLIPPED_AT_THE_INPUT,
            CLIPPED_FROM_ABOVE_ONLY,
            CLIPPED_AT_ZERO,
            ZERO_FOR_LIMIT,
            CLIPPED_BY_LENGTH,
            CLIPPED_NOT_HANDED_ON,
            CLIPPED_ON_THE_WAY_FORWARD,
        ),
        points=3,
        stars=4,
        minutes=10,
        hints=(
            "Compute h = inner(x) first: the hook belongs to that tensor, and must be there before the pass back.",
            "`h.register_hook(function)`: it gets the gradient by h, and what it returns is handed on instead.",
            "`h.register_hook(lambda g: g.clamp(-limit, limit))`, then differentiate outer(h) by x.",
        ),
    ),
    Question(
        "07.two_losses",
        "7.8 Two losses on one trunk",
        Computed(compute=_each_loss, text="(∇p, ∇q)", frees_graph=True),
        [
            Map(functions.two_losses, {"x": normal(3)}, "h = (x₀x₁, sin x₂ + x₀²), p = h₀² + h₁, q = e^(h₀/2) · h₁"),
            Map(functions.two_losses, {"x": normal(2)}, "h = (x₀x₁, sin x₁ + x₀²), p = h₀² + h₁, q = e^(h₀/2) · h₁"),
            Map(functions.two_losses, {"x": normal(4)}, "h = (x₀x₁, sin x₃ + x₀²), p = h₀² + h₁, q = e^(h₀/2) · h₁"),
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
        ),
        points=3,
        stars=3,
        minutes=8,
        hints=(
            "p and q have the way from x to h in common. The first pass would let go of it.",
            "Which of the two passes must keep the graph, and which must not?",
            "`retain_graph=True` in the call for p, nothing in the call for q.",
        ),
    ),
    Question(
        "07.what_is_saved",
        "7.9 What is saved?",
        Facts(
            calls={
                "a": _keeps(lambda x, w: torch.sin(x), 0),
                "b": _keeps(lambda x, w: torch.exp(x), 0),
                "c": _keeps(lambda x, w: x + w, 1),
                "d": _keeps(lambda x, w: x * w, 1),
                "e": _keeps(lambda x, w: x * w, 0),
                "f": _only_inputs_is_ignored,
            },
            missed="saved_missed",
            too_many="saved_too_many",
            notes={
                "a": "The derivative of sin x is cos x. To compute that on the way back, x itself is needed.",
                "b": "The derivative of e^x is e^x, and that is the result: the result is saved, and x is not.",
                "c": "The derivative of a sum by x is 1, whatever w holds.",
                "d": "The derivative of x·w by x is w.",
                "e": "x would be needed for the derivative by w. But w requires none, so nobody will ask.",
                "f": "The documentation of `torch.autograd.grad` says what became of `only_inputs`.",
            },
        ),
        points=2,
        stars=3,
        minutes=6,
        hints=(
            "Write down the derivative of each operation by x. Which of the tensors occur in it?",
            "Only what some gradient needs is saved. And a result may do as well as an input: think of e^x.",
        ),
    ),
]
