"""Where an evaluation's files are while it runs: places that are used again, as making files is slow and most commands print little.

A berth holds the parameters, the result file, the scratch folder and the two streams. A stream that was written to is shown where
its output belongs at the first look while it runs (each second), and moved there at its end. Empty ones stay for the next
evaluation, so that one that prints nothing leaves no file and costs none.

An evaluation may do to its berth whatever it likes: rename it, put folders, pipes or links where files were. The keeper reaches into
it by descriptors, so that no name leads it somewhere else; before a berth is used again it is looked at (a listing and five stats,
some 20 microseconds), and given up for a fresh one when it is not as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Dict, List, Optional, Tuple

from orchestrator.worker.keeper_files import (
    TooLong,
    own_folder,
    read_end,
    remove,
    remove_tree,
)
from orchestrator.worker.keeper_streams import Stream

LONGEST_RESULT_BYTES = 1 << 20

_REWRITE = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_PLACE = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
_PARAMETERS, _RESULT, _SCRATCH, _OUT, _ERR = "params.json", "result", "scratch", "out", "err"
_MOST_OBSTACLES = 1000  # folders that evaluations have made where berths were to be


class Berth:
    """One place. Its paths are what the evaluation is told. Raises OSError when it is not there."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.parameters = os.path.join(folder, _PARAMETERS)
        self.result = os.path.join(folder, _RESULT)
        self.scratch = os.path.join(folder, _SCRATCH)
        self._place = os.open(folder, _PLACE)
        self._known = _known(os.fstat(self._place))

    @classmethod
    def make(cls, folder: str) -> Berth:
        """A fresh one. Raises OSError: FileExistsError when something is there."""
        os.mkdir(folder, 0o700)
        berth = cls(folder)
        os.mkdir(_SCRATCH, 0o700, dir_fd=berth._place)
        return berth

    def close(self) -> None:
        """It is not used any more."""
        os.close(self._place)

    @property
    def is_as_it_was(self) -> bool:
        """Whether the next evaluation finds nothing of what the last ones did, and everything it needs."""
        try:
            names = os.listdir(self._place)
            return (
                _known(os.stat(self.folder, follow_symlinks=False)) == self._known
                and _SCRATCH in names
                and all(map(self._is_in_order, names))
                and not os.listdir(self.scratch)
            )
        except OSError:
            return False

    def _is_in_order(self, name: str) -> bool:
        status = os.stat(name, dir_fd=self._place, follow_symlinks=False)
        mode = status.st_mode & ~stat.S_ISGID  # which the folders of some file systems hand down
        if name == _SCRATCH:
            return mode == stat.S_IFDIR | 0o700
        if mode != stat.S_IFREG | 0o600 or status.st_nlink != 1:
            return False
        return name == _PARAMETERS or (name in {_OUT, _ERR} and not status.st_size)

    def environment(self) -> Dict[str, str]:
        """How an evaluation finds its files."""
        return {"ORC_PARAMS": self.parameters, "ORC_RESULT": self.result, "ORC_SCRATCH": self.scratch}

    def streams(self, out: str, err: str) -> List[Stream]:
        """Standard output and standard error, not open, and where they belong."""
        return [Stream(self._place, _OUT, out), Stream(self._place, _ERR, err)]

    def furnish(self, parameters: str) -> None:
        """Write the parameters. Raises OSError."""
        content = parameters.encode()
        descriptor = os.open(_PARAMETERS, _REWRITE, 0o600, dir_fd=self._place)
        try:  # written over, then cut: ext4 writes a file to the disk at once when it had been cut to nothing
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.parameters)
            os.ftruncate(descriptor, len(content))
        finally:
            os.close(descriptor)

    def take_result(self) -> Optional[str]:
        """What the evaluation wrote to its result file, which is gone afterwards; None when it did not. Raises TooLong."""
        content, size = read_end(self.result, LONGEST_RESULT_BYTES)
        remove(_RESULT, place=self._place)
        if size > LONGEST_RESULT_BYTES:
            raise TooLong("result", size, limit=LONGEST_RESULT_BYTES)
        return content.decode("utf-8", "replace") if content else None

    def take_scratch(self, keep_as: str) -> Optional[str]:
        """Put the scratch folder aside when something is in it: the path it has then."""
        try:
            if not self._scratch_holds_something():
                return None
            os.rename(_SCRATCH, keep_as, src_dir_fd=self._place)
        except OSError:  # the evaluation has removed it, or has put something else there
            return None
        with contextlib.suppress(OSError):
            os.mkdir(_SCRATCH, 0o700, dir_fd=self._place)
        return keep_as

    def _scratch_holds_something(self) -> bool:
        try:
            if not os.listdir(self.scratch):
                return False
        except PermissionError:  # the evaluation has made it unreadable
            pass
        if not stat.S_ISDIR(os.stat(_SCRATCH, dir_fd=self._place, follow_symlinks=False).st_mode):
            return False
        os.chmod(_SCRATCH, 0o700, dir_fd=self._place)
        return bool(os.listdir(self.scratch))


def _known(folder: os.stat_result) -> Tuple[int, int, int]:
    """Which folder it is, and who may do what there."""
    return folder.st_dev, folder.st_ino, folder.st_mode


class Berths:
    """All places below one folder; `scratch` is where scratch folders are put aside."""

    def __init__(self, folder: str, *, scratch: str) -> None:
        self._folder = folder
        self._scratch = scratch
        self._free: List[Berth] = []
        self._made = 0

    def take(self) -> Berth:
        """One in which nothing is but what belongs there. Raises OSError."""
        while self._free:
            berth = self._free.pop()
            if berth.is_as_it_was:
                return berth
            berth.close()
            remove_tree(berth.folder)
        return self._fresh()

    def _fresh(self) -> Berth:
        for folder in (os.path.dirname(self._folder), self._folder):
            own_folder(folder)
        for _ in range(_MOST_OBSTACLES):
            self._made += 1
            try:
                return Berth.make(os.path.join(self._folder, str(self._made)))
            except FileExistsError:
                continue
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), self._folder)

    def give_back(self, berth: Berth) -> None:
        """Nothing uses it any more; what it is like is looked at before it is taken again."""
        self._free.append(berth)

    def aside(self, token: str) -> str:
        """Where the scratch folder of an evaluation is put when something is in it."""
        return os.path.join(self._scratch, token)
