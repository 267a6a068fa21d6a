"""Lessons in JupyterLab: sliders by mouse and by keys, light and dark, and what is left where nothing is trusted."""

from __future__ import annotations

import nbformat
import pytest
from barriers import barriers
from lab import Notebook
from playwright.sync_api import expect

LESSON = "course/lesson_00_setup.ipynb"
SLIDER = "One number per row"
CURVE = "The curve sin(t²) from 0 to 2.2, and its tangent at t = 1."
WRONG = "return 2 * x\n"
OUTPUTS = ".jp-OutputArea-output"


def frame(output, row: int):
    """The picture of one position of the slider."""
    return output.get_by_role("img", name=f"A, row {row} lit")


def test_slider_by_mouse_and_by_keys(opened, page, seen):
    notebook = opened(LESSON)
    notebook.run_all()
    shown = notebook.output(SLIDER)
    slider = shown.get_by_role("slider", name=SLIDER)
    expect(frame(shown, 0)).to_be_visible()

    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    slider.click(position={"x": box["width"] - 3, "y": box["height"] / 2})
    expect(slider).to_have_value("2")
    expect(frame(shown, 2)).to_be_visible()
    expect(frame(shown, 0)).to_be_hidden()
    expect(shown.get_by_role("status")).to_have_text("row 2")
    seen(shown, "at the end")

    page.keyboard.press("ArrowLeft")
    expect(slider).to_have_value("1")
    expect(frame(shown, 1)).to_be_visible()
    page.keyboard.press("Home")
    expect(frame(shown, 0)).to_be_visible()
    # The notebook did not take the key for its own, which selects another cell.
    expect(slider).to_be_focused()


def test_without_its_attribute_a_slider_loses_the_keys(opened, page):
    notebook = opened(LESSON)
    notebook.run_all()
    slider = notebook.output(SLIDER).get_by_role("slider")
    slider.click(position={"x": 3, "y": 8})
    slider.evaluate("input => input.removeAttribute('data-lm-suppress-shortcuts')")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("0")


def test_sliders_of_two_notebooks_keep_their_names(opened, page):
    for name in (LESSON, "course/lesson_03_vector_to_scalar.ipynb"):
        notebook = opened(name)
        notebook.run_all()
        notebook.save()
    # A page of JupyterLab that shows both, as a student has them open.
    page.get_by_role("region", name="File Browser Section").get_by_text("lesson_00_setup.ipynb").dblclick()
    expect(page.get_by_role("tabpanel", name="lesson_00_setup.ipynb")).to_be_visible()
    names = page.locator(f"{OUTPUTS} input[type=range]").evaluate_all(
        "inputs => inputs.map(i => i.labels[0].innerText)"
    )
    assert len(names) == len({*names}) > 2
    assert all(names)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_light_and_dark(opened, page, seen, theme):
    notebook = opened(LESSON)
    notebook.run_all()
    notebook.menu("Settings", "Theme", theme)
    try:
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme.endswith("Light")).lower())
        for name, key in (("card", WRONG), ("slider", SLIDER), ("curve", "lesson.curves(")):
            output = notebook.output(key).last
            expect(output).to_be_visible()
            seen(output, f"{theme} {name}")
        assert barriers(page, OUTPUTS) == []
    finally:
        notebook.menu("Settings", "Theme", "JupyterLab Light")


def test_a_number_too_pale_is_found(opened, page):
    notebook = opened(LESSON)
    notebook.run_all()
    notebook.output(SLIDER).evaluate(
        "(output, html) => output.insertAdjacentHTML('beforeend', html)",
        '<p style="color: #ccc; background: #fff">pale</p><input type="range">',
    )
    assert {violation.split(":")[0] for violation in barriers(page, OUTPUTS)} == {"color-contrast", "label"}


def test_saved_closed_and_opened_again_it_still_speaks(opened, page, students_lab, seen):
    url, folder = students_lab
    notebook = opened(LESSON)
    notebook.run_all()
    notebook.save()
    notebook.menu("File", "Close Tab")
    expect(notebook.panel).to_have_count(0)

    own = opened(LESSON)
    expect(own.output(SLIDER).get_by_role("slider", name=SLIDER)).to_be_enabled()
    expect(own.output("lesson.curves(").get_by_role("img", name=CURVE)).to_be_visible()

    # What somebody else has run is not trusted: JupyterLab drops scripts and most attributes.
    nb = own.source()
    nb.cells[0].source += "\n\n(From a friend.)"
    nbformat.write(nb, folder / "course/from_a_friend.ipynb")
    friends = Notebook(page, url, folder, "course/from_a_friend.ipynb")
    shown = friends.output(SLIDER)
    expect(shown.get_by_role("slider", name=SLIDER)).to_be_disabled()
    expect(shown).to_contain_text("Run the cell again to move the slider. This is its position “row 0”.")
    seen(shown, "untrusted slider")
    curve = friends.output("lesson.curves(")
    expect(curve).to_contain_text(f"Picture: {CURVE} (Run the cell again to see it.)")
    seen(curve, "untrusted curve")
    card = friends.output(WRONG)
    expect(card).to_contain_text("✗ 0 of 1 — this is 2x, not x².")
    assert barriers(page, OUTPUTS) == []
    friends.run_all()
    expect(shown.get_by_role("slider", name=SLIDER)).to_be_enabled()
