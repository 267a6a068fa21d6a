"""The time of a submission for nbgrader, which itself reads "+0200" as seconds and an unknown time zone as UTC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.preprocessors import NbGraderPreprocessor

from grader.classroom import timestamp
from grader.classroom.supplementary import TIMESTAMP
from grader.words import COMMANDS


class ReadTime(NbGraderPreprocessor):  # type: ignore[misc]
    """A sanitizing step that puts the time in ``timestamp.txt`` into the gradebook before penalties are given."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        who, dirs = resources["nbgrader"], self.parent.parent.coursedir
        folder = Path(dirs.format_path(dirs.submitted_directory, who["student"], who["assignment"]))
        ours, remarks = timestamp.read(folder / TIMESTAMP)
        theirs = dirs.get_existing_timestamp(str(folder))  # as Autograde has just put it into the gradebook
        for remark in remarks:
            self.log.warning("%s: %s", who["student"], remark)
        if ours != theirs:
            with Gradebook(who["db_url"]) as gradebook:
                gradebook.find_submission(who["assignment"], who["student"]).timestamp = ours
                gradebook.db.commit()
            said = COMMANDS["time_put_right" if ours else "time_taken_out"].format(ours=ours, theirs=theirs)
            self.log.warning("%s: %s", who["student"], said)
        return nb, resources
