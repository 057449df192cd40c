"""A stand-in for vLLM: main process, engine, workers, and who tells whom to stop.

    engine.py         two workers; fails when anybody but the next above sends a signal
    engine.py plain   one worker as Python starts it: SIGTERM simply ends it

The main process drains for some seconds, during which the workers must answer, and only
then ends the engine, which ends its workers. All are of one process group, as vLLM's are.
"""

import os
import signal
import sys
import time

DRAIN = float(os.environ.get("DRAIN_SECS", "3"))
ASKED = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def say(words):
    os.write(1, (words + "\n").encode())


def wait_for_order(name, sender):
    """Returns when `sender` has sent a signal; anybody else's is a failure."""
    info = signal.sigwaitinfo(ASKED)
    if info.si_pid != sender:
        say(f"FAILED: {name} got signal {info.si_signo} from {info.si_pid}, not from {sender}")
        os._exit(70)


def no_second_signal(name):
    """vLLM's engine aborts its cleanup at a second one."""
    info = signal.sigtimedwait(ASKED, 0.2)
    if info:
        say(f"FAILED: {name} got signal {info.si_signo} from {info.si_pid} as well")
        os._exit(71)


def worker(name, answers, plain):
    if plain:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)
    parent = os.getppid()
    os.set_blocking(answers, False)
    while True:
        os.write(answers, b".")
        if plain:
            time.sleep(0.1)
            continue
        info = signal.sigtimedwait(ASKED, 0.1)
        if info:
            if info.si_pid != parent:
                say(f"FAILED: {name} got signal {info.si_signo} from {info.si_pid}")
                os._exit(72)
            say(f"{name} ends")
            os._exit(0)


def fork(target, *arguments):
    pid = os.fork()
    if pid == 0:
        target(*arguments)
        os._exit(0)
    return pid


def engine(ends, main):
    workers = [fork(worker, f"worker {i}", end, False) for i, end in enumerate(ends)]
    say(f"engine {os.getpid()} has workers")
    wait_for_order("engine", main)
    time.sleep(0.3)
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
    for pid in workers:
        if os.waitpid(pid, 0)[1] != 0:
            say("FAILED: a worker did not end well")
            os._exit(73)
    no_second_signal("engine")
    say("engine ends")


def drain(pipes):
    """Works for DRAIN seconds: each worker must answer within each half second of it."""
    for end in pipes:
        os.set_blocking(end, False)
    until = time.monotonic() + DRAIN
    while time.monotonic() < until:
        for end in pipes:
            try:
                os.read(end, 65536)
            except BlockingIOError:
                pass
        time.sleep(0.5)
        for i, end in enumerate(pipes):
            try:
                alive = os.read(end, 65536)
            except BlockingIOError:
                alive = b""
            if not alive:
                say(f"FAILED: worker {i} does not answer in the middle of the drain")
                os._exit(74)


plain = sys.argv[1:] == ["plain"]
signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
pipes = [os.pipe() for _ in range(1 if plain else 2)]
readers = [reader for reader, _ in pipes]
writers = [writer for _, writer in pipes]
if plain:
    child = fork(worker, "worker", writers[0], True)
else:
    child = fork(engine, writers, os.getpid())
for writer in writers:
    os.close(writer)
for reader in readers:
    os.read(reader, 1)
say(f"main {os.getpid()} is ready")
first = signal.sigwaitinfo(ASKED)
say(f"main drains because of signal {first.si_signo}")
drain(readers)
os.kill(child, signal.SIGTERM)
status = os.waitpid(child, 0)[1]
if status != (signal.SIGTERM if plain else 0):
    say(f"FAILED: the child ended with wait status {status}")
    os._exit(75)
no_second_signal("main")
say("main has drained")
