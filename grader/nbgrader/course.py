"""A course folder, and nbgrader's commands run in it without leaving anything in the user's home folder."""

from __future__ import annotations

import contextlib
import glob
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.classroom import CourseError
from grader.files import write_whole
from grader.words import COMMANDS

if TYPE_CHECKING:
    from nbgrader.coursedir import CourseDirectory

CONFIG = "nbgrader_config.py"
SECRET, SECRET_BYTES = ".course_secret", 32


def find(start: Path) -> Path:
    """The nearest folder, from ``start`` upwards, that holds ``nbgrader_config.py``.  Raises CourseError."""
    for folder in (start, *start.parents):
        if (folder / CONFIG).exists():
            return folder
    raise CourseError(COMMANDS["no_course"].format(folder=start, config=CONFIG))


def configuration(course: Path) -> Any:
    """nbgrader's configuration of a course, as a traitlets Config.

    Changes the working directory while it loads, since nbgrader looks for its configuration there.
    Raises CourseError if a configuration file cannot be executed: nbgrader itself would go on without it.
    """
    from nbgrader.apps import NbGrader

    app = NbGrader(raise_config_file_errors=True)
    try:
        with contextlib.chdir(course):
            app.load_config_file()
    except Exception as why:  # whatever the file raises
        frames = [f for f in traceback.extract_tb(why.__traceback__) if Path(f.filename).name == CONFIG]
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(course / CONFIG)
        error = f"{type(why).__name__}: {why}"
        raise CourseError(COMMANDS["bad_config"].format(where=where, error=error)) from why
    return app.config


def directory(course: Path) -> CourseDirectory:
    """nbgrader's CourseDirectory for a course, with the folders as configured."""
    from nbgrader.coursedir import CourseDirectory

    dirs = CourseDirectory(config=configuration(course))
    dirs.root = str(course)
    return dirs


def secret(course: Path) -> bytes:
    """The course's secret, 32 bytes, made on first use.  Anyone who knows it can predict the hidden inputs.

    The file is beside ``nbgrader_config.py``, in no released folder, and readable only by its owner.  Raises
    CourseError if it has another length.
    """
    path = course / SECRET
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=course, prefix=f"{SECRET}.")  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(SECRET_BYTES))
        with contextlib.suppress(FileExistsError):  # another run was first, and its secret is kept
            os.link(temporary, path)
        os.unlink(temporary)
    kept = path.read_bytes()
    if len(kept) != SECRET_BYTES:
        raise CourseError(COMMANDS["bad_secret"].format(path=path))
    return kept


def units(course: Path) -> list[str]:
    """The units that have a notebook in the source folder, sorted by name."""
    dirs = directory(course)
    anywhere = Path(dirs.format_path(dirs.source_directory, ".", "*"))
    place = next(k for k, part in enumerate(anywhere.parts) if part == "*")
    found = glob.glob(str(anywhere / "*.ipynb"))
    return sorted({Path(path).parts[place] for path in found})


def environment(state: Path) -> dict[str, str]:
    """The environment for nbgrader's processes, in which Jupyter and IPython keep their files in ``state``."""
    here = Path(sys.executable).parent  # nbgrader calls `alembic`, which lies here, when it makes a gradebook
    return {
        **os.environ,
        "PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}",
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "IPYTHONDIR": str(state / "ipython"),
        "MPLCONFIGDIR": str(state / "matplotlib"),
        "GRADER_PROGRESS": "",
    }


def nbgrader(course: Path, state: Path, *arguments: str, line: Callable[[str], None] | None = None) -> list[str]:
    """Run ``nbgrader`` with these arguments in a course; returns the lines of its log.

    state: see ``environment``.  line: called with each line as it comes.
    Raises CourseError with the end of the log if nbgrader fails.
    """
    log = []
    with subprocess.Popen(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env=environment(state),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            log.append(text.rstrip("\n"))
            if line:
                line(log[-1])
    if process.returncode:
        raise CourseError(_failed(" ".join(arguments), log))
    return log


def _failed(command: str, log: list[str]) -> str:
    return COMMANDS["nbgrader_failed"].format(command=f"nbgrader {command}", log="\n".join(log[-20:]))


def api(course: Path, **further: Mapping[str, Any]) -> Any:
    """nbgrader's commands as methods in this process (NbGraderAPI), with a course's configuration.

    further: settings beyond that, ``class name={trait: value}``.
    As a separate process, each command would take three seconds to start, for less than a second of work.
    """
    from nbgrader.apps import NbGraderAPI
    from traitlets.config import Config

    config = configuration(course)
    config.merge(Config({**further, "CourseDirectory": {**further.get("CourseDirectory", {}), "root": str(course)}}))
    return NbGraderAPI(config=config)


def release(course: Path, scratch: Path, names: list[str], check: bool = False) -> list[Path]:
    """Generate the release versions of units and write those that differ; returns the files that differed.

    A released file that is no longer generated is returned, but not removed.
    scratch: an empty folder to work in.  check: only compare.  Raises CourseError if nbgrader fails.
    """
    dirs, differing = directory(course), []
    into = {"release_directory": str(scratch)}
    commands = api(course, CourseDirectory=into, SaveCells={"enabled": False}, GenerateAssignment={"no_database": True})
    elsewhere = commands.coursedir
    for unit in names:
        made = commands.generate_assignment(unit)
        if not made["success"]:
            raise CourseError(_failed(f"generate_assignment {unit}", (made["log"] or made["error"] or "").splitlines()))
        new_place, kept_place = (Path(d.format_path(d.release_directory, ".", unit)) for d in (elsewhere, dirs))
        new = {path.relative_to(new_place) for path in new_place.rglob("*") if path.is_file()}
        old = (path for path in kept_place.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts)
        for name in sorted(new | {path.relative_to(kept_place) for path in old}):
            given, kept = new_place / name, kept_place / name
            if given.exists() and kept.exists() and given.read_bytes() == kept.read_bytes():
                continue
            differing.append(kept)
            if not check and given.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                write_whole(kept, given.read_bytes())
    return differing
