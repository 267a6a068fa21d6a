"""The questions of this course."""

from grader.authoring import Gradient, Map, Mistake, Question, WeightedGradient, normal

import functions


def _without_the_two(p):
    """∇L without the factor 2 that comes from the square."""
    return p.truth / 2


HALF_OF_IT = Mistake(
    "half_the_slope",
    formula="∇L / 2",
    name="the 2 of the square is missing",
    says="this is half of the gradient.",
    why="The derivative of a square is twice what stands in it: the 2 belongs to the answer unless the loss has a ½.",
    on_problem=_without_the_two,
)

QUESTIONS = [
    Question(
        "ps1.logistic",
        "1 Weight the predictions",
        WeightedGradient(wrt="w"),
        [
            Map(functions.logistic, {"w": normal(3), "X": normal(4, 3)}, "σ(X @ w)"),
            Map(functions.saturating, {"w": normal(2), "X": normal(3, 2)}, "tanh(X @ w) · w₀"),
        ],
        gives=("f", "w", "X", "v"),
        weights={"v": None},
        hints=("`torch.autograd.grad` has an argument for weights.", "`grad_outputs=v`"),
    ),
    Question(
        "ps1.loss_slope",
        "2 The slope of the loss",
        Gradient(wrt="w"),
        [Map(functions.loss, {"w": normal(3), "X": normal(5, 3), "t": normal(5)}, "mean of (X @ w − t)²")],
        gives=("w", "X", "t"),
        also=(HALF_OF_IT,),
        points=3,
        hints=("Differentiate one summand, then take the mean.", "Each row of X is multiplied by its own error."),
    ),
]
