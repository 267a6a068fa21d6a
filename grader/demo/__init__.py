"""The sample class that ``grader demo``, the tests and the benchmarks grade."""
