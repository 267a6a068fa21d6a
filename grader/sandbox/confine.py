"""What a process that runs a student's code may do, as tables, and the system calls that enforce them.

The process confines itself before the first line of student code runs.  That cannot be undone, and every thread that
starts later is confined as well.  Linux only; nothing that a student imports imports this module.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import resource
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.sandbox.limits import Limits

BESIDE = 2  # other processes in the same user namespace: the zygote, and the first one of its process namespace
CPU_GRACE = 2  # seconds of CPU time between SIGXCPU (the soft limit) and SIGKILL (the hard one)


class Unconfined(OSError):
    """A layer of the confinement could not be applied; the message says which, and why."""


# --- Landlock (landlock(7)): which files and TCP ports can be used

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
TRUNCATE = 1 << 14

# ABI version -> all file-system rights that it can restrict
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = {4: 0b11}  # bind and connect by TCP
_SCOPES = {6: 0b11}  # abstract Unix sockets, signals to processes outside

READ = READ_FILE | READ_DIR
# In the work folder, files and folders may be made, read, written and removed; no links, devices, sockets or pipes.
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15  # the rights that a rule for a file may name


def landlock_abi() -> int:
    """The version of Landlock's ABI that this kernel offers; 0 if it has no Landlock."""
    return max(0, _libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def fence(readable: Iterable[Path], writable: Path) -> int:
    """Make a Landlock ruleset that allows only the named files, and no TCP; returns its descriptor.

    It is made once and applied by every fork: adding hundreds of rules takes longer than all else that a fork does.
    readable: files and folders that may be read.  writable: the one folder in which files and folders may be made,
    written and removed.  Raises Unconfined.
    """
    abi = landlock_abi()
    if abi < 1:
        raise Unconfined(errno.ENOSYS, "Landlock")
    fs, net, scopes = (_upto(table, abi) for table in (_FS_RIGHTS, _NET_RIGHTS, _SCOPES))
    attributes = struct.pack("QQQ", fs, net, scopes)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = _call("Landlock", _CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow(ruleset, path, READ & fs)
        _allow(ruleset, Path(os.devnull), (READ | WRITE_FILE) & fs)
        _allow(ruleset, writable, WRITE & fs)
    except BaseException:
        os.close(ruleset)
        raise
    return ruleset


def landlock(ruleset: int) -> None:
    """Restrict this process to what the ruleset of ``fence`` allows, and close its descriptor.  Raises Unconfined."""
    try:
        _call("Landlock", _RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # a missing file needs no rule
    try:
        allowed = rights if os.path.isdir(f"/proc/self/fd/{handle}") or path.is_dir() else rights & _OF_A_FILE
        rule = struct.pack("=Qi", allowed, handle)
        _call("Landlock", _ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(handle)


def _upto(table: Mapping[int, int], abi: int) -> int:
    return max((bits for version, bits in table.items() if version <= abi), default=0)


# --- seccomp (seccomp(2)): which system calls can be made

# group -> the calls that fail with EPERM, whatever their arguments
REFUSED: dict[str, tuple[str, ...]] = {
    "other programs": ("execve", "execveat"),
    "other processes": (
        "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "kcmp",
        "process_madvise", "process_mrelease", "move_pages", "migrate_pages", "sched_setaffinity",
    ),
    "signals to others": ("kill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill", "pidfd_send_signal"),
    "sockets": ("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    # The pipe only carries bytes.  A descriptor in flight between two sockets would keep a file alive uncounted.
    "descriptors over sockets": ("sendmsg", "sendmmsg", "recvmsg", "recvmmsg"),
    # With the identifier of an existing object, "get" is not needed, so using or removing one is refused as well.
    "shared memory and queues": (
        "shmget", "shmat", "shmdt", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv",
        "msgctl", "mq_open", "mq_unlink", "mq_notify", "memfd_create", "memfd_secret",
    ),
    "namespaces and mounts": (
        "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsmount",
        "fspick", "fsconfig", "mount_setattr", "name_to_handle_at", "open_by_handle_at", "statmount", "listmount",
    ),
    "the kernel": (
        "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "keyctl",
        "add_key", "request_key", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
        "reboot", "swapon", "swapoff", "syslog", "acct", "quotactl", "settimeofday", "clock_settime", "adjtimex",
        "clock_adjtime", "sethostname", "setdomainname", "iopl", "ioperm", "personality", "modify_ldt", "vhangup",
        "lookup_dcookie", "nfsservctl", "_sysctl", "uselib", "ustat", "sysfs", "quotactl_fd", "sync", "syncfs",
    ),
    # Landlock does not cover these; they would tell when a file outside is read or written.
    "watching files": ("inotify_init", "inotify_init1", "inotify_add_watch", "fanotify_init", "fanotify_mark"),
    # Landlock does not cover times either, nor, before its version 3, truncation by path.
    "times and sizes by path": ("utime", "utimes", "futimesat", "utimensat", "truncate", "truncate64"),
    "identities and limits": (
        "setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid",
        "capset", "setrlimit", "setpriority", "sched_setscheduler", "sched_setattr", "sched_setparam", "ioprio_set",
        "setsid", "setpgid",
    ),
    "links, devices and modes": (
        "mknod", "mknodat", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fchmodat2",
        "chown", "fchown", "lchown", "fchownat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
        "fremovexattr",
    ),
}  # fmt: skip

# Calls whose names an old libseccomp may not know; their numbers are the same on every architecture.
YOUNG = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_open": 434, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447, "process_mrelease": 448,
    "fchmodat2": 452, "statmount": 457, "listmount": 458,
}  # fmt: skip
# Calls newer than this table fail with ENOSYS: setxattrat, file_setattr and others do by path what is refused above.
UNKNOWN = range(463, 512)

_CLONE_THREAD = 0x00010000
_TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP = 0x5412, 0x541C, 0x8901, 0x8902
# ioctl requests by which a file's owner changes flags, versions, keys and seals even where it is open only for reading.
_FILE_FLAGS = (
    *(0x40086602, 0x40046602, 0x40087602, 0x40047602),  # FS_IOC_SETFLAGS and FS_IOC_SETVERSION, long and short
    *(0x401C5820, 0x40806685),  # FS_IOC_FSSETXATTR, FS_IOC_ENABLE_VERITY
    *(0x800C6613, 0xC0506617, 0xC0406618),  # FS_IOC_SET_ENCRYPTION_POLICY and the keys for it
)
# fcntl commands that have a descriptor send any signal to any process of the user, and leases, which block openers.
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY = 8, 10, 15, 1024, 1026
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
OWN = 0x3FEDCBA9  # placeholder in the filter for the process's own id; larger than any process id
_SECCOMP_MODE_FILTER, _INSTRUCTION = 2, 8  # the latter: bytes of a struct sock_filter


def barrier() -> bytes:
    """The seccomp filter that refuses the calls of ``REFUSED``, as a BPF program; threads may still be started.

    It is also made once: compiling these rules takes ten times as long as loading them.  Raises Unconfined.
    """
    sc = _pyseccomp()
    refused = sc.SyscallFilter(defaction=sc.ALLOW)
    no = sc.ERRNO(errno.EPERM)
    for calls in REFUSED.values():
        for call in calls:
            with contextlib.suppress(OSError, ValueError):  # this architecture has no such call
                refused.add_rule(no, YOUNG.get(call, call))
    for number in UNKNOWN:
        refused.add_rule(sc.ERRNO(errno.ENOSYS), number)
    refused.add_rule(no, "tgkill", sc.Arg(0, sc.NE, OWN))  # a process may signal its own threads only
    # clone3 takes its flags from memory, where a filter cannot look; without it the C library falls back to clone.
    refused.add_rule(sc.ERRNO(errno.ENOSYS), "clone3")
    refused.add_rule(no, "clone", sc.Arg(0, sc.MASKED_EQ, _CLONE_THREAD, 0))
    refused.add_rule(no, "prlimit64", sc.Arg(2, sc.NE, 0))  # limits may be read, not set
    by_argument = {
        ("ioctl", 1): (_TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP, *_FILE_FLAGS),
        ("fcntl", 1): (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY),
        # This process must stay visible to the trusted side in /proc, and must be killed when its parent ends.
        ("prctl", 0): (_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE),
    }
    for (call, place), values in by_argument.items():
        for value in values:  # the kernel reads only the low 32 bits of these arguments
            refused.add_rule(no, call, sc.Arg(place, sc.MASKED_EQ, 0xFFFFFFFF, value))
    with open(os.memfd_create("barrier"), "w+b") as file:
        refused.export_bpf(file)
        file.seek(0)
        program: bytes = file.read()
    if program.count(OWN.to_bytes(4, sys.byteorder)) != 1:
        raise Unconfined(errno.EINVAL, "a filter in which this process cannot be put")
    return program


def seccomp(program: bytes) -> None:
    """Install the filter of ``barrier``, with this process's id in place of OWN.  Raises Unconfined."""
    program = program.replace(OWN.to_bytes(4, sys.byteorder), os.getpid().to_bytes(4, sys.byteorder))
    kept = ctypes.create_string_buffer(program, len(program))
    whole = struct.pack("@HP", len(program) // _INSTRUCTION, ctypes.addressof(kept))  # struct sock_fprog
    if _libc().prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, whole, 0, 0):
        raise Unconfined(ctypes.get_errno(), "seccomp")


def _pyseccomp() -> Any:
    try:
        import pyseccomp
    except (ImportError, RuntimeError, OSError) as why:  # no binding, or no libseccomp behind it
        raise Unconfined(errno.ENOSYS, "seccomp") from why
    return pyseccomp


# --- limits, privileges, namespaces


def limits(most: Limits) -> None:
    """Set resource limits (setrlimit(2)): hard ones too, so that they cannot be raised again."""
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    table = {
        resource.RLIMIT_CPU: most.cpu_seconds + CPU_GRACE,
        resource.RLIMIT_AS: in_use + most.memory,
        resource.RLIMIT_FSIZE: most.file_size,
        resource.RLIMIT_NOFILE: most.open_files,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for name, value in table.items():
        _, hard = resource.getrlimit(name)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # SIGXCPU comes before SIGKILL, so that the status says that it was CPU time that ended the process.
        soft = value - CPU_GRACE if name == resource.RLIMIT_CPU else value
        resource.setrlimit(name, (soft, value))


def no_new_privileges() -> None:
    """Set PR_SET_NO_NEW_PRIVS (prctl(2)): if a set-uid program could be started, it would gain nothing.

    Raises Unconfined.
    """
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise Unconfined(ctypes.get_errno(), "no_new_privs")


def no_capabilities() -> None:
    """Drop all capabilities, which root and the creator of a user namespace have.  Raises Unconfined."""
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)  # version 3, this thread; three empty sets of 64 bits
    if _libc().capset(header, none):
        raise Unconfined(ctypes.get_errno(), "capabilities")


def ends_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, so that no run outlives a grader that was killed.

    parent: the parent's process id as seen from here; 0 if it is outside this process namespace.  If it has ended
        already, so does this process.
    """
    _libc().prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def first_to_be_killed() -> None:
    """If the machine runs out of memory, have the kernel kill this process before any other."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


# name -> flag of unshare(2); "user" comes first, since it gives the right to create the others
_NAMESPACES = {"user": 0x10000000, "network": 0x40000000, "processes": 0x20000000}


def namespaces() -> list[str]:
    """Enter new user, network and process namespaces; returns the names of those that the kernel grants.

    The new network has no route to anywhere, and processes forked from here on see no others.  The first process forked
    after "processes" was granted must outlive the later ones: when it ends, the kernel kills them all.
    """
    user, group = os.geteuid(), os.getegid()
    granted = [name for name, flag in _NAMESPACES.items() if _libc().unshare(flag) == 0]
    if "user" not in granted:
        return granted
    with contextlib.suppress(OSError):  # some systems forbid the mapping: the user then has no name in the namespace
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return granted


def close_descriptors(kept: Iterable[int]) -> None:
    """Close every descriptor except those in ``kept``, so that nothing else can be written to."""
    last = -1
    for keep in [*sorted(set(kept)), 2**16]:
        if last + 1 < keep:  # for an empty range closerange would close everything from there on
            os.closerange(last + 1, keep)
        last = keep


@dataclass(frozen=True)
class Prepared:
    """The parts of the confinement that are made once, before the forks.

    ruleset: the descriptor from ``fence``.  program: the filter from ``barrier``.  granted: names from ``namespaces``.
    """

    ruleset: int
    program: bytes
    granted: list[str]


def prepare(readable: Iterable[Path], writable: Path) -> Prepared:
    """Prepare the confinement of this process's forks, and enter the namespaces.  Arguments and errors as ``fence``."""
    return Prepared(fence(readable, writable), barrier(), namespaces())


def confine(most: Limits, prepared: Prepared) -> list[str]:
    """Apply every layer, in an order in which no layer prevents a later one; returns the names of those in force.

    Raises Unconfined if this process has more than one thread, or if no_new_privs, the dropping of capabilities,
    Landlock or seccomp fails: without these nothing is graded.
    """
    if len(os.listdir("/proc/self/task")) != 1:  # a layer binds the calling thread and those that it starts later
        raise Unconfined(errno.EBUSY, "a thread that was there before the confinement")
    first_to_be_killed()
    if "user" in prepared.granted:
        # In a user namespace of its own, NPROC counts just the zygote and its forks; elsewhere all that the user runs.
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        count = most.threads + BESIDE
        count = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (count, count))
    no_new_privileges()
    no_capabilities()
    limits(most)
    landlock(prepared.ruleset)
    seccomp(prepared.program)
    return ["no_new_privs", "limits", "landlock", "seccomp", *prepared.granted]


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(layer: str, *arguments: object) -> int:
    result: int = _libc().syscall(*arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise Unconfined(code, f"{layer}: {os.strerror(code)}")
    return result
