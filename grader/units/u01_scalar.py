"""Unit 01: the derivative of a scalar function of one number."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.jacobian import Function, as_tuple, forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import Predicted
from grader.problem import Map, Problem, fixed, uniform
from grader.quantities import Derivative, Gradient, GradState
from grader.question import Question
from grader.units import u01_functions as functions


def _cubic(x: Tensor) -> Tensor:
    return x**3 - 4 * x


def _newton_root(a: Tensor, steps: int) -> Tensor:
    x = torch.ones_like(a)
    for _ in range(steps):
        x = (x + a / x) / 2
    return x


def _halved(x: Tensor) -> tuple[Tensor, int]:
    """What the program of 1.9 computes before its branches, and the number of halvings."""
    k = 0
    while x > 2:
        x, k = x / 2, k + 1
    return x, k


def _branched(x: Tensor) -> Tensor:
    y, _ = _halved(x)
    return y**2 if y > 1 else 3 * y


def _of_other_branch(p: Problem) -> Any:
    y, k = _halved(p.inputs["x"])
    return ((3 * torch.ones_like(y) if y > 1 else 2 * y) / 2**k).numpy()


def _without_halvings(p: Problem) -> Any:
    y, k = _halved(p.inputs["x"])
    return (2 * y if y > 1 else 3 * torch.ones_like(y)).numpy() if k else None


def _branch_at_x(p: Problem) -> Any:
    """The slope of the branch that x itself would take, with no halving."""
    x, (_, k) = p.inputs["x"], _halved(p.inputs["x"])
    return (2 * x if x > 1 else 3 * torch.ones_like(x)).numpy() if k else None


def _slope(f: Function, x: torch.Tensor) -> torch.Tensor:
    """f′(x) for x of shape (): a tensor of shape ()."""
    return torch.from_numpy(forward_mode(f, {"x": x})["x"]).reshape(())


def _stops_early(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(parts["outer"], parts["inner"](p.inputs["x"])).numpy()


def _outer_at_x(p: Problem) -> Any:
    parts, x = p.map.fixed_args, p.inputs["x"]
    return (_slope(parts["outer"], x) * _slope(parts["inner"], x)).numpy()


def _outer_of_slope(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(parts["outer"], _slope(parts["inner"], p.inputs["x"])).numpy()


def _inner_only(p: Problem) -> Any:
    return _slope(p.map.fixed_args["inner"], p.inputs["x"]).numpy()


def _order_exchanged(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(lambda x: parts["inner"](parts["outer"](x)), p.inputs["x"]).numpy()


def _product_rule(p: Problem) -> Any:
    parts = p.map.fixed_args
    return _slope(lambda x: parts["outer"](x) * parts["inner"](x), p.inputs["x"]).numpy()


def _nothing_left(p: Problem) -> Any:
    """0, and the rounding noise that central differences give if h is as small as the last digit of x."""
    x = p.inputs["x"]
    rises = [(h, [as_tuple(p.forward(x + side))[0] for side in (h, -h)]) for h in (1e-15, 1e-16)]
    noise = [(right - left) / (2 * h) for h, (right, left) in rises]
    return [({}, slope.numpy()) for slope in (torch.zeros_like(x), *noise)]


def _last_step(p: Problem) -> Any:
    a = p.inputs["a"]
    before = _newton_root(a, p.map.fixed_args["steps"] - 1)
    return (0.5 / before).numpy()


def _other_steps(p: Problem) -> Any:
    steps, a = p.map.fixed_args["steps"], p.inputs["a"]
    others = (steps - 1, steps + 1, *range(1, steps - 1))
    return [({"k": k, "steps": steps}, _slope(partial(_newton_root, steps=k), a).numpy()) for k in others]


def _divisor_constant(p: Problem) -> Any:
    a = p.inputs["a"]
    slope = torch.zeros_like(a)
    for k in range(p.map.fixed_args["steps"]):
        slope = (slope + 1 / _newton_root(a, k)) / 2
    return slope.numpy()


_SCALAR_MAPS = [
    Map(functions.wave, {"x": uniform(0.5, 2.5)}, "x sin x + x²"),
    Map(functions.growth, {"x": uniform(-1, 1.5)}, "e^(0.8x) + x"),
    Map(functions.bend, {"x": uniform(-2, 2)}, "log(1 + x²) + 2x"),
]

OUTER_TIMES_INNER_VALUES = Mistake(
    "outer_times_inner_values",
    formula="h′(g′(x))",
    name="derivative of the derivative",
    says="this is h′(g′(x)): the inner derivative was put into the outer one.",
    why="The chain rule multiplies: h′(g(x)) times g′(x).",
    on_problem=_outer_of_slope,
)
LAST_STEP_ONLY = Mistake(
    "last_step_only",
    formula="½ · 1/x_{k−1}",
    name="only the last step of the loop",
    says="this is the derivative of the last step alone, with the previous value held constant.",
    why="The previous value depends on a, too. Something cut the graph on the way, such as `.detach()`, `.item()` or "
    "`float()`: keep tensors from the first step to the last.",
    on_problem=_last_step,
)
LIMIT_NOT_ITERATE = Mistake(
    "limit_not_iterate",
    formula="1/(2√a)",
    name="the derivative of √a",
    says="this is 1/(2√a), the derivative of the exact square root.",
    why="The loop stops after a few steps, and its result is not quite √a; nor is its derivative. Autograd "
    "differentiates what the program computes.",
    on_problem=lambda p: (0.5 / p.inputs["a"].sqrt()).numpy(),
)
ONE_STEP_OFF = Mistake(
    "one_step_off",
    formula="x_k′(a), another k",
    name="the wrong number of steps",
    says="this is the derivative after {k} steps of the loop; the exercise asks for {steps}.",
    why="Check what the loop counts: `range(steps)` runs steps times, and a `return` inside the loop ends it at once.",
    on_problem=_other_steps,
)
POWER_NOT_LOWERED = Mistake(
    "power_not_lowered",
    formula="n · xⁿ",
    name="the power was not lowered",
    says="the exponent came down in front, but the power itself stayed.",
    why="The derivative of xⁿ is n·xⁿ⁻¹: the power goes down by one.",
    on_problem=lambda p: np.array(3 * p.inputs["x"].item() ** 3 - 4),
)
POWER_NOT_IN_FRONT = Mistake(
    "power_not_in_front",
    name="the exponent is not in front",
    says="the power went down by one, but the exponent is missing in front.",
    why="The derivative of xⁿ is n·xⁿ⁻¹: the old exponent becomes a factor.",
    on_problem=lambda p: np.array(p.inputs["x"].item() ** 2 - 4),
)
LINEAR_TERM_KEPT = Mistake(
    "linear_term_kept",
    name="the linear term not differentiated",
    says="here −4x stayed −4x.",
    why="A line has the same slope everywhere: the derivative of −4x is −4, whatever x is.",
    on_problem=lambda p: np.array(3 * p.inputs["x"].item() ** 2 - 4 * p.inputs["x"].item()),
)
LINEAR_TERM_LOST = Mistake(
    "linear_term_lost",
    name="the linear term was lost",
    says="this is the slope of x³ alone.",
    why="The derivative of a sum is the sum of the derivatives. Only constants have the derivative 0; the derivative "
    "of −4x is −4.",
    on_problem=lambda p: np.array(3 * p.inputs["x"].item() ** 2),
)
STEP_VANISHES = Mistake(
    "step_vanishes",
    name="a rise lost in rounding",
    says="the rise from f(x − h) to f(x + h) is lost here: almost nothing but rounding remains.",
    why="Either h is too small: a float64 number carries about 16 digits, and x + h and x − h are rounded to x or "
    "to its neighbors. Or the parentheses are missing: `rise / 2 * h` multiplies by h, `rise / (2 * h)` divides.",
    on_problem=_nothing_left,
)
PRODUCT_RULE = Mistake(
    "product_rule",
    formula="h′(x) · g(x) + h(x) · g′(x)",
    name="the product rule instead of the chain rule",
    says="this is the derivative of h(x)·g(x), the product of the two functions.",
    why="Here one function is inside the other. Only their slopes are multiplied: h′(g(x))·g′(x).",
    on_problem=_product_rule,
)
BACKWARD_OF_INPUT = Mistake(
    "backward_of_input",
    name="backward called on x",
    says="this is 1: the derivative of x with respect to x.",
    why="Call `backward` on the result, which is what you differentiate: `f(x).backward()`.",
    on_problem=lambda p: np.ones(()),
)
WEIGHTED_BY_INPUT = Mistake(
    "weighted_by_input",
    formula="x · f′(x)",
    name="x given as the weight",
    says="this is x times the slope: x was taken as the weight.",
    why="The argument of `backward` is `gradient`, the weight of the output. Here the output is a single number, "
    "whose weight is 1 by default; autograd finds the leaves in the graph and need not be told.",
    on_problem=lambda p: p.inputs["x"].item() * p.truth,
)
DIVISOR_HELD_CONSTANT = Mistake(
    "divisor_held_constant",
    name="the x in a/x held constant",
    says="this treats the x in a/x as a constant.",
    why="From the second step on, that x depends on a, too. Something cut it off, such as `.item()` or `.detach()`: "
    "keep it in the graph.",
    on_problem=_divisor_constant,
)
OTHER_BRANCH = Mistake(
    "other_branch_of_if",
    name="the branch that was not taken",
    says="this is the slope of the branch that was not taken.",
    why="The `if` looks at y after the loop, not at x. Which branch runs is decided by that value, and autograd "
    "differentiates only what runs.",
    on_problem=_of_other_branch,
)
LOOP_LEFT_OUT = Mistake(
    "loop_left_out",
    name="the slope of the branch alone",
    says="this is the slope of the branch with respect to y, not with respect to x.",
    why="Each turn of the loop divides by 2, and that factor belongs to the chain rule. Keep the graph from x through "
    "every division, and differentiate with respect to x.",
    on_problem=_without_halvings,
)
BRANCH_AT_X = Mistake(
    "branch_at_x",
    name="the branch taken with x itself",
    says="this is what the branches give if the loop does not run at all.",
    why="First `while` halves until y is at most 2; then `if` looks at that y.",
    on_problem=_branch_at_x,
)

QUESTIONS = [
    Question(
        "01.predict_slope",
        "1.1 Predict a slope",
        Predicted(of=Derivative()),
        [Map(_cubic, {"x": fixed(5.0)}, "x³ − 4x")],
        also=(
            POWER_NOT_LOWERED,
            POWER_NOT_IN_FRONT,
            LINEAR_TERM_KEPT,
            LINEAR_TERM_LOST,
        ),
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "The derivative of xⁿ is n·xⁿ⁻¹, and the derivative of −4x is −4.",
            "3x² − 4, at x = 5.",
        ),
    ),
    Question(
        "01.unpack_the_tuple",
        "1.2 Take the gradient out of the tuple",
        Derivative(),
        _SCALAR_MAPS,
        gives=("f", "x"),
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "`torch.autograd.grad(y, x)` returns a tuple with one entry per input.",
            "`(slope,) = torch.autograd.grad(y, x)`",
        ),
    ),
    Question(
        "01.several_inputs",
        "1.3 Several inputs, each gradient in its place",
        Gradient(wrt=("a", "b", "c")),
        [
            Map(
                functions.lens,
                {"a": uniform(0.5, 2), "b": uniform(-2, -0.5), "c": uniform(0.2, 1.2)},
                "ab² + a sin c",
            ),
            Map(
                functions.gauge,
                {"a": uniform(0.5, 2), "b": uniform(-2, -0.5), "c": uniform(0.2, 0.8)},
                "e^(a/3) + bc² − b",
            ),
        ],
        gives=("f", "a", "b", "c"),
        also=(CATALOGUE["accumulated_in_turn"].derived(lambda p: tuple((k + 1) * g for k, g in enumerate(p.truth))),),
        partial=True,
        points=2,
        stars=1,
        minutes=4,
        hints=(
            "`inputs` of `torch.autograd.grad` may be a tuple; the result is a tuple of the same length.",
            "`return torch.autograd.grad(y, (a, b, c))`",
        ),
    ),
    Question(
        "01.declare",
        "1.4 Mend: an input that was not declared",
        Derivative(),
        [Map(functions.wave, {"x": uniform(0.5, 2.5)}, "x sin x + x²")],
        gives=("x",),
        declared=False,
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "Autograd records only what is computed from a tensor that requires a gradient.",
            "`x.requires_grad_()`, before f is called. To leave the caller's tensor alone: "
            "`x = x.detach().clone().requires_grad_()`.",
        ),
    ),
    Question(
        "01.backward",
        "1.5 Leave the slope in x.grad",
        GradState(),
        _SCALAR_MAPS,
        gives=("f", "x"),
        also=(
            CATALOGUE["value_not_slope"].derived(lambda p: p.y.reshape(())),
            BACKWARD_OF_INPUT,
            WEIGHTED_BY_INPUT,
        ),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "`backward` is a method of the result, not of x, and it returns nothing.",
            "`f(x).backward()` fills `x.grad`. Do not detach x first: the detached copy's `.grad` would be filled.",
        ),
    ),
    Question(
        "01.composition",
        "1.6 One function inside another",
        Derivative(),
        [
            Map(
                functions.composed,
                {"x": uniform(0.3, 1.8)},
                "outer(inner(x)), outer u² + u, inner x² + 0.5",
                {"outer": functions.plus_square, "inner": functions.shifted_square},
            ),
            Map(
                functions.composed,
                {"x": uniform(0.3, 1.8)},
                "outer(inner(x)), outer sin u, inner x² + 0.5",
                {"outer": functions.sine, "inner": functions.shifted_square},
            ),
            Map(
                functions.composed,
                {"x": uniform(0.3, 1.2)},
                "outer(inner(x)), outer e^(u/2), inner sin x",
                {"outer": functions.half_exp, "inner": functions.sine},
            ),
        ],
        gives=("outer", "inner", "x"),
        also=(
            CATALOGUE["chain_stops_early"].derived(_stops_early),
            CATALOGUE["outer_at_wrong_place"].derived(_outer_at_x),
            OUTER_TIMES_INNER_VALUES,
            CATALOGUE["inner_only"].derived(_inner_only),
            CATALOGUE["order_exchanged"].derived(_order_exchanged),
            PRODUCT_RULE,
            CATALOGUE["slopes_added"].derived(lambda p: _stops_early(p) + _inner_only(p)),
        ),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "Compute u = inner(x), then y = outer(u). With respect to which tensor do you differentiate y?",
            "Autograd multiplies the two slopes for you, as long as the graph from x to y is unbroken.",
        ),
    ),
    Question(
        "01.central_difference",
        "1.7 A slope from two values",
        Derivative(),
        _SCALAR_MAPS,
        gives=("f", "x"),
        declared=False,
        also=(
            CATALOGUE["divided_by_one_step"].derived(lambda p: 2 * p.truth),
            STEP_VANISHES,
        ),
        without={"accumulated": "twice the slope comes from dividing by h here: nothing accumulates"},
        rtol=1e-9,
        plain_numbers=True,
        points=2,
        stars=2,
        minutes=8,
        hints=(
            "The rise from x − h to x + h is f(x + h) − f(x − h). How long is the run?",
            "If h is too large, the curve bends in between; if it is too small, the rise drowns in rounding. The "
            "V-shaped plot in the lesson shows the best h for the central difference.",
            "The best h is near 1e-5 for numbers of size 1 in float64. And mind the parentheses: `rise / 2 * h` "
            "multiplies by h.",
        ),
    ),
    Question(
        "01.newton_root",
        "1.8 Transfer: the slope of a root finder",
        Derivative(wrt="a"),
        [
            Map(_newton_root, {"a": uniform(20, 60)}, fixed_args={"steps": 3}),
            Map(_newton_root, {"a": uniform(20, 60)}, fixed_args={"steps": 2}),
        ],
        gives=("a", "steps"),
        also=(
            LAST_STEP_ONLY,
            LIMIT_NOT_ITERATE,
            ONE_STEP_OFF,
            DIVISOR_HELD_CONSTANT,
        ),
        points=2,
        stars=3,
        minutes=10,
        hints=(
            "Write the loop with tensors, as you would with numbers: autograd follows every step.",
            "Start from `x = torch.ones_like(a)`, and run `x = (x + a / x) / 2` steps times.",
            "Then differentiate the last x with respect to a. No `.item()`, `float()` or `.detach()` on the way.",
        ),
    ),
    Question(
        "01.branches",
        "1.9 Recall: read the error, then mend the branches",
        Derivative(),
        [
            Map(_branched, {"x": uniform(4.3, 7.7)}, "x halved until it is at most 2; then y² if y > 1, else 3y"),
            Map(_branched, {"x": uniform(0.2, 0.9)}, "x halved until it is at most 2; then y² if y > 1, else 3y"),
            Map(_branched, {"x": uniform(17.0, 31.0)}, "x halved until it is at most 2; then y² if y > 1, else 3y"),
        ],
        gives=("x",),
        also=(OTHER_BRANCH, LOOP_LEFT_OUT, BRANCH_AT_X),
        without={"accumulated": "a multiple of the slope comes from halvings that were left out: nothing accumulates"},
        points=2,
        stars=2,
        minutes=7,
        hints=(
            "As in unit 00: the last line of the message says what went wrong, the arrow says where it was noticed. "
            "What is missing was lost earlier.",
            "y has no graph at that line, although x was declared. Which operation made the y that arrives there, "
            "when x = 0.8?",
            "`.item()` is harmless in a condition, since no slope passes through a condition. In the value of y it "
            "is not: write `y = 3 * y`.",
        ),
    ),
]
