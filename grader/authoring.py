"""Everything that the author of a course imports, in one place, and a guide by example to writing one.

**A pack** is a module with ``QUESTIONS = [Question(...), ...]`` and, beside it, a second module with the functions that
students are handed.  Nothing else is written: the reference, the hidden problems, the mistakes, the cards and most
of the tests follow from the data.  ``tests/test_authoring.py`` runs the examples here and in the docstrings of all that
this module exports; they assume these imports:

>>> import numpy as np
>>> import torch
>>> from grader.authoring import *

**A question in ten lines.**  ``pair`` belongs in the module of functions:

>>> def pair(x):
...     return torch.stack([x[0] * x[1], x[1] ** 2 + torch.sin(x[2])])
>>> QUESTION = Question(
...     "ps1.weight_the_outputs",  # the unit, a dot and a name
...     "1.1 Say how much each output counts",
...     WeightedGradient(),  # what is asked for: Jᵀv, in x's shape
...     [Map(pair, {"x": normal(3)}, "(x₀x₁, x₁² + sin x₂)")],  # what is differentiated, and where
...     gives=("f", "x", "v"),  # the arguments of the student's function, in order
...     weights={"v": mixed_signs()},  # no shape given: it takes the output's
...     hints=("Which argument of `autograd.grad` has y's shape?", "`autograd.grad(f(x), x, grad_outputs=v)`"),
... )
>>> problem = QUESTION.sample(seed=0)
>>> problem.truth.shape, [wrong.key for wrong in problem.wrongs][:3]
((3,), ['ones_weight', 'mean_of_weighted', 'mean_of_outputs'])

Which mistakes are recognized depends on what is asked; ``CATALOGUE`` lists them all.  Their values must differ from the
truth and from each other, or ``sample`` raises ``Inseparable``, whose message says what coincides and what to do.

**A mistake of your own** is a derivation, computed from the same problem as the truth, and the words that explain it:

>>> FIRST_OUTPUT = Mistake(
...     "first_output_subtracted",
...     name="the first output subtracted",
...     says="this is the gradient of y₁ − y₀.",
...     why="Every output counts as much as `v` says, and here v = {v}.",
...     on_problem=lambda p: p.jacobians["x"][1] - p.jacobians["x"][0],
... )
>>> from dataclasses import replace
>>> replace(QUESTION, also=[FIRST_OUTPUT]).sample(seed=0).wrongs[-1].key
'first_output_subtracted'

``p`` is a ``Problem``: it has inputs, outputs, weights and extras by name, and for each input J of shape (m, n).

**A model** is built from tensors that are inputs of the Map.  Named in ``hidden``, they are not passed to the student,
but to the function in ``computed``, as ``nn.Parameter``.  The module registers these very objects, so that their
gradients can be found by name; the Map's function computes the same in plain operations.  Both belong in the module
of functions:

>>> def scores(w, x): return torch.tanh(x @ w)
>>> class Scores(torch.nn.Module):
...     def __init__(self, w): super().__init__(); self.w = w
...     def forward(self, x): return scores(self.w, x)
>>> def parts(w, x): return torch.stack([scores(w, x).mean(), (w ** 2).sum()])
>>> LOSS = Question(
...     "ps1.loss",
...     "1.2 A loss and its gradient",
...     Loss(wrt="w", parts=("score", "decay"), weights=lambda p: (-1, 0.1), text="−mean(model(x)) + 0.1‖w‖²"),
...     [Map(parts, {"w": normal(3), "x": normal(4, 3)})],
...     gives=("w", "model", "x"),
...     computed={"model": Scores},
...     hidden=("w",),
... )
>>> from grader.judge import diagnose
>>> diagnose(LOSS, lambda model, x: -model(x).mean() + 0.1 * model.w.detach().square().sum()).mistake
'part_without_gradient'

``Gradient`` and ``SampleGradients`` with respect to such a tuple of names ask for gradients of a model, ``LossParts``
for the parts of a loss one by one, ``Parameters`` for what training steps leave in a model, and ``Trained`` for a model
that solves an equation.

**What may be handed to students.**  An answer runs in a process that holds nothing of a pack but its functions, so
that no question, derivation or truth can be found there.  A function is therefore sent by name and looked up in
the module of functions: it must be defined there with ``def``, at the top level.  A lambda or a closure has no name to
look up, and nothing is ever pickled, since a pickle can execute code.  What varies from Map to Map goes into
``fixed_args``: numbers and tensors may always be handed over.  Samplers, derivations, ``compute`` and the calls of
predictions stay with the judge, and may be any functions.

**Before you release** a pack, ``grader.rules.broken(QUESTIONS, WRONG, RIGHT)`` says what it still lacks.
"""

from __future__ import annotations

from grader.mistakes import CATALOGUE, Mistake
from grader.models import Fitted, Loss, LossParts, Parameters, Trained
from grader.predictions import Cause, Facts, Letters, Predicted, PredictedShape
from grader.problem import Block, Inseparable, Map, Problem, fixed, like, mixed_signs, normal, place, uniform
from grader.programs import EngineGradient, LocalRule, ParentsFirst
from grader.quantities import (
    HVP,
    JVP,
    BatchedVJP,
    Column,
    Computed,
    Derivative,
    EachWeight,
    Gradient,
    GradientOfSquaredNorm,
    GradState,
    Hessian,
    HVPs,
    Jacobian,
    Laplacian,
    NewtonStep,
    NthDerivative,
    Numbers,
    Operation,
    Output,
    Quantity,
    Row,
    SampleGradients,
    SampleHessians,
    SecondPartial,
    Step,
    Text,
    WeightedGradient,
)
from grader.question import Question

__all__ = [
    # a question, and what it is drawn from
    "Question",
    "Map",
    "normal",
    "uniform",
    "fixed",
    "mixed_signs",
    "like",
    "place",
    # what is asked for
    "Quantity",
    "WeightedGradient",
    "Gradient",
    "Derivative",
    "GradState",
    "Step",
    "EachWeight",
    "Jacobian",
    "Row",
    "Column",
    "JVP",
    "BatchedVJP",
    "SampleGradients",
    "SampleHessians",
    "Hessian",
    "HVP",
    "HVPs",
    "Laplacian",
    "SecondPartial",
    "NewtonStep",
    "GradientOfSquaredNorm",
    "NthDerivative",
    "Computed",
    "Numbers",
    "Text",
    "Operation",
    "Output",
    # what is asked of a program that differentiates
    "EngineGradient",
    "LocalRule",
    "ParentsFirst",
    # what is asked of a model
    "Loss",
    "LossParts",
    "Parameters",
    "Trained",
    "Fitted",
    # predictions
    "Predicted",
    "PredictedShape",
    "Letters",
    "Facts",
    "Cause",
    # mistakes, and what they are derived from
    "Mistake",
    "CATALOGUE",
    "Problem",
    "Block",
    "Inseparable",
]
