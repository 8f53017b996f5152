"""Whether what this program runs from is still there, as the kernel tells it: nobody asks again and again."""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import anyio
import structlog

import orchestrator

log = structlog.get_logger(__name__)

_ATTRIBUTES, _REMOVED, _MOVED, _IGNORED, _LINK_ITSELF = 0x4, 0x400, 0x800, 0x8000, 0x02000000  # inotify(7)
_ENDS = _REMOVED | _MOVED | _IGNORED
_EVENT, _EVENTS_AT_ONCE = struct.Struct("iIII"), 256
_LIBRARY = ctypes.CDLL(None, use_errno=True)


def own_files() -> tuple[Path, ...]:
    """The interpreter as it was called, and the package: without them no evaluation can start as it should."""
    return Path(sys.executable), Path(orchestrator.__file__)


async def until_gone(files: Iterable[Path]) -> Path:
    """Return the first of these files that was removed, replaced or moved. Where the kernel has no watches left this never returns."""
    known = {path: _number(path) for path in files}
    ended: list[Path] = []  # in whose place another file may be by now, even one with the same number
    with _watching(known) as (descriptor, watched):
        while True:
            gone = [path for path, number in known.items() if _number(path) != number] + ended
            if gone:
                return gone[0]
            await anyio.wait_readable(descriptor)
            events = os.read(descriptor, _EVENT.size * _EVENTS_AT_ONCE)  # of files: no name follows any of them
            ended = [
                watched[watch] for watch, what, _, _ in _EVENT.iter_unpack(events) if what & _ENDS and watch in watched
            ]


@contextmanager
def _watching(paths: Iterable[Path]) -> Iterator[tuple[int, Mapping[int, Path]]]:
    """A descriptor that becomes readable when something happens to one of the files, which may be symbolic links; their watches."""
    descriptor = _LIBRARY.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        log.warning("installation_not_watched", error=os.strerror(ctypes.get_errno()))
        descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # which nobody writes to
    wanted = _ATTRIBUTES | _REMOVED | _MOVED | _LINK_ITSELF
    watched = {}
    try:
        for path in paths:
            watch = _LIBRARY.inotify_add_watch(descriptor, os.fsencode(path), wanted)
            if watch < 0:
                log.warning("installation_not_watched", path=str(path), error=os.strerror(ctypes.get_errno()))
            watched[watch] = path
        yield descriptor, watched
    finally:
        os.close(descriptor)


def _number(path: Path) -> tuple[int, int] | None:
    """What names the file itself, whatever its path; None when nothing is there."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
