"""Runs a task of some seconds on the node that has the resource `worker`.

    ray_task.py HEAD FIFO SECONDS
"""

import os
import sys
import time

import ray

head, fifo, seconds = sys.argv[1:]
ray.init(address=f"{head}:6379", _node_ip_address=head, log_to_driver=False, logging_level="ERROR")


# No retry: what is cut off is lost.
@ray.remote(resources={"worker": 1}, num_cpus=0, max_retries=0)
def task(fifo, seconds):
    with open(fifo, "w") as file:
        file.write("begun")
    time.sleep(seconds)
    return "whole"


os.mkfifo(fifo)
result = task.remote(fifo, float(seconds))
with open(fifo) as file:
    print("the task has", file.read(), flush=True)
print("the task is", ray.get(result), flush=True)
