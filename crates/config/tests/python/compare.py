"""Answers as supervisord 4.3.0 and Python would.

The argument says what about; one question per line of stdin and one answer per line
of stdout, all in hexadecimal.
"""

import io
import shlex
import sys
import warnings

warnings.simplefilter("ignore")

from supervisor import datatypes  # noqa: E402
from supervisor.options import UnhosedConfigParser, expand  # noqa: E402


def ini(text):
    """`section`, `key` and `value` of every option; `!` if the text is refused."""
    parser = UnhosedConfigParser()
    try:
        # As a file opened in text mode: every kind of line end is the same.
        parser.read_file(io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))
    except Exception:
        return "!"
    lines = []
    for section in parser.sections():
        for key, value in parser._sections[section].items():
            lines.append("\x00".join([section, key, value]))
    return "\x01".join(lines)


def words(text):
    try:
        return "\x01".join("w" + word for word in shlex.split(text))
    except ValueError as why:
        return "!" + str(why)


def formatted(text):
    names = {"a": "x", "n": 5, "ENV_LONG": "it's \u00fc"}
    try:
        return "=" + expand(text, names, "program:p.k")
    except ValueError as why:
        return "!" + str(why)


def pairs(text):
    """supervisord 4.4's list, refused where something would be left out."""
    lexer = shlex.shlex(text, posix=True)
    lexer.wordchars += "/.+-():"
    try:
        tokens = list(lexer)
    except ValueError as why:
        return "!" + str(why)
    found = {}
    for at in range(0, len(tokens), 4):
        group = tokens[at : at + 4]
        if len(group) < 3 or group[1] != "=" or group[3:] not in ([], [","]):
            return "!"
        # `A=,B=1` is A with nothing in it rather than A with a comma.
        if group[2] in (",", "="):
            return "!"
        found[group[0]] = group[2]
    return "\x01".join("%s\x00%s" % pair for pair in found.items())


def scalar(check):
    def answer(text):
        try:
            return "=%s" % (check(text),)
        except ValueError as why:
            return "!" + str(why)

    return answer


MODES = {
    "ini": ini,
    "words": words,
    "format": formatted,
    "pairs": pairs,
    "repr": repr,
    "int": scalar(int),
    "bytes": scalar(datatypes.byte_size),
    "octal": scalar(datatypes.octal_type),
    "bool": scalar(datatypes.boolean),
    "signal": scalar(lambda text: int(datatypes.signal_number(text))),
    "exitcodes": scalar(datatypes.list_of_exitcodes),
    "name": scalar(datatypes.process_or_group_name),
    "port": scalar(lambda text: datatypes.inet_address(text)),
}

answer = MODES[sys.argv[1]]
for line in sys.stdin:
    print(answer(bytes.fromhex(line).decode()).encode("utf-8", "surrogatepass").hex())
