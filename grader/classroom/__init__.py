"""A class: submissions read and mended, run outside, judged, and put into nbgrader's gradebook."""

import sys

# jsonschema, which nbformat brings, imports this where it is installed: a grammar that takes a second to build, for a
# form of addresses that no notebook's schema has.  Every process of a class would wait for it.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
