"""Faults and endurance on the real binary: `run.py BINARIES SCENARIO [NAME=VALUE...]`.

BINARIES is the folder with our programs, SCENARIO a module beside this one. Prints what
was done and seen as JSON; exits with 0 if everything held, 1 if not, and 77 if the
machine lacks what the scenario needs. Everything is bounded in count and time, and ends
by pid what it started.
"""

import importlib
import json
import os
import sys
import time


def main(binaries, scenario, *settings):
    from place import Failed, Lacking, say
    settings = dict(setting.split("=", 1) for setting in settings)
    began = time.monotonic()
    say(scenario, settings)
    try:
        result = importlib.import_module(scenario).run(os.path.abspath(binaries), **settings)
    except Lacking as lacking:
        say("skipped:", lacking)
        sys.exit(77)
    except Failed as failed:
        say("FAILED:", *failed.args)
        sys.exit(1)
    print(json.dumps({"scenario": scenario, "took, s": round(time.monotonic() - began, 1),
                      **(result or {})}, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
