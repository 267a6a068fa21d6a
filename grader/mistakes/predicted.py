"""Mistakes in predictions: of letters, statements, calls, shapes and causes of errors."""

from __future__ import annotations

from grader.mistakes.base import Mistake

MISTAKES = [
    Mistake(
        "fact_missed",
        name="one that holds is missing",
        listed="left out a statement that holds",
        says="look again at {letter}: it was not in your answer, but it holds.",
        why="{note} Go through that line once more, step by step.",
    ),
    Mistake(
        "fact_too_many",
        name="one that does not hold is in it",
        listed="chose a statement that does not hold",
        says="look again at {letter}: it was in your answer, but it does not hold.",
        why="{note} Go through that line once more, step by step.",
    ),
    Mistake(
        "call_missed",
        unit="07",
        name="one that does is missing",
        listed="left out a call that raises the error",
        says="look again at {letter}: it was not in your answer, but it does raise this error.",
        why="{note}",
    ),
    Mistake(
        "call_too_many",
        unit="07",
        name="one that does not is in it",
        listed="chose a call that does not raise the error",
        says="look again at {letter}: it was in your answer, but it does not raise this error.",
        why="{note}",
    ),
    Mistake(
        "saved_missed",
        unit="07",
        name="one that holds is missing",
        listed="left out a statement that holds",
        says="look again at {letter}: it was not in your answer, but it holds.",
        why="{note}",
    ),
    Mistake(
        "saved_too_many",
        unit="07",
        name="one that does not hold is in it",
        listed="chose a statement that does not hold",
        says="look again at {letter}: it was in your answer, but it does not hold.",
        why="{note}",
    ),
    Mistake(
        "shape_of_output",
        unit="05",
        name="the output's shape",
        says="this is the shape of y.",
        why="The weights have y's shape; the result has the shape of what is differentiated by.",
    ),
    Mistake(
        "shape_of_input",
        unit="00",
        name="the input's shape",
        says="this is the shape of {name}, one of the inputs.",
        why="An operation makes a new tensor: ask what is left of the inputs' dimensions after it.",
    ),
    Mistake(
        "shape_reversed",
        unit="00",
        name="the shape backwards",
        says="these are the right sizes in reverse order.",
        why="The first entry of a shape counts the rows.",
    ),
    Mistake(
        "shape_of_scalar",
        unit="00",
        name="the shape of a single number",
        says="this is the shape of a single number.",
        why="The shape () belongs to a tensor that holds one number and has no dimension. Count how many numbers "
        "the result holds.",
    ),
    Mistake(
        "letter_missed",
        unit="05",
        name="one that does is missing",
        listed="left out a line that raises the error",
        says="look again at {letter}: it was not in your answer, but it does raise this error.",
        why="PyTorch fills in the weight 1 by itself only where there is a single number to weight.",
    ),
    Mistake(
        "letter_too_many",
        unit="05",
        name="one that does not is in it",
        listed="chose a line that does not raise the error",
        says="look again at {letter}: it was in your answer, but it does not raise this error.",
        why="Count the entries of what is differentiated, and look whether somebody says how much each counts.",
    ),
    Mistake(
        "other_cause",
        unit="00",
        name="another cause",
        listed="took another cause for that of the error",
        says="{letter} is not what this message says.",
        why="{cause_words}",
    ),
]
