"""Room that is kept on the disk for what must still be put on record when it is full: a file that holds nothing, and is given up then.

Who fills a disk takes whatever becomes free, so it is given up piece by piece: somebody else may get the first ones.
"""

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import structlog
from anyio import to_thread

log = structlog.get_logger(__name__)

WHOLE_BYTES = 16 * 2**20
"""Room for 300 ends that are committed alone, at 56 KB of the database's journal each, or for 30,000 in batches, at 0.5 KB (measured):
more than is under way at one instant."""

SMALL_DISK_SHARE = 20
"""On a small disk it is at most one part in so many of it."""

LEAST_PIECE_BYTES = 2**20
BLOCK_BYTES = 512  # in which a file's blocks are counted, whatever the file system's own are


def whole_bytes(disk_total_bytes: int) -> int:
    """How large it is on a disk of this size when nothing of it was given up."""
    return min(WHOLE_BYTES, disk_total_bytes // SMALL_DISK_SHARE)


def piece_bytes(held_bytes: int) -> int:
    """How much of what is left is given up next: half of it, or all when that is little."""
    return min(held_bytes, max(held_bytes // 2, LEAST_PIECE_BYTES))


class Reserve:
    """The file, which an earlier daemon may have left. Without a path there is no reserve."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._held_bytes = 0 if path is None else _allocated_bytes(path)
        self._changing = anyio.Lock()
        self._lacking = anyio.Event()
        self.owed_bytes = 0  # given up, and not there again
        if path is not None:
            self._lacking.set()

    async def lacking(self) -> None:
        """Return when it is not known to be whole."""
        await self._lacking.wait()

    async def give_up(self) -> bool:
        """Make some room. False when nothing is left to give up."""
        async with self._changing:
            piece = piece_bytes(self._held_bytes)
            if not piece or not await self._resize(_shrink, self._held_bytes - piece):
                return False
            self._held_bytes -= piece
            self.owed_bytes += piece
            self._lacking.set()
            log.error("reserve_given_up", given_up_bytes=piece, left_bytes=self._held_bytes)
            return True

    async def make(self, whole: int, *, spare_bytes: int) -> None:
        """Make it whole, if what it lacks of that can be spared."""
        async with self._changing:
            lacks = whole - self._held_bytes
            if lacks > 0 and (lacks > spare_bytes or not await self._resize(_allocate, whole)):
                return
            log.info("reserve_is_whole", size_bytes=whole)
            self._held_bytes, self.owed_bytes = max(whole, self._held_bytes), 0
            self._lacking = anyio.Event()

    async def _resize(self, act: Callable[[Path, int], None], size: int) -> bool:
        if self._path is None:
            return False
        try:
            await to_thread.run_sync(act, self._path, size)
        except OSError as error:
            log.warning("reserve_not_resized", path=str(self._path), size_bytes=size, error=error.strerror)
            return False
        return True


def _allocated_bytes(path: Path) -> int:
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return min(found.st_size, found.st_blocks * BLOCK_BYTES)


def _shrink(path: Path, size: int) -> None:
    """Synced, as some file systems have the room only then."""
    with path.open("rb+") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _allocate(path: Path, size: int) -> None:
    """Really allocated, where the file system can do that. When there is no room it is as large as before."""
    with path.open("ab") as file:
        before = file.tell()
        try:
            os.posix_fallocate(file.fileno(), 0, size)
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            raise
