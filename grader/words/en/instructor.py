"""What the commands tell an instructor, and the help for their options."""

# What the commands say on the terminal and in nbgrader's log, and their help texts.
COMMANDS: dict[str, str] = {
    "not_confined": "Students' code was run without confinement, as --no-sandbox or RunOutside.confined = False says.",
    "bad_secret": "{path} does not hold a course secret. Move it away: a new one is made, and hidden inputs change.",
    "help_packs": "The course's own packs of questions, as paths from the course's folder. Installed packs are always there.",
    "help_confined": "Whether students' code is confined. False runs it with the rights of whoever grades.",
    "bad_config": "{where}: the configuration cannot be read: {error}",
    "no_course": "{folder} is in no course folder: {config} was not found there or above. Go to the course's "
    "folder and try again.",
    "nbgrader_failed": "`{command}` failed. The end of its log:\n{log}",
    "no_such_path": "there is no {path}.",
    "no_such_unit": "there is no unit {unit}; there are {known}.",
    "no_gradebook": "there is no gradebook at {db}. nbgrader makes it when it generates or grades a unit.",
    "unread_gradebook": "the gradebook at {db} cannot be read: {why}",
    "no_such_student": "nobody of that name is in the sample class; there are {known}.",
    "not_canonical": "{path} is not in canonical form. Run: grader format {path}",
    "formatted": "{path} put into canonical form",
    "no_units": "there is nothing to release: no notebook lies in {where}.",
    "drifted": "{path} is not what its source version gives. Run: grader release",
    "released": "{path} generated from its source version",
    "interrupted": "Interrupted. Files are either as they were or as they should be; the same command goes on from there.",
    "demo_in_the_way": "{folder} exists and was not made by this command. Move it away, or name another folder: "
    "grader demo FOLDER",
    "demo_starts": "Grading a sample class of {count} in unit {unit} with nbgrader, in {folder}",
    "demo_feedback": "Writing feedback ...",
    "demo_right": "All {count} got exactly the score that they must get. Look at:",
    "demo_amiss": "These did not get the score that they must get: {names}. Look at:",
    "column_questions": "questions",
    "column_score": " score  what the judge said",
    "help": "The grader of the gradient course, for instructors and maintainers.",
    "help_demo": "Grade a sample class with nbgrader and show the result.",
    "help_demo_folder": "where to; it is replaced if an earlier demo made it (default: demo)",
    "help_demo_student": "only this member of the class; may be given several times",
    "help_format": "Put notebooks into canonical form.",
    "help_paths": "a notebook, or a folder of notebooks",
    "help_check": "change nothing; exit with 1 where something would change",
    "help_release": "Generate release versions with nbgrader and write those that differ; the gradebook stays as it is.",
    "help_units": "for instance 05_weighted_vjp; all units where none is named",
    "help_doctor": "Say what this machine offers to confine submissions with, and prove it.",
    "help_questions": "List the questions of all packs at hand.",
    "help_check_pack": "Say what a pack of questions lacks, question by question.",
    "help_pack": "a file or folder, or the module of an installed pack, e.g. grader.units",
    "help_answers": "a file, or a folder of files, with lists WRONG and RIGHT of students' answers to try; they are run with "
    "your own rights",
    "no_such_pack": "{pack} is neither a file, nor a folder, nor an installed pack. Installed are: {known}.",
    "help_grade": "Grade what was handed in for one unit, in parallel: autograded notebooks, gradebook and feedback. What "
    "is graded already and did not change is left alone, so a run that was stopped can be started again.",
    "help_grade_unit": "the assignment, e.g. 05_weighted_vjp",
    "help_grade_student": "only this student; can be given several times",
    "help_jobs": "worker processes on this machine; as many as it has processors if left out",
    "help_dask": "grade on the Dask cluster whose scheduler has this address, e.g. tcp://127.0.0.1:8786",
    "help_db": "URL of the gradebook, if not the configured one, e.g. postgresql+psycopg://user@host/gradebook",
    "help_force": "grade what did not change, too",
    "help_no_sandbox": "run students' code with your own rights, unprotected; the report will say so",
    "help_limit": "a limit for this run in place of the configured one, e.g. cell_seconds=60; can be given several times",
    "help_json": "print what was done as JSON",
    "not_positive": "a whole number above 0 is needed",
    "no_such_limit": "NAME=N is needed, where NAME is one of: {known}",
    "submissions": " submissions",
    "failures": "{count} failed",
    "progress": "{unit}: {done} of {count}, {rate:.1f} a second, {left:.0f} s left, {failed} failed",
    "column_graded": "graded",
    "column_unchanged": "unchanged",
    "column_failed": "failed",
    "remarked": "Graded, and worth a look:",
    "failures_head": "Not graded:",
    "not_in_gradebook": "The gradebook does not know {unit}. Enter it: nbgrader generate_assignment {unit} --force",
    "nobody": "nobody has handed in anything for {unit}. Submissions are looked for in {path}; `nbgrader collect {unit}` "
    "fetches them from the exchange.",
    "no_such_submission": "{student} has handed in nothing for {unit}: there is no folder {folder}.",
    "nothing_handed_in": "There is no {names} in the folder. Ask the student for it, or put it there, and run again.",
    "other_notebooks": "There is no {names} in the folder, and none of what lies there can be told to be it: {files}. Rename the "
    "right file, or ask the student for it, and run again.",
    "several_notebooks": "There is no {file} in the folder, but several files that may be meant: {files}. Rename the right one to "
    "{file}, and run again.",
    "not_all_notebooks": "There is no {file} in the folder, so its questions have 0 points.",
    "not_opened": "The file cannot be opened ({why}). Look at its owner and mode, and run again.",
    "bad_student": "The name of the folder is too long, or not text in UTF-8, so the gradebook cannot have it as an id.",
    "bad_timestamp": "timestamp.txt says {text!r}, which is no date and time; the submission is taken to be in time.",
    "no_zone": "timestamp.txt says {text!r}, without a time zone; it was read as UTC.",
    "unclear_time": "timestamp.txt says {text!r}, which may mean several times; it was read as {read} UTC.",
    "future_time": "timestamp.txt says {text!r}, which has not come yet; the submission counts as handed in at {read} UTC.",
    "time_put_right": "nbgrader read timestamp.txt as {theirs} UTC. It means {ours} UTC, which the gradebook has now.",
    "time_taken_out": "nbgrader read timestamp.txt as {theirs} UTC. The gradebook now has no time, so nobody is late.",
    "lost": "The process that graded this submission died {times} times, so it was set aside with 0 points. Look at it by "
    "hand, and grade it again: grader grade --force --student ID",
    "fault": "Something went wrong with this submission ({error}). The others were graded. Look at what lies in its folder, "
    "and run again; if there is nothing odd, please report this.",
    "no_process": "The process that runs submissions ended twice under this one, and works for others: {why} The submission was "
    "set aside with 0 points; look at it by hand.",
    "a_link": "it is a link, and could lead to another student's work",
    "left_beside": "Of the files beside the notebook only timestamp.txt was taken along: {why}. The grade does not depend on "
    "them.",
    "no_file_beside": "a link, a pipe or a device lies there",
    "linked_output": "{folder} or the folder above it is a link. Grading writes there; put a folder in its place.",
    "left_out": "{folder} was left out: {why}. `grader grade` can deal with that.",
    "odd_name": "its name holds a line end, or a sign that nbgrader takes for a pattern",
    "odd_time": "its timestamp.txt is no small file",
    "too_many_files": "there are more than {most} files and folders",
    "too_deep": "folders lie more than {most} deep, or a name is too long",
    "too_large_beside": "they have more than {most} MB",
    "unknown_zone": "timestamp.txt says {text!r}, whose time zone is not known; it was read as UTC.",
    "no_driver": "The database needs the package {driver}, which is not installed: pip install {driver}",
    "database_locked": "The gradebook {url} is in use by another program ({why}). Close it, the formgrader too, and run "
    "again: what is graded so far is kept.",
    "database_refused": "The gradebook {url} refuses: {why}. What is graded so far is kept; mend it and run again.",
    "other_language": "A worker speaks {ours}, and this command {theirs}. Start both with the same GRADER_LANGUAGE.",
    "no_dask": "Dask is not installed here: pip install distributed",
    "no_scheduler": "There is no Dask scheduler at {address} ({why}). Start one with `dask scheduler`.",
    "no_workers": "The Dask scheduler at {address} has no workers. Start some with `dask worker {address}`.",
    "too_large_given": "{folder} holds more than {most} MB beside its notebooks, which is too much to be sent along with each "
    "submission. Let the notebook do without the largest files.",
    "no_release": "{path} is missing, which submissions are compared with. Make it: nbgrader generate_assignment "
    "{unit}",
}

# Help texts for the limits of a submission.  Keys are the fields of ``sandbox.limits.Limits``.
LIMITS: dict[str, str] = {
    "cell_seconds": "Seconds that one cell may compute or sleep; waiting for a busy processor does not count.",
    "notebook_seconds": "Seconds that all cells of one notebook may compute or sleep.",
    "cpu_seconds": "Seconds of processor time for one notebook.",
    "memory": "Bytes of memory for one notebook, beyond what Python and torch need.",
    "file_size": "Bytes of one file in the work folder.",
    "open_files": "Files that may be open at once.",
    "work_size": "Bytes of all files in the work folder together.",
    "threads": "Threads that a notebook may have at once.",
    "cell_output": "Characters of output that are kept of one cell.",
    "notebook_output": "Characters of output that are kept of one notebook.",
    "reading_seconds": "Seconds that reading one submission may take.",
    "page_seconds": "Seconds that making one feedback page may take.",
}

DOCTOR: dict[str, str] = {
    "privileges": "no program, were one started, could gain privileges",
    "read_home": "a file outside of the libraries cannot be read",
    "list_root": "folders outside cannot be listed",
    "write_outside": "nothing can be written outside of the work folder",
    "read_processes": "nothing can be learnt of processes, not even of its own environment",
    "start_program": "no other program can be started",
    "fork": "no other process can be started",
    "socket": "no socket can be opened",
    "signal_others": "no signal can be sent to another process",
    "processors": "no other processor can be used than the one it was given",
    "memory": "memory is limited",
    "open_files": "open files are limited",
    "other_processes": "no process outside has a number that could be named",
    "network": "there is no network to reach",
    "without": "(this kernel does not grant it; seccomp, alone, refuses what it would hide)",
    "cannot": "Submissions cannot be confined here: {why}",
    "well": "Submissions can be graded here.",
    "not_well": "Submissions must not be graded here as it is: what is marked ✗ is not refused.",
}

# Why a pack of questions cannot be used.
PACKS: dict[str, str] = {
    "at_hand": "pack {name}: {count} questions, {file}",
    "same_id": "Two packs have a question {id!r}: {one} and {other}. Give one of them another id, or use only one pack.",
    "no_module": "The installed pack {name!r} is to be in the module {module}, which is not there. Install its package again.",
    "not_there": "{config} names the pack {name!r}, and there is no such file or folder in {folder}.",
    "unread": "{file} cannot be read: {why}",
    "fails": "{file}:{line}: the pack cannot be loaded: {error}",
    "no_questions": "{file}:1: a pack needs a list {name} of Questions, and this module has none.",
    "twice": "{file}:{line}: the pack has two questions {id!r}. Give one of them another id.",
    "no_function": "{file}:{line}: {id} hands {name} to students, which is no plain Python function. Write one that calls it.",
    "lambda": "{file}:{line}: {id} hands {name} to students, which is a lambda or a closure and cannot go into the sandbox. "
    "Write it with `def` at the top of a module of its own.",
    "not_alone": "{file}:{line}: {name}, which {id} hands to students, is in a module that imports {what}. In the sandbox that "
    "module is alone with the installed libraries: move the function to a module of plain torch functions.",
}

# What nobody could grade in a released notebook, and what to do.
CELLS: dict[str, str] = {
    "stop": "Nothing was done, since these cells cannot be graded:\n{faults}",
    "number": "number {number}",
    "unknown": "{notebook}, cell {cell}: it checks {id!r}, and no pack at hand has a question of that id.{nearest} Packs at "
    "hand: {packs}. A course names its own with plugin.configure(c, packs=[…]) in nbgrader_config.py.",
    "nearest": " Did you mean {ids}?",
    "no_packs": "none",
    "no_literal": "{notebook}, cell {cell}: the id that it gives to check is not written out. Write it in quotes.",
    "not_graded": "{notebook}, cell {cell}: it calls check({id!r}, …) and is not graded. Make it “Autograder tests” in the "
    "Create Assignment bar, with the question's points, or take the call out.",
    "again": "{notebook}, cell {cell}: it checks {id!r}, which a cell above checks already. Check each question once.",
    "two_checks": "{notebook}, cell {cell}: it calls check more than once. Give each question a graded cell of its own.",
    "hidden_check": "{notebook}, cell {cell}: its hidden tests call check, which must be seen. Move the call out of them.",
    "not_imported": "{notebook}, cell {cell}: it calls check, which no cell of the notebook imports. Put "
    "`from grader import check` into its first cell.",
    "points": "{notebook}, cell {cell}: it gives {points} points, and the question {id} is worth {worth} ({where}). Make the "
    "two equal.",
    "empty": "{notebook}, cell {cell}: there is nothing in it, so everybody would get its points. Write a test, or unmark "
    "it as graded.",
    "no_python": "{notebook}, cell {cell}, line {line}: this test is no valid Python ({error}).",
    "nothing_graded": "{notebook}: it has no graded cell. Mark one in the Create Assignment bar, or move the notebook out of "
    "the assignment's folder.",
    "no_problem": "{where}: this question draws no problem that can be graded. {why}",
    "stale": "{notebook}, cell {cell}: the gradebook has another version of it than the released notebook. Generate both again: "
    "nbgrader generate_assignment {unit} --force",
}

# What the author of a pack is told about a question or a mistake.  ``{id}`` is the question's.
AUTHORS: dict[str, str] = {
    "weight_shape": "{id}: the weight {name} has shape {got}, but its output has shape {shape}. Leave the shape out of the "
    "sampler, as in `mixed_signs()`: a weight then takes its output's shape.",
    # Why no draw of a question tells its mistakes apart.
    "inseparable": "{id}: none of {tries} draws at seed {seed} tells the truth and all mistakes apart.",
    "alike": "{count} of {tries}: {names} give the same result.",
    "not_finite": "{count} of {tries}: {names} is not finite.",
    "truth": "the truth",
    "and": "{most} and {last}",
    "weight_of_one_size": "All entries of the weight {name} have the same size, so many wrong weightings look right. Draw it with "
    'mixed signs and sizes: weights={{"{name}": None}}.',
    "weight_of_one_sign": "All entries of the weight {name} have the same sign, so a lost sign does not show. Draw it with mixed "
    'signs: weights={{"{name}": None}}.',
    "entrywise": "With respect to {name} the map acts entry by entry: J is diagonal, so Jᵀv, Jv and v ⊙ Jᵀ1 are the same. "
    "Let an output depend on several entries of {name}.",
    "then_again": "What else coincides may follow from that: mend it, then look again.",
    "finite_inputs": "Choose inputs at which the truth is finite.",
    "other_inputs": "An answer that makes a mistake must not be right: where the truth is in a group, choose other inputs, "
    "another shape, or a map on which the mistake shows.",
    "leave_out": "If a mistake cannot be told apart here, leave it out, and say why in place of {reason}: {code}",
    "own": "Of the question's own mistakes: {names}. Choose inputs on which each is finite and differs from all else, mend "
    "its derivation, or take it out of `also`.",
}

# The rules that every question of a course keeps to: what is amiss, and what to do.  A finding begins with the id.
RULES: dict[str, str] = {
    "id": "An id is a unit, a dot and a name, in lower-case letters, digits and underscores, such as ps1.one_row, and the name "
    "begins with a letter.",
    "id_twice": "{count} questions have this id. Rename all but one.",
    "title": "The title {title!r} must begin with the exercise's number, as in '1.2 One row', since cards refer to it by that.",
    "hints": "It has {count} hints. Give two or three, all different and without blanks around them.",
    "stars": "stars is {value}. Give a whole number from 1 to 5.",
    "points": "points is {value}. Give more than 0.",
    "minutes": "minutes is {value}. Give more than 0.",
    "rtol": "rtol is {value}. Give more than 0 and at most {most}, or answers that are nearly right would pass.",
    "without_unknown": "without names {key}, which is no mistake of the catalogue. Correct the key, or delete the entry.",
    "without_idle": "without names {key}, which would not be derived here anyway. Delete the entry.",
    "without_and_also": "without and also both name {key}. Give the question's own mistake a key of its own, or delete one.",
    "without_reason": "without says too little about {key}. Say why it cannot be told apart here, in {least} words or more.",
    "errors_unknown": "errors names {key}, which is no error that has a note. Correct the key, or delete the entry.",
    "also_derivation": "{key} in also has no derivation. Give it on_problem, or use CATALOGUE['{key}'].derived(...).",
    "also_never": "{key} in also can be made on none of the problems drawn. Choose inputs on which it can, or delete it.",
    "also_catalogue": "{key} is a mistake of the catalogue, which explains it in other words. Use CATALOGUE['{key}'].derived(...), "
    "or choose another key.",
    "also_two_words": "{key} is explained in other words in {other}. One key has one explanation: share the Mistake, or rename one.",
    "also_unmade": "No wrong answer makes {key}. Add one to WRONG, with that name: a program that makes it as students would.",
    "words_name": "The name of {key} must be a few words without a full stop.",
    "words_sentence": "In {key}, `{field}` must be whole sentences, with backquotes in pairs and no double spaces.",
    "words_filled": "The words of {key} cannot be filled in on every problem: {what}. Placeholders are facts about the problem, such "
    "as {{v}} and {{m}}, and what the derivation returns as its detail.",
    "separable": "{why}",
    "drawable": "Drawing it raises {error}",
    "float64": "{name} is not drawn in float64. Use a sampler of grader.authoring, or dtype=torch.float64.",
    "weights": "The weights are all of one sign or one size, so many wrong weightings look right. Draw them with mixed_signs().",
    "entrywise": "A map acts entry by entry with respect to {name}: J is diagonal, so Jᵀv, Jv and v ⊙ Jᵀ1 are the same. Let an "
    "output depend on several entries of {name}.",
    "only_square": "Every Jacobian is square. Consider a map with another number of outputs than inputs: there a wrong product "
    "shows in the shape.",
    "prediction": "It asks for a prediction, whose truth varies with the seed. Draw its inputs with fixed(...).",
    "same_again": "A map gives the same problem at every seed, so that its answer can be written down. Draw an input with normal(...).",
    "gives": "{error}. Correct gives.",
    "handed": "{name} is handed to students and is neither a number, nor a tensor, nor a function, so it cannot be sent to them.",
    "misnamed": "Wrong answer {number} is to be called {name}, and is called {got}: {headline}",
    "full_marks": "Wrong answer {number}, {name}, gets full marks.",
    "refused": "Right answer {number} is refused as {got}: {headline}",
    "few_wrong": "It has {count} wrong answers. Add to WRONG until there are {least}: what students really get wrong.",
    "few_right": "It has {count} right answers. Add one to RIGHT, by another road than the solution's.",
    "answer_to_nothing": "WRONG or RIGHT answers {id}, which is no question here. Correct the id, or delete the answer.",
    "not_checked": "Without {name}, a list of answers, the rules about them were not checked.",
    "all_kept": "Every rule that was checked is kept.",
    "count": "Rules broken: {count}.",
}
