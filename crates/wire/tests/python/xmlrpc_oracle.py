"""Reads and writes XML-RPC with Python's and supervisord's own code.

One document per line of stdin and of stdout, in hexadecimal. The mode:

echo         each document, read and written again by Python
written      three documents that Python writes: a call, an answer, a fault
supervisord  each call, read by supervisord and written again by Python, or why not
"""

import datetime
import sys
import xmlrpc.client as client

from supervisor.xmlrpc import supervisor_xmlrpc_handler

VALUES = (
    -7,
    2**31 - 1,
    True,
    False,
    1.5,
    -1e300,
    " <ü&\U0001f600>\t\n",
    "",
    datetime.datetime(2026, 11, 22, 21, 27, 12),
    client.Binary(("bytes é " * 20).encode()),
    ["a", []],
    {"k": 1, "": None},
)


def dump(*args, **options):
    # Python writes a bare CR, which no reader gives back.
    return client.dumps(*args, allow_none=True, **options).replace("\r", "&#13;")


def echo(document):
    try:
        params, method = client.loads(document)
    except client.Fault as fault:
        return dump(fault, methodresponse=True)
    return dump(params, method, methodresponse=method is None)


def supervisord(document):
    handler = supervisor_xmlrpc_handler(None, [])
    try:
        params, method = handler.loads(document)
    except Exception:  # as supervisord itself catches all
        return "unmarshallable"
    if not method:
        return "no method name"
    return dump(params or (), method)


def written(_):
    yield client.dumps(VALUES, "supervisor.startProcess", allow_none=True)
    yield client.dumps((list(VALUES),), methodresponse=True, allow_none=True)
    yield client.dumps(client.Fault(10, "BAD_NAME: <x>"))


def main():
    mode = sys.argv[1]
    for line in sys.stdin:
        document = bytes.fromhex(line).decode()
        if mode == "written":
            answers = written(document)
        else:
            answers = [{"echo": echo, "supervisord": supervisord}[mode](document)]
        for answer in answers:
            print(answer.encode().hex())


main()
