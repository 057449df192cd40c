#!/usr/bin/env python3
"""A server that needs nothing but Python, and crashes when asked to.

    GET  /         answers with its pid
    POST /crash    it kills itself as the kernel would on running out of memory

PORT in the environment chooses the port; default: 8000.
"""

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def say(words):
    print(f"server {os.getpid()}: {words}", flush=True)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(f"hello from pid {os.getpid()}\n")

    def do_POST(self):
        if self.path == "/crash":
            say("crashing, as asked")
            os.kill(os.getpid(), signal.SIGKILL)
        self.answer("POST /crash is all there is\n", status=404)

    def answer(self, text, status=200):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        say(f'"{self.requestline}"')


def stop(*_):
    say("asked to stop, goodbye")
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler)
say(f"listening on http://127.0.0.1:{server.server_port}")
server.serve_forever()
