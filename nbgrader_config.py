"""The repository as an nbgrader course: solutions/ is the source version, exercises/ the release version."""

from grader.nbgrader import plugin

c = get_config()  # noqa: F821  # given by traitlets

c.CourseDirectory.course_id = "gradients"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"

plugin.configure(c)
