"""The wall clock is set forward and back by years, again and again: nothing else changes.

Only that of the supervisor and its programs: the machine's is left alone, and the kernel
has no namespace for it. So this needs a binary that asks libc, where `clock.c` stands in:
`RUSTFLAGS="--cfg rustix_use_libc" cargo build`. Ours ask the kernel directly.

Measured by the right clock: waits before retries, the time until RUNNING, the patience at
a stop. Ticks follow the wall clock: at most one for each time that it is set, and again
every five seconds when it goes as it should.
"""

import os
import random
import struct
import subprocess
import sys
import time

from place import HERE, Lacking, Place, check, wait_until

YEARS = 10 * 365 * 86400
# What a loaded machine may add to a wait.
SLACK = 5
LISTENER = """\
import sys
while True:
    sys.stdout.write('READY\\n'); sys.stdout.flush()
    header = dict(pair.split(':') for pair in sys.stdin.readline().split())
    sys.stdin.read(int(header['len']))
    with open(sys.argv[1], 'a') as file: file.write(header['eventname'] + '\\n')
    sys.stdout.write('RESULT 2\\nOK'); sys.stdout.flush()
"""
CONFIG = f"""\
[program:fails]
command=/bin/false
autostart=false
startretries=3
[program:slow]
command=/bin/sleep 100000
autostart=false
startsecs=3
[program:stubborn]
command=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'
startsecs=0
stopwaitsecs=3
[eventlistener:ticks]
command={sys.executable} %(here)s/listener.py %(here)s/ticks
events=TICK_5
"""


def run(binaries, mode="ordinary", times=3):
    with Place(binaries, CONFIG, mode) as place:
        clock = Clock(place)
        with open(place.path("listener.py"), "w") as file:
            file.write(LISTENER)
        place.start()
        clock.set(YEARS)
        if place.rpc().getProcessInfo("stubborn")["now"] < time.time() + YEARS / 2:
            raise Lacking("this supervisor doesn't ask libc for the time")
        found = [once(place, clock) for _ in range(int(times))]
        ticks, sets = len(lines(place.path("ticks"))), clock.sets
        check(ticks <= sets + 2 * int(times) * 12, "ticks", ticks, "clock set", sets)
        wait_until(lambda: len(lines(place.path("ticks"))) >= ticks + 2, "ticks to go on", 20)
        check(place.cost()["zombies"] == 0)
        stop = place.stop()
    return {"mode": mode, "clock set": sets, "ticks": ticks, "stop, s": round(stop, 2),
            "seconds of three retries, of startsecs=3, of stopwaitsecs=3":
                [[round(wait, 2) for wait in waits] for waits in found]}


def once(place, clock):
    rpc = place.rpc()
    state = lambda name: rpc.getProcessInfo(name)["statename"]
    waits = []
    for begin, over, least in (
        (lambda: start(rpc, "fails"), lambda: state("fails") == "FATAL", 1 + 2 + 3),
        (lambda: start(rpc, "slow"), lambda: state("slow") == "RUNNING", 3),
        (lambda: rpc.stopProcess("stubborn", False), lambda: state("stubborn") == "STOPPED", 3),
    ):
        began = time.monotonic()
        begin()
        while not over():
            clock.set(random.randint(-YEARS, YEARS))
            check(time.monotonic() - began < least + SLACK, "waited in vain", least)
            time.sleep(0.05)
        waits.append(time.monotonic() - began)
        # Its timers count whole milliseconds.
        check(waits[-1] >= least - 0.01, "too early", waits, "of", least)
    clock.set(0)
    rpc.stopProcess("slow")
    rpc.startProcess("stubborn")
    return waits


def start(rpc, name):
    rpc.startProcess(name, False)


class Clock:
    def __init__(self, place):
        self.path, self.sets = place.path("ahead"), 0
        self.set(0)
        library = place.path("clock.so")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, f"{HERE}/clock.c"], check=True)
        # Inside only: the container engine has its own clock.
        place.within = ["/usr/bin/env", f"LD_PRELOAD={library}", f"CLOCK_AHEAD={self.path}"]

    def set(self, seconds):
        # In place: it is mapped.
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT)
        os.write(fd, struct.pack("q", seconds))
        os.close(fd)
        self.sets += 1


def lines(path):
    try:
        with open(path) as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []
