"""A course of one's own: nbgrader's usual folders, and a pack of questions."""

from grader.nbgrader import plugin

c = get_config()  # noqa: F821  # given by traitlets

c.CourseDirectory.course_id = "example"
plugin.configure(c, packs=["questions.py"])
