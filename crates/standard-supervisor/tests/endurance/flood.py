"""A flood of output with rotation, every byte accounted for, while everything else happens.

`steady` writes to a rotated log file and is never disturbed; `mortal` does, too, and is
killed again and again; `straight` goes to the supervisor's own stdout. Meanwhile children
are killed at random moments, strangers fuzz the control socket (`fuzz.py`), and a probe
measures from a crash to the replacement's first word, before the flood and during it.
"""

import contextlib
import json
import os
import random
import select
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

from followed import Followed
from numbered import Accounts
from place import HERE, PATIENCE, Failed, Place, Probe, check, children, outside, say, wait_until

# Bytes per second of each of the three writers; 25 requests per second at most.
RATE = 1_500_000
REQUESTS = 10_000
# One crash in so many seconds, drawn anew each time.
CRASHES = (0.2, 1.5)
PROBES = 2.0
SAMPLES = 5.0
# What the supervisor may grow by between the first quarter and the last of a run of at
# least LONG seconds, in KiB; and what it may hold at any time: what clients do not read
# counts.
GROWTH, MOST, LONG = 1024, 100_000, 600
# Descriptors that may be there afterwards and were not before: the logs of the three,
# the pipes of a victim that was stopped then, and what tells of logs that grow.
OPENED = 2 * 3 + 3 + 1

CONFIG = """\
[inet_http_server]
port=127.0.0.1:{port}
[program:steady]
command={python} {here}/numbered.py steady {rate} %(here)s
stdout_logfile=%(here)s/steady.log
stdout_logfile_maxbytes={maxbytes}
stdout_logfile_backups={backups}
autostart=false
stopwaitsecs=60
startsecs=0
[program:mortal]
command={python} {here}/numbered.py mortal {rate} %(here)s
stdout_logfile=%(here)s/mortal.log
stdout_logfile_maxbytes={maxbytes}
stdout_logfile_backups={backups}
autostart=false
autorestart=true
startsecs=0
stopwaitsecs=60
[program:straight]
command={python} {here}/numbered.py straight {rate} %(here)s
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
autostart=false
startsecs=0
stopwaitsecs=60
[program:sleeper]
command=/bin/sleep 100000
process_name=%(process_num)s
numprocs=5
autorestart=true
startsecs=0
[program:victim]
command=/bin/cat
autorestart=true
startsecs=0
"""
FLOOD = ["steady", "mortal", "straight"]
MAXBYTES, BACKUPS = "8MB", 40


class Checker(threading.Thread):
    """Reads one flood to its end; what was wrong is in `wrong`."""

    def __init__(self, label, folder, source):
        super().__init__(daemon=True)
        self.accounts = Accounts(label, folder)
        self.source, self.wrong = source, None

    def run(self):
        try:
            for some in self.source:
                self.accounts.look_at(some)
            self.accounts.close()
            check(self.accounts.ended, self.accounts.label, "has no end")
        except (ValueError, OSError, Failed) as error:
            self.wrong = error


def file_source(followed, over):
    """All of a log, until it is over and has been read to its end."""
    while True:
        last = over.wait(0.2)
        yield from followed.read()
        if last:
            return


def pipe_source(file):
    while some := os.read(file, 1 << 20):
        yield some


def free_port():
    """One that nobody uses at present."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Flood:
    def __init__(self, binaries, mode, seconds, requests, seed):
        self.seconds, self.requests, self.seed = seconds, requests, seed
        self.random = random.Random(seed)
        self.port = free_port()
        config = CONFIG.format(python=sys.executable, here=HERE, rate=RATE, maxbytes=MAXBYTES,
                               backups=BACKUPS, port=self.port)
        ours, theirs = os.pipe()
        self.place = Place(binaries, config, mode, stdout=theirs)
        self.place.config += (probe := Probe(self.place)).config()
        self.probe = probe
        self.place.start()
        os.close(theirs)
        probe.up()
        self.over = threading.Event()
        folder, path = self.place.folder, self.place.path
        self.followed = [Followed(path(f"{name}.log"), BACKUPS) for name in ("steady", "mortal")]
        self.checkers = [
            *(Checker(name, folder, file_source(followed, self.over))
              for name, followed in zip(("steady", "mortal"), self.followed)),
            Checker("straight", folder, pipe_source(ours)),
        ]
        self.crashes = 0
        self.samples, self.latencies, self.answers = [], [], []

    def go(self):
        before = self.probes(20)
        descriptors = self.place.cost()["descriptors"]
        for checker in self.checkers:
            checker.start()
        rpc = self.place.rpc()
        for name in FLOOD:
            rpc.startProcess(name)
        fuzz = self.fuzz()
        self.meanwhile(fuzz)
        sent, _ = fuzz.communicate(timeout=PATIENCE + self.seconds)
        check(fuzz.returncode == 0, "the fuzzer's sane client got no sane answer", sent)
        # A run that has only begun would be terminated by SIGTERM and write no end.
        wait_until(lambda: self.catches_sigterm("mortal"), "the last run of mortal to catch SIGTERM")
        for name in FLOOD:
            rpc.stopProcess(name)
        after = self.probes(20)
        self.growth()
        wait_until(lambda: self.is_back_at(descriptors), "descriptors to be closed")
        stop = self.place.stop()
        self.over.set()
        for checker in self.checkers:
            checker.join(PATIENCE)
            check(not checker.is_alive(), checker.accounts.label, "was not read to its end")
            check(checker.wrong is None, checker.wrong)
        return self.result(json.loads(sent), before, after, stop)

    def outside(self, pid):
        """The pid of one of its processes as it is known here."""
        return pid if self.place.mode == "ordinary" else outside(self.place.pid, pid)

    def catches_sigterm(self, name):
        try:
            with open(f"/proc/{self.outside(self.place.pid_of(name))}/status") as file:
                caught = next(line for line in file if line.startswith("SigCgt:"))
        except (Failed, OSError):
            return False
        return int(caught.split()[1], 16) >> signal.SIGTERM - 1 & 1

    def probes(self, count):
        found = []
        for _ in range(count):
            found.append(self.probe.crash())
            time.sleep(0.1)
        return found

    def fuzz(self):
        words = [sys.executable, os.path.join(HERE, "fuzz.py"), self.place.path("s.sock"),
                 str(self.port), str(self.seconds * 0.95), str(self.requests), str(self.seed)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def meanwhile(self, fuzz):
        """Crashes, probes and samples until the time is over."""
        began = time.monotonic()
        crash = probe = sample = said = began
        while (now := time.monotonic()) < began + self.seconds:
            if now >= crash:
                self.crash()
                crash = now + self.random.uniform(*CRASHES)
            if now >= probe:
                self.latencies.append(self.probe.crash())
                probe = now + PROBES
            if now >= sample:
                self.sample(now - began)
                sample = now + SAMPLES
            if now >= said + 60:
                said = now
                say(self.state())
            check(fuzz.poll() in (None, 0), "the fuzzer ended with", fuzz.poll())
            for checker in self.checkers:
                check(checker.wrong is None and checker.is_alive(), checker.accounts.label,
                      checker.wrong)
            time.sleep(max(0, min(crash, probe, sample) - time.monotonic()))

    def crash(self):
        """SIGKILL to a child, whichever, at any moment; `steady` and `straight` excepted."""
        names = ["mortal", *(f"sleeper:{n}" for n in range(5)), "victim"]
        pid = self.place.pid_of(self.random.choice(names))
        try:
            pid = self.outside(pid)
        except Failed:
            return
        # 0: at this moment it has none. Ours by descent, or it isn't touched.
        if pid and pid in children(self.place.pid):
            # Strangers may have ended `victim` just now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.crashes += 1

    def sample(self, at):
        began = time.monotonic()
        check(self.place.answers(), "it does not answer")
        self.answers.append((time.monotonic() - began) * 1000)
        self.samples.append({"at": round(at, 1), **self.place.cost()})
        check(self.samples[-1]["pss"] < MOST, "too much memory", self.samples[-1])

    def growth(self):
        """Compares the first quarter, warmed up, with the last."""
        quarter = len(self.samples) // 4
        first, last = self.samples[quarter // 2:quarter + 1], self.samples[-quarter - 1:]
        self.trend = [statistics.median(sample["anonymous"] for sample in part)
                      for part in (first, last)]
        check(self.seconds < LONG or self.trend[1] <= self.trend[0] + GROWTH, "memory grew",
              self.trend)

    def is_back_at(self, descriptors):
        now = self.place.cost()
        return now["descriptors"] <= descriptors + OPENED and now["zombies"] == 0

    def state(self):
        accounted = {c.accounts.label: (c.accounts.run, c.accounts.bytes) for c in self.checkers}
        return f"{accounted} crashes {self.crashes} {self.samples[-1]}"

    def result(self, fuzz, before, after, stop):
        accounted = {c.accounts.label: {"bytes": c.accounts.bytes, "runs": c.accounts.run + 1,
                                        "cut short": c.accounts.cut_short}
                     for c in self.checkers}
        return {
            "mode": self.place.mode, "seconds": self.seconds, "seed": self.seed,
            "accounted": accounted, "lost": 0,
            "rotations": sum(followed.rotations for followed in self.followed),
            "children killed": self.crashes,
            "crash to first word, ms": {"before": spread(before), "during": spread(self.latencies),
                                        "after": spread(after)},
            "getState, ms": spread(self.answers),
            "pss, KiB": {"least": min(s["pss"] for s in self.samples),
                         "most": max(s["pss"] for s in self.samples)},
            "anonymous KiB, first quarter and last": self.trend,
            "most zombies seen": max(s["zombies"] for s in self.samples),
            "stop, s": round(stop, 3), "fuzz": fuzz,
        }


def spread(numbers):
    numbers = sorted(numbers)
    at = lambda part: round(numbers[min(len(numbers) - 1, int(len(numbers) * part))], 2)
    return {"median": at(0.5), "p99": at(0.99), "most": at(1), "count": len(numbers)}


def run(binaries, mode="ordinary", seconds=3600, requests=REQUESTS, seed=None):
    seed = int(seed) if seed is not None else random.randrange(1 << 32)
    flood = Flood(binaries, mode, float(seconds), int(requests), seed)
    with flood.place:
        return flood.go()
