"""Colab, Kaggle, Binder and devcontainers: what their files and the notebooks' first cells do, in a fresh environment.

None of these services can be reached from here; docs/start-anywhere.md says what was tried.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted([*ROOT.glob("course/*.ipynb"), *ROOT.glob("exercises/*/*.ipynb")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
README = (ROOT / "README.md").read_text("utf-8")


def run(*command: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "JUPYTER", "GRADER"))}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The repository's files as a clone has them, without what is ignored."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").stdout.split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def fresh(tmp_path):
    """The interpreter of a new environment that has the dependencies, torch among them, but not the grader."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    there = tmp_path / "libraries"
    there.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "gradient_course_grader" not in entry.name and entry.name not in ("pip", "__pycache__"):
            (there / entry.name).symlink_to(entry)
    python = tmp_path / "venv" / "bin" / "python"
    run(python, "-m", "pip", "uninstall", "--yes", "setuptools")  # an old one, which would hide that of the libraries
    Path(place_of(python), "libraries.pth").write_text(f"{there}\n")
    return python


def own_packages(python: Path) -> set[str]:
    """What is installed in this environment itself."""
    return {dist.metadata["Name"] for dist in distributions(path=[place_of(python)])}


def place_of(python: Path) -> str:
    """Where this interpreter's environment keeps its own packages."""
    return run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()


@pytest.fixture(scope="module")
def wheels(checkout, tmp_path_factory):
    """A folder with the package's wheel, in place of an index."""
    folder = tmp_path_factory.mktemp("wheels")
    made = run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, checkout)
    assert list(folder.glob("gradient_course_grader-*.whl")), made.stderr
    return folder


def first_code(path: Path) -> nbformat.NotebookNode:
    return next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_begins_with_the_same_cell_that_installs_the_grader(path):
    cell = first_code(path)
    assert cell.source == first_code(NOTEBOOKS[0]).source
    assert f"install --quiet {PROJECT['name']}" in cell.source
    assert cell.metadata == {"jupyter": {"source_hidden": True}, "tags": ["remove-cell"]}


def test_first_cell_installs_the_package_and_leaves_torch_alone(fresh, wheels, tmp_path):
    cell = tmp_path / "cell.ipy"
    cell.write_text(first_code(NOTEBOOKS[0]).source)
    then = tmp_path / "then.ipy"
    then.write_text(
        first_code(NOTEBOOKS[0]).source
        + "\nimport torch; from grader import check; print(torch.__file__, check.__module__)\n"
    )
    assert own_packages(fresh) == {"pip"}
    offline = {"PIP_NO_INDEX": "1", "IPYTHONDIR": str(tmp_path / "ipython")}
    nowhere = run(fresh, "-m", "IPython", then, cwd=tmp_path, **offline)
    assert "ModuleNotFoundError" in nowhere.stdout + nowhere.stderr  # the way to fail: nothing to install it from
    done = run(fresh, "-m", "IPython", then, cwd=tmp_path, PIP_FIND_LINKS=str(wheels), **offline)
    assert "grader.student" in done.stdout, done.stdout + done.stderr
    assert str(tmp_path / "libraries" / "torch") in done.stdout
    assert own_packages(fresh) == {"pip", PROJECT["name"]}
    again = run(fresh, "-m", "IPython", cell, cwd=tmp_path, **offline)
    assert again.stdout.strip() == ""  # where the grader is, the cell says nothing


def test_binders_last_step_installs_the_package_and_lays_out_a_students_folder(fresh, checkout, tmp_path):
    here = Path(shutil.copytree(checkout, tmp_path / "home"))
    path = f"{fresh.parent}{os.pathsep}{os.environ['PATH']}"
    before = run(fresh, "-c", "import grader", cwd=tmp_path)
    assert before.returncode == 1
    done = run("bash", ".binder/postBuild", cwd=here, PATH=path, HOME=str(tmp_path / "user"))
    assert done.returncode == 0, done.stderr
    assert (here / "student" / "course" / "start.ipynb").exists()
    assert not (here / "student" / "solutions").exists()
    assert (fresh.parent.parent / "etc" / "jupyter" / "labconfig" / "default_setting_overrides.json").exists()
    assert run(fresh, "-c", "from grader import check", cwd=tmp_path).returncode == 0


def test_binders_environment_is_a_part_of_the_whole_one():
    whole, part = (
        yaml.safe_load((ROOT / name).read_text("utf-8")) for name in ("environment.yml", ".binder/environment.yml")
    )
    assert whole["channels"] == part["channels"]
    assert [entry for entry in part["dependencies"] if entry not in whole["dependencies"]] == []
    names = {entry.split("=")[0] for entry in part["dependencies"]}
    assert {"pytorch", "jupyterlab", "nbgrader"} <= names


def devcontainer() -> dict[str, str]:
    return json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))


def test_devcontainer_has_a_python_that_the_project_supports_and_a_command_that_make_knows(checkout):
    assert re.fullmatch(r"python:3\.1[1-9]", devcontainer()["image"])
    command = devcontainer()["postCreateCommand"].split()
    assert run(*command, "--dry-run", cwd=checkout).returncode == 0
    assert run("make", "--dry-run", "no-such-target", cwd=checkout).returncode != 0


def test_devcontainers_command_makes_an_environment_that_works(checkout, tmp_path):
    here = Path(shutil.copytree(checkout, tmp_path / "workspace"))
    done = run("bash", "-c", devcontainer()["postCreateCommand"], cwd=here, PYTHON=sys.executable)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "grader" in run(here / ".venv" / "bin" / "grader", "--help", cwd=here).stdout


# --- the address of the repository


def addresses(text: str) -> set[str]:
    """OWNER/NAME of every repository that a text's links for the four services name."""
    patterns = (
        r"colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/",
        r"mybinder\.org/v2/gh/([\w.-]+/[\w.-]+)/",
        r"kaggle\.com/kernels/welcome\?src=https://github\.com/([\w.-]+/[\w.-]+)/",
        r"codespaces\.new/([\w.-]+/[\w.-]+)",
    )
    found = [re.findall(pattern, text) for pattern in patterns]
    assert all(found), "a service without a link"
    return {address for group in found for address in group}


def test_badges_lead_to_the_repository_that_pyproject_names():
    assert PROJECT["urls"]["Repository"] == f"https://github.com/{''.join(addresses(README))}"
    with pytest.raises(AssertionError, match="without a link"):
        addresses(README.replace("mybinder.org", "example.org"))
    assert len(addresses(README.replace("mybinder.org/v2/gh/", "mybinder.org/v2/gh/another-"))) == 2


def test_badges_open_notebooks_that_are_there():
    paths = re.findall(r"/blob/main/([\w./-]+\.ipynb)", README)
    assert paths
    assert all((ROOT / path).exists() for path in paths)
    assert "urlpath=lab/tree/student/course/start.ipynb" in README  # where .binder/postBuild puts it
