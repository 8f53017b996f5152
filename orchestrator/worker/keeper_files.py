"""Files as the keeper meets them: evaluations may have made anything of them, so that nothing here follows links, blocks or recurses."""

from __future__ import annotations

import os
import stat
from typing import Any, Dict, Optional, Tuple


class TooLong(Exception):
    """What an evaluation says of its metrics is longer than what is read: which (`result`, `last_line`), its bytes, and the limit."""

    def __init__(self, kind: str, size: int, *, limit: int) -> None:
        super().__init__(kind, size, limit)
        self.facts: Dict[str, Any] = {"kind": kind, "bytes": size, "limit_bytes": limit}


def remove(path: str, *, place: Optional[int] = None) -> bool:
    """Whether there was something to be removed; `place` is a descriptor of the folder it is in."""
    try:
        os.unlink(path, dir_fd=place)
    except OSError:
        return False
    return True


def remove_tree(path: str) -> None:
    """Remove a file or a folder with all that is in it; what cannot be removed stays. No link is followed."""
    if not is_folder(path):
        remove(path)
        return
    found, seen = [path], []
    while found:
        seen.append(found.pop())
        try:
            os.chmod(seen[-1], 0o700)
            with os.scandir(seen[-1]) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        found.append(entry.path)
                    else:
                        remove(entry.path)
        except OSError:
            continue
    for folder in reversed(seen):
        try:
            os.rmdir(folder)
        except OSError:
            continue


def is_folder(path: str) -> bool:
    """Whether a folder is there, and no link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def own_folder(path: str) -> None:
    """Make a folder of a place that is ours, unless there is one: whatever else stands there goes. Raises OSError."""
    if not is_folder(path):
        remove(path)
        os.makedirs(path, 0o700, exist_ok=True)


Identity = Tuple[int, int]


def identity_of(status: os.stat_result) -> Identity:
    """What no other file has at that time, whatever its name is."""
    return status.st_dev, status.st_ino


def identity_at(path: str, *, place: Optional[int] = None) -> Optional[Identity]:
    """Which file stands there, no link followed; None when there is none."""
    try:
        return identity_of(os.stat(path, dir_fd=place, follow_symlinks=False))
    except OSError:
        return None


def read_end(path: str, limit_bytes: int) -> Tuple[bytes, int]:
    """The end of a file, and how long all of it is; nothing when it is not there, or when there is something else than a file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return b"", 0
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return b"", 0
        return os.pread(descriptor, limit_bytes, max(0, status.st_size - limit_bytes)), status.st_size
    except OSError:
        return b"", 0
    finally:
        os.close(descriptor)
