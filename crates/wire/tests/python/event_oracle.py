"""Reads events as a listener does and makes them again with supervisord's own code.

One event per line of stdin and of stdout, in hexadecimal: what is sent to a listener.
"""

import io
import sys
from types import SimpleNamespace

from supervisor import events
from supervisor.childutils import eventdata, get_headers
from supervisor.process import EventListenerPool
from supervisor.states import ProcessStates


def read(text):
    stream = io.StringIO(text, newline="")
    headers = get_headers(stream.readline())
    payload = stream.read(int(headers["len"]))
    rest = stream.read()
    if rest:
        raise SystemExit("%r is left of %r" % (rest, text))
    return headers, payload


def process(said):
    config = SimpleNamespace(name=said["processname"])
    group = SimpleNamespace(config=SimpleNamespace(name=said["groupname"]))
    return SimpleNamespace(
        config=config,
        group=group,
        pid=int(said.get("pid", 0)),
        backoff=int(said.get("tries", 0)),
    )


def as_written(data):
    undecodable = data.startswith("Undecodable: ")
    return eval(data[len("Undecodable: ") :]) if undecodable else data.encode()


def event(kind, payload):
    """The event that the payload tells of."""
    if issubclass(kind, events.SupervisorStateChangeEvent):
        return kind()
    said, data = eventdata(payload + "\n" if "\n" not in payload else payload)
    if issubclass(kind, events.ProcessStateEvent):
        from_state = getattr(ProcessStates, said["from_state"])
        return kind(process(said), from_state, said.get("expected") == "1")
    if issubclass(kind, (events.ProcessCommunicationEvent, events.ProcessLogEvent)):
        return kind(process(said), int(said["pid"]), as_written(data))
    if issubclass(kind, events.RemoteCommunicationEvent):
        return kind(said["type"], data)
    if issubclass(kind, events.TickEvent):
        return kind(int(said["when"]), None)
    return kind(said["groupname"])


def main():
    for line in sys.stdin:
        headers, payload = read(bytes.fromhex(line).decode())
        kind = getattr(events.EventTypes, headers["eventname"])
        config = SimpleNamespace(
            name=headers["pool"],
            options=SimpleNamespace(identifier=headers["server"]),
        )
        sent = EventListenerPool._eventEnvelope(
            SimpleNamespace(config=config),
            kind,
            headers["serial"],
            headers["poolserial"],
            event(kind, payload).payload(),
        )
        print(sent.encode().hex())


main()
