"""How what one attempt printed becomes a file of its own, of bounded size. Used by the worker, and by the daemon when one has died."""

from __future__ import annotations

import os

from orchestrator.worker.trim import note_of

_LONGEST_NOTE_BYTES = 80
_CHUNK_BYTES = 256 * 1024


def head_bytes(limit_bytes: int) -> int:
    """How many bytes of the beginning are kept of a stream that is longer than the limit; of the end are kept as many."""
    return max(0, limit_bytes - _LONGEST_NOTE_BYTES) // 2


def store_output(spool: int, path: str, *, limit_bytes: int, cut_bytes: int = 0) -> int:
    """Copy what stands in a spool to `path`, its middle left out when it is longer than the limit, and empty the spool.

    `cut_bytes` had been cut away behind the head before. Returns how many bytes were printed; makes no file when there were none.
    """
    size = os.lseek(spool, 0, os.SEEK_END)
    if not size:
        return cut_bytes
    target = _open(path)
    try:
        if size <= limit_bytes and not cut_bytes:
            _copy(spool, target, 0, size)
        else:
            _copy_ends(spool, target, size, limit_bytes, cut_bytes)
    finally:
        os.close(target)
        os.ftruncate(spool, 0)
    return size + cut_bytes


def _copy_ends(spool: int, target: int, size: int, limit_bytes: int, cut_bytes: int) -> None:
    head = min(head_bytes(limit_bytes), size)
    tail = min(head_bytes(limit_bytes), size - head)
    _copy(spool, target, 0, head)
    _write(target, note_of(size + cut_bytes - head - tail))
    _copy(spool, target, size - tail, size)


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        return os.open(path, flags, 0o600)


def _copy(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        chunk = os.pread(source, min(_CHUNK_BYTES, end - start), start)
        if not chunk:
            return
        _write(target, chunk)
        start += len(chunk)


def _write(target: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(target, view) :]
