"""Talk to the network, to the machine and to other processes.

Tries: sockets of every family, connections to a port, a socket file and an abstract name of the
    grader, raw system calls, data for an address over a socket pair, DNS and HTTP.
Success: a socket other than a private pair is made, or a connection.
Outcome: refused.
"""

import ctypes
import socket
import urllib.error
import urllib.request

import pyseccomp

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    """A system call by its name, on any architecture; -1 where it is refused or unknown."""
    number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
    return libc.syscall(number, *arguments) if number >= 0 else -1


def attack(targets, model):
    for family in range(46):
        for kind in (1, 2, 3, 5):
            if call("socket", family, kind, 0) >= 0:
                return f"made a socket of family {family}"
            pair = (ctypes.c_int * 2)()
            if family != 1 and call("socketpair", family, kind, 0, pair) >= 0:
                return f"made a socket pair of family {family}"
    for address in (("127.0.0.1", targets["port"]), ("1.1.1.1", 53)):
        try:
            socket.create_connection(address, timeout=1)
            return f"connected to {address}"
        except OSError:
            pass
    ours, _theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    for address in (targets["unix"], "\0" + targets["abstract"]):
        for act in (ours.connect, ours.bind, lambda where: ours.sendto(b"x", where)):
            try:
                act(address)
                return f"used the address {address!r}"
            except OSError:
                pass
    for descriptor in range(3, 10):
        try:
            borrowed = socket.socket(fileno=libc.dup(descriptor))
            borrowed.connect(targets["unix"])
            return f"connected descriptor {descriptor}"
        except (OSError, ValueError):
            pass
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{targets['port']}/", timeout=1)
        return "fetched a page"
    except (urllib.error.URLError, OSError):
        return ""
