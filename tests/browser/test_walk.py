"""A student's first hour in JupyterLab, as `make lab` starts it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

EXERCISES = "exercises/00_setup/00_setup.ipynb"


def test_first_exercise_from_not_attempted_to_right(opened, page, seen):
    notebook = opened(EXERCISES)
    expect(page.get_by_role("dialog")).to_have_count(0)
    notebook.run_all()
    card = notebook.output("00-run_and_check")
    expect(card.get_by_role("group", name="○ Not attempted yet")).to_be_visible()

    notebook.write("answer-00-run_and_check", "def squares(x):\n    return 2 * x")
    notebook.run("answer-00-run_and_check")
    notebook.run("00-run_and_check")
    expect(card.get_by_role("group", name="✗ 0 of 1 — this is 2x, not x².")).to_be_visible()
    for picture in ("yours", "true", "yours − true"):
        expect(card.get_by_role("img", name=re.compile(f"^{picture}: "))).to_be_visible()
    right = card.get_by_role("group", name="✓ 1 of 1.")
    expect(right).to_have_count(0)
    seen(card, "wrong")
    folded = card.locator("details").first
    expect(folded).not_to_have_attribute("open", "")
    folded.locator("summary").first.press("Enter")
    expect(folded).to_have_attribute("open", "")

    before = notebook.output("hint(").inner_text()
    expect(notebook.run("hint(")).not_to_have_text(before)
    expect(notebook.output("hint(")).to_contain_text("Hint 2 of ")

    notebook.write("answer-00-run_and_check", "def squares(x):\n    return x * x")
    notebook.run("answer-00-run_and_check")
    notebook.run("00-run_and_check")
    expect(right).to_be_visible()
    seen(card, "right")
    one_of_four = re.compile(r"1\s*(/|of)\s*4")
    expect(notebook.output("progress()")).not_to_contain_text(one_of_four)
    expect(notebook.run("progress()")).to_contain_text(one_of_four)
    seen(page, "the notebook")
