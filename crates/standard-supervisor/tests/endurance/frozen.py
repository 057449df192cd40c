"""SIGSTOP and SIGCONT: of programs, and of the supervisor while programs die.

A program that stands still is no program that has ended. It can be killed and is started
again; asked to stop, it gets its time and then SIGKILL. A supervisor that stood still
finds everyone who died meanwhile, once, and an order to stop that came meanwhile.
"""

import os
import signal
import time

from place import Place, check, children, say, state, wait_until

APPS = 10
CONFIG = f"""\
[program:app]
command=/bin/sleep 100000
process_name=%(process_num)s
numprocs={APPS}
autorestart=true
startsecs=0
stopwaitsecs=1
"""


def run(binaries, mode="ordinary", times=20):
    with Place(binaries, CONFIG, mode) as place:
        place.start()
        died = 0
        for _ in range(int(times)):
            frozen_program(place)
            died += frozen_supervisor(place)
        stopping_a_frozen_one(place)
        check(place.cost()["zombies"] == 0, place.cost())
        # An order to stop that comes while it stands still.
        freeze(place.pid)
        place.kill(signal.SIGTERM)
        place.kill(signal.SIGCONT)
        stop = place.stop()
    return {"mode": mode, "times each": int(times), "children that died meanwhile": died,
            "stop, s": round(stop, 2)}


def exits(place):
    return place.log().count("exited: ")


def whole(place):
    alive = [child for child in children(place.pid) if state(child) != "Z"]
    return len(alive) == APPS and [
        info["statename"] for info in place.rpc().getAllProcessInfo()] == ["RUNNING"] * APPS


def freeze(pid):
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state(pid) == "T", "it to stand still")


def frozen_program(place):
    before, app = exits(place), children(place.pid)[0]
    freeze(app)
    check(place.answers() and whole(place) and exits(place) == before, "taken for dead")
    os.kill(app, signal.SIGCONT)
    freeze(app)
    os.kill(app, signal.SIGKILL)
    wait_until(lambda: exits(place) == before + 1 and whole(place), "a replacement")


def frozen_supervisor(place):
    before, apps = exits(place), children(place.pid)
    freeze(place.pid)
    for app in apps:
        os.kill(app, signal.SIGKILL)
    wait_until(lambda: all(state(app) == "Z" for app in apps), "all to have died")
    place.kill(signal.SIGCONT)
    wait_until(lambda: whole(place), "all to be started again")
    check(exits(place) == before + APPS, "exits told", exits(place) - before)
    return len(apps)


def stopping_a_frozen_one(place):
    name = "app:0"
    pid = children(place.pid)
    rpc = place.rpc()
    for app in pid:
        freeze(app)
    began = time.monotonic()
    rpc.stopProcess(name)
    check(time.monotonic() - began < 20, "the stop of one that stands still took too long")
    rpc.startProcess(name)
    for app in children(place.pid):
        os.kill(app, signal.SIGCONT)
    wait_until(lambda: whole(place), "all to run again")
