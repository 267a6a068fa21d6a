"""nbgrader's formgrader in JupyterLab, by what an instructor sees and presses there."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

# The buttons have neither names nor texts, only pictures.
PICTURES = {
    "generate": "education",
    "release": "cloud-upload",
    "collect": "cloud-download",
    "autograde": "flash",
    "feedback": "comment",
    "release feedback": "envelope",
}


class Formgrader:
    """The formgrader, opened from JupyterLab's menu."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        page.goto(f"{url}/lab?reset")
        page.get_by_role("menubar").get_by_role("menuitem", name="Nbgrader", exact=True).click()
        page.locator(".lm-Menu-itemLabel").get_by_text("Formgrader", exact=True).click()
        self.frame = page.frame_locator("iframe")
        expect(self.frame.get_by_role("heading", name="Manage Assignments")).to_be_visible()

    def row(self, name: str) -> Locator:
        """The row of an assignment or of a student."""
        return self.frame.get_by_role("row", name=re.compile(rf"(^|\s){name}(\s|$)"))

    def press(self, name: str, button: str) -> None:
        """Press a button in a row, wait until the formgrader says that it was done, and close what it says.

        Raises AssertionError with the log if it could not be done.
        """
        self.row(name).locator(f".glyphicon-{PICTURES[button]}").click()
        dialog = self.frame.locator(".modal.in")
        expect(dialog).to_contain_text(re.compile("Success|Error"))
        said = dialog.inner_text()
        assert "Success" in said, said
        dialog.get_by_role("button", name="Close").last.click()
        expect(dialog).to_have_count(0)

    def assignments(self) -> None:
        """Go to the assignments."""
        self.frame.get_by_role("link", name="Manage Assignments").click()

    def submissions(self, unit: str) -> None:
        """Read the assignments again, and go to an assignment's submissions."""
        self.assignments()
        self.row(unit).get_by_role("link", name=re.compile(r"^\d+$")).click()
        expect(self.frame.get_by_role("heading", name="Submissions")).to_be_visible()

    def submission(self, unit: str, notebook: str) -> None:
        """Go to the first submission of a notebook, to grade it by hand."""
        for link in ("Manual Grading", unit, notebook, re.compile("^Submission #")):
            self.frame.get_by_role("link", name=link).first.click()
        expect(self.frame.locator(".panel-title").first).to_contain_text(notebook)

    def score(self, cell: str) -> Locator:
        """Where the points of a graded cell are entered."""
        return self.frame.locator(f"input#{cell}")
