"""The zygote: a process that imports once what submissions need, and then forks for each of them.

Run as a script, never imported by what judges: the package's own ``__init__`` would bring in questions and mistakes,
and a fork must not hold what its student must not see.  It holds ``probe``, ``functions`` and the sandbox, and no more.
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
MOSTLY = 0.75  # of a large page, to make it one
MANY = 32  # forks, after which it pays to make the further ones cheaper: half a second against 8 ms each


def _bare_package() -> None:
    """``grader`` without its ``__init__``: submodules can be imported, and nothing else comes along."""
    package = types.ModuleType("grader", "The grader, as a confined notebook sees it.")
    package.__path__ = [str(HERE.parent)]
    sys.modules["grader"] = package


def main(home: Path, server: bool) -> None:
    """Serve jobs from the socket that is standard input until it is closed.

    home: this process's own folder.
    server: be the fork server: run nothing, but fork a zygote for each socket that comes over standard input with the
        name of the zygote's own folder.  They share what they have imported.
    """
    notebook = _imported()
    first = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if not server:
        _serve(first, home, notebook, MANY)
    _in_large_pages()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that serve are nobody's to wait for
    while True:
        message, descriptors = _message(first)
        if os.fork() == 0:
            first.close()
            os.setsid()  # where the kernel shares processors out among sessions, this is one of its own
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with _ending(), _own(Path(message.decode().rstrip("\n"))) as home:
                _serve(socket.socket(fileno=descriptors[0]), home, notebook, 0)
        for descriptor in descriptors:
            os.close(descriptor)


def _imported() -> Notebook:
    """A notebook in which cells can run, made once for all: what submissions need is imported, and was used."""
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry).resolve() != HERE]
    _bare_package()
    import matplotlib as _matplotlib

    _matplotlib.use("agg")
    import numpy
    import torch

    with contextlib.suppress(ImportError, RuntimeError, OSError):  # a fork says what is missing, and runs nothing
        import pyseccomp  # looks for its library by running programs, which a fork cannot  # noqa: F401

    import grader.functions
    import grader.sandbox.confine
    import grader.sandbox.confined

    torch.set_num_threads(1)
    _first_times(torch)
    assert numpy.ones(1).sum() == 1
    notebook = grader.sandbox.confined.Notebook()
    # From here on a submission finds no file of this package, not even by name.
    sys.modules["grader"].__path__ = []
    sys.modules["grader.sandbox"].__path__ = []
    gc.collect()
    gc.freeze()  # a collection in a fork would otherwise touch, and so copy, every page of this process
    return notebook


def _serve(jobs: socket.socket, home: Path, notebook: Notebook, many: int) -> NoReturn:
    """Fork for one job after another; see ``main``.  Raises EOFError when there are no more.

    many: forks after which memory is put into large pages.  0: it is the fork server's, and lies in them already.
    """
    from grader.sandbox import confine, confined

    works = home / "work"
    works.mkdir(mode=0o700)
    setup = json.loads(_message(jobs)[0])
    if setup["core"] is not None:
        with contextlib.suppress(OSError):  # of a machine that lets nobody choose
            os.sched_setaffinity(0, {setup["core"]})  # of all forks; that they cannot change
    prepared: confine.Prepared | OSError | None = None
    if setup["confined"]:
        try:
            prepared = confine.prepare(map(Path, setup["readable"]), works)
        except OSError as why:  # each fork will say what is missing
            prepared = why
    zygote, child = os.getpid(), 0
    if isinstance(prepared, confine.Prepared) and "processes" in prepared.granted:
        zygote = 0  # this process is not in the namespace of its forks
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
        if child:  # whoever grades was killed, and what runs would write into a folder that is being removed
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _message(jobs: socket.socket) -> tuple[bytes, list[int]]:
    """The next line, and the descriptors that came with it.  Raises EOFError when there are no more."""
    message, descriptors = b"", list[int]()
    while not message.endswith(b"\n"):
        part, more, _, _ = socket.recv_fds(jobs, 65536, 1)
        if not part:
            raise EOFError
        message, descriptors = message + part, descriptors + more
    return message, descriptors


def _first_process() -> None:
    """The first process of a namespace, in which the kernel ends all others when it ends.  It ends with this one.

    A program of its own: a mere fork would hold on to all memory that this process has now.
    """
    ours, _ = os.pipe()  # the other end is open as long as this process lives
    if os.fork() == 0:
        os.dup2(ours, 0)
        os.closerange(1, 2**16)
        os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import os; os.read(0, 1)"])
    os.close(ours)


def _first_times(torch: types.ModuleType) -> None:
    """Do once what takes long when it is done first: torch imports half a second of modules at its first weights."""
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (2 * x).backward(x.detach())
    torch.autograd.grad((x**2).sum(), x, create_graph=True)
    torch.func.jacrev(torch.sin)(x)
    torch.func.jacfwd(torch.sin)(x)
    torch.autograd.functional.jacobian(torch.sin, x)
    torch.autograd.functional.hessian(lambda z: (z**3).sum(), x)


def _in_large_pages() -> None:
    """Have the kernel put this process's memory into pages of 2 MiB where it can: a fork copies an entry for each page.

    Only what is in use for the most part, since all of a large page is taken.  madvise(MADV_COLLAPSE), Linux 6.1.
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
    """Wait for a child that has ended or was killed; how it did, its processor time and how far its memory grew."""
    _, status, usage = os.wait4(child, 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = max(0, usage.ru_maxrss - before) * 1024
    cpu = usage.ru_utime + usage.ru_stime
    return f"{os.waitstatus_to_exitcode(status)} {cpu:.4f} {grown}\n".encode()


@contextlib.contextmanager
def _own(home: Path) -> Iterator[Path]:
    """A folder that is made and removed here: whoever grades may be killed at any moment, and cannot tidy up."""
    home.mkdir(mode=0o700)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """The last thing that a fork does, with success where it had no more to do: it never goes on as the fork server."""
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
