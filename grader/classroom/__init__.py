"""A class: submissions are read, mended, run in the sandbox and judged; what came of them is reported and exported.

Nothing here knows nbgrader; see ``grader.nbgrader`` for that.
"""

import sys

# jsonschema, which nbformat brings, imports this where it is installed: a grammar that takes a second to build, for a
# form of addresses that no notebook's schema has.  Every process of a class would wait for it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


class CourseError(RuntimeError):
    """A command cannot do its work here; the message says why, and what to do."""
