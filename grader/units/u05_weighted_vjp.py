"""Unit 05, the heart of the course: grad_outputs weights the outputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.jacobian import forward_mode
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import Letters, Predicted
from grader.problem import Map, Problem, fixed, like, normal, place
from grader.quantities import Computed, Gradient, GradState, WeightedGradient
from grader.question import Question
from grader.units import u05_functions as functions

PAIR = Map(functions.pair, {"x": normal(3)}, "(x₀x₁, x₁² + sin x₂)")
SWIRL = Map(functions.swirl, {"x": normal(3)}, "(x₀x₁, sin x₁ + 2x₂, x₀x₂ − x₁²)")
FAN = Map(functions.fan, {"x": normal(2)}, "(x₀², x₀x₁, sin x₁, x₀ − 3x₁)")
FOLD = Map(functions.fold, {"x": normal(5)}, "(x₀x₁ − x₄, tanh x₂ + x₀x₃, x₃² + x₁x₄)")

V = {"v": None}


@dataclass(frozen=True)
class _WithWeight(WeightedGradient):
    """Jᵀv with a weight that the student has to find.

    made: problem -> v, in y's shape.
    """

    made: Callable[[Problem], np.ndarray] = lambda p: np.ones(p.y.size)

    def weight(self, p: Problem) -> np.ndarray:
        return self.made(p).reshape(-1)

    def equation(self, p: Problem) -> str:
        return super().equation(p) if p.inputs[self.names[0]].ndim == 1 else ""  # nobody flattens these tables


def _x_and_y(differentiate: str) -> Any:
    """One call of 05.predict_error on fresh x of shape (3,) and y = pair(x) of shape (2,)."""

    def call() -> object:
        x = torch.tensor([1.2, -0.7, 0.4], dtype=torch.float64, requires_grad=True)
        y = functions.pair(x)
        return {
            "no weight": lambda: torch.autograd.grad(y, x),
            "sum": lambda: torch.autograd.grad(y.sum(), x),
            "backward": lambda: y.backward(),
            "weight": lambda: torch.autograd.grad(y, x, grad_outputs=torch.ones_like(y)),
            "one entry": lambda: torch.autograd.grad(y[0], x),
        }[differentiate]()

    return call


LINEAR = np.array([[2.0, -1.0, 0.0], [1.0, 3.0, 5.0]])  # the J of 5.2


def _sum_of_linear(x: Tensor) -> Tensor:
    return (torch.from_numpy(LINEAR) @ x).sum()


def _by_columns(p: Problem) -> Any:
    v = p.question.asks.weight(p)
    m, k = p.outputs[0].shape
    return (p.jacobians["x"].T @ v.reshape(k, m).T.reshape(-1)).reshape(tuple(p.inputs["x"].shape))


def _one_head(p: Problem) -> Any:
    """The weighted gradient of only one of the two outputs, y or z."""
    J, m = p.jacobians["x"], p.outputs[0].numel()
    v = p.question.asks.weight(p)
    return [({"which": "y"}, J[:m].T @ v[:m]), ({"which": "z"}, J[m:].T @ v[m:])]


def _one_head_negated(p: Problem) -> Any:
    """The weighted gradient with the weights of one output, y or z, negated."""
    J, m = p.jacobians["x"], p.outputs[0].numel()
    v = p.question.asks.weight(p)
    first, second = J[:m].T @ v[:m], J[m:].T @ v[m:]
    return [({"which": "y"}, second - first), ({"which": "z"}, first - second)]


def _exchanged(p: Problem) -> Any:
    v, m = p.question.asks.weight(p), p.outputs[0].numel()
    return p.jacobians["x"].T @ np.concatenate([v[m:], v[:m]])


def _of_the_product(p: Problem) -> Any:
    """The gradients of v·(A @ x) with respect to A and x."""
    A, x, v = (t.numpy() for t in (p.inputs["A"], p.inputs["x"], p.weights["v"]))
    return np.outer(v, x), A.T @ v


# --- 5.8: the losses of a batch, one per sample, and a class for each


def _labels(generator: torch.Generator, p: Problem) -> Tensor:
    return torch.randint(3, (p.y.size,), generator=generator)


def _frequent_class(generator: torch.Generator, p: Problem) -> int:
    """A class that at least two samples have."""
    often = torch.nonzero(torch.bincount(p.extras["labels"]) > 1).flatten()
    return int(often[torch.randint(len(often), (), generator=generator)])


def _of_class(p: Problem, c: int) -> np.ndarray:
    """1 for samples of this class, 0 for others: (N,)."""
    return (p.extras["labels"].numpy() == c).astype(float)


def _class_mean(p: Problem, c: int | None = None) -> np.ndarray:
    mask = _of_class(p, p.extras["c"] if c is None else c)
    return mask / mask.sum()


def _in_class(weights: Callable[[Problem, np.ndarray], Any]) -> Callable[[Problem], Any]:
    """A derivation from other weights for the losses.  weights: (problem, mask of class c) -> (N,), or a list."""

    def derive(p: Problem) -> Any:
        made = weights(p, _of_class(p, p.extras["c"]))
        return [({}, p.jacobians["w"].T @ v) for v in (made if isinstance(made, list) else [made])]

    return derive


def _other_samples(p: Problem, mask: np.ndarray) -> Any:
    """Weights for the means over each other class and over all samples that are not in c, and for their sum."""
    others = set(p.extras["labels"].tolist()) - {p.extras["c"]}
    rest = 1 - mask
    return [*(_class_mean(p, c) for c in others), *([rest / rest.sum(), rest] if others else [])]


# --- 5.10: logits Z (N, C) of a layer, and a class for each row


def _classes(generator: torch.Generator, p: Problem) -> Tensor:
    N, C = p.outputs[0].shape
    return torch.randint(C, (N,), generator=generator)


def _softmax(Z: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(Z - Z.max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _through_softmax(S: np.ndarray, upstream: np.ndarray) -> np.ndarray:
    """The VJP of a softmax over rows: (N, C).  S: its output."""
    return S * (upstream - (upstream * S).sum(axis=1, keepdims=True))


def _parts(p: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Logits and one-hot rows: (N, C) each."""
    Z = p.outputs[0].numpy()
    return Z, np.eye(Z.shape[1])[p.extras["labels"].numpy()]


def _at_logits(p: Problem) -> np.ndarray:
    """The gradient of the mean cross-entropy with respect to the logits."""
    Z, hot = _parts(p)
    return (_softmax(Z) - hot) / len(Z)


def _upstream(weights: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[Problem], Any]:
    """A derivation from another gradient at the logits.  weights: (logits, one-hot rows) -> (N, C), or a list."""

    def derive(p: Problem) -> Any:
        Z, hot = _parts(p)
        made = weights(Z, hot)
        shape = tuple(p.inputs["W"].shape)
        forms = made if isinstance(made, list) else [made]
        return [({}, (p.jacobians["W"].T @ V.reshape(-1) / len(Z)).reshape(shape)) for V in forms]

    return derive


def _softmax_twice(Z: np.ndarray, hot: np.ndarray) -> np.ndarray:
    S = _softmax(Z)
    return _through_softmax(S, _softmax(S) - hot)


def _at_probabilities(Z: np.ndarray, hot: np.ndarray) -> list[np.ndarray]:
    """p − one-hot handed to the probabilities, as a squared error does, summed or averaged over the classes, too."""
    S = _softmax(Z)
    return [c * _through_softmax(S, S - hot) for c in (1, 2, 2 / Z.shape[1])]


def _weight_moves(Z: np.ndarray, hot: np.ndarray) -> np.ndarray:
    S = _softmax(Z)
    return S - hot + _through_softmax(S, Z)


# --- 5.11: tokens of a text, by their rows in a table E


def _text_logits(E: Tensor, ids: Tensor) -> Tensor:
    return functions.text_head(E[ids])


def _text(rows: int, width: int, ids: list[int]) -> Map:
    return Map(_text_logits, {"E": normal(rows, width)}, "head(E[ids])", {"ids": torch.tensor(ids)})


def _rows_and_gradients(p: Problem, logit: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The rows X of the text, and the gradient of a logit, c by default, with respect to them: (T, d) each."""
    X = p.inputs["E"][p.map.fixed_args["ids"]]
    J = forward_mode(functions.text_head, {"X": X})["X"]
    return X.numpy(), J[p.extras["c"] if logit is None else logit].reshape(X.shape)


def _contributions(p: Problem) -> np.ndarray:
    X, g = _rows_and_gradients(p)
    return np.asarray((X * g).sum(axis=1))


def _from_rows(made: Callable[[np.ndarray, np.ndarray], Any]) -> Callable[[Problem], Any]:
    """A derivation from the rows that were looked up and their gradients: (T, d) each."""
    return lambda p: made(*_rows_and_gradients(p))


def _by_words(p: Problem) -> np.ndarray:
    """The contributions of whole words, one for each row of the table: (rows,)."""
    found = np.zeros(len(p.inputs["E"]))
    np.add.at(found, p.map.fixed_args["ids"].numpy(), _contributions(p))
    return found


def _other_logits(p: Problem) -> Any:
    X, _ = _rows_and_gradients(p)
    others = [k for k in range(p.y.size) if k != p.extras["c"]]
    return [({}, (X * _rows_and_gradients(p, k)[1]).sum(axis=1)) for k in others]


def _of_probability(p: Problem) -> Any:
    """Contributions to the probability of class c, and to its logarithm."""
    X, _ = _rows_and_gradients(p)
    S, c = _softmax(p.y), p.extras["c"]
    of_log = sum((float(k == c) - S[k]) * _rows_and_gradients(p, k)[1] for k in range(p.y.size))
    return [({}, factor * (X * of_log).sum(axis=1)) for factor in (S[c], 1.0)]


SUM_OF_COLUMNS = Mistake(
    "sum_of_columns",
    formula="J1",
    name="columns added instead of rows",
    says="this adds along each row of J: one number per output.",
    why="With ones as weights, the rows of J are added to each other: one number per input, so the result has x's "
    "shape.",
    on_problem=lambda p: LINEAR.sum(axis=1),
)
MEAN_OF_ROWS = Mistake(
    "mean_of_rows",
    name="a mean instead of a sum",
    says="this is the mean of the rows of J; a weight of ones adds them up.",
    why="Nothing is divided: each row is multiplied by its weight, here 1, and the rows are added.",
    on_problem=lambda p: LINEAR.mean(axis=0),
)
ONE_OUTPUT_FORGOTTEN = Mistake(
    "one_output_forgotten",
    name="one of the outputs forgotten",
    says="this is the weighted gradient of {which} alone.",
    why="Both outputs depend on x, and both count. `autograd.grad` takes several outputs at once, with as many "
    "`grad_outputs`.",
    on_problem=_one_head,
)
WEIGHTS_EXCHANGED = Mistake(
    "weights_exchanged",
    formula="J_yᵀw + J_zᵀv",
    name="weights given to the wrong outputs",
    says="each output got the other one's weight.",
    why="`grad_outputs` is matched with `outputs` by position: the first weight belongs to the first output.",
    on_problem=_exchanged,
)
ONE_OUTPUT_SUBTRACTED = Mistake(
    "one_output_subtracted",
    formula="J_yᵀv − J_zᵀw",
    name="one of the outputs subtracted",
    says="the weights of {which} have the opposite sign here.",
    why="The two weighted outputs are added: v·y + w·z. A minus between them negates one of the two weights.",
    on_problem=_one_head_negated,
)
PRODUCT_ASSUMED = Mistake(
    "product_assumed",
    formula="(v xᵀ, Aᵀv)",
    name="the formulas for A @ x",
    says="these are the right gradients for f(A, x) = A @ x, but f is another function here.",
    why="f does more than multiply A and x, and what it does enters both gradients. `autograd.grad` follows f, "
    "whatever it computes: differentiate f(A, x).",
    on_problem=_of_the_product,
)
CLASS_SUMMED = Mistake(
    "class_summed",
    formula="Jᵀ(labels = c)",
    name="the sum over the class, not its mean",
    says="this is the gradient of the sum of the losses of class {c}.",
    why="The mean divides by the number of samples in the class, so each of them has the weight 1 divided by that "
    "number.",
    on_problem=_in_class(lambda p, mask: mask),
)
DIVIDED_BY_BATCH = Mistake(
    "divided_by_batch",
    formula="Jᵀ(labels = c) / N",
    name="divided by the size of the batch",
    says="this is the sum over class {c}, divided by {m}, the number of all samples.",
    why="`(mask * losses).mean()` divides by the size of the whole batch, zeros included. The mean over the class "
    "divides by the number of ones in the mask.",
    on_problem=_in_class(lambda p, mask: mask / mask.size),
)
OTHER_SAMPLES = Mistake(
    "other_samples",
    name="samples of other classes",
    says="these are other samples: none of class {c} takes part.",
    why="The weight is nonzero where `labels == c`, and 0 everywhere else. Look at the comparison.",
    on_problem=_in_class(_other_samples),
)
LABELS_AS_WEIGHTS = Mistake(
    "labels_as_weights",
    formula="Jᵀ labels",
    name="labels used as weights",
    says="the labels themselves were used as weights: a sample of class 2 counts twice as much as one of class 1.",
    why="A label is a name, not a size. Compare it with c: `labels == c` is 1 for the samples that count, and 0 for "
    "the others.",
    on_problem=_in_class(lambda p, mask: p.extras["labels"].numpy().astype(float)),
)
CLASS_AS_PLACE = Mistake(
    "class_as_place",
    formula="J[c]",
    name="the class used as a place",
    says="this is the gradient of a single loss, that of the sample at place {c}.",
    why="c is the number of a class, not of a sample. Its samples are where `labels == c`.",
    on_problem=_in_class(lambda p, mask: np.eye(mask.size)[p.extras["c"]]),
)
ONE_HOT_FORGOTTEN = Mistake(
    "one_hot_forgotten",
    formula="Jᵀp / N",
    name="probabilities without the one-hot rows",
    says="the probabilities p were used as the weight; the one-hot rows were not subtracted.",
    why="The logit of the right class enters cross-entropy twice: in the logarithm of Σ e^z, and by itself with a "
    "minus sign. The latter gives the −1 at the place of the label: p − one-hot.",
    on_problem=_upstream(lambda Z, hot: _softmax(Z)),
)
ONE_HOT_ALONE = Mistake(
    "one_hot_alone",
    formula="−Jᵀ one-hot / N",
    name="the logits of the right classes alone",
    says="only the logits of the right classes were differentiated.",
    why="Cross-entropy is the logarithm of Σ e^z minus the logit of the right class. The first part gives the "
    "probabilities: p − one-hot.",
    on_problem=_upstream(lambda Z, hot: [-hot, hot]),
)
SOFTMAX_OF_COLUMNS = Mistake(
    "softmax_of_columns",
    name="softmax along the batch",
    says="the softmax was taken down the columns, across the samples.",
    why="Each sample has probabilities of its own, which add up to 1: the softmax runs along a row, `dim=1`.",
    on_problem=_upstream(lambda Z, hot: _softmax(Z, axis=0) - hot),
)
SUM_OVER_SAMPLES = Mistake(
    "sum_over_samples",
    formula="Jᵀ(p − one-hot)",
    name="the sum over the batch, not its mean",
    says="this is the gradient of the sum of the losses; the mean over the batch was asked for.",
    why="The mean divides by N, the number of samples, and so does every entry of the weight.",
    on_problem=_upstream(lambda Z, hot: len(Z) * (_softmax(Z) - hot)),
)
MEAN_OVER_ENTRIES = Mistake(
    "mean_over_entries",
    formula="Jᵀ(p − one-hot) / (N·C)",
    name="divided by the number of all logits",
    says="p − one-hot was divided by N·C, the number of all logits.",
    why="There is one loss per sample, so the mean divides by N alone. `mean()` over a table of shape (N, C) divides "
    "by N·C.",
    on_problem=_upstream(lambda Z, hot: (_softmax(Z) - hot) / Z.shape[1]),
)
SOFTMAX_TWICE = Mistake(
    "softmax_twice",
    name="softmax taken twice",
    says="this is the gradient of a cross-entropy that was given probabilities, and took the softmax of those again.",
    why="`torch.nn.functional.cross_entropy` takes logits: the softmax is part of it. If it gets probabilities, it "
    "raises no error.",
    on_problem=_upstream(_softmax_twice),
)
SOFTMAX_NOT_CROSSED = Mistake(
    "softmax_not_crossed",
    formula="−Jᵀ(one-hot / p) / N",
    name="the gradient at the probabilities, handed to the logits",
    says="this hands −one-hot/p to the logits: that is the gradient with respect to the probabilities.",
    why="Between the probabilities and the logits lies the softmax. The VJP of the softmax turns −one-hot/p into "
    "p − one-hot.",
    on_problem=_upstream(lambda Z, hot: -hot / _softmax(Z)),
)
LOGARITHM_LEFT_OUT = Mistake(
    "logarithm_left_out",
    formula="−∂/∂W mean p[t]",
    name="the logarithm left out",
    says="this is the gradient of −p at the right classes; the logarithm is missing.",
    why="Cross-entropy is −log p at the right class. `nll_loss` takes logarithms, from `log_softmax`; `cross_entropy` "
    "takes logits and does both.",
    on_problem=_upstream(lambda Z, hot: _through_softmax(_softmax(Z), -hot)),
)
HANDED_TO_PROBABILITIES = Mistake(
    "handed_to_probabilities",
    formula="(p − one-hot) at p",
    name="p − one-hot handed to the probabilities",
    says="here p − one-hot is the weight for the probabilities, not for the logits.",
    why="p − one-hot is the gradient at the logits: it has been through the softmax already. A squared error, "
    "(p − one-hot)², would hand it to the probabilities.",
    on_problem=_upstream(_at_probabilities),
)
SOFTMAX_LEFT_OUT = Mistake(
    "softmax_left_out",
    formula="Jᵀ(z − one-hot) / N",
    name="logits in place of probabilities",
    says="this is z − one-hot: the logits stand here where the probabilities belong.",
    why="Probabilities are the softmax of the logits: `torch.softmax(logits, dim=1)`.",
    on_problem=_upstream(lambda Z, hot: Z - hot),
)
SIGMOID_FOR_SOFTMAX = Mistake(
    "sigmoid_for_softmax",
    name="a sigmoid in place of the softmax",
    says="each logit went through a sigmoid of its own.",
    why="A sigmoid is for independent questions with yes or no. Here the classes share one probability, which adds up "
    "to 1: softmax along the row.",
    on_problem=_upstream(lambda Z, hot: 1 / (1 + np.exp(-Z)) - hot),
)
PART_DIVIDED = Mistake(
    "part_divided",
    formula="Jᵀ(p − one-hot / N)",
    name="only the one-hot rows divided by N",
    says="only the one-hot rows were divided by N, the probabilities were not.",
    why="`p - one_hot / N` divides first. Put the difference into parentheses: `(p - one_hot) / N`.",
    on_problem=_upstream(lambda Z, hot: len(Z) * _softmax(Z) - hot),
)
LOG_FOR_PROBABILITY = Mistake(
    "log_for_probability",
    name="logarithms of the probabilities",
    says="the logarithms of the probabilities stand here where the probabilities belong.",
    why="`log_softmax` gives the loss itself. Its derivative has the probabilities: `softmax`.",
    on_problem=_upstream(lambda Z, hot: np.log(_softmax(Z)) - hot),
)
STOPPED_AT_LOGITS = Mistake(
    "stopped_at_logits",
    formula="(p − one-hot) / N",
    name="the gradient at the logits",
    says="this is the gradient with respect to the logits. You got as far as that; W was asked for.",
    why="It is the weight for the layer before: hand it on with `torch.autograd.grad(logits, W, grad_outputs=…)`.",
    on_problem=_at_logits,
)
USES_MERGED = Mistake(
    "uses_merged",
    name="the uses of a word merged",
    says="where a word occurs several times, each place got the sum over all its places.",
    why="The gradient with respect to the table adds up all uses of a row. Differentiate with respect to the rows that "
    "were looked up, X = E[ids]: there every place still has a row of its own.",
    on_problem=lambda p: _by_words(p)[p.map.fixed_args["ids"].numpy()],
)
ONE_PER_WORD = Mistake(
    "one_per_word",
    name="one number per word of the table",
    says="these are the contributions of whole words: one number for each row of the table.",
    why="One number for each token of the text was asked for. Differentiate with respect to the rows that were looked "
    "up, X = E[ids], not with respect to the table.",
    on_problem=_by_words,
)
ALL_LOGITS = Mistake(
    "all_logits",
    name="the sum of all logits",
    says="these are contributions to the sum of all logits.",
    why="Only the logit of class c counts: a weight that is one-hot at place c, or `logits[c]`.",
    on_problem=lambda p: sum(
        (np.prod(_rows_and_gradients(p, k), axis=0).sum(axis=1) for k in range(p.y.size)), np.zeros(())
    ),
)
OTHER_LOGIT = Mistake(
    "other_logit",
    name="the logit of another class",
    says="these are contributions to the logit of another class than {c}.",
    why="Places are counted from 0: `logits[c]`.",
    on_problem=_other_logits,
)
PROBABILITY_FOR_LOGIT = Mistake(
    "probability_for_logit",
    name="the probability in place of the logit",
    says="these are contributions to the probability of class {c}, or to its logarithm.",
    why="A softmax lets the other logits have their say: each of them lowers the probability of class c. The logit "
    "itself was asked for.",
    on_problem=_of_probability,
)
ROW_LEFT_OUT = Mistake(
    "row_left_out",
    name="the gradients without the rows",
    says="these are the entries of each row's gradient, added up; the row itself did not enter.",
    why="The gradient says how fast the logit moves when the row does. The contribution is the row times its gradient: "
    "`(X * g).sum(dim=1)`.",
    on_problem=_from_rows(lambda X, g: g.sum(axis=1)),
)
LENGTH_FOR_CONTRIBUTION = Mistake(
    "length_for_contribution",
    formula="‖g‖",
    name="lengths of the gradients",
    says="these are the lengths of the gradients: how sensitive the logit is to each row.",
    why="A length has no sign, so it cannot tell what speaks for class c from what speaks against it. Multiply each "
    "gradient by its row, and add up.",
    on_problem=_from_rows(lambda X, g: np.linalg.norm(g, axis=1)),
)
SIGN_LOST = Mistake(
    "sign_of_contribution_lost",
    formula="|x_t · g_t|",
    name="absolute values",
    says="these are the absolute values of the contributions, or the sums of absolute values.",
    why="The sign says whether a token speaks for class c or against it.",
    on_problem=_from_rows(lambda X, g: [({}, abs((X * g).sum(axis=1))), ({}, abs(X * g).sum(axis=1))]),
)
GRADIENT_OF_ROWS = Mistake(
    "gradient_of_rows",
    formula="g",
    name="the gradients themselves",
    says="this is the gradient with respect to the rows that were looked up; you got as far as that.",
    why="The contribution of a token is one number: its row times the row's gradient, added up over the row.",
    on_problem=_from_rows(lambda X, g: g),
)
NOT_ADDED_UP = Mistake(
    "not_added_up",
    formula="X ⊙ g",
    name="products that are not added up",
    says="these are the products of rows and gradients, entry by entry, before they are added up.",
    why="One number per token is left if you add along the rows: `sum(dim=1)`.",
    on_problem=_from_rows(lambda X, g: X * g),
)
MEAN_OF_PRODUCTS = Mistake(
    "mean_of_products",
    name="a mean instead of a sum",
    says="the products of a row and its gradient were averaged.",
    why="Nothing divides in x·g: it is a sum.",
    on_problem=_from_rows(lambda X, g: (X * g).mean(axis=1)),
)

QUESTIONS = [
    Question(
        "05.predict_error",
        "5.1 Which of these will PyTorch refuse?",
        Letters(
            calls={
                "a": _x_and_y("no weight"),
                "b": _x_and_y("sum"),
                "c": _x_and_y("backward"),
                "d": _x_and_y("weight"),
                "e": _x_and_y("one entry"),
            },
            error="scalar_needed",
        ),
        points=1,
        stars=1,
        minutes=4,
        hints=(
            "For each line: how many numbers are differentiated, and does the line say how much each of them counts?",
            "For a single number, PyTorch takes the weight to be 1. y.sum() and y[0] are single numbers; y is not.",
        ),
    ),
    Question(
        "05.ones_sum_the_rows",
        "5.2 What do ones do?",
        Predicted(of=Gradient()),
        [Map(_sum_of_linear, {"x": fixed([1.0, 1.0, 1.0])}, "J @ x")],
        also=(
            SUM_OF_COLUMNS,
            MEAN_OF_ROWS,
            CATALOGUE["one_output_only"].derived(lambda p: [({"i": i, "m": 2}, row) for i, row in enumerate(LINEAR)]),
        ),
        points=1,
        stars=1,
        minutes=3,
        hints=(
            "Each row of J is multiplied by its weight, here 1, and the rows are added to each other.",
            "Three inputs, so three numbers. The first is 2 + 1.",
        ),
    ),
    Question(
        "05.weight_the_outputs",
        "5.3 Say how much each output counts",
        WeightedGradient(),
        [PAIR],
        gives=("x", "v"),
        weights=V,
        points=2,
        stars=1,
        minutes=3,
        hints=(
            "The argument says how much each output counts. So what shape must it have?",
            "One weight per output: it has the shape of f(x). You were given such a tensor.",
            "`weight = v`",
        ),
    ),
    Question(
        "05.scalar_trick",
        "5.4 The same gradient from a single number",
        WeightedGradient(),
        [SWIRL, FAN, FOLD],
        gives=("f", "x", "v"),
        weights=V,
        points=2,
        stars=2,
        minutes=4,
        hints=(
            "You want the gradient of v₀y₀ + v₁y₁ + …: build that number first.",
            "`(v * f(x)).sum()` is one number, and one number needs no weight.",
        ),
    ),
    Question(
        "05.mend_the_weight",
        "5.5 Mend a weight of the wrong shape",
        WeightedGradient(),
        [
            Map(functions.grid, {"x": normal(3)}, "outer((x₀, x₁x₂), x) + x²"),
            Map(functions.ledger, {"x": normal(3)}, "the outer product of (x₀x₂, x₁², x₂ − x₀) and (x₁, x₀)"),
            Map(functions.mixed_rows, {"x": normal(3, 2)}, "x @ xᵀ[:, :2] + x[:, :2]²"),
        ],
        gives=("f", "x", "v"),
        weights=V,
        handed={"v": lambda v: v.reshape(-1)},
        also=(CATALOGUE["weight_laid_out_by_columns"].derived(_by_columns),),
        points=2,
        stars=2,
        minutes=6,
        hints=(
            "The message names two shapes. Which one does the weight have, and which one must it have?",
            "v holds the right numbers, row after row, in one long line: `v.reshape(y.shape)`.",
        ),
    ),
    Question(
        "05.several_outputs",
        "5.6 Two outputs, two weights",
        WeightedGradient(),
        [
            Map(functions.two_heads, {"x": normal(3)}, "y = (x₀x₁, sin x₂), z = (x₂², x₀ − x₁x₂)"),
            Map(functions.head_and_tail, {"x": normal(4)}, "y = (x₀², x₀x₁, x₃), z = (x₂x₃, cos x₀, x₁)"),
        ],
        gives=("f", "x", "v", "w"),
        weights={"v": None, "w": None},
        also=(
            ONE_OUTPUT_FORGOTTEN,
            WEIGHTS_EXCHANGED,
            ONE_OUTPUT_SUBTRACTED,
        ),
        without={
            "weight_in_other_order": "exchanging v and w is such an order, and has a name of its own here",
        },
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "`outputs` and `grad_outputs` may both be tuples, matched by position.",
            "`y, z = f(x)`, then `torch.autograd.grad((y, z), x, grad_outputs=(v, w))`.",
        ),
    ),
    Question(
        "05.several_inputs",
        "5.7 Two inputs, two results",
        WeightedGradient(wrt=("A", "x")),
        [
            Map(functions.layer, {"A": normal(2, 3), "x": normal(3)}, "sin(A @ x)"),
            Map(functions.gated, {"A": normal(2, 4), "x": normal(4)}, "(A @ x) · (x₀², x₁²)"),
        ],
        gives=("f", "A", "x", "v"),
        weights=V,
        also=(PRODUCT_ASSUMED,),
        partial=True,
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "One call is enough: `inputs` may be a tuple.",
            "`return torch.autograd.grad(f(A, x), (A, x), grad_outputs=v)`; A's gradient has A's shape.",
        ),
    ),
    Question(
        "05.one_class",
        "5.8 One class out of a batch",
        _WithWeight(wrt="w", made=_class_mean, text="Jᵀv, v = (labels = c) / their number"),
        [
            Map(functions.squared_losses, {"w": normal(3), "X": normal(6, 3), "t": normal(6)}, "(X @ w − t)²"),
            Map(functions.soft_losses, {"w": normal(2), "X": normal(5, 2), "t": normal(5)}, "log(1 + e^(t − X @ w))"),
            Map(functions.squared_losses, {"w": normal(5), "X": normal(5, 5), "t": normal(5)}, "(X @ w − t)²"),
        ],
        gives=("w", "X", "t", "losses", "labels", "c"),
        computed={"losses": None},
        hidden=("X", "t"),
        extras={"labels": _labels, "c": _frequent_class},
        also=(CLASS_SUMMED, DIVIDED_BY_BATCH, OTHER_SAMPLES, LABELS_AS_WEIGHTS, CLASS_AS_PLACE),
        without={
            "accumulated": "the sum over the class is as many times its mean as the class has samples",
            "one_weight_for_all": "the weights add up to 1, so that this is the gradient of the plain sum or mean",
            "weight_summing_to_one": "the weights add up to 1: this is the truth",
            "one_output_only": "not every output counts here, and the one at place c has a name of its own",
            "absolute_weight": "no weight is negative: this is the truth",
        },
        points=2,
        stars=3,
        minutes=7,
        hints=(
            "Write the mean over the class as v₀·losses₀ + v₁·losses₁ + …. What is v for a sample of class c, and what "
            "for any other?",
            "`labels == c` is True where a sample counts. How many are there? `mask.sum()` tells.",
            "`mask = (labels == c).to(losses.dtype)`, and the weight is `mask / mask.sum()`.",
        ),
    ),
    Question(
        "05.weight_that_depends_on_x",
        "5.9 A weight that depends on x",
        WeightedGradient(),
        [SWIRL, FOLD],
        gives=("f", "weigh", "x"),
        weights=V,
        weigh=functions.three_weights,
        points=3,
        stars=3,
        minutes=8,
        hints=(
            "The weight counts as a constant here, even though it was computed from x.",
            "`(v * y).sum()` differentiates both factors, unless v is detached. And what does "
            "`grad(y, x, grad_outputs=v)` do with v?",
            "`v = weigh(x).detach()` works either way.",
        ),
    ),
    Question(
        "05.cross_entropy",
        "5.10 Transfer: softmax and cross-entropy",
        _WithWeight(wrt="W", made=_at_logits, text="Jᵀv, v = (p − one-hot) / N"),
        [
            Map(functions.linear_logits, {"W": normal(2, 3), "X": normal(4, 2)}, "X @ W"),
            Map(functions.bounded_logits, {"W": normal(3, 4), "X": normal(2, 3)}, "3 tanh(X @ W)"),
            Map(functions.bounded_logits, {"W": normal(3, 3), "X": normal(3, 3)}, "3 tanh(X @ W)"),
        ],
        gives=("W", "X", "logits", "labels"),
        computed={"logits": None},
        hidden=("X",),
        extras={"labels": _classes},
        also=(
            ONE_HOT_FORGOTTEN,
            ONE_HOT_ALONE,
            SOFTMAX_OF_COLUMNS,
            SUM_OVER_SAMPLES,
            MEAN_OVER_ENTRIES,
            SOFTMAX_TWICE,
            SOFTMAX_NOT_CROSSED,
            LOGARITHM_LEFT_OUT,
            HANDED_TO_PROBABILITIES,
            SOFTMAX_LEFT_OUT,
            SIGMOID_FOR_SOFTMAX,
            PART_DIVIDED,
            LOG_FOR_PROBABILITY,
            STOPPED_AT_LOGITS,
            CATALOGUE["weight_not_detached"].derived(_upstream(_weight_moves)),
        ),
        without={
            "accumulated": "the sum over the batch is N times the mean",
            "one_weight_for_all": "the weights of a sample add up to 0, so that nothing would be left",
        },
        points=3,
        stars=4,
        minutes=10,
        hints=(
            "Two steps. What is the gradient of the loss with respect to the logits? And what does `autograd.grad` do "
            "with it, one layer further back?",
            "At the logits it is p − one-hot, divided by N for the mean: a table of shape (N, C). Use "
            "`torch.softmax(logits, dim=1)` and `torch.nn.functional.one_hot(labels, logits.shape[1])`.",
            "`v = (p - hot) / len(labels)`, with p and hot as in the hint before; then v goes in as `grad_outputs`.",
        ),
    ),
    Question(
        "05.token_contributions",
        "5.11 Transfer: which word did it?",
        Computed(wrt="E", compute=_contributions, text="x_t · ∂logit_c/∂x_t, for every token t"),
        [_text(4, 3, [2, 0, 2, 3, 1]), _text(5, 2, [1, 4, 1, 1]), _text(4, 4, [3, 0, 0, 3])],
        gives=("head", "E", "ids", "c"),
        hands={"head": functions.text_head},
        extras={"c": place()},
        also=(
            USES_MERGED,
            ONE_PER_WORD,
            ALL_LOGITS,
            OTHER_LOGIT,
            PROBABILITY_FOR_LOGIT,
            ROW_LEFT_OUT,
            LENGTH_FOR_CONTRIBUTION,
            SIGN_LOST,
            GRADIENT_OF_ROWS,
            NOT_ADDED_UP,
            MEAN_OF_PRODUCTS,
        ),
        points=3,
        stars=4,
        minutes=10,
        hints=(
            "Do it in three steps: look up the rows, X = E[ids]; compute the logits from this X; differentiate one of "
            "them. With respect to which tensor?",
            "`autograd.grad` takes an intermediate tensor as input, too, if it is the very one that the logits were "
            "computed from. With respect to E, the uses of a word would be added up.",
            "`(g,) = torch.autograd.grad(head(X)[c], X)`, and then each row of X times its row of g: "
            "`(X * g).sum(dim=1)`.",
        ),
    ),
    Question(
        "05.backward_gradient",
        "5.12 Recall: backward, on a leaf that has a past",
        GradState(),
        [FAN, SWIRL, FOLD],
        gives=("f", "x", "v"),
        weights=V,
        extras={"stale": like("x")},
        points=2,
        stars=2,
        minutes=5,
        hints=(
            "`y.backward(gradient=…)` takes the weight that `grad_outputs` takes.",
            "From unit 02: `backward` adds to what is in `x.grad`. What must be there before you call it?",
            "`x.grad = None`, then `f(x).backward(gradient=v)`.",
        ),
    ),
]
