"""The system-call filter means the same on every architecture that it is made for."""

from __future__ import annotations

import sys

import pytest

if sys.platform != "linux":
    pytest.skip("system-call filters are Linux's", allow_module_level=True)

import pyseccomp
from seccomp_machine import ALLOW, verdict

from autograder.inside.lockdown import system_call_filter
from autograder.inside.syscalls import CHANGING_FILES, SYSCALLS

ARCHITECTURES = {"x86_64": pyseccomp.Arch.X86_64, "aarch64": pyseccomp.Arch.AARCH64}
REFUSE, NO_SUCH_CALL = 0x00050001, 0x00050026
CLONE_THREAD, CLONE_NEWUSER, CLONE_NEWPID = 0x10000, 0x10000000, 0x20000000
NEWER_THAN_SOME_LIBSECCOMP = {"futex_wait", "futex_wake"}
_FORBIDDEN = """
accept bind bpf chmod chown connect execve execveat fork init_module io_uring_setup kexec_load
keyctl memfd_create mknodat mount move_mount open_by_handle_at open_tree perf_event_open personality
pidfd_getfd pidfd_open pivot_root process_vm_readv process_vm_writev ptrace quotactl reboot seccomp
sendmsg setns setresuid setuid shmget socket swapon syslog umount2 unshare userfaultfd vfork
"""
FORBIDDEN = (*_FORBIDDEN.split(), *CHANGING_FILES)


@pytest.fixture(params=ARCHITECTURES)
def architecture(request: pytest.FixtureRequest) -> int:
    return ARCHITECTURES[request.param]


def exists(architecture: int, name: str) -> bool:
    return pyseccomp.resolve_syscall(architecture, name) >= 0


def test_every_name_is_a_system_call() -> None:
    for name in {*SYSCALLS, *CHANGING_FILES} - NEWER_THAN_SOME_LIBSECCOMP:
        assert pyseccomp.resolve_syscall(pyseccomp.Arch.X86_64, name) != -1, name


def test_what_is_listed_is_allowed_wherever_it_exists(architecture: int) -> None:
    program = system_call_filter(own_namespaces=True, architecture=architecture)
    allowed = [name for name in (*SYSCALLS, *CHANGING_FILES) if exists(architecture, name)]
    assert len(allowed) > 100
    for name in allowed:
        assert verdict(program, architecture, name) == ALLOW, name


def test_what_gives_power_is_refused(architecture: int) -> None:
    program = system_call_filter(own_namespaces=False, architecture=architecture)
    for name in FORBIDDEN:
        if exists(architecture, name):
            assert verdict(program, architecture, name) == REFUSE, name


def test_threads_may_be_started_and_nothing_else(architecture: int) -> None:
    program = system_call_filter(own_namespaces=True, architecture=architecture)
    assert verdict(program, architecture, "clone", CLONE_THREAD) == ALLOW
    for flags in (0, 0x11, CLONE_NEWPID, CLONE_THREAD | CLONE_NEWUSER, CLONE_THREAD | CLONE_NEWPID):
        assert verdict(program, architecture, "clone", flags) == REFUSE
    assert verdict(program, architecture, "clone3") == NO_SUCH_CALL


def test_a_process_may_signal_only_itself_and_only_in_its_own_namespace(architecture: int) -> None:
    inside = system_call_filter(own_namespaces=True, architecture=architecture)
    assert verdict(inside, architecture, "kill", 1, 9) == ALLOW
    for target in (0, 2, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF):
        assert verdict(inside, architecture, "kill", target, 9) == REFUSE
    outside = system_call_filter(own_namespaces=False, architecture=architecture)
    assert verdict(outside, architecture, "kill", 1, 9) == REFUSE


def test_calls_of_another_architecture_end_the_process() -> None:
    program = system_call_filter(own_namespaces=True, architecture=pyseccomp.Arch.X86_64)
    assert verdict(program, pyseccomp.Arch.AARCH64, "read") == pyseccomp.KILL
