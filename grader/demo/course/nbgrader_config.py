"""The sample class's course: one unit, graded as any course is that calls ``configure``."""

import os
import sys
from pathlib import Path

from grader.nbgrader import plugin

c = get_config()  # noqa: F821  # given by traitlets

# nbgrader calls `alembic` when it makes the gradebook; without it the database has no version.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

c.CourseDirectory.course_id = "gradients-demo"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"

plugin.configure(c)
