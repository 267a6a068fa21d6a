"""The sample class's course: one unit, graded as any course is that calls ``configure``."""

from grader.nbgrader import plugin

c = get_config()  # noqa: F821  # given by traitlets

c.CourseDirectory.course_id = "gradients-demo"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"

plugin.configure(c, packs=["questions.py"])
