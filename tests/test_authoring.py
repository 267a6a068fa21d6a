"""The module that authors import exports everything they need, and every example in it is true."""

from __future__ import annotations

import doctest
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from grader import authoring, rules
from grader.quantities import Quantity

NAMES = {**vars(authoring), "np": np, "torch": torch}
DOCUMENTED = {
    "authoring": authoring,
    "rules": rules,
    **{name: thing for name in authoring.__all__ if getattr(thing := getattr(authoring, name), "__doc__", None)},
}


def examples(thing: object) -> list[doctest.DocTest]:
    """The examples in a thing's own docstring, and in those of its methods."""
    return doctest.DocTestFinder(recurse=not hasattr(thing, "__path__")).find(thing, "it", globs=dict(NAMES))


def failures(tests: list[doctest.DocTest]) -> str:
    """The output of the examples that fail, or ''."""
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    for test in tests:
        runner.run(test, out=said.append)
    return "".join(said)


def quantities(kind: type = Quantity) -> set[type]:
    """Every Quantity that the package defines."""
    found = {k for k in kind.__subclasses__() if k.__module__.startswith("grader.") and not k.__name__.startswith("_")}
    return found.union(*map(quantities, found))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_for_authors_are_true(name):
    assert failures(examples(DOCUMENTED[name])) == ""


@pytest.mark.parametrize("name", [name for name in authoring.__all__ if name not in ("Quantity", "CATALOGUE")])
def test_whatever_authors_import_has_an_example(name):
    thing = getattr(authoring, name)
    assert ">>>" in thing.__doc__
    if isinstance(thing, type) and issubclass(thing, Quantity):
        assert ">>>" in vars(thing)["__doc__"]  # its own, not that of what it is derived from
        assert "shape" in thing.__doc__ or "letter" in thing.__doc__


def test_an_example_that_is_not_true_is_noticed():
    wrong = SimpleNamespace(__doc__=">>> mixed_signs(2)(torch.Generator()).shape\ntorch.Size([3])\n", __name__="it")
    (test,) = [doctest.DocTestParser().get_doctest(wrong.__doc__, dict(NAMES), "it", None, 0)]
    assert "torch.Size([2])" in failures([test])


def test_every_quantity_can_be_imported_from_the_one_module():
    missing = {kind.__name__ for kind in quantities()} - set(authoring.__all__)
    assert missing == set()
    assert len(quantities()) > 20


def test_all_that_is_exported_is_there_once_and_shadows_nothing_of_python():
    assert len(set(authoring.__all__)) == len(authoring.__all__)
    assert not set(authoring.__all__) & set(vars(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
