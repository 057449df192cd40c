"""A FastAPI server that crashes, hangs and drains on request.

    uvicorn server:app --host 0.0.0.0 --port 8000 --workers 2

    GET  /                    answers with the worker's pid
    GET  /slow?seconds=S      answers after S seconds: a request in flight
    POST /crash?signal=NAME   the server's main process gets SIGKILL, or NAME
    POST /crash?status=N      this worker exits with N (with one worker, the server)
    POST /hang                this worker answers nothing any more

DRAIN_SECS=S in the environment makes each worker take S seconds to shut down.
"""

import asyncio
import multiprocessing
import os
import signal as signals
import time
from contextlib import asynccontextmanager

from fastapi import FastAPI


def say(words):
    print(words, flush=True)


# With several workers uvicorn starts each as a child; with one it serves by itself.
LEADER = os.getppid() if multiprocessing.parent_process() else os.getpid()


@asynccontextmanager
async def lifespan(app):
    say(f"worker {os.getpid()} of leader {LEADER} is ready")
    yield
    seconds = float(os.environ.get("DRAIN_SECS", "0"))
    say(f"worker {os.getpid()} drains for {seconds:g} seconds")
    await asyncio.sleep(seconds)
    say(f"worker {os.getpid()} is done")


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def root():
    return {"pid": os.getpid(), "leader": LEADER}


@app.get("/slow")
async def slow(seconds: float = 2):
    say(f"worker {os.getpid()} works on a request for {seconds:g} seconds")
    await asyncio.sleep(seconds)
    return {"pid": os.getpid(), "seconds": seconds}


@app.post("/crash")
async def crash(signal: str = "KILL", status: int | None = None):
    if status is not None:
        say(f"worker {os.getpid()} exits with status {status}, as asked")
        os._exit(status)
    say(f"leader {LEADER} gets SIG{signal}, as asked")
    os.kill(LEADER, getattr(signals, f"SIG{signal}"))
    return {"killed": LEADER}


@app.post("/hang")
async def hang():
    say(f"worker {os.getpid()} hangs, as asked")
    # On purpose not asyncio's: nothing else in this worker runs meanwhile.
    time.sleep(3600)
