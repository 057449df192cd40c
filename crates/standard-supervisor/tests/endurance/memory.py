"""A program that hits the memory limit of its container is killed, started again, and so on.

The kernel ends it, not the supervisor; others in the same container go on undisturbed.
"""

import sys

from place import Place, check, say, wait_until

CONFIG = f"""\
[program:eater]
command={sys.executable} -c "a = []; print('up', flush=True)\nwhile True: a.append(bytearray(1 << 20))"
startsecs=0
startretries=1000
autorestart=true
[program:other]
command=/bin/sleep 100000
startsecs=0
""".replace("\nwhile", "\n    while")


def run(binaries, mode="container", times=20):
    options = ["--memory=64m", "--memory-swap=64m"]
    with Place(binaries, CONFIG, mode, docker=options) as place:
        place.start()
        other = place.pid_of("other")
        killed = lambda: [line for line in place.log().splitlines()
                          if "exited: eater (terminated by SIGKILL" in line]
        wait_until(lambda: len(killed()) >= int(times), "kills for want of memory", 300)
        check(place.answers(), "it does not answer")
        check(place.pid_of("other") == other, "the other program was not left alone")
        cost = place.cost()
        say(killed()[0])
        stop = place.stop()
    return {"mode": mode, "killed for want of memory": len(killed()) or int(times), "cost": cost,
            "stop, s": round(stop, 2)}
