"""The card: well-formed HTML without scripts or links, every fact in the text, and no array that breaks it."""

from __future__ import annotations

import itertools
import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import nbformat
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from repeats import count

from grader import formatting, pictures, words
from grader.card import MIME, Card, as_html, as_text
from grader.judge import Verdict, diagnose, judge
from grader.probe import Answer, plain

from answers.u10 import smooth, still_open
from support import ALL, cases, keys, posed, returned_on

grad = torch.autograd.grad
TRICK, JACOBIAN, INPUTS = "05.scalar_trick", "04.all_rows", "05.several_inputs"
VOID = {"br", "hr", "img", "input", "meta", "link"}
SVG = "http://www.w3.org/2000/svg"
DROPPED = ["script", "style", "link", "iframe", "object", "embed", "form", "base", "meta"]


class Strict(HTMLParser):
    """Reads HTML and refuses what is not closed, nested wrongly, active, or fetched from elsewhere."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str]]] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        assert tag not in DROPPED, f"<{tag}>"
        for name, value in found.items():
            assert not (name.startswith("on") and tag != "input"), f"{name} on <{tag}>"
            assert name not in ("src", "href", "xlink:href", "srcset"), f"{name} on <{tag}>"
            if name not in ("aria-label", "title", "alt"):  # which are read, and never fetched
                assert "http" not in (value or "") or value == SVG, value
                assert "url(" not in (value or ""), value
        self.tags.append((tag, found))
        if tag not in VOID:
            self.open.append((tag, found))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop()[0] == tag, f"</{tag}>"

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def read(html: str) -> Strict:
    """The HTML, read strictly: its tags and its text."""
    reader = Strict()
    reader.feed(html)
    reader.close()
    assert not reader.open, f"not closed: {reader.open}"
    return reader


def shown_text(html: str) -> str:
    return " ".join(" ".join(read(html).text).split())


def verdict(id: str, value_of) -> Verdict:
    return judge(ALL[id], posed(id), [returned_on(p, value_of(p)) for p in posed(id)])


def by(answer, id: str = TRICK) -> Verdict:
    return diagnose(ALL[id], answer)


def right(f, x, v):
    return grad(f(x), x, v)[0]


def raising(message: str):
    def answer(f, x, v):
        raise ValueError(message)

    return answer


def untouched(f, x, v):
    """A docstring."""


# status -> a verdict of that status
GALLERY = {
    "correct": lambda: by(right),
    "unattempted": lambda: by(untouched),
    "unfinished": lambda: by(smooth(tanh=still_open), "10.local_rules"),
    "no_function": lambda: by("text"),
    "signature": lambda: by(lambda f, x: x),
    "raised": lambda: by(lambda f, x, v: grad(f(x), x)),
    "type": lambda: by(lambda f, x, v: "text"),
    "length": lambda: by(lambda f, A, x, v: (x, x, x), INPUTS),
    "count": lambda: by(lambda x, y, v, w: (x, x, x), "07.retain"),
    "shape": lambda: by(lambda f, x, v: torch.zeros(2, 3, 4).double()),
    "complex": lambda: by(lambda f, x, v: x.detach().to(torch.complex128) * (1 + 2j)),
    "dtype": lambda: by(lambda f, x, v: right(f, x, v).float()),
    "nonfinite": lambda: by(lambda f, x, v: x.detach() * float("nan")),
    "mistake": lambda: by(lambda f, x, v: 2 * right(f, x, v)),
    "imprecise": lambda: by(lambda f, x, v: right(f, x, v) * (1 + 1e-5)),
    "special_point": lambda: by(lambda f, x, v: right(f, x, v) + (x.numel() == 2)),
    "multiple": lambda: by(lambda f, x, v: 5 * right(f, x, v)),
    "permuted": lambda: by(lambda f, x, v: right(f, x, v).flip(0)),
    "some_right": lambda: by(lambda f, x, v: right(f, x, v) + torch.eye(x.numel())[0]),
    "wrong": lambda: by(lambda f, x, v: right(f, x, v) + torch.arange(1, 1 + x.numel())),
    "wrong_choice": lambda: by("xyz", "05.predict_error"),
    "wrong_text": lambda: by(lambda f, x: "SinBackward0", "11.anomaly"),
    "no_operation": lambda: by(lambda x, w: x / (1 + w**2), "11.function"),
}


def gallery():
    return pytest.mark.parametrize("status", GALLERY)


@gallery()
def test_gallery_has_what_it_says(status):
    assert GALLERY[status]().status == status


def test_gallery_has_every_status_that_a_verdict_can_have():
    listed = re.search(r"status: (.*?)\.", Verdict.__doc__, re.DOTALL).group(1)
    statuses = set(re.findall(r"\w+", listed)) - {"or"}
    assert statuses == set(GALLERY) | {"transpose"}  # which needs a square answer: tests/test_judge.py


# --- HTML


@gallery()
def test_card_is_well_formed_and_neither_active_nor_fetched(status):
    reader = read(as_html(GALLERY[status]()))
    tag, attributes = reader.tags[0]
    assert tag == "div"
    assert attributes["role"] == "group"
    assert attributes["aria-label"].strip()


@pytest.mark.parametrize(
    "html",
    [
        "<div><b>x</div></b>",
        "<div>",
        "</div>",
        "<div><script>1</script></div>",
        '<div onclick="x()">x</div>',
        '<img src="http://x.org/a.png">',
        '<a href="https://x.org">x</a>',
        '<div style="background:url(x)"></div>',
        "<!-- x -->",
    ],
)
def test_reader_refuses_what_a_card_must_not_hold(html):
    with pytest.raises(AssertionError):
        read(html)


@pytest.mark.parametrize("id", ALL)
def test_card_of_every_mistake_of_every_question_is_well_formed(id):
    for key in keys(posed(id)):
        problems, wrongs = cases(posed(id), key)[0]
        v = judge(ALL[id], problems, [returned_on(p, w.value, w.stage) for p, w in zip(problems, wrongs, strict=True)])
        said = shown_text(as_html(v))
        assert formatting.of(v.points) in said
        assert "{" not in said


@gallery()
def test_every_picture_has_a_text_in_its_place(status):
    v = GALLERY[status]()
    for tag, attributes in read(as_html(v)).tags:
        if attributes.get("role") == "img" or tag in ("svg", "img"):
            assert attributes["role"] == "img"
            assert attributes["aria-label"].strip().endswith(".")
            assert "None" not in attributes["aria-label"]


def test_wrong_vector_shows_yours_the_truth_the_difference_and_the_rows_that_add_up():
    labels = [a["aria-label"] for _, a in read(as_html(GALLERY["multiple"]())).tags if a.get("role") == "img"]
    v = GALLERY["multiple"]()
    assert len(labels) == 4
    shown = {"yours": v.yours, "true": v.true, "difference": v.yours - v.true}
    for label, (name, value) in zip(labels, shown.items(), strict=False):
        assert words.CARD[name] in label
        assert formatting.values(value) in label
    assert formatting.values(v.true) in labels[3]


def test_picture_is_left_out_where_nothing_can_be_drawn():
    for status in ("raised", "unattempted", "no_function", "signature", "type", "wrong_choice"):
        assert not [a for _, a in read(as_html(GALLERY[status]())).tags if a.get("role") == "img"]


def pictures_on(v: Verdict) -> list[str]:
    return [a["aria-label"] for _, a in read(as_html(v)).tags if a.get("role") == "img"]


def test_entries_of_a_tuple_are_drawn_under_their_names_and_a_single_result_under_none():
    v = diagnose(ALL["05.several_inputs"], lambda f, A, x, v: torch.autograd.grad(f(A, x).sum(), (A, x)))
    for name in ("A", "x"):
        assert words.CARD["entry"].format(place=name) in as_html(v)
    single = diagnose(ALL[TRICK], lambda f, x, v: torch.autograd.grad(f(x).sum(), x)[0])
    assert words.CARD["entry"].format(place="x") not in as_html(single)


def test_a_right_table_is_drawn_and_a_right_number_or_tuple_is_not():
    (drawn,) = pictures_on(by(lambda f, x: torch.func.jacrev(f)(x), JACOBIAN))
    assert drawn.startswith(ALL[JACOBIAN].asks.formula)
    assert pictures_on(by(lambda f, x: grad(f(x), x)[0], "01.unpack_the_tuple")) == []
    assert pictures_on(by(lambda f, A, x, v: grad(f(A, x), (A, x), v), INPUTS)) == []


def test_a_prediction_is_not_given_away_by_a_picture():
    assert pictures_on(by((4,), "00.predict_a_shape")) == []
    assert pictures_on(by((3,), "00.predict_a_shape")) == []


NASTY = "<script>alert('x')</script><img src=http://x.org onerror=alert(1)>&amp;\"'"


@pytest.mark.parametrize(
    "v",
    [
        by(raising(NASTY)),
        by(NASTY, "05.predict_error"),
        by(lambda f, x, v: NASTY),
        by(NASTY),
        by(lambda f, x, v: type("<script>", (), {})()),
        by(raising("`" + NASTY)),
        by(raising("`<script>` and ``")),
        by(lambda f, x, v="<script>": 1 / 0),
        by(lambda f, x="<script>": 1),
    ],
)
def test_what_a_student_wrote_is_escaped(v):
    reader = read(as_html(v))  # refuses a <script> that came through
    assert {tag for tag, _ in reader.tags} <= {"div", "code", "pre", "span", "b"}


def test_error_message_stands_in_the_card_letter_by_letter():
    assert NASTY in "".join(read(as_html(by(raising(NASTY)))).text)
    assert NASTY in as_text(by(raising(NASTY)))
    label = read(as_html(by(raising(NASTY)))).tags[0][1]["aria-label"]
    assert NASTY in label


def test_code_between_backticks_is_set_as_code():
    reader = read(as_html(by(lambda f, x, v: grad(f(x), x))))
    assert "code" in {tag for tag, _ in reader.tags}
    assert "`" not in "".join(reader.text)


def test_students_line_is_shown_with_its_number():
    v = GALLERY["raised"]()
    number, line = v.lines[-1]
    for text in (shown_text(as_html(v)), as_text(v)):
        assert words.CARD["line"].format(line=number) in text
        assert " ".join(line.split()) in " ".join(text.split())


# --- text


@gallery()
def test_text_holds_every_fact_that_the_html_holds(status):
    v = GALLERY[status]()
    text = as_text(v)
    assert v.headline in text
    assert v.message in text
    if status != "unattempted":
        assert words.CARD["score"].format(score=formatting.of(v.score), points=formatting.of(v.points)) in text
    if not v.correct and v.yours is not None:
        assert formatting.values(v.yours) in text
        assert v.true is None or formatting.values(v.true) in text
        assert all(value in text for value in v.inputs.values())
    if not v.correct and status != "unattempted":
        assert words.CARD["more"].format(id=v.question) in text
        assert words.CARD["lesson"].format(lesson=v.unit) in text


@gallery()
def test_html_says_what_the_text_says(status):
    v = GALLERY[status]()
    html = shown_text(as_html(v)).replace(" ", "")
    for line in as_text(v).splitlines():
        assert "".join(line.replace("`", "").split()) in html


def test_mark_tells_right_wrong_and_untouched_apart_without_colour():
    marks = {status: as_text(GALLERY[status]())[0] for status in ("correct", "wrong", "unattempted", "raised")}
    assert marks == {"correct": "✓", "wrong": "✗", "unattempted": "○", "raised": "✗"}


# --- what a notebook receives


@gallery()
def test_plain_text_of_a_card_is_its_score_and_nothing_else(status):
    v = GALLERY[status]()
    bundle = Card(v)._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/plain", "text/html", MIME}
    assert bundle["text/plain"] == repr(Card(v)) == repr(float(v.score))
    assert 0 <= float(bundle["text/plain"]) <= v.points
    assert str(Card(v)) == as_text(v)
    data = json.loads(json.dumps(bundle[MIME], allow_nan=False))
    assert (data["status"], data["score"], data["points"]) == (status, v.score, v.points)
    assert data["question"] == v.question


class Labels(HTMLParser):
    """Collects what a screen reader is told, in order."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        if dict(attrs).get("role") in ("group", "img"):
            self.found.append(dict(attrs).get("aria-label", ""))


def test_card_survives_nbconvert_to_html():
    from nbconvert import HTMLExporter

    nb = nbformat.v4.new_notebook()
    for status, make in GALLERY.items():
        bundle = Card(make())._repr_mimebundle_()
        output = nbformat.v4.new_output("execute_result", data=bundle, execution_count=1)
        nb.cells.append(nbformat.v4.new_code_cell(f"# {status}", outputs=[output]))
    nbformat.validate(nb)
    body, _ = HTMLExporter(template_name="lab").from_notebook_node(nb)
    labels = Labels()
    labels.feed(body)
    for make in GALLERY.values():
        (card, *pictures_of_it) = [a["aria-label"] for _, a in read(as_html(make())).tags if "aria-label" in a]
        place = labels.found.index(card)
        assert labels.found[place + 1 : place + 1 + len(pictures_of_it)] == pictures_of_it


# --- arrays that could break a picture

ARRAYS = {
    "scalar": np.array(3.5),
    "empty": np.zeros(0),
    "no rows": np.zeros((0, 3)),
    "no columns": np.zeros((3, 0)),
    "nothing in rank 3": np.zeros((2, 0, 3)),
    "nan": np.array([np.nan, 1.0]),
    "all nan": np.full((2, 2), np.nan),
    "infinite": np.array([np.inf, -np.inf]),
    "largest": np.array([1.7e308, -1.7e308]),
    "smallest": np.array([5e-324, -5e-324]),
    "minus zero": np.array([-0.0, 0.0]),
    "zeros": np.zeros((2, 2)),
    "rank 4": np.arange(24.0).reshape(2, 3, 2, 2),
    "many": np.arange(40.0),
    "far too many": np.arange(4000.0).reshape(50, 80),
    "complex": np.array([1 + 2j, np.nan * 1j]),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("id", [TRICK, JACOBIAN, "01.unpack_the_tuple", INPUTS, "01.predict_slope", "05.predict_error"])
def test_card_shows_any_array_that_is_returned(id, name, recwarn):
    tensor = torch.from_numpy(np.array(ARRAYS[name]))
    for thing in (tensor, (tensor, tensor), [tensor], tensor.numpy()):
        v = judge(ALL[id], posed(id), [Answer(value=plain(thing)) for _ in posed(id)])
        assert not v.correct
        read(as_html(v))
        assert as_text(v)
        json.dumps(v.as_data(), allow_nan=False)
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


@pytest.mark.parametrize("name", [name for name in ARRAYS if name != "complex"])
def test_pictures_draw_any_array_of_real_numbers(name, recwarn):
    array = ARRAYS[name]
    for picture in (pictures.heatmap(array, "Title"), pictures.triptych(array, -array)):
        read(picture.html)
        assert picture.alt
        assert picture._repr_mimebundle_()["text/plain"] == f"[Picture] {picture.alt}"
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


@given(hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)))
def test_pictures_draw_any_array(array):
    read(pictures.heatmap(array).html)
    read(pictures.triptych(array, np.zeros_like(array)).html)


@given(st.integers(0, 4), st.integers(1, 4), st.data())
def test_rows_that_add_up_are_drawn_whatever_they_hold(m, n, data):
    floats = st.floats(-1e6, 1e6)
    J = np.array(data.draw(st.lists(floats, min_size=m * n, max_size=m * n))).reshape(m, n)
    v = np.array(data.draw(st.lists(floats, min_size=m, max_size=m)))
    if m:
        picture = pictures.weighted_rows(J, v)
        read(picture.html)
        assert formatting.values(v @ J) in picture.alt


def test_rows_that_add_up_are_called_what_they_are():
    H, u = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1.0, -1.0])
    named, unnamed = pictures.weighted_rows(H, u, matrix="H", weight="u", total="Hu"), pictures.weighted_rows(H, u)
    for text in ("row of H", "Hu ="):
        assert text in named.html
        assert text not in unnamed.html
    assert "rows of H" in named.alt
    assert "Hu = [1, −2]" in named.alt
    assert not {"J", "Jᵀv"} & set(re.findall(r"J\w*", named.html + named.alt))
    assert "row of J" in unnamed.html
    assert "Jᵀv = [1, −2]" in unnamed.alt


def test_pictures_side_by_side_say_both_of_their_texts():
    left, right_ = pictures.heatmap([1.0], "Left"), pictures.heatmap([2.0], "Right")
    both = left & right_
    assert both.alt == f"{left.alt} {right_.alt}"
    assert [a["aria-label"] for _, a in read(both.html).tags if a.get("role") == "img"] == [left.alt, right_.alt]


# --- anything at all

numbers = st.one_of(st.booleans(), st.integers(), st.floats(), st.complex_numbers())
scalars = st.one_of(st.none(), numbers, st.text(max_size=5), st.binary(max_size=3))
small = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
arrays = hnp.arrays(st.sampled_from([np.float64, np.float32, np.int64, np.bool_, np.complex128]), small)
tensors = arrays.map(lambda a: torch.from_numpy(np.array(a)))
anything = st.recursive(
    st.one_of(scalars, arrays, tensors),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=2),
    ),
    max_leaves=5,
)


FORMS = [TRICK, INPUTS, "01.backward", "01.predict_slope", "00.predict_a_shape", "05.predict_error"]


@pytest.mark.parametrize("id", FORMS)
@settings(max_examples=count("examples") // 4)
@given(thing=anything)
def test_whatever_is_returned_there_is_a_verdict_with_a_card(id, thing):
    v = judge(ALL[id], posed(id), [Answer(value=plain(thing)) for _ in posed(id)])
    assert 0 <= v.score <= v.points
    assert v.headline
    assert not re.search(r"[{]\w+[}]", v.headline + v.message)
    json.dumps(v.as_data(), allow_nan=False)
    read(as_html(v))
    assert as_text(v)


# --- the pictures that lessons alone use

MALICE = '<script>alert(1)</script>&"'
DRAWN = {
    "graph": pictures.graph(
        {"x": (0, 0, "1.5"), MALICE: (1, 0, ""), "z": (1, 1, "−2")},
        [("x", MALICE, "sin"), ("x", "z", "cut here")],
        lit=("z",),
        back=[(MALICE, "x", "0.07")],
        cut=[("x", "z")],
        title="Two ways",
    ),
    "bucket": pictures.bucket([(MALICE, [1.0, -2.0]), ("second", [0.5, 0.25])]),
    "empty bucket": pictures.bucket([], MALICE),
    "bucket that loses": pictures.bucket([("first", 1.0), (MALICE, -2.5)]),
    "blocks": pictures.blocks([("y", (3,)), "=", (MALICE, (3, 2)), "·", ("x", (2,)), "+", ("c", ())]),
    "chain": pictures.chain([("x", "1"), (MALICE, "2")], ["f"], ["0.5"]),
    "curves": pictures.curves(lambda axes: axes.loglog([1, 10], [1e-3, 1], color="black"), f"A line {MALICE}"),
    "slider": pictures.slider([(MALICE, pictures.heatmap([1.0])), ("b", pictures.heatmap([2.0]))], "Move"),
}
# What each must say in words, as well as show.
SAID = {
    "graph": ["x to z by cut here, cut", "Lit: z", "x: 0.07"],
    "bucket": ["[1, −2]", "[0.5, 0.25]", "It holds [1.5, −1.75]"],
    "empty bucket": ["It is empty", "It holds None"],
    "bucket that loses": ["−2.5, which takes away", "It holds −1.5"],
    "blocks": ["(3×2)", "(())", "+"],
    "chain": ["x = 1", "Back: 0.5"],
    "curves": ["A line"],
    "slider": ["[1]", "b: Table: [2]"],
}


@pytest.mark.parametrize("name", DRAWN)
def test_picture_says_in_words_what_it_shows_and_escapes_what_it_is_given(name):
    picture = DRAWN[name]
    assert "<script" not in picture.html
    assert all(part in picture.alt for part in SAID[name])
    assert "aria-" in picture.html
    assert "http" not in picture.html.replace(SVG, "").replace("http://www.w3.org/1999/xlink", "")


def test_blocks_are_as_wide_as_their_title():
    def width(title):
        return float(
            re.search(r'width="(\d+)" height="\d+" viewBox', pictures.blocks([("s", ())], title=title).html)[1]
        )

    assert width("a title of forty letters, or about as many") > 300 > 60 > width("")


@pytest.mark.parametrize("name", sorted(set(DRAWN) - {"curves"}))
def test_picture_is_well_formed(name):
    reader = Strict()
    reader.feed(DRAWN[name].html)
    reader.close()
    assert not reader.open


def test_a_layer_of_a_bucket_that_only_takes_away_is_not_filled():
    def drawn(layer):
        picture = pictures.bucket([("first", [4.0, 1.0]), ("second", layer)])
        return picture.html.count("fill-opacity"), picture.html.count("stroke-dasharray"), "takes away" in picture.alt

    assert drawn([-1.0, 0.0]) == (1, 1, True)
    assert drawn([-1.0, 2.0]) == drawn([0.0, 0.0]) == (2, 0, False)


def test_a_graph_keeps_its_size_when_its_texts_grow_if_it_was_given_room_for_them():
    def size(value, label, **room):
        picture = pictures.graph({"x": (0, 0, "1"), "y": (1, 0, value)}, [("x", "y", label)], **room)
        return re.search(r'viewBox="([^"]*)"', picture.html).group(1)

    short, long = ("2", "+"), ("2 · gradient 1.25", "1.25 · b = 2.5")
    assert size(*short) != size(*long)
    assert size(*short, box=170, gap=130) == size(*long, box=170, gap=130)


def test_all_that_is_black_in_a_plot_takes_the_pages_color():
    def draw(axes):
        axes.quiver([0], [0], [1], [1])  # black by default, which Matplotlib's SVG does not say
        axes.plot([0, 1], "o", color="black")
        axes.set_title("title")

    def fills(element, inherited):
        """The fill of every shape and text, its own or that of what it lies in."""
        said = re.search(r"fill: ([^;]+)", element.get("style", ""))
        fill = said[1] if said else element.get("fill", inherited)
        if element.tag.rpartition("}")[2] in ("path", "text", "use"):
            yield fill
        for inner in element:
            yield from fills(inner, fill)

    svg = ElementTree.fromstring(pictures.curves(draw, "a").html)[-1][0]
    assert "currentColor" in set(fills(svg, "black"))
    assert "black" not in set(fills(svg, "black"))
    del svg.attrib["fill"]  # the way to fail
    assert "black" in set(fills(svg, "black"))


def test_plots_of_one_page_and_of_two_notebooks_share_no_ids(monkeypatch):
    def clips(alt):
        plot = pictures.curves(lambda axes: axes.plot([0, 1], [0, 1]), alt).html
        return set(re.findall(r'<clipPath id="(\w+)"', plot))

    first, second = clips("a"), clips("a")
    assert first
    assert not first & second
    monkeypatch.setattr(pictures, "_numbers", itertools.count(1))  # as in another notebook's kernel
    again = clips("another")
    monkeypatch.setattr(pictures, "_numbers", itertools.count(1))
    assert not again & clips("a")
    monkeypatch.setattr(pictures, "_numbers", itertools.count(1))
    assert again == clips("another")  # the same picture is drawn in the same way


def test_a_slider_takes_the_arrow_keys_and_needs_no_id():
    html = DRAWN["slider"].html
    (control,) = re.findall(r"<label>.*?</label>", html)
    assert 'data-lm-suppress-shortcuts="true"' in re.search("<input[^>]*>", control)[0]
    assert " id=" not in html
    frames = [("a|b", pictures.heatmap([1.0])), ("c", pictures.heatmap([2.0]))]
    assert re.findall(r'data-frame="(.*?)"', pictures.slider(frames, "Move").html) == ["a|b", "c"]


def sanitized(html):
    """The text that is left where a sanitizer removes SVG, as JupyterLab does in a notebook that it does not trust."""

    class Text(HTMLParser):
        def __init__(self):
            super().__init__()
            self.sizes, self.said = [], ""

        def handle_starttag(self, tag, attrs):
            if tag == "div":
                self.sizes.append("font-size:0" in (dict(attrs).get("style") or "").split(";"))

        def handle_endtag(self, tag):
            if tag == "div":
                self.sizes.pop()

        def handle_data(self, data):
            self.said += "" if any(self.sizes) else data

    reader = Text()
    reader.feed(re.sub(r"(?s)<style.*?</style>", "", html))
    return reader.said


@pytest.mark.parametrize("name", sorted(set(DRAWN) - {"slider"}))
def test_graphs_say_in_words_what_they_show_where_svg_is_removed(name):
    assert sanitized(DRAWN[name].html) == f"Picture: {DRAWN[name].alt} (Run the cell again to see it.)"
    bare = re.search(r"(?s)<svg [^>]*role.*</svg>", DRAWN[name].html)[0]
    assert sanitized(bare) != sanitized(DRAWN[name].html)  # the way to fail: scattered labels


def test_a_slider_says_what_it_shows_where_scripts_are_removed():
    frames = [("first", pictures.heatmap([1.0])), ("second", pictures.heatmap([2.0]))]
    assert "position “second”" in sanitized(pictures.slider(frames, "Move", start=1).html)


def channels(colour):
    """Red, green, blue and opacity of a color in CSS, each in [0, 1]."""
    if colour.startswith("#"):
        return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)] + [1.0]
    *rgb, alpha = map(float, re.findall(r"[\d.]+", colour))
    return [c / 255 for c in rgb] + [alpha]


def contrast(text, layer, page):
    """The contrast of a text on a transparent layer on a page: WCAG 2.2, relative luminance and contrast ratio."""

    def over(upper, lower):
        return [upper[3] * u + (1 - upper[3]) * low for u, low in zip(upper[:3], lower[:3], strict=True)] + [1.0]

    def luminance(color):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    ground = over(channels(layer), channels(page))
    lighter, darker = sorted((luminance(over(channels(text), ground)), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


THEMES = {"light": ("rgba(0,0,0,0.87)", "#ffffff"), "dark": ("rgba(255,255,255,0.87)", "#111111")}


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("row", [None, 0])
def test_numbers_can_be_read_on_every_color_dimmed_or_not(theme, row):
    html = pictures.heatmap([[1.0, -1.0, 0.1], [1.0, -1.0, 0.0]], row=row).html
    text, page = THEMES[theme]
    layers = re.findall(r"background-color:(rgba\(.*?\))", html)
    assert len(layers) == 6
    assert min(contrast(text, layer, page) for layer in layers) >= 4.5
    assert "opacity" not in html
    assert contrast(text.replace("0.87", "0.26"), layers[0], page) < 4.5  # the way to fail: as it was, with 0.3


def test_colors_are_printed():
    html = pictures.heatmap([[1.0, -1.0]]).html
    assert html.count("background-color") == len(re.findall("[^-]print-color-adjust:exact", html))
    # Bootstrap's `* { background: transparent !important }` for print gives way only to what is important as well.
    assert html.count("background-color") == len(re.findall(r"background-color:[^;]*!important;", html)) > 0


def test_labels_have_the_room_that_they_need():
    def widths(picture):
        return [int(w) for w in re.search(r"grid-template-columns:([^;]*)", picture.html)[1].replace("px", "").split()]

    short, long = (widths(pictures.heatmap([[1.0]], rows=[name], columns=["x"])) for name in ("y₀", "true gradient"))
    assert short[1:] == long[1:] == [pictures.CELL_W]
    assert long[0] > 13 * 6 + pictures.PADDING > short[0]
    J, v = np.eye(2), np.ones(2)
    plain, named = (widths(pictures.weighted_rows(J, v, columns=names)) for names in ((), ["first entry", "x₁"]))
    assert plain[3] == pictures.CELL_W < named[3] == named[4] == named[6]
    (_, _, _, entry, _, other) = widths(pictures.weighted_rows(np.ones((2, 1)), v))  # headings over a single column
    assert entry == other > 6 * len(words.PICTURES["weight_times_row"])


# --- hints


HINTS = ("What shape does `v` have?", "<b>Use</b> `grad_outputs=v`.")


def unfolded(html: str) -> list[tuple[int, str]]:
    """(how many are around it, its summary) of each ``<details>``, in order."""
    found, depth = [], 0
    for tag, summary in re.findall(r"<(/?details)[^>]*>(?:<summary[^>]*>(.*?)</summary>)?", html):
        if tag == "details":
            found.append((depth, summary))
        depth += 1 if tag == "details" else -1
    return found


@pytest.mark.parametrize("status", sorted(set(GALLERY) - {"correct"}))
def test_hints_wait_on_the_card_folded_each_inside_the_one_before(status):
    html = as_html(GALLERY[status](), HINTS)
    summary = words.CARD["card_hint"]
    assert unfolded(html) == [(0, summary.format(k=1, count=2)), (1, summary.format(k=2, count=2))]
    reader = read(html)
    assert "<code>v</code>" in html
    assert "b" not in {tag for tag, _ in reader.tags}
    folds = [attributes for tag, attributes in reader.tags if tag == "details"]
    assert not any("open" in attributes for attributes in folds)
    summaries = [attributes for tag, attributes in reader.tags if tag == "summary"]
    assert {attributes["data-lm-suppress-shortcuts"] for attributes in summaries} == {"true"}
    assert all("display:list-item" in attributes["style"] for attributes in summaries)  # Bootstrap says block


def test_a_right_answer_and_a_question_without_hints_show_none():
    assert unfolded(as_html(GALLERY["correct"](), HINTS, "f = None")) == []
    assert unfolded(as_html(GALLERY["wrong"]())) == []


def test_a_solution_comes_after_the_last_hint_and_only_if_the_question_offers_one():
    v = GALLERY["wrong"]()
    code = "def f(x):\n    return x if x < 1 else `x`"
    html = as_html(v, HINTS, code)
    assert unfolded(html)[2:] == [(2, words.CARD["card_solution"])]
    assert code in "".join(read(html).text)
    assert words.CARD["card_solution"] not in as_html(v, HINTS)


def test_card_in_a_notebook_holds_the_hints_and_its_data_does_not():
    bundle = Card(GALLERY["wrong"](), HINTS, "f = 1")._repr_mimebundle_()
    assert len(unfolded(bundle["text/html"])) == 3
    assert bundle[MIME] == GALLERY["wrong"]().as_data()
