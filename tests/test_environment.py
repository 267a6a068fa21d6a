"""The three lists of dependencies say the same: pyproject.toml, constraints.txt and environment.yml.

Conda itself cannot be run here: that environment.yml can be *solved* is not tested.  What is tested
is that it names every dependency, at just the version that CI installs with pip.
"""

from __future__ import annotations

import re
import sys
import sysconfig
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PYPROJECT, CONSTRAINTS, ENVIRONMENT = (
    (ROOT / name).read_text("utf-8") for name in ("pyproject.toml", "constraints.txt", "environment.yml")
)
TORCH = "2.13.0"
CONDA_CALLS_IT = {"pytorch": "torch", "matplotlib-base": "matplotlib"}
NOT_FROM_PIP = {"python", "pip"}
THE_PACKAGE_ITSELF = "-e ."


def pins(constraints: str) -> dict[str, str]:
    """name -> version of every line ``name==version``."""
    lines = [line.split("#")[0].strip() for line in constraints.splitlines()]
    pairs = [line.split("==") for line in lines if line]
    assert all(len(pair) == 2 for pair in pairs), "a line that pins nothing"
    found = {canonicalize_name(name): version for name, version in pairs}
    assert len(found) == len(pairs), "a name that is pinned twice"
    return found


def wanted(pyproject: str) -> list[Requirement]:
    """Every dependency of the package and of its extras."""
    project = tomllib.loads(pyproject)["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(text) for group in (project["dependencies"], *extras) for text in group]


def by_pip(environment: str) -> list[str]:
    """What conda leaves to pip."""
    groups = [entry for entry in yaml.safe_load(environment)["dependencies"] if isinstance(entry, dict)]
    return [entry for group in groups for entry in group.get("pip", [])]


def conda_packages(environment: str) -> dict[str, str]:
    """name, as pip calls it -> version, of every package with a version, conda's own and those left to pip."""
    entries = [entry for entry in yaml.safe_load(environment)["dependencies"] if isinstance(entry, str)]
    split = [entry.split("=", 1) for entry in (*entries, *by_pip(environment)) if "=" in entry]
    return {canonicalize_name(CONDA_CALLS_IT.get(name, name)): version.lstrip("=") for name, version in split}


def disagreements(pyproject: str, constraints: str, environment: str) -> list[str]:
    """What the three texts do not say alike, one sentence each."""
    pinned, conda, found = pins(constraints), conda_packages(environment), []
    for requirement in wanted(pyproject):
        name = canonicalize_name(requirement.name)
        if name not in pinned:
            found.append(f"{name} is not pinned")
        elif Version(pinned[name]) not in requirement.specifier:
            found.append(f"{name} {pinned[name]} is outside {requirement.specifier}")
        if name not in conda:
            found.append(f"{name} is not in environment.yml")
    for name, version in conda.items():
        if name not in NOT_FROM_PIP and pinned.get(name) != version:
            found.append(f"environment.yml has {name} {version}, constraints.txt {pinned.get(name)}")
    if pinned.get("torch") != TORCH:
        found.append(f"torch is not pinned to {TORCH}")
    project = tomllib.loads(pyproject)["project"]
    if Version(f"{conda.get('python', '0')}.0") not in Requirement(f"x{project['requires-python']}").specifier:
        found.append("environment.yml has a Python that pyproject.toml refuses")
    entries = yaml.safe_load(environment)["dependencies"]
    *others, last = by_pip(environment) or [""]
    if last != THE_PACKAGE_ITSELF or "pip" not in entries or not all("==" in other for other in others):
        found.append("environment.yml does not install the package itself, and else only pinned ones, by pip")
    if yaml.safe_load(environment)["channels"] != ["conda-forge"]:
        found.append("environment.yml takes packages from another channel than conda-forge")
    return found


def differences(constraints: str, installed: dict[str, str]) -> list[str]:
    """Pins that the installed packages do not have; a build tag such as +cpu is no other version."""
    return [
        f"{name}: pinned {version}, installed {installed.get(name)}"
        for name, version in pins(constraints).items()
        if name not in installed or Version(installed[name]).public != Version(version).public
    ]


def installed() -> dict[str, str]:
    """What pip has installed here; setuptools, once imported, puts its own copies of packages on the path as well."""
    places = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    return {canonicalize_name(d.metadata["Name"]): d.version for d in distributions(path=places)}


def test_pyproject_constraints_and_environment_agree():
    assert disagreements(PYPROJECT, CONSTRAINTS, ENVIRONMENT) == []


def changed(text: str, pattern: str, by: str) -> str:
    """The text with one place changed; it must be there."""
    result, count = re.subn(pattern, by, text, flags=re.MULTILINE)
    assert count == 1, pattern
    return result


# (which text, what is changed in it, into what, what must be noticed)
CHANGES = [
    ("constraints", r"^torch==.*$", "torch==2.12.0", "torch is not pinned to 2.13.0"),
    ("constraints", r"^torch==.*$", "torch==2.13.0.post1", "torch is not pinned to 2.13.0"),
    ("constraints", r"^numpy==.*$", "numpy==1.20.0", "numpy 1.20.0 is outside >=1.26"),
    ("constraints", r"^numpy==.*$", "numpy==2.4.5", "environment.yml has numpy"),
    ("constraints", r"^nbgrader==.*\n", "", "nbgrader is not pinned"),
    ("environment", r"pytorch=.*$", "pytorch=2.12.0", "environment.yml has torch 2.12.0"),
    ("environment", r"matplotlib-base=.*$", "matplotlib-base=3.0", "environment.yml has matplotlib 3.0"),
    ("environment", r"^  - hypothesis=.*\n", "", "hypothesis is not in environment.yml"),
    ("environment", r"python=3.*$", "python=3.10", "a Python that pyproject.toml refuses"),
    ("environment", r"- -e \.$", "- requests", "does not install the package itself"),
    ("environment", r"conda-forge$", "defaults", "another channel"),
    ("environment", r"^  - pip$", "  - scipy=1.0", "does not install the package itself"),
    ("pyproject", r'"torch>=.*"', '"torch>=3"', "torch 2.13.0 is outside >=3"),
    ("pyproject", r'"platformdirs>=4"', '"platformdirs>=4", "scipy"', "scipy is not pinned"),
    ("pyproject", r'"mypy>=.*"', '"mypy>=1.11", "coverage"', "coverage is not in environment.yml"),
]


@pytest.mark.parametrize(("which", "pattern", "by", "noticed"), CHANGES)
def test_a_change_in_one_of_the_three_is_noticed(which, pattern, by, noticed):
    texts = {"pyproject": PYPROJECT, "constraints": CONSTRAINTS, "environment": ENVIRONMENT}
    texts[which] = changed(texts[which], pattern, by)
    assert noticed in "; ".join(disagreements(**texts))


@pytest.mark.parametrize("line", ["numpy>=2", "numpy", "torch==2.13.0\ntorch==2.13.0"])
def test_line_that_pins_nothing_or_twice_is_refused(line):
    with pytest.raises(AssertionError):
        pins(line)


def test_this_interpreter_has_just_the_pinned_versions():
    assert differences(CONSTRAINTS, installed()) == []


@pytest.mark.parametrize(
    ("pin", "same"), [("torch==2.13.0", True), ("torch==2.13.1", False), ("no-such-package==1.0", False)]
)
def test_another_installed_version_is_noticed(pin, same):
    assert (differences(pin, installed()) == []) == same


def test_everything_that_the_dependencies_pull_in_is_pinned():
    pinned, here = pins(CONSTRAINTS), {canonicalize_name(d.metadata["Name"]): d for d in distributions()}
    seen: set[str] = set()
    todo = [canonicalize_name(requirement.name) for requirement in wanted(PYPROJECT)]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for text in here[name].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(canonicalize_name(requirement.name))
    assert len(seen) > len(wanted(PYPROJECT))
    assert seen - set(pinned) - {"setuptools"} == set()


def test_this_python_is_one_that_the_project_asks_for():
    project = tomllib.loads(PYPROJECT)["project"]
    version = ".".join(map(str, sys.version_info[:3]))
    assert Version(version) in Requirement(f"x{project['requires-python']}").specifier
    assert Version("3.10.0") not in Requirement(f"x{project['requires-python']}").specifier
