"""A program that forks as fast as it may, in a container with a limit of processes.

The supervisor goes on answering, says what it can't start meanwhile and tries again, and
ends the whole bomb: at a stop of the program, and at its own.
"""

import contextlib
import sys
import time
import xmlrpc.client

from place import HERE, Place, check, descendants, say, wait_gone, wait_until

LIMIT = 80
# SIGTERM, 2 seconds; what is left over, 2 more; and a machine under load.
BOUND = 20
CONFIG = f"""\
[program:bomb]
command={sys.executable} {HERE}/forks.py
autostart=false
stopwaitsecs=2
killtree=true
startsecs=0
[program:late]
command=/bin/sleep 100000
autostart=false
startsecs=0
startretries=1000
"""


def run(binaries, mode="container", times=3):
    times_taken = []
    with Place(binaries, CONFIG, mode, docker=[f"--pids-limit={LIMIT}"]) as place:
        place.start()
        rpc = place.rpc()
        for _ in range(int(times)):
            bomb = filled(place)
            before = place.log().count("spawnerr: ")
            # There is no room for another one; it is tried again until there is.
            with contextlib.suppress(xmlrpc.client.Fault):
                rpc.startProcess("late", False)
            wait_until(lambda: place.log().count("spawnerr: ") > before, "a failed start to be told")
            check(place.answers(), "it does not answer")
            began = time.monotonic()
            rpc.stopProcess("bomb")
            times_taken.append(time.monotonic() - began)
            check(times_taken[-1] < BOUND, "the stop took", times_taken[-1])
            wait_gone(bomb)
            wait_until(lambda: rpc.getProcessInfo("late")["statename"] == "RUNNING", "its start")
            check(len(descendants(place.pid)) == 1, "somebody is left", descendants(place.pid))
            rpc.stopProcess("late")
        said = next(line for line in place.log().splitlines() if "spawnerr: " in line)
        say(said)
        bomb = filled(place)
        stop = place.stop()
        check(stop < BOUND, "its own stop took", stop)
        wait_gone(bomb)
    return {"mode": mode, "bombs": len(times_taken) + 1, "limit of processes": LIMIT, "said": said[24:],
            "stops of the program, s": [round(taken, 2) for taken in times_taken],
            "own stop, s": round(stop, 2)}


def filled(place):
    """Lets the bomb take all the room that there is; whom it consists of then."""
    place.rpc().startProcess("bomb")
    ours = 1 if place.mode == "container" else 2
    wait_until(lambda: len(descendants(place.pid)) >= LIMIT - ours, "the bomb to fill its place")
    return set(descendants(place.pid))
