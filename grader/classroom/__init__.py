"""Grade a class: read submissions, mend them, run them in the sandbox, judge them, and report and export the results.

Nothing here knows nbgrader; see ``grader.nbgrader`` for that.
"""

import sys

# jsonschema, which nbformat needs, imports this module if it is installed.  It takes a second to build a grammar for
# IRIs, which no notebook's schema uses, and every process that grades would wait for it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


class CourseError(RuntimeError):
    """A command cannot do its work here; the message says why, and what to do."""
