"""The course "Gradients with PyTorch" as a pack: each module ``uNN_name`` is a unit, with its functions beside it.

It reaches the engine as any pack does, by an entry point in the group ``grader.packs``; no module of the engine imports
it.
"""

from importlib import import_module

from grader.question import Question
from grader.units.sections import SECTIONS as SECTIONS

_UNITS = [
    import_module(f"{__name__}.{name}")
    for name in (
        "u00_setup",
        "u01_scalar",
        "u02_bookkeeping",
        "u03_vector_to_scalar",
        "u04_jacobian",
        "u05_weighted_vjp",
        "u06_matrices_and_broadcasting",
        "u07_graph_lifetime",
        "u08_higher_order",
        "u09_forward_and_batched",
        "u10_your_own_engine",
        "u11_extend_and_debug",
        "u12_differential_equations",
        "u13_gradient_penalty_and_meta",
    )
]

QUESTIONS: list[Question] = [question for unit in _UNITS for question in unit.QUESTIONS]

_STEMS = [unit.__name__.rpartition(".u")[2] for unit in _UNITS]  # such as 05_weighted_vjp

# A unit's number -> the paths of its lesson and of its exercises, which are named after the unit's module.
LESSONS: dict[str, str] = {stem[:2]: f"course/lesson_{stem}.ipynb" for stem in _STEMS}
EXERCISES: dict[str, str] = {stem[:2]: f"exercises/{stem}/{stem}.ipynb" for stem in _STEMS}
TITLES: dict[str, str] = {
    "00": "Setting up",
    "01": "The derivative of one number with respect to another",
    "02": "Bookkeeping",
    "03": "The gradient: many inputs, one number",
    "04": "The Jacobian",
    "05": "Weighted gradients",
    "06": "Matrices and broadcasting",
    "07": "What a graph keeps",
    "08": "Derivatives of derivatives",
    "09": "Forward mode, and many derivatives at once",
    "10": "Your own engine",
    "11": "Your own operations, and finding the NaN",
    "12": "Differential equations",
    "13": "Gradients inside a loss: WGAN-GP and meta-learning",
}
WEBSITE = ""  # where `make book` is published; docs/start-anywhere.md
