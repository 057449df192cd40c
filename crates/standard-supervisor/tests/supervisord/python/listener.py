"""An event listener that writes down what it is told, and answers as its words say.

    listener.py FILE [WORD...]

One word an event, the last for all that follow: ok, slow, fail, garbage, die. What it heard is
appended to FILE: the header, then the payload, then a line with a dot.
"""

import sys
import time

file, *words = sys.argv[1:]
words = words or ["ok"]
while True:
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    header = sys.stdin.readline()
    if not header:
        break
    tokens = dict(token.split(":", 1) for token in header.split())
    # Characters, as supervisord counts them.
    payload = sys.stdin.read(int(tokens["len"]))
    with open(file, "a") as heard:
        heard.write(f"{header}{payload}\n.\n")
    word = words.pop(0) if len(words) > 1 else words[0]
    if word == "die":
        sys.exit(1)
    if word == "slow":
        time.sleep(0.05)
    answer = {"slow": "RESULT 2\nOK", "ok": "RESULT 2\nOK", "fail": "RESULT 4\nFAIL", "garbage": "what?\n"}[word]
    sys.stdout.write(answer)
    sys.stdout.flush()
