"""Run students' code where it can do no harm: one confined fork of a zygote for each submission."""


class SandboxError(RuntimeError):
    """The sandbox itself does not work here; the message says what is missing and what to do."""
