"""The disk with the logs is full, again and again: a WARN each time, and programs go on.

What is written while there is no room is lost and said to be; what is written afterwards
is there, and a file that was full is rotated when it can be.
"""

import os
import sys
import time

from place import HERE, Lacking, Place, check, say, wait_until

CONFIG = f"""\
[program:writer]
command={sys.executable} {HERE}/numbered.py writer 300000 %(here)s
stdout_logfile=%(here)s/small/writer.log
stdout_logfile_maxbytes=100KB
stdout_logfile_backups=2
startsecs=0
"""


# In a mount namespace of its own: nobody else sees that disk.
MOUNT = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=600k none "$0" && exec "$@"']


def run(binaries, mode="ordinary", times=5):
    if os.geteuid() != 0:
        raise Lacking("only root may mount a small disk")
    with Place(binaries, CONFIG, mode) as place:
        os.mkdir(place.path("small"))
        if mode == "container":
            place.options.append(f"--tmpfs={place.path('small')}:size=600k")
        else:
            place.wrap = [*MOUNT, place.path("small")]
        place.start()
        small = f"/proc/{place.pid}/root{place.folder}/small"
        writer = place.pid_of("writer")
        size = lambda: sum(os.path.getsize(os.path.join(small, name)) for name in os.listdir(small))
        for _ in range(int(times)):
            wait_until(lambda: rotated(small), "the log to be rotated")
            fill(os.path.join(small, "filler"))
            taken = written(place)
            wait_until(lambda: written(place) > taken + 200_000, "the program to go on writing")
            check(place.pid_of("writer") == writer, "the program was started again")
            check(place.answers(), "it does not answer")
            os.unlink(os.path.join(small, "filler"))
            number, taken = last_number(small), written(place)
            wait_until(lambda: last_number(small) > number, "later lines to be kept")
            # Enough for the next time to be told again.
            wait_until(lambda: written(place) > taken + 200_000, "the program to go on writing")
        said = [line for line in place.log().splitlines() if "No space left" in line]
        check(len(said) == int(times) and " WARN " in said[0], "told so often:", len(said))
        say(said[0])
        check(size() < 500_000, "the logs outgrew their bounds", size())
        stop = place.stop()
    return {"mode": mode, "times full": int(times), "said": said[0][24:], "times said": len(said),
            "stop, s": round(stop, 2)}


def rotated(small):
    return os.path.exists(os.path.join(small, "writer.log.1"))


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass


def written(place):
    with open(place.path("writer.0"), "rb") as file:
        return int.from_bytes(file.read(8), "little")


def last_number(small):
    """Of the last line that is whole in the log or, if that has none yet, before it."""
    for name in ("writer.log", "writer.log.1"):
        try:
            with open(os.path.join(small, name), "rb") as file:
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            continue
        if lines:
            return int(lines[-1].split()[2])
    return -1
