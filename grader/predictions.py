"""Predictions to make before running anything: numbers, shapes, letters, causes of errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from grader import errors
from grader.probe import Call, Value, probe
from grader.problem import Wrong
from grader.quantities import Quantity
from grader.words import SHAPE_HELP

if TYPE_CHECKING:
    from grader.problem import Problem


@dataclass(frozen=True)
class Predicted(Quantity):
    """The value of another Quantity, ``of``, which the student predicts: a number or a list, in its shape.

    >>> def f(x): return x[0] ** 2 * x[1]
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", Predicted(of=Gradient()), maps)
    >>> Problem(q, seed=0).truth.tolist()
    [12.0, 9.0]
    """

    of: Quantity | None = None
    form: ClassVar = "numbers"
    shape_help: ClassVar = SHAPE_HELP["predicted"]
    predicts: ClassVar = True

    @property
    def inner(self) -> Quantity:
        assert self.of is not None
        return self.of

    def truth(self, p: Problem) -> Any:
        return self.inner.truth(p)

    def formula_on(self, p: Problem) -> str:
        return self.inner.formula_on(p)

    def scale(self, p: Problem) -> float:
        return self.inner.scale(p)

    def equation(self, p: Problem) -> str:
        return self.inner.equation(p)

    def wrongs(self, p: Problem) -> list[Wrong]:
        return self.inner.wrongs(p)


@dataclass(frozen=True)
class PredictedShape(Predicted):
    """The shape of another Quantity, ``of``, which the student predicts as a tuple of ints.

    The truth is a float64 array of the sizes: (number of dimensions,).

    >>> def f(x): return torch.stack([x[0] * x[1], x[1] ** 2])
    >>> maps = [Map(f, {"x": fixed([3, 2])})]
    >>> q = Question("99.q", "Q", PredictedShape(of=Jacobian()), maps)
    >>> Problem(q, seed=0).truth.tolist()
    [2.0, 2.0]
    """

    form: ClassVar = "shape"

    def truth(self, p: Problem) -> Any:
        return np.array(np.shape(self.inner.truth(p)), dtype=float)

    def scale(self, p: Problem) -> float:
        return 1.0

    def wrongs(self, p: Problem) -> list[Wrong]:
        truth = tuple(np.shape(self.inner.truth(p)))
        guesses: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
            ("shape_of_output", {}, tuple(p.outputs[0].shape)),
            *(("shape_of_input", {"name": name}, tuple(x.shape)) for name, x in p.inputs.items()),
            ("shape_reversed", {}, truth[::-1]),
            ("shape_of_scalar", {}, ()),
        ]
        # If the Question has its own mistake for a shape, that one is used.
        found = {tuple(int(size) for size in wrong.value): wrong for wrong in self._also(p)}
        for key, detail, guess in guesses:
            if guess != truth and guess not in found and key not in p.question.without:
                found[guess] = Wrong(key, np.array(guess, dtype=float), detail)
        return list(found.values())


@dataclass(frozen=True)
class Letters(Quantity):
    """Which of several snippets raise a given error: the letters of those that do, in order, as a str.

    calls: letter -> a function without arguments; each is really run to find the truth.
    error: the key of the error in ``errors.NOTES``.
    missed, too_many: keys of the mistakes of leaving out a right letter and of including a wrong one.
    notes: letter -> what to say to students who got it wrong, for mistakes whose words contain ``{note}``.

    >>> calls = {"a": lambda: torch.ones(2) + 1, "b": lambda: torch.ones(2).sum().backward()}
    >>> q = Question("99.which", "Which of these does PyTorch refuse?", Letters(calls=calls, error="no_graph"))
    >>> Problem(q, seed=0).truth
    'b'
    """

    calls: Mapping[str, Callable[[], object]] | None = None
    error: str = ""
    missed: str = "letter_missed"
    too_many: str = "letter_too_many"
    notes: Mapping[str, str] | None = None
    form: ClassVar = "letters"
    predicts: ClassVar = True

    def truth(self, p: Problem) -> Any:
        return "".join(letter for letter, call in (self.calls or {}).items() if self.happens(call))

    def happens(self, call: Callable[[], object]) -> bool:
        raised = probe(call, Call()).raised
        note = errors.recognise(raised) if raised else None
        return note is not None and note.key == self.error

    def wrongs(self, p: Problem) -> list[Wrong]:
        truth = self.truth(p)
        letters = list(self.calls or {})
        found = []
        for mask in range(2 ** len(letters)):
            said = "".join(x for k, x in enumerate(letters) if mask >> k & 1)
            if said != truth:
                off = next(x for x in letters if (x in said) != (x in truth))
                key = self.missed if off in truth else self.too_many
                found.append(Wrong(key, said, {"letter": off, "note": (self.notes or {}).get(off, "")}))
        return found

    def scale(self, p: Problem) -> float:
        return 1.0


@dataclass(frozen=True)
class Facts(Letters):
    """Which of several statements are true: the letters of those that are, in order, as a str.

    calls: letter -> a function without arguments that tests the statement and returns True or False.

    >>> calls = {"a": lambda: torch.ones(2).is_leaf, "b": lambda: torch.ones(2).requires_grad}
    >>> q = Question("99.facts", "What holds for torch.ones(2)?", Facts(calls=calls))
    >>> Problem(q, seed=0).truth
    'a'
    """

    missed: str = "fact_missed"
    too_many: str = "fact_too_many"

    def happens(self, call: Callable[[], object]) -> bool:
        return bool(call())


@dataclass(frozen=True)
class Cause(Quantity):
    """Which of several causes an error has: one letter.

    snippet: a function without arguments that raises the error.
    options: letter -> key in ``errors.NOTES``, or any other name for a cause that raises no error.

    >>> options = {"a": "weight_shape", "b": "no_graph", "c": "wrong_values"}
    >>> q = Question("99.cause", "Why?", Cause(snippet=lambda: torch.ones(()).backward(), options=options))
    >>> Problem(q, seed=0).truth
    'b'
    """

    snippet: Callable[[], object] | None = None
    options: Mapping[str, str] | None = None
    form: ClassVar = "letters"
    predicts: ClassVar = True

    def truth(self, p: Problem) -> Any:
        assert self.snippet is not None
        raised = probe(self.snippet, Call()).raised
        note = errors.recognise(raised) if raised else None
        return next(letter for letter, key in (self.options or {}).items() if note is not None and key == note.key)

    def wrongs(self, p: Problem) -> list[Wrong]:
        return [
            Wrong("other_cause", letter, {"letter": letter, "cause": key})
            for letter, key in (self.options or {}).items()
            if letter != self.truth(p)
        ]

    def scale(self, p: Problem) -> float:
        return 1.0


def letters_of(value: Value) -> str:
    """A student's choice as a str of sorted lower-case letters; accepts 'b', 'B ', 'b and d', ['d', 'b'] and ('b',)."""
    if value.kind in ("tuple", "list"):
        text = " ".join(letters_of(item) for item in value.items)
    else:
        text = re.sub(r"\band\b", " ", value.text.lower()) if value.kind == "text" else ""  # not a callable's name
    return "".join(sorted(set(re.findall(r"[a-z]", text))))
