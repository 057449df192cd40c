"""No descriptors left: the limit of the running supervisor is lowered to what it has open.

It neither ends nor spins; it says what it could not start and whom it could not accept,
and goes on as soon as there are descriptors again. Once by the limit alone, once with
clients that take all that there are.
"""

import os
import resource
import signal
import socket
import time

from place import Place, check, say, wait_until

CONFIG = """\
[program:app]
command=/bin/sleep 100000
process_name=%(process_num)s
numprocs=3
startsecs=0
startretries=1000
autorestart=true
"""


def run(binaries, mode="ordinary", times=5):
    errors, spent = 0, []
    with Place(binaries, CONFIG, mode, supervisord="minfds=200") as place:
        place.start()
        running = lambda: [info["statename"] for info in place.rpc().getAllProcessInfo()]
        for _ in range(int(times)):
            pid = place.pid
            kept = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            before = place.log().count("too many open files to spawn")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest(pid), kept[1]))
            clients = [connected(place) for _ in range(50)]
            os.kill(child(pid), signal.SIGKILL)
            wait_until(lambda: place.log().count("too many open files to spawn") >= before + 2,
                       "starts that fail, and are tried again, to be told")
            began, used = time.monotonic(), cpu(pid)
            time.sleep(1)
            spent.append((cpu(pid) - used) / (time.monotonic() - began))
            check(spent[-1] < 0.3, "it spins: of one processor it takes", spent[-1])
            resource.prlimit(pid, resource.RLIMIT_NOFILE, kept)
            for client in clients:
                client.close()
            wait_until(lambda: running() == ["RUNNING"] * 3, "all to run again")
            errors += place.log().count("too many open files to spawn") - before
        said = next(line for line in place.log().splitlines() if "too many open files" in line)
        say(said)
        refused = place.log().count("cannot accept a connection")
        check(refused, "nobody was told that nobody could be accepted")
        cost = place.cost()
        stop = place.stop()
    return {"mode": mode, "times without descriptors": int(times), "failed starts told": errors,
            "said": said[24:], "refusals told": refused,
            "of a processor meanwhile, at most": round(max(spent), 3), "cost": cost,
            "stop, s": round(stop, 2)}


def lowest(pid):
    """One more than the lowest numbers that are all taken: the next one is beyond it."""
    open_ = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(number for number in range(10_000) if number not in open_)


def connected(place):
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(5)
    client.connect(place.path("s.sock"))
    return client


def child(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return int(file.read().split()[0])


def cpu(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
