"""Lays out the website's pages for Sphinx: notebooks and documents under their addresses there, and generated pages.

    python docs/website/layout.py FOLDER

A link from one file of the repository to another becomes a link between the pages, or, where the other file has no
page, one to the repository.  No page is made from solutions/.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from posixpath import normpath, relpath
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    "docs/a-course-of-your-own.md",
    "docs/architecture.md",
    "docs/benchmarks.md",
    "docs/derivatives-with-respect-to-the-input.md",
    "docs/glossary.md",
    "docs/running-a-class.md",
    "docs/start-anywhere.md",
    "docs/statements.md",
    "docs/testing.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
BADGES = {
    f"docs/badges/{path.name}": f"badges/{path.name}" for path in sorted((ROOT / "docs" / "badges").glob("*.svg"))
}
NOTE = "These are the notebooks as students get them: to read here, and to solve in Jupyter, where `check` is at hand."
LINK = re.compile(r"(\]\()([^()\s]+)(\))")
OUTSIDE = re.compile(r"[a-z]+:")


def github_slug(title: str) -> str:
    """The anchor of a heading on GitHub, and on the website.

    >>> github_slug("5.1 Which of these will PyTorch refuse?")
    '51-which-of-these-will-pytorch-refuse'
    """
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


def pages(root: Path = ROOT) -> dict[str, str]:
    """{file of the repository: the page's source on the website}, for all files that have a page."""
    found = {name: name.removeprefix("docs/") for name in DOCUMENTS}
    found |= {f"course/{path.name}": f"lessons/{path.name}" for path in sorted(root.glob("course/lesson_*.ipynb"))}
    for path in sorted(root.glob("exercises/*/*.ipynb")):
        found[path.relative_to(root).as_posix()] = f"exercises/{path.name}"
    return found | {"README.md": "index.md", "course/start.ipynb": "index.md"}


def repository(root: Path = ROOT) -> str:
    """The repository's address, from pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]


def relinked(text: str, file: str, page: str, known: dict[str, str], address: str) -> str:
    """Markdown whose links hold on the website.

    file: where the text is in the repository.  page: where it is on the website.  known: as ``pages`` returns it.
    address: the repository's, for links to what has no page.
    Raises FileNotFoundError if a link leads to nothing.
    """

    def changed(link: re.Match[str]) -> str:
        target, _, anchor = link[2].partition("#")
        if OUTSIDE.match(link[2]):
            return link[0]
        there = normpath(f"{file}/../{unquote(target)}") if target else file
        if not (ROOT / there).exists():
            raise FileNotFoundError(f"{file} links to {link[2]}, which is not there")
        if there not in known:
            kind = "tree" if (ROOT / there).is_dir() else "blob"
            return f"{link[1]}{address}/{kind}/main/{there}{'#' * bool(anchor)}{anchor}{link[3]}"
        slug = f"#{github_slug(unquote(anchor).replace('-', ' '))}" if anchor and known[there] != "index.md" else ""
        to = relpath(known[there], f"{page}/..") if target else ""
        return f"{link[1]}{to}{slug}{link[3]}"

    return LINK.sub(changed, text)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with its prose changed; fenced code and code in backquotes stay."""
    pieces = re.split(r"(^```.*?^```|^    .*?$|`[^`\n]+`)", text, flags=re.M | re.S)
    return "".join(piece if k % 2 else change(piece) for k, piece in enumerate(pieces))


def notebook(text: str, change: Callable[[str], str]) -> str:
    """A notebook with its prose changed; code that is folded away in JupyterLab is folded on its page, too."""
    content = json.loads(text)
    for cell in content["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = outside_code("".join(cell["source"]), change)
        elif cell["metadata"].get("jupyter", {}).get("source_hidden"):
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), "hide-input"]
    return json.dumps(content, ensure_ascii=False)


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found, f"no heading {heading!r}"
    return found[1].strip()


def units(readme: str, known: dict[str, str]) -> str:
    """The README's map of the units, with links to lessons and exercises."""
    rows = ["| unit | about | exercises |", "|-|-|-|"]
    for stem, about, count in re.findall(r"^\| (\d\d_\w+) \| (.+?) \| (\d+) \|$", readme, re.M):
        lesson, exercise = known[f"course/lesson_{stem}.ipynb"], known[f"exercises/{stem}/{stem}.ipynb"]
        title = first_heading(ROOT / "course" / f"lesson_{stem}.ipynb")
        rows.append(f"| [{title}]({lesson}) | {about} | [{count}]({exercise}) |")
    return "\n".join(rows)


def with_lessons(glossary: str, known: dict[str, str]) -> str:
    """The glossary, with each lesson's number as a link."""
    lessons = {Path(page).stem[7:9]: page for page in known.values() if page.startswith("lessons/")}
    return re.sub(r"\| (\d\d) \|$", lambda row: f"| [{row[1]}]({lessons[row[1]]}) |", glossary, flags=re.M)


def first_heading(path: Path) -> str:
    """The title of a notebook."""
    for cell in json.loads(path.read_text("utf-8"))["cells"]:
        if (source := "".join(cell["source"])).startswith("# "):
            return source.partition("\n")[0].removeprefix("# ")
    raise ValueError(f"{path} has no title")


def lay_out(folder: Path) -> None:
    """Write the sources of all pages into a folder, whose content is replaced."""
    import mistake_pages  # imports torch, which the functions above do not need

    shutil.rmtree(folder, ignore_errors=True)
    known, address = pages(), repository()
    sources = {}
    for file, page in known.items():
        if page == "index.md":
            continue

        def change(prose: str, file: str = file, page: str = page) -> str:
            return relinked(prose, file, page, known, address)

        text = (ROOT / file).read_text("utf-8")
        if file.endswith(".ipynb"):
            sources[page] = notebook(text, change)
        else:
            sources[page] = outside_code(text, change).replace("```mermaid", "```text")
    sources["glossary.md"] = with_lessons(sources["glossary.md"], known)
    here = Path(__file__).parent
    readme = (ROOT / "README.md").read_text("utf-8")
    anywhere = section(readme, "Start anywhere")
    filled = {
        "UNITS": units(readme, known),
        "ANYWHERE": relinked(anywhere, "README.md", "index.md", known | BADGES, address),
        "REPOSITORY": address,
    }
    for path in sorted(here.glob("*.md")):
        text = path.read_text("utf-8")
        for name, by in filled.items():
            text = text.replace(f"{{{{{name}}}}}", by)
        sources[path.name] = text
    lessons, exercises = (
        [Path(page).stem for page in known.values() if page.startswith(f"{kind}/")] for kind in ("lessons", "exercises")
    )
    titles = {stem[7:9]: first_heading(ROOT / "course" / f"{stem}.ipynb") for stem in lessons}
    sources["lessons/index.md"] = contents("Lessons", lessons)
    sources["exercises/index.md"] = contents("Exercises", exercises, NOTE)
    sources |= {f"mistakes/{name}": text for name, text in mistake_pages.pages(known, titles).items()}
    for page, text in sources.items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, "utf-8")
    shutil.copytree(ROOT / "docs" / "badges", folder / "badges")
    shutil.copy(ROOT / "docs" / "card.png", folder)


def contents(title: str, names: list[str], note: str = "") -> str:
    """A page that lists other pages of its folder."""
    return "\n".join([f"# {title}", "", note, "", "```{toctree}", ":maxdepth: 1", "", *names, "```", ""])


if __name__ == "__main__":
    lay_out(Path(sys.argv[1]))
