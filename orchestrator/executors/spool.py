"""The daemon's side of captured output: trimming what grows, keeping what a dead process left."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.worker import journal as journals
from orchestrator.worker.output import head_bytes, store_output
from orchestrator.worker.trim import punch_middle

SLACK = 4
"""A spool may occupy so many times its limit before it is trimmed."""


@contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def paths_of(spool: str) -> tuple[Path, Path]:
    """Where stdout and stderr of what executes are now."""
    return Path(spool + ".out"), Path(spool + ".err")


def trim(spool: str, *, journal: int | None, limit_bytes: int) -> None:
    """Give back what a spool occupies beyond its limit, keeping beginning and end. `journal` is told what cannot be counted later."""
    cut = [_trim_file(str(path), limit_bytes) for path in paths_of(spool)]
    if journal is not None and any(cut):
        journals.add_cut(journal, out=cut[0], err=cut[1])


def _trim_file(path: str, limit_bytes: int) -> int:
    """The bytes that were cut away so that they cannot be counted any more."""
    with _opened(path) as descriptor:
        status = os.fstat(descriptor)
        if status.st_blocks * 512 <= SLACK * limit_bytes or punch_middle(descriptor, limit_bytes):
            return 0
        head = head_bytes(limit_bytes)
        os.ftruncate(descriptor, head)
        return status.st_size - head


def keep(spool: str, stem: str, *, journal: int, limit_bytes: int) -> int:
    """Make what a dead process printed last the output of an attempt; how many bytes it was. Raises OSError."""
    total = 0
    cut = journals.read_cut(journal)
    for path, ending, cut_bytes in zip(paths_of(spool), (".out", ".err"), cut, strict=True):
        with _opened(str(path)) as descriptor:
            total += store_output(descriptor, stem + ending, limit_bytes=limit_bytes, cut_bytes=cut_bytes)
    return total


def remove(spool: str) -> None:
    """Delete the files of a spool."""
    for path in paths_of(spool):
        path.unlink(missing_ok=True)
