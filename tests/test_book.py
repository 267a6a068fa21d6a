"""The website: its pages, the links between them, its formulas, and that it holds no solution and needs no network."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from grader.classroom.formulas import NoFormula, as_mathml
from grader.way import slug

ROOT = Path(__file__).parent.parent
WEBSITE = ROOT / "docs" / "website"


def loaded(name: str):
    """A module of docs/website, which is no package."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, WEBSITE / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


layout = loaded("layout")
mistake_pages = loaded("mistake_pages")
KNOWN = layout.pages()
ADDRESS = layout.repository()


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """{page: text} of what Sphinx is given."""
    folder = tmp_path_factory.mktemp("website")
    layout.lay_out(folder)
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {page: path.read_text("utf-8") for page, path in found.items() if path.suffix in (".md", ".ipynb")}


def test_every_lesson_exercise_and_document_has_a_page(sources):
    for pattern in ("course/lesson_*.ipynb", "exercises/*/*.ipynb", "docs/*.md"):
        files = [path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern)]
        assert files
        assert [file for file in files if KNOWN.get(file) not in sources] == []
    assert "docs/website/index.md" not in KNOWN


@pytest.mark.parametrize(
    ("file", "link", "expected"),
    [
        ("course/lesson_05_weighted_vjp.ipynb", "lesson_04_jacobian.ipynb", "lesson_04_jacobian.ipynb"),
        (
            "exercises/05_weighted_vjp/05_weighted_vjp.ipynb",
            "../../course/lesson_05_weighted_vjp.ipynb#Say-how-much-each-output-counts",
            "../lessons/lesson_05_weighted_vjp.ipynb#say-how-much-each-output-counts",
        ),
        (
            "course/lesson_05_weighted_vjp.ipynb",
            "../exercises/05_weighted_vjp/05_weighted_vjp.ipynb#5.1-Which-of-these-will-PyTorch-refuse%3F",
            "../exercises/05_weighted_vjp.ipynb#51-which-of-these-will-pytorch-refuse",
        ),
        ("docs/running-a-class.md", "#students-on-a-hub", "#students-on-a-hub"),
        ("docs/running-a-class.md", "https://jupyter.org", "https://jupyter.org"),
        ("docs/a-course-of-your-own.md", "../README.md#start", "index.md"),
        ("docs/a-course-of-your-own.md", "../examples/course", f"{ADDRESS}/tree/main/examples/course"),
        ("CONTRIBUTING.md", "grader/authoring.py", f"{ADDRESS}/blob/main/grader/authoring.py"),
    ],
)
def test_links_between_files_become_links_between_pages(file, link, expected):
    assert layout.relinked(f"see [it]({link}).", file, KNOWN[file], KNOWN, ADDRESS) == f"see [it]({expected})."


def test_a_link_to_a_file_that_is_not_there_is_refused():
    with pytest.raises(FileNotFoundError, match="lesson_99"):
        layout.relinked("[it](lesson_99.ipynb)", "course/start.ipynb", "index.md", KNOWN, ADDRESS)


def test_code_that_only_draws_is_folded_and_no_other():
    def cell(**metadata):
        return {"cell_type": "code", "metadata": metadata, "source": "1"}

    text = json.dumps({"cells": [cell(jupyter={"source_hidden": True}), cell()]})
    folded, opened = json.loads(layout.notebook(text, str.upper))["cells"]
    assert folded["metadata"]["tags"] == ["hide-input"]
    assert opened["metadata"] == {}


def test_code_is_not_taken_for_links():
    text = "[a](x)\n```python\nf[0](x)\n```\n`g[0](x)`\n\n    h[0](x)\n"
    assert layout.outside_code(text, lambda prose: prose.replace("(x)", "(y)")) == text.replace("[a](x)", "[a](y)")


def secrets() -> list[str]:
    """What stands between the marks of a solution, where it is more than a line."""
    found = []
    for path in ROOT.glob("solutions/*/*.ipynb"):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            found += re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", "".join(cell["source"]), re.S)
    return [body for body in found if body.count("\n") > 1]


def told(sources: dict[str, str], solutions: list[str]) -> list[str]:
    """The solutions that a page contains."""
    texts = [
        "\n\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"]) if page.endswith("ipynb") else text
        for page, text in sources.items()
    ]
    return [body for body in solutions if any(body.strip() in text for text in texts)]


def test_no_page_contains_a_solution(sources):
    assert not any(file.startswith("solutions/") for file in KNOWN)
    assert not any("BEGIN SOLUTION" in text for page, text in sources.items() if page.endswith(".ipynb"))
    assert len(secrets()) > 50
    assert told(sources, secrets()) == []
    path = next(ROOT.glob("solutions/05*/*.ipynb"))
    assert told({"exercises/05.ipynb": path.read_text("utf-8")}, secrets()) != []


def test_every_mistake_but_those_of_predictions_has_a_page(sources):
    from grader.student import questions

    recognized, predicted = set(), set()
    for question in questions():
        keys = {wrong.key for problem in question.problems() for wrong in problem.wrongs}
        (predicted if question.asks.predicts else recognized).update(keys)
    there = {Path(page).stem for page in sources if page.startswith("mistakes/")} - {"index"}
    assert recognized <= there
    assert predicted - recognized
    assert not (predicted - recognized) & there
    assert all(f"]({key}.md)" in sources["mistakes/index.md"] for key in there)


def test_page_of_a_mistake_says_what_why_where_and_shows_it(sources):
    page = sources["mistakes/ones_weight.md"]
    for part in ("# Ones as the weight", "What was computed", "Jᵀ1", "Why that is wrong", "torch.ones_like(y)"):
        assert part in page
    assert "](../lessons/lesson_05_weighted_vjp.ipynb#move-the-weights-yourself)" in page
    assert "(../exercises/05_weighted_vjp.ipynb)" in page
    assert 'role="img"' in page  # heat maps
    assert "\\<b\\>" in mistake_pages.plain("<b>")


def test_home_page_shows_the_units_and_the_readmes_badges(sources):
    home = sources["index.md"]
    assert "{{" not in home
    assert all(home.count(f"({page})") >= 1 for page in KNOWN.values() if page.endswith(".ipynb"))
    readme = (ROOT / "README.md").read_text("utf-8")
    badges = re.findall(r"\]\(docs/(badges/\w+\.svg)\)\]\((\S+)\)", readme)
    assert len(badges) == 4
    assert [badge for badge in badges if f"]({badge[0]})]({badge[1]})" not in home] == []
    with pytest.raises(AssertionError, match="no heading"):
        layout.section(readme, "Nowhere")


def written() -> list[str]:
    """Every formula in a notebook that has a page."""
    found = []
    for file in KNOWN:
        if file.endswith(".ipynb"):
            for cell in json.loads((ROOT / file).read_text("utf-8"))["cells"]:
                if cell["cell_type"] == "markdown":
                    found += re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", "".join(cell["source"]), re.S)
    return [block or inline for block, inline in found]


def test_every_formula_has_a_translation_into_mathml():
    assert len(translations := [as_mathml(tex) for tex in written()]) > 50
    assert all(made.startswith("<math") for made in translations)


@pytest.mark.parametrize("tex", [r"\nosuchcommand x", "a & b"])
def test_a_formula_without_a_translation_is_refused(tex):
    with pytest.raises(NoFormula):
        as_mathml(tex)


class Page(HTMLParser):
    """What a page links to and loads, and which anchors it has."""

    def __init__(self, text: str):
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        self.ids |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        self.loads += [given["src"]] if "src" in given else []
        self.loads += [given["href"]] if tag == "link" and "href" in given else []


def faults(folder: Path) -> list[str]:
    """Links between pages that lead nowhere, and whatever a page loads that is not in the folder."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                found += [f"{path.name} loads {link}"] if link in page.loads and url.scheme != "data" else []
                continue
            there = (path.parent / unquote(url.path)).resolve() if url.path else path
            there = there / "index.html" if there.is_dir() else there
            anchor = unquote(url.fragment)
            if not there.exists() or (anchor and there in pages and anchor not in pages[there].ids):
                found.append(f"{path.name} links to {link}")
    return found


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ('<a href="b.html#there">b</a><a href="#here">a</a><p id="here"></p><img src="data:,">', 0),
        ('<a href="https://example.org/">elsewhere</a>', 0),
        ('<a href="c.html">c</a>', 1),
        ('<a href="b.html#nowhere">b</a>', 1),
        ('<script src="https://example.org/x.js"></script>', 1),
        ('<link href="//example.org/x.css">', 1),
    ],
)
def test_a_lost_link_and_a_file_from_elsewhere_are_noticed(body, count, tmp_path):
    (tmp_path / "a.html").write_text(body)
    (tmp_path / "b.html").write_text('<p id="there"></p>')
    assert len(faults(tmp_path)) == count


def sphinx(source: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run Sphinx as `make book` does; the test below compares the two."""
    options = ["-q", "-W", "--keep-going", "-b", "html", "-c", str(WEBSITE), "-d", str(out) + "_doctrees"]
    return subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(source), str(out)], capture_output=True, text=True, check=False
    )


def test_make_book_treats_warnings_as_errors_and_the_workflow_deploys_what_it_makes():
    make = (ROOT / "Makefile").read_text("utf-8")
    assert "sphinx -q -W --keep-going -b html -c docs/website -d build/doctrees build/website build/book\n" in make
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "pages.yml").read_text("utf-8"))
    steps = workflow["jobs"]["book"]["steps"]
    assert {"run": "make book"} in steps
    assert [step["with"]["path"] for step in steps if "upload-pages" in step.get("uses", "")] == ["build/book"]


def test_few_pages_build_with_formulas_anchors_and_a_search_index(tmp_path):
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    (source / "index.md").write_text(
        "# Home\n\n$$J^\\top v$$\n\n## 5.1 What do ones do?\n\n[up](#51-what-do-ones-do)\n"
    )
    done = sphinx(source, out)
    assert done.returncode == 0, done.stderr
    text = (out / "index.html").read_text("utf-8")
    assert "<math" in text
    assert {"51-what-do-ones-do", slug("5.1 What do ones do?")} <= Page(text).ids
    assert "searchindex.js" in (out / "search.html").read_text("utf-8")
    assert faults(out) == []
    (source / "index.md").write_text("# Home\n\n[nowhere](#no-such-heading)\n")
    lost = sphinx(source, out)
    assert lost.returncode != 0
    assert "no-such-heading" in lost.stderr


def lost_sections(out: Path, sections: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """The sections of lessons to which cards of feedback pages lead, and which the website does not have."""
    ids = {path.stem[7:9]: Page(path.read_text("utf-8")).ids for path in (out / "lessons").glob("lesson_*.html")}
    return [(unit, heading) for unit, heading in sorted(sections) if slug(heading) not in ids[unit]]
