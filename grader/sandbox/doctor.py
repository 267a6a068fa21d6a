"""Finds which layers of the confinement work on this machine, by trying what each forbids."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from grader.sandbox import SandboxError, confine
from grader.sandbox.zygote import Zygote
from grader.words import DOCTOR


@dataclass(frozen=True)
class Proof:
    """One forbidden action: the layer that forbids it, and code that prints "refused" if it is stopped, else "done".

    key: of words.DOCTOR, for the description.
    floor: whether this machine must not grade without it.
    """

    key: str
    layer: str
    code: str
    floor: bool = True


_TRY = "try:\n    {}\n    print('done')\nexcept (OSError, MemoryError, RuntimeError):\n    print('refused')\n"

# Asks by PR_GET_NO_NEW_PRIVS: the effect itself cannot be tried, since no program can be started.
_NO_NEW_PRIVILEGES = "import ctypes; ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) and os.stat('/nowhere')"

PROOFS = [
    Proof("privileges", "no_new_privs", _TRY.format(_NO_NEW_PRIVILEGES)),
    Proof("read_home", "landlock", _TRY.format("open('/etc/passwd').read()")),
    Proof("list_root", "landlock", _TRY.format("import os; os.listdir('/')")),
    Proof("write_outside", "landlock", _TRY.format("open('/tmp/grader-doctor', 'w'); os.remove('/tmp/grader-doctor')")),
    Proof("read_processes", "landlock", _TRY.format("open('/proc/self/environ').read()")),
    Proof("start_program", "seccomp", _TRY.format("import subprocess; subprocess.run(['/bin/true'])")),
    Proof("fork", "seccomp", _TRY.format("import os; os.fork() or os._exit(0)")),
    Proof("socket", "seccomp", _TRY.format("import socket; socket.socket()")),
    Proof("signal_others", "seccomp", _TRY.format("import os; os.kill(os.getppid(), 0)")),
    Proof("processors", "seccomp", _TRY.format("import os; os.sched_setaffinity(0, range(os.cpu_count()))")),
    Proof("memory", "limits", _TRY.format("import mmap; mmap.mmap(-1, 2**33)")),
    Proof("open_files", "limits", _TRY.format("import os; [os.open(os.devnull, 0) for _ in range(200)]")),
    # A parent outside the process namespace has no process id in it: getppid returns 0.
    Proof("other_processes", "processes", _TRY.format("import os; os.getppid() or os.stat('/nowhere')"), floor=False),
]
# Tried in a process that has only its namespaces, since seccomp would refuse the socket first.
NETWORK = Proof("network", "network", _TRY.format("socket.create_connection(('127.0.0.1', port), 5)"), floor=False)
_ALONE = """
import runpy, socket, sys
confine, port = runpy.run_path(sys.argv[1]), int(sys.argv[2])
if sys.argv[3] == "confined":
    confine["namespaces"]()
"""


@dataclass(frozen=True)
class Finding:
    """The result of one proof: status is "refused", as it should be, or what was printed or breached instead."""

    proof: Proof
    status: str

    @property
    def held(self) -> bool:
        return self.status == "refused"

    @property
    def line(self) -> str:
        """One line for the terminal: a mark, the layer, and what it does or what happened instead."""
        mark = "✓" if self.held else "✗" if self.proof.floor else "–"
        without = "" if self.held else f"  ({self.status})" if self.proof.floor else f"  {DOCTOR['without']}"
        return f"{mark} {self.proof.layer:12} {DOCTOR[self.proof.key]}{without}"


def examine(confined: bool = True) -> list[Finding]:
    """Try every proof, each in a fork of its own.  Raises SandboxError if no fork can be made or confined.

    confined: False tries them without confinement, so that none should hold.
    """
    zygote = Zygote(confined)
    try:
        found = [Finding(proof, _status(zygote, proof)) for proof in PROOFS]
    finally:
        zygote.close()
    return [*found, Finding(NETWORK, _reached(confined))]


def _status(zygote: Zygote, proof: Proof) -> str:
    (run,) = zygote.run(["import os\n" + proof.code], lambda id: None)
    return "".join(output.get("text", "") for output in run.outputs).strip() or run.breach


def _reached(confined: bool) -> str:
    """The status of ``NETWORK``, tried against a server on this machine that would answer."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        arguments = [str(Path(confine.__file__)), str(server.getsockname()[1]), "confined" if confined else "free"]
        command = [sys.executable, "-I", "-c", _ALONE + NETWORK.code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def report() -> tuple[list[str], bool]:
    """Lines for the terminal, and whether submissions can be graded on this machine."""
    try:
        findings = examine()
    except SandboxError as why:
        return [DOCTOR["cannot"].format(why=why)], False
    well = all(finding.held for finding in findings if finding.proof.floor)
    return [*(finding.line for finding in findings), DOCTOR["well" if well else "not_well"]], well
