"""What students write, by unit: wrong answers with the name that they must be given, and right ones by other roads.

Each module ``uNN`` has ``WRONG``, a list of (name, question id, answer) where the name is a mistake's key, an error's
key or a Verdict's status, and ``RIGHT``, a list of (question id, answer).
"""

from importlib import import_module
from pathlib import Path

UNITS = sorted(path.stem[1:] for path in Path(__file__).parent.glob("u[0-9][0-9].py"))
_MODULES = [import_module(f"answers.u{unit}") for unit in UNITS]

WRONG = [entry for module in _MODULES for entry in module.WRONG]
RIGHT = [entry for module in _MODULES for entry in module.RIGHT]
