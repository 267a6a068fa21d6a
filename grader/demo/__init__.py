"""The sample class that ``grader demo`` grades, and that tests and benchmarks grade again."""
