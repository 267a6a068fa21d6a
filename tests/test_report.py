"""The report on a class: what it counts, what it leaves out, and that students' names are only text on it."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from classes import QUESTIONS, UNIT, generated, made, pages_of, perfect, result, unreadable, verdict
from courses import CELLS, POINTS, copy_course, handed_in

from grader import cli, words
from grader.classroom import CourseError, export, overview, report, report_page, tables
from grader.classroom.result import Person
from grader.demo import sample
from grader.errors import NOTES
from grader.mistakes import CATALOGUE
from grader.nbgrader import course, results

from support import MISTAKES, PACKS, SAMPLE, posed

ROOT = Path(__file__).parent.parent
LESSONS = SAMPLE.packs[0].lessons
BY_ID = {question.id: question for question in QUESTIONS}
FIRST, SECOND = QUESTIONS[0], QUESTIONS[1]
EVIL = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "=cmd()", "a/../b c?#", "\u202eevil")


WAITING = {"aside": {"aside": "Its worker died twice."}, "by_hand": {"by_hand": (FIRST.grade_id,)}}


def analysed(results):
    return report.analyse(UNIT, results, SAMPLE)


def as_html(found):
    return report_page.as_html(found, pages_of)


def with_answers(student, **changed):
    """A student who is right but for ``question name -> verdict``."""
    verdicts = {question.grade_id: verdict(question) for question in QUESTIONS}
    return result(student, verdicts | {BY_ID[f"vjp.{name}"].grade_id: said for name, said in changed.items()})


class Page(HTMLParser):
    """The tags, attributes and text of a page, as a browser takes them."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


# --- what is counted


def test_shares_add_up_and_tell_untouched_from_wrong_from_not_judged():
    wrong = made(FIRST, "letter_missed")
    class_ = [
        perfect("a"),
        with_answers("b", predict_error=wrong),
        with_answers("c", predict_error=verdict(FIRST, "unattempted")),
        replace(with_answers("d", predict_error=wrong), verdicts={}, unjudged={FIRST.grade_id: "it stopped"}),
        with_answers("e", several_inputs=made(BY_ID["vjp.several_inputs"], "some_right", "status", score=1.0)),
    ]
    items = {item.id: item for item in analysed(class_).items}
    assert dict(items[FIRST.grade_id].shares) == {"right": 2, "partly": 0, "wrong": 1, "untouched": 1, "unjudged": 1}
    assert items[BY_ID["vjp.several_inputs"].grade_id].shares["partly"] == 1
    assert items[FIRST.grade_id].tried == 4
    assert items[FIRST.grade_id].facility == pytest.approx(2 / 5)
    assert items[FIRST.grade_id].facility_tried == pytest.approx(2 / 4)


def test_a_score_that_a_person_changed_counts_as_changed():
    before = with_answers("a", predict_error=made(FIRST, "letter_missed"))
    after = replace(before, scores={**before.scores, FIRST.grade_id: 1.0})
    assert [report.share(r, FIRST.grade_id) for r in (before, after)] == ["wrong", "right"]


def test_a_file_that_could_not_be_read_says_nothing_about_questions_but_stands_among_the_scores():
    with_it, without = analysed([perfect("a"), unreadable("b")]), analysed([perfect("a")])
    assert with_it.items == without.items
    assert with_it.graded == ("a",)
    assert list(with_it.scores) == ["a", "b"]
    read = replace(unreadable("b"), unreadable=False)
    assert analysed([perfect("a"), read]).items != without.items  # it would, if it had been read


def test_total_is_the_gradebooks_with_penalty_and_never_below_zero():
    assert replace(perfect("a"), penalty=5.0).score == perfect("a").score - 5
    assert replace(perfect("a"), penalty=500.0).score == 0.0


@pytest.mark.parametrize("points", [1, 5, 12, 24, 26, 100])
def test_every_score_is_in_one_bar_and_full_marks_in_the_last(points):
    scores = [*np.linspace(0, points, 101), points + 3]  # with extra credit
    counts = report.histogram(scores, points)
    assert sum(counts) == len(scores)
    assert len(counts) <= report.MOST_BARS
    assert report.histogram([points], points)[-1] == 1
    assert report.edges(points)[-1] == points
    assert report.histogram([0.0], points)[-1] == 0
    assert len(report.edges(points)) == len(counts) + 1


def test_discrimination_is_the_correlation_with_the_other_questions():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 3, (60, 5)).astype(float)
    for k in range(5):
        rest = np.delete(scores, k, axis=1).sum(axis=1)
        centred = (scores[:, k] - scores[:, k].mean()) @ (rest - rest.mean())
        assert report.discrimination(scores, k) == pytest.approx(
            centred / (60 * scores[:, k].std() * rest.std()), abs=1e-12
        )
    # With the question itself in the total even noise would seem to tell strong from weak.
    own = np.corrcoef(scores[:, 0], scores.sum(axis=1))[0, 1]
    assert own > 0.3 > abs(report.discrimination(scores, 0) or 0)


def test_discrimination_of_what_does_not_vary_is_none():
    scores = np.array([[1.0, 0, 2], [1, 1, 1], [1, 2, 0]])
    assert report.discrimination(scores, 0) is None
    assert report.discrimination(scores, 1) == pytest.approx(-1)


def test_too_few_students_get_no_number_and_enough_do():
    few, enough = (analysed(generated(n)) for n in (report.FEWEST_TO_CORRELATE - 1, 60))
    assert {item.unsaid for item in few.items} == {"few"}
    assert all(item.discrimination is None for item in few.items)
    assert all(item.discrimination is not None for item in enough.items)
    assert words.REPORT["few"] in as_html(few)
    assert f">{words.REPORT['few']}<" not in as_html(enough)


def test_easy_hard_and_misleading_questions_are_flagged_and_others_are_not():
    names = [f"s{k}" for k in range(60)]
    worse = {name: SECOND if k % 2 else None for k, name in enumerate(names)}
    class_ = []
    for k, name in enumerate(names):
        said = {"transfer": verdict(BY_ID["vjp.transfer"], "unattempted")}
        said["one_row"] = made(BY_ID["vjp.one_row"], "other_row") if k % 3 else verdict(BY_ID["vjp.one_row"])
        if worse[name]:  # who is right elsewhere
            said["weight_the_outputs"] = made(SECOND, "ones_weight")
        else:
            said["scalar_trick"] = made(BY_ID["vjp.scalar_trick"], "ones_weight")
        class_.append(with_answers(name, **said))
    flags = {item.id: item.flags for item in analysed(class_).items}
    assert flags[BY_ID["vjp.transfer"].grade_id] == ("flag_hard",)
    assert flags[FIRST.grade_id] == ("flag_easy",)
    assert flags[SECOND.grade_id] == ("flag_negative",)
    assert all(flag not in ("flag_easy", "flag_hard") for flag in flags[BY_ID["vjp.one_row"].grade_id])
    assert not any(item.flags for item in analysed(class_[: report.FEWEST_TO_JUDGE - 1]).items)


def test_mistakes_are_counted_by_question_with_their_lesson():
    ones = {"weight_the_outputs": made(SECOND, "ones_weight"), "scalar_trick": made(QUESTIONS[2], "ones_weight")}
    stale = {"backward_gradient": made(QUESTIONS[3], "stale_grad")}
    class_ = [with_answers("a", **ones), with_answers("b", **ones, **stale), perfect("c")]
    found = {f.key: f for f in analysed(class_).found}
    assert dict(found["ones_weight"].counts) == {SECOND.grade_id: 2, QUESTIONS[2].grade_id: 2}
    assert found["ones_weight"].students == ("a", "b")
    assert found["stale_grad"].students == ("b",)
    assert set(found) == {"ones_weight", "stale_grad"}
    lessons = {unit: students for unit, students, _ in analysed(class_).lessons}
    assert lessons == {LESSONS["05"]: ("a", "b"), LESSONS[MISTAKES["stale_grad"].unit]: ("b",)}


def test_an_error_that_means_something_else_in_unit_08_is_another_row():
    both = {
        "weight_the_outputs": made(SECOND, "no_graph", "error"),
        "scalar_trick": made(QUESTIONS[2], "no_graph", "error", unit=NOTES["no_graph"].again),
    }
    names = [found.says.name for found in analysed([with_answers("a", **both)]).found]
    assert names == sorted([words.ERRORS["no_graph"].name, words.AGAIN["no_graph"].name])


@pytest.mark.parametrize("table", ["ERRORS", "AGAIN", "STATUSES"])
def test_every_explanation_reads_without_an_answer(table):
    kind = {"STATUSES": "other"}.get(table, "error")
    for key in getattr(words, table):
        says = report._words(kind, key, table == "AGAIN", PACKS, "")
        text = " ".join((says.name, says.says, says.why))
        assert says.name
        assert not re.search(r"\{\w*\}", text), key
        parts = getattr(words, table)[key]
        placeholders = re.findall(r"\{(\w+)\}", parts.name + parts.says + parts.why)
        assert all(len(name) == 1 or name in words.REPORT_FACTS for name in placeholders), key


def test_every_mistake_reads_without_an_answer():
    for id, question in PACKS.questions.items():
        for key in {*(wrong.key for p in posed(id) for wrong in p.wrongs), *CATALOGUE}:
            says = report._words("mistake", key, False, PACKS, id)
            assert says.name
            assert "{" not in says.name + says.says + says.why
            parts = question.mistake(key).words
            placeholders = re.findall(r"\{(\w+)\}", parts.name + parts.says + parts.why)
            assert all(len(name) == 1 or name in words.REPORT_FACTS for name in placeholders), key
    assert report._words("mistake", "ones_weight", False, PACKS, "no question").name == "ones_weight"


def test_every_status_of_the_judge_has_a_name():
    # No finding, or other words for a status.
    other_words = {
        "correct",
        "right",
        "unattempted",
        "raised_python",
        "dimensions",
        "nonfinite_number",
        "nonfinite_gradient",
        "not_complex",
        "no_class",
        "unfinished",
        "sizes_permuted",
    }
    assert set(words.STATUSES) == set(words.FINDINGS) - other_words


def test_every_lesson_that_a_mistake_names_is_a_file():
    units = {mistake.unit for mistake in MISTAKES.values()} | {note.unit for note in NOTES.values()}
    (course_,) = PACKS.packs
    assert units - {""} <= set(course_.lessons)
    assert all((ROOT / lesson).exists() for lesson in [*course_.lessons.values(), *LESSONS.values()])


def test_median_p90_and_largest_are_those_of_the_class():
    class_ = [replace(perfect(f"s{k}"), seconds=float(k), memory=2**20 * k) for k in range(1, 11)]
    seconds = analysed(class_).seconds
    assert seconds == report.Spread(10, 5.5, 9.0, 10.0, "s10")
    assert analysed([perfect("a")]).seconds is None
    assert "grader grade" in as_html(analysed([perfect("a")]))
    assert "10 MiB" in as_html(analysed(class_))


# --- who needs a person

REASONS = {
    "needs_aside": {"aside": "Its worker died twice."},
    "needs_unreadable": {"unreadable": True, "remarks": ("The file is empty.",)},
    "needs_limit": {"breaches": ("a cell: too long",)},
    "needs_stopped": {"unjudged": {FIRST.grade_id: "the check stopped"}},
    "needs_hand": {"by_hand": (FIRST.grade_id,)},
    "needs_mended": {"remarks": ("The locked cell was missing.",)},
}


@pytest.mark.parametrize("key", REASONS)
def test_whoever_needs_a_person_is_listed_with_the_reason_and_the_way_to_the_feedback(key):
    found = analysed([replace(perfect("ada"), **REASONS[key]), perfect("ben")])
    assert list(found.human) == ["ada"]
    assert [reason for reason, _ in found.human["ada"]] == [key]
    shown = Page(as_html(found))
    assert words.REPORT[key] in shown.text
    assert f"../feedback/ada/{UNIT}/{UNIT}.html" in [tag.get("href") for name, tag in shown.tags if name == "a"]


def test_nobody_needs_a_person_where_all_is_well():
    assert analysed([perfect("ada")]).human == {}
    assert words.REPORT["human_none"] in as_html(analysed([perfect("ada")]))


def test_grading_without_the_sandbox_is_said_loudly_and_only_then():
    said = words.REPORT["unconfined_help"]
    assert said in as_html(analysed([replace(perfect("a"), confined=False)]))
    for confined in (True, None):
        assert said not in as_html(analysed([replace(perfect("a"), confined=confined)]))


# --- who was late

DUE = datetime(2024, 11, 15, 12)
DURATIONS = {5.0: "5 s", 60.0: "1 min 0 s", 3599.9: "59 min 59 s", 9000.0: "2 h 30 min", 273600.0: "3 d 4 h"}


def late(student, seconds, **more):
    return perfect(student, handed_in=DUE + timedelta(seconds=seconds), seconds_late=max(0.0, seconds), **more)


@pytest.mark.parametrize("seconds", DURATIONS)
def test_who_was_late_is_shown_with_by_how_much(seconds):
    found = analysed([late("ada", -1.0), late("ben", seconds), perfect("eve")])
    assert dict(found.late) == {"ben": seconds}
    html = as_html(found)
    section = html.partition('id="late"')[2].partition("</section>")[0]
    assert re.findall(r"<bdi>(\w+)</bdi>", section) == ["ben"]
    assert f">{DURATIONS[seconds]}</td>" in section
    assert f">{DUE + timedelta(seconds=seconds):%Y-%m-%d %H:%M}</td>" in section


def test_the_latest_come_first_and_what_it_costs_is_said():
    class_ = [late("ada", 60.0), late("ben", 90000.0, penalty=3.0), perfect("eve")]
    found = analysed(class_)
    assert list(found.late) == ["ben", "ada"]
    free = "docs/running-a-class.md"
    assert free not in as_html(found)
    assert free in as_html(analysed([class_[0], class_[2]]))
    assert report.summary(found)[1].endswith(words.REPORT["sum_late"].format(count=2, paid=1))
    assert len(report.summary(found)) == 5


def test_where_nobody_was_late_nothing_is_said_of_it():
    found = analysed([late("ada", 0.0), perfect("eve")])
    assert 'id="late"' not in as_html(found)
    assert "ate" not in report.summary(found)[1]
    assert [student["seconds_late"] for student in report.as_data(found)["students"]] == [0.0, 0.0]


def test_json_and_table_have_when_and_how_late():
    found = analysed([late("ada", 60.5), perfect("eve")])
    data = {student["student"]: student for student in report.as_data(found)["students"]}
    assert (data["ada"]["handed_in"], data["ada"]["seconds_late"]) == ("2024-11-15T12:01:00.500000Z", 60.5)
    assert (data["eve"]["handed_in"], data["eve"]["seconds_late"]) == (None, 0.0)
    rows = {(row["student"], row["measure"]): row["value"] for row in rows_of(report.as_csv(found))}
    assert (rows["ada", "handed_in"], rows["ada", "seconds_late"]) == ("2024-11-15T12:01:00.500000Z", "60.5")
    assert (rows["eve", "handed_in"], rows["eve", "seconds_late"]) == ("", "0")


# --- scores that are not final


@pytest.mark.parametrize("why", WAITING)
def test_a_score_that_is_not_final_is_marked_wherever_it_is_named(why):
    mark = f'<i class="open">{words.REPORT["not_final"]}</i>'
    wrong = {"predict_error": made(FIRST, "letter_missed")}
    ada, ben = late("ada", 60.0), with_answers("ben", **wrong)
    html = as_html(analysed([replace(ada, **WAITING[why]), ben]))
    places = html.split("<bdi>")[1:]
    assert len([place for place in places if place.startswith("ada<")]) >= 5
    assert all((mark in place.partition("<bdi>")[0]) == place.startswith("ada<") for place in places)
    assert mark not in as_html(analysed([ada, ben]))


def test_medians_summary_and_tables_say_that_scores_are_not_final():
    waits = replace(perfect("ada"), **WAITING["by_hand"])
    found, sure = analysed([waits, perfect("ben")]), analysed([perfect("ada"), perfect("ben")])
    said = words.REPORT["waits_one"].format(count=1)
    tile = next(tile for tile in report_page._tiles(found) if tile.key == "figure_median")
    assert said in tile.remark
    assert as_html(found).partition('id="scores"')[2].partition("</p>")[0].endswith(said)
    assert said not in as_html(sure)
    assert "ada" in report.summary(found)[5]
    assert len(report.summary(sure)) == 5
    assert [student["final"] for student in report.as_data(found)["students"]] == [False, True]
    scores = {
        row["student"]: (row["value"], row["key"]) for row in rows_of(report.as_csv(found)) if row["measure"] == "score"
    }
    assert scores == {"ada": ("", "unfinished"), "ben": ("24", "")}


# --- every count opens to names


class Opened(HTMLParser):
    """What each number of the page opens to: (summary, what it counts, links, texts of the list)."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str, list[str], list[str]]] = []
        self.inside, self.tag = False, ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "details" and dict(attributes).get("class") == "who":
            self.inside = True
            self.found.append(("", "", [], []))
        elif tag in ("summary", "p", "li"):
            self.tag = tag
            if self.inside and tag == "li":
                self.found[-1][3].append("")
        elif self.inside and tag == "a":
            self.found[-1][2].append(dict(attributes)["href"])

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "details"

    def handle_data(self, data):
        if self.inside:
            figure, about, links, names = self.found[-1]
            if self.tag == "li":
                names[-1] += data
            else:
                figure, about = (figure + data, about) if self.tag == "summary" else (figure, about + data)
            self.found[-1] = (figure, about, links, names)


def test_every_count_opens_to_as_many_linked_names():
    found = analysed(generated(50))
    opened = Opened(as_html(found)).found
    for figure, about, links, names in opened:
        number = re.search(r"\d+", figure)
        assert all(re.fullmatch(rf"\.\./feedback/s\d+/{UNIT}/{UNIT}\.html", link) for link in links), about
        assert len(links) == len(names) == len(set(names))
        in_all = {f.says.name for f in found.found} | {words.REPORT["figure_mistake"], words.REPORT["figure_tie"]}
        assert about in in_all or int(number[0]) == len(links), about  # these count answers, or are no number
    lists = {about: names for _, about, _, names in opened}
    for one in found.found:
        assert lists[one.says.name] == list(one.students)
        for cell, students in one.answers.items():
            name = next(item.name for item in found.items if item.id == cell)
            assert lists[f"{name}: {one.says.name}"] == list(students)
    for item in found.items:
        for name in report.SHARES:
            about = f"{item.name}: {words.REPORT[f'share_{name}']}"
            assert len(lists.get(about, [])) == item.shares[name]
    for lesson, students, _ in found.lessons:
        assert lists[lesson] == list(students)


def test_a_list_that_is_cut_says_how_many_more_and_leads_to_the_whole_list():
    found, most = analysed(generated(3 * report_page.MOST_NAMES)), report_page.MOST_NAMES
    html = as_html(found)
    ids = {attributes["id"] for _, attributes in Page(html).tags if "id" in attributes}
    whole = {one.says.name: len(one.students) for one in found.found}
    cut = [entry for entry in Opened(html).found if entry[2][-1].startswith("#")]
    assert cut
    for figure, about, links, names in cut:
        assert links[-1][1:] in ids
        assert len(links) == most + 1
        assert names[-1] == words.REPORT["more"].format(count=(whole.get(about) or int(figure)) - most), about
    uncut = {about: len(names) for _, about, links, names in Opened(html).found if not links[-1].startswith("#")}
    assert max(whole.values()) > most  # there are such lists, and each is whole where it is explained
    assert {about: uncut[about] for about in whole} == whole


def test_people_are_called_by_name_where_it_is_known_and_sorted_by_last_name():
    people = {"ada": Person("ada", "Ada", "Lovelace"), "ben": Person("ben"), "zoe": Person("zoe", "Zoe", "Abel")}
    found = report.analyse(UNIT, [perfect("ada"), perfect("ben"), perfect("zoe")], SAMPLE, people)
    names = next(names for _, about, _, names in Opened(as_html(found)).found if about == words.REPORT["figure_full"])
    assert names == ["Zoe Abel (zoe)", "ben", "Ada Lovelace (ada)"]
    assert report.as_data(found)["students"][0]["name"] == "Ada Lovelace (ada)"


def test_who_has_not_handed_in_is_named_and_has_no_feedback_page():
    people = {"ada": Person("ada"), "zoe": Person("zoe", "Zoe", "Abel")}
    found = report.analyse(UNIT, [perfect("ada")], SAMPLE, people)
    said = {about: (links, names) for _, about, links, names in Opened(as_html(found)).found}
    assert said[words.REPORT["figure_missing"]] == ([], ["Zoe Abel (zoe)"])
    assert words.REPORT["figure_missing"] not in {
        about for _, about, *_ in Opened(as_html(analysed([perfect("a")]))).found
    }


def test_contents_lead_to_every_section_and_mistakes_come_first():
    for class_ in ([late("ada", 1.0), perfect("ben")], [perfect("ada")]):
        html = as_html(analysed(class_))
        listed = re.findall(r'<li><a href="#([a-z]+)">', html.partition("</nav>")[0])
        assert listed == re.findall(r'<h2 id="([a-z]+)">', html)
        assert listed[0] == "mistakes"


def test_students_are_listed_by_name_by_score_and_by_need():
    class_ = [
        perfect("ada"),
        with_answers("ben", predict_error=made(FIRST, "letter_missed")),
        unreadable("eve"),
        replace(perfect("zoe"), **WAITING["by_hand"]),
    ]
    html = as_html(analysed(class_)).partition('id="everyone"')[2]
    orders = [re.findall(r"<bdi>(\w+)</bdi>", part) for part in html.split('<details name="order">')[1:4]]
    orders[2] = orders[2][:4]
    assert orders == [["ada", "ben", "eve", "zoe"], ["ada", "zoe", "ben", "eve"], ["eve", "zoe", "ben", "ada"]]


def test_a_tie_for_the_most_common_mistake_is_told_as_one_and_a_winner_is_not():
    ones = {"weight_the_outputs": made(SECOND, "ones_weight")}
    stale = {"backward_gradient": made(QUESTIONS[3], "stale_grad")}
    tie = analysed([with_answers("a", **ones), with_answers("b", **stale)])
    winner = analysed([with_answers("a", **ones), with_answers("b", **stale), with_answers("c", **stale)])
    title, line = words.REPORT["figure_tie"], words.REPORT["sum_tie"].partition("(")[0].partition("}")[2]
    assert {found.key for found in report.most_common(tie)} == {"ones_weight", "stale_grad"}
    assert sorted(report.as_data(tie)["most_common"]) == ["ones_weight", "stale_grad"]
    assert title in Page(as_html(tie)).text
    assert line in report.summary(tie)[3]
    assert [found.key for found in report.most_common(winner)] == ["stale_grad"]
    assert title not in Page(as_html(winner)).text
    assert line not in report.summary(winner)[3]
    many = report.most_common(tie) * 3
    assert report.tied(many).endswith(words.REPORT["tie_more"].format(names="", count=3))


# --- all units


def course_of(*classes, people=None):
    """The page over all units, in which each class is a unit: 01_x, 02_x and so on."""
    reports = [report.analyse(f"0{k}_x", class_, SAMPLE, people) for k, class_ in enumerate(classes, 1)]

    def pages_of(unit, student):
        return [(unit, f"../feedback/{student}/{unit}/{unit}.html")]

    return reports, overview.as_html(reports, people or {}, lambda unit: f"{unit}.html", pages_of)


def test_page_over_all_units_has_each_students_scores_and_who_handed_in_nothing():
    people = {"ada": Person("ada", "Ada", "Lovelace"), "zoe": Person("zoe")}
    waits = replace(perfect("ben", penalty=4.0), **WAITING["by_hand"])
    reports, html = course_of([late("ada", 60.0), waits], [perfect("ada")], people=people)
    table = html.partition('class="marks"')[2].partition("</table>")[0]
    rows = [[Page(cell).text.strip() for cell in row.split("<td")] for row in table.split("<tr>")[2:]]
    shown = [[re.sub(r"^class=\"n\">", "", cell) for cell in row] for row in rows]
    assert shown == [
        ["ben", "not final 20", "–", "not final 20"],
        ["Ada Lovelace (ada)", "late 24", "24", "48"],
        ["zoe", "–", "–", "0"],
    ]
    links = [attributes["href"] for tag, attributes in Page(html).tags if tag == "a"]
    assert {"01_x.html", "02_x.html", "../feedback/ada/01_x/01_x.html"} <= set(links)
    assert "../feedback/zoe/01_x/01_x.html" not in links
    said = {about: names for _, about, _, names in Opened(html).found}
    assert said[f"02_x: {words.REPORT['figure_missing']}"] == ["zoe"]
    assert said[f"01_x: {words.REPORT['figure_unfinished']}"] == ["ben not final"]
    assert f"02_x: {words.REPORT['figure_unfinished']}" not in said
    assert overview.summary(reports)[0].endswith(", 1 need a person, 1 not final, 1 not handed in")
    assert overview.summary(reports)[1].endswith("24 of 24 points, 1 not handed in")


def test_columns_are_named_by_the_part_before_the_line_only_where_that_tells_units_apart():
    assert overview.short(["05_x", "06_x"]) == ["05", "06"]
    assert overview.short(["ps_1", "ps_2"]) == ["ps_1", "ps_2"]


@pytest.mark.parametrize("size", [1, 20, 200])
def test_page_over_all_units_is_whole_and_needs_neither_network_nor_script(size):
    _, html = course_of(generated(size), generated(size, 1)[: size // 2])
    shown = Page(html)
    assert not {tag for tag, _ in shown.tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", html)
    assert all(tag.get("scope") for name, tag in shown.tags if name == "th")
    ids = [tag["id"] for _, tag in shown.tags if "id" in tag]
    assert len(ids) == len(set(ids))
    for tag in ("table", "section", "div", "p", "li", "td", "tr", "details"):
        assert html.count(f"<{tag}>") + html.count(f"<{tag} ") == html.count(f"</{tag}>")


@pytest.mark.parametrize("name", EVIL)
def test_a_students_name_is_text_on_the_page_over_all_units(name):
    honest, evil = (
        Page(course_of([perfect("ada"), perfect(id)], people={id: Person(id, first, "x")})[1])
        for id, first in (("ben", "Ben"), ("ben", name))
    )
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in honest.tags]
    assert evil.text.count(name) >= 4


# --- names are text


@pytest.mark.parametrize("name", EVIL)
def test_a_students_name_is_text_on_the_page_and_nothing_else(name):
    one = replace(late("ada", 1.0), remarks=("The locked cell was missing.",), seconds=1.0, memory=1)
    two = replace(one, student=name, remarks=(f"It says {name}",), aside=name, unjudged={FIRST.grade_id: name})
    honest, evil = (
        Page(as_html(analysed([replace(one, aside="x", unjudged={FIRST.grade_id: "x"}), r])))
        for r in (replace(one, student="eve", aside="x", unjudged={FIRST.grade_id: "x"}), two)
    )
    assert [tag for tag, _ in evil.tags] == [tag for tag, _ in honest.tags]
    assert [sorted(attributes) for _, attributes in evil.tags] == [sorted(attributes) for _, attributes in honest.tags]
    assert evil.text.count(name) >= 5
    links = {attributes["href"] for tag, attributes in evil.tags if tag == "a"}
    links = {link for link in links if not link.startswith("#")}
    assert links
    assert all(re.fullmatch(r"\.\./feedback/[\w.%~-]+/\w+/\w+\.html", link) for link in links)


def test_unescaped_it_would_be_more_than_text(monkeypatch):
    """The way to fail: the same page without its escaping."""
    real = report_page.Environment
    monkeypatch.setattr(report_page, "Environment", lambda **settings: real(**settings | {"autoescape": False}))
    monkeypatch.setattr(report_page, "template", report_page.template.__wrapped__)  # not the one that is kept
    tags = [tag for tag, _ in Page(as_html(analysed([perfect(EVIL[0])]))).tags]
    assert "script" in tags


@pytest.mark.parametrize("size", [0, 1, 20, 300])
def test_page_is_whole_and_needs_neither_network_nor_script(size):
    html = as_html(analysed(generated(size)))
    shown = Page(html)
    assert not {tag for tag, _ in shown.tags} & {"script", "link", "img", "iframe", "object", "form"}
    assert not re.search(r"https?:|url\(|@import|\bon\w+=", html)
    assert not re.search(r"\bnan\b|\{\w+\}", shown.text.partition("</style>")[2])
    assert all(tag.get("scope") for name, tag in shown.tags if name == "th")
    ids = [tag["id"] for _, tag in shown.tags if "id" in tag]
    assert len(ids) == len(set(ids))
    for tag in ("table", "section", "div", "p", "li", "td", "tr"):
        assert html.count(f"<{tag}>") + html.count(f"<{tag} ") == html.count(f"</{tag}>")


# --- for machines


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_json_and_table_say_the_same():
    found = analysed(generated(60))
    data = json.loads(json.dumps(report.as_data(found), allow_nan=False))
    rows = rows_of(report.as_csv(found))
    facilities = {row["question"]: float(row["value"]) for row in rows if row["measure"] == "facility"}
    assert facilities == pytest.approx({q["id"]: q["facility"] for q in data["questions"]}, abs=1e-4)
    counts = {(row["question"], row["key"]): int(row["value"]) for row in rows if row["measure"] in report.KINDS}
    assert counts == {(q, m["key"]): n for m in data["mistakes"] for q, n in m["by_question"].items()}
    assert {row["student"]: float(row["value"]) for row in rows if row["measure"] == "score"} == found.scores
    assert sum(data["histogram"]["counts"]) == data["submissions"] == 60


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx", "\nx", "＝1", "=a\r=b"])
def test_no_table_holds_a_formula(name):
    evil = replace(perfect(name), remarks=(name,), aside=name)
    units = {UNIT: [replace(evil, aside="")]}
    people = {name: Person(name, name, name, name)}
    made_ = [
        report.as_csv(analysed([evil])),
        export.canvas(units, people),
        export.moodle(units, people),
        export.long(units),
    ]
    for text in made_:
        entries = [entry for row in csv.reader(io.StringIO(text, newline="")) for entry in row]
        assert f"'{name}" in entries
        assert not any(entry.startswith(name) for entry in entries)


def test_negative_numbers_and_a_missing_grade_are_no_formulas():
    assert tables.as_csv([[-1.5, 2, None, "-", "-x"]]) == "-1.5,2,,-,'-x\r\n"


UNITS = {UNIT: [perfect("ada"), replace(perfect("ben"), penalty=4.0)], "06_x": [result("ben", {})]}
PEOPLE = {"ada": Person("ada", "Ada", "Lovelace", "ada@x.org"), "ben": Person("ben")}


def test_canvas_gets_its_columns_and_points_and_no_row_for_who_handed_in_nothing():
    rows = list(csv.reader(io.StringIO(export.canvas(UNITS, {**PEOPLE, "zoe": Person("zoe")}))))
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", UNIT, "06_x"],
        ["    Points Possible", "", "", "", "", "24", "0"],
        ["Lovelace, Ada", "", "", "ada", "", "24", ""],
        ["ben", "", "", "ben", "", "20", "0"],
    ]


def test_no_name_can_pass_for_canvas_row_of_points():
    people = {"ada": Person("ada", "Points Possible", "x")}
    rows = list(csv.reader(io.StringIO(export.canvas({UNIT: [perfect("ada")]}, people))))
    assert [row[0] for row in rows if "Points Possible" in row[0]] == ["    Points Possible"]
    assert rows[2][0] == "ada"


def test_moodle_gets_mail_addresses_of_all_or_of_none_and_a_dash_for_no_grade():
    some = list(csv.reader(io.StringIO(export.moodle(UNITS, PEOPLE))))
    assert some[0] == ["Identifier", "First name", "Last name", UNIT, "06_x"]
    assert some[1] == ["ada", "Ada", "Lovelace", "24", "-"]
    every = export.moodle(UNITS, {**PEOPLE, "ben": Person("ben", email="ben@x.org")})
    assert rows_of(every)[1]["Email address"] == "ben@x.org"


def test_long_table_has_a_line_for_each_question_with_its_mistake():
    rows = rows_of(export.long({UNIT: [with_answers("ada", weight_the_outputs=made(SECOND, "ones_weight"))]}))
    assert [row["question"] for row in rows] == list(BY_ID)
    assert {row["mistake"] for row in rows if row["question"] == SECOND.id} == {"ones_weight"}
    assert {row["mistake"] for row in rows if row["question"] != SECOND.id} == {""}


@pytest.mark.parametrize("why", WAITING)
def test_who_waits_for_a_person_is_not_exported_as_zero(why):
    waits = replace(perfect("ada"), **WAITING[why])
    for make in (export.canvas, export.moodle):
        assert make({UNIT: [waits, perfect("ben")]}, {}) == make({UNIT: [perfect("ben")]}, {})
        assert make({UNIT: [perfect("ada"), perfect("ben")]}, {}) != make({UNIT: [perfect("ben")]}, {})
    assert export.unfinished({UNIT: [waits, perfect("ben")], "06_x": [perfect("ada")]}) == {UNIT: ["ada"]}
    states = {row["question"]: (row["score"], row["state"]) for row in rows_of(export.long({UNIT: [waits]}))}
    assert states[FIRST.id] == ("", export.WAITS)
    assert states[SECOND.id] == (("", export.WAITS) if why == "aside" else ("2", ""))


def test_long_table_says_what_was_judged_inside_and_how_late():
    one = late("ada", 60.0, inside=(FIRST.grade_id,))
    rows = {row["question"]: row for row in rows_of(export.long({UNIT: [one]}))}
    assert [rows[question.id]["judged"] for question in (FIRST, SECOND)] == ["inside", ""]
    assert {row["seconds_late"] for row in rows.values()} == {"60"}
    assert {row["seconds_late"] for row in rows_of(export.long({UNIT: [perfect("ada")]}))} == {"0"}


def test_what_was_judged_inside_is_marked_among_the_questions():
    mark = f">{words.REPORT['inside']}</span>"
    assert as_html(analysed([replace(perfect("ada"), inside=(FIRST.grade_id,))])).count(mark) == 1
    assert mark not in as_html(analysed([perfect("ada")]))


def test_a_check_that_the_students_code_stopped_is_final():
    stopped = replace(perfect("ada"), unjudged={FIRST.grade_id: "it stopped"})
    assert stopped.final
    assert export.unfinished({UNIT: [stopped]}) == {}
    assert {row["state"] for row in rows_of(export.long({UNIT: [stopped]}))} == {""}


# --- a real gradebook


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A course in which three of the sample class were graded, and its gradebook then changed by hand."""
    from nbgrader.api import Gradebook

    few = [s for s in sample.CLASS if s.name in ("deniz", "tara", "walt")]
    folder = handed_in(tmp_path_factory.mktemp("small") / "course", few)
    for student in few:
        done = course.api(folder).autograde(UNIT, student.name)
        assert done["success"], done["error"]
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as book:
        book.update_or_create_student("deniz", first_name="=cmd()", last_name="Demir", email="d@x.org")
        submission = book.find_submission(UNIT, "deniz")
        submission.notebooks[0].late_submission_penalty = 3.0
        book.update_or_create_assignment(UNIT, duedate=DUE)
        for student, hours in (("deniz", 3), ("walt", -1)):
            book.find_submission(UNIT, student).timestamp = DUE + timedelta(hours=hours)
        submission.extension = timedelta(hours=1)
        grade = next(g for g in submission.notebooks[0].grades if g.name == CELLS["vjp.transfer"])
        grade.manual_score, grade.extra_credit = 1.0, 0.5
        book.db.commit()
    return folder


here = pytest.mark.xdist_group("report")  # one worker, so that the three are graded once


@here
def test_results_are_what_the_gradebook_has_by_hand_and_for_lateness(small):
    found = {r.student: r for r in results.results(small, UNIT)}
    full = sum(q.points for q in QUESTIONS)
    assert found["deniz"].scores[CELLS["vjp.transfer"]] == 1.5
    assert found["deniz"].penalty == 3.0
    auto = sum(sample.CLASS[3].expected(POINTS).values())
    assert found["deniz"].score == auto - 2 + 1.5 - 3 < full
    assert found["tara"].penalty == 0.0


@here
def test_lateness_is_what_the_gradebook_has_with_extensions(small):
    found = {r.student: (r.handed_in, r.seconds_late) for r in results.results(small, UNIT)}
    assert found["deniz"] == (DUE + timedelta(hours=3), 2 * 3600.0)
    assert found["walt"] == (DUE - timedelta(hours=1), 0.0)
    assert found["tara"] == (None, 0.0)


@here
def test_what_went_wrong_is_read_off_the_graded_notebooks(small):
    deniz, tara, walt = results.results(small, UNIT)
    assert walt.unreadable
    assert not tara.unreadable
    assert any(words.SANDBOX["left"] in breach for breach in tara.breaches)
    assert not deniz.breaches
    assert tara.unjudged
    assert not deniz.unjudged
    assert not any(r.by_hand for r in (deniz, tara, walt))


@here
def test_command_writes_page_data_and_table_and_five_lines(small, monkeypatch, capsys):
    monkeypatch.chdir(small / "solutions")
    before = (small / "gradebook.db").read_bytes()
    assert cli.main(["report", UNIT, "--json", str(small / "r.json"), "--csv", str(small / "r.csv")]) == 0
    html = (small / "report" / f"{UNIT}.html").read_text("utf-8")
    assert f'href="../feedback/walt/{UNIT}/{UNIT}.html"' in html
    assert json.loads((small / "r.json").read_text("utf-8"))["submissions"] == 3
    assert rows_of((small / "r.csv").read_text("utf-8"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 + 3
    assert str(small / "report" / f"{UNIT}.html") in lines[5]
    assert (small / "gradebook.db").read_bytes() == before


@here
def test_command_without_a_unit_writes_every_report_and_a_page_over_all(small, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(small)
    page, data, table = tmp_path / "all.html", tmp_path / "r.json", tmp_path / "r.csv"
    assert cli.main(["report", "--html", str(page), "--json", str(data), "--csv", str(table)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{UNIT}: 3 submissions")
    assert f'href="{UNIT}.html"' in page.read_text("utf-8")
    assert 'href="all.html"' in (tmp_path / f"{UNIT}.html").read_text("utf-8")
    assert [one["unit"] for one in json.loads(data.read_text("utf-8"))["units"]] == [UNIT]
    assert {row["unit"] for row in rows_of(table.read_text("utf-8"))} == {UNIT}
    links = [tag["href"] for name, tag in Page(page.read_text("utf-8")).tags if name == "a"]
    pages = [link for link in links if "feedback" in link]
    assert pages
    assert all((tmp_path / link).resolve().is_relative_to(small.resolve() / "feedback") for link in pages)


@here
@pytest.mark.parametrize("form", ["--canvas", "--moodle", "--csv"])
def test_command_that_exports_says_whose_score_it_left_out(form, small, tmp_path, monkeypatch, capsys):
    from nbgrader.api import Gradebook

    monkeypatch.chdir(small)
    assert cli.main(["export", form]) == 0
    assert capsys.readouterr().err == ""
    other = tmp_path / "gradebook.db"
    other.write_bytes((small / "gradebook.db").read_bytes())
    with Gradebook(f"sqlite:///{other}") as book:
        book.find_submission(UNIT, "tara").notebooks[0].grades[0].needs_manual_grade = True
        book.db.commit()
    assert cli.main(["export", form, "--db", f"sqlite:///{other}"]) == 0
    said = capsys.readouterr()
    assert said.err.strip() == report.counted("export_waits", 1, unit=UNIT, names="tara")
    assert (export.WAITS in said.out) if form == "--csv" else ("tara" not in said.out)


@here
@pytest.mark.parametrize("form", ["--canvas", "--moodle", "--csv"])
def test_command_exports_to_the_terminal_or_to_a_file(form, small, monkeypatch, capsys):
    monkeypatch.chdir(small)
    assert cli.main(["export", form]) == 0
    text = capsys.readouterr().out
    assert cli.main(["export", form, UNIT, "--out", str(small / "out.csv")]) == 0
    assert (small / "out.csv").read_bytes().decode() == text
    assert "deniz" in text
    assert not any(entry.startswith("=") for row in csv.reader(io.StringIO(text, newline="")) for entry in row)


@here
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["report", "99_nowhere"], "there is no unit 99_nowhere"),
        (["export", "--csv", "99_nowhere"], "there is no unit 99_nowhere"),
        (["report", UNIT, "--db", "sqlite:////nowhere/gradebook.db"], "there is no gradebook at"),
        (["report", UNIT, "--db", "nonsense"], "cannot be read"),
        (["report", UNIT, "--html", "nowhere/page.html"], "nowhere"),
    ],
)
def test_command_that_cannot_do_its_work_says_why(arguments, says, small, monkeypatch, capsys):
    monkeypatch.chdir(small)
    assert cli.main(arguments) == 1
    assert says in capsys.readouterr().err
    assert not (small / "nowhere").exists()


def test_without_a_gradebook_it_says_so_and_makes_none(tmp_path, monkeypatch, capsys):
    copy_course(ROOT, tmp_path, [UNIT])
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", UNIT]) == 1
    assert "there is no gradebook at" in capsys.readouterr().err
    (tmp_path / "gradebook.db").touch()  # an empty file is none either
    with pytest.raises(CourseError, match="there is no gradebook"):
        results.units(tmp_path)
    assert (tmp_path / "gradebook.db").read_bytes() == b""
    assert not (tmp_path / "report").exists()


@here
def test_where_nothing_was_graded_it_says_what_to_run(small, tmp_path, monkeypatch, capsys):
    from nbgrader.api import Gradebook

    copy_course(ROOT, tmp_path, [UNIT])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", course.environment(tmp_path)["PATH"])
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as book:
        book.add_assignment(UNIT)
    for arguments in (["report", UNIT], ["export", "--csv"], ["export", "--canvas", UNIT]):
        assert cli.main(arguments) == 1
        assert "grader grade" in capsys.readouterr().err


def test_every_unit_of_the_course_has_questions_to_report_on():
    for unit in course.units(ROOT):
        assert [id for id in PACKS.questions if unit.startswith(f"{id.partition('.')[0]}_")]
