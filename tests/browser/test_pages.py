"""Pages that people read outside JupyterLab: feedback and the report, without barriers, in light and in dark."""

from __future__ import annotations

import pytest
from barriers import barriers
from courses import UNIT, command, handed_in
from playwright.sync_api import expect

from grader import cli
from grader.demo import sample

STUDENTS = ("ada", "ben", "deniz", "hugo", "kaya", "nora", "walt")


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The folder of a course in which a class has been graded and has got feedback, and of which there is a report."""
    students = [student for student in sample.CLASS if student.name in STUDENTS]
    folder = handed_in(tmp_path_factory.mktemp("pages") / "course", students)
    process = command(folder, "--jobs", "1")
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    return folder


@pytest.fixture(params=["light", "dark"])
def read(request, page, seen):
    """Open a file in a browser that asks for light or for dark pages, and keep a picture of it."""

    def opened(path, name):
        page.emulate_media(color_scheme=request.param)
        page.goto(path.as_uri())
        seen(page, f"{name} {request.param}", full_page=True)
        return page

    return opened


@pytest.mark.parametrize("student", STUDENTS)
def test_feedback_pages(graded, read, student):
    (path,) = (graded / "feedback" / student / UNIT).glob("*.html")
    assert barriers(read(path, student)) == []


def test_report(graded, read, monkeypatch):
    monkeypatch.chdir(graded)
    assert cli.main(["report", UNIT]) == 0
    page = read(graded / "report" / f"{UNIT}.html", "report")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert barriers(page) == []


def test_barrier_is_found(read, tmp_path):
    path = tmp_path / "page.html"
    path.write_text('<html lang="en"><title>A page</title><main><h1>A page</h1><img src="x.png"></main></html>')
    (found,) = barriers(read(path, "barrier"))
    assert found.startswith("image-alt: ")
