"""A program that ends at once and is started again, COUNT times: nothing may grow.

Each run prints one line, so the log tells how many there were; all of them must be there,
and as many must have been announced.
"""

import os
import re
import statistics
import time

from place import Place, check, say, wait_until

CONFIG = """\
[program:short]
command=/bin/echo x
startsecs=0
autorestart=true
stdout_logfile=%(here)s/short.log
stdout_logfile_maxbytes=0
"""
STEPS = 10
# What it may use more at the end than after the first step: memory in KiB of the
# allocator's own making, and the descriptors of a run that is on its way.
ALLOWED = {"anonymous": 256, "descriptors": 6}


def run(binaries, mode="ordinary", count=100_000):
    count = int(count)
    with Place(binaries, CONFIG, mode, supervisord="logfile_maxbytes=0") as place:
        place.config = place.config.replace("logfile_maxbytes=50MB\n", "")
        place.start()
        runs = lambda: os.path.getsize(place.path("short.log")) // 2
        began, samples = time.monotonic(), []
        for step in range(1, STEPS + 1):
            wait_until(lambda: runs() >= count * step // STEPS, "restarts", 60 + count / 20)
            samples.append({"runs": runs(), **place.cost()})
            say(samples[-1])
        took = time.monotonic() - began
        place.rpc().stopProcess("short")
        # One that has printed and is killed before it has ended counts, too; one that is
        # killed before it has printed doesn't.
        printed = runs()
        with open(place.path("supervisord.log")) as file:
            log = file.read()
        spawned = len(re.findall(r"INFO spawned: 'short'", log))
        expected = len(re.findall(r"exited: short \(exit status 0; expected\)", log))
        check(expected <= printed <= spawned <= expected + 1, "runs", expected, printed, spawned)
        check(place.cost()["zombies"] == 0, "zombies", place.cost())
        for name, allowed in ALLOWED.items():
            early, late = samples[0][name], max(sample[name] for sample in samples[-3:])
            check(late <= early + allowed, name, "grew", samples)
        stop = place.stop()
    return {"mode": mode, "restarts": printed - 1, "per second": round(printed / took),
            "samples": samples, "stop, s": round(stop, 3),
            "pss, KiB": statistics.median(sample["pss"] for sample in samples)}
