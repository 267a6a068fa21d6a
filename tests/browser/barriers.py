"""What keeps people from reading a page, as axe-core finds it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# axe-core takes what is scrolled or clipped away for hidden, and JupyterLab's page is a clipped body 0 pixels high.
# What then sticks out of a notebook is still to be seen on the notebook's own background.
UNCLIPPED = """part => document.querySelectorAll(part).forEach(element => {
  const paper = element.closest(".jp-Notebook");
  const color = paper && getComputedStyle(paper).backgroundColor;
  for (let around = element.parentElement; around; around = around.parentElement) {
    around.style.overflow = "visible";
    around.style.contentVisibility = "visible";
    if (color && around.contains(paper)) around.style.backgroundColor = color;
  }
})"""
SERIOUS = ("serious", "critical")


def barriers(page: Page, part: str | None = None) -> list[str]:
    """Serious and critical violations on a page, or in the parts that a selector names: ``rule: element: reason``.

    Raises AssertionError if no part is there, in which nothing could be found.
    """
    assert part is None or page.locator(part).count(), f"nothing to look at: {part}"
    if part:
        page.evaluate(UNCLIPPED, part)
    found = Axe().run(page, context=part, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for violation in found
        if violation["impact"] in SERIOUS
        for node in violation["nodes"]
    ]
