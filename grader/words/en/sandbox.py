"""Messages of the sandbox, to students whose submissions breach a limit and to the instructor."""

SANDBOX: dict[str, str] = {
    "zygote_ended": "The process that runs submissions has ended. Run `grader doctor` to see what is missing here.",
    "not_emptied": "{folder} still holds what an earlier submission left, and cannot be emptied. Remove it and run again.",
    "unconfined": "This machine cannot confine a submission ({layer}), so nothing was run. `grader doctor` says what is "
    "missing; `--no-sandbox` of `grader grade` runs students' code without protection, as does "
    "`nbgrader autograde --RunOutside.confined=False`.",
    "cell_time": "This cell ran longer than it may, and was stopped.",
    "notebook_time": "The notebook as a whole ran longer than it may; the cells from here on were not run.",
    "output": "This cell printed more than is kept; the rest was cut off.",
    "notebook_output": "The notebook as a whole printed more than is kept; what came from here on was cut off.",
    "memory": "This cell needed more memory than it may use.",
    "file_size": "This cell wrote a larger file than it may.",
    "cpu": "The notebook as a whole used more processor time than it may, and ended in this cell. The cells after it "
    "were not run.",
    "left": "This cell ended the notebook's process. The cells after it were not run.",
    "work_size": "The notebook wrote more files than it may, and was ended in this cell. The cells after it were not run.",
    "threads": "The notebook started more threads than it may, and was ended in this cell. The cells after it were not "
    "run.",
    "ended": "The notebook was ended in this cell: it crashed, used more than it may, or sent what no cell sends. The "
    "cells after it were not run.",
    "no_start": "A process for a submission was made, but it did not get ready. Run `grader doctor`; if it is content, "
    "the limits may be too low.",
}
