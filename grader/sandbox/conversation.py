"""The conversation with one fork: cells go in, outputs and answers come out, and nothing is accepted unchecked."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grader.probe import Answer, Call
from grader.sandbox import SandboxError, codec, wire
from grader.sandbox.asserts import Test
from grader.sandbox.clock import Clock
from grader.sandbox.handed import Handed
from grader.sandbox.limits import Limits
from grader.sandbox.watch import Watch
from grader.sandbox.wire import plain_text
from grader.words import SANDBOX

GRACE = 5.0  # seconds between interrupting a cell and ending its process
MOST_LINES = 100  # of a traceback
MOST_CHECKS = 1000  # calls of ``check`` in one cell


@dataclass
class CellRun:
    """The result of one cell: its outputs in nbformat's form, its check's answers, and the limit that it breached.

    answers: one list for each round of calls put to its check, empty for a round in which the answer raised
        KeyboardInterrupt; no list at all if no calls were put.
    ran: False for the cells after one that ended the notebook.
    ended: of an instructor's test, whether it ran to its end without an error; False of any other cell.
    number: the number that such a test ended with, which may be NaN or infinite; None if it ended with anything else.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    answers: list[list[Answer]] = field(default_factory=list)
    breach: str = ""  # a key of words.SANDBOX, or ""
    ran: bool = True
    ended: bool = False
    number: float | None = None


# From the id that a cell's ``check`` was given to the calls to put to its answer, or None to put none.
Pose = Callable[[str], Sequence[Call] | None]

# From the index of a cell that has run and its answers so far to the next round of calls, or None to go on.
Next = Callable[[int, list[list[Answer]]], Sequence[Call] | None]


class Conversation:
    """The conversation with one fork.

    pipe: this side's end.  child: the fork's process id.  watch: what ends the fork when it takes too much.
    clock: the fork's.  handed: the functions that calls may hand over.
    put_back: puts the instructor's files back; called before each test, and before calls are put to an answer.
    """

    def __init__(
        self,
        pipe: socket.socket,
        child: int,
        limits: Limits,
        watch: Watch,
        clock: Clock,
        handed: Handed,
        put_back: Callable[[], None],
    ):
        self.pipe, self.child, self.limits, self.watch, self.clock = pipe, child, limits, watch, clock
        self.handed, self.put_back = handed, put_back
        self.sent = set[str]()  # keys of the modules of functions that the fork has
        self.begun = 0.0  # the fork's clock at the start of its turn
        self.spent = 0.0  # seconds of its earlier turns; time in which it waits for this side does not count
        self.left = limits.notebook_output  # characters

    def cells(self, cells: Sequence[str | Test], poses: Sequence[Pose], then: Next) -> list[CellRun]:
        """Run the cells in order until one ends the notebook; returns a CellRun for each, also for those not run.

        poses: one for each cell.  Raises SandboxError if the fork did not start or could not be confined.
        """
        try:
            message, _ = wire.receive(self.pipe, self._until(self.limits.notebook_seconds))
        except (wire.Broken, TimeoutError) as why:  # not the student's fault: none of the code has run yet
            raise SandboxError(SANDBOX["no_start"]) from why
        if "unconfined" in message:
            raise SandboxError(SANDBOX["unconfined"].format(layer=message["unconfined"]))
        runs: list[CellRun] = []
        for k, (source, pose) in enumerate(zip(cells, poses, strict=True)):
            run, goes_on = self._cell(source, pose)
            runs.append(run)
            while goes_on and run.answers and (calls := then(k, run.answers)):
                goes_on = self._ask_again(run, calls)
            if not goes_on:
                break
        return runs + [CellRun(ran=False) for _ in cells[len(runs) :]]

    def _until(self, end: float) -> wire.Left:
        """A function that returns the seconds left until the fork's clock reads ``end``."""
        return lambda: end - self.clock.used()

    @contextlib.contextmanager
    def _turn(self) -> Iterator[wire.Left]:
        """Count the time within as the fork's; yields a function for the seconds left of the cell and the notebook."""
        self.begun = self.clock.used()
        try:
            yield self._until(self.begun + min(self.limits.cell_seconds, self.limits.notebook_seconds - self.spent))
        finally:
            self.spent += self.clock.used() - self.begun

    def _too_long(self) -> str:
        """Which limit a turn met whose time is up, as a key of words.SANDBOX."""
        spent = self.spent + self.clock.used() - self.begun
        return "cell_time" if spent < self.limits.notebook_seconds else "notebook_time"

    def _cell(self, source: str | Test, pose: Pose) -> tuple[CellRun, bool]:
        """Run one cell; returns its CellRun and whether the next cell can run.

        A cell that takes too long is interrupted; if it still goes on after GRACE seconds, the notebook ends.
        """
        with self._turn() as left:
            return self._run_cell(source, pose, left)

    def _run_cell(self, source: str | Test, pose: Pose, left: wire.Left) -> tuple[CellRun, bool]:
        run, calls, asked = CellRun(), None, 0
        try:
            limit = max(0, min(self.limits.cell_output, self.left))
            if isinstance(source, Test):
                self.put_back()
            token = secrets.token_hex(16)
            what = {**source.message(), "token": token} if isinstance(source, Test) else {"source": source}
            wire.send(self.pipe, {**what, "limit": limit}, left=left)
            while True:
                try:
                    message, arrays = wire.receive(self.pipe, left)
                except TimeoutError:
                    if run.breach:  # it has been interrupted already
                        return run, False
                    run.breach = self._too_long()
                    os.kill(self.child, signal.SIGINT)
                    left = self._until(self.clock.used() + GRACE)
                    continue
                if "done" in message:
                    run.outputs, cut = outputs_from(message["done"], limit)
                    # Only the test itself came with the token, and none but this cell was sent it.
                    run.ended = message.get("ended") == token and not run.breach
                    run.number = number_from(message.get("number")) if run.ended else None
                    self.left -= sum(map(_size, run.outputs))
                    if cut and not run.breach:
                        run.breach = "output" if limit == self.limits.cell_output else "notebook_output"
                    if too_much := self.watch.breached():  # the cell may have ended before the watch looked
                        run.breach, run.answers, run.ended, run.number = too_much, [], False, None
                        return run, False
                    return run, run.breach != "notebook_time"
                if "check" in message and asked < MOST_CHECKS:
                    asked += 1
                    again = bool(run.answers) or calls is not None  # the latter if the answer itself calls ``check``
                    posed = None if again else pose(str(message["check"]))
                    self._pose(posed, left)
                    calls = calls if again else posed
                elif "answers" in message and calls is not None:
                    run.answers, calls = [answers_from(message["answers"], arrays, len(calls))], None
                else:
                    raise wire.Broken("a message that nobody asked for")
        except wire.Broken:
            run.breach = run.breach or "ended"
            return run, False

    def _ask_again(self, run: CellRun, calls: Sequence[Call]) -> bool:
        """Put more calls to the answer that the cell's check was given; returns whether the next cell can run."""
        try:
            with self._turn() as left:
                self._pose(calls, left)
                message, arrays = wire.receive(self.pipe, left)
            given = message.get("answers")
            run.answers.append([] if "unanswered" in message else answers_from(given, arrays, len(calls)))
        except TimeoutError:
            run.breach = "cell_time" if self.spent < self.limits.notebook_seconds else "notebook_time"
        except wire.Broken:
            run.breach = "ended"
        return not run.breach or run.breach == "output"

    def _pose(self, calls: Sequence[Call] | None, left: wire.Left) -> None:
        """Send calls, and the modules of functions that the fork needs for them and does not have yet."""
        if calls is None:
            wire.send(self.pipe, {"nothing": True}, left=left)
            return
        self.put_back()
        arrays: codec.Arrays = {}
        message = [codec.call_as_message(call, self.handed, arrays) for call in calls]
        modules = {key: text for key, text in self.handed.texts(calls).items() if key not in self.sent}
        wire.send(self.pipe, {"calls": message, "modules": modules}, arrays, left)
        self.sent.update(modules)


def answers_from(message: Any, arrays: codec.Arrays, count: int) -> list[Answer]:
    """Decode the answers to ``count`` calls.  Raises Broken."""
    if not isinstance(message, list) or len(message) != count:
        raise wire.Broken("another number of answers")
    return [codec.answer_from_message(answer, arrays) for answer in message]


def number_from(message: Any) -> float | None:
    """The number that a test ended with, or None.  Raises Broken."""
    if message is not None and type(message) not in (int, float):
        raise wire.Broken("a number that is none")
    try:
        return None if message is None else float(message)
    except OverflowError as why:
        raise wire.Broken("a number that is too large") from why


def outputs_from(message: Any, limit: int) -> tuple[list[dict[str, Any]], bool]:
    """A cell's outputs in nbformat's form, with plain text and PNGs only, and whether any were cut off.

    limit: characters in all.  The confined side keeps to it too, unless the student's code has tampered with it.

    Raises Broken.  HTML, scripts and terminal codes are dropped, so that they never reach a reader of the feedback.
    """
    if not isinstance(message, list):
        raise wire.Broken("outputs that are none")
    outputs, cut = [], False
    for output in message:
        if not isinstance(output, dict):
            raise wire.Broken("an output that is none")
        kind = output.get("output_type")
        if output.get("cut"):
            cut = True
        elif kind == "stream" and output.get("name") in ("stdout", "stderr"):
            outputs.append({"output_type": kind, "name": output["name"], "text": plain_text(output.get("text"))})
        elif kind in ("execute_result", "display_data"):
            data = output.get("data")
            kept = _shown(data) if isinstance(data, dict) else {}
            if kept:
                made = {"output_type": kind, "data": kept, "metadata": {}}
                outputs.append({**made, "execution_count": None} if kind == "execute_result" else made)
        elif kind == "error":
            lines = output.get("traceback")
            outputs.append(
                {
                    "output_type": kind,
                    "ename": plain_text(output.get("ename")),
                    "evalue": plain_text(output.get("evalue")),
                    "traceback": [plain_text(line) for line in lines[:MOST_LINES]] if isinstance(lines, list) else [],
                }
            )
        else:
            raise wire.Broken("an output of no kind")
        if outputs and (limit := limit - _size(outputs[-1])) < 0:
            return outputs[:-1], True
    return outputs, cut


def _size(output: Mapping[str, Any]) -> int:
    """Characters of an output's texts and pictures, plus a fixed cost, so that empty outputs are limited too."""
    texts = [*output.get("data", {}).values(), *output.get("traceback", ())]
    return 40 + sum(map(len, texts)) + sum(len(output.get(name, "")) for name in ("text", "ename", "evalue"))


def _shown(data: Mapping[str, Any]) -> dict[str, str]:
    """The parts of a displayed output that are kept: plain text, and a PNG if it really is one."""
    shown = {}
    if data.get("text/plain"):
        shown["text/plain"] = plain_text(data["text/plain"])
    png = data.get("image/png")
    if isinstance(png, str):
        with contextlib.suppress(ValueError):
            if base64.b64decode(png, validate=True).startswith(b"\x89PNG\r\n\x1a\n"):
                shown["image/png"] = png
    return shown
