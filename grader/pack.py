"""Packs: the questions that a course brings; the grader itself has none.

A pack is a Python module or package that has ``QUESTIONS``, a list of Questions, and may say where its lessons and
exercises are, in ``LESSONS``, ``EXERCISES``, ``TITLES``, ``SECTIONS`` and ``WEBSITE``; see ``Pack``.  The functions
that students are handed are in separate modules, which import only libraries: the text of these modules is the only
part of a pack that ever reaches a student's process.

A pack is either installed, with an entry point in the group ``grader.packs``, or a file or folder of a course, beside a
notebook or named in ``nbgrader_config.py``.  It is read as text first, since workers and fingerprints use its text.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import linecache
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from grader import words
from grader.judge import Verdict
from grader.mistakes import Mistake
from grader.question import Question
from grader.words import PACKS

GROUP = "grader.packs"
QUESTIONS, WEBSITE = "QUESTIONS", "WEBSITE"  # the names that a pack's module has, and these
MAPPINGS = ("LESSONS", "EXERCISES", "TITLES", "SECTIONS")
CONFIG = "nbgrader_config.py"  # marks a course's folder


class PackError(ValueError):
    """Raised if a pack cannot be used; the message names file and line, and says what to do.

    ids: the questions that are in two packs, if that is why.
    """

    ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Source:
    """A pack as text, complete.

    name: of the module that has the questions.
    modules: ``{dotted name: (file, text)}``; the file is for messages only.
    installed: whether it was found by its entry point.
    """

    name: str
    modules: Mapping[str, tuple[str, str]]
    installed: bool = False

    @property
    def file(self) -> str:
        """The file that holds the questions."""
        return self.modules[self.name][0]

    @cached_property
    def digest(self) -> str:
        """A digest of all texts; it does not depend on where the files are."""
        parts = [self.name, *(f"{name}\0{text}" for name, (_, text) in sorted(self.modules.items()))]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def line_of(self, id: str) -> tuple[str, int]:
        """(file, line) of the first place where a question's id occurs in quotes; of the first line if it does not."""
        for file, text in self.modules.values():
            for number, line in enumerate(text.splitlines(), 1):
                if f'"{id}"' in line or f"'{id}'" in line:
                    return file, number
        return self.file, 1


@dataclass(frozen=True)
class Pack:
    """A pack, ready for use.

    questions: ``{id: Question}``, in the order in which the pack lists them.
    lessons: ``{unit: where its lesson is}``, a path in the course, or an address.
    exercises: ``{unit: where the notebook with its exercises is}``, a path in a student's folder.
    titles: ``{unit: title}``.
    sections: ``{id of a question, or key of a mistake or an error: (unit, heading of its lesson that explains it)}``.
    website: the address under which ``lessons/NAME.html`` shows each lesson, with a slash at its end; "" without one.
    functions: ``{function that students are handed: (key of its module, its name)}``.
    modules: ``{key: text}`` of these modules.
    """

    source: Source
    questions: Mapping[str, Question]
    lessons: Mapping[str, str]
    exercises: Mapping[str, str]
    titles: Mapping[str, str]
    sections: Mapping[str, tuple[str, str]]
    website: str
    functions: Mapping[Callable[..., Any], tuple[str, str]]
    modules: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.source.name


class Packs:
    """Several packs together."""

    def __init__(self, packs: Iterable[Pack], course: Path | None = None):
        """Raises PackError if two packs have a question of the same id; the same pack twice counts once.

        course: the folder of the course that uses them, if it is known.
        """
        self.course = course
        self.packs = tuple({pack.source.digest: pack for pack in packs}.values())
        self.questions: dict[str, Question] = {}
        self._of: dict[str, Pack] = {}
        for pack in self.packs:
            for id, question in pack.questions.items():
                if id in self._of:
                    both = [f"{file}:{line}" for file, line in (p.source.line_of(id) for p in (self._of[id], pack))]
                    twice = PackError(PACKS["same_id"].format(id=id, one=both[0], other=both[1]))
                    twice.ids = frozenset(self._of.keys() & pack.questions.keys())
                    raise twice
                self.questions[id], self._of[id] = question, pack

    def only(self, ids: Iterable[str]) -> Packs:
        """The packs that these questions come from."""
        named = {self._of[id].source.digest for id in ids}
        return Packs(pack for pack in self.packs if pack.source.digest in named)

    def pack_of(self, id: str) -> Pack | None:
        """The pack of a question; None if there is no such question."""
        return self._of.get(id)

    def where(self, id: str) -> str:
        """``file:line`` of a question."""
        file, line = self._of[id].source.line_of(id)
        return f"{file}:{line}"

    def lesson(self, id: str, unit: str) -> str:
        """Where the lesson of a unit is, for a question's readers; "" if the question's pack has none.

        A file that is a lesson of an installed pack counts only if it is in the course: not every course has it.
        """
        pack = self.pack_of(id)
        lesson = pack.lessons.get(unit, "") if pack else ""
        if pack and pack.source.installed and self.course and "://" not in lesson:
            return lesson if lesson and (self.course / lesson).exists() else ""
        return lesson

    def mistake(self, id: str, key: str) -> Mistake | None:
        """The mistake with this key, as the question has it; None if there is none."""
        try:
            return self.questions[id].mistake(key)
        except KeyError:
            return None

    def section(self, id: str, unit: str, *keys: str | None) -> str:
        """The heading of the section of a unit's lesson that explains one of these, the first that has one; or "".

        id: the question's.  keys: of a mistake or an error; the question itself comes last.
        """
        pack = self.pack_of(id)
        found = [pack.sections.get(key, ("", "")) for key in (*keys, id) if key] if pack else []
        return next((heading for of, heading in found if of == unit), "")

    def told(self, verdict: Verdict) -> Verdict:
        """The verdict with the section that explains it, or without its unit, if the question's pack has no lesson."""
        if not self.lesson(verdict.question, verdict.unit):
            return replace(verdict, unit="")
        return replace(verdict, section=self.section(verdict.question, verdict.unit, verdict.mistake, verdict.error))

    @property
    def sources(self) -> tuple[Source, ...]:
        return tuple(pack.source for pack in self.packs)

    @cached_property
    def functions(self) -> dict[Callable[..., Any], tuple[str, str]]:
        """Of all packs; see ``Pack``."""
        return {function: place for pack in self.packs for function, place in pack.functions.items()}

    @cached_property
    def modules(self) -> dict[str, str]:
        """Of all packs; see ``Pack``."""
        return {key: text for pack in self.packs for key, text in pack.modules.items()}


# --- finding packs


def installed() -> list[Source]:
    """The packs of this environment, by their entry points.  Raises PackError for one whose module is not there."""
    found = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value)):
        source = _of_module(point.module)
        if source is None:
            raise PackError(PACKS["no_module"].format(name=point.name, module=point.module))
        found.append(source)
    return list({source.digest: source for source in found}.values())


def beside(folder: Path) -> list[Source]:
    """The packs that lie in a notebook's folder and, within a course, in the folders above it up to the course's."""
    course = next((above for above in (folder, *folder.parents) if (above / CONFIG).exists()), folder)
    places = [place for place in (folder, *folder.parents) if place == course or course in place.parents]
    return [of_path(path) for place in places for path in sorted(place.iterdir()) if makes_questions(path)]


def named(course: Path, names: Sequence[str]) -> list[Source]:
    """The packs that a course's configuration names: paths from the course's folder, with or without ``.py``.

    A name may be a pattern, as for ``Path.glob``.  Raises PackError for a name where there is nothing.
    """
    found = []
    for name in names:
        paths = [path for suffix in ("", ".py") for path in sorted(course.glob(name + suffix))]
        paths = [path for path in paths if path.suffix == ".py" or (path / "__init__.py").exists()]
        if not paths:
            raise PackError(PACKS["not_there"].format(name=name, config=course / CONFIG, folder=course))
        found += [of_path(path) for path in paths]
    return found


def of_path(path: Path) -> Source:
    """The pack in this file, with the modules beside it that it imports; or in this folder, with all its modules.

    Raises PackError if one of these files cannot be read.
    """
    if path.is_dir():
        return Source(path.name, _within(path, path.name))
    modules, waiting = dict[str, tuple[str, str]](), [path.stem]
    while waiting:
        name = waiting.pop()
        file, folder = path.parent / f"{name}.py", path.parent / name
        if name in modules or not name:
            continue
        if (folder / "__init__.py").exists():
            modules |= _within(folder, name)
        elif file.exists():
            modules[name] = str(file), _text(file)
            waiting += [imported for imported, _ in _imports(file, modules[name][1])]
    return Source(path.stem, modules)


def _of_module(name: str) -> Source | None:
    """The installed pack in this module, or in this package with all its modules; None if there is no such module."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None
    if spec is None or not spec.origin:
        return None
    origin = Path(spec.origin)
    if spec.submodule_search_locations:
        return Source(name, _within(origin.parent, name), installed=True)
    parent, _, _ = name.rpartition(".")
    found = of_path(origin)
    prefix = f"{parent}." if parent else ""
    return Source(name, {f"{prefix}{module}": given for module, given in found.modules.items()}, installed=True)


def _within(folder: Path, name: str) -> dict[str, tuple[str, str]]:
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join([name, *parts]).removesuffix(".__init__")] = str(path), _text(path)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as why:
        raise PackError(PACKS["unread"].format(file=path, why=why)) from why


def makes_questions(path: Path) -> bool:
    """Whether a file, or a folder's ``__init__.py``, makes Questions: it imports this package and has QUESTIONS."""
    file = path / "__init__.py" if path.is_dir() else path
    if file.suffix != ".py" or not file.is_file():
        return False
    known = file.stat()
    key = (str(file), known.st_mtime_ns, known.st_size)
    if key not in _KNOWN:
        try:
            tree = ast.parse(file.read_bytes())
        except (OSError, SyntaxError, ValueError):
            return False  # if it was meant to be one, the message about an unknown id lists the files searched
        targets = [t for node in tree.body if isinstance(node, ast.Assign) for t in node.targets]
        targets += [node.target for node in tree.body if isinstance(node, ast.AnnAssign)]
        has = any(isinstance(target, ast.Name) and target.id == QUESTIONS for target in targets)
        _KNOWN[key] = has and any(name == "grader" for name, _ in _imported(tree))
    return _KNOWN[key]


_KNOWN: dict[tuple[str, int, int], bool] = {}


def _imports(file: Path | str, text: str) -> list[tuple[str, int]]:
    """The modules that a text imports, as in ``_imported``.  Raises PackError if the text is not Python."""
    try:
        return list(_imported(ast.parse(text)))
    except SyntaxError as why:
        raise PackError(
            PACKS["fails"].format(file=file, line=why.lineno or 1, error=f"SyntaxError: {why.msg}")
        ) from why


def _imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(first part of the name, line) of each module that is imported; "" for a relative import."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "" if node.level else (node.module or "").partition(".")[0], node.lineno


def at_hand(folder: Path) -> tuple[Packs, list[PackError]]:
    """The packs that a notebook in this folder can use, and why others cannot be used."""
    sources, wrong, packs = list[Source](), list[PackError](), list[Pack]()
    for find in (_installed, partial(beside, folder)):
        try:
            sources += find()
        except PackError as why:
            wrong.append(why)
    for source in sources:
        try:
            packs = [*Packs([*packs, loaded(source)]).packs]
        except PackError as why:
            wrong.append(why)
    return Packs(packs), wrong


_installed = cache(installed)  # a pack that is installed while a kernel runs is found after a restart


# --- loading packs


def loaded(source: Source) -> Pack:
    """The pack, loaded once in this process.  Raises PackError."""
    key = source.digest, source.file  # the file, too, so that messages name the right one
    if key not in _LOADED:
        _LOADED[key] = _made(source)
    return _LOADED[key]


_LOADED: dict[tuple[str, str], Pack] = {}
_LOCK = threading.RLock()


def _made(source: Source) -> Pack:
    module = _module(source)
    listed = getattr(module, QUESTIONS, None)
    if not isinstance(listed, (list, tuple)) or not all(isinstance(q, Question) for q in listed):
        raise PackError(PACKS["no_questions"].format(file=source.file, name=QUESTIONS))
    questions: dict[str, Question] = {}
    functions: dict[Callable[..., Any], tuple[str, str]] = {}
    modules: dict[str, str] = {}
    for question in listed:
        file, line = source.line_of(question.id)
        if question.id in questions:
            raise PackError(PACKS["twice"].format(file=file, line=line, id=question.id))
        title, hints = words.QUESTIONS.get(question.id, (question.title, question.hints))
        questions[question.id] = replace(question, title=title, hints=hints)
        for function in _handed(question):
            if function not in functions:
                key, text = _home(source, question, function)
                functions[function], modules[key] = (key, function.__name__), text
    lessons, exercises, titles, sections = (dict(getattr(module, name, {})) for name in MAPPINGS)
    website = str(getattr(module, WEBSITE, ""))
    return Pack(source, questions, lessons, exercises, titles, sections, website, functions, modules)


def _module(source: Source) -> ModuleType:
    """The pack's module: the installed one if it has the same text, else one made from the text.  Raises PackError."""
    here = _of_module(source.name) if source.installed else None
    try:
        if here and here.digest == source.digest:
            return importlib.import_module(source.name)
        return _from_text(source)
    except Exception as why:
        file, line = _place(source, why)
        raise PackError(PACKS["fails"].format(file=file, line=line, error=f"{type(why).__name__}: {why}")) from why


def _place(source: Source, why: BaseException) -> tuple[str, int]:
    """(file, line) in the pack's own files where an error occurred while it was loaded."""
    files = {file for file, _ in source.modules.values()}
    if isinstance(why, SyntaxError) and why.filename in files:
        return str(why.filename), why.lineno or 1
    frames = [f for f in traceback.extract_tb(why.__traceback__) if f.filename in files]
    return (frames[-1].filename, frames[-1].lineno or 1) if frames else (source.file, 1)


def _from_text(source: Source) -> ModuleType:
    """Execute a pack's modules without leaving them where others could import them.

    Two courses may both have a module ``questions``; still, the modules of each pack can import one another.
    """
    parts = source.name.split(".")
    parents = (".".join(parts[:k]) for k in range(1, len(parts)))
    texts = {**{name: ("<pack>", "") for name in parents if name not in sys.modules}, **source.modules}
    finder = _Texts(texts)
    with _LOCK:
        before = {name: sys.modules.pop(name) for name in texts if name in sys.modules}
        parent, _, child = source.name.rpartition(".")
        above = vars(sys.modules[parent]) if parent in sys.modules else {}  # an import enters the module there
        had = above.get(child)
        sys.meta_path.insert(0, finder)
        try:
            return importlib.import_module(source.name)
        finally:
            sys.meta_path.remove(finder)
            for name in texts:
                sys.modules.pop(name, None)
            sys.modules.update(before)
            above.pop(child, None)
            if had is not None:
                above[child] = had


class _Texts(MetaPathFinder, Loader):
    """Imports modules from texts.  modules: ``{dotted name: (file, text)}``."""

    def __init__(self, modules: Mapping[str, tuple[str, str]]):
        self.modules = modules

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname not in self.modules:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in self.modules)
        return ModuleSpec(fullname, self, origin=self.modules[fullname][0], is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        file, text = self.modules[module.__name__]
        module.__file__ = file
        exec(compile(text, file, "exec", dont_inherit=True), module.__dict__)
        if not Path(file).exists():  # the file is on another machine: tracebacks show its lines all the same
            linecache.cache[file] = len(text), None, text.splitlines(keepends=True), file


def _handed(question: Question) -> Iterator[Any]:
    """Every function that students are handed by a question."""
    every: list[Any] = []
    for name in question.gives:
        if name in question.computed:
            made = question.computed[name]
            every += [made] if made else [partial(m.fn, **m.fixed_args) for m in question.maps]
        elif name == "f":
            every += [map_.fn for map_ in question.maps]
        elif name == "weigh":
            every.append(question.weigh)
        else:
            every += [m.fixed_args[name] for m in question.maps if name in m.fixed_args]
            every += [question.hands[name]] if name in question.hands else []
    while every:
        thing = every.pop(0)
        if isinstance(thing, partial):
            every += [thing.func, *thing.keywords.values()]
        elif callable(thing):
            yield thing


def _home(source: Source, question: Question, function: Any) -> tuple[str, str]:
    """(key, text) of the module that defines a function.  Raises PackError if it cannot be handed to students."""
    file, line = source.line_of(question.id)
    if not isinstance(function, FunctionType):
        said = getattr(function, "__name__", type(function).__name__)
        raise PackError(PACKS["no_function"].format(file=file, line=line, id=question.id, name=said))
    file, line = function.__code__.co_filename, function.__code__.co_firstlineno
    about = {"file": file, "line": line, "id": question.id, "name": function.__name__}
    if function.__name__ == "<lambda>" or function.__closure__ or "<locals>" in function.__qualname__:
        raise PackError(PACKS["lambda"].format(**about))
    name = function.__module__
    text = source.modules[name][1] if name in source.modules else _text(Path(file))
    own = {module.partition(".")[0] for module in source.modules}
    for imported, at in _imports(file, text):
        if imported in {"", "grader", *own}:
            what = imported or "."
            raise PackError(PACKS["not_alone"].format(**{**about, "line": at, "what": what}))
    return f"{name}@{hashlib.sha256(text.encode()).hexdigest()[:8]}", text
