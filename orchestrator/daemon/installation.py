"""Whether what this program runs from is still there, as the kernel tells it: nobody asks again and again."""

import ctypes
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import structlog

import orchestrator

log = structlog.get_logger(__name__)

_ATTRIBUTES, _REMOVED, _MOVED, _LINK_ITSELF = 0x4, 0x400, 0x800, 0x02000000  # inotify(7)
_EVENT_BYTES = 4096
_LIBRARY = ctypes.CDLL(None, use_errno=True)


def own_files() -> tuple[Path, ...]:
    """The interpreter as it was called, and the package: without them no evaluation can start as it should."""
    return Path(sys.executable), Path(orchestrator.__file__)


async def until_gone(files: Iterable[Path]) -> Path:
    """Return the first of these files that was removed, replaced or moved. Where the kernel has no watches left this never returns."""
    known = {path: _number(path) for path in files}
    with _watching(known) as descriptor:
        while True:
            for path, number in known.items():
                if _number(path) != number:
                    return path
            await anyio.wait_readable(descriptor)
            os.read(descriptor, _EVENT_BYTES)


@contextmanager
def _watching(paths: Iterable[Path]) -> Iterator[int]:
    """A descriptor that becomes readable when something happens to one of the files, which may be symbolic links."""
    descriptor = _LIBRARY.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:
        log.warning("installation_not_watched", error=os.strerror(ctypes.get_errno()))
        descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # which nobody writes to
    wanted = _ATTRIBUTES | _REMOVED | _MOVED | _LINK_ITSELF
    try:
        for path in paths:
            if _LIBRARY.inotify_add_watch(descriptor, os.fsencode(path), wanted) < 0:
                log.warning("installation_not_watched", path=str(path), error=os.strerror(ctypes.get_errno()))
        yield descriptor
    finally:
        os.close(descriptor)


def _number(path: Path) -> tuple[int, int] | None:
    """What names the file itself, whatever its path; None when nothing is there."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
