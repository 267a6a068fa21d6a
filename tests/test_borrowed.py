"""The undocumented parts of other packages that are used here are all listed, and the installed releases have them."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from grader.borrowed import BORROWED, Borrowed

ROOT = Path(__file__).parent.parent
FILES = [path for path in (ROOT / "grader").rglob("*.py") if "course" not in path.parts[-2:]]
PUBLIC = {"_exit"}  # of os, and documented


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(text: str) -> set[str]:
    """Names with an underscore that a module asks of something else: attributes, and what it imports."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
    return {name for name in found if is_private(name)}


def own_names(text: str) -> set[str]:
    """Names that a module defines: functions, classes, and attributes and variables that it sets."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
    return found


OWN = {name for path in FILES for name in own_names(path.read_text())}
LISTED = {part for entry in BORROWED for part in entry.name.split(".") if is_private(part)}


def overridden(cls: type) -> set[str]:
    """Private methods that a class writes over one of another package's."""
    theirs = [base for base in cls.__mro__[1:] if not base.__module__.startswith("grader")]
    return {
        name
        for name, thing in vars(cls).items()
        if is_private(name) and inspect.isfunction(thing) and any(name in vars(base) for base in theirs)
    }


@pytest.mark.parametrize("entry", BORROWED, ids=lambda entry: entry.name)
def test_the_installed_release_has_what_is_borrowed(entry):
    assert entry.there, entry.missed


def test_what_an_upgrade_took_away_is_said_with_its_release():
    """The way to fail."""
    gone = replace(BORROWED[0], name="InteractiveShell._showtraceback_gone")
    assert not gone.there
    assert re.search(r"^ipython \d+\.\d+.* has no .*_gone, which grader\.sandbox\.shell uses", gone.missed)
    assert not Borrowed("", "no_such_module", "x", ("probe",), "", "").there


def test_every_private_part_that_is_used_is_listed():
    used = {name for path in FILES for name in private_names(path.read_text())}
    assert used - OWN - PUBLIC <= LISTED
    assert "_sanitizing" in private_names("def f(self):\n    return self.parent._sanitizing") - OWN  # the way to fail
    assert "_private" in private_names("from other._private import thing") - OWN


def test_every_private_method_that_is_overridden_is_listed():
    found = set()
    for path in FILES:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        module = importlib.import_module(name)
        for cls in vars(module).values():
            if inspect.isclass(cls) and cls.__module__ == name:
                found |= overridden(cls)
    assert found == {"_showtraceback"}  # which the function below would not find, since it is our own name, too
    assert found <= LISTED


@pytest.mark.parametrize("entry", BORROWED, ids=lambda entry: entry.name)
def test_what_is_listed_is_used(entry):
    for module in entry.used_by:
        text = (ROOT / "grader" / Path(*module.split("."))).with_suffix(".py").read_text()
        assert re.search(rf"\b{entry.name.rpartition('.')[2]}\b", text), module
    assert entry.why
    assert entry.without


def test_packages_of_which_something_is_borrowed_have_a_ceiling():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    bounds = {re.split(r"[\[><=;]", one)[0].strip(): one for one in wanted}
    for name in {entry.distribution for entry in BORROWED} - {""} | {"nbgrader"}:
        assert "<" in bounds[name], bounds[name]
