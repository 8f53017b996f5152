"""The semaphores in the queues of slots: files in /dev/shm that have names while a slot is born, and are named after who made them.

The standard library's tracker removes what a killed process leaves, unless it is killed at the same instant, as a service manager does.
"""

import hashlib
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import util
from multiprocessing.synchronize import SemLock
from pathlib import Path
from typing import Any

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 where the C library keeps named semaphores on Linux
_config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]  # noqa: SLF001 a contract test holds the names
_PREFIX = "semprefix"


def prefix_of(folder: Path) -> str:
    """What the names of those begin with that are made for a private folder that nothing else uses.

    By what its parent is and not by its path, which stands for another folder in another container.
    """
    parent = folder.parent.stat()
    place = f"{parent.st_dev} {parent.st_ino} {folder.name}"
    return f"/orc-{hashlib.sha256(place.encode()).hexdigest()[:16]}"


def sweep(prefix: str) -> None:
    """Remove what a killed process has left. Nobody else uses the prefix."""
    for left in SHARED_MEMORY.glob(f"sem.{prefix.lstrip('/')}-*"):
        with suppress(OSError):
            left.unlink()


@contextmanager
def named(prefix: str) -> Iterator[None]:
    """Those that are made inside have names that begin so. Processes made inside would take that over."""
    before = _config[_PREFIX]
    _config[_PREFIX] = prefix
    try:
        yield
    finally:
        _config[_PREFIX] = before


def semaphores_of(pool: ProcessPoolExecutor) -> frozenset[str]:
    """The names of the semaphores in its queues."""
    queues: Any = pool._call_queue, pool._result_queue  # type: ignore[attr-defined]  # noqa: SLF001 as above
    locks = (lock for queue in queues for lock in vars(queue).values() if isinstance(lock, SemLock))
    return frozenset(lock._semlock.name for lock in locks)  # type: ignore[attr-defined]  # noqa: SLF001 as above


def unlink_semaphores(pool: ProcessPoolExecutor) -> None:
    """Once its process has opened them nobody needs their names."""
    names = semaphores_of(pool)
    for finalizer in list(util._finalizer_registry.values()):  # type: ignore[attr-defined]  # noqa: SLF001 as above
        if finalizer._callback is SemLock._cleanup and finalizer._args[0] in names:  # type: ignore[attr-defined]  # noqa: SLF001 as above
            finalizer()
