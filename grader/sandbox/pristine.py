"""Restores the modules, classes and functions that a test relies on, in case a submission changed them.

A submission shares its process with the instructor's tests, and one assignment makes ``numpy.testing.assert_allclose``
agree with everything.  ``pristine`` notes a table of namespaces and returns a function that puts all of them back.
That function uses nothing that is in a module's namespace: it can be found only in the interpreter's own memory.
"""

from __future__ import annotations

import builtins
import gc
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

# Modules that tests call, and those that carry a test and its result; each stands for those inside it, too.
WHOLE = (
    *("builtins", "math", "cmath", "random", "statistics", "unittest", "numpy", "torch.testing", "torch.functional"),
    *("torch._tensor", "torch.autograd", "torch.linalg", "torch.overrides", "grader", "json", "struct", "socket"),
    *("base64", "binascii", "marshal", "signal", "time", "linecache", "contextlib"),
    *("_frozen_importlib", "_frozen_importlib_external"),
)
# Of these only the entries are restored, not the insides of their functions and classes.
NAMES = (
    *("operator", "functools", "itertools", "collections", "types", "inspect", "re", "importlib", "asyncio"),
    *("torch.func", "torch.nn.functional"),
)
ALONE = ("torch", "importlib")  # whole, but without the modules inside it
_KEPT = (types.FunctionType, types.BuiltinFunctionType, type, types.ModuleType, float)  # of a module's entries
_HEAP, _IMMUTABLE = 1 << 9, 1 << 8  # type flags: made at run time; refuses to be changed


def is_kept(name: object, whole: bool = True) -> bool:
    """Whether the table has the module of this name.  whole: with what is inside of its functions and classes."""
    parts = name.split(".") if isinstance(name, str) else []
    wanted = WHOLE if whole else (*WHOLE, *NAMES)
    return name in ALONE or any(".".join(parts[:k]) in wanted for k in range(1, len(parts) + 1))


def pristine() -> Callable[[], None]:
    """Record the present state; returns a function that restores whatever has changed since, and ends all tracing.

    Of modules it puts back functions, classes, modules and floats, of this package everything, and it removes names
    that hide a builtin; of classes methods and bases, and it removes methods that hide inherited ones; of functions
    their code, defaults and closures; of importing, the modules that were loaded, the finders, and the order among
    them.  It takes about a millisecond.
    """
    modules = {name: module for name, module in sys.modules.items() if isinstance(module, types.ModuleType)}
    kept = [module for name, module in modules.items() if is_kept(name, whole=False)]
    usual = dict(vars(builtins))
    spaces = [
        (vars(module), vars(module).get, frozenset(usual.keys() - vars(module).keys()), *_split(_entries(module)))
        for module in kept
    ]
    found = {thing for module in kept for thing in vars(module).values() if isinstance(thing, type)}
    classes = [
        (c, vars(c), vars(c).get, _hiding(c), *_split({k: v for k, v in vars(c).items() if _is_method(v)}))
        for c in found
        if is_kept(c.__module__) and c.__flags__ & _HEAP and not c.__flags__ & _IMMUTABLE
    ]
    functions = [f for f in gc.get_objects() if type(f) is types.FunctionType and is_kept(f.__module__)]
    cells = [c for f in functions for c in f.__closure__ or () if _is_filled(c)]
    # (objects, the name of an attribute, what it was)
    attributes: list[tuple[list[Any], str, list[Any]]] = [
        (things, name, [getattr(thing, name) for thing in things])
        for things, name in (
            (functions, "__code__"),
            ([f for f in functions if f.__defaults__], "__defaults__"),
            ([f for f in functions if f.__kwdefaults__], "__kwdefaults__"),
            (cells, "cell_contents"),
            ([c for c, *_ in classes], "__bases__"),
            (kept, "__class__"),
        )
    ]
    named = [(f.__kwdefaults__, dict(f.__kwdefaults__)) for f in functions if f.__kwdefaults__]
    imports: tuple[Any, ...] = (sys.modules, sys.meta_path, sys.path_hooks, sys.path_importer_cache)
    finders, hooks, cache = list(sys.meta_path), list(sys.path_hooks), dict(sys.path_importer_cache)
    getters = {name: operator.attrgetter(name) for _, name, _ in attributes}

    # What the function uses, beyond the reach of assignments to builtins and to the attributes of modules.
    same, every, mapped, pairs = operator.is_, all, map, zip
    set_object, set_type, delete = object.__setattr__, type.__setattr__, type.__delattr__
    system: Any = sys
    untraced: Any = sys.settrace, sys.setprofile

    def restore() -> None:
        put: Any
        for end in untraced:
            end(None)
        for space, get, hidden, keys, values in spaces:
            if not every(mapped(same, mapped(get, keys), values)):
                space.update(pairs(keys, values))
            if not hidden.isdisjoint(space):
                for name in hidden.intersection(space):
                    if space[name] is not usual[name]:
                        del space[name]
        for c, view, look, hidden, keys, values in classes:
            if not every(mapped(same, mapped(look, keys), values)):
                for key, value in pairs(keys, values):
                    set_type(c, key, value)
            if not hidden.isdisjoint(view):
                for key in hidden.intersection(view):
                    delete(c, key)
        for things, name, before in attributes:
            try:
                unchanged = every(mapped(same, mapped(getters[name], things), before))
            except ValueError:  # a cell that was emptied
                unchanged = False
            if not unchanged:
                put = set_type if name == "__bases__" else set_object
                for thing, value in pairs(things, before):
                    put(thing, name, value)
        for space, before_it in named:
            if space.keys() != before_it.keys() or not every(mapped(same, space.values(), before_it.values())):
                space.clear()
                space.update(before_it)
        system.modules, system.meta_path, system.path_hooks, system.path_importer_cache = imports
        if not every(mapped(same, mapped(imports[0].get, modules), modules.values())):
            imports[0].update(modules)
        for now, before_now in ((imports[1], finders), (imports[2], hooks)):
            if now[: len(before_now)] != before_now:
                now[:] = [*before_now, *(one for one in now if one not in before_now)]
        if not every(mapped(same, mapped(imports[3].get, cache), cache.values())):
            imports[3].update(cache)

    return restore


def _entries(module: types.ModuleType) -> dict[str, Any]:
    """The entries of a module that are put back: of this package all, of others those that are not their state."""
    every = module.__name__.partition(".")[0] == "grader"
    return {name: value for name, value in vars(module).items() if every or isinstance(value, _KEPT)}


def _split(entries: dict[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    return tuple(entries), tuple(entries.values())


def _hiding(c: type) -> frozenset[str]:
    """Names that a class does not have itself, and that would hide what it inherits or answer for what it lacks."""
    inherited = {name for base in c.__mro__[1:] for name, value in vars(base).items() if _is_method(value)}
    return frozenset({*inherited, "__getattr__", "__array_ufunc__", "__array_function__"} - vars(c).keys())


def _is_method(thing: object) -> bool:
    return callable(thing) or hasattr(type(thing), "__get__")


def _is_filled(cell: Any) -> bool:
    """Whether a closure's cell holds something that is called: anything else may be what the function counts in."""
    try:
        return callable(cell.cell_contents)
    except ValueError:
        return False
