"""Supervisor 4.3.0's own end-to-end tests, with our programs in place of its own.

    PYTHON run.py BINARIES FOLDER [PART OF A NAME]

PYTHON has supervisor 4.3.0 and pexpect. BINARIES is the folder with our programs. In
FOLDER a copy of the package `supervisor` is made whose programs are ours; the tests in
it, unchanged, run there, one after the other: they all use the same files in /tmp.

Exits with 0 if every test passed.
"""

import fcntl
import glob
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

VERSION = "4.3.0"

# The longest that one test may take; their own bounds add up to less.
PATIENCE = 200

# Which of our programs stands in for which module.
PROGRAMS = {
    "supervisord": "supervisord",
    "supervisorctl": "supervisorctl",
    "pidproxy": "pidproxy",
    "confecho": "echo_supervisord_conf",
}

# The same process becomes our program, so signals and $PPID mean it.
STAND_IN = """\
import os
import sys

def main():
    os.execv({path!r}, [{name!r}] + sys.argv[1:])

if __name__ == "__main__":
    main()
"""

# Neither the wheel nor the source archive has the script that issue 565 is about.
HELLO = """\
n=1
while true; do
    echo "The Øresund bridge ends in Malmö - $n"
    n=$((n + 1))
    sleep 1
done
"""

# Options of the fixtures whose values are files of the supervisor.
FILE_OPTION = re.compile(r"^(?:logfile|pidfile|file) *= *(/tmp/[^ ;\n]+)", re.MULTILINE)


def main(binaries, folder, part=""):
    folder = os.path.abspath(folder)
    package = make_package(os.path.realpath(binaries), folder)
    # Their files have fixed names: one run at a time on this machine.
    with open(os.path.join(tempfile.gettempdir(), "supervisor-conformance.lock"), "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failures = run_all(package, folder, part)
    for name, output in failures:
        print(f"\n== {name}\n{output}")
    return 1 if failures else 0


def make_package(binaries, folder):
    """The package with our programs in it; returns its folder."""
    version = importlib.metadata.version("supervisor")
    if version != VERSION:
        sys.exit(f"supervisor is {version}; the tests of {VERSION} are meant")
    import supervisor

    package = os.path.join(folder, "supervisor")
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(os.path.dirname(supervisor.__file__), package, ignore=ignored)
    for module, program in PROGRAMS.items():
        with open(os.path.join(package, module + ".py"), "w") as file:
            file.write(STAND_IN.format(path=os.path.join(binaries, "standard-supervisor"), name=program))
    hello = os.path.join(package, "tests/fixtures/hello.sh")
    if not os.path.exists(hello):
        with open(hello, "w", encoding="utf-8") as file:
            file.write(HELLO)
    return package


def run_all(package, folder, part):
    """Runs the tests, tells how each went, and returns the failures with their output."""
    files = files_of(package)
    # Left by runs that were cut short; anything else in /tmp may be somebody's.
    remove(file for file in files if os.path.basename(file).startswith("issue-"))
    others = {file for file in files if os.path.lexists(file)}
    names = [name for name in names_of(package) if part in name]
    if not names:
        sys.exit(f"no such test among {names_of(package)}")
    failures = []
    for name in names:
        started = time.monotonic()
        passed, output = run(name, folder)
        end_leftovers(files, folder)
        verdict = "passed" if passed else "FAILED"
        print(f"{verdict}: {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if not passed:
            failures.append((name, output))
    remove(file for file in files if file not in others)
    return failures


def names_of(package):
    with open(os.path.join(package, "tests/test_end_to_end.py"), encoding="utf-8") as file:
        return re.findall(r"^    def (test_\w+)", file.read(), re.MULTILINE)


def files_of(package):
    """The files outside our folder that the fixtures name."""
    files = set()
    for fixture in glob.glob(os.path.join(package, "tests/fixtures/issue-*.conf")):
        with open(fixture, encoding="utf-8") as file:
            files.update(FILE_OPTION.findall(file.read()))
    return files


def run(name, folder):
    """Runs one test in a process of its own; returns whether it passed, and what it said."""
    work = os.path.join(folder, "work")
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    environment = {
        "END_TO_END": "1",
        "HOME": work,
        "LANG": "C.UTF-8",
        # The fixtures run `python` and `bash`.
        "PATH": os.path.dirname(sys.executable) + ":/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": folder,
        "TERM": "dumb",
        "TMPDIR": work,
    }
    test = "supervisor.tests.test_end_to_end.EndToEndTests." + name
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "unittest", test],
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as expired:
        return False, f"{text(expired.stdout)}\nstill busy after {expired.timeout} s"
    # A test that is skipped, or not found, is none that passed.
    said = text(done.stdout)
    return done.returncode == 0 and "Ran 1 test in" in said and "skipped" not in said, said


def text(output):
    return (output or b"").decode(errors="replace")


def end_leftovers(files, folder):
    """Ends supervisors that a test has left: those of ours that a pidfile names."""
    pidfiles = [file for file in files if file.endswith(".pid")]
    for file in pidfiles + [os.path.join(folder, "work/supervisord.pid")]:
        try:
            with open(file) as opened:
                pid = int(opened.read())
            with open(f"/proc/{pid}/environ", "rb") as opened:
                ours = os.fsencode(folder) in opened.read()
            if ours:
                os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError):
            continue


def remove(files):
    for file in files:
        try:
            os.unlink(file)
        except FileNotFoundError:
            pass


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
