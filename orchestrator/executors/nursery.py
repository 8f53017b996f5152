"""The process that every slot is forked from: the fork server of the standard library, with what a slot needs already imported.

A slot forked from it is there in a sixth of the time that a fresh interpreter takes, and holds half the memory. It runs no code of
anybody's, in one thread, so that forking it is safe; a slot is as clean as a new process. It ends when the daemon does.
"""

import multiprocessing
import os
import select
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from orchestrator.executors import semaphores

CONTEXT = multiprocessing.get_context("forkserver")
PRELOADED = (
    "orchestrator.worker.apart",
    "orchestrator.worker.columns",
    "orchestrator.worker.slot",
    "orchestrator.worker.host",
    "concurrent.futures.process",
    "multiprocessing.popen_forkserver",  # these two are what it would import first of all
    "multiprocessing.synchronize",
    "hashlib",  # for the code of an experiment: three milliseconds on the way to its first evaluation
)
CONTEXT.set_forkserver_preload(list(PRELOADED))

_server: Any = forkserver._forkserver  # noqa: SLF001 the one there is; a contract test holds the names


_config: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]  # noqa: SLF001 as above
_children: set[Any] = multiprocessing.process._children  # type: ignore[attr-defined]  # noqa: SLF001 as above
_TEMPORARY = "tempdir"
_places: list[str] = []  # where its socket is to be, when that was said,
_prefixes: list[str] = []  # and how the semaphores of a slot are named while it is born
_one_birth = threading.Lock()
_ENDING_SECONDS = 5.0


@contextmanager
def open_nursery(folder: Path) -> Iterator[None]:
    """Have it run, with its socket in a private folder that nothing else uses; it is gone when this is left, and the folder too.

    Without this the first slot starts it, with its socket in a temporary folder. Blocks for as long as starting a process takes.
    """
    _end()  # one that something else has started
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)  # what a killed daemon left
    folder.mkdir(mode=0o700, parents=True)
    place = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    _places.append(f"/proc/self/fd/{place}")  # its own path could be longer than the address of a socket may be
    _prefixes.append(semaphores.prefix_of(folder))
    semaphores.sweep(_prefixes[-1])
    try:
        _attend()
        yield
    finally:
        _end()
        _prefixes.pop()
        _places.pop()
        os.close(place)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def conception() -> Iterator[None]:
    """What a slot needs is made inside: what of it has a name is found by the next daemon, should all be killed before the birth is over."""
    with _one_birth, semaphores.named(_prefixes[-1]) if _prefixes else nullcontext():
        yield


@contextmanager
def birth() -> Iterator[None]:
    """One process is started inside. Others wait: should it have been killed, it is replaced by one of them alone."""
    with _one_birth:
        _attend()
        try:
            yield
        except (ConnectionError, EOFError):
            # it is ending: its files are closed a moment before it can be seen to have ended
            runs(nurses(), wait_seconds=_ENDING_SECONDS)
            raise


def entrust(child: BaseProcess) -> None:
    """Leave it to who waits for its end alone. Every other birth would look whether it has ended, and of two who look at one instant
    only one is told how.
    """
    _children.discard(child)


def _attend() -> None:
    """Have it run."""
    if not _places or (nurses() and runs(nurses())):
        return
    before = _config.get(_TEMPORARY)
    _config[_TEMPORARY] = _places[-1]
    try:
        forkserver.ensure_running()
    finally:
        del _config[_TEMPORARY]  # slots would take it over
        if before is not None:
            _config[_TEMPORARY] = before


def end(nurse: frozenset[int]) -> None:
    """Kill the one that `nurses` has named, unless it has ended."""
    if runs(nurse):
        for pid in nurse:
            os.kill(pid, signal.SIGKILL)


def _end() -> None:
    """What was forked from it has ended before."""
    end(nurses())  # it would wait for whoever has inherited its files
    _server._stop()  # noqa: SLF001 as above


def nurses() -> frozenset[int]:
    """The process itself, when it runs; inside a birth, what is born there has come from it."""
    pid = _server._forkserver_pid  # noqa: SLF001 as above
    return frozenset() if pid is None else frozenset({pid})


def runs(nurse: frozenset[int], *, wait_seconds: float = 0.0) -> bool:
    """Whether the one that `nurses` has named still runs, and goes on running for so long."""
    try:
        handles = [os.pidfd_open(pid) for pid in nurse]
    except ProcessLookupError:
        return False
    try:
        ended = select.poll()
        for handle in handles:
            ended.register(handle, select.POLLIN)
        return not ended.poll(wait_seconds * 1000)
    finally:
        for handle in handles:
            os.close(handle)
