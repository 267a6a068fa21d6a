"""Figures, not tests: what the grader adds to a notebook.  Run with ``make bench``."""

from __future__ import annotations

import copy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient

import grader
from grader.card import Card
from grader.classroom import judging, submission
from grader.demo import sample
from grader.sandbox.limits import Limits
from grader.sandbox.zygote import Zygote
from grader.units import u05_functions as functions

from support import rules

RUNS = 7


def milliseconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """The median time of one call, after one that is not counted."""
    work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


IMPORTS = """
import time
start = time.perf_counter()
import torch
between = time.perf_counter()
from grader import check

print(between - start, time.perf_counter() - between)
"""


def imports() -> tuple[float, float]:
    """Milliseconds for ``import torch`` and then ``from grader import check``: medians over fresh interpreters."""
    runs = [subprocess.run([sys.executable, "-c", IMPORTS], check=True, capture_output=True) for _ in range(RUNS)]
    both = [[1000 * float(seconds) for seconds in run.stdout.split()] for run in runs]
    return statistics.median(t for t, _ in both), statistics.median(g for _, g in both)


def weighted_gradient(x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(functions.pair(x), x, grad_outputs=v)[0]


def ones_instead(x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad(functions.pair(x), x, grad_outputs=torch.ones_like(v))[0]


def nothing(id: str) -> None:
    """A check that is asked nothing."""


def grading() -> None:
    """What it takes to grade a right notebook: in the sandbox, without confinement, and to run it in a real kernel."""
    name = Path(sample.UNIT) / f"{sample.UNIT}.ipynb"
    solution = nbformat.read(sample.COURSE / "solutions" / name, as_version=4)
    released = nbformat.read(sample.COURSE / "exercises" / name, as_version=4)
    data = next(s for s in sample.CLASS if s.name == "ada").submission(solution, released)
    mended = submission.mend(submission.read(data), released)
    sources = [cell.source for cell in mended.cells if cell.cell_type == "code"]

    there = {"metadata": {"path": str(sample.COURSE)}}  # where the questions are at hand

    def in_a_kernel() -> None:
        NotebookClient(copy.deepcopy(mended), kernel_name="python3", timeout=120, resources=there).execute()

    kernel = milliseconds(in_a_kernel, runs=2)
    print(f"unit 05 in a real kernel   {kernel:7.0f} ms   {len(sources)} cells through nbclient, checks included")
    for confined in (False, True):
        start = time.perf_counter()
        zygote = Zygote(confined)

        def graded(zygote: Zygote = zygote) -> None:
            judging.run(copy.deepcopy(mended), rules(released), zygote, Limits(), bytes(32), "bench")

        try:
            zygote.run([], nothing)
            first = 1000 * (time.perf_counter() - start)
            ready = milliseconds(lambda zygote=zygote: zygote.run([], nothing))
            cells = milliseconds(lambda zygote=zygote: zygote.run(sources, nothing))
            whole = milliseconds(graded)
        finally:
            zygote.close()
        print(
            f"the same, {'' if confined else 'not '}confined".ljust(26), f"{whole:7.0f} ms   {whole / kernel:.2f} of it"
        )
        print(f"  fork, shell{', confinement' if confined else ''}".ljust(26), f"{ready:7.0f} ms")
        print(f"  its cells, asked nothing {cells - ready:8.0f} ms")
        print(f"  posing, probing, judging {whole - cells:8.0f} ms")
        print(f"  once a run: zygote process {first:8.0f} ms")
    read = milliseconds(lambda: submission.mend(submission.read(data), released))
    print(f"reading and mending       {read:8.1f} ms")


def main() -> None:
    torch_alone, grader_too = imports()
    print(f"import torch               {torch_alone:7.0f} ms")
    print(f"import grader after it     {grader_too:7.0f} ms   {grader_too / torch_alone:.2f} of import torch")
    for name, answer in (("right", weighted_gradient), ("wrong", ones_instead)):
        judged = milliseconds(lambda answer=answer: grader.diagnose("05.weight_the_outputs", answer))
        verdict = grader.diagnose("05.weight_the_outputs", answer)
        shown = milliseconds(lambda verdict=verdict: Card(verdict)._repr_mimebundle_())
        print(f"zygote check, {name} answer {judged:9.1f} ms   and {shown:.1f} ms for its card and pictures")
    student = milliseconds(lambda: weighted_gradient(torch.ones(3, requires_grad=True), torch.ones(2)))
    print(f"the answer itself         {student:8.2f} ms")
    grading()


if __name__ == "__main__":
    main()
