"""Where a supervisor under test runs, what it is asked, and what it costs.

A scenario makes a `Place`: a folder, a configuration, and one of four ways to run:
`ordinary` process, `pid1` of a PID namespace (root), PID 1 of a `container` (docker), or
ordinary process `beneath` a shell that is PID 1 of a container.
All that was started ends with it, by pid or by container name.
"""

import contextlib
import http.client
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import xmlrpc.client

# How long anything may take that is waited for: a bound for loaded machines, no measure.
PATIENCE = 60

HERE = os.path.dirname(os.path.abspath(__file__))

HEAD = """\
[supervisord]
nodaemon=true
silent=true
logfile=%(here)s/supervisord.log
logfile_maxbytes=50MB
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
{supervisord}
[unix_http_server]
file=%(here)s/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""

MODES = ("ordinary", "pid1", "container", "beneath")


class Failed(Exception):
    """What must hold doesn't."""


class Lacking(Exception):
    """This machine can't show it."""


def check(holds, *what):
    """Ends the scenario unless `holds`; works under -O, too."""
    if not holds:
        raise Failed(*what)


def say(*words):
    print(time.strftime("%H:%M:%S"), *words, flush=True)


class Unix(xmlrpc.client.Transport):
    """XML-RPC over a unix socket; each call has a connection of its own."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        return UnixConnection(self.path)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Place:
    def __init__(self, binaries, config, mode="ordinary", supervisord="", docker=(), **popen):
        self.folder = tempfile.mkdtemp(prefix="endurance-")
        check(mode in MODES, mode, "is none of", MODES)
        self.binaries, self.mode = binaries, mode
        self.contained = mode in ("container", "beneath")
        self.config = HEAD.format(supervisord=supervisord) + config
        # What stands before the command line here, what before it where it runs, and options
        # for the container engine.
        self.wrap, self.within, self.options, self.popen = [], [], list(docker), popen
        self.process = self.pid = None
        self.container = f"endurance-{os.getpid()}-{os.urandom(3).hex()}"

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def __enter__(self):
        return self

    def start(self):
        """Starts it and waits until it answers."""
        with open(self.path("t.conf"), "w") as file:
            file.write(self.config)
        words = [os.path.join(self.binaries, "supervisord"), "-n", "-c", self.path("t.conf")]
        words = self.within + words
        if self.mode == "pid1":
            if os.geteuid() != 0:
                raise Lacking("only root may make a PID namespace")
            words = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *words]
        if self.mode == "beneath":
            words = ["/bin/sh", "-c", '"$0" "$@"; exit $?', *words]
        if self.contained:
            words = self.in_a_container(words)
        self.process = subprocess.Popen(self.wrap + words, stdin=subprocess.DEVNULL, **self.popen)
        wait_until(self.answers, "the supervisor to answer")
        self.pid = self.find()
        return self

    def in_a_container(self, words):
        """An image from scratch with nothing in it; what programs need is the host's."""
        made = subprocess.run(f"tar -c -T /dev/null | docker import - {self.container}",
                              shell=True, capture_output=True, text=True)
        if made.returncode != 0:
            raise Lacking(f"no container engine: {made.stderr.strip()}")
        # The program may be a link to a file elsewhere.
        file = os.path.realpath(os.path.join(self.binaries, "supervisord"))
        binds = {self.folder: "rw", self.binaries: "ro", os.path.dirname(file): "ro", HERE: "ro"}
        # A Python in an environment of its own wants the one it was made from, too.
        binds |= {path: "ro" for path in (sys.prefix, sys.base_prefix)}
        binds |= {path: "ro" for path in ("/usr", "/bin", "/lib", "/lib64", "/etc")}
        volumes = [f"--volume={path}:{path}:{how}" for path, how in binds.items()]
        return ["docker", "run", "--rm", "--name", self.container, "--log-driver=none",
                "--network=host", *self.options, *volumes, self.container, *words]

    def find(self):
        """Its pid as seen from here."""
        if self.mode == "ordinary" and not self.wrap:
            return self.process.pid
        if self.contained:
            asked = ["docker", "inspect", "--format", "{{.State.Pid}}", self.container]
            pid = int(subprocess.check_output(asked))
            if self.mode == "beneath":
                pid = children(pid)[0]
            check((inside(pid) == "1") == (self.mode == "container"), "it is PID", inside(pid))
            return pid
        with open(self.path("supervisord.pid")) as file:
            pid = int(file.read())
        if self.mode == "ordinary":
            return pid
        check(pid == 1, "it is not PID 1", pid)
        return children(self.process.pid)[0]

    def __exit__(self, kind, error, trace):
        if self.process and self.process.poll() is None:
            self.kill(signal.SIGKILL)
            if self.contained:
                subprocess.run(["docker", "rm", "-f", self.container], capture_output=True)
                # The engine's client may wait for a reader of ours.
                self.process.kill()
            self.process.wait(PATIENCE)
        if self.contained:
            subprocess.run(["docker", "rmi", "-f", self.container], capture_output=True)
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            say("kept for a look:", self.folder, "\n" + self.log()[-3000:])

    def kill(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid or self.process.pid, number)

    def stop(self, patience=PATIENCE):
        """Asks it to stop; returns the seconds that took. It must end with 0."""
        began = time.monotonic()
        self.kill(signal.SIGTERM)
        code = self.process.wait(patience)
        check(code == 0, "a stop that was asked for ended with", code)
        return time.monotonic() - began

    def rpc(self):
        return xmlrpc.client.ServerProxy("http://localhost", Unix(self.path("s.sock"))).supervisor

    def answers(self):
        check(self.process.poll() is None, "it ended with", self.process.poll())
        try:
            return self.rpc().getState()["statename"] == "RUNNING"
        except OSError:
            return False

    def pid_of(self, name):
        return self.rpc().getProcessInfo(name)["pid"]

    def log(self):
        try:
            with open(self.path("supervisord.log"), errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def cost(self):
        """Memory in KiB, descriptors, and children that nobody has buried."""
        return cost(self.pid)


def cost(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        text = file.read()
    fields = {name: int(kib) for name, kib in re.findall(r"(\w+): +(\d+) kB", text)}
    zombies = sum(state(child) == "Z" for child in children(pid))
    return {"rss": fields["Rss"], "pss": fields["Pss"], "anonymous": fields["Anonymous"],
            "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "zombies": zombies}


def children(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]
    return []


def descendants(pid):
    below = children(pid)
    return below + [further for child in below for further in descendants(child)]


def state(pid):
    """The letter of a process's state; None: it has gone."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
    return None


def wait_gone(pids, patience=PATIENCE):
    """Waits until none of these runs any more."""
    end = time.monotonic() + patience
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            pidfd = os.pidfd_open(pid)
            ended = select.select([pidfd], [], [], max(0, end - time.monotonic()))[0]
            os.close(pidfd)
            check(ended, "still there:", pid)


def wait_until(holds, what, patience=PATIENCE):
    """Asks again and again: for what announces itself by no event to us."""
    end = time.monotonic() + patience
    while not (found := holds()):
        check(time.monotonic() < end, "waited in vain for", what)
        time.sleep(0.02)
    return found


class Probe:
    """A program that says through a FIFO that it lives: from a crash to its first word."""

    def __init__(self, place, name="probe"):
        self.place, self.name = place, name
        os.mkfifo(place.path(name))
        self.fifo = os.open(place.path(name), os.O_RDWR | os.O_NONBLOCK)
        self.pid = None

    def config(self):
        path = self.place.path(self.name)
        return (f"[program:{self.name}]\ncommand=/bin/sh -c 'echo up >{path}; exec sleep 100000'\n"
                "startsecs=0\nautorestart=true\n")

    def up(self):
        check(select.select([self.fifo], [], [], PATIENCE)[0], self.name, "did not come up")
        os.read(self.fifo, 100)
        return time.monotonic()

    def crash(self):
        """Kills it and returns the milliseconds until the next one's first word."""
        pid = self.place.pid_of(self.name)
        check(pid, self.name, "is not there")
        if self.place.mode != "ordinary":
            pid = outside(self.place.pid, pid)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        return (self.up() - began) * 1000


def inside(pid):
    """The pid by which its own PID namespace knows a process."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as file:
        return re.search(r"^NSpid:.*\t(\d+)$", file.read(), re.MULTILINE)[1]
    return None


def outside(supervisor, known_as):
    """The pid, as seen from here, of the child whom its PID namespace calls so."""
    for child in children(supervisor):
        if inside(child) == str(known_as):
            return child
    raise Failed("no child", known_as)
