"""SIGKILL to any process below the supervisor at any moment, then to the supervisor itself.

COUNT times somebody is killed, drawn from all descendants: leaders, their workers, and
workers that left the session. After each death of a leader its workers are gone before
its replacement comes, and in the end everybody is there who should be, once.
"""

import contextlib
import os
import random
import signal
import time

from place import Place, check, children, descendants, say, wait_gone, wait_until

# A leader with a worker in its group and one that escaped.
FAMILY = "sleep 100000 & setsid sleep 100000 & exec sleep 100000"
FAMILIES, TIDY = 5, 3
CONFIG = f"""\
[program:family]
command=/bin/sh -c '{FAMILY}'
process_name=%(process_num)s
numprocs={FAMILIES}
autorestart=true
startsecs=0
killtree=true
[program:single]
command=/bin/sleep 100000
process_name=%(process_num)s
numprocs={TIDY}
autorestart=true
startsecs=0
"""
WHOLE = FAMILIES * 3 + TIDY


def run(binaries, mode="ordinary", count=500, seed=None):
    seed = int(seed) if seed is not None else random.randrange(1 << 32)
    drawn, count = random.Random(seed), int(count)
    with Place(binaries, CONFIG, mode) as place:
        place.start()
        wait_until(lambda: whole(place.pid), "all to be there")
        killed = 0
        while killed < count:
            everyone = descendants(place.pid)
            if not everyone:
                continue
            victim = drawn.choice(everyone)
            leader = victim in children(place.pid)
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            killed += 1
            if not leader:
                # A worker alone is nobody's business but its leader's: so that all are
                # there again some day, the leader goes, too.
                time.sleep(drawn.uniform(0, 0.01))
                for child in children(place.pid):
                    if len(children(child)) < 2 and drawn.random() < 0.5:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(child, signal.SIGKILL)
            time.sleep(drawn.uniform(0, 0.03))
        bring_back(place.pid)
        wait_until(lambda: whole(place.pid), "all to be there again")
        check(place.answers(), "it does not answer")
        names = [info["statename"] for info in place.rpc().getAllProcessInfo()]
        check(names == ["RUNNING"] * (FAMILIES + TIDY), names)
        cost = place.cost()
        check(cost["zombies"] == 0, cost)
        say("killed", killed)
        died = killed_itself(place)
    return {"mode": mode, "killed": killed, "seed": seed, "cost": cost,
            "died with the supervisor": died}


def whole(pid):
    """Whether all are there, and nobody twice."""
    workers = sorted(len(children(child)) for child in children(pid))
    return workers == [0] * TIDY + [2] * FAMILIES


def bring_back(pid):
    """Ends the families that have lost somebody: their leaders are started again."""
    for child in children(pid):
        if len(children(child)) == 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def killed_itself(place):
    """Everyone who is a child dies with the supervisor; as PID 1, the others do, too."""
    doomed = children(place.pid) if place.mode == "ordinary" else descendants(place.pid)
    others = set(descendants(place.pid)) - set(doomed)
    place.kill(signal.SIGKILL)
    place.process.wait()
    wait_gone(doomed)
    for pid in others:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(doomed)
