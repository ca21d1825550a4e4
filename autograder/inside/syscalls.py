"""The system calls that a sandboxed Python with torch may make, by name.

Everything else is refused: no new processes or programs, no sockets to anywhere, no mounts, no
tracing. `confine.py` adds calls that are allowed for some arguments only.
"""

MEMORY = "brk get_mempolicy madvise membarrier mincore mmap mprotect mremap msync munmap"

READING = """
access close close_range dup dup2 dup3 faccessat faccessat2 fadvise64 fstat fstatfs getcwd
getdents64 lseek lstat newfstatat open openat pread64 preadv preadv2 read readahead readlink
readlinkat readv stat statfs statx
"""

WRITING = """
chdir copy_file_range fallocate fchdir fdatasync fsync ftruncate pwrite64 pwritev pwritev2
sendfile umask write writev
"""

WAITING = """
epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 pipe pipe2
poll ppoll pselect6 select wait4 waitid
"""

OWN_SOCKETS = "getpeername getsockname getsockopt recvfrom recvmsg shutdown"

THREADS = """
exit exit_group futex futex_wait futex_wake get_robust_list gettid rseq
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_yield set_robust_list set_tid_address
"""

SIGNALS = """
alarm getitimer pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn
rt_sigsuspend rt_sigtimedwait setitimer sigaltstack
"""

TIME = "clock_getres clock_gettime clock_nanosleep gettimeofday nanosleep time times"

IDENTITY = """
arch_prctl capget getcpu getegid geteuid getgid getgroups getpgid getpgrp getpid getppid
getpriority getrandom getresgid getresuid getrlimit getrusage getsid getuid sysinfo uname
"""

SYSCALLS = tuple(
    " ".join(
        (MEMORY, READING, WRITING, WAITING, OWN_SOCKETS, THREADS, SIGNALS, TIME, IDENTITY)
    ).split()
)

# Allowed only where the process has a view of files of its own. Landlock leaves some of these to
# the owner of a file (and before Linux 6.2 even `truncate`), who may be the grader's own user.
_CHANGING_FILES = """
link linkat mkdir mkdirat rename renameat renameat2 rmdir symlink symlinkat truncate unlink unlinkat
utime utimensat utimes
"""
CHANGING_FILES = tuple(_CHANGING_FILES.split())
