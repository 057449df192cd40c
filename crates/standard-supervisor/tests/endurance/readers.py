"""Nobody reads the supervisor's stdout any more, or nobody is there to read it.

A stalled reader is felt by the program, as it would be without a supervisor; one that has
gone costs the output and not the program. Crashes, restarts, requests and stops go on.

Its stdout is a FIFO, which a container can share with us; when the engine itself doesn't
read, see `tests/containers/output.rs`.
"""

import os
import signal
import sys
import time

from place import HERE, Place, Probe, check, wait_until

CONFIG = f"""\
[program:flood]
command={sys.executable} {HERE}/numbered.py flood 2000000 %(here)s
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
startsecs=0
autorestart=true
stopwaitsecs=2
"""
# For the program, which can't end by itself while it is held up, and a loaded machine.
BOUND = 20


def run(binaries, mode="ordinary", times=5):
    stalled = [once(binaries, mode, vanish=False) for _ in range(int(times))]
    vanished = [once(binaries, mode, vanish=True) for _ in range(int(times))]
    return {"mode": mode, "times each": int(times),
            "slowest restart meanwhile, ms": round(max(s[0] for s in stalled + vanished), 1),
            "slowest stop, s": round(max(s[1] for s in stalled + vanished), 2)}


def once(binaries, mode, vanish):
    with Place(binaries, CONFIG, mode) as place:
        os.mkfifo(place.path("out"))
        ours = os.open(place.path("out"), os.O_RDONLY | os.O_NONBLOCK)
        os.set_blocking(ours, True)
        place.within = ["/bin/sh", "-c", 'exec "$@" >"$0"', place.path("out")]
        place.config += (probe := Probe(place)).config()
        place.start()
        probe.up()
        os.read(ours, 1000)
        if vanish:
            os.close(ours)
            taken = written(place)
            wait_until(lambda: written(place) > taken + 1_000_000, "the program to go on")
            check(place.rpc().getProcessInfo("flood")["statename"] == "RUNNING")
        else:
            wait_until(lambda: written(place) == wait_still(place), "the program to be held up")
        slowest = max(probe.crash() for _ in range(5))
        place.rpc().signalProcess("flood", "KILL")
        wait_until(lambda: os.path.exists(place.path("flood.1")), "the program's next run")
        check(place.answers(), "it does not answer")
        stop = place.stop()
        check(stop < BOUND, "the stop took", stop)
        if not vanish:
            os.close(ours)
    return slowest, stop


def written(place):
    with open(place.path("flood.0"), "rb") as file:
        return int.from_bytes(file.read(8), "little")


def wait_still(place):
    """How much was written half a second ago."""
    before = written(place)
    time.sleep(0.5)
    return before
