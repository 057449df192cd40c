"""What supervisord says of a process.

One question per line of stdin, in hexadecimal, one answer per line of stdout likewise.
The mode, and its question:

running  pid and seconds since its start
ended    month, day, hour and minute of its end
names    a name as clients write it; answered with group and process
"""

import calendar
import os
import sys
import time

from supervisor.options import split_namespec
from supervisor.rpcinterface import SupervisorNamespaceRPCInterface
from supervisor.states import ProcessStates

NOW = 1_795_000_000


def running(question):
    pid, uptime = map(int, question.split())
    return {"state": ProcessStates.RUNNING, "pid": pid, "start": NOW - uptime, "now": NOW}


def ended(question):
    month, day, hour, minute = map(int, question.split())
    stop = calendar.timegm((2026, month, day, hour, minute, 30))
    return {"state": ProcessStates.EXITED, "start": stop, "stop": stop}


def main():
    os.environ["TZ"] = "UTC"
    time.tzset()
    mode = sys.argv[1]
    interface = SupervisorNamespaceRPCInterface(None)
    for line in sys.stdin:
        question = bytes.fromhex(line).decode()
        if mode == "names":
            answer = repr(split_namespec(question))
        else:
            info = {"running": running, "ended": ended}[mode](question)
            answer = interface._interpretProcessInfo(info)
        print(answer.encode().hex())


main()
