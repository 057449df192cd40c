"""Reads configuration files with supervisord's own reader.

One file per line of stdin, in hexadecimal. One answer per line of stdout: the words
that supervisord would execute, each `w` and its UTF-8 in hexadecimal, with commas
between them; or `!` and the reason why it would not.
"""

import os
import shlex
import sys
import tempfile
import warnings

warnings.simplefilter("ignore")

from supervisor.datatypes import RestartUnconditionally  # noqa: E402
from supervisor.options import ServerOptions  # noqa: E402

EXPECTED = {
    "autostart": True,
    "autorestart": RestartUnconditionally,
    "startretries": 3,
    "startsecs": 1,
    "stopsignal": 15,
    "stopwaitsecs": 30,
    "stopasgroup": True,
    "killasgroup": True,
    "exitcodes": [255],
    "redirect_stderr": True,
    "stdout_logfile": "/dev/stdout",
    "stdout_logfile_maxbytes": 0,
}


class Refused(Exception):
    """What supervisord would print instead of starting."""


def refuse(message):
    raise Refused(message)


def words(path):
    options = ServerOptions()
    options.usage = refuse
    options.realize(["-c", path])
    [group] = options.process_group_configs
    [program] = group.process_configs
    for name, value in EXPECTED.items():
        if getattr(program, name) != value:
            raise Refused("%s is %r" % (name, getattr(program, name)))
    return shlex.split(program.command)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.conf")
        for line in sys.stdin:
            with open(path, "wb") as file:
                file.write(bytes.fromhex(line))
            try:
                print(",".join("w" + word.encode().hex() for word in words(path)))
            except Exception as why:  # whatever it is, it is the answer
                print("!" + str(why).replace("\n", " "))


main()
