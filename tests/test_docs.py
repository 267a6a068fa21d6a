"""The documentation is true: each command exists, with each of its options, and code does what the page says."""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import re
import shlex
import warnings
from pathlib import Path

import pytest
import torch
from courses import UNIT, command, content, handed_in, url
from nbgrader.api import Gradebook
from nbgrader.apps.nbgraderapp import NbGraderApp
from torch import nn
from torch.func import jacrev, vmap
from traitlets.config import Application

import grader
from grader import cli
from grader.demo import sample

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "docs/running-a-class.md", "docs/a-course-of-your-own.md")
LINE = re.compile(
    r"^ +(?:\.venv/bin/)?((?:grader|nbgrader) [^#\n]*)|`(?:\.venv/bin/)?((?:grader|nbgrader) [^`\n]+)`", re.M
)


def commands(text: str) -> list[str]:
    """The command lines of a page: indented ones without their comments, and those in backquotes.

    Prose may name a command without what it needs; then its help must be there.
    """
    found = [(indented.strip(), quoted.strip()) for indented, quoted in LINE.findall(text)]
    return [
        indented or (f"{quoted} --help" if re.fullmatch(r"grader \w+", quoted) else quoted)
        for indented, quoted in found
    ]


def wrong(command: str) -> str:
    """What is wrong with a command line; "" where nothing is."""
    program, *words = shlex.split(command)
    return _of_grader(words) if program == "grader" else _of_nbgrader(NbGraderApp, words)


def _of_grader(words: list[str]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            cli._parser().parse_args(words)
        except SystemExit as why:
            return said.getvalue() if why.code else ""
    return ""


def _of_nbgrader(app: type[Application], words: list[str]) -> str:
    """Walk nbgrader's applications down to the one that is named, and look each option up in it."""
    while words and (found := _subcommands(app).get(words[0])):
        app, words = found[0], words[1:]
    if _subcommands(app):
        return f"{app.__name__} has no {words[:1]}"
    made = app()
    known = {name for names in (*made.flags, *made.aliases) for name in ([names] if isinstance(names, str) else names)}
    traits = {
        f"{kind.__name__}.{name}" for kind in made._classes_inc_parents() for name in kind.class_traits(config=True)
    }
    for word in words:
        option = word.lstrip("-").partition("=")[0]
        if word.startswith("-") and option not in known | traits:
            return f"{app.__name__} has no {word}"
    return ""


def _subcommands(app: type[Application]) -> dict:
    made = app()
    return made.subcommands if isinstance(made.subcommands, dict) else {}


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_a_page_exists(page):
    found = commands((ROOT / page).read_text("utf-8"))
    assert len(found) > 5
    assert {command: said for command in found if (said := wrong(command))} == {}


@pytest.mark.parametrize(
    "command",
    [
        "grader grad 05_weighted_vjp",
        "grader grade 05_weighted_vjp --parallel",
        "grader grade 05_weighted_vjp --limit patience=3",
        "grader export",
        "nbgrader gather 05_weighted_vjp",
        "nbgrader collect 05_weighted_vjp --newest",
        "nbgrader db assignment make 05_weighted_vjp",
        "nbgrader autograde 05_weighted_vjp --RunOutside.patience=3",
    ],
)
def test_a_command_that_does_not_exist_is_noticed(command):
    assert wrong(command)
    assert commands(f"Run\n\n    .venv/bin/{command}   # so\n")[0] == command
    assert commands(f"Then `{command} --json`.") == [f"{command} --json"]


def named_tests(text: str) -> set[str]:
    """The tests, and files of tests, that a page names."""
    return set(re.findall(r"\btest_\w+", text))


def test_every_test_that_a_page_names_exists():
    there = set()
    for path in (ROOT / "tests").rglob("*.py"):
        there |= {path.stem, *re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.M)}
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "tests" / "repeats.py"):
        gone = {name for name in named_tests(page.read_text("utf-8")) if not any(n.startswith(name) for n in there)}
        assert gone == set(), page
    assert named_tests("see `test_that_is_gone`") - there == {"test_that_is_gone"}  # the way to fail


def example(text: str, name: str) -> str:
    """The indented example that begins with a comment of this name, as a file."""
    lines = text.partition(f"    # {name}\n")[2].splitlines()
    kept = itertools.takewhile(lambda line: not line or line.startswith("    "), lines)
    return "\n".join(line.removeprefix("    ") for line in kept)


@pytest.mark.parametrize(("due", "penalty"), [("2024-11-15 12:00 UTC", 4.8), ("2024-11-17 12:00 UTC", None)])
def test_the_rule_for_lateness_on_the_page_takes_off_what_the_page_says(due, penalty, tmp_path):
    page = (ROOT / "docs" / "running-a-class.md").read_text("utf-8")
    folder = handed_in(tmp_path / "course", [student for student in sample.CLASS if student.name == "ada"])
    (folder / "late_days.py").write_text(example(page, "late_days.py"))
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write("\n" + example(page, "nbgrader_config.py"))
    (folder / "submitted" / "ada" / UNIT / "timestamp.txt").write_text("2024-11-16 13:00:00 UTC")
    with Gradebook(url(folder)) as book:
        book.update_or_create_assignment(UNIT, duedate=due)
    process = command(folder, "--jobs", "1")
    assert process.wait() == 0, process.communicate()
    process.communicate()
    assert [row[4] for row in content(url(folder))["submissions"]] == [pytest.approx(penalty) if penalty else None]
    assert "4.8 points" in page


def test_a_command_may_be_named_in_prose_if_there_is_one():
    assert not wrong(*commands("`grader grade` grades"))
    assert wrong(*commands("`grader grad` grades"))


INPUT = "docs/derivatives-with-respect-to-the-input.md"
TOP = "Derivatives of a PyTorch network with respect to its input"
BLOCK = re.compile(r"^#+ ([^\n]+)$|^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
STEP = 1e-3


def sections(text: str) -> dict[str, list[tuple[str, str]]]:
    """{heading: [(code, what the page says that it prints or raises, "" if nothing)]}."""
    found: dict[str, list[tuple[str, str]]] = {}
    for heading, code, said in BLOCK.findall(text):
        if heading:
            blocks = found[heading] = []
        else:
            blocks.append((code, said))
    return {heading: blocks for heading, blocks in found.items() if blocks}


def run(code: str, names: dict) -> str:
    """What code shows: its warnings, what it prints, and the last line of a traceback."""
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", DeprecationWarning)  # raised within torch, where Python shows none
        try:
            exec(code, names)
        except Exception as why:
            print(f"{type(why).__name__}: {why}")
    return "".join(f"{one.category.__name__}: {one.message}\n" for one in warned) + printed.getvalue()


def as_said(shown: str, said: str) -> bool:
    """Whether code shows what the page says; a line that ends with an ellipsis says how a line begins."""
    lines, wanted = shown.splitlines(), said.splitlines()
    return len(lines) == len(wanted) and all(
        line.startswith(beginning.removesuffix(" …")) if beginning.endswith(" …") else line == beginning
        for line, beginning in zip(lines, wanted, strict=True)
    )


def moved(net: nn.Module, x: torch.Tensor, *steps: tuple[int, float]) -> torch.Tensor:
    """net at x, (N, ...), in double precision: each sample's outputs, (N, m), with coordinates of its own moved.

    Samples are moved one at a time, and the others stay where they are.
    """
    net, x = copy.deepcopy(net).double(), x.detach().double()
    rows = []
    for k in range(len(x)):
        at = x.clone()
        for i, by in steps:
            at[k].view(-1)[i] += by
        with torch.no_grad():
            rows.append(net(at)[k])
    return torch.stack(rows)


def first(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """∂u/∂x of each sample by central differences of values: (N, m, d), samples flattened to (d,)."""
    return torch.stack(
        [(moved(net, x, (i, STEP)) - moved(net, x, (i, -STEP))) / (2 * STEP) for i in range(x[0].numel())], -1
    )


def second(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The Hessian of each sample's first output by central differences of values: (N, d, d)."""
    d, h = x[0].numel(), STEP
    corners = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    rows = [
        [sum(a * b * moved(net, x, (i, a * h), (j, b * h))[:, 0] for a, b in corners) / (4 * h * h) for j in range(d)]
        for i in range(d)
    ]
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def near(given: torch.Tensor, true: torch.Tensor) -> bool:
    """Whether single precision gives what double precision says, in the same shape, and not just zeros."""
    return (
        given.shape == true.shape
        and bool(true.abs().max() > 1e-3)
        and torch.allclose(given.double(), true, rtol=1e-3, atol=2e-4)
    )


def _loss_of_weight(net: nn.Module, x: torch.Tensor, by: float) -> float:
    """The loss of the residual of u″ + u = 0, with one weight moved."""
    net = copy.deepcopy(net).double()
    with torch.no_grad():
        net[0].weight[0, 0] += by
    return ((second(net, x)[:, 0] + moved(net, x)) ** 2).mean().item()


def _top(n: dict) -> bool:
    further, back = (_loss_of_weight(n["net"], n["x"], by) for by in (0.01, -0.01))
    return (
        near(n["u_x"], first(n["net"], n["x"])[:, 0])
        and near(n["u_xx"], second(n["net"], n["x"])[:, 0])
        and n["net"][0].weight.grad[0, 0] == pytest.approx((further - back) / 0.02, rel=1e-3)
    )


def _critic(n: dict) -> bool:
    slope = first(n["critic"], n["images"])[:, 0]
    return near(n["g"].flatten(1), slope) and near(n["norms"], slope.norm(dim=1)) and n["penalty"].requires_grad


def _coordinates(n: dict) -> bool:
    slope, bend = first(n["field"], n["X"])[:, 0], second(n["field"], n["X"])
    parts = [n["v_x"], n["v_y"], n["v_xx"], n["v_yy"], n["laplacian"]]
    true = [slope[:, 0], slope[:, 1], bend[:, 0, 0], bend[:, 1, 1], bend[:, 0, 0] + bend[:, 1, 1]]
    return all(map(near, parts, true))


def _flow(n: dict) -> torch.Tensor:
    return first(n["flow"], n["X"])


# What blocks compute without printing it, by heading; {} is what names hold once the section has been run.
CHECKS = {
    TOP: _top,
    "The gradient of a critic, one per image": _critic,
    "Several coordinates: partial derivatives and the Laplacian": _coordinates,
    "The Jacobian of several outputs, one per sample": lambda n: near(n["J"], _flow(n)) and n["J"].requires_grad,
    "All second derivatives, one Hessian per sample": lambda n: near(n["H"], second(n["field"], n["X"])),
    "The derivative along a direction": lambda n: (
        near(n["values"], moved(n["flow"], n["X"]))
        and near(n["along"], (_flow(n) @ n["direction"].double()[:, :, None])[:, :, 0])
    ),
    "1. The network never saw this x": lambda n: near(
        torch.cat([n["u_x"], n["u_t"]], 1), first(n["joint"], torch.cat([n["x"], n["t"]], 1))[:, 0]
    ),
}


def faults(text: str, where: str = "") -> list[str]:
    """The blocks of a page that do not do what it says, each run after the page's first one and none of the others.

    where: how the headings of the sections begin that are looked at.

    A block after which the page quotes nothing must compute what CHECKS holds true.
    """
    found = []
    everything = [(heading, *block) for heading, blocks in sections(text).items() for block in blocks]
    (_, answer, _), *rest = everything
    with torch.random.fork_rng():
        for heading, code, said in rest:
            if not heading.startswith(where):
                continue
            torch.manual_seed(0)
            names: dict = {}
            shown = run(answer, names) + run(code, names)
            known = as_said(shown, said) if said else not shown and heading in CHECKS and CHECKS[heading](names)
            if not known:
                found.append(f"{heading}\n{code}{shown}")
    return found


def test_every_block_on_the_page_about_the_input_does_what_the_page_says():
    text = (ROOT / INPUT).read_text("utf-8")
    assert faults(text) == []
    assert text.count("```python") == sum(map(len, sections(text).values())) >= 16
    assert set(CHECKS) <= set(sections(text))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("grad_outputs=torch.ones_like(u), create", "grad_outputs=torch.arange(50.0)[:, None], create", TOP),
        ("ones_like(u), create_graph=True)\n(u_xx", "ones_like(u), retain_graph=True)\n(u_xx", TOP),
        ("g.flatten(1).norm(dim=1)", "g.norm(2, dim=1)", "The gradient of a critic"),
        ("grad(v_x.sum(), X", "grad(g.sum(), X", "Several coordinates"),
        ("J = vmap", "J = -vmap", "The Jacobian"),
        ("[:, 0]  # (50, 2, 2)", "  # (50, 2, 2)", "All second derivatives"),
        ("(direction,))", "(X,))", "The derivative along"),
        ("Error: One of the differentiated Tensors", "Error: One of the Tensors", "1."),
        ("torch.cat([x, t], dim=1)", "torch.cat([t, x], dim=1)", "1."),
        ("element 0 of tensors does", "element 0 does", "2."),
        ("is being accessed. …", "is read. …", "3."),
        ("BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 1))\n", "LayerNorm(32), nn.Tanh(), nn.Linear(32, 1))\n", "4."),
        ("nn.ReLU()", "nn.SiLU()", "5."),
        ("torch.Size([50, 50])", "torch.Size([50, 1])", "6."),
        ("## Learn it properly", "## More\n\n```python\nu + 1\n```\n", "More"),
    ],
)
def test_a_block_that_does_something_else_is_noticed(old, new, where):
    text = (ROOT / INPUT).read_text("utf-8")
    assert old in text
    assert faults(text.replace(old, new), where)


@pytest.fixture
def names():
    """What the page's first block makes."""
    (answer, _), *_ = sections((ROOT / INPUT).read_text("utf-8"))[TOP]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made: dict = {"answer": answer}
        assert run(answer, made) == ""
        yield made


def test_what_the_page_says_in_passing_of_create_graph(names):
    net, x, u, grad, ones = names["net"], names["x"], names["u"], names["grad"], torch.ones(50, 1)
    assert torch.allclose(grad(u.sum(), x, retain_graph=True)[0], names["u_x"])
    assert grad(net(x), torch.ones(1, requires_grad=True), ones, allow_unused=True) == (None,)

    code, said = sections((ROOT / INPUT).read_text("utf-8"))["2. `create_graph` is missing in the first call"][0]
    for old, new in [("like(u))", "like(u), retain_graph=True)"), ("u = net", "with torch.no_grad(): u = net")]:
        assert code.count(old) == 1
        assert as_said(run(code.replace(old, new), dict(names)), said)

    last = "ones_like(u_x), create_graph=True"
    assert names["answer"].count(last) == 1
    run(names["answer"].replace(last, "ones_like(u_x)"), freed := {})
    assert "a second time" in run("(u**2).mean().backward()", freed)


@pytest.mark.parametrize(("create", "same"), [(False, True), (True, False)])
def test_a_term_without_a_graph_changes_no_weight(names, create, same):
    net, x, u, grad = names["net"], names["x"], names["u"], names["grad"]
    (u_x,) = grad(u, x, torch.ones_like(u), retain_graph=True, create_graph=create)
    fit = (u**2).mean()
    losses = fit, fit + ((u_x - 1) ** 2).mean()
    assert torch.allclose(*(grad(loss, net[0].weight, retain_graph=True)[0] for loss in losses)) is same


def alone(net: nn.Module, x: torch.Tensor) -> bool:
    """Whether there is one output per sample, and the first depends on its own sample alone."""
    (g,) = torch.autograd.grad(net(x)[0].sum(), x)
    return bool((g[1:] == 0).all()) and net(x)[0].numel() == 1


def test_what_the_page_says_in_passing_of_samples_that_influence_each_other(names):
    net, x = names["net"], names["x"]
    images = torch.randn(5, 3, 4, 4, requires_grad=True)
    assert alone(nn.Sequential(nn.Conv2d(3, 2, 3), nn.SiLU(), nn.LayerNorm(2), nn.Flatten(), nn.Linear(8, 1)), images)
    assert not alone(lambda x: net(x) - net(x).mean(), x)
    assert not alone(nn.Linear(1, 2), x)

    (code, _), *_ = sections((ROOT / INPUT).read_text("utf-8"))["4. Samples that influence each other (no error)"]
    run(code, names)
    assert near(names["its_own"], first(names["coupled"], x)[:, 0])
    assert not near(names["with_ones"], first(names["coupled"], x)[:, 0])
    assert run("vmap(jacrev(coupled))(x)", names | {"vmap": vmap, "jacrev": jacrev}).startswith("ValueError: ")


def test_a_table_of_residuals_is_smallest_where_the_page_says():
    f = torch.sin(torch.linspace(0, 1, 50))
    bent = (-f.mean()).expand(50, 1).clone().requires_grad_()
    (g,) = torch.autograd.grad(((bent + f) ** 2).mean(), bent)
    assert torch.allclose(g, torch.zeros(50, 1), atol=1e-7)
    assert not torch.allclose(bent[:, 0], -f, atol=0.1)


def lost(page: Path, text: str) -> list[str]:
    """What a page refers to and is not there: links to files, and exercises by id and title."""
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    titles = {f"`{question.id}`, {question.title}" for question in grader.questions()}
    exercises = re.findall(r"`\d\d\.\w+`, \d[^|]*[^| ]", text)
    return [link for link in links if link and not (page.parent / link).exists()] + [
        exercise for exercise in exercises if exercise not in titles
    ]


@pytest.mark.parametrize("page", [INPUT, *PAGES])
def test_links_and_exercises_on_a_page_are_there(page):
    assert lost(ROOT / page, (ROOT / page).read_text("utf-8")) == []


def test_a_link_or_an_exercise_that_is_lost_is_noticed():
    page = ROOT / INPUT
    text = page.read_text("utf-8")
    assert lost(page, text.replace("08_higher_order.ipynb", "08.ipynb"))
    assert lost(page, text.replace("8.10 Transfer: the Laplacian", "8.10 Laplace"))
    assert lost(page, text.replace("08.laplacian", "08.laplace"))
