"""The accountant itself: whatever is wrong with a flood, it must see."""

import os
import struct
import tempfile

from followed import Followed
from numbered import BLOCK, END, Accounts, block
from place import Failed, check


def whole(run, blocks):
    return b"".join(block(b"x", run, number) for number in range(blocks))


def accounted(taken, pieces):
    """What the accountant says of what came, if so much of each run was taken."""
    with tempfile.TemporaryDirectory() as folder:
        for run, bytes_ in enumerate(taken):
            with open(os.path.join(folder, f"x.{run}"), "wb") as file:
                file.write(struct.pack("Q", bytes_))
        accounts = Accounts("x", folder)
        try:
            for piece in pieces:
                accounts.look_at(piece)
            accounts.close()
        except ValueError as wrong:
            return str(wrong)
    return accounts.bytes


def sees_every_fault():
    two, all_ = whole(0, 2), len(whole(0, 2))
    line = two.index(b"\n") + 1
    next_ = whole(1, 1)
    right = [
        ([all_], [two + END]),
        ([all_], [two[at:at + 1] for at in range(all_)] + [END]),
        # Killed: what was taken came, and a part of what was on its way.
        ([all_ - 900, len(next_)], [two[:-500] + next_ + END]),
        # Killed before it wrote anything.
        ([0, len(next_)], [next_ + END]),
    ]
    for taken, pieces in right:
        bytes_ = sum(map(len, pieces)) - len(END)
        check(accounted(taken, pieces) == bytes_, "a flood in order", accounted(taken, pieces))
    wrong = [
        ([all_], [two[:line] + two[2 * line:] + END]),
        ([all_], [two[:line] + two[:line] + two[line:] + END]),
        ([all_], [two[:-1] + END]),
        ([all_], [two[:100] + b"?" + two[101:] + END]),
        ([all_], [two[:100] + b"?" + two[100:] + END]),
        ([all_, len(next_)], [two[:-1] + next_ + END]),
        ([all_, len(next_)], [next_ + END]),
        ([all_], [two + END + b"more"]),
        ([all_ + 1], [two + END]),
        ([all_ + 1], [two]),
    ]
    for taken, pieces in wrong:
        found = accounted(taken, pieces)
        check(isinstance(found, str), "a flood with a fault passed for whole", pieces[0][:40])
    return len(right) + len(wrong)


def sees_files_that_went():
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")

        def rotate(text):
            with open(log, "ab") as file:
                file.write(text)
            for number in (2, 1):
                if os.path.exists(f"{log}.{number}"):
                    os.rename(f"{log}.{number}", f"{log}.{number + 1}")
            os.rename(log, f"{log}.1")
            open(log, "wb").close()

        followed = Followed(log, 3)
        rotate(b"1")
        rotate(b"2")
        check(b"".join(followed.read()) == b"12", "two files were not read in order")
        rotate(b"3")
        check(b"".join(followed.read()) == b"3", "a new file was not found")
        for number in b"456789":
            rotate(bytes([number]))
        try:
            lost = b"".join(followed.read())
        except ValueError:
            return
        raise Failed("files that were rotated away were not missed", lost)


def run(_):
    cases = sees_every_fault()
    sees_files_that_went()
    return {"floods judged": cases, "lines a block": BLOCK}
