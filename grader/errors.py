"""The errors that PyTorch raises at students, recognised by fragments of their messages.

Messages change between versions, so a note matches on the words that carry the meaning, in lower
case.  The explanations stand under the same keys in ``words.ERRORS``.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.probe import Raised


@dataclass(frozen=True)
class ErrorNote:
    """One known error: all fragments of one alternative must occur in its lower-cased message.

    unit: the unit whose lesson teaches it.
    """

    key: str
    unit: str
    fragments: tuple[tuple[str, ...], ...]
    types: tuple[str, ...] = ("RuntimeError",)


_ALL = [
    ErrorNote("scalar_needed", "05", (("implicitly created only for scalar",),)),
    ErrorNote("weight_shape", "05", (("mismatch in shape", "grad_output"),)),
    ErrorNote(
        "not_in_graph", "01", (("appears to not have been used",), ("differentiated tensors", "not been used"))
    ),
    ErrorNote("second_backward", "07", (("a second time",),)),
    ErrorNote("no_graph", "01", (("does not require grad",),)),
    ErrorNote(
        "integer_tensor",
        "01",
        (("only tensors of floating point",), ("only floating point and complex",)),
    ),
    ErrorNote("inplace_on_saved", "02", (("modified by an inplace operation",),)),
    ErrorNote("inplace_on_leaf", "02", (("a leaf variable that requires grad", "in-place"),)),
    ErrorNote("inference_tensor", "02", (("inference tensor",),)),
    ErrorNote("numpy_of_grad", "02", (("numpy() on tensor that requires grad",),)),
    ErrorNote("shapes_do_not_multiply", "00", (("shapes cannot be multiplied",), ("size mismatch",))),
    ErrorNote("shapes_do_not_broadcast", "00", (("must match the size of tensor",),)),
    ErrorNote("not_a_scalar", "00", (("cannot be converted to scalar",), ("only one element tensors",))),
    ErrorNote("dtypes_differ", "00", (("same dtype",), ("expected scalar type",))),
    ErrorNote("view_incompatible", "00", (("view size is not compatible",),)),
    ErrorNote("reshape_size", "00", (("is invalid for input of size",),)),
    ErrorNote("index_range", "00", (("out of bounds",), ("out of range",)), ("IndexError", "RuntimeError")),
    ErrorNote("name_unknown", "00", (("is not defined",), ("cannot access local variable",)), ("NameError", "UnboundLocalError")),
    ErrorNote("tuple_has_no", "01", (("'tuple' object has no attribute",),), ("AttributeError",)),
    ErrorNote("none_has_no", "02", (("'nonetype' object",),), ("AttributeError", "TypeError")),
]

NOTES: dict[str, ErrorNote] = {note.key: note for note in _ALL}


def recognise(raised: Raised) -> ErrorNote | None:
    """The note that fits an exception, or None: an error that nobody has explained yet."""
    message = raised.message.lower()
    for note in NOTES.values():
        if raised.type_name in note.types and any(
            all(fragment in message for fragment in alternative) for alternative in note.fragments
        ):
            return note
    return None
