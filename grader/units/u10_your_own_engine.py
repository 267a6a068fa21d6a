"""Unit 10: reverse mode from scratch: an engine that the student builds, run on expressions that it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.engines import WRONG_ENGINES, Node, parents_first
from grader.mistakes import CATALOGUE, Mistake
from grader.predictions import Predicted
from grader.problem import SEPARATION, Drawn, Map, Problem, alike, fixed, mixed_signs, normal, uniform
from grader.programs import EngineGradient, LocalRule, ParentsFirst
from grader.quantities import Computed
from grader.question import Question
from grader.units import u10_functions as functions

G = {"g": None}


def _weights_of_all(generator: torch.Generator, p: Problem) -> Tensor:
    """An upstream gradient for each entry of all outputs, flattened: (m,)."""
    return mixed_signs(p.y.size)(generator)


# --- 10.1


def _arrivals(p: Problem) -> np.ndarray:
    """The gradients at a, b, c and d: (4,); those at c and d are derivatives with respect to zeros added there."""
    return np.array([p.jacobians[name].item() for name in ("a", "b", "at_c", "at_d")])


def _values(p: Problem) -> np.ndarray:
    """The values of a, b, c and d in the forward pass."""
    a, b = (p.inputs[name].item() for name in ("a", "b"))
    return np.array([a, b, a * b, a * b + a])


def _arrivals_by(key: str) -> Mistake:
    """An engine's mistake, derived for the small graph of 10.1.  key: the mistake's."""

    def on_problem(p: Problem) -> Any:
        a, b = (Node(p.inputs[name].numpy()) for name in ("a", "b"))
        c = a * b
        d = c + a
        runs = [engine(e, np.ones(())) for e in (d * c,) for engine in WRONG_ENGINES[key.removeprefix("engine_")]]
        found = (np.array([float(run.of(node)) for node in (a, b, c, d)]) for run in runs)
        return [({}, values) for values in found if not alike(values, _arrivals(p), SEPARATION)]

    return CATALOGUE[key].derived(on_problem)


VALUES_FOR_GRADIENTS = Mistake(
    "values_for_gradients",
    name="the values instead of the gradients",
    says="these are the values on the way forward.",
    why="A gradient says how much e moves when the value is moved by a little. Begin at the end: at e it is 1.",
    on_problem=_values,
)
ONE_USE_OF_A = Mistake(
    "one_use_of_a",
    name="one use of a forgotten",
    says="c, d and b are right; at a, only one of its two uses was counted.",
    why="a is used twice: in c = a·b and in d = c + a. Both hand something back, and the two are added.",
    on_problem=lambda p: [
        ({}, np.array([part, *_arrivals(p)[1:]])) for part in (_arrivals(p)[3], _arrivals(p)[0] - _arrivals(p)[3])
    ],
)


def _with_one_use_of_c(p: Problem) -> Any:
    (a, b, *_), (_, _, at_c, at_d) = _values(p), _arrivals(p)
    return [({}, np.array([at_d + b * part, a * part, part, at_d])) for part in (at_c - at_d, at_d)]


ONE_USE_OF_C = Mistake(
    "one_use_of_c",
    name="one use of c forgotten",
    says="d is right; at c, only one of its two uses was counted, and a and b were given what c then hands on.",
    why="c is used twice: in d = c + a and in e = d·c. Both hand something back to c, and c hands on their sum.",
    on_problem=_with_one_use_of_c,
)


# --- 10.2


def _never_one(shape: tuple[int, ...], generator: torch.Generator) -> np.ndarray:
    """Upstream gradients different from 1, so that a rule that ignores them is noticed."""
    g = mixed_signs(*shape)(generator).numpy()
    return np.where(g == 1, 1.01, g)


# --- 10.3


def _graph(size: int, likely: float) -> Any:
    """A sampler of tables: acyclic graphs whose nodes have up to two parents and are numbered at random."""

    def draw(generator: torch.Generator) -> Tensor:
        table = torch.zeros(size, size, dtype=torch.float64)
        names = torch.randperm(size, generator=generator)
        for k in range(2, size):
            far = torch.rand((), generator=generator) < likely
            first = k - 1 if far else int(torch.randint(k, (), generator=generator))
            second = int(torch.randint(k, (), generator=generator))
            for parent in (first, second):
                table[names[k], names[parent]] += 1
        return table

    return draw


def _root(generator: torch.Generator, p: Problem) -> int:
    """The node that depends on the most other nodes, but not on all."""
    table = p.inputs["table"].numpy()
    behind = np.linalg.matrix_power(np.eye(len(table)) + (table > 0), len(table)) > 0
    counts = np.where(behind.sum(axis=1) < len(table), behind.sum(axis=1), 0)
    return int(np.argmax(counts))


# --- 10.4


def _upstream(generator: torch.Generator, p: Problem) -> Tensor:
    """An upstream gradient for a single number: negative, except 1, which ``backward`` gets by default, for one Map."""
    if p.map.fn is functions.product_and_more:
        return torch.ones((), dtype=torch.float64)
    return uniform(-1.9, -0.4)(generator)


# --- 10.5


def _operands(signs: str, sizes: str) -> Any:
    """A sampler of numbers of given signs, + or −, and sizes, s for small or b for big."""

    def draw(generator: torch.Generator) -> Tensor:
        low = torch.tensor([1.1 if size == "b" else 0.2 for size in sizes], dtype=torch.float64)
        sign = torch.tensor([1.0 if s == "+" else -1.0 for s in signs], dtype=torch.float64)
        return sign * (low + uniform(0.0, 0.7, len(sizes))(generator))

    return draw


def _of_its_own_signs(shape: tuple[int, ...], generator: torch.Generator) -> np.ndarray:
    """Upstream gradients whose signs are independent of any comparison in a rule: both signs occur in each branch."""
    (size,) = shape
    return np.array([1.0, -1.0, -1.0, 1.0, 1.0, -1.0])[:size] * uniform(0.25, 2.0, size)(generator).numpy()


# --- 10.6


def _one_hot(rows: int, classes: int) -> Any:
    """A sampler of target probabilities: one of the classes is certain in each row."""
    return lambda generator: torch.eye(classes, dtype=torch.float64)[
        torch.randint(classes, (rows,), generator=generator)
    ]


# --- 10.8


def _counts(p: Problem) -> tuple[float, float]:
    """Calls of pull in the chain of squarings, by a real run of both engines."""
    k = int(p.extras["k"])
    x = out = Node(1.0)
    for _ in range(k):
        out = out * out
    return sum(bool(node.parents) for node in parents_first(out)), _calls(out) if x is not out else 0


def _calls(node: Node) -> int:
    """How often ``pull`` is called if every node calls its parents each time a gradient arrives."""
    return bool(node.parents) + sum(_calls(parent) for parent in node.parents)


def _counted(key: str, name: str, says: str, why: str, make: Any) -> Mistake:
    return Mistake(key, name=name, says=says, why=why, on_problem=lambda p: make(int(p.extras["k"])))


EDGES_FOR_NODES = _counted(
    "edges_for_nodes",
    "edges counted instead of nodes",
    "the first number counts the edges, two for each multiplication.",
    "In topological order every node goes to work once, and one call of `pull` serves both of its parents.",
    lambda k: [({}, (2.0 * k, second)) for second in (2.0**k - 1, 2.0**k, 2.0 ** (k + 1) - 2)],
)
LEAF_COUNTED = _counted(
    "leaf_counted",
    "the leaf counted as well",
    "x itself was counted among the nodes that have a rule.",
    "x is a leaf: no operation made it, so it has no `pull` to call.",
    lambda k: [
        ({}, (k + 1.0, 2.0**k - 1)),
        ({}, (k + 1.0, 2.0 ** (k + 1) - 1)),
        ({}, (1.0 * k, 2.0 ** (k + 1) - 1)),
        ({}, (k + 1.0, 2.0**k)),
    ],
)
WAYS_FOR_CALLS = _counted(
    "ways_for_calls",
    "paths or contributions counted instead of calls",
    "the second number counts paths, contributions or the calls in one layer, not all calls of `pull`.",
    "Every layer is called twice as often as the one after it: 1 + 2 + 4 + … + 2ᵏ⁻¹. The 2ᵏ contributions that "
    "arrive at x at the end cost no call.",
    lambda k: [({}, (1.0 * k, 2.0**k)), ({}, (1.0 * k, 2.0 ** (k - 1))), ({}, (1.0 * k, 2.0 ** (k + 1) - 2))],
)
RECURSION_NOT_DOUBLED = _counted(
    "recursion_not_doubled",
    "the doubling missed",
    "the second number grows far too slowly.",
    "In naive recursion each call of a node calls its parent twice, once for each factor, and each of these two "
    "calls does the same: the number doubles from layer to layer.",
    lambda k: [({}, (1.0 * k, second)) for second in (1.0 * k, 2.0 * k, 1.0 * k * k, 2.0 * k - 1, k * (k + 1) / 2)],
)
COUNTS_EXCHANGED = _counted(
    "counts_exchanged",
    "the two numbers exchanged",
    "the right numbers, in the other order.",
    "Topological order comes first: it calls each rule once.",
    lambda k: (2.0**k - 1, 1.0 * k),
)
PASSES_FOR_CALLS = _counted(
    "both_the_same",
    "the same number twice",
    "both numbers are those of naive recursion.",
    "In topological order a node waits until both contributions have arrived, and goes to work once.",
    lambda k: (2.0**k - 1, 2.0**k - 1),
)

SHAPES = (
    "Some gradient has a wrong shape. What a rule gets has the shape of its node's data, and what it hands back to a "
    "parent the shape of that parent's. In `__getitem__`: zeros in the shape of `self.data`, with g, in the shape of "
    "`self.data[key]`, at `key`."
)

PAIR = {"a": normal(), "b": normal()}

QUESTIONS = [
    Question(
        "10.predict_shared",
        "10.1 Predict: a value used twice",
        Predicted(wrt="a", of=Computed(wrt="a", compute=_arrivals, text="the gradients at a, b, c, d")),
        [
            Map(
                functions.used_twice,
                {"a": fixed(2.0), "b": fixed(-3.0), "at_c": fixed(0.0), "at_d": fixed(0.0)},
                "e = d·c, c = a·b, d = c + a",
            )
        ],
        also=(
            _arrivals_by("engine_assigned"),
            _arrivals_by("engine_order"),
            _arrivals_by("engine_passed_on_again"),
            _arrivals_by("engine_one_step"),
            _arrivals_by("upstream_ignored"),
            VALUES_FOR_GRADIENTS,
            ONE_USE_OF_A,
            ONE_USE_OF_C,
        ),
        points=1,
        stars=1,
        minutes=5,
        hints=(
            "Begin at the end: e = d·c hands c to d and d to c. Is that all that c gets?",
            "d is complete then and hands on: to c and to a. After that c is complete: −4 − 6 = −10.",
            "c hands b·(−10) to a, where −6 has arrived from d already.",
        ),
    ),
    Question(
        "10.local_rules",
        "10.2 What each operation hands back",
        LocalRule(),
        [
            Map(functions.sine_of, {"x": uniform(-2.2, -0.8)}, "sin x"),
            Map(functions.exponential, {"x": uniform(-1.5, 1.5)}, "exp x"),
            Map(functions.logarithm, {"x": uniform(0.3, 4)}, "log x"),
            Map(functions.hyperbolic_tangent, {"x": uniform(0.4, 1.5)}, "tanh x"),
            Map(functions.third_power, {"x": uniform(0.6, 1.8)}, "x ** 3"),
            Map(functions.inverse_square, {"x": uniform(-2, -0.4)}, "x ** −2"),
            Map(functions.difference, PAIR, "a − b"),
            Map(functions.quotient, PAIR, "a / b"),
        ],
        gives=("f", "inputs", "g"),
        weights={"g": Drawn(_never_one)},
        partial=True,
        points=3,
        stars=2,
        minutes=10,
        hints=(
            "For y = f(x), `pull` gets g = ∂L/∂y and returns (g · f′(x),): a tuple, one entry for each parent.",
            "Inside of `pull`, `self.data` is still the operand. For exp and tanh it is handier to use the "
            "result: keep it in a variable.",
            "a / b: `(g / other.data, -g * self.data / other.data**2)`.",
        ),
    ),
    Question(
        "10.topological_order",
        "10.3 Parents first",
        ParentsFirst(),
        [
            Map(functions.number_of_edges, {"table": _graph(7, 0.6)}),
            Map(functions.number_of_edges, {"table": _graph(9, 0.7)}),
            Map(functions.number_of_edges, {"table": _graph(8, 0.5)}),
        ],
        gives=("table", "parents", "root"),
        computed={"parents": functions.as_lists},
        hidden=("table",),
        extras={"root": _root},
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "Write an inner function `visit(k)` that calls itself for every parent of k.",
            "When may k itself be appended: before or after its parents have been visited?",
            "`if k not in seen:` add it to the set, visit each of `parents[k]`, and then append k.",
        ),
    ),
    Question(
        "10.backward_pass",
        "10.4 The backward pass in ten lines",
        EngineGradient(weighted=True),
        [
            Map(functions.deep_on_the_left, PAIR, "((ua)·t + su)·s·b with s = ab, t = s + b, u = t·t"),
            Map(
                functions.deep_on_both_sides,
                {"a": normal(), "b": normal(), "c": normal()},
                "(((ta + s)·t)·s + s·(t·(s + bt)))·c with s = a + bc, t = sc",
            ),
            Map(functions.squares_of_squares, PAIR, "(tb + s)·t + t·(bs) + a with s = ab + 2a, t = s·s"),
            Map(functions.product_and_more, PAIR, "ab + a"),
        ],
        gives=("f", "inputs", "g"),
        extras={"g": _upstream},
        points=3,
        stars=4,
        minutes=12,
        hints=(
            "First the order, as in 10.3: a list in which every node stands after its parents. Then go through it "
            "backwards.",
            "Before the loop, the output's own gradient is the g that `backward` is given. In the loop, "
            "`node.pull(node.grad)` returns one gradient for each of `node.parents`.",
            "`parent.grad = parent.grad + part`: added, not assigned. Leaves have no `pull`.",
        ),
    ),
    Question(
        "10.branch",
        "10.5 A rule with a branch",
        LocalRule(),
        [
            Map(functions.rectified, {"x": _operands("++-+-", "bsbsb")}, "relu(x)"),
            Map(functions.absolute, {"x": _operands("++--", "bsbs")}, "|x|"),
            # All ways in which two numbers can compare: signs alike or opposite, and either of them the larger in size.
            Map(
                functions.larger,
                {"a": _operands("++--+-", "bssbsb"), "b": _operands("++---+", "sbbsbs")},
                "max(a, b), entry by entry",
            ),
        ],
        gives=("f", "inputs", "g"),
        weights={"g": Drawn(_of_its_own_signs)},
        partial=True,
        points=2,
        stars=3,
        minutes=8,
        hints=(
            "A comparison of arrays, such as `self.data > 0`, is True and False entry by entry; times g, it keeps "
            "or drops.",
            "relu: `(g * (self.data > 0),)`. What is the slope of |x| on either side?",
            "max: each entry of g goes to one of the two parents: `self.data > other.data`, or not.",
        ),
    ),
    Question(
        "10.array_rules",
        "10.6 Rules for arrays",
        LocalRule(),
        [
            Map(functions.sum_of_two, {"A": normal(3, 4), "B": normal(4)}, "A + B with shapes (3, 4) and (4,)"),
            Map(functions.sum_of_two, {"A": normal(3, 1), "B": normal(3, 4)}, "A + B with shapes (3, 1) and (3, 4)"),
            Map(functions.product_of_two, {"A": normal(2, 3), "B": normal(3)}, "A · B with shapes (2, 3) and (3,)"),
            Map(
                functions.product_of_two, {"A": normal(2, 1), "B": normal(2, 3)}, "A · B with shapes (2, 1) and (2, 3)"
            ),
            Map(functions.product_of_two, {"A": normal(2, 3), "B": normal()}, "A · B with shapes (2, 3) and ()"),
            Map(functions.total, {"A": normal(2, 3)}, "A.sum()"),
            Map(functions.column_sums, {"A": normal(2, 3)}, "A.sum(axis=0)"),
            Map(functions.row_sums, {"A": normal(3, 3)}, "A.sum(axis=1) with shape (3, 3)"),
            # The square product first: with its shapes a wrong side is found by its values, with others it is an error.
            Map(functions.matrix_product, {"A": normal(3, 3), "B": normal(3, 3)}, "A @ B, (3, 3) by (3, 3)"),
            Map(functions.matrix_product, {"A": normal(2, 3), "B": normal(3, 4)}, "A @ B, (2, 3) by (3, 4)"),
        ],
        gives=("f", "inputs", "g"),
        weights=G,
        partial=True,
        points=3,
        stars=4,
        minutes=15,
        hints=(
            "`unbroadcast`: first sum over the axes that the operand does not have (there are `g.ndim - len(shape)` "
            "of them, all on the left), then, with `keepdims=True`, over those where its size is 1.",
            "sum: every entry gets the gradient of the sum that it went into. `np.expand_dims(g, axis)` puts the "
            "missing axis back, `np.broadcast_to` fills it.",
            "A @ B: from unit 06, `(g @ other.data.T, self.data.T @ g)`. Do the shapes fit?",
        ),
    ),
    Question(
        "10.earlier_maps",
        "10.7 Transfer: the course's earlier maps through your engine",
        EngineGradient(weighted=True),
        [
            Map(functions.ridge_for_engines, {"x": normal(3)}, "x₀²x₁ + x₀ sin x₂ + x₁x₂²"),
            Map(functions.swirl_for_engines, {"x": normal(3)}, "(x₀x₁, sin x₁ + 2x₂, x₀x₂ − x₁²)"),
            Map(functions.layer_for_engines, {"A": normal(2, 3), "x": normal(3)}, "sin((A · x) summed along its rows)"),
            Map(functions.mixed_rows_for_engines, {"X": normal(3, 2)}, "X @ X.T[:, :2] + X[:, :2]²"),
            Map(
                functions.half_squared_error_for_engines,
                {"X": normal(4, 3), "W": normal(3, 2), "b": normal(2), "T": normal(4, 2)},
                "½ Σ (XW + b − T)²",
            ),
            Map(
                functions.cross_entropy,
                {"X": normal(4, 2), "W": normal(2, 3), "b": normal(3), "P": _one_hot(4, 3)},
                "softmax and cross-entropy of XW + b",
            ),
            Map(
                functions.looked_up,
                {"table": normal(4, 2), "x": normal(2), "c": normal(5, 1)},
                "Σ tanh(E · x) · E · c, E = table[[2, 0, 2, 1, 2]]",
            ),
        ],
        gives=("f", "inputs", "v"),
        extras={"v": _weights_of_all},
        without={
            "engine_one_step": "no input is a parent of an output here, so that such an engine finds zeros",
            "engine_upstream_twice": "for matrices and sums such an engine stops with an error",
            "engine_parts_exchanged": "for matrices such an engine stops with an error about shapes",
            "engine_order": "where one value alone is shared, such an engine loses just what one that assigns does",
        },
        errors={"shapes_do_not_broadcast": SHAPES},
        points=3,
        stars=4,
        minutes=15,
        hints=(
            "All rules are written: `class Engine(Backward, Smooth, Branches, Arrays)` has them. Only indexing is "
            "missing, and `backward` must start with the gradient that it is given.",
            "x[key] hands back zeros in x's shape, with g at the places that were taken.",
            "An index may take an entry more than once: `np.add.at(z, key, g)` adds, `z[key] += g` does not.",
        ),
    ),
    Question(
        "10.count",
        "10.8 Recall: count the work",
        Computed(compute=_counts, text="(k, 2ᵏ − 1)"),
        [Map(functions.squared, {"x": fixed(1.0)}, "x ← x·x, k times")],
        gives=("k",),
        extras={"k": lambda generator, p: int(torch.randint(5, 13, (), generator=generator))},
        also=(
            EDGES_FOR_NODES,
            LEAF_COUNTED,
            WAYS_FOR_CALLS,
            RECURSION_NOT_DOUBLED,
            COUNTS_EXCHANGED,
            PASSES_FOR_CALLS,
        ),
        plain_numbers=True,
        points=1,
        stars=2,
        minutes=5,
        hints=(
            "How many nodes does an operation make here, and how often does each go to work in topological order?",
            "In naive recursion the output is called once, and each call of a node calls its parent twice.",
            "1 + 2 + 4 + … + 2ᵏ⁻¹ = 2ᵏ − 1.",
        ),
    ),
]
