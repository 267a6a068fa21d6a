"""Mistakes in predictions: of letters, statements, calls, shapes and causes of errors."""

from __future__ import annotations

from grader.mistakes.base import Mistake

MISTAKES = [
    Mistake(
        "fact_missed",
        name="a true one is missing",
        listed="left out a statement that holds",
        says="look again at {letter}: it is true, but not in your answer.",
        why="{note} Go through that line once more, step by step.",
    ),
    Mistake(
        "fact_too_many",
        name="one that is not true",
        listed="chose a statement that does not hold",
        says="look again at {letter}: it is in your answer, but not true.",
        why="{note} Go through that line once more, step by step.",
    ),
    Mistake(
        "call_missed",
        unit="07",
        name="one that raises it is missing",
        listed="left out a call that raises the error",
        says="look again at {letter}: it does raise this error, but it is not in your answer.",
        why="{note}",
    ),
    Mistake(
        "call_too_many",
        unit="07",
        name="one that does not raise it",
        listed="chose a call that does not raise the error",
        says="look again at {letter}: it is in your answer, but does not raise this error.",
        why="{note}",
    ),
    Mistake(
        "saved_missed",
        unit="07",
        name="a true one is missing",
        listed="left out a statement that holds",
        says="look again at {letter}: it is true, but not in your answer.",
        why="{note}",
    ),
    Mistake(
        "saved_too_many",
        unit="07",
        name="one that is not true",
        listed="chose a statement that does not hold",
        says="look again at {letter}: it is in your answer, but not true.",
        why="{note}",
    ),
    Mistake(
        "shape_of_output",
        unit="05",
        name="the output's shape",
        says="this is the shape of y.",
        why="The weights have y's shape; the result has the shape of the tensor that you differentiate with respect "
        "to.",
    ),
    Mistake(
        "shape_of_input",
        unit="00",
        name="the input's shape",
        says="this is the shape of {name}, one of the inputs.",
        why="An operation makes a new tensor. Ask which of the inputs' dimensions are left after it.",
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
        why="A tensor of shape () holds one number and has no dimensions. Count how many numbers the result holds.",
    ),
    Mistake(
        "letter_missed",
        unit="05",
        name="one that raises it is missing",
        listed="left out a line that raises the error",
        says="look again at {letter}: it does raise this error, but it is not in your answer.",
        why="PyTorch fills in the weight 1 only if there is a single number to weight.",
    ),
    Mistake(
        "letter_too_many",
        unit="05",
        name="one that does not raise it",
        listed="chose a line that does not raise the error",
        says="look again at {letter}: it is in your answer, but does not raise this error.",
        why="Count the entries of the output, and check whether the call says how much each of them counts.",
    ),
    Mistake(
        "other_cause",
        unit="00",
        name="the wrong cause",
        listed="took another cause for that of the error",
        says="this message does not say {letter}.",
        why="{cause_words}",
    ),
]
