"""Debian's Chromium for pytest-playwright, pictures of what it shows, and a student's JupyterLab."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import pytest
from lab import ROOT, TIMEOUT, Notebook, browser_path, make_lab, stop_kernels
from playwright.sync_api import Locator, sync_playwright

ARGUMENTS = (
    "--no-sandbox",  # Chromium's own refuses root, as which containers run; what it shows is ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NONE = "Chromium is NOT installed: nothing was tested in a browser. On Debian: apt-get install chromium"


@pytest.fixture(scope="package")
def installed():
    """The path of a browser.  Without one, tests are skipped with a warning, and fail in CI."""
    path = browser_path()
    if not path:
        if os.environ.get("CI"):
            pytest.fail(NONE)
        warnings.warn(NONE, stacklevel=1)
        pytest.skip(NONE)
    return path


# pytest-playwright's fixtures, for this folder instead of the session: while Playwright runs, asyncio takes its loop
# for the worker's, and tests of other folders could not run one of their own.
@pytest.fixture(scope="package")
def playwright(installed):
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="package")
def browser(playwright, installed):
    with playwright.chromium.launch(executable_path=installed, args=[*ARGUMENTS], timeout=TIMEOUT) as browser:
        yield browser


@pytest.fixture(scope="package")
def browser_context_args():
    return {"viewport": {"width": 1280, "height": 1000}, "locale": "en-US", "reduced_motion": "reduce"}


@pytest.fixture
def page(context):
    context.set_default_timeout(TIMEOUT)
    return context.new_page()


@pytest.fixture
def seen(request):
    """Keep a picture of a page or a part of it: ``seen(what, "the card")``, in $SCREENSHOTS or build/screenshots."""
    folder = Path(os.environ.get("SCREENSHOTS") or ROOT / "build/screenshots")
    test = request.node.originalname.removeprefix("test_")

    def keep(what, name: str, **options) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settle(what)
        what.screenshot(path=folder / f"{test}-{re.sub(r'[^a-z0-9]+', '_', name.lower())}.png", **options)

    return keep


def settle(what) -> None:
    """Wait until a part of a page is in view and stays there: JupyterLab lays out cells only as they come into view."""
    if isinstance(what, Locator):
        before, now = None, what.bounding_box()
        while now != before:
            what.scroll_into_view_if_needed()
            what.page.wait_for_timeout(200)
            before, now = now, what.bounding_box()


@pytest.fixture(scope="package")
def students_lab(installed, tmp_path_factory):
    """(url, folder) of what `make lab` starts, with a home of its own."""
    there = tmp_path_factory.mktemp("student")
    with make_lab(there / "lab", there / "home") as url:
        yield url, there / "lab"


@pytest.fixture
def opened(page, students_lab):
    """Open a notebook of the student's folder: ``opened("course/lesson_00_setup.ipynb")``."""
    url, folder = students_lab
    yield lambda name: Notebook(page, url, folder, name)
    stop_kernels(url)
