"""Statistics of a class in one unit: scores, questions, mistakes, time, and which students need a person.

``analyse`` makes a Report from Results.  ``as_data`` and ``as_csv`` write it for machines, ``report_page.as_html`` for
people.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, sqrt
from typing import Any

import numpy as np

from grader import formatting, words
from grader.classroom import tables
from grader.classroom.result import Person, Result
from grader.errors import NOTES
from grader.pack import Packs
from grader.question import Question
from grader.words import REPORT, Words

FEWEST_TO_JUDGE = 10  # submissions needed to call a question too easy or too hard
FEWEST_TO_CORRELATE = 30  # submissions needed for a correlation; with fewer its standard error is above 0.19
EASY, HARD = 0.9, 0.3  # facility above which a question is too easy, and below which it is too hard
WEAK = 0.2  # discrimination below which a question hardly tells strong students from weak ones

SHARES = ("right", "partly", "wrong", "untouched", "unjudged")  # the outcomes of one question in one submission
KINDS = ("mistake", "error", "other")  # what can be found in a wrong answer, the most informative first
MOST_BARS = 12  # of the histogram
MOST_TIED = 3  # mistakes named where several are equally common
MOST_NAMED = 10  # students named in one line of the terminal


@dataclass(frozen=True)
class Item:
    """The statistics of one graded cell, over the submissions that could be graded.

    id: the cell's.  number, title: of the Question, such as "5.2" and the rest; "" and the id for other cells.
    inside: whether it is an nbgrader test, judged inside the student's process.
    shares: ``{share: number of submissions}`` for all of SHARES.
    mean: of the scores, in points.  facility: mean / points; None without points or submissions.
    facility_tried: the facility over the submissions in which the question was tried.
    discrimination: see ``discrimination``; None for the reason in ``unsaid``, "few" submissions or all the "same".
    flags: keys of REPORT: "flag_easy", "flag_hard", "flag_weak", "flag_negative".
    """

    id: str
    number: str
    title: str
    points: float
    shares: Mapping[str, int]
    mean: float
    facility: float | None
    facility_tried: float | None
    discrimination: float | None
    unsaid: str
    flags: tuple[str, ...]
    inside: bool = False

    @property
    def name(self) -> str:
        return f"{self.number} {self.title}".strip()

    @property
    def tried(self) -> int:
        return sum(self.shares.values()) - self.shares["untouched"]


@dataclass(frozen=True)
class Found:
    """One mistake, error or other finding that wrong answers of this class have in common.

    kind: one of KINDS.  key: of a mistake, of words.ERRORS or, for "other", a Verdict's status.
    lesson: the lesson to repeat, or "".  answers: ``{cell: ids of the students who gave such an answer there}``.
    """

    kind: str
    key: str
    says: Words
    lesson: str
    answers: Mapping[str, tuple[str, ...]]

    @property
    def counts(self) -> dict[str, int]:
        """``{cell: number of answers}``, which is the number of students, since each gives one answer there."""
        return {cell: len(students) for cell, students in self.answers.items()}

    @property
    def students(self) -> tuple[str, ...]:
        """The ids of those who made it anywhere, each once, sorted."""
        return tuple(sorted({student for students in self.answers.values() for student in students}))

    @property
    def total(self) -> int:
        return sum(map(len, self.answers.values()))


@dataclass(frozen=True)
class Spread:
    """The distribution of seconds or bytes over ``count`` submissions.

    p90: the smallest value that nine of ten submissions do not exceed.  who: the student with the largest.
    """

    count: int
    median: float
    p90: float
    largest: float
    who: str


@dataclass(frozen=True)
class Report:
    """The statistics of a class in one unit.

    points: the unit's.  scores: ``{student: total}``, also of submissions that could not be graded.
    graded: the students whose submissions could be.  penalties: ``{student: points off for being late}``.
    unconfined: the students whose code ran without the sandbox.
    late: ``{student: seconds}`` of those who were late, whether or not it cost points, the latest first.
    handed_in: ``{student: when, in UTC}``, as far as known.
    unfinished: the students whose score is not final, because something in it waits for a person.
    people: ``{student: Person}``, as far as known.  missing: those of them who have not handed in.
    """

    unit: str
    points: float
    scores: Mapping[str, float]
    graded: tuple[str, ...]
    items: tuple[Item, ...]
    found: tuple[Found, ...]
    seconds: Spread | None
    memory: Spread | None
    human: Mapping[str, tuple[tuple[str, str], ...]]  # student -> (key of REPORT, sentence), the most serious first
    shares: Mapping[str, Mapping[str, str]]  # student -> {cell: share}
    penalties: Mapping[str, float]
    unconfined: tuple[str, ...]
    late: Mapping[str, float]
    handed_in: Mapping[str, datetime]
    unfinished: tuple[str, ...]
    people: Mapping[str, Person]
    missing: tuple[str, ...]

    def name(self, student: str) -> str:
        """What to call a student: such as "Ada Lovelace (ada)", or the id if the name is not known."""
        return self.people[student].name if student in self.people else student

    def by_name(self, students: Iterable[str]) -> list[str]:
        """Students in the order of a class list: by last name, then first name, then id."""
        return sorted(students, key=lambda student: self.people.get(student, Person(student)).order)

    @property
    def median(self) -> float | None:
        """The median of all scores, also of those that are not final; None without any."""
        return float(np.median(list(self.scores.values()))) if self.scores else None

    @property
    def hardest(self) -> Item | None:
        """The question with the lowest facility; None if none has a facility."""
        return min(self._judged, key=lambda item: item.facility or 0, default=None)

    @property
    def easiest(self) -> Item | None:
        """The question with the highest facility; None if none has a facility."""
        return max(self._judged, key=lambda item: item.facility or 0, default=None)

    @property
    def _judged(self) -> list[Item]:
        return [item for item in self.items if item.facility is not None]

    @property
    def lessons(self) -> list[tuple[str, tuple[str, ...], list[Found]]]:
        """The lessons to repeat: (lesson, the students who made mistakes that it explains, those mistakes).

        Sorted by the number of students, the largest first.
        """
        by: dict[str, list[Found]] = {}
        for found in self.found:
            if found.lesson and found.kind != "other":
                by.setdefault(found.lesson, []).append(found)
        rows = [(lesson, tuple(sorted({s for f in all_ for s in f.students})), all_) for lesson, all_ in by.items()]
        return sorted(rows, key=lambda entry: (-len(entry[1]), entry[0]))


def analyse(unit: str, results: Sequence[Result], packs: Packs, people: Mapping[str, Person] | None = None) -> Report:
    """Make the Report on a unit.

    people: ``{student: Person}`` of everybody in the course; None if not known, and then nobody's work is missing.
    packs: with the unit's questions, for titles, lessons and words.  Cells come in the order of the notebooks.
    Facility, discrimination and mistakes are taken over the submissions that could be graded, since a file that could
    not be read says nothing about a question.
    """
    graded = [result for result in results if not (result.unreadable or result.aside)]
    worth = _worth(results)
    asked = {cell: id for result in results for cell, id in result.questions.items()}
    known = {cell: packs.questions[id] for cell, id in asked.items() if id in packs.questions}
    order = list(dict.fromkeys(cell for result in results for cell in result.order))
    ids = [*(cell for cell in order if cell in worth), *(cell for cell in sorted(worth) if cell not in order)]
    inside = {cell for result in results for cell in result.inside}
    shares = {r.student: {id: share(r, id) for id in ids} for r in results}
    scores = np.array([[r.scores.get(id, 0.0) for id in ids] for r in graded]).reshape(len(graded), len(ids))
    items = (_item(known.get(id), id, worth[id], graded, scores, k, id in inside) for k, id in enumerate(ids))
    return Report(
        unit,
        sum(worth.values()),
        {result.student: result.score for result in results},
        tuple(result.student for result in graded),
        tuple(items),
        tuple(_found(graded, ids, packs)),
        _spread([(r.seconds, r.student) for r in results if r.seconds is not None]),
        _spread([(r.memory, r.student) for r in results if r.memory is not None]),
        {r.student: reasons for r in results if (reasons := tuple(_reasons(r, known)))},
        shares,
        {result.student: result.penalty for result in results if result.penalty},
        tuple(result.student for result in results if result.confined is False),
        {r.student: r.seconds_late for r in sorted(results, key=lambda r: -r.seconds_late) if r.seconds_late > 0},
        {result.student: result.handed_in for result in results if result.handed_in},
        tuple(result.student for result in results if not result.final),
        people or {},
        tuple(sorted(set(people or {}) - {result.student for result in results})),
    )


def share(result: Result, id: str) -> str:
    """The outcome of one graded cell in one submission, one of SHARES.  id: the cell's.

    The score in the gradebook decides, since a person may have changed it; the verdict tells untouched from wrong.
    """
    score, worth, verdict = result.scores.get(id, 0.0), result.points.get(id, 0.0), result.verdicts.get(id)
    if score >= worth and (score > 0 or (verdict or {}).get("status") == "correct"):
        return "right"
    if score > 0:
        return "partly"
    if result.unreadable or result.aside or id in result.unjudged or id in result.by_hand:
        return "unjudged"
    if verdict is None:  # a test that failed, or a person who gave nothing; else it is not known what the cell is
        return "wrong" if id in result.order and id not in result.asked else "unjudged"
    return "untouched" if verdict.get("status") == "unattempted" else "wrong"


def discrimination(scores: np.ndarray, k: int) -> float | None:
    """How well question ``k`` tells strong from weak: the corrected item-total correlation, in [-1, 1].

        r = corr(x_k, T − x_k),   T = the sum over all questions

    This is Pearson's correlation of the question's score with the score on all *other* questions; if it were part of
    the total, it would correlate with itself (Henrysson, "Correction of item-total correlations in item analysis",
    Psychometrika 28, 1963).  scores: (students, questions).  Returns None if either score does not vary, or if there
    are fewer than two students.
    """
    own = scores[:, k]
    rest = scores.sum(axis=1) - own
    if len(own) < 2 or np.ptp(own) < 1e-9 or np.ptp(rest) < 1e-9:
        return None
    return float(np.corrcoef(own, rest)[0, 1])


def standard_error(n: int) -> float:
    """The standard error of a correlation near 0 over n > 3 students: 1/√(n − 3), as for Fisher's z."""
    return 1 / sqrt(n - 3)


def edges(points: float) -> list[float]:
    """The edges of the histogram's bars, one more than there are bars.

    There are at most MOST_BARS, each a whole number of points wide; in a unit of one point or less there are two, each
    half as wide as it.  The last bar ends at full marks, and so may be narrower; it includes them.
    """
    width = max(1, ceil(points / MOST_BARS)) if points > 1 else points / 2 or 1
    return [*(float(width * k) for k in range(max(1, ceil(points / width)))), float(points)]


def histogram(scores: Sequence[float], points: float) -> list[int]:
    """The number of scores in each bar ``[edge, next edge)``; scores from the last edge on count in the last bar."""
    counts = [0] * (len(edges(points)) - 1)
    for score in scores:
        counts[bar(score, points)] += 1
    return counts


def bar(score: float, points: float) -> int:
    """The bar of the histogram to which a score belongs, from 0 on."""
    return bisect_right(edges(points)[:-1], score) - 1


def _worth(results: Sequence[Result]) -> dict[str, float]:
    """``{grade_id: points}`` over all results, since a submission that was set aside may have none."""
    worth: dict[str, float] = {}
    for result in results:
        for id, points in result.points.items():
            worth[id] = max(points, worth.get(id, 0.0))
    return worth


def _item(
    question: Question | None,
    id: str,
    points: float,
    graded: Sequence[Result],
    scores: Any,
    k: int,
    inside: bool,
) -> Item:
    number, title = (question.number, question.name) if question else ("", id)
    told = [share(result, id) for result in graded]
    shares = {name: told.count(name) for name in SHARES}
    own = scores[:, k]
    tried = np.array([name != "untouched" for name in told], dtype=bool)
    mean = float(own.mean()) if len(own) else 0.0
    # There are no statistics of a cell graded by hand until everybody's is graded.
    waits = question is None and not inside and shares["unjudged"] > 0
    facility = mean / points if points and len(own) and not waits else None
    over_tried = float(own[tried].mean()) / points if points and tried.any() and not waits else None
    few = len(graded) < FEWEST_TO_CORRELATE
    r = None if few or waits else discrimination(scores, k)
    flags = []
    if facility is not None and len(graded) >= FEWEST_TO_JUDGE:
        flags += ["flag_easy"] * (facility > EASY) + ["flag_hard"] * (facility < HARD)
    if r is not None and r < WEAK:
        flags.append("flag_negative" if r < 0 else "flag_weak")
    unsaid = "few" if few else "same" if r is None else ""
    return Item(id, number, title, points, shares, mean, facility, over_tried, r, unsaid, tuple(flags), inside)


def _found(graded: Sequence[Result], ids: Sequence[str], packs: Packs) -> list[Found]:
    """The findings in wrong answers, in the order of KINDS, and the most frequent first within each."""
    seen: dict[tuple[str, str, Words], tuple[str, dict[str, list[str]]]] = {}
    for result in graded:
        for id in ids:
            verdict = result.verdicts.get(id, {})
            if verdict.get("status") in (None, "correct", "unattempted"):
                continue
            kind = next((kind for kind in KINDS if verdict.get(kind)), "other")
            key = str(verdict.get(kind) or verdict["status"])
            question, unit = str(verdict.get("question") or ""), str(verdict.get("unit") or "")
            again = kind == "error" and key in NOTES and NOTES[key].again == unit != ""
            # Two packs may give one key to different mistakes, so the words belong to what is counted.
            says = _words(kind, key, again, packs, question)
            _, answers = seen.setdefault((kind, key, says), (packs.lesson(question, unit), {}))
            answers.setdefault(id, []).append(result.student)
    found = [
        Found(kind, key, says, lesson, {id: tuple(students) for id, students in answers.items()})
        for (kind, key, says), (lesson, answers) in seen.items()
    ]
    return sorted(found, key=lambda f: (KINDS.index(f.kind), -f.total, f.says.name, f.key))


def _words(kind: str, key: str, again: bool, packs: Packs, question: str) -> Words:
    """The Words for a finding apart from any single answer: placeholders without a value become letters."""
    unknown, facts = Words(key, "", ""), _Letters(words.REPORT_FACTS)
    if kind == "mistake":
        mistake = packs.mistake(question, key)
        text = mistake.words if mistake else unknown
    else:
        text = (words.STATUSES if kind == "other" else words.AGAIN if again else words.ERRORS).get(key, unknown)
    return Words(*(formatting.fill(part, facts).strip() for part in (text.listed or text.name, text.says, text.why)))


class _Letters(dict[str, str]):
    """Facts in which a missing one is its own name: m for the number of outputs, v for the weight."""

    def __missing__(self, key: str) -> str:
        return key


def _spread(values: Sequence[tuple[float, str]]) -> Spread | None:
    if not values:
        return None
    numbers = sorted(value for value, _ in values)
    largest, who = max(values)
    return Spread(len(values), float(np.median(numbers)), numbers[ceil(0.9 * len(numbers)) - 1], largest, who)


def _reasons(result: Result, known: Mapping[str, Question]) -> Iterator[tuple[str, str]]:
    """Why a person should look at this submission: (key of REPORT, sentence), the most serious first."""

    def name(id: str) -> str:
        return known[id].number or known[id].name if id in known else id

    if result.aside:
        yield "needs_aside", result.aside
    if result.unreadable:
        yield from (("needs_unreadable", remark) for remark in result.remarks or ("",))
    yield from (("needs_limit", breach) for breach in result.breaches)
    same: dict[str, list[str]] = {}
    for id, why in result.unjudged.items():
        same.setdefault(why, []).append(name(id))
    yield from (("needs_stopped", f"{', '.join(which)}: {why}") for why, which in same.items())
    if result.by_hand:
        yield "needs_hand", ", ".join(map(name, result.by_hand))
    if not result.unreadable:
        yield from (("needs_mended", remark) for remark in result.remarks)


# --- for machines


def as_data(report: Report) -> dict[str, Any]:
    """Everything in a Report as plain data, ready for JSON."""
    totals = sorted(report.scores.values())
    return {
        "unit": report.unit,
        "points": report.points,
        "submissions": len(report.scores),
        "graded": len(report.graded),
        "unconfined": list(report.unconfined),
        "unfinished": list(report.unfinished),
        "missing": list(report.missing),
        "median": report.median,
        "most_common": [found.key for found in most_common(report)],
        "histogram": {"edges": edges(report.points), "counts": histogram(totals, report.points)},
        "questions": [
            {
                "id": item.id,
                "title": item.name,
                "inside": item.inside,
                "points": item.points,
                **item.shares,
                "tried": item.tried,
                "mean": item.mean,
                "facility": item.facility,
                "facility_tried": item.facility_tried,
                "discrimination": item.discrimination,
                "discrimination_unsaid": item.unsaid,
                "flags": [flag.removeprefix("flag_") for flag in item.flags],
            }
            for item in report.items
        ],
        "mistakes": [
            {
                "kind": found.kind,
                "key": found.key,
                "name": found.says.name,
                "explanation": explanation(found),
                "lesson": found.lesson,
                "answers": found.total,
                "students": list(found.students),
                "by_question": dict(found.counts),
            }
            for found in report.found
        ],
        "seconds": vars(report.seconds) if report.seconds else None,
        "memory": vars(report.memory) if report.memory else None,
        "students": [
            {
                "student": student,
                "name": report.name(student),
                "score": score,
                "final": student not in report.unfinished,
                "penalty": report.penalties.get(student, 0.0),
                "handed_in": when.isoformat() + "Z" if (when := report.handed_in.get(student)) else None,
                "seconds_late": report.late.get(student, 0.0),
                "questions": report.shares[student],
                "needs": [
                    {"reason": key.removeprefix("needs_"), "says": says} for key, says in report.human.get(student, ())
                ],
            }
            for student, score in report.scores.items()
        ],
    }


CSV_COLUMNS = ("unit", "question", "student", "measure", "key", "value", "says")


def as_csv(*reports: Report) -> str:
    """The data of ``as_data`` as CSV: one tidy table with CSV_COLUMNS, and one number or sentence in each row.

    A score that is not final is left empty, and has the key "unfinished".
    """
    return tables.as_csv([CSV_COLUMNS, *(row for report in reports for row in _rows(report))])


def _rows(report: Report) -> list[tuple[object, ...]]:
    data = as_data(report)
    rows: list[tuple[object, ...]] = []

    def add(measure: str, value: object, question: str = "", student: str = "", key: str = "", says: str = "") -> None:
        value = tables.plain(value) if isinstance(value, (int, float)) else value
        rows.append((report.unit, question, student, measure, key, value, says))

    for measure in ("submissions", "graded", "points", "median"):
        add(measure, data[measure])
    for edge, count in zip(data["histogram"]["edges"], data["histogram"]["counts"], strict=False):
        add("scores_from", count, key=str(tables.plain(edge)))
    for item in data["questions"]:
        for measure in (*SHARES, "tried", "points", "mean", "facility", "facility_tried", "discrimination"):
            add(measure, item[measure], item["id"], says=item["title"] if measure == "points" else "")
        for flag in item["flags"]:
            add("flag", 1, item["id"], key=flag)
    for found in data["mistakes"]:
        for question, count in found["by_question"].items():
            add(found["kind"], count, question, key=found["key"], says=found["name"])
        add("lesson", found["lesson"], key=found["key"], says=found["explanation"])
    for measure in ("seconds", "memory"):
        for key, value in (data[measure] or {}).items():
            add(measure, value, key=key)
    for student in data["students"]:
        score, key = (student["score"], "") if student["final"] else (None, "unfinished")
        add("score", score, student=student["student"], key=key)
        for measure in ("penalty", "handed_in", "seconds_late"):
            add(measure, student[measure], student=student["student"])
        for question, became in student["questions"].items():
            add("became", became, question, student["student"])
        for need in student["needs"]:
            add("needs", 1, student=student["student"], key=need["reason"], says=need["says"])
    for student in data["missing"]:
        add("missing", 1, student=student)
    return rows


def explanation(found: Found) -> str:
    """What a finding means, in one or more sentences; "" if there is only its name."""
    says = f"{found.says.says[:1].upper()}{found.says.says[1:]}"
    return f"{says} {found.says.why}".strip()


def most_common(report: Report) -> list[Found]:
    """The mistakes or errors that most students made: one, or several that tie, or none; the most answers first."""
    named = [found for found in report.found if found.kind != "other"]
    most = max((len(found.students) for found in named), default=0)
    return sorted((found for found in named if len(found.students) == most), key=lambda found: -found.total)


def tied(found: Sequence[Found]) -> str:
    """The names of mistakes that tie, at most MOST_TIED of them, in one phrase.  found: of ``most_common``."""
    names = "; ".join(one.says.name for one in found[:MOST_TIED])
    more = len(found) - MOST_TIED
    return REPORT["tie_more"].format(names=names, count=more) if more > 0 else names


def summary(report: Report) -> list[str]:
    """At most six lines for a terminal; the last, about scores that are not final, only where there are such."""
    totals = list(report.scores.values())
    lines = [
        REPORT["sum_class"].format(
            submissions=len(totals), graded=len(report.graded), unit=report.unit, confined=_trust(report)
        ),
        REPORT["sum_scores"].format(
            median=formatting.of(report.median or 0.0),
            points=formatting.of(report.points),
            full=sum(total >= report.points for total in totals),
            none=sum(total == 0 for total in totals),
        )
        + _lateness(report),
    ]
    hardest, easiest = report.hardest, report.easiest
    if hardest and easiest:
        lines.append(
            REPORT["sum_questions"].format(
                hardest=hardest.name,
                low=f"{hardest.facility:.2f}",
                easiest=easiest.name,
                high=f"{easiest.facility:.2f}",
            )
        )
    top = most_common(report)
    if len(top) > 1:
        who = counted("each", len(top[0].students))
        lines.append(REPORT["sum_tie"].format(count=len(top), who=who, names=tied(top)))
    elif top:
        said = REPORT["sum_mistake" if top[0].lesson else "sum_mistake_only"]
        who = counted("who", len(top[0].students))
        lines.append(said.format(name=top[0].says.name, who=who, lesson=top[0].lesson))
    else:
        lines.append(REPORT["sum_no_mistake"])
    lines.append(counted("sum_human", len(report.human)))
    if report.unfinished:
        lines.append(counted("sum_unfinished", len(report.unfinished), names=_some(report)))
    return lines


def _some(report: Report) -> str:
    """The names of those whose score is not final, at most MOST_NAMED of them."""
    who = report.by_name(report.unfinished)
    names = ", ".join(map(report.name, who[:MOST_NAMED]))
    more = len(who) - MOST_NAMED
    return REPORT["names_more"].format(names=names, count=more) if more > 0 else names


def counted(key: str, count: int, **facts: object) -> str:
    """The sentence of REPORT under ``key`` about ``count`` things, or that under ``key_one`` if it is 1."""
    return REPORT[f"{key}_one" if count == 1 else key].format(count=count, **facts)


def _trust(report: Report) -> str:
    """Sentences on why scores may be unreliable; "" if there is no reason."""
    inside = sum(item.inside for item in report.items)
    said = REPORT["sum_unconfined"].format(count=len(report.unconfined)) if report.unconfined else ""
    return said + (counted("sum_inside", inside) if inside else "")


def _lateness(report: Report) -> str:
    paid = sum(student in report.penalties for student in report.late)
    return REPORT["sum_late"].format(count=len(report.late), paid=paid) if report.late else ""
