"""Programs that end at once and are started again, COUNT times in all: nothing may grow.

Each run prints one line, so the logs tell how many there were; all of them must be there,
and as many must have been announced. There are many programs because one is restarted at most five
times in a second.
"""

import os
import re
import statistics
import time

from place import Place, check, say, wait_until

PROGRAMS = 100
CONFIG = f"""\
[program:short]
command=/bin/echo x
numprocs={PROGRAMS}
process_name=%(process_num)d
startsecs=0
autorestart=true
stdout_logfile=%(here)s/short-%(process_num)d.log
stdout_logfile_maxbytes=0
"""
STEPS = 10
# The growth that is allowed after the first step: memory of the allocator itself in KiB, and the
# five descriptors of one run of each program.
ALLOWED = {"anonymous": 256, "descriptors": 5 * PROGRAMS}


def run(binaries, mode="ordinary", count=100_000):
    count = int(count)
    with Place(binaries, CONFIG, mode, supervisord="logfile_maxbytes=0") as place:
        place.config = place.config.replace("logfile_maxbytes=50MB\n", "")
        place.start()
        logs = [place.path(f"short-{number}.log") for number in range(PROGRAMS)]
        runs = lambda: sum(os.path.getsize(log) for log in logs if os.path.exists(log)) // 2
        began, samples = time.monotonic(), []
        for step in range(1, STEPS + 1):
            wait_until(lambda: runs() >= count * step // STEPS, "restarts", 60 + count / 20)
            samples.append({"runs": runs(), **place.cost()})
            say(samples[-1])
        took = time.monotonic() - began
        place.rpc().stopProcessGroup("short")
        # A run that has printed its line and is killed before it ends counts; one that is killed
        # before it has printed does not.
        printed = runs()
        with open(place.path("supervisord.log")) as file:
            log = file.read()
        spawned = len(re.findall(r"INFO spawned: '\d+'", log))
        expected = len(re.findall(r"exited: \d+ \(exit status 0; expected\)", log))
        check(expected <= printed <= spawned <= expected + PROGRAMS, "runs", expected, printed, spawned)
        check(place.cost()["zombies"] == 0, "zombies", place.cost())
        for name, allowed in ALLOWED.items():
            early, late = samples[0][name], max(sample[name] for sample in samples[-3:])
            check(late <= early + allowed, name, "grew", samples)
        stop = place.stop()
    return {"mode": mode, "restarts": printed - PROGRAMS, "per second": round(printed / took),
            "samples": samples, "stop, s": round(stop, 3),
            "pss, KiB": statistics.median(sample["pss"] for sample in samples)}
