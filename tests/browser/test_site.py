"""The whole website, as `make book` builds it: its links, its search, a phone, and no barriers in light and in dark."""

from __future__ import annotations

import pytest
from barriers import barriers
from playwright.sync_api import expect
from test_book import faults, layout, lost_sections, sphinx

from grader.units import SECTIONS

PAGES = (
    "index.html",
    "lessons/lesson_06_matrices_and_broadcasting.html",
    "exercises/05_weighted_vjp.html",
    "mistakes/index.html",
    "mistakes/ones_weight.html",
    "glossary.html",
    "running-a-class.html",
    "api.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the website."""
    there = tmp_path_factory.mktemp("site")
    layout.lay_out(there / "source")
    done = sphinx(there / "source", there / "out")
    assert done.returncode == 0, done.stderr
    return there / "out"


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    assert faults(site) == []


def test_lessons_have_outputs_pictures_and_the_sections_to_which_cards_lead(site):
    jacobian = (site / "lessons" / "lesson_04_jacobian.html").read_text("utf-8")
    assert "[18, 12, 6]" in jacobian
    assert 'role="img"' in jacobian
    assert lost_sections(site, set(SECTIONS.values())) == []
    assert lost_sections(site, {("05", "No such heading")}) == [("05", "No such heading")]


def test_search_finds_a_lesson(site, page, seen):
    page.goto((site / "search.html").as_uri() + "?q=broadcasting")
    found = page.get_by_role("main").get_by_role("link", name="06 Matrices and broadcasting").first
    expect(found).to_be_visible()
    seen(page, "found")
    found.click()
    expect(page.get_by_role("heading", level=1, name="06 Matrices and broadcasting")).to_be_visible()
    page.goto((site / "search.html").as_uri() + "?q=nosuchwordanywhere")
    expect(page.get_by_role("main")).to_contain_text("did not match")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_have_no_barriers_and_fit_a_phone(site, page, seen, name, theme):
    page.emulate_media(color_scheme=theme)
    page.goto((site / name).as_uri())
    seen(page, f"{name.removesuffix('.html')} {theme}")
    assert barriers(page) == []
    page.set_viewport_size({"width": 390, "height": 800})
    seen(page, f"{name.removesuffix('.html')} {theme} phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_sliders_move_on_the_website(site, page):
    page.goto((site / "lessons" / "lesson_05_weighted_vjp.html").as_uri())
    slider = page.get_by_role("slider", name="How much each output counts")
    before = slider.get_attribute("aria-valuetext")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") != before
