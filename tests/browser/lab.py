"""JupyterLab in a browser: a server of a test's own, and notebooks by what a person sees and does there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import nbformat
from courses import free_port
from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0  # seconds until a state that does not come is an error: a loaded machine starts a kernel in 30
TIMEOUT = 1000 * PATIENCE  # the same in Playwright's unit, milliseconds
NUMBERED = re.compile(r"^\[\d+\]:$")
INSTALLED = Path(sys.executable).parent  # where `jupyter` and `grader` are
# What a home of one's own must not inherit.
INHERITED = ("GRADER_", "JUPYTER", "XDG_", "IPYTHONDIR", "MPLCONFIGDIR", "NBGRADER", "PYTEST", "MAKE", "MFLAGS")

expect.set_options(timeout=TIMEOUT)


def browser_path() -> str | None:
    """Where Chromium is: $CHROMIUM, or Debian's or Chrome's name for it."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of a person whose home folder is ``home``: nothing of this process's settings is in it."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(INHERITED)}
    path = f"{INSTALLED}{os.pathsep}{kept.get('PATH', '')}"
    return {**kept, "HOME": str(home), "PATH": path, "OMP_NUM_THREADS": "1", **more}


def make_lab(folder: Path, home: Path, **more: str):
    """The server that `make lab` starts, on a student's folder: see ``served``."""
    # The Python that runs the tests is ready, wherever it is.
    command = ["make", "-C", str(ROOT), "lab", "-o", ".venv/.ready", f"BIN={INSTALLED}", f"LAB={folder}"]
    return served(lambda options: [*command, f"LAB_OPTIONS={options}"], ROOT, environment(home, **more))


def instructors_lab(folder: Path, home: Path, **more: str):
    """The server that an instructor starts in a course: see ``served``."""
    lab = [str(INSTALLED / "jupyter"), "lab", "--allow-root", "--ServerApp.root_dir=."]
    return served(lambda options: [*lab, *options.split()], folder, environment(home, **more))


@contextlib.contextmanager
def served(command, cwd: Path, env: dict[str, str]) -> Iterator[str]:
    """The URL of a Jupyter server that runs as long as the context.

    command: its command line, for a given string of options.
    Raises RuntimeError with what the server said if it ends or does not answer.
    """
    port = free_port()
    options = f"--no-browser --port={port} --ServerApp.token= --ServerApp.port_retries=0 --ServerApp.ip=127.0.0.1"
    log = Path(env["HOME"]) / f"server-{port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(command(options), cwd=cwd, env=env, stdout=out, stderr=out, start_new_session=True)
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + PATIENCE
            while not answers(f"{url}/api/status"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"No Jupyter server: {process.args}\n{log.read_text()[-3000:]}")
                time.sleep(0.1)
            yield url
        finally:
            with contextlib.suppress(ProcessLookupError):  # it ended by itself
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def answers(url: str) -> bool:
    """Whether something answers there."""
    try:
        with urlopen(url, timeout=5):
            return True
    except (URLError, OSError):
        return False


def stop_kernels(url: str) -> None:
    """End the kernels of a server: each of them holds torch."""
    with urlopen(f"{url}/api/kernels") as response:
        kernels = json.load(response)
    for kernel in kernels:
        with contextlib.suppress(URLError):
            urlopen(Request(f"{url}/api/kernels/{kernel['id']}", method="DELETE"))


class Notebook:
    """A notebook that is open in JupyterLab.

    path: its file, which the server's folder contains.  name: the path there.
    """

    def __init__(self, page: Page, url: str, folder: Path, name: str) -> None:
        self.page, self.path = page, folder / name
        page.goto(f"{url}/lab/tree/{name}?reset", timeout=TIMEOUT)
        self.attach()

    def attach(self) -> None:
        """Wait until the notebook is shown and its kernel is ready."""
        self.panel = self.page.get_by_role("tabpanel", name=self.path.name)
        self.cells = self.panel.locator(".jp-Cell")
        expect(self.cells).to_have_count(len(self.source().cells))
        self.idle()

    def source(self) -> nbformat.NotebookNode:
        """The notebook as it is on disk."""
        return nbformat.read(self.path, as_version=4)

    def idle(self) -> None:
        """Wait until the kernel has nothing to do."""
        expect(self.panel.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")

    def index(self, key: str) -> int:
        """Where the cell is whose id in nbgrader is ``key`` or, if none is, the code cell whose source contains it."""
        cells = self.source().cells
        for k, cell in enumerate(cells):
            if cell.metadata.get("nbgrader", {}).get("grade_id") == key:
                return k
        return next(k for k, cell in enumerate(cells) if cell.cell_type == "code" and key in cell.source)

    def cell(self, key: str) -> Locator:
        """The cell of this key; see ``index``."""
        return self.cells.nth(self.index(key))

    def output(self, key: str) -> Locator:
        """What is shown below a cell."""
        return self.cell(key).locator(".jp-OutputArea-output")

    def write(self, key: str, source: str) -> None:
        """Replace a cell's source, by keys."""
        editor = self.cell(key).get_by_role("textbox")
        editor.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(source)
        expect(editor).to_contain_text(source.splitlines()[-1].strip())

    def run(self, key: str) -> Locator:
        """Run a cell by its key, wait until it is done, and return its output."""
        cell = self.cell(key)
        prompt = cell.locator(".jp-InputPrompt")
        before = prompt.text_content() or ""
        cell.get_by_role("textbox").click()
        self.page.keyboard.press("ControlOrMeta+Enter")
        if NUMBERED.match(before):
            expect(prompt).not_to_have_text(before)
        expect(prompt).to_have_text(NUMBERED)
        self.idle()
        return self.output(key)

    def menu(self, bar: str, *path: str) -> None:
        """Choose from the menus: ``menu("Run", "Run All Cells")``."""
        self.page.get_by_role("menubar").get_by_role("menuitem", name=bar, exact=True).click()
        for name in path:  # an entry that leads to another menu has no role of its own
            self.page.locator(".lm-Menu-itemLabel").get_by_text(name, exact=True).click()

    def run_all(self) -> None:
        """Run all cells, and wait until the last one is done."""
        self.menu("Run", "Run All Cells")
        last = max(k for k, cell in enumerate(self.source().cells) if cell.cell_type == "code")
        if self.source().cells[last].metadata.get("jupyter", {}).get("source_hidden"):  # then it has no number
            expect(self.cells.nth(last).locator(".jp-OutputArea-output").first).to_be_attached()
        else:
            expect(self.cells.nth(last).locator(".jp-InputPrompt")).to_have_text(NUMBERED)
        self.idle()

    def save(self) -> None:
        """Save, and wait until the file has been written."""
        before = self.path.stat().st_mtime_ns
        self.panel.get_by_role("button", name="Save and create checkpoint").click()
        deadline = time.monotonic() + PATIENCE
        while self.path.stat().st_mtime_ns == before:
            assert time.monotonic() < deadline, "nothing was saved"
            self.page.wait_for_timeout(100)
