"""What a process that runs a student's code may do, as tables, and the calls that make it so.

A confinement is put on by the process itself before the first foreign line runs.  It cannot be taken off again, and
every thread that starts later is under it.  Linux only; nothing that a student imports imports this.
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

BESIDE = 2  # processes of the same user namespace: the zygote, and the first of its process namespace
CPU_GRACE = 2  # seconds between the signal that says so and the end


class Unconfined(OSError):
    """A layer of the confinement could not be put on; the message says which, and why."""


# --- Landlock (landlock(7)): what the file system looks like

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
TRUNCATE = 1 << 14

# ABI version -> all file-system rights that it can take away
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = {4: 0b11}  # bind and connect by TCP
_SCOPES = {6: 0b11}  # abstract Unix sockets, signals to processes outside

READ = READ_FILE | READ_DIR
# A file or folder may be made, read, written and removed in the work folder; no links, devices, sockets or pipes.
WRITE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15  # the rights that a rule for a file may name


def landlock_abi() -> int:
    """The version of Landlock that this kernel offers; 0 where there is none."""
    return max(0, _libc().syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def fence(readable: Iterable[Path], writable: Path) -> int:
    """A Landlock ruleset, as a descriptor: of the file system what is named may be used, and of TCP nothing.

    It is made once and put on by every fork; hundreds of rules take longer than all that a fork does otherwise.
    readable: files and folders that may be read.  writable: the one folder in which everything may be done.
    Raises Unconfined.
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
    """Leave of the file system and of TCP what the ruleset allows, and close it.  Raises Unconfined."""
    try:
        _call("Landlock", _RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # what is not there needs no rule
    try:
        allowed = rights if os.path.isdir(f"/proc/self/fd/{handle}") or path.is_dir() else rights & _OF_A_FILE
        rule = struct.pack("=Qi", allowed, handle)
        _call("Landlock", _ADD, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(handle)


def _upto(table: Mapping[int, int], abi: int) -> int:
    return max((bits for version, bits in table.items() if version <= abi), default=0)


# --- seccomp (seccomp(2)): which system calls there are

# group -> the calls that are refused with EPERM, whatever their arguments
REFUSED: dict[str, tuple[str, ...]] = {
    "other programs": ("execve", "execveat"),
    "other processes": (
        "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_open", "pidfd_getfd", "kcmp",
        "process_madvise", "process_mrelease", "move_pages", "migrate_pages", "sched_setaffinity",
    ),
    "signals to others": ("kill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill", "pidfd_send_signal"),
    "sockets": ("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    # The pipe takes bytes.  A descriptor on its way between two sockets keeps a file alive that nothing counts.
    "descriptors over sockets": ("sendmsg", "sendmmsg", "recvmsg", "recvmmsg"),
    # Who knows an identifier needs no "get": what changes or removes an existing one is refused as well.
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
    # Landlock does not look at these: they would tell when a file outside is read or written.
    "watching files": ("inotify_init", "inotify_init1", "inotify_add_watch", "fanotify_init", "fanotify_mark"),
    # Landlock does not look at these either, nor, before its version 3, at truncate by path.
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

# Calls that a libseccomp may be too old to know by name; they have the same number on every architecture.
YOUNG = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "pidfd_open": 434, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447, "process_mrelease": 448,
    "fchmodat2": 452, "statmount": 457, "listmount": 458,
}  # fmt: skip
# What came after this table was written does not exist: setxattrat, file_setattr and others do by path what is refused.
UNKNOWN = range(463, 512)

_CLONE_THREAD = 0x00010000
_TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP = 0x5412, 0x541C, 0x8901, 0x8902
# Flags, versions, keys and seals of a file that is open for reading only, which its owner may set.
_FILE_FLAGS = (
    *(0x40086602, 0x40046602, 0x40087602, 0x40047602),  # FS_IOC_SETFLAGS and FS_IOC_SETVERSION, long and short
    *(0x401C5820, 0x40806685),  # FS_IOC_FSSETXATTR, FS_IOC_ENABLE_VERITY
    *(0x800C6613, 0xC0506617, 0xC0406618),  # FS_IOC_SET_ENCRYPTION_POLICY and the keys for it
)
# fcntl commands by which a descriptor sends any signal to any process of the user, and leases, which stop openers.
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY = 8, 10, 15, 1024, 1026
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
OWN = 0x3FEDCBA9  # stands in a filter for the process that puts it on; above all numbers of processes
_SECCOMP_MODE_FILTER, _INSTRUCTION = 2, 8  # bytes of a struct sock_filter


def barrier() -> bytes:
    """The seccomp filter that refuses the calls of ``REFUSED``, as the kernel's program; threads may start.

    It is made once, too: putting these rules together takes ten times as long as loading them.  Raises Unconfined.
    """
    sc = _pyseccomp()
    refused = sc.SyscallFilter(defaction=sc.ALLOW)
    no = sc.ERRNO(errno.EPERM)
    for calls in REFUSED.values():
        for call in calls:
            with contextlib.suppress(OSError, ValueError):  # a call that this architecture does not have
                refused.add_rule(no, YOUNG.get(call, call))
    for number in UNKNOWN:
        refused.add_rule(sc.ERRNO(errno.ENOSYS), number)
    refused.add_rule(no, "tgkill", sc.Arg(0, sc.NE, OWN))  # a process may signal its own threads only
    # clone3 keeps its flags in memory, where a filter cannot look; without it the C library falls back to clone.
    refused.add_rule(sc.ERRNO(errno.ENOSYS), "clone3")
    refused.add_rule(no, "clone", sc.Arg(0, sc.MASKED_EQ, _CLONE_THREAD, 0))
    refused.add_rule(no, "prlimit64", sc.Arg(2, sc.NE, 0))  # to ask is allowed, to set is not
    by_argument = {
        ("ioctl", 1): (_TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP, *_FILE_FLAGS),
        ("fcntl", 1): (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX, _F_SETLEASE, _F_NOTIFY),
        # The trusted side looks into this process, and its end ends it.
        ("prctl", 0): (_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE),
    }
    for (call, place), values in by_argument.items():
        for value in values:  # 32 bits of the argument count, whatever stands above them
            refused.add_rule(no, call, sc.Arg(place, sc.MASKED_EQ, 0xFFFFFFFF, value))
    with open(os.memfd_create("barrier"), "w+b") as file:
        refused.export_bpf(file)
        file.seek(0)
        program: bytes = file.read()
    if program.count(OWN.to_bytes(4, sys.byteorder)) != 1:
        raise Unconfined(errno.EINVAL, "a filter in which this process cannot be put")
    return program


def seccomp(program: bytes) -> None:
    """Put on the filter of ``barrier``, with this process in the place of OWN.  Raises Unconfined."""
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
    """Resource limits (setrlimit(2)), soft and hard alike but for CPU_GRACE, so that they cannot be raised again."""
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
        # The signal for too much processor time comes first, so that it can be told from other ends.
        soft = value - CPU_GRACE if name == resource.RLIMIT_CPU else value
        resource.setrlimit(name, (soft, value))


def no_new_privileges() -> None:
    """prctl(PR_SET_NO_NEW_PRIVS): no set-uid program, were there a way to start one, would gain anything."""
    if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise Unconfined(ctypes.get_errno(), "no_new_privs")


def no_capabilities() -> None:
    """Give up what root, or the maker of a user namespace, may do beyond others; a plain user has nothing to lose."""
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)  # version 3, this thread; three empty sets of 64 bits
    if _libc().capset(header, none):
        raise Unconfined(ctypes.get_errno(), "capabilities")


def ends_with(parent: int) -> None:
    """Be killed when the parent ends, so that a run whose grader was killed does not go on.

    parent: its process id as it is seen from here, 0 where it is not.
    """
    _libc().prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def first_to_be_killed() -> None:
    """Where the machine runs out of memory, the kernel ends this process before any other."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


# name -> flag of unshare(2); "user" comes first, since it gives the right to the others
_NAMESPACES = {"user": 0x10000000, "network": 0x40000000, "processes": 0x20000000}


def namespaces() -> list[str]:
    """Namespaces of its own, with no network interface and, for what is forked from here on, no other processes.

    Returns the names of those that the kernel grants, each of which stands without the others.  The first process that
    is forked after "processes" was granted must outlive the later ones: with it the kernel ends them all.
    """
    user, group = os.geteuid(), os.getegid()
    granted = [name for name, flag in _NAMESPACES.items() if _libc().unshare(flag) == 0]
    if "user" not in granted:
        return granted
    with contextlib.suppress(OSError):  # some systems let nobody say who is who in it: then its user has no name
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    return granted


def close_descriptors(kept: Iterable[int]) -> None:
    """Close every descriptor but the named ones: what is not open cannot be written to."""
    last = -1
    for keep in [*sorted(set(kept)), 2**16]:
        if last + 1 < keep:  # an empty range would close everything from there on
            os.closerange(last + 1, keep)
        last = keep


@dataclass(frozen=True)
class Prepared:
    """What of a confinement is made once, before the forks: see ``fence``, ``barrier`` and ``namespaces``."""

    ruleset: int
    program: bytes
    granted: list[str]


def prepare(readable: Iterable[Path], writable: Path) -> Prepared:
    """For all forks of this process, which enters namespaces of its own here.  Raises Unconfined."""
    return Prepared(fence(readable, writable), barrier(), namespaces())


def confine(most: Limits, prepared: Prepared) -> list[str]:
    """Put on every layer, in the order in which each still can be; returns the names of those that are on.

    Raises Unconfined where no_new_privs, Landlock or seccomp cannot be had: that is the floor.
    """
    if len(os.listdir("/proc/self/task")) != 1:  # every layer is one thread's, and of those that it starts later
        raise Unconfined(errno.EBUSY, "a thread that was there before the confinement")
    first_to_be_killed()
    if "user" in prepared.granted:
        # There the limit counts what was forked from the zygote, and the zygote; else all that the user runs.
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
