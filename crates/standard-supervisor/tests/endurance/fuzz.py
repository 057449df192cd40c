"""Strangers at the control socket: `fuzz.py SOCKET PORT SECONDS COUNT SEED`.

Sends COUNT requests, spread over SECONDS, to the unix socket and to the TCP port: mutated
ones, half ones, ones that come byte by byte, many in one piece, clients that go away
before they are answered or never read. After every tenth a sane client must get a sane
answer. Prints what became of them as JSON.
"""

import collections
import json
import random
import socket
import sys
import time

# What a sane client waits for its answer at most.
PATIENCE = 30
# Slow clients that are there at once.
SLOW = 40

SANE = (b"<?xml version='1.0'?><methodCall><methodName>supervisor.getState</methodName>"
        b"<params></params></methodCall>")

CALLS = [
    (b"supervisor.getState", b""),
    (b"supervisor.getAllProcessInfo", b""),
    (b"supervisor.getProcessInfo", b"<param><value><string>victim</string></value></param>"),
    (b"supervisor.startProcess", b"<param><value><string>victim</string></value></param>"
                                 b"<param><value><boolean>0</boolean></value></param>"),
    (b"supervisor.stopProcess", b"<param><value><string>victim</string></value></param>"),
    (b"supervisor.signalProcess", b"<param><value><string>victim</string></value></param>"
                                  b"<param><value><string>TERM</string></value></param>"),
    (b"supervisor.sendProcessStdin", b"<param><value><string>victim</string></value></param>"
                                     b"<param><value><string>text</string></value></param>"),
    (b"supervisor.sendRemoteCommEvent", b"<param><value>a</value></param><param><value>b</value>"
                                        b"</param>"),
    (b"supervisor.tailProcessStdoutLog", b"<param><value>steady</value></param><param><value><int>"
                                         b"0</int></value></param><param><value><int>9999</int>"
                                         b"</value></param>"),
    (b"supervisor.readLog", b"<param><value><int>-1000</int></value></param><param><value><int>0"
                            b"</int></value></param>"),
    (b"supervisor.reloadConfig", b""),
    (b"system.listMethods", b""),
    (b"system.methodHelp", b"<param><value>supervisor.getState</value></param>"),
    (b"system.multicall", b"<param><value><array><data>" + 3 * (
        b"<value><struct><member><name>methodName</name><value>supervisor.getPID</value></member>"
        b"<member><name>params</name><value><array><data></data></array></value></member>"
        b"</struct></value>") + b"</data></array></value></param>"),
]

NASTY = [b"\0", b"\r\n", b"\r\n\r\n", b"<", b">", b"&", b"&#0;", b"<![CDATA[", b"<!DOCTYPE a [",
         b"<!ENTITY a '&a;'>", b"%00", b"\xff\xfe", b"-1", b"99999999999999999999", b"1e309",
         b"<value>" * 200, b"A" * 70000, b"../../../etc/passwd", b"Content-Length: 5\r\n",
         b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"HTTP/9.9"]

PAGES = [b"/", b"/index.html?action=stop&processname=victim", b"/logtail/steady",
         b"/mainlogtail", b"/stylesheets/supervisor.css", b"/RPC2", b"/%2e%2e/etc", b"*"]


def request(random):
    """A request that is in order."""
    if random.random() < 0.2:
        method = random.choice([b"GET", b"HEAD", b"POST", b"PUT", b"OPTIONS"])
        return method + b" " + random.choice(PAGES) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    name, params = random.choice(CALLS)
    body = (b"<?xml version='1.0'?><methodCall><methodName>" + name + b"</methodName><params>" +
            params + b"</params></methodCall>")
    if random.random() < 0.2:
        return (b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" +
                b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    return b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def mutated(random):
    """One that isn't any more, most likely."""
    bytes_ = bytearray(request(random))
    for _ in range(random.choice([0, 1, 1, 2, 5, 20])):
        at = random.randrange(len(bytes_) + 1)
        to = min(len(bytes_), at + random.choice([1, 2, 8, 64]))
        how = random.randrange(5)
        if how == 0:
            bytes_[at:to] = random.randbytes(to - at)
        elif how == 1:
            del bytes_[at:to]
        elif how == 2:
            bytes_[at:at] = bytes_[at:to] * random.choice([1, 2, 50])
        elif how == 3:
            bytes_[at:at] = random.choice(NASTY)
        elif at < len(bytes_):
            bytes_[at] ^= 1 << random.randrange(8)
    return bytes(bytes_) or b"?"


class Fuzz:
    def __init__(self, path, port, seed):
        self.doors = [(socket.AF_UNIX, path), (socket.AF_INET, ("127.0.0.1", port))]
        self.random = random.Random(seed)
        self.seen = collections.Counter()
        # Clients that stay, with what they have still to send, byte by byte.
        self.staying = collections.deque()
        self.slowest = 0.0

    def connect(self, timeout):
        family, address = self.random.choice(self.doors)
        client = socket.socket(family)
        client.settimeout(timeout)
        client.connect(address)
        return client

    def one(self):
        kind = self.random.choice(["whole"] * 5 + ["gone", "half", "slow", "deaf", "many"])
        self.seen[kind] += 1
        try:
            getattr(self, kind)()
        except TimeoutError:
            self.seen["no answer within 0.3 s"] += 1
        except OSError:
            self.seen["closed by the other side"] += 1

    def whole(self):
        with self.connect(0.3) as client:
            client.sendall(mutated(self.random))
            answer = client.recv(4096)
            self.seen[answer[:12].decode("latin-1") or "closed by the other side"] += 1

    def gone(self):
        with self.connect(0.3) as client:
            client.sendall(mutated(self.random))

    def half(self):
        with self.connect(0.3) as client:
            whole = mutated(self.random)
            client.sendall(whole[:self.random.randrange(len(whole))])
            client.shutdown(socket.SHUT_WR)
            client.recv(4096)

    def slow(self):
        """Sends byte by byte, whenever it is anybody's turn."""
        self.stay(self.connect(0.3), mutated(self.random))

    def deaf(self):
        """Asks for much and never reads; stays for a while."""
        client = self.connect(0.3)
        client.sendall(b"GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n" + request(self.random))
        self.stay(client, b"")

    def many(self):
        with self.connect(0.3) as client:
            client.sendall(b"".join(request(self.random) for _ in range(20)))
            client.recv(100)

    def stay(self, client, rest):
        self.staying.append((client, rest))
        if len(self.staying) > SLOW:
            self.staying.popleft()[0].close()

    def drip(self):
        for at, (client, rest) in enumerate(self.staying):
            try:
                client.sendall(rest[:1])
            except OSError:
                pass
            self.staying[at] = (client, rest[1:])

    def sane(self):
        """Whoever asks properly is answered properly, whatever the others do."""
        began = time.monotonic()
        with self.connect(PATIENCE) as client:
            client.sendall(b"POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                           b"Content-Length: %d\r\n\r\n%s" % (len(SANE), SANE))
            answer = b""
            while some := client.recv(4096):
                answer += some
        if not answer.startswith(b"HTTP/1.1 200 OK") or b"RUNNING" not in answer:
            sys.exit(f"a sane request was answered by {answer!r}")
        self.seen["sane"] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)


def main(path, port, seconds, count, seed):
    fuzz = Fuzz(path, int(port), int(seed))
    seconds, count = float(seconds), int(count)
    began = time.monotonic()
    for number in range(count):
        fuzz.one()
        fuzz.drip()
        if number % 10 == 9:
            fuzz.sane()
        time.sleep(max(0, began + seconds * (number + 1) / count - time.monotonic()))
    for client, _ in fuzz.staying:
        client.close()
    fuzz.sane()
    print(json.dumps({"requests": count, "slowest sane answer, s": round(fuzz.slowest, 3),
                      "seed": int(seed), "seen": dict(fuzz.seen.most_common())}))


if __name__ == "__main__":
    main(*sys.argv[1:])
