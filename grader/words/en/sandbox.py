"""Messages of the sandbox, to students whose submissions breach a limit and to the instructor."""

SANDBOX: dict[str, str] = {
    "zygote_ended": "The process that runs submissions has ended. Run `grader doctor` to see what is missing on this "
    "machine.",
    "not_emptied": "{folder} still contains files from an earlier submission and cannot be emptied. Remove it and run "
    "again.",
    "unconfined": "This machine cannot confine a submission ({layer}), so nothing was run. `grader doctor` says what "
    "is missing; `grader grade` with `--no-sandbox` runs students' code without protection, as does `nbgrader "
    "autograde --RunOutside.confined=False`.",
    "cell_time": "This cell ran longer than allowed and was stopped.",
    "cell_seconds": "One cell may run for {seconds} seconds.",
    "notebook_time": "The notebook as a whole ran longer than allowed; the cells from here on were not run.",
    "output": "This cell printed more than is kept; the rest was cut off.",
    "notebook_output": "The notebook as a whole printed more than is kept; the output from here on was cut off.",
    "memory": "This cell needed more memory than allowed.",
    "file_size": "This cell wrote a larger file than allowed.",
    "cpu": "The notebook as a whole used more processor time than allowed and was ended in this cell. The cells after "
    "it were not run.",
    "left": "This cell ended the notebook's process. The cells after it were not run.",
    "work_size": "The notebook wrote more data to files than allowed and was ended in this cell. The cells after it "
    "were not run.",
    "threads": "The notebook started more threads than allowed and was ended in this cell. The cells after it were "
    "not run.",
    "ended": "The notebook was ended in this cell: it crashed, used more than allowed, or sent a message that no cell "
    "may send. The cells after it were not run.",
    "no_start": "A process for a submission was created but did not become ready. Run `grader doctor`; if it finds no "
    "problem, the limits may be too low.",
}
