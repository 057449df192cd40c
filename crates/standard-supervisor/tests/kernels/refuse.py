#!/usr/bin/env python3
"""Executes a command to which the kernel refuses system calls, as an old one or a sandbox does.

    refuse.py CALL=ERRNO... -- COMMAND [ARG...]

CALL is a system call or one of its forms: `clone-files` is the clone of a process that shares
its descriptors, `subreaper` the prctl that adopts orphans, `pidfd-info` the ioctl that
returns how a process ended. What the command starts inherits it.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# Numbers of system calls, for x86-64 and arm64. Those after 424 are the same everywhere.
NUMBERS = {
    "clone": (56, 220),
    "ioctl": (16, 29),
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
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# Where struct seccomp_data has the number, and the lower halves of the first two arguments.
NUMBER, ARGUMENT, SECOND_ARGUMENT = 0, 16, 24


def rule(form, code):
    """Instructions that end the filter if the call is of that form, and go on otherwise."""
    column = ["x86_64", "aarch64"].index(platform.machine())
    refuse = (RETURN, 0, 0, REFUSE | code)
    if form == "clone-files":
        return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 4, NUMBERS["clone"][column]),
                (LOAD, 0, 0, ARGUMENT), (SET, 2, 0, CLONE_THREAD),
                (SET, 0, 1, CLONE_FILES), refuse]
    if form == "pidfd-info":
        return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 3, NUMBERS["ioctl"][column]),
                (LOAD, 0, 0, SECOND_ARGUMENT), (EQUAL, 0, 1, PIDFD_GET_INFO), refuse]
    if form == "subreaper":
        return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 4, NUMBERS["prctl"][column]),
                (LOAD, 0, 0, ARGUMENT), (EQUAL, 1, 0, PR_SET_CHILD_SUBREAPER),
                (EQUAL, 0, 1, PR_GET_CHILD_SUBREAPER), refuse]
    return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, 1, NUMBERS[form][column]), refuse]


def install(rules):
    instructions = [one for rule in rules for one in rule] + [(RETURN, 0, 0, ALLOW)]
    program = b"".join(struct.pack("HBBI", *one) for one in instructions)
    memory = ctypes.create_string_buffer(program)
    # struct sock_fprog: how many, and where.
    header = ctypes.create_string_buffer(
        struct.pack("HP", len(instructions), ctypes.addressof(memory)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    for words in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                  (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)]:
        if prctl(*words):
            sys.exit(f"refuse: prctl: {os.strerror(ctypes.get_errno())}")


def main(words):
    at = words.index("--")
    named = [word.split("=") for word in words[:at]]
    install([rule(form, getattr(errno, code)) for form, code in named])
    os.execvp(words[at + 1], words[at + 1:])


if __name__ == "__main__":
    main(sys.argv[1:])
