"""Graders without the defences: what an attack must beat to be more than a paper tiger.

Run as a script this is in-kernel judging: a process with the real ``grader.check``, which forks for each job, runs all
cells in one unconfined shell, and hands back their outputs.  The functions below it do what a grader does that
believes its submissions: they read scores where nbgrader reads them, compare as a hurried author compares, unpickle.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

PATIENCE = 30.0  # seconds after which a naive grader's process counts as hung


def serve() -> None:
    """Jobs come as lines of JSON: cells, the folder to run in, and the file that the outputs go to."""
    import torch

    import grader
    import grader.judge
    from grader import pack
    from grader.demo import sample
    from grader.sandbox import confined

    at_hand = [*pack.installed(), pack.of_path(sample.PACK)]
    pack._installed = lambda: at_hand  # the sample class's questions are, wherever a job runs
    real = grader.check
    torch.set_num_threads(1)
    one = torch.ones(2, requires_grad=True)
    torch.autograd.grad(2 * one, one, torch.ones(2))  # the first weighted one takes 0.4 s, and forward mode 1 s
    for question in grader.questions():
        question.sample(0)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        job = json.loads(line)
        child = os.fork()
        if child == 0:
            nowhere = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(nowhere, standard)
            os.chdir(job["folder"])
            signal.signal(signal.SIGINT, signal.default_int_handler)
            notebook = confined.Notebook()  # the same as in the sandbox, without the sandbox
            notebook.connect(None)
            grader.check = real
            cell = notebook.shell.cell  # a submission may put another in its place, as in a kernel
            outputs = [cell(source, 10**7) for source in job["cells"]]
            Path(job["out"]).write_text(json.dumps(outputs, default=str))
            os._exit(0)
        end = time.monotonic() + PATIENCE
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.01)
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
        sys.stdout.write("over\n")
        sys.stdout.flush()


class Kernel:
    """In-kernel judging from outside: ``run`` returns every cell's outputs, or None where the process died."""

    def __init__(self, scratch: Path, token: str):
        self.scratch = scratch
        environment = {**os.environ, "JUPYTERHUB_API_TOKEN": token, "GRADER_PROGRESS": "", "OMP_NUM_THREADS": "1"}
        environment |= {"HOME": str(scratch), "IPYTHONDIR": str(scratch / "ipython"), "MPLCONFIGDIR": str(scratch)}
        self.process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self._answer()

    def run(self, cells: list[str], folder: Path) -> list[list[dict[str, Any]]] | None:
        out = self.scratch / "outputs.json"
        out.unlink(missing_ok=True)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"cells": cells, "folder": str(folder), "out": str(out)}) + "\n")
        self.process.stdin.flush()
        self._answer()
        return json.loads(out.read_text()) if out.exists() else None

    def _answer(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline(), "the naive kernel has ended"

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def read(data: bytes) -> NotebookNode:
    """A submission as nbgrader reads it: what is no valid notebook, or has odd metadata, stops the run."""
    from nbgrader.preprocessors import CheckCellMetadata

    nb = nbformat.reads(data.decode("utf-8"), as_version=4)
    nbformat.validate(nb)
    CheckCellMetadata().preprocess(nb, {})
    return nb


def score(nb: NotebookNode) -> dict[str, float]:
    """The scores of a notebook as nbgrader reads them off its own cells; raises where nbgrader does."""
    from nbgrader.utils import determine_grade

    return {
        cell.metadata.nbgrader.grade_id: float(determine_grade(cell)[0] or 0.0)
        for cell in nb.cells
        if cell.metadata.get("nbgrader", {}).get("grade")
    }


_CASE = """\
_x = torch.tensor([0.3, -1.2, 0.7], dtype=torch.float64, requires_grad=True)
_v = torch.tensor([1.0, 2.0, -1.0], dtype=torch.float64)
_f = lambda x: torch.stack([x[0] * x[1], torch.sin(x[0]) + 2 * x[2], x[0] * x[2] - x[1] ** 2])
"""
_COMPARED = """
_result = weighted_gradient_by_a_number(_f, _x, _v)
assert isinstance(_result, torch.Tensor)
assert tuple(_result.shape) == (3,)
assert torch.allclose(_result, _true)
"""
ASSERTS = (
    _CASE + "_true = torch.tensor([-1.9 + 2 * 0.9553364891256060, 0.3 - 2.4, 3.7], dtype=torch.float64)" + _COMPARED
)
"""What an author writes into a test cell when there is no judge: a hand-made case and ``assert``."""

ASSERTS_BY_GRAD = _CASE + "(_true,) = torch.autograd.grad(_f(_x), _x, _v)" + _COMPARED
ASSERTS_BY_BACKWARD = _CASE + "_f(_x).backward(_v)\n_true = _x.grad.clone()\n_x.grad = None" + _COMPARED
"""The same by an author who lets torch compute what is true, in the student's process."""


def script(source: str, folder: Path, end: str = "") -> tuple[int, str]:
    """A notebook as one script in a folder, the way small home-made graders run it: (exit status, what it printed)."""
    path = folder / "submission_as_script.py"
    path.write_text(source + "\n" + end)
    try:
        done = subprocess.run(
            [sys.executable, path.name], cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    finally:
        path.unlink()
    return done.returncode, done.stdout


def by_exit_status(source: str, folder: Path) -> float:
    """Full marks where the script and the tests behind it end with status 0."""
    return 1.0 if script(source, folder, "assert answer == 42")[0] == 0 else 0.0


def by_last_line(source: str, folder: Path) -> float:
    """The last line that says SCORE is believed."""
    _, text = script(source, folder, "print('SCORE', 1.0 if answer == 42 else 0.0)")
    found = re.findall(r"^SCORE ([0-9.]+)$", text, re.MULTILINE)
    return float(found[-1]) if found else 0.0


def removes(folder: Path) -> bool:
    """Whether ``shutil.rmtree``, as most would use it, gets rid of a folder."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        return False
    return not folder.exists()


if __name__ == "__main__":
    serve()
