"""Which bytes of a log supervisord gives.

One question per line of stdin, in hexadecimal: the mode is `read` or `tail`, the
question `offset length size`. One answer per line of stdout, in hexadecimal.
"""

import sys
import tempfile

from supervisor.options import readFile, tailFile

LOG = bytes(range(33, 127))


def main():
    mode = sys.argv[1]
    with tempfile.NamedTemporaryFile() as file:
        for line in sys.stdin:
            offset, length, size = map(int, bytes.fromhex(line).decode().split())
            file.seek(0)
            file.truncate()
            file.write(LOG[:size])
            file.flush()
            if mode == "tail":
                data, at, overflow = tailFile(file.name, offset, length)
                answer = "%s %d %d" % (data, at, overflow)
            else:
                try:
                    answer = readFile(file.name, offset, length).decode()
                except ValueError as why:
                    answer = str(why)
            print(answer.encode().hex())


main()
