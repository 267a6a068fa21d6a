"""Students' code where it can do no harm: a warm process that forks, what a fork may do, one submission's run."""


class SandboxError(RuntimeError):
    """The sandbox itself cannot work here; the message says what is missing and what to do."""
