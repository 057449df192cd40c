#!/usr/bin/env python3
"""Executes a command to which the kernel refuses system calls, as an old one or a sandbox does.

    refuse.py CALL=ERRNO... -- COMMAND [ARG...]

CALL is a system call or one of its forms: `clone-files` is the clone of a process that shares
its descriptors, `subreaper` the prctl that adopts orphans, `pidfd-info` the ioctl that
returns how a process ended. `open:NAME` is the opening of any file of that name; a process of this
script answers those calls and prints each refused one to stderr. What the command starts inherits
the filter.
"""

import array  # `socket.send_fds` cannot import it once the filter refuses files.
import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import sys

# Numbers of system calls, for x86-64 and arm64. Those after 424 are the same everywhere.
NUMBERS = {
    "clone": (56, 220),
    "ioctl": (16, 29),
    "openat": (257, 56),
    "seccomp": (317, 277),
    "prctl": (157, 167),
    "memfd_create": (319, 279),
    "statx": (332, 291),
    "rseq": (334, 293),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "clone3": (435, 435),
    "close_range": (436, 436),
    "openat2": (437, 437),
    "faccessat2": (439, 439),
    "epoll_pwait2": (441, 441),
    "splice": (275, 76),
}

CLONE_FILES, CLONE_THREAD = 0x400, 0x10000
PIDFD_GET_INFO = 0xC040FF0B
PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37

# From linux/filter.h, linux/bpf_common.h and linux/seccomp.h.
LOAD, EQUAL, SET, AND, RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
ALLOW, REFUSE, ASK = 0x7FFF0000, 0x00050000, 0x7FC00000
PR_SET_NO_NEW_PRIVS, SECCOMP_SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8
# The ioctls of a listener, and the fields of a call (struct seccomp_notif: id, pid, flags, number,
# architecture, instruction, six arguments) and of an answer (struct seccomp_notif_resp).
RECEIVE, SEND, GO_ON = 0xC0502100, 0xC0182101, 1
CALL, ANSWER = "QIIiIQ6Q", "QqiI"
# Where struct seccomp_data has the number, and the lower halves of the first two arguments.
NUMBER, ARGUMENT, SECOND_ARGUMENT = 0, 16, 24


def rule(form, code):
    """Instructions that end the filter if the call is of that form, and go on otherwise."""
    refuse = (RETURN, 0, 0, REFUSE | code)
    if form.startswith("open:"):
        return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 1, number("openat")), (RETURN, 0, 0, ASK)]
    if form == "clone-files":
        return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 4, number("clone")),
                (LOAD, 0, 0, ARGUMENT), (SET, 2, 0, CLONE_THREAD),
                (SET, 0, 1, CLONE_FILES), refuse]
    if form == "pidfd-info":
        return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 3, number("ioctl")),
                (LOAD, 0, 0, SECOND_ARGUMENT), (EQUAL, 0, 1, PIDFD_GET_INFO), refuse]
    if form == "subreaper":
        return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 4, number("prctl")),
                (LOAD, 0, 0, ARGUMENT), (EQUAL, 1, 0, PR_SET_CHILD_SUBREAPER),
                (EQUAL, 0, 1, PR_GET_CHILD_SUBREAPER), refuse]
    return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 1, number(form)), refuse]


def number(call):
    return NUMBERS[call][["x86_64", "aarch64"].index(platform.machine())]


def install(rules, flags):
    """Installs the filter; with NEW_LISTENER it returns the descriptor that receives calls."""
    instructions = [one for rule in rules for one in rule] + [(RETURN, 0, 0, ALLOW)]
    program = b"".join(struct.pack("HBBI", *one) for one in instructions)
    memory = ctypes.create_string_buffer(program)
    # struct sock_fprog: how many, and where.
    header = ctypes.create_string_buffer(
        struct.pack("HP", len(instructions), ctypes.addressof(memory)))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        sys.exit(f"refuse: prctl: {os.strerror(ctypes.get_errno())}")
    listener = library.syscall(number("seccomp"), SECCOMP_SET_MODE_FILTER, flags, header)
    if listener < 0:
        sys.exit(f"refuse: seccomp: {os.strerror(ctypes.get_errno())}")
    return listener


def answer_in_the_background(files):
    """Starts the process that answers; returns the socket that it gets the listener from."""
    ours, theirs = socket.socketpair()
    # Forks twice, so that the process is no child of the command.
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            ours.close()
            answer(socket.recv_fds(theirs, 1, 1)[1][0], files)
        os._exit(0)
    os.wait()
    return ours


def answer(listener, files):
    """Answers calls of `openat` until no process has the filter."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    # The command's output must end when the command does.
    os.dup2(2, 1)
    while not poll.poll()[0][1] & select.POLLHUP:
        call = bytearray(struct.calcsize(CALL))
        try:
            fcntl.ioctl(listener, RECEIVE, call)
            sender, pid, _, _, _, _, _, address, *_ = struct.unpack(CALL, call)
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                path = os.pread(memory.fileno(), 4096, address).split(b"\0")[0]
            path = path.decode(errors="replace")
            code = files.get(os.path.basename(path))
            if code:
                print(f"refuse: {path}", file=sys.stderr, flush=True)
            flags = 0 if code else GO_ON
            fcntl.ioctl(listener, SEND, struct.pack(ANSWER, sender, 0, -(code or 0), flags))
        except OSError:
            # That process has been killed.
            continue


def main(words):
    at = words.index("--")
    named = [word.split("=") for word in words[:at]]
    named = {form: getattr(errno, code) for form, code in named}
    files = {form.removeprefix("open:"): code
             for form, code in named.items() if form.startswith("open:")}
    rules = [rule(form, code) for form, code in named.items()]
    if files:
        background = answer_in_the_background(files)
        listener = install(rules, NEW_LISTENER)
        socket.send_fds(background, [b"x"], [listener])
        os.close(listener)
    else:
        install(rules, 0)
    os.execvp(words[at + 1], words[at + 1:])


if __name__ == "__main__":
    main(sys.argv[1:])
