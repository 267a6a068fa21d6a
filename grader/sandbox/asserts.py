"""Ordinary nbgrader tests: an instructor's cell of asserts, compiled on the trusted side and run in a fork.

Only compiled code enters the fork, so that nothing that a submission does to IPython's transformers or to the names of
builtins changes the test.  The code ends by calling the fork's ``END`` with the value of the last expression.
"""

from __future__ import annotations

import ast
import base64
import builtins
import functools
import io
import marshal
import re
import secrets
import tokenize
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

FILE = "<test>"  # the name that tracebacks show
# Strings in the code that the fork replaces by objects; nobody can write one into a test by accident.
MARK = f"\0{secrets.token_hex(8)}:"
END, AFTER = f"{MARK}end", f"{MARK}after"
_SHELL = ("get_ipython", "display")
# Builtins that a test is bound to; not ``super``, which the compiler must see.
_BUILTINS = {
    name
    for name, value in vars(builtins).items()
    if getattr(value, "__module__", "") in ("builtins", "io", "_io") and not name.startswith("_") and name != "super"
}
# Magics that only run the rest of the cell or line as Python: they do not affect a test's result, so they are removed
# and the rest is compiled here.  Others are left to IPython.
_CELL_MAGIC = re.compile(r"\A\s*%%(?:time|timeit(?:[ \t]+-\w+(?:[ \t]+\d+)?)*|capture)[ \t]*\n")
_LINE_MAGIC = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)
# A test that contains one of these changes things for the function that it calls; the changes must last.
_CHANGES = re.compile(r"\b(?:mock|patch|monkeypatch|setattr|delattr|reload|modules|__dict__)\b")


@dataclass(frozen=True)
class Test:
    """An instructor's test cell.

    source: as in the notebook; it may hold IPython's magics, and ``await`` at the top level.
    before: the sources of the instructor's own code cells before it.  What they import is imported anew for the test,
        whatever a submission has bound to the name; and a builtin that they define anew is the student's to define.
    """

    __test__ = False  # not one of pytest's

    source: str
    before: tuple[str, ...] = ()

    def message(self) -> dict[str, Any]:
        """The test as it is sent to the fork, which ``tester`` runs."""
        code, text = _compiled(self)
        return {"test": base64.b64encode(code).decode(), "mark": MARK, "text": text}


@functools.lru_cache(maxsize=256)
def _compiled(test: Test) -> tuple[bytes, str]:
    """The test's code, marshalled, and its text for tracebacks; for a source that is not Python, code that says so."""
    try:
        text = _plain(_LINE_MAGIC.sub(r"\1", _CELL_MAGIC.sub("", test.source)))
        tree = _prepared(ast.parse(text, FILE), text, _surroundings(test.before))
        return marshal.dumps(_code(tree)), text
    except (SyntaxError, ValueError, RecursionError) as why:
        return marshal.dumps(_code(ast.parse(f"raise SyntaxError({str(why)!r})", FILE))), test.source


def _plain(source: str) -> str:
    """Python for a cell's source, with calls in place of magics."""
    from IPython.core.inputtransformer2 import TransformerManager  # slow, and most courses have no such tests

    return str(TransformerManager().transform_cell(source))


def _code(tree: ast.Module) -> types.CodeType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a marked string that is called looks like a mistake
        code: types.CodeType = compile(tree, FILE, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return code


@dataclass(frozen=True)
class _Surroundings:
    """The names that the instructor's cells before a test bind.

    imported: imported name -> the module and, after a colon, the name in that module.
    defined: names that they bind otherwise.  all: whether they may bind any name at all.
    """

    imported: Mapping[str, str]
    defined: frozenset[str]
    all: bool


@functools.lru_cache(maxsize=256)
def _surroundings(before: tuple[str, ...]) -> _Surroundings:
    imported, defined, every = dict[str, str](), set[str](), False
    for source in before:
        every |= "pylab" in source
        try:
            tree = ast.parse(_plain(source))
        except (SyntaxError, ValueError, RecursionError):  # a gap to be filled in need not be Python
            defined |= set(re.findall(r"\w+", source))
            continue
        bound = [name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
        imported |= {a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in bound}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                every |= any(alias.name == "*" for alias in node.names)
                imported |= {alias.asname or alias.name: f"{node.module}:{alias.name}" for alias in node.names}
        defined |= set(_bound(tree))
    return _Surroundings(imported, frozenset(defined), every)


def _bound(tree: ast.AST) -> Iterator[str]:
    """Names that are bound anywhere in a tree, by anything but an import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)) and node.name:
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            yield from node.names
        elif isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            yield node.name


def _prepared(tree: ast.Module, text: str, around: _Surroundings) -> ast.Module:
    """The tree with marked strings in place of builtins and imported names, and with a call of END at its end."""
    own = {alias.asname or alias.name.split(".")[0] for alias in _aliases(tree)}
    bound = {*_bound(tree), *own}
    constants = {name: f"{MARK}import:{what}" for name, what in around.imported.items() if name not in around.defined}
    if not around.all and "*" not in own:
        constants |= {name: f"{MARK}builtin:{name}" for name in _BUILTINS - around.imported.keys() - around.defined}
    constants |= {name: f"{MARK}shell:{name}" for name in _SHELL}
    constants = {name: mark for name, mark in constants.items() if name not in bound}
    trusted = {*constants, *own}
    changes = _CHANGES.search(text) or any(_root(node) in trusted for node in _assigned(tree))
    made: ast.Module = _Bound(constants, set() if changes else trusted, not changes).visit(tree)
    *body, last = made.body or [ast.Pass()]
    if isinstance(last, ast.Expr) and not _ends_in_semicolon(text):
        made.body = [*body, _call(END, last.value)]
    else:
        made.body = [*body, last, _call(END, ast.Constant(None))]
    return ast.fix_missing_locations(made)


def _aliases(tree: ast.AST) -> Iterator[ast.alias]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from node.names


def _assigned(tree: ast.AST) -> Iterator[ast.expr]:
    """Attributes and entries that a tree sets or deletes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            yield node


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes, entries and calls begins with, or ''."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _call(mark: str, value: ast.expr) -> ast.Expr:
    return ast.copy_location(ast.Expr(ast.Call(ast.Constant(mark), [value], [])), value)


class _Bound(ast.NodeTransformer):
    """Puts marked strings in place of names, and a call of AFTER around each call that may reach a student's function.

    trusted: names that calls without AFTER begin with.  after: whether there are to be calls of it.
    """

    def __init__(self, constants: Mapping[str, str], trusted: Iterable[str], after: bool):
        self.constants, self.trusted, self.after = constants, set(trusted), after

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if isinstance(node.ctx, ast.Load) and node.id in self.constants:
            return ast.copy_location(ast.Constant(self.constants[node.id]), node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        wrapped = self.after and _root(node.func) not in self.trusted
        self.generic_visit(node)
        return _call(AFTER, node).value if wrapped else node

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        """The pattern stays as it is, since it must name its classes."""
        if node.guard:
            node.guard = self.visit(node.guard)
        node.body = [self.visit(statement) for statement in node.body]
        return node


def _ends_in_semicolon(text: str) -> bool:
    skipped = (tokenize.ENDMARKER, tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.DEDENT)
    found = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in skipped]
    return bool(found) and found[-1].string == ";"
