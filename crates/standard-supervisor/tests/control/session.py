"""One session with a supervisord through xmlrpc.client: every method and every fault.

usage: session.py SOCKET

Prints each call and what came of it, with times, pids and folders replaced: what is
printed for two supervisords is the same if they do the same. Between the sections of
the session a line "# SECTION" is printed.
"""

import os
import re
import sys
import xmlrpc.client

from supervisor.xmlrpc import SupervisorTransport

socket = sys.argv[1]
home = os.path.dirname(socket)
transport = SupervisorTransport("", "", serverurl="unix://" + socket)
server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)

TIMES = {"start", "stop", "now"}


def plain(value, name=None):
    if isinstance(value, dict):
        return {key: plain(member, key) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    if name in TIMES and isinstance(value, int) and not isinstance(value, bool):
        return "TIME" if value else 0
    if name == "pid" and isinstance(value, int):
        return "PID" if value else 0
    if isinstance(value, str):
        value = value.replace(home, "HOME")
        value = re.sub(r"pid \d+, uptime \d+:\d\d:\d\d", "pid PID, uptime TIME", value)
        value = re.sub(r"[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "DATE", value)
        value = re.sub(r"---supervisor-\w+\.log", "---supervisor-X.log", value)
    return value


def call(name, *params, show=plain):
    method = server
    for part in name.split("."):
        method = getattr(method, part)
    try:
        result = show(method(*params))
    except xmlrpc.client.Fault as fault:
        result = "fault %d %s" % (fault.faultCode, plain(fault.faultString))
    except xmlrpc.client.ProtocolError as error:
        result = "status %d" % error.errcode
    shown = ", ".join(plain(repr(param)) for param in params)
    print("%s(%s) = %r" % (name, shown, result), flush=True)
    return result


def section(name):
    print("#", name, flush=True)


def until(name, state):
    """Waits until a process is in a state, by asking: this is how clients wait."""
    while server.supervisor.getProcessInfo(name)["statename"] != state:
        pass


def until_log(name, text):
    while text not in server.supervisor.tailProcessStdoutLog(name, 0, 10000)[0]:
        pass


section("about itself")
call("supervisor.getAPIVersion")
call("supervisor.getVersion")
call("supervisor.getSupervisorVersion")
call("supervisor.getIdentification")
call("supervisor.getState")
call("supervisor.getPID", show=lambda pid: type(pid).__name__)
methods = call("system.listMethods")
for method in methods:
    call("system.methodSignature", method)
    call("system.methodHelp", method, show=lambda text: type(text).__name__)
call("system.methodSignature", "supervisor.nope")
call("system.methodHelp", "nope")

section("wrong calls")
call("nope")
call("nope.getState")
call("supervisor.nope")
call("supervisor._update")
call("supervisor.a.b")
call("system.nope")
call("supervisor.getState", 1)
call("supervisor.startProcess")
call("supervisor.startProcess", "cat", True, 3)
call("supervisor.getProcessInfo")

section("information")
until("cat", "RUNNING")
call("supervisor.getProcessInfo", "cat")
call("supervisor.getProcessInfo", "cat:cat")
call("supervisor.getProcessInfo", "cat:*")
call("supervisor.getProcessInfo", "cat:")
call("supervisor.getProcessInfo", "multi")
call("supervisor.getProcessInfo", "multi:multi_0")
call("supervisor.getProcessInfo", "é")
call("supervisor.getProcessInfo", "")
call("supervisor.getProcessInfo", "g:ga")
call("supervisor.getProcessInfo", "ga")
call("supervisor.getProcessInfo", "silent")
call("supervisor.getAllProcessInfo")
call("supervisor.getAllConfigInfo")

section("starting")
call("supervisor.startProcess", "nope")
call("supervisor.startProcess", "nope:*")
call("supervisor.startProcess", "cat:nope")
call("supervisor.startProcess", "cat")
call("supervisor.startProcess", "missing")
call("supervisor.startProcess", "missing", False)
call("supervisor.startProcess", "directory")
call("supervisor.startProcess", "plainfile")
call("supervisor.startProcess", "unparsable")
call("supervisor.startProcess", "quick")
until("quick", "FATAL")
call("supervisor.getProcessInfo", "quick")
call("supervisor.startProcess", "late")
call("supervisor.getProcessInfo", "late")
call("supervisor.startProcess", "late")
call("supervisor.stopProcess", "late")
call("supervisor.startProcess", "late", False)
call("supervisor.startProcess", "late", False)
call("supervisor.stopProcess", "late")
call("supervisor.startProcess", "late", 0)
call("supervisor.stopProcess", "late", 0)
until("late", "STOPPED")
call("supervisor.startProcess", "instant")
call("supervisor.getProcessInfo", "instant")
call("supervisor.stopProcess", "instant")
call("supervisor.startProcess", "multi:*")
call("supervisor.startProcess", "multi:*")
call("supervisor.startProcess", "multi:")
call("supervisor.startProcessGroup", "multi")
call("supervisor.stopProcess", "multi:multi_1")
call("supervisor.startProcessGroup", "multi", False)
call("supervisor.startProcessGroup", "nope")
call("supervisor.startProcessGroup", "broken")

section("stopping")
call("supervisor.stopProcess", "nope")
call("supervisor.stopProcess", "nope:*")
call("supervisor.stopProcess", "quick")
call("supervisor.stopProcess", "missing")
call("supervisor.stopProcessGroup", "nope")
call("supervisor.stopProcess", "multi:multi_0", False)
until("multi:multi_0", "STOPPED")
call("supervisor.startProcess", "multi:multi_0")
call("supervisor.stopProcess", "multi:*", show=lambda all: sorted(map(repr, plain(all))))
call("supervisor.stopProcessGroup", "multi")
call("supervisor.getProcessInfo", "multi:multi_0")
call("supervisor.startProcess", "stubborn")
until_log("stubborn", "ready")
call("supervisor.stopProcess", "stubborn")
call("supervisor.getProcessInfo", "stubborn")
call("supervisor.stopAllProcesses", show=lambda all: sorted(map(repr, plain(all))))
call("supervisor.stopAllProcesses")
call("supervisor.startProcess", "cat")

section("signalling")
call("supervisor.signalProcess", "nope", "HUP")
call("supervisor.signalProcess", "cat", "NOPE")
call("supervisor.signalProcess", "cat", "99")
call("supervisor.signalProcess", "cat", "")
call("supervisor.signalProcess", "cat", "CONT")
call("supervisor.signalProcess", "cat", "sigcont")
call("supervisor.signalProcess", "cat", "18")
call("supervisor.signalProcess", "cat", 18)
call("supervisor.signalProcess", "cat:*", "CONT")
call("supervisor.signalProcess", "quick", "CONT")
call("supervisor.signalProcess", "multi:*", "CONT")
call("supervisor.signalProcessGroup", "nope", "CONT")
call("supervisor.signalProcessGroup", "nope", "NOPE")
call("supervisor.signalProcessGroup", "cat", "CONT")
call("supervisor.signalProcessGroup", "cat", "NOPE")
call("supervisor.signalAllProcesses", "CONT")
call("supervisor.signalAllProcesses", "NOPE")

section("logs")
call("supervisor.startProcess", "hello")
until_log("hello", "hello ")
for offset, length in [
    (0, 10), (0, 1000), (5, 0), (100, 10), (20, 100), (0, 0), (0, 2), (-4, 3), (0, -1), (3, 3),
]:
    call("supervisor.tailProcessStdoutLog", "hello", offset, length)
for offset, length in [
    (0, 0), (2, 0), (2, 3), (2, 30), (6, 1), (60, 0), (-4, 0), (-60, 0), (0, -1), (-1, 1), (-1, -1),
]:
    call("supervisor.readProcessStdoutLog", "hello", offset, length)
call("supervisor.readProcessLog", "hello", 0, 0)
call("supervisor.tailProcessLog", "hello", 0, 100)
call("supervisor.readProcessStderrLog", "hello", 0, 0)
call("supervisor.tailProcessStderrLog", "hello", 0, 100)
call("supervisor.readProcessStdoutLog", "nope", 0, 0)
call("supervisor.readProcessStdoutLog", "hello:*", 0, 0)
call("supervisor.tailProcessStdoutLog", "nope", 0, 0)
call("supervisor.readProcessStdoutLog", "silent", 0, 0)
call("supervisor.tailProcessStdoutLog", "silent", 0, 0)
call("supervisor.readProcessStdoutLog", "hello", "0", "3")
call("supervisor.clearProcessLogs", "nope")
call("supervisor.clearProcessLogs", "hello:*")
call("supervisor.clearProcessLogs", "hello")
call("supervisor.readProcessStdoutLog", "hello", 0, 0)
call("supervisor.sendProcessStdin", "hello", "again\n")
until_log("hello", "again")
call("supervisor.readProcessStdoutLog", "hello", 0, 0)
call("supervisor.clearProcessLog", "hello")
call("supervisor.clearProcessLog", "silent")
call("supervisor.clearAllProcessLogs")
os.unlink(home + "/hello.out")
call("supervisor.readProcessStdoutLog", "hello", 0, 0)
call("supervisor.tailProcessStdoutLog", "hello", 0, 10)
call("supervisor.clearProcessLogs", "hello")
call("supervisor.readLog", 0, 0, show=lambda log: "supervisord started with pid" in log)
call("supervisor.readMainLog", 0, 4)
call("supervisor.readLog", 0, -1)
call("supervisor.readLog", -1, 1)
call("supervisor.clearLog")
call("supervisor.readLog", 0, 33, show=lambda log: log[24:])
os.unlink(home + "/supervisord.log")
call("supervisor.readLog", 0, 0)
call("supervisor.clearLog")

section("stdin")
call("supervisor.sendProcessStdin", "nope", "x")
call("supervisor.sendProcessStdin", "cat:*", "x")
call("supervisor.sendProcessStdin", "quick", "x")
call("supervisor.sendProcessStdin", "cat", 1)
call("supervisor.sendProcessStdin", "cat", "plain é \U0001f600\n")
until_log("cat", "\U0001f600")
call("supervisor.readProcessStdoutLog", "cat", 0, 0)
call("supervisor.startProcess", "deaf")
until_log("deaf", "closed")
call("supervisor.sendProcessStdin", "deaf", "x")
call("supervisor.stopProcess", "deaf")
call("supervisor.sendRemoteCommEvent", "kind", "data é")

section("several calls")
call("system.multicall", [])
call("system.multicall", [
    {"methodName": "supervisor.getAPIVersion", "params": []},
    {"methodName": "supervisor.getAPIVersion"},
    {"methodName": "supervisor.startProcess", "params": ["nope"]},
    {"methodName": "supervisor.stopProcess", "params": ["cat"]},
    {"methodName": "supervisor.startProcess", "params": ["cat"]},
    {"methodName": "supervisor.getProcessInfo", "params": ["cat"]},
    {"methodName": "system.multicall", "params": [[]]},
    {"methodName": "nope", "params": []},
    {"methodName": "supervisor.getState", "params": [1]},
    {"params": []},
])

section("configuration")
call("supervisor.reloadConfig")
call("supervisor.addProcessGroup", "nope")
call("supervisor.addProcessGroup", "cat")
call("supervisor.removeProcessGroup", "nope")
call("supervisor.removeProcessGroup", "cat")
with open(home + "/t.conf") as file:
    text = file.read()
changed = text.replace("[program:quick]", "[program:quick]\npriority=5")
changed = changed.replace("[program:deaf]", "[program:fresh]")
with open(home + "/t.conf", "w") as file:
    file.write(changed)
call("supervisor.reloadConfig")
call("supervisor.getAllConfigInfo", show=lambda all: [(info["name"], info["inuse"]) for info in all])
call("supervisor.addProcessGroup", "fresh")
call("supervisor.addProcessGroup", "fresh")
call("supervisor.getProcessInfo", "fresh")
call("supervisor.removeProcessGroup", "deaf")
call("supervisor.getProcessInfo", "deaf")
call("supervisor.removeProcessGroup", "quick")
call("supervisor.addProcessGroup", "quick")
call("supervisor.reloadConfig")
with open(home + "/t.conf", "a") as file:
    file.write("[program:bad]\ncommand=cat\nstartsecs=x\n")
call("supervisor.reloadConfig", show=lambda all: "?")
with open(home + "/t.conf", "w") as file:
    file.write(changed)
call("supervisor.reloadConfig")

section("the end")
call("supervisor.startProcess", "patient")
# Without its trap, it ends at once on SIGTERM, and with it the supervisor and this connection.
until_log("patient", "ready")
call("supervisor.shutdown")
for name, params in [
    ("getState", []), ("getAPIVersion", []), ("startProcess", ["cat"]), ("shutdown", []),
    ("restart", []), ("reloadConfig", []), ("getAllProcessInfo", []),
    ("sendRemoteCommEvent", ["a", "b"]), ("getProcessInfo", ["nope"]),
]:
    call("supervisor." + name, *params)
call("system.listMethods", show=len)
