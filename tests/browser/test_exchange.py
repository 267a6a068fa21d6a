"""nbgrader's exchange between an instructor and a student, each with a JupyterLab and a name of their own."""

from __future__ import annotations

import shutil

import own
import pytest
from formgrader import Formgrader
from lab import instructors_lab, make_lab
from playwright.sync_api import expect

STUDENT = "bo"
COURSE = "example"
# As on a hub where all containers have the same account and JUPYTERHUB_USER says whose they are.
HUB = """
import pwd
from types import SimpleNamespace

import nbgrader.utils

nbgrader.utils.pwd = SimpleNamespace(getpwuid=lambda id: pwd.struct_passwd(("jovyan", *pwd.getpwuid(id)[1:])))
"""


def home(folder, exchange):
    """A home folder on such a hub, whose exchange is there."""
    (folder / ".jupyter").mkdir(parents=True)
    (folder / ".jupyter/jupyter_server_config.py").write_text(HUB)
    (folder / ".jupyter/nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\nc.ExchangeCollect.check_owner = False\n"
    )
    return folder


@pytest.fixture(scope="module")
def servers(installed, tmp_path_factory):
    """(the instructor's url and folder, the student's url and folder) on one exchange."""
    there = tmp_path_factory.mktemp("exchange")
    (there / "exchange").mkdir()
    (there / "exchange").chmod(0o777)
    shutil.copytree(own.EXAMPLE, there / "course")
    mine, yours = (home(there / name, there / "exchange") for name in ("instructor", STUDENT))
    with (
        instructors_lab(there / "course", mine, JUPYTERHUB_USER="instructor") as teaching,
        make_lab(there / "lab", yours, JUPYTERHUB_USER=STUDENT) as learning,
    ):
        yield (teaching, there / "course"), (learning, there / "lab")


class Assignments:
    """The list of assignments in a student's JupyterLab."""

    def __init__(self, page, url):
        self.page = page
        page.goto(f"{url}/lab?reset")
        page.get_by_role("menubar").get_by_role("menuitem", name="Nbgrader", exact=True).click()
        page.locator(".lm-Menu-itemLabel").get_by_text("Assignment List", exact=True).click()
        self.panel = page.get_by_role("tabpanel", name="Assignments")

    def refresh(self):
        """Read the exchange again."""
        self.panel.locator("#refresh_assignments_list").click()

    def list(self, kind):
        """The released, fetched or submitted assignments."""
        return self.panel.locator(f"#{kind}_assignments_list")


def test_there_and_back(page, context, servers, seen):
    (teaching, course), (learning, lab) = servers
    formgrader = Formgrader(page, teaching)
    formgrader.press(own.UNIT, "generate")
    formgrader.press(own.UNIT, "release")

    students = context.new_page()
    assignments = Assignments(students, learning)
    released, fetched, submitted = map(assignments.list, ("released", "fetched", "submitted"))
    released.get_by_role("button", name="Fetch", exact=True).click()
    expect(fetched).to_contain_text(own.UNIT)
    assert {path.stem for path in (lab / own.UNIT).glob("*.ipynb")} == {*own.NOTEBOOKS}
    seen(students, "fetched")
    own.answer(course, lab / own.UNIT, own.CLASS[STUDENT])
    expect(submitted).not_to_contain_text(own.UNIT)
    fetched.get_by_role("button", name="Submit").click()
    expect(submitted).to_contain_text(own.UNIT)
    seen(students, "submitted")

    formgrader.press(own.UNIT, "collect")
    formgrader.submissions(own.UNIT)
    for button in ("autograde", "feedback", "release feedback"):
        formgrader.press(STUDENT, button)
    expect(formgrader.row(STUDENT)).to_contain_text("needs manual grading")
    expect(formgrader.row("instructor")).to_have_count(0)
    seen(page, "collected and graded")

    expect(submitted).not_to_contain_text("view feedback")
    assignments.refresh()
    submitted.get_by_role("button", name="Fetch Feedback").click()
    expect(submitted).to_contain_text("view feedback")
    seen(students, "feedback")
    pages = sorted(lab.glob(f"{own.UNIT}/feedback/*/*.html"))
    assert [path.stem for path in pages] == [*own.NOTEBOOKS]
    students.goto(pages[0].as_uri())
    expect(students.get_by_role("group", name="✗ 0 of 3").first).to_be_visible()
