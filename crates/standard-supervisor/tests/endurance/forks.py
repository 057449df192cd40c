"""A fork bomb for `bomb.py`: ignores SIGTERM, leaves groups and sessions, never gives up.

It is bounded by the limit of its place, and refuses to run where there is none.
"""

import os
import random
import signal
import sys
import time


def limit():
    """The limit of processes of the cgroup that we are in; None: there is none."""
    for path in ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"):
        try:
            with open(path) as file:
                return None if (text := file.read().strip()) == "max" else int(text)
        except OSError:
            continue
    return None


if (limit() or 10_000) > 1000:
    sys.exit("no limit of processes here")
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
while True:
    try:
        if os.fork() == 0 and random.random() < 0.5:
            os.setsid()
    except OSError:
        # Full: as soon as somebody dies, another one takes his place. Gently: others
        # use this machine, too.
        time.sleep(random.uniform(0.1, 0.5))
