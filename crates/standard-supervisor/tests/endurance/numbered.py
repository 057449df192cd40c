"""Output of which every byte is known in advance, and who looks whether all has come.

As a program: `numbered.py LABEL BYTES_PER_SECOND FOLDER` writes numbered lines to its
stdout for ever. FOLDER/LABEL.RUN holds how many bytes of this run the kernel has taken:
if the program is killed, at least those must come out, and no others than those that it
was about to write. On SIGTERM it finishes its block, says so, and exits.
"""

import mmap
import os
import signal
import struct
import sys
import time

# A run begins and ends with bytes that no line holds.
BEGIN, END = b"\x02", b"\x03\n"
# Lines that are written by one call; those of every second block are written by a call each.
BLOCK = 200
# More than any block has bytes.
LONGEST = BLOCK * 260
FILLER = bytes(range(97, 123)) * 9


def block(label, run, number):
    """The lines of a block, of 17 to about 230 bytes each."""
    first = number * BLOCK
    lines = (b"%s %d %010d %s\n" % (label, run, n, FILLER[:n * 7919 % 211])
             for n in range(first, first + BLOCK))
    return (BEGIN if number == 0 else b"") + b"".join(lines)


class Accounts:
    """Compares what comes with what must come, run after run."""

    def __init__(self, label, folder):
        self.label, self.folder = label, folder
        self.run = -1
        # Bytes of this run, and of all; what is due next; a beginning that isn't whole.
        self.of_run = self.bytes = self.number = 0
        self.expected = self.pending = b""
        self.ended = True
        self.cut_short = 0

    def look_at(self, came):
        """Accounts for bytes that came; raises ValueError if they aren't what was due."""
        came, self.pending = self.pending + came, b""
        while came:
            if came[:1] == BEGIN:
                head = came.split(b" ", 3)
                if len(head) < 4:
                    self.pending = came
                    return
                self.begin(int(head[1]))
            elif came[:1] == END[:1]:
                if len(came) < len(END):
                    self.pending = came
                    return
                came = came[len(END):]
                self.ended = True
                continue
            came = self.compare(came)

    def begin(self, run):
        """The next run that has written anything."""
        self.close()
        for silent in range(self.run + 1, run):
            if self.taken(silent):
                raise ValueError(f"{self.label}: nothing came of run {silent}")
        if run <= self.run:
            raise ValueError(f"{self.label}: run {run} after {self.run}")
        self.run, self.of_run, self.ended = run, 0, False
        self.expected, self.number = block(self.label.encode(), run, 0), 1

    def compare(self, came):
        if not self.expected:
            self.expected = block(self.label.encode(), self.run, self.number)
            self.number += 1
        due = self.expected[:len(came)]
        same = len(due) if came.startswith(due) else prefix(came, due)
        if self.ended or (same < len(due) and came[same:same + 1] not in (BEGIN, END[:1])):
            raise ValueError(f"{self.label} run {self.run}, byte {self.of_run + same}: "
                             f"{came[same:same + 80]!r} instead of {due[same:same + 80]!r}")
        self.of_run += same
        self.bytes += same
        self.expected = self.expected[same:]
        return came[same:]

    def close(self):
        """A run is over: all that the kernel had taken must have come."""
        if self.run < 0:
            return
        taken = self.taken(self.run)
        if not (self.of_run == taken if self.ended else taken <= self.of_run <= taken + LONGEST):
            raise ValueError(f"{self.label} run {self.run}: {self.of_run} bytes came, "
                             f"{taken} were written")
        self.cut_short += not self.ended

    def taken(self, run):
        """What the kernel has taken of a run."""
        with open(os.path.join(self.folder, f"{self.label}.{run}"), "rb") as file:
            return struct.unpack("Q", file.read(8) or bytes(8))[0]


def prefix(one, other):
    """How many bytes are the same at the beginning."""
    length = min(len(one), len(other))
    return next((at for at in range(length) if one[at] != other[at]), length)


def pieces(block, number):
    """What is written by one call each: the whole block, or one line after another."""
    return block.splitlines(keepends=True) if number % 2 else [block]


def write(label, rate, folder):
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    run = 0
    while True:
        try:
            path = os.path.join(folder, f"{label}.{run}")
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
            break
        except FileExistsError:
            run += 1
    os.ftruncate(fd, 8)
    taken = mmap.mmap(fd, 8)
    total = number = 0
    began = time.monotonic()
    while not stop:
        for piece in pieces(block(label.encode(), run, number), number):
            rest = memoryview(piece)
            while rest:
                written = os.write(1, rest)
                rest = rest[written:]
                total += written
                struct.pack_into("Q", taken, 0, total)
        number += 1
        ahead = total / rate - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        elif ahead < -1:
            # Whoever was held up doesn't make up for it at full speed.
            began -= ahead
    os.write(1, END)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), sys.argv[3])
