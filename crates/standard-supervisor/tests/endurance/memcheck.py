"""The supervisor under valgrind's memcheck: every byte that a system call reads must be
there and have a value, in the child between clone and execve, too.

valgrind knows the system calls of libc's wrappers, and makes of `CLONE_VM | CLONE_VFORK` a
fork: so this needs a binary that calls libc (`RUSTFLAGS="--cfg rustix_use_libc"`), and the
child's word that it could not execute gets lost. What it may share with us is shown by the
tests under AddressSanitizer.
"""

import os
import shutil
import signal

from place import Lacking, Place, check, children, wait_until

# valgrind's own exit code when it has found something.
FOUND = 99
# A start under valgrind takes a second or so.
CONFIG = """\
[program:family]
command=/bin/sh -c 'sleep 100000 & setsid sleep 100000 & exec sleep 100000'
autorestart=true
startsecs=0
killtree=true
[program:short]
command=/bin/echo hello
directory=/tmp
umask=022
environment=ONE="1",TWO="two words"
startsecs=0
autorestart=true
{user}
"""


def run(binaries, times=5):
    if not shutil.which("valgrind"):
        raise Lacking("no valgrind")
    user = "user=nobody" if os.geteuid() == 0 else ""
    with Place(binaries, CONFIG.format(user=user)) as place:
        report = place.path("report")
        place.wrap = ["valgrind", "--quiet", f"--error-exitcode={FOUND}", f"--log-file={report}.%p"]
        place.start()
        exits = lambda name: place.log().count(f"exited: {name}")
        for number in range(1, int(times) + 1):
            leader = place.pid_of("family")
            wait_until(lambda: len(children(leader)) == 2, "the family to be whole")
            os.kill(leader, signal.SIGKILL)
            wait_until(lambda: exits("family") == number, "its end")
            wait_until(lambda: place.pid_of("family") not in (0, leader), "its next run")
            check(place.answers(), "it does not answer")
        wait_until(lambda: exits("short") >= int(times), "short runs")
        stop = place.stop()
        reports = [name for name in os.listdir(place.folder) if name.startswith("report.")]
        wrong = [line for name in reports for line in told(place.path(name))]
        check(not wrong, "\n".join(wrong)[:5000])
    return {"processes looked at": len(reports), "found": 0, "stop, s": round(stop, 2)}


def told(path):
    """What is wrong; not which system calls this valgrind is too old for."""
    with open(path) as file:
        return [line for line in file.read().splitlines() if line.startswith("==")]
