"""A log file that is rotated while it is read: every byte once, in order."""

import os


class Followed:
    """Reads a log and its backups in the order in which they were written."""

    def __init__(self, path, backups):
        self.path, self.backups = path, backups
        # Files that were found, oldest first; open, so that their numbers aren't reused.
        self.files = []
        self.rotations = 0

    def read(self):
        """Yields what has been written since."""
        self.find()
        while self.files:
            file = self.files[0]
            # A file that has a successor is complete: rotation comes after writing.
            complete = len(self.files) > 1
            while some := os.read(file, 1 << 20):
                yield some
            if not complete:
                return
            os.close(self.files.pop(0))
            self.rotations += 1

    def find(self):
        while True:
            names = [self.path] + [f"{self.path}.{n}" for n in range(1, self.backups + 1)]
            numbers = [inode(name) for name in names]
            if numbers != [inode(name) for name in names]:
                continue
            present = [(name, number) for name, number in zip(names, numbers) if number]
            if not present or present[0][0] != self.path:
                # In the middle of a rotation, or not begun.
                if not self.files and not present:
                    return
                continue
            new = self.newer(present)
            if new is not None and self.open(new):
                return

    def newer(self, present):
        """Those that came after the last one that we know, oldest first."""
        if not self.files:
            return present[::-1]
        last = os.fstat(self.files[-1]).st_ino
        numbers = [number for _, number in present]
        if last not in numbers:
            raise ValueError(f"{self.path}: rotated away before it was read")
        return present[:numbers.index(last)][::-1]

    def open(self, new):
        found = []
        for name, number in new:
            try:
                found.append(os.open(name, os.O_RDONLY))
            except FileNotFoundError:
                pass
            if not found or os.fstat(found[-1]).st_ino != number:
                for file in found:
                    os.close(file)
                return False
        self.files += found
        return True


def inode(path):
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None
