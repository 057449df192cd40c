"""A head that ranks join, and a rank that ends when its head does.

    rank.py head ADDRESS    listens at port 7000
    rank.py rank NAME       joins it
"""

import socket
import sys

role, place = sys.argv[1:]
if role == "head":
    listener = socket.create_server((place, 7000))
    print("head is up", flush=True)
    kept = []
    while True:
        kept.append(listener.accept())
with socket.create_connection((place, 7000)) as head:
    # A wait's own connection is none that stays: this one does.
    print("rank has joined", flush=True)
    head.recv(1)
sys.exit("the head has gone")
