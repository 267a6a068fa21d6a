"""The functions that questions hand to students' answers, as they enter the sandbox: the source text of their modules.

A course's functions may come from any package, and no fork can read packages of questions.  So the modules that hold
functions travel as text, and each fork executes the text of those that it needs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from grader.probe import Call, functions_of

Name = tuple[str, str]  # a function's name in the sandbox: the key of its module, and its name in there


@dataclass(frozen=True)
class Handed:
    """Functions that calls may hand over.

    modules: from keys to source texts of modules.  Such a module needs nothing but Python, NumPy and torch.
    names: from each function to the key of its module and its name in there.
    """

    modules: Mapping[str, str]
    names: Mapping[Callable[..., Any], Name]

    @classmethod
    def of_modules(cls, *modules: ModuleType) -> Handed:
        """The functions that are defined in these modules, with the modules' names as keys.

        Raises OSError if a module has no source text.
        """
        texts = {module.__name__: inspect.getsource(module) for module in modules}
        names: dict[Callable[..., Any], Name] = {
            value: (module.__name__, name)
            for module in modules
            for name, value in vars(module).items()
            if inspect.isfunction(value) and value.__module__ == module.__name__
        }
        return cls(texts, names)

    def name(self, function: object) -> Name:
        """A function's name in the sandbox.  Raises TypeError for a function that is not among these."""
        try:
            return self.names[function]  # type: ignore[index]
        except (KeyError, TypeError):  # the latter for what cannot be a key
            raise TypeError(
                f"{function!r} cannot be handed to students: it is not a function by name in a module of functions"
            ) from None

    def texts(self, calls: Iterable[Call]) -> dict[str, str]:
        """The modules that the functions of these calls need, by key.  Raises TypeError as ``name`` does."""
        keys = {self.name(function)[0] for call in calls for function in functions_of(call)}
        return {key: self.modules[key] for key in sorted(keys)}


NONE = Handed({}, {})
