"""Students' code where it can do no harm: a zygote that forks, what a fork may do, and one submission's run."""


class SandboxError(RuntimeError):
    """The sandbox itself cannot work here; the message says what is missing and what to do."""
