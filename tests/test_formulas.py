"""Formulas on pages without a script: what is laid out, what is left in TeX, and that nothing becomes active."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from latex2mathml.converter import convert

from grader.classroom import formulas
from grader.classroom.formulas import NoFormula, as_mathml

ROOT = Path(__file__).parent.parent
_TEX = re.compile(r"\$\$(.+?)\$\$|(?<![$\\])\$([^$\n]+?)\$", re.DOTALL)


def in_exercises() -> list[str]:
    """Every formula in the text of an exercise."""
    found = []
    for path in sorted((ROOT / "exercises").rglob("*.ipynb")):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                text = re.sub("```.*?```|`[^`]*`", "", "".join(cell["source"]), flags=re.DOTALL)
                found += [one or other for one, other in _TEX.findall(text)]
    return found


def words(mathml: str) -> str:
    return "".join(ElementTree.fromstring(mathml).itertext())


@pytest.mark.parametrize("tex", in_exercises())
def test_every_formula_of_an_exercise_is_laid_out(tex):
    made = as_mathml(tex, display=True)
    assert made.startswith('<math display="block">')
    assert "\\" not in words(made)


def test_a_formula_is_made_of_its_parts():
    assert len(in_exercises()) > 10  # else the test above shows nothing
    made = as_mathml(r"\frac{\partial L}{\partial x_j} = (J^\top v)_j < 1")
    assert made.startswith('<math display="inline">')
    assert re.search("<mfrac>.*∂.*∂.*</mfrac>", made)
    assert words(made) == "∂L∂xj=(J⊤v)j<1"
    assert "&lt;" in made


def test_lines_are_aligned_at_their_marks():
    made = as_mathml(r"\begin{aligned} a &= b \\ c &= d \end{aligned}")
    assert (made.count("<mtr>"), made.count("<mtd ")) == (2, 4)


@pytest.mark.parametrize(
    "tex",
    [
        *(r"\nosuchmacro{x}", r"a &= b", r"\left(x", "x^", "{" * 3000, r"\frac" * 300, "x" * (formulas.LONGEST + 1)),
    ],
)
def test_what_is_no_formula_is_refused(tex):
    with pytest.raises(NoFormula):
        as_mathml(tex)


HOSTILE = (
    r"\href{javascript:alert(1)}{x}",
    r"\style{position:fixed}{x}",
    r"\class{mathjax}{x}",
    r"\text{<script>alert(1)</script>}",
    r"<img src=x onerror=alert(1)>",
    r"\text{&lt;img src=x&gt;}",
    r'\mathrm{"onclick="x}',
    r"\color{red;position:fixed}{x}",
    r"\unicode{x3c}script\unicode{x3e}",
)


def active(mathml: str) -> set[str]:
    """Elements and attributes that are none of ours, as a parser finds them."""
    found = set()
    for element in ElementTree.fromstring(mathml).iter():
        found |= {element.tag.partition("}")[2] or element.tag} - formulas.ELEMENTS
        found |= element.attrib.keys() - formulas.ATTRIBUTES
    return found


@pytest.mark.parametrize("tex", HOSTILE)
def test_no_formula_becomes_active(tex):
    try:
        made = as_mathml(tex)
    except NoFormula:
        return
    assert active(made) == set()


def test_the_library_alone_would_make_some_of_them_active():
    """The way to fail."""
    assert {"href", "style", "class"} <= {name for tex in HOSTILE[:3] for name in active(convert(tex))}
