"""The zygote: a process that imports once what submissions need, and then forks for each of them.

It runs as a script and is never imported by the trusted side: the package's own ``__init__`` would bring in questions
and mistakes, and a fork must not hold what its student must not see.  It imports ``probe`` and the sandbox, and nothing
else of the package.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import shutil
import signal
import socket
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from grader.sandbox.confined import Notebook

HERE = Path(__file__).resolve().parent
MOSTLY = 0.75  # fraction of 2 MiB that must be in use before the kernel is asked to make it a large page
MANY = 32  # forks after which large pages pay off: making them takes half a second, and each fork then saves 8 ms


def _bare_package() -> None:
    """Put in a bare package ``grader``, so that submodules can be imported without its ``__init__``."""
    package = types.ModuleType("grader", "The grader, as a confined notebook sees it.")
    package.__path__ = [str(HERE.parent)]
    sys.modules["grader"] = package


def main(home: Path, server: bool) -> None:
    """Serve jobs from the socket that is standard input until it is closed, which raises EOFError.

    home: this process's own folder.
    server: be a fork server instead: fork a zygote for each request, a line with the path of the zygote's own folder
        and, as a descriptor, the socket that it is to serve.  These zygotes share what is imported here.
    """
    notebook = _imported()
    first = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if not server:
        _serve(first, home, notebook, MANY)
    _in_large_pages()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the zygotes, since nobody waits for them
    while True:
        message, descriptors = _message(first)
        if os.fork() == 0:
            first.close()
            os.setsid()  # a session of its own, among which some kernels share out CPU time (autogroup)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with _ending(), _own(Path(message.decode().rstrip("\n"))) as home:
                _serve(socket.socket(fileno=descriptors[0]), home, notebook, 0)
        for descriptor in descriptors:
            os.close(descriptor)


def _imported() -> Notebook:
    """Import what submissions need and use it once; returns the notebook of which each fork gets a copy."""
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != HERE]
    _bare_package()
    import matplotlib as _matplotlib

    _matplotlib.use("module://matplotlib_inline.backend_inline")  # as in a kernel: cells show what they draw
    import unittest.mock  # noqa: F401  (so that it is among what tests find as it was)

    import numpy.testing
    import torch
    import torch.testing

    with contextlib.suppress(ImportError, RuntimeError, OSError):  # each fork will say that it is missing
        import pyseccomp  # finds its library by running programs, which a fork cannot  # noqa: F401

    import grader.sandbox.confine
    import grader.sandbox.confined

    torch.set_num_threads(1)
    _first_times(torch)
    assert numpy.ones(1).sum() == 1
    notebook = grader.sandbox.confined.Notebook()
    # From here on a submission can import no further module of this package.
    sys.modules["grader"].__path__ = []
    sys.modules["grader.sandbox"].__path__ = []
    gc.collect()
    gc.freeze()  # otherwise a garbage collection in a fork would touch, and so copy, every page of this process
    return notebook


def _serve(jobs: socket.socket, home: Path, notebook: Notebook, many: int) -> NoReturn:
    """Fork for one job after another.  Raises EOFError when ``jobs`` is closed.

    home: this process's own folder.
    many: forks after which memory is put into large pages; 0 for never, since a fork server has done it already.
    """
    from grader.sandbox import confine, confined

    works = home / "work"
    files = home / "files"  # the instructor's, which forks may read
    for folder in (works, files):
        folder.mkdir(mode=0o700)
    setup = json.loads(_message(jobs)[0])
    if setup["core"] is not None:
        with contextlib.suppress(OSError):  # some machines do not allow it
            os.sched_setaffinity(0, {setup["core"]})  # inherited by all forks, which cannot change it
    prepared: confine.Prepared | OSError | None = None
    if setup["confined"]:
        try:
            prepared = confine.prepare([*map(Path, setup["readable"]), files], works)
        except OSError as why:  # each fork will report it
            prepared = why
    zygote, child = os.getpid(), 0
    if isinstance(prepared, confine.Prepared) and "processes" in prepared.granted:
        zygote = 0  # forks cannot see this process, which is outside their namespace
        _first_process()
    gc.freeze()
    jobs.sendall(f"ready {os.getpid()}\n".encode())
    forks = 0
    try:
        while True:
            message, descriptors = _message(jobs)
            if message == b"reap\n":
                jobs.sendall(_ended(child))
                child = 0
                if forks == many:
                    _in_large_pages()
                continue
            child, forks = os.fork(), forks + 1
            if child == 0:
                jobs.close()
                confined.serve(descriptors[0], message, zygote, notebook, prepared)
            for descriptor in descriptors:
                os.close(descriptor)
            jobs.sendall(f"{child}\n".encode())
    finally:
        if child:  # the grader was killed: a fork that goes on would write into a folder that is being removed
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _message(jobs: socket.socket) -> tuple[bytes, list[int]]:
    """The next line, and the descriptors that came with it.  Raises EOFError if the socket is closed."""
    message, descriptors = b"", list[int]()
    while not message.endswith(b"\n"):
        part, more, _, _ = socket.recv_fds(jobs, 65536, 1)
        if not part:
            raise EOFError
        message, descriptors = message + part, descriptors + more
    return message, descriptors


def _first_process() -> None:
    """Start the first process of the new process namespace: when it ends, the kernel kills all others in it.

    It ends when this process does.  It is a program of its own, since a mere fork would keep all the memory of this
    process alive.
    """
    ours, _ = os.pipe()  # the write end stays open as long as this process lives
    if os.fork() == 0:
        os.dup2(ours, 0)
        os.closerange(1, 2**16)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import os; os.read(0, 1)"])
    os.close(ours)


def _first_times(torch: types.ModuleType) -> None:
    """Do once what is slow the first time: torch imports for half a second at the first backward pass with weights."""
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (2 * x).backward(x.detach())
    torch.autograd.grad((x**2).sum(), x, create_graph=True)
    torch.func.jacrev(torch.sin)(x)
    torch.func.jacfwd(torch.sin)(x)
    torch.autograd.functional.jacobian(torch.sin, x)
    torch.autograd.functional.hessian(lambda z: (z**3).sum(), x)


def _in_large_pages() -> None:
    """Ask the kernel for pages of 2 MiB in this process's memory, since forking copies one table entry for each page.

    Only where most of the 2 MiB are in use, since a large page takes all of them.  madvise(MADV_COLLAPSE), Linux 6.1.
    """
    libc, page, size = ctypes.CDLL(None), resource.getpagesize(), 2**21
    in_use = (ctypes.c_ubyte * (size // page))()
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            start, end = (int(address, 16) for address in place.split("-"))
            for address in range(-(-start // size) * size, end // size * size, size):
                where = ctypes.c_void_p(address), ctypes.c_size_t(size)
                if libc.mincore(*where, in_use) == 0 and sum(in_use) > MOSTLY * len(in_use):
                    libc.madvise(*where, 25)


def _ended(child: int) -> bytes:
    """Reap a child; a line of its exit status, its CPU time in seconds and by how many bytes its memory grew."""
    _, status, usage = os.wait4(child, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = max(0, usage.ru_maxrss - before) * 1024
    cpu = usage.ru_utime + usage.ru_stime
    return f"{os.waitstatus_to_exitcode(status)} {cpu:.4f} {grown}\n".encode()


@contextlib.contextmanager
def _own(home: Path) -> Iterator[Path]:
    """Make the process's own folder, and remove it at the end: the grader cannot be relied on, as it may be killed."""
    home.mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """End the process after the block, so that a fork never goes on as the fork server.

    The exit status is 0 if the block ended, or the other side closed the socket; 1 after any other error.
    """
    try:
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            yield
        os._exit(0)
    finally:
        os._exit(1)


if __name__ == "__main__":
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError), _own(Path(sys.argv[1])) as _home:
        os.environ.update(dict.fromkeys(("HOME", "MPLCONFIGDIR", "IPYTHONDIR"), str(_home)))
        main(_home, server=sys.argv[2:] == ["server"])
