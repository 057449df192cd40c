"""A server that is as ill as the files in its folder say.

    server.py FOLDER PORT [WORD...]

health   what /health answers: "STATUS TEXT", or "hang", "busy", "flood"
         (it writes as fast as it can) or "drop"; without the file 200 ok
metrics  what /metrics answers, or "hang"; "{turn}" is a number that grows with each answer
gate     a FIFO that must be written to before the server listens

Words: tls (with cert.pem and key.pem of the folder; mtls: clients need a certificate as
well), host=ADDRESS, unix (a socket "socket" in the folder instead of the port), worker (has a child whose
command line holds "test-worker"), notify (tells each line that is
written to the FIFO "tell"; a bar stands for the end of a line)
"""

import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

folder, port, words = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
host = next((word[5:] for word in words if word.startswith("host=")), "127.0.0.1")
tls = None
if {"tls", "mtls"} & set(words):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem"))
    if "mtls" in words:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(os.path.join(folder, "cert.pem"))


def said(name, default):
    try:
        with open(os.path.join(folder, name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


class Handler(BaseHTTPRequestHandler):
    turn = 0

    def do_GET(self):
        print("asked", self.path, flush=True)
        if wanted := said("key", ""):
            print("key", self.headers.get("X-Key"), flush=True)
            if self.headers.get("X-Key") != wanted:
                return self.answer(401, "who are you?")
        if self.path == "/metrics":
            Handler.turn += 1
            if said("metrics", "") == "hang":
                threading.Event().wait()
            return self.answer(200, said("metrics", "").replace("{turn}", str(Handler.turn)))
        health = said("health", "200 ok")
        if health == "hang":
            threading.Event().wait()
        while health == "flood":
            print("x" * 1000, flush=True)
            health = said("health", "200 ok")
        while health == "busy":
            health = said("health", "200 ok")
        if health == "drop":
            return self.connection.close()
        status, _, text = health.partition(" ")
        self.answer(int(status), text)

    def answer(self, status, text):
        body = (text + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "somebody"

    def log_message(self, *_):
        pass


class Tcp(socketserver.ThreadingMixIn, socketserver.TCPServer):
    address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
    allow_reuse_address = True
    daemon_threads = True

    def get_request(self):
        connection, address = super().get_request()
        if tls:
            connection.settimeout(5)
            connection = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, *_):
        print("error", type(sys.exc_info()[1]).__name__, flush=True)


class Unix(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def tell():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        address = os.environ["NOTIFY_SOCKET"]
        out.connect("\0" + address[1:] if address.startswith("@") else address)
        # Open for writing, too: it has no end, and nothing is lost between two orders.
        with open(os.open(os.path.join(folder, "tell"), os.O_RDWR)) as orders:
            for order in orders:
                out.send(order.strip().replace("|", "\n").encode())


print("pid", os.getpid(), flush=True)
if "worker" in words:
    worker = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()", "test-worker"])
    print("worker", worker.pid, flush=True)
if "notify" in words:
    print("socket", os.environ["NOTIFY_SOCKET"], flush=True)
    print("watchdog", os.environ.get("WATCHDOG_USEC"), flush=True)
    threading.Thread(target=tell, daemon=True).start()
gate = os.path.join(folder, "gate")
if os.path.exists(gate):
    with open(gate) as order:
        order.read()
path = os.path.join(folder, "socket")
if "unix" in words and os.path.exists(path):
    os.unlink(path)
server = Unix(path, Handler) if "unix" in words else Tcp((host, port), Handler)
print(f"listening at {time.strftime('%F %H:%M:%S', time.localtime())}", flush=True)
server.serve_forever()
