"""Questions about models: a loss is judged by its value and its gradient, a trained model by its parameters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from grader.card import as_html
from grader.judge import diagnose, judge
from grader.mistakes import Mistake
from grader.models import Loss, LossParts, Trained
from grader.problem import Map, fixed, normal
from grader.quantities import Gradient
from grader.question import Question

from support import returned, returned_on

PARAMETERS = ("W", "a", "b")


def critic(W, a, b, x):
    return torch.tanh(x @ W.T) @ a + b


class Critic(nn.Module):
    def __init__(self, W, a, b):
        super().__init__()
        self.W, self.a, self.b = W, a, b

    def forward(self, x):
        return critic(self.W, self.a, self.b, x)


def parts(W, a, b, x, z):
    """Mean scores of x and of z, and the mean square of the slope at z, by a formula."""
    slope = (a * (1 - torch.tanh(z @ W.T) ** 2)) @ W
    return torch.stack([critic(W, a, b, x).mean(), critic(W, a, b, z).mean(), (slope**2).sum(dim=1).mean()])


INPUTS = {"W": normal(3, 2), "a": normal(3), "b": normal(), "x": normal(4, 2), "z": normal(3, 2)}
LOSS = Question(
    "99.loss",
    "Loss",
    Loss(PARAMETERS, parts=("score", "other", "slope"), weights=lambda p: (1, -1, p.extras["lam"]), text="L"),
    [Map(parts, INPUTS)],
    (*PARAMETERS, "critic", "x", "z", "lam"),
    extras={"lam": lambda generator, p: 0.5},
    computed={"critic": Critic},
    hidden=PARAMETERS,
)


def loss(critic, x, z, lam, graph=True, sign=1.0, keep=1.0):
    z = z.clone().requires_grad_()
    (g,) = torch.autograd.grad(critic(z).sum(), z, create_graph=graph)
    return critic(x).mean() - sign * critic(z).mean() + keep * lam * g.square().sum(dim=1).mean()


def only_slope(critic, x, z, lam):
    difference = critic(x).mean() - critic(z).mean()
    return loss(critic, x, z, lam) - difference + difference.item()


def halved(critic, x, z, lam):
    return loss(critic, x, z, lam) + critic(z).mean() / 2


def test_a_loss_with_the_right_gradient_is_right():
    v = diagnose(LOSS, loss)
    assert v.correct
    assert "its gradient with respect to the parameters" in v.headline


@pytest.mark.parametrize(
    ("key", "part", "answer"),
    [
        ("part_without_gradient", "slope", lambda c, x, z, lam: loss(c, x, z, lam, graph=False)),
        ("part_without_gradient", "score", lambda c, x, z, lam: loss(c, x, z, lam) - c(x).mean() + c(x).mean().item()),
        ("part_sign_turned", "other", lambda c, x, z, lam: loss(c, x, z, lam, sign=-1.0)),
        ("part_sign_turned", "slope", lambda c, x, z, lam: loss(c, x, z, lam, keep=-1.0)),
        ("part_left_out", "slope", lambda c, x, z, lam: loss(c, x, z, lam, keep=0.0)),
        ("part_unweighted", "slope", lambda c, x, z, lam: loss(c, x, z, 1.0)),
        ("part_weighted_twice", "slope", lambda c, x, z, lam: loss(c, x, z, lam * lam)),
        ("part_alone", "score", lambda c, x, z, lam: c(x).mean()),
        ("all_parts_weighted", "slope", lambda c, x, z, lam: lam * loss(c, x, z, 1.0)),
        ("loss_sign_turned", "", lambda c, x, z, lam: -loss(c, x, z, lam)),
        ("part_without_gradient", "score and other", lambda c, x, z, lam: only_slope(c, x, z, lam)),
        ("parts_weighted_otherwise", "1 · score − 0.5 · other", lambda c, x, z, lam: halved(c, x, z, lam)),
        ("parts_weighted_otherwise", "1.5 · slope", lambda c, x, z, lam: loss(c, x, z, lam, keep=3.0)),
        ("value_without_graph", "", lambda c, x, z, lam: loss(c, x, z, lam).detach()),
    ],
)
def test_the_part_of_a_loss_that_is_wrong_is_named(key, part, answer):
    v = diagnose(LOSS, answer)
    assert (v.status, v.mistake) == ("mistake", key)
    assert part in v.headline + v.message
    assert v.score == 0


def test_what_stops_only_when_the_loss_is_differentiated_is_said_to_have_happened_then():
    def backward_inside(critic, x, z, lam):
        made = loss(critic, x, z, lam)
        made.backward()
        return made

    v = diagnose(LOSS, backward_inside)
    assert (v.status, v.error, v.lines) == ("raised", "second_backward", ())
    assert "when the grader differentiated what you returned" in v.message

    def stops(critic, x, z, lam):
        return loss(critic, x, z, lam).backward(z)

    assert "was differentiated" not in diagnose(LOSS, stops).message


def test_another_loss_is_not_said_to_have_other_weights():
    def squared(critic, x, z, lam):
        return loss(critic, x, z, lam) + critic(x).square().mean()

    assert diagnose(LOSS, squared).mistake is None


def test_a_parameter_that_takes_no_part_may_get_none():
    def without_bias(critic, x, z, lam):
        return loss(critic, x - 0, z, lam) - critic.b + critic.b.detach()  # b cancels in the true loss, too

    assert diagnose(LOSS, without_bias).correct is False  # −b is a part of its own here: its gradient is −1, not 0

    def never_b(critic, x, z, lam):
        free = lambda t: torch.tanh(t @ critic.W.T) @ critic.a  # noqa: E731
        z = z.clone().requires_grad_()
        (g,) = torch.autograd.grad(free(z).sum(), z, create_graph=True)
        return free(x).mean() - free(z).mean() + lam * g.square().sum(dim=1).mean()

    assert diagnose(LOSS, never_b).correct


def off_by_a_sum(p):
    score, other, slope = p.truth
    return [({"place": 1}, (score, other * len(p.inputs["z"]), slope))]


SUMMED = Mistake("summed_part", name="a sum", says="this is a sum.", on_problem=off_by_a_sum)
PARTS = replace(
    LOSS,
    asks=LossParts(parts=("score", "other", "slope")),
    maps=[Map(lambda *inputs: tuple(parts(*inputs)), INPUTS)],
    also=(SUMMED,),
    partial=True,
)


def test_a_tuple_of_parts_is_named_after_its_first_wrong_part():
    p = PARTS.sample(0)
    score, other, slope = p.truth
    v = judge(PARTS, [p], [returned((score, other * 3, slope + 1))])
    assert (v.mistake, v.score) == ("summed_part", pytest.approx(2 / 3 * 1))
    assert v.headline.startswith("entry other of your tuple")
    v = judge(PARTS, [p], [returned((score + 1, other * 3, slope))])
    assert v.mistake is None
    assert "at slope" in v.headline
    assert judge(PARTS, [p], [returned((score, other, slope))]).correct


def test_an_entry_that_is_none_is_explained_as_an_entry():
    p = PARTS.sample(0)
    score, _, slope = p.truth
    v = judge(PARTS, [p], [returned((score, None, slope))])
    assert v.status == "type"
    assert v.headline.startswith("entry other")
    assert "allow_unused" in v.message


def crooked(w, x):
    return (x * w).square().sum() + w.sum()


@pytest.mark.parametrize("hidden", [True, False])
def test_what_is_hidden_is_not_named_where_a_value_is_described(hidden):
    """The truth at another w is told of an argument, and not of a parameter that the student does not see."""
    names = ("w",) if hidden else ()
    maps = [Map(crooked, {"w": normal(2), "x": normal(3, 2)})]
    q = Question("99.hidden", "Hidden", Gradient(wrt="w"), maps, ("w", "x"), hidden=names)
    problems = [q.sample(k) for k in range(3)]
    elsewhere = [returned(p.at("w", -p.inputs["w"]).truth) for p in problems]
    assert ("if w were" in judge(q, problems, elsewhere).message) is not hidden


# --- a trained model: u″ = 2 with u(0) = 0, u(1) = 3, so u = x² + 2x


def cubic(w, x):
    return w[0] + w[1] * x + w[2] * x**2 + w[3] * x**3


class Cubic(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.w = w

    def forward(self, x):
        return cubic(self.w, x)


def residual(p):
    return np.diag(p.block("x", np.ones(p.y.size)).H) - 2


def boundary(p):
    w = p.inputs["w"].numpy()
    return np.array([w[0], w.sum() - 3])


def wrong_sign(p):
    x = p.inputs["x"].numpy()
    return -(x**2) + 4 * x


TURNED = Mistake("turned", name="turned", says="this solves −u″ = 2.", on_problem=wrong_sign)
TRAINED = Question(
    "99.trained",
    "Train",
    Trained(
        "w",
        exact=lambda p: p.inputs["x"].numpy() ** 2 + 2 * p.inputs["x"].numpy(),
        residual=residual,
        boundary=boundary,
        along="x",
    ),
    [Map(cubic, {"w": normal(4), "x": fixed([0.0, 0.2, 0.4, 0.7, 1.0])})],
    ("w", "u"),
    computed={"u": Cubic},
    hidden=("w",),
    also=(TURNED,),
)


def becomes(*w):
    return lambda u: u.w.data.copy_(torch.tensor(w, dtype=torch.float64))


def by_newton(u):
    """One step of least squares, which is exact: the residual and the boundary values are linear in w."""
    for _ in range(2):
        x = torch.linspace(0, 1, 9, dtype=torch.float64, requires_grad=True)

        def misses(w, x=x):
            second = 2 * w[2] + 6 * w[3] * x
            return torch.cat([second - 2, w[:1], w.sum()[None] - 3])

        J = torch.func.jacfwd(misses)(u.w.detach())
        u.w.data -= torch.linalg.lstsq(J, misses(u.w.detach())).solution


@pytest.mark.parametrize("answer", [becomes(0, 2, 1, 0), becomes(0.001, 2, 1.01, 0), by_newton])
def test_a_model_near_the_solution_is_right(answer):
    assert diagnose(TRAINED, answer).correct


def test_parameters_are_found_for_any_value_that_the_model_can_have():
    p = TRAINED.sample(0)
    x = p.inputs["x"].numpy()
    assert judge(TRAINED, [p], [returned_on(p, p.truth)]).correct
    assert judge(TRAINED, [p], [returned_on(p, wrong_sign(p))]).mistake == "turned"
    assert judge(TRAINED, [p], [returned_on(p, 1 + x)]).mistake == "not_trained_enough"


def replaced(u):
    u.w = nn.Parameter(torch.tensor([0.0, 2, 1, 0], dtype=torch.float64))


def test_parameters_that_were_replaced_are_looked_at():
    assert diagnose(TRAINED, replaced).correct


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("untrained", lambda u: u.zero_grad()),
        ("untrained", lambda u: Cubic(nn.Parameter(torch.tensor([0.0, 2, 1, 0], dtype=torch.float64)))),
        ("training_diverged", becomes(float("nan"), 2, 1, 0)),
        ("boundary_missed", becomes(0, 0, 1, 0)),
        ("boundary_missed", becomes(1, 2, 1, 0)),
        ("equation_missed", becomes(0, 3, 0, 0)),
        ("not_trained_enough", becomes(0.3, 2, 2, 0)),
        ("turned", becomes(0, 4, -1, 0)),
        ("turned", becomes(0, 4.001, -1, 0)),
    ],
)
def test_what_a_trained_model_misses_is_said(key, answer):
    v = diagnose(TRAINED, answer)
    assert (v.status, v.mistake) == ("mistake", key)
    assert "{" not in v.headline + v.message


def test_a_card_draws_what_was_found_and_the_exact_solution_along_the_points():
    for answer in (becomes(0, 2, 1, 0), becomes(0, 3, 0, 0)):
        said = as_html(diagnose(TRAINED, answer))
        assert "Two curves over 5 points" in said
    assert "Two curves" not in as_html(diagnose(TRAINED, becomes(float("nan"), 2, 1, 0)))


def test_what_the_answer_returns_or_claims_counts_for_nothing():
    def claims(u):
        u.forward = lambda x: x**2 + 2 * x
        return 0.0

    assert diagnose(TRAINED, claims).mistake == "untrained"
