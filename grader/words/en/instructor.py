"""What the commands tell an instructor, and the help for their options."""

# What the commands say on the terminal and in nbgrader's log, and their help texts.
COMMANDS: dict[str, str] = {
    "not_confined": "Students' code was run without confinement, because of --no-sandbox or RunOutside.confined = "
    "False.",
    "bad_secret": "{path} does not hold a course secret. Move it away; a new one will be made, and hidden inputs will "
    "change.",
    "help_packs": "The course's own packs of questions, as paths relative to the course's folder. Installed packs are "
    "always available.",
    "help_confined": "Whether students' code is confined. False runs it with the privileges of whoever grades.",
    "bad_config": "{where}: the configuration cannot be read: {error}",
    "no_course": "{folder} is not in a course folder: {config} was not found there or above. Go to the course's "
    "folder and try again.",
    "nbgrader_failed": "`{command}` failed. The end of its log:\n{log}",
    "no_such_path": "there is no {path}.",
    "no_such_unit": "there is no unit {unit}; there are {known}.",
    "no_gradebook": "there is no gradebook at {db}. nbgrader creates it when it generates or grades a unit.",
    "unread_gradebook": "the gradebook at {db} cannot be read: {why}",
    "no_such_student": "the sample class has nobody by that name; there are {known}.",
    "not_canonical": "{path} is not in canonical form. Run: grader format {path}",
    "formatted": "{path} rewritten in canonical form",
    "no_units": "there is nothing to release: {where} contains no notebook.",
    "drifted": "{path} differs from what its source version generates. Run: grader release",
    "released": "{path} generated from its source version",
    "interrupted": "Interrupted. Every file is either unchanged or complete; run the same command again to continue.",
    "demo_in_the_way": "{folder} exists and was not made by this command. Move it away, or name another folder: "
    "grader demo FOLDER",
    "demo_starts": "Grading a sample class of {count} in unit {unit} with nbgrader, in {folder}",
    "demo_feedback": "Writing feedback ...",
    "demo_right": "All {count} got exactly the expected score. This is how the class did:",
    "demo_amiss": "These did not get the expected score: {names}. This is how the class did:",
    "demo_look": "Open these in a browser:\n  what {student}, who made mistakes, gets to see: {page}\n  how the class did: "
    "{report}",
    "demo_besides": "Besides, there are {gradebook} and {grades}.",
    "column_questions": "questions",
    "column_score": " score  what the judge said",
    "help": "The grader of the course on gradients, for instructors and maintainers.",
    "help_demo": "Grade a sample class with nbgrader and show the result.",
    "help_demo_folder": "where to put it; an earlier demo there is replaced (default: demo)",
    "help_demo_student": "only this member of the class; can be given several times",
    "help_format": "Put notebooks into canonical form.",
    "help_paths": "a notebook, or a folder of notebooks",
    "help_check": "change nothing; exit with 1 if something would change",
    "help_release": "Generate release versions with nbgrader and write those that differ; the gradebook does not "
    "change.",
    "help_units": "for example 05_weighted_vjp; all units if none is named",
    "help_doctor": "Test whether this machine can confine submissions, and with what.",
    "help_questions": "List the questions of all available packs.",
    "help_check_pack": "List what a pack of questions lacks, question by question.",
    "help_pack": "a file or folder, or the module of an installed pack, e.g. grader.units",
    "help_answers": "a file, or a folder of files, with lists WRONG and RIGHT of students' answers to try; they are "
    "run with your own privileges",
    "no_such_pack": "{pack} is not a file, a folder or an installed pack. Installed packs: {known}.",
    "help_handout": "Lay out a student's folder, or bring it up to date: start page, lessons and released exercises, "
    "without solutions. What the student has changed stays as it is.",
    "help_handout_folder": "the student's folder; it is made if it is missing",
    "help_handout_lessons": "only the start page and the lessons, for students who get the exercises in another way",
    "handout_into_course": "{folder} holds {config}, so it is a course, and its files would be mixed with a "
    "student's. Name another folder.",
    "handout_nothing": "{root} has released nothing that students could get. First run nbgrader generate_assignment "
    "UNIT.",
    "handout_kept": "{path} has a newer version, but somebody has changed it here, so it was kept. For the new one, "
    "rename it and run the command again.",
    "handout_done": "{folder} is ready: {new} new files, {updated} brought up to date.",
    "help_grade": "Grade what was handed in for one unit, in parallel: autograded notebooks, gradebook and feedback. "
    "Graded submissions that did not change are skipped, so a run that was stopped can be started again.",
    "help_grade_unit": "the assignment, e.g. 05_weighted_vjp",
    "help_grade_student": "only this student; can be given several times",
    "help_jobs": "worker processes on this machine; the default is one per processor",
    "help_dask": "grade on the Dask cluster whose scheduler has this address, e.g. tcp://127.0.0.1:8786",
    "help_db": "URL of the gradebook, if it is not the configured one, e.g. postgresql+psycopg://user@host/gradebook",
    "help_force": "also grade what did not change",
    "help_no_sandbox": "run students' code with your own privileges, unprotected; the report will say so",
    "help_limit": "a limit for this run instead of the configured one, e.g. cell_seconds=60; can be given several "
    "times",
    "help_json": "print what was done as JSON",
    "not_positive": "a whole number above 0 is needed",
    "no_such_limit": "write NAME=N, where NAME is one of: {known}",
    "submissions": " submissions",
    "failures": "{count} failed",
    "progress": "{unit}: {done} of {count}, {rate:.1f} a second, {left:.0f} s left, {failed} failed",
    "column_graded": "graded",
    "column_unchanged": "unchanged",
    "column_failed": "failed",
    "remarked": "Graded, but worth a look:",
    "failures_head": "Not graded:",
    "not_in_gradebook": "The gradebook does not contain {unit}. Add it: nbgrader generate_assignment {unit} --force",
    "nobody": "nobody has handed in anything for {unit}. Submissions must be in {path}; `nbgrader collect {unit}` "
    "fetches them from the exchange.",
    "no_such_submission": "{student} has handed in nothing for {unit}: there is no folder {folder}.",
    "nothing_handed_in": "There is no {names} in the folder. Ask the student for it, or put it there, and run again.",
    "other_notebooks": "There is no {names} in the folder, and none of its files can be recognized as it: {files}. "
    "Rename the right file, or ask the student for it, and run again.",
    "several_notebooks": "There is no {file} in the folder, but several files could be meant: {files}. Rename the "
    "right one to {file}, and run again.",
    "not_all_notebooks": "There is no {file} in the folder, so its questions get 0 points.",
    "not_opened": "The file cannot be opened ({why}). Check its owner and mode, and run again.",
    "bad_student": "The name of the folder is too long or is not valid UTF-8, so the gradebook cannot use it as an id.",
    "bad_timestamp": "timestamp.txt says {text!r}, which is not a date and time; the submission counts as on time.",
    "no_zone": "timestamp.txt says {text!r}, without a time zone; it was read as UTC.",
    "unclear_time": "timestamp.txt says {text!r}, which could mean several times; it was read as {read} UTC.",
    "future_time": "timestamp.txt says {text!r}, which is in the future; the submission counts as handed in at {read} "
    "UTC.",
    "time_put_right": "nbgrader read timestamp.txt as {theirs} UTC. It means {ours} UTC, and the gradebook now has "
    "that time.",
    "time_taken_out": "nbgrader read timestamp.txt as {theirs} UTC. The gradebook now has no time, so the submission "
    "is not late.",
    "lost": "The process that graded this submission died {times} times, so it was set aside with 0 points. Look at "
    "it by hand, and grade it again: grader grade --force --student ID",
    "fault": "Something went wrong with this submission ({error}). The others were graded. Look at the files in its "
    "folder, and run again; if nothing is unusual, please report this.",
    "no_process": "The process that runs submissions ended twice under this one, but works for others: {why} The "
    "submission was set aside with 0 points; look at it by hand.",
    "a_link": "it is a link, and could lead to another student's work",
    "left_beside": "Of the files beside the notebook, only timestamp.txt was copied: {why}. The grade does not depend "
    "on them.",
    "no_file_beside": "there is a link, a pipe or a device",
    "linked_output": "{folder} or the folder above it is a link. Grading writes there; replace the link with a folder.",
    "left_out": "{folder} was left out: {why}. `grader grade` can handle it.",
    "odd_name": "its name contains a line break, or a character that nbgrader treats as part of a pattern",
    "odd_time": "its timestamp.txt is not a small file",
    "too_many_files": "there are more than {most} files and folders",
    "too_deep": "folders are nested more than {most} deep, or a name is too long",
    "too_large_beside": "they take more than {most} MB",
    "unknown_zone": "timestamp.txt says {text!r}, whose time zone is unknown; it was read as UTC.",
    "no_driver": "The database needs the package {driver}, which is not installed: pip install {driver}",
    "database_locked": "The gradebook {url} is in use by another program ({why}). Close that program, and the "
    "formgrader too, and run again: everything graded so far is kept.",
    "database_refused": "The gradebook {url} refuses: {why}. Everything graded so far is kept; fix the problem and "
    "run again.",
    "other_language": "A worker uses the language {ours}, and this command {theirs}. Start both with the same "
    "GRADER_LANGUAGE.",
    "no_dask": "Dask is not installed here: pip install distributed",
    "no_scheduler": "There is no Dask scheduler at {address} ({why}). Start one with `dask scheduler`.",
    "no_workers": "The Dask scheduler at {address} has no workers. Start some with `dask worker {address}`.",
    "too_large_given": "{folder} holds more than {most} MB beside its notebooks, which is too much to send with each "
    "submission. Remove the largest files, and change the notebook so that it does not need them.",
    "no_release": "{path} is missing; submissions are compared with it. Make it: nbgrader generate_assignment {unit}",
}

# Help texts for the limits of a submission.  Keys are the fields of ``sandbox.limits.Limits``.
LIMITS: dict[str, str] = {
    "cell_seconds": "Seconds that one cell may compute or sleep; waiting for a busy processor does not count.",
    "notebook_seconds": "Seconds that all cells of one notebook may compute or sleep.",
    "cpu_seconds": "Seconds of processor time for one notebook.",
    "memory": "Bytes of memory for one notebook, beyond what Python and torch need.",
    "file_size": "Bytes of one file in the work folder.",
    "open_files": "Files that may be open at once.",
    "work_size": "Total bytes of all files in the work folder.",
    "threads": "Threads that a notebook may have at once.",
    "cell_output": "Characters of output that are kept per cell.",
    "notebook_output": "Characters of output that are kept per notebook.",
    "reading_seconds": "Seconds that reading one submission may take.",
    "page_seconds": "Seconds that making one feedback page may take.",
}

DOCTOR: dict[str, str] = {
    "privileges": "a program that was started could not gain privileges",
    "read_home": "a file outside the libraries cannot be read",
    "list_root": "folders outside the work folder cannot be listed",
    "write_outside": "nothing can be written outside the work folder",
    "read_processes": "nothing can be learned about processes, not even its own environment",
    "start_program": "no other program can be started",
    "fork": "no other process can be started",
    "socket": "no socket can be opened",
    "signal_others": "no signal can be sent to another process",
    "processors": "only the assigned processor can be used",
    "memory": "memory is limited",
    "open_files": "open files are limited",
    "other_processes": "no outside process has a process id that could be named",
    "network": "no network can be reached",
    "without": "(this kernel does not grant it; seccomp alone refuses what it would hide)",
    "cannot": "Submissions cannot be confined here: {why}",
    "well": "Submissions can be graded here.",
    "not_well": "Submissions must not be graded on this machine in its present state: what is marked ✗ is not refused.",
}

# Why a pack of questions cannot be used.
PACKS: dict[str, str] = {
    "at_hand": "pack {name}: {count} questions, {file}",
    "same_id": "Two packs have a question {id!r}: {one} and {other}. Give one of them another id, or use only one "
    "pack.",
    "no_module": "The installed pack {name!r} should be in the module {module}, which does not exist. Install its "
    "package again.",
    "not_there": "{config} names the pack {name!r}, but there is no such file or folder in {folder}.",
    "unread": "{file} cannot be read: {why}",
    "fails": "{file}:{line}: the pack cannot be loaded: {error}",
    "no_questions": "{file}:1: a pack needs a list {name} of Questions, but this module has none.",
    "twice": "{file}:{line}: the pack has two questions {id!r}. Give one of them another id.",
    "no_function": "{file}:{line}: {id} hands {name} to students, which is not a plain Python function. Write one "
    "that calls it.",
    "lambda": "{file}:{line}: {id} hands {name} to students, which is a lambda or a closure and cannot enter the "
    "sandbox. Write it with `def` at the top level of a separate module.",
    "not_alone": "{file}:{line}: {name}, which {id} hands to students, is in a module that imports {what}. In the "
    "sandbox, that module has only the installed libraries: move the function to a module of plain torch functions.",
}

# What nobody could grade in a released notebook, and what to do.
CELLS: dict[str, str] = {
    "stop": "Nothing was done, because these cells cannot be graded:\n{faults}",
    "number": "number {number}",
    "unknown": "{notebook}, cell {cell}: it checks {id!r}, but no available pack has a question with that "
    "id.{nearest} Available packs: {packs}. A course names its own with plugin.configure(c, packs=[…]) in "
    "nbgrader_config.py.",
    "nearest": " Did you mean {ids}?",
    "no_packs": "none",
    "no_literal": "{notebook}, cell {cell}: the id passed to check is not a literal. Write it in quotes.",
    "not_graded": "{notebook}, cell {cell}: it calls check({id!r}, …) but is not graded. Make it “Autograder tests” "
    "in the Create Assignment bar, with the question's points, or remove the call.",
    "again": "{notebook}, cell {cell}: it checks {id!r}, which a cell above already checks. Check each question once.",
    "two_checks": "{notebook}, cell {cell}: it calls check more than once. Give each question a graded cell of its own.",
    "hidden_check": "{notebook}, cell {cell}: its hidden tests call check, which must be visible. Move the call out "
    "of them.",
    "not_imported": "{notebook}, cell {cell}: it calls check, but no cell of the notebook imports it. Put `from "
    "grader import check` into its first cell.",
    "points": "{notebook}, cell {cell}: it gives {points} points, but the question {id} is worth {worth} ({where}). "
    "Make the two equal.",
    "empty": "{notebook}, cell {cell}: it is empty, so everybody would get its points. Write a test, or unmark it as "
    "graded.",
    "no_python": "{notebook}, cell {cell}, line {line}: this test is not valid Python ({error}).",
    "nothing_graded": "{notebook}: it has no graded cell. Mark one in the Create Assignment bar, or move the notebook out of "
    "the assignment's folder.",
    "no_problem": "{where}: no draw of this question gives a problem that can be graded. {why}",
    "stale": "{notebook}, cell {cell}: the gradebook has another version of it than the released notebook has. "
    "Generate both again: nbgrader generate_assignment {unit} --force",
}

# What the author of a pack is told about a question or a mistake.  ``{id}`` is the question's.
AUTHORS: dict[str, str] = {
    "weight_shape": "{id}: the weight {name} has shape {got}, but its output has shape {shape}. Leave the shape out "
    "of the sampler, as in `mixed_signs()`: then a weight takes its output's shape.",
    # Why no draw of a question tells its mistakes apart.
    "inseparable": "{id}: none of {tries} draws at seed {seed} tells the truth and all mistakes apart.",
    "alike": "{count} of {tries}: {names} give the same result.",
    "not_finite": "{count} of {tries}: {names} is not finite.",
    "truth": "the truth",
    "and": "{most} and {last}",
    "weight_of_one_size": "All entries of the weight {name} have the same absolute value, so many wrong weightings "
    'look right. Draw it with mixed signs and sizes: weights={{"{name}": None}}.',
    "weight_of_one_sign": "All entries of the weight {name} have the same sign, so a lost sign does not show. Draw it "
    'with mixed signs: weights={{"{name}": None}}.',
    "entrywise": "With respect to {name} the map acts entry by entry: J is diagonal, so Jᵀv, Jv and v ⊙ Jᵀ1 are "
    "equal. Let an output depend on several entries of {name}.",
    "then_again": "Other coincidences may follow from that: fix it, then look again.",
    "finite_inputs": "Choose inputs at which the truth is finite.",
    "other_inputs": "An answer that makes a mistake must not be right. If the truth is in a group, choose other "
    "inputs, another shape, or a map on which the mistake shows.",
    "leave_out": "If a mistake cannot be told apart here, leave it out, and replace {reason} with the reason: {code}",
    "own": "These are the question's own mistakes: {names}. Choose inputs on which each is finite and differs from "
    "everything else, fix its derivation, or remove it from `also`.",
}

# The rules that every question of a course keeps to: what is amiss, and what to do.  A finding begins with the id.
RULES: dict[str, str] = {
    "id": "An id is a unit, a dot and a name, in lowercase letters, digits and underscores, such as ps1.one_row, and "
    "the name begins with a letter.",
    "id_twice": "{count} questions have this id. Rename all but one.",
    "title": "The title {title!r} must begin with the exercise's number, as in '1.2 One row', because cards refer to "
    "the exercise by number.",
    "hints": "It has {count} hints. Give two or three, all different and without leading or trailing spaces.",
    "solution": "Its solution is not right: {why}. It is run on its own, so let it import what it uses, and end it with "
    "the definition of the answer.",
    "stars": "stars is {value}. Give a whole number from 1 to 5.",
    "points": "points is {value}. Give a number greater than 0.",
    "minutes": "minutes is {value}. Give a number greater than 0.",
    "rtol": "rtol is {value}. Give a number greater than 0 and at most {most}; otherwise answers that are only nearly "
    "right would pass.",
    "without_unknown": "without names {key}, which is not a mistake in the catalogue. Correct the key, or delete the "
    "entry.",
    "without_idle": "without names {key}, which would not be derived here anyway. Delete the entry.",
    "without_and_also": "without and also both name {key}. Give the question's own mistake a key of its own, or delete one.",
    "without_reason": "without says too little about {key}. Say why it cannot be told apart here, in {least} words or "
    "more.",
    "errors_unknown": "errors names {key}, which is not an error that has a note. Correct the key, or delete the "
    "entry.",
    "also_derivation": "{key} in also has no derivation. Give it on_problem, or use CATALOGUE['{key}'].derived(...).",
    "also_never": "{key} in also does not occur on any of the problems drawn. Choose inputs on which it can occur, or "
    "delete it.",
    "also_catalogue": "{key} is a mistake in the catalogue, which explains it in other words. Use "
    "CATALOGUE['{key}'].derived(...), or choose another key.",
    "also_two_words": "{key} is explained in other words in {other}. A key must have only one explanation: share the "
    "Mistake, or rename one.",
    "also_unmade": "No wrong answer makes {key}. Add one to WRONG under that name: a program that makes the mistake "
    "as students would.",
    "words_name": "The name of {key} must be a few words without a period.",
    "words_sentence": "In {key}, `{field}` must consist of whole sentences, with paired backquotes and no double "
    "spaces.",
    "words_filled": "The words of {key} cannot be filled in on every problem: {what}. Placeholders are facts about "
    "the problem, such as {{v}} and {{m}}, and the detail that the derivation returns.",
    "separable": "{why}",
    "drawable": "Drawing it raises {error}",
    "float64": "{name} is not drawn in float64. Use a sampler of grader.authoring, or dtype=torch.float64.",
    "weights": "All weights have the same sign or the same absolute value, so many wrong weightings look right. Draw "
    "them with mixed_signs().",
    "entrywise": "A map acts entry by entry with respect to {name}: J is diagonal, so Jᵀv, Jv and v ⊙ Jᵀ1 are equal. "
    "Let an output depend on several entries of {name}.",
    "only_square": "Every Jacobian is square. Consider a map with different numbers of outputs and inputs: there, a "
    "wrong product shows in the shape.",
    "prediction": "It asks for a prediction, but the true answer varies with the seed. Draw its inputs with "
    "fixed(...).",
    "same_again": "A map gives the same problem at every seed, so its answer can be hard-coded. Draw an input with "
    "normal(...).",
    "gives": "{error}. Correct gives.",
    "handed": "{name} is handed to students but is not a number, a tensor or a function, so it cannot be sent to them.",
    "misnamed": "Wrong answer {number} should be named {name}, but is named {got}: {headline}",
    "full_marks": "Wrong answer {number}, {name}, gets full marks.",
    "refused": "Right answer {number} is refused as {got}: {headline}",
    "few_wrong": "It has {count} wrong answers. Add answers to WRONG until there are {least}: mistakes that students "
    "really make.",
    "few_right": "It has {count} right answers. Add one to RIGHT that uses a different method than the solution.",
    "answer_to_nothing": "WRONG or RIGHT answers {id}, but there is no such question here. Correct the id, or delete "
    "the answer.",
    "not_checked": "Without {name}, a list of answers, the rules about answers were not checked.",
    "all_kept": "No rule that was checked is broken.",
    "count": "Rules broken: {count}.",
}
