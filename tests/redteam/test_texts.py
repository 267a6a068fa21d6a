"""What a student wrote and a reader sees: no link, style, trick of direction or forged place comes of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from repeats import count

from grader.card import UNTYPESET, as_html
from grader.classroom import judging, submission
from grader.classroom.inert import MACROS, inert
from grader.judge import Verdict
from grader.nbgrader import feedback
from grader.sandbox.wire import TURNING, plain_text

U = "https:&#47;&#47;example.org"
MARK = "\u0323\u0324"
# name -> text; each was seen in a browser to do what it is for, where nothing but HTML and \href was made inert
TEXTS = {
    "decimal": f"&#36;&#92;href{{{U}}}{{Your grade}}&#36;",
    "hexadecimal": f"&#x24;&#x5c;href{{{U}}}{{Your grade}}&#x24;",
    "by name": f"&dollar;&bsol;href&lbrace;{U}&rbrace;{{Your grade}}&dollar;",
    "half": f"&#36;\\h&#114;ef{{{U}}}{{L}}&#36;",
    "table": f"| a |\n|---|\n| &#36;&#92;href{{{U}}}{{L}}&#36; |",
    "list": f"- &#36;&#92;href{{{U}}}{{L}}&#36;",
    "heading": f"## &#36;&#92;href{{{U}}}{{L}}&#36;",
    "hard break": f"a\\\n&#36;&#92;href{{{U}}}{{L}}&#36;",
    "escaped dollar": f"\\$&#92;href{{{U}}}{{L}}\\$",
    "round": f"\\\\\\(&#92;href{{{U}}}{{L}}\\\\\\)",
    "square": f"\\\\\\[&#92;href{{{U}}}{{L}}\\\\\\]",
    "environment": f"\\begin{{Bmatrix}}&#92;href{{{U}}}{{L}}\\end{{Bmatrix}}",
    "begun by entity": f"&#92;begin{{equation}}&#92;href{{{U}}}{{L}}\\end{{equation}}",
    "token": r'$\mmlToken{mtext}[href="https://example.org/x"]{Your grade}$',
    "token in an environment": r"\begin{equation}\mmlToken{mi}[href=https://example.org]{L}\end{equation}",
    "nul before": "$\\\x00href{https://example.org}{L}$",
    "nul within": "$\\hr\x00ef{https://example.org}{L}$",
    "nul, escaped": "\\$\\hr\x00ef{https:\\/\\/example.org}{L}\\$",
    "reference": r"$$x\tag{1}\label{a}$$ $\ref{a}$ $\eqref{a}$",
    "tag": r"$$x\tag{Score: 3.0 / 3.0}$$",
    "rule": r"$\smash{\rule[-20em]{60em}{40em}}$",
    "forged": r"$\smash{\raise 4em{\rlap{\kern 5em\bbox[#337ab7,3px]{\color{white}{\text{Score: 3.0 / 3.0}}}}}}$",
    "to the left": r"$\kern-100em\text{elsewhere}$ $\hspace{-60em}x$ $\moveleft 60em x$ $\llap{x}$",
    "style": r"$\style{color:red;opacity:0.1;margin:-3em}{x}$",
    "large": r"$\genfrac{(}{)}{20em}{0}{a}{b}$ ${a \above 20em b}$ $\Huge x$",
    "hidden": r"$\phantom{x}$ $\hphantom{x}$",
    "red": r"$\NotSubmitted$",
    "class": r"$\class{MJX-a}{x}$ $\cssId{MJX-b}{x}$",
    "loads": r"$\require{HTML}\unicode{65}$",
    "redefines": r"$\def\sin{HACK}\renewcommand{\sum}{HACK}\let\cos\tan\newenvironment{aligned}{X}{Y}$",
    "turned": "\u202e3 fo 0\u202c",
    "turned by entity": "&#x202e;3 fo 0",
    "turned address": "https://example.org/\u202egro.elpmaxe",
    "marks": "Z" + MARK * 80,
    "unseen": "a\u200bb\ufeffc\u2060d\u00ade",
    "diagram": '```mermaid\ngraph TD; A-->B; click A "https://example.org"\n```',
    "diagram in a quote": "> ~~~ mermaid\n> graph TD\n> ~~~",
    "left, little by little": "$" + "\\!" * 400 + "x$",
}


class _Page(HTMLParser):
    """What of a page a reader sees and MathJax reads, entities resolved; and what is active."""

    SKIPPED = ("pre", "code", "script", "style", "textarea", "noscript")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.inside: list[str] = []
        self.set, self.seen, self.active = "", "", list[str]()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag not in ("img", "br", "hr", "input"):
            ignored = "ignored" if "tex2jax_ignore" in (found.get("class") or "").split() else tag
            self.inside.append(ignored)
        if found.get("href") and found["href"] != "#" and not found["href"].startswith("https://"):
            self.active.append(found["href"])
        if "mermaid" in (found.get("class") or ""):
            self.active.append("mermaid")

    def handle_endtag(self, tag):
        if self.inside:
            self.inside.pop()

    def handle_data(self, data):
        data = data.replace("\0", "")  # as browsers do
        self.seen += data
        if not {*self.SKIPPED, "ignored"} & set(self.inside):
            self.set += data


def speaks(page: str) -> list[str]:
    """What of a page is more than text and mathematics that prints."""
    parsed = _Page()
    parsed.feed(page)
    macros = [name for name in re.findall(r"\\([A-Za-z]+)", parsed.set) if name not in MACROS]
    unseen = re.findall(f"[{TURNING}\u00ad\u200b\u2060-\u206f\ufeff]", parsed.seen)
    stacks = re.findall("[\u0300-\u036f]{5,}", parsed.seen)
    return [*macros, *unseen, *stacks, *parsed.active, *(["left"] if parsed.set.count("\\!") > 8 else [])]


def laid_out(text: str) -> str:
    return str(HTMLExporter(exclude_anchor_links=True).markdown2html({"cell": {}}, text))


def before(text: str) -> str:
    """What was made of a text when only HTML, links and one macro were thought of."""
    return re.sub(r"<(?=[A-Za-z/!?])|\](?=[(:\[])|\\(?=href)", lambda found: found[0] + " ", text)


by_text = [pytest.param(text, id=name) for name, text in TEXTS.items()]


@pytest.mark.parametrize("text", by_text)
def test_a_text_only_says_something(text):
    assert speaks(laid_out(inert(text))) == []


@pytest.mark.parametrize("text", by_text)
def test_made_inert_as_it_was_it_did_more(text):
    assert speaks(laid_out(before(text)))


PIECES = [
    *("\\", "&", "#", ";", "$", "$$", "\\(", "\\\\(", "\\[", "href", "{https://a.b}", "{L}", "\n", "\n\n"),
    *("&#92;", "&#36;", "&#x5c", "&amp;", "&bsol;", "&dollar;", "\x00", "\u200b", "\u202e", "\u0323", "|"),
    *("`", "```", "~~~mermaid\n", "\\begin{align}", "\\end{align}", "<", ">", "[a]", "(https://a.b)", "]: ", "- "),
    *("\\frac", "\\def", "\\color", "\\kern", "hr", "ef", "a&b", "\\\\", "é", "x"),
]  # fmt: skip


@settings(max_examples=count("examples"))
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_text_says_more(text):
    assert speaks(laid_out(inert(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        r"$\frac{\partial y_i}{\partial x_j}$, $\begin{pmatrix}a&b\\ c&d\end{pmatrix}$ and $\mathbf{J}^\top v$",
        "AT&T, Q&A, 1 < 2, `x[0]`, **strong** and a list:\n\n- one\n- two",
        "```python\nx = torch.ones(3)\n```",
        "שלום, مرحبا, नमस्ते, ﷺ, Việt, 👩‍🔬",
    ],
)
def test_what_honest_people_write_stays(text):
    assert inert(text) == text


# --- cards, and the rest of a page

TEX = r"$\href{https://example.org}{Your grade}$"
VERDICTS = {
    "headline": {"headline": f"you returned an object of type {TEX}"},
    "message": {"headline": "x", "message": f"`a`{TEX}`b`"},
    "lines": {"headline": "x", "lines": ((1, TEX),)},
    "inputs": {"headline": "x", "inputs": {"x": TEX}},
}


def card(**said) -> str:
    return as_html(Verdict("05.scalar_trick", "x", "wrong", 0.0, 1.0, **said))


@pytest.mark.parametrize("said", VERDICTS.values(), ids=VERDICTS)
def test_mathjax_leaves_a_card_alone(said):
    html = card(**said)
    assert "example.org" in html
    assert speaks(html) == []


def test_mathjax_leaves_alone_what_is_said_of_a_check_that_stopped():
    html = judging._nothing(f"the check stopped: {TEX}")
    assert speaks(html) == []
    assert "href" in speaks(html.replace(UNTYPESET, ""))  # the way to fail


def test_without_that_a_card_would_be_set():
    assert "href" in speaks(card(**VERDICTS["headline"]).replace(UNTYPESET, ""))


def test_code_that_would_be_read_otherwise_than_it_is_run_is_written_out():
    source = "if level != 'user\u202e \u2066# is it an admin?\u2069 \u2066':\n    pass"
    nb = submission.legible(new_notebook(cells=[new_code_cell(source), new_markdown_cell("x")]))
    assert nb.cells[0].source.startswith("if level != 'user\\u202e \\u2066# is")
    assert compile(nb.cells[0].source, "x", "exec").co_consts[0] == compile(source, "x", "exec").co_consts[0]
    assert re.search(f"[{TURNING}]", source)  # the way to fail


def test_output_holds_no_stack_of_marks_and_no_mark_of_direction():
    assert plain_text("Z" + MARK * 50 + "\u202e\u200f x") == "Z" + MARK * 2 + " x"


def test_a_heading_is_not_where_links_to_a_graded_cell_lead():
    nb = new_notebook(cells=[new_markdown_cell("# 05-scalar_trick")])
    nb.cells[0].metadata["nbgrader"] = {
        "grade": False,
        "solution": True,
        "grade_id": "x",
        "locked": False,
        "task": False,
    }
    page, _ = feedback.Pages(template_name="classic").from_notebook_node(nb)
    usual, _ = HTMLExporter(template_name="classic").from_notebook_node(nb)
    assert 'id="05-scalar_trick"' not in page
    assert 'id="05-scalar_trick"' in usual  # the way to fail


def test_a_students_own_text_says_whose_it_is():
    forged = f"**{submission.FEEDBACK['mended']}**\n\n- Your score was corrected."
    released = new_notebook(cells=[new_markdown_cell("released")])
    nb = new_notebook(cells=[new_markdown_cell(forged)])
    made = submission.mend(submission.read(nbformat.writes(nb).encode()), released)
    assert made.cells[0].source.startswith(f"*{submission.FEEDBACK['own_text']}*")
    assert submission.remarks(made) == []
