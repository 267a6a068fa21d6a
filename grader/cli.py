"""The ``grader`` command: run a demo, format and release notebooks, grade a class, report and export its grades."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

from grader import words
from grader.files import write_whole
from grader.words import COMMANDS, PACKS, REPORT

if TYPE_CHECKING:
    from grader.classroom import workers
    from grader.classroom.result import Result
    from grader.demo.sample import Student
    from grader.nbgrader.command import Outcome
    from grader.pack import Packs

SECONDS_BETWEEN_LINES = 5.0  # between lines of progress, if the output is not a terminal
MARKER = ".grader-demo"  # marks a folder that a demo made, and that a demo may therefore replace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    arguments: the command line after the program's name; None takes it from ``sys.argv``.
    0: success.  1: the command failed, or found something wrong.  2: no command was given.  130: interrupted.
    Raises SystemExit for wrong usage and for ``--help``, as argparse does.
    """
    from grader.classroom import CourseError
    from grader.sandbox import SandboxError

    parser = _parser()
    options = parser.parse_args(arguments)
    if "run" not in options:
        parser.print_help()
        return 2
    try:
        status: int = options.run(options)
    except (CourseError, SandboxError, ValueError, OSError) as why:
        print(f"grader {options.command}: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\n" + COMMANDS["interrupted"], file=sys.stderr)
        return 130
    return status


def command() -> NoReturn:
    """The entry point of the ``grader`` program: run ``main`` and exit with its status."""
    status = main()
    gc.freeze()  # else the last garbage collection spends half a second scanning torch's and nbgrader's objects
    sys.exit(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="grader", description=COMMANDS["help"])
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    demo = commands.add_parser("demo", help=COMMANDS["help_demo"], description=COMMANDS["help_demo"])
    demo.add_argument("folder", nargs="?", type=Path, default=Path("demo"), help=COMMANDS["help_demo_folder"])
    demo.add_argument("--student", action="append", metavar="NAME", help=COMMANDS["help_demo_student"])
    demo.set_defaults(run=_demo)

    form = commands.add_parser("format", help=COMMANDS["help_format"], description=COMMANDS["help_format"])
    form.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=COMMANDS["help_paths"])
    form.add_argument("--check", action="store_true", help=COMMANDS["help_check"])
    form.set_defaults(run=_format)

    release = commands.add_parser("release", help=COMMANDS["help_release"], description=COMMANDS["help_release"])
    release.add_argument("units", nargs="*", metavar="UNIT", help=COMMANDS["help_units"])
    release.add_argument("--check", action="store_true", help=COMMANDS["help_check"])
    release.set_defaults(run=_release)

    handout = commands.add_parser("handout", help=COMMANDS["help_handout"], description=COMMANDS["help_handout"])
    handout.add_argument("folder", type=Path, metavar="FOLDER", help=COMMANDS["help_handout_folder"])
    handout.add_argument("--lessons", action="store_true", help=COMMANDS["help_handout_lessons"])
    handout.set_defaults(run=_handout)

    grade = commands.add_parser("grade", help=COMMANDS["help_grade"], description=COMMANDS["help_grade"])
    grade.add_argument("unit", metavar="UNIT", help=COMMANDS["help_grade_unit"])
    grade.add_argument("--student", action="append", default=[], metavar="ID", help=COMMANDS["help_grade_student"])
    grade.add_argument("--jobs", type=_positive, metavar="N", help=COMMANDS["help_jobs"])
    grade.add_argument("--dask", metavar="ADDRESS", help=COMMANDS["help_dask"])
    grade.add_argument("--db", metavar="URL", help=COMMANDS["help_db"])
    grade.add_argument("--force", action="store_true", help=COMMANDS["help_force"])
    grade.add_argument("--no-sandbox", action="store_true", help=COMMANDS["help_no_sandbox"])
    grade.add_argument(
        "--limit", action="append", default=[], type=_limit, metavar="NAME=N", help=COMMANDS["help_limit"]
    )
    grade.add_argument("--json", action="store_true", help=COMMANDS["help_json"])
    grade.set_defaults(run=_grade)
    report = commands.add_parser("report", help=REPORT["help_report"], description=REPORT["help_report"])
    report.add_argument("unit", nargs="?", metavar="UNIT", help=REPORT["help_unit"])
    report.add_argument("--html", type=Path, metavar="FILE", help=REPORT["help_html"])
    report.add_argument("--json", type=Path, metavar="FILE", help=REPORT["help_json"])
    report.add_argument("--csv", type=Path, metavar="FILE", help=REPORT["help_csv"])
    report.add_argument("--db", metavar="URL", help=REPORT["help_db"])
    report.set_defaults(run=_report)

    export = commands.add_parser("export", help=REPORT["help_export"], description=REPORT["help_export"])
    form_of_export = export.add_mutually_exclusive_group(required=True)
    for name in ("canvas", "moodle", "csv"):
        form_of_export.add_argument(
            f"--{name}", dest="form", action="store_const", const=name, help=REPORT[f"help_to_{name}"]
        )
    export.add_argument("units", nargs="*", metavar="UNIT", help=REPORT["help_units"])
    export.add_argument("--out", type=Path, metavar="FILE", help=REPORT["help_out"])
    export.add_argument("--db", metavar="URL", help=REPORT["help_db"])
    export.set_defaults(run=_export)

    doctor = commands.add_parser("doctor", help=COMMANDS["help_doctor"], description=COMMANDS["help_doctor"])
    doctor.set_defaults(run=_doctor)

    questions = commands.add_parser("questions", help=COMMANDS["help_questions"])
    questions.set_defaults(run=_questions)

    check = commands.add_parser("check-pack", help=COMMANDS["help_check_pack"], description=COMMANDS["help_check_pack"])
    check.add_argument("pack", metavar="PACK", help=COMMANDS["help_pack"])
    check.add_argument("--answers", type=Path, metavar="PATH", help=COMMANDS["help_answers"])
    check.set_defaults(run=_check_pack)
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(COMMANDS["not_positive"])
    return number


def _limit(text: str) -> tuple[str, float | int]:
    """Parse ``NAME=N``, where NAME is one of the sandbox's limits, into (name, number)."""
    from grader.sandbox.limits import Limits

    name, _, number = text.partition("=")
    known = {field.name: type(getattr(Limits, field.name)) for field in dataclasses.fields(Limits)}
    try:
        value = known[name](number)
    except (KeyError, ValueError):
        raise argparse.ArgumentTypeError(COMMANDS["no_such_limit"].format(known=", ".join(known))) from None
    return name, value


def _handout(options: argparse.Namespace) -> int:
    from grader.nbgrader import course, handout

    done = handout.lay_out(course.find(Path.cwd()), options.folder, exercises=not options.lessons)
    for name in done.kept:
        print(COMMANDS["handout_kept"].format(path=options.folder / name), file=sys.stderr)
    print(COMMANDS["handout_done"].format(folder=options.folder, new=len(done.new), updated=len(done.updated)))
    return 0


def _grade(options: argparse.Namespace) -> int:
    """Grade a class; returns 0 if every student has a grade, else 1."""
    from grader.nbgrader import course
    from grader.sandbox.forkserver import ForkServer

    folder = course.find(Path.cwd())
    # The fork server takes seconds to import torch; meanwhile this process imports nbgrader.
    with contextlib.ExitStack() as stack:
        fork_server = None if options.dask else ForkServer.started()
        stack.enter_context(fork_server or contextlib.nullcontext())
        from grader.classroom import processes, workers
        from grader.nbgrader import command
        from grader.nbgrader.folders import Course

        template = None if options.dask else processes.Template.made(command.PRELOAD)  # before any file is open
        stack.enter_context(template or contextlib.nullcontext())
        gc.freeze()  # imported modules stay, and what follows makes few reference cycles
        gc.set_threshold(50_000, 20, 100)
        here = Course(folder, options.unit, options.db)
        confined = False if options.no_sandbox else None

        def make_workers() -> workers.Workers:
            if options.dask:
                return workers.DaskWorkers(options.dask)
            return command.local_workers(options.jobs or os.cpu_count() or 1, fork_server, template)

        with _progress(options.unit) as progress:

            def on_progress(outcome: Outcome, count: int) -> None:
                progress(len(outcome.graded) + len(outcome.unchanged) + len(outcome.failed), count, len(outcome.failed))

            outcome = command.grade_class(
                here, make_workers, options.student, options.force, confined, dict(options.limit), on_progress
            )
    if options.json:
        text = json.dumps(dataclasses.asdict(outcome), ensure_ascii=False, indent=1)
        # Lone surrogates, from folder names that are not UTF-8, are escaped in JSON's notation; all else is UTF-8.
        print(text.encode("utf-8", "backslashreplace").decode())
    else:
        _tell(outcome)
    return int(bool(outcome.failed))


@contextlib.contextmanager
def _progress(unit: str) -> Iterator[Callable[[int, int, int], None]]:
    """Show the progress of a run on stderr: as a bar on a terminal, else as a line every few seconds."""
    from tqdm import tqdm

    bar = tqdm(desc=unit, unit=COMMANDS["submissions"], file=sys.stderr, disable=not sys.stderr.isatty())
    start = last = 0.0  # the clock starts with the first submission: workers take some seconds to get ready

    def progress(done: int, count: int, failed: int) -> None:
        nonlocal start, last
        bar.total = count
        bar.set_postfix_str(COMMANDS["failures"].format(count=failed) if failed else "", refresh=False)
        bar.update(done - bar.n)
        now = time.monotonic()
        start, last = (start, last) if start else (now, now)
        if bar.disable and (done == count or now - last >= SECONDS_BETWEEN_LINES):
            last = now
            bar.n = done
            rate = (done - 1) / (now - start) if now > start else 0.0
            left = (count - done) / rate if rate else 0.0
            text = COMMANDS["progress"].format(unit=unit, done=done, count=count, rate=rate, left=left, failed=failed)
            print(text, file=sys.stderr, flush=True)

    try:
        yield progress
    finally:
        bar.close()


def _tell(outcome: Outcome) -> None:
    """Print the outcome of a run: how many were graded, unchanged and failed; remarks; and why grading failed."""
    for name, students in (("graded", outcome.graded), ("unchanged", outcome.unchanged), ("failed", outcome.failed)):
        print(f"{COMMANDS[f'column_{name}']:10} {len(students):6}")
    remarked = sorted((grade for grade in outcome.graded if grade.remarks), key=lambda grade: grade.student)
    rows = [*((grade.student, "; ".join(grade.remarks)) for grade in remarked)]
    wide = max((len(student) for student, _ in [*rows, *outcome.failed.items()]), default=0)
    for head, lines in (("remarked", rows), ("failures_head", [*outcome.failed.items()])):
        if lines:
            print("\n" + COMMANDS[head])
            print("\n".join(f"  {_printable(student):{wide}}  {_printable(why)}" for student, why in lines))
    if not outcome.confined:
        print("\n" + COMMANDS["not_confined"])


def _printable(text: str) -> str:
    """``text`` made safe for a terminal: a student chose the folder's name, and perhaps the error's text."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _doctor(options: argparse.Namespace) -> int:
    from grader.classroom import CourseError
    from grader.pack import PackError
    from grader.sandbox.doctor import report

    lines, well = report()
    print("\n".join(lines))
    try:
        for one in _packs().packs:
            print(PACKS["at_hand"].format(name=one.name, count=len(one.questions), file=one.source.file))
    except (PackError, CourseError) as why:
        print(why)
        well = False
    return int(not well)


def _questions(options: argparse.Namespace) -> int:
    every = _packs().questions.values()
    wide = max((len(q.id) for q in every), default=0)
    for q in every:
        stars = "★" * q.stars + "☆" * (5 - q.stars)
        print(f"{q.id:{wide}}  {stars}  {q.minutes:3} min  {q.points} p  {q.title}")
    return 0


def _packs() -> Packs:
    """The packs available: those of the course that contains this folder, or else those installed and those in it.

    Raises PackError and CourseError.
    """
    from grader import pack
    from grader.nbgrader import course, released

    here = Path.cwd()
    if any((folder / course.CONFIG).exists() for folder in (here, *here.parents)):
        return released.packs(course.directory(course.find(here)))
    return pack.Packs(map(pack.loaded, [*pack.installed(), *pack.beside(here)]))


def _check_pack(options: argparse.Namespace) -> int:
    """Print what a pack lacks; returns 0 if it follows every rule, else 1."""
    from grader import pack, rules

    path = Path(options.pack)
    if path.exists() or path.with_suffix(".py").exists():
        source = pack.of_path(path if path.exists() else path.with_suffix(".py"))
    else:
        there = {source.name: source for source in pack.installed()}
        if options.pack not in there:
            raise ValueError(COMMANDS["no_such_pack"].format(pack=options.pack, known=", ".join(there)))
        source = there[options.pack]
    loaded = pack.loaded(source)
    wrong, right = _answers(options.answers, Path(source.file).parent) if options.answers else (None, None)
    found = rules.broken(list(loaded.questions.values()), wrong, right)
    print("\n".join(rules.lines(found)))
    return int(any(finding.broken for finding in found))


def _answers(path: Path, beside: Path) -> tuple[list[Any], list[Any]]:
    """The entries of WRONG and RIGHT in a file, or in all files of a folder, which may import from ``beside``."""
    import runpy

    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    if not path.exists() or not files:
        raise ValueError(COMMANDS["no_such_path"].format(path=path))
    sys.path.insert(0, str(beside))
    try:
        run = [runpy.run_path(str(file)) for file in files if file.name != "__init__.py"]
    finally:
        sys.path.remove(str(beside))
    return [entry for one in run for entry in one.get("WRONG", ())], [e for one in run for e in one.get("RIGHT", ())]


def _format(options: argparse.Namespace) -> int:
    from grader.canonical import format_file

    paths = []
    for path in options.paths:
        if not path.exists():
            raise ValueError(COMMANDS["no_such_path"].format(path=path))
        found = sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]
        paths += [p for p in found if ".ipynb_checkpoints" not in p.parts]
    changed = [path for path in paths if format_file(path, check=options.check)]
    for path in changed:
        print(COMMANDS["not_canonical" if options.check else "formatted"].format(path=path))
    return int(bool(changed) and options.check)


def _release(options: argparse.Namespace) -> int:
    from grader.nbgrader import course

    root = course.find(Path.cwd())
    known = course.units(root)
    unknown = sorted(set(options.units) - set(known))
    if unknown:
        raise ValueError(COMMANDS["no_such_unit"].format(unit=unknown[0], known=", ".join(known)))
    if not known:
        dirs = course.directory(root)
        where = dirs.format_path(dirs.source_directory, ".", "UNIT")
        raise ValueError(COMMANDS["no_units"].format(where=where))
    with tempfile.TemporaryDirectory() as scratch:
        differing = course.release(root, Path(scratch), options.units or known, options.check)
    for path in differing:
        print(COMMANDS["drifted" if options.check else "released"].format(path=os.path.relpath(path, root)))
    return int(bool(differing) and options.check)


def _report(options: argparse.Namespace) -> int:
    """Write the report on a unit, or those on all graded units and a page over all of them."""
    from grader.classroom import overview, report, report_page
    from grader.nbgrader import course, released, results

    root, db = course.find(Path.cwd()), options.db
    in_gradebook = results.units(root, db)
    _known(root, [options.unit] if options.unit else [], in_gradebook)
    found = {unit: results.results(root, unit, db) for unit in ([options.unit] if options.unit else in_gradebook)}
    if not any(found.values()):
        raise ValueError(REPORT["nothing"].format(unit=options.unit) if options.unit else REPORT["nothing_at_all"])
    dirs, people = course.directory(root), results.people(root, db)
    packs, when = released.packs(dirs), f"{date.today():%Y-%m-%d}"
    reports = [report.analyse(unit, of_unit, packs, people) for unit, of_unit in found.items() if of_unit]
    page = (options.html or root / "report" / f"{options.unit or 'index'}.html").resolve()
    if not options.html:
        page.parent.mkdir(exist_ok=True)
    notebooks = {one.unit: results.notebooks(root, one.unit, db) for one in reports}

    def pages_of(unit: str, student: str) -> list[tuple[str, str]]:
        folder = Path(dirs.format_path(dirs.feedback_directory, student, unit))
        return [(name, _link(folder / f"{name}.html", page.parent)) for name in notebooks[unit]]

    above = page if not options.unit else page.parent / "index.html"
    back = quote(above.name) if not options.unit or above.exists() else ""
    written = {
        page if options.unit else page.parent / f"{one.unit}.html": report_page.as_html(
            one, functools.partial(pages_of, one.unit), when, back
        )
        for one in reports
    }
    if not options.unit:
        ungraded = [unit for unit, of_unit in found.items() if not of_unit]
        written[page] = overview.as_html(reports, people, lambda unit: quote(f"{unit}.html"), pages_of, when, ungraded)
    if options.json:
        data = [report.as_data(one) for one in reports]
        text = json.dumps(data[0] if options.unit else {"units": data}, indent=1, ensure_ascii=False)
        written[options.json] = text + "\n"
    if options.csv:
        written[options.csv] = report.as_csv(*reports)
    for path, text in written.items():
        write_whole(path, text)
    lines = report.summary(reports[0]) if options.unit else overview.summary(reports)
    print("\n".join(map(_printable, lines)))
    for path in written:
        print(REPORT["written"].format(path=path))
    return 0


def _link(page: Path, folder: Path) -> str:
    """The URL of ``page``, relative to ``folder`` where possible, for a link from a page in that folder."""
    try:
        return quote(Path(os.path.relpath(page, folder)).as_posix())
    except ValueError:  # another drive
        return page.resolve().as_uri()


def _export(options: argparse.Namespace) -> int:
    from grader.classroom import export, report
    from grader.nbgrader import course, results

    root = course.find(Path.cwd())
    db = options.db
    in_gradebook = results.units(root, db)
    _known(root, options.units, in_gradebook)
    found = {unit: results.results(root, unit, db) for unit in options.units or in_gradebook}
    for unit in options.units:
        if not found[unit]:
            raise ValueError(REPORT["nothing"].format(unit=unit))
    graded = {unit: results for unit, results in found.items() if results}
    if not graded:
        raise ValueError(REPORT["nothing_at_all"])
    people = results.people(root, db)
    if options.form == "csv":
        text = export.long(graded)
    else:
        make = export.canvas if options.form == "canvas" else export.moodle
        text = make(graded, people)
    if options.out:
        write_whole(options.out, text)
        print(REPORT["written"].format(path=options.out), file=sys.stderr)
    else:
        sys.stdout.write(text)
    for unit, students in export.unfinished(graded).items():
        names = _printable(", ".join(people[student].name if student in people else student for student in students))
        print(report.counted("export_waits", len(students), unit=unit, names=names), file=sys.stderr)
    return 0


def _known(root: Path, named: Sequence[str], in_gradebook: Sequence[str]) -> None:
    """Raise ValueError if one of the units named is in neither the course nor the gradebook."""
    from grader.nbgrader import course

    known = sorted({*course.units(root), *in_gradebook})
    for unit in named:
        if unit not in known:
            raise ValueError(COMMANDS["no_such_unit"].format(unit=unit, known=", ".join(known)))


def _demo(options: argparse.Namespace) -> int:
    """Take the sample class through nbgrader in ``folder``: release, hand in, autograde, make feedback, export."""
    from grader.demo.sample import CLASS, UNIT, hand_in, lay_out
    from grader.nbgrader import course
    from grader.nbgrader.results import results

    students = [s for s in CLASS if not options.student or s.name in options.student]
    if not students:
        raise ValueError(COMMANDS["no_such_student"].format(known=", ".join(s.name for s in CLASS)))
    folder = options.folder.resolve()
    if folder.exists():
        if not (folder / MARKER).exists() and any(folder.iterdir()):
            raise ValueError(COMMANDS["demo_in_the_way"].format(folder=folder))
        shutil.rmtree(folder)
    lay_out(folder)
    (folder / MARKER).touch()
    state = folder / ".state"

    print(COMMANDS["demo_starts"].format(count=len(students), unit=UNIT, folder=folder), flush=True)
    course.nbgrader(folder, state, "generate_assignment", UNIT)
    hand_in(folder, students)
    seen = 0

    def progress(line: str) -> None:
        nonlocal seen
        if "] Autograding " in line:
            seen += 1
            name = Path(line.rpartition(" ")[2]).parent.parent.name
            print(f"  {seen:2}/{len(students)} {name}", flush=True)

    course.nbgrader(folder, state, "autograde", UNIT, line=progress)
    print(COMMANDS["demo_feedback"], flush=True)
    course.nbgrader(folder, state, "generate_feedback", UNIT)
    course.nbgrader(folder, state, "export")
    found = {result.student: result for result in results(folder, UNIT)}
    return _show(students, found, folder, UNIT)


def _show(students: Sequence[Student], found: Mapping[str, Result], folder: Path, unit: str) -> int:
    """Print the class as a table; returns 0 if every student got exactly the scores that the sample expects, else 1."""
    from grader.card import MARKS, WRONG
    from grader.nbgrader import course, released

    packs = released.packs(course.directory(folder))
    first = next(iter(found.values()))
    asked = {cell: first.asked[cell] for cell in first.order if cell in first.asked}  # cell -> question id
    questions = {cell: packs.questions[id] for cell, id in asked.items()}
    points = {id: float(packs.questions[id].points) for id in asked.values()}
    wide = max(len(s.story) for s in students)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10**6
    print(f"\n{'':8} {'':{wide}}  {COMMANDS['column_questions']:{len(asked)}}  {COMMANDS['column_score']}")
    amiss = []
    for student in students:
        result = found[student.name]
        expected = student.expected(points)
        if result.scores != {cell: expected[id] for cell, id in asked.items()}:
            amiss.append(student.name)
        marks, said = "", list(result.remarks)
        for cell, q in questions.items():
            verdict = result.verdicts.get(cell, {})
            status = verdict.get("status", "")
            marks += MARKS.get(status, WRONG)[0]
            if verdict.get("mistake"):
                said.append(f"{q.number} {q.mistake(verdict['mistake']).words.name}")
            elif verdict.get("error"):
                said.append(f"{q.number} {words.ERRORS[verdict['error']].name}")
        score = f"{result.score:g}/{sum(points.values()):g}"
        line = f"{student.name:8} {student.story:{wide}}  {marks}  {score:>6}  {'; '.join(said)}".rstrip()
        print(line if len(line) <= width else line[: width - 1] + "…")
    print()
    if amiss:
        print(COMMANDS["demo_amiss"].format(names=", ".join(amiss)))
    else:
        print(COMMANDS["demo_right"].format(count=len(students)))
    print()
    with contextlib.chdir(folder):
        failed = main(["report", unit])
    shown = max(students, key=lambda student: _mistakes(found[student.name]))
    page = Path("feedback", shown.name, unit, f"{unit}.html")
    report = folder / "report" / f"{unit}.html"
    print("\n" + COMMANDS["demo_look"].format(student=shown.name, page=folder / page, report=report))
    print(COMMANDS["demo_besides"].format(gradebook=folder / "gradebook.db", grades=folder / "grades.csv"))
    return int(bool(amiss) or failed)


def _mistakes(result: Result) -> int:
    """In how many answers a mistake was named."""
    return sum(bool(verdict.get("mistake")) for verdict in result.verdicts.values())


if __name__ == "__main__":
    command()
