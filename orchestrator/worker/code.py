"""The hash of the code an experiment was submitted with, computed alike by the daemon and by the process that is about to load it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Tuple

Signature = Tuple[Tuple[str, int, int, int], ...]
"""Path, size, time of the last change, number of each file."""


class CodeChanged(Exception):
    """The code is not the one that was submitted."""


_PIECE_BYTES = 1 << 20
_SETTLED_NS = 2_000_000_000  # what was changed more recently may change again within a tick of its file system's clock
_REMEMBERED = 64

_verified: set[str] = set()
_hashed: dict[tuple[tuple[str, str], ...], tuple[Signature, str]] = {}


def code_hash(places: Iterable[tuple[str, str]]) -> str:
    """32 hexadecimal digits over the files at (folder, what is in it) places: path below the folder and bytes, in order.

    What is in it: a top-level module, which stands for its file or every `.py` file of its package, or with `./` before it a single
    file, if it is there and can be read. Raises OSError when a file cannot be read.
    """
    places = tuple(sorted(set(places)))
    files = [(name, os.path.join(folder, name)) for folder, place in places for name in _sources(folder, place)]
    known = _hashed.get(places)
    signature = _signature(files)
    if known is not None and known[0] == signature:
        return known[1]
    digest = _digest(files)
    newest = max((changed for _, _, changed, _ in signature), default=0)
    if time.time_ns() - newest > _SETTLED_NS:
        if len(_hashed) >= _REMEMBERED:
            _hashed.clear()
        _hashed[places] = signature, digest
    return digest


def _signature(files: Sequence[tuple[str, str]]) -> Signature:
    found = ((file, os.stat(file)) for _, file in files)
    return tuple([(file, status.st_size, status.st_mtime_ns, status.st_ino) for file, status in found])


def _digest(files: Sequence[tuple[str, str]]) -> str:
    import hashlib  # noqa: PLC0415  # house: loads OpenSSL, which takes longer than all else here; slots are forked with it

    digest = hashlib.sha256()
    for name, path in files:
        with open(path, "rb") as file:
            digest.update(f"{name}\0{os.fstat(file.fileno()).st_size}\0".encode("utf-8", "surrogateescape"))
            for piece in iter(partial(file.read, _PIECE_BYTES), b""):
                digest.update(piece)
    return digest.hexdigest()[:32]


def _sources(workdir: str, top: str) -> list[str]:
    """Paths below the workdir, sorted."""
    if top.startswith("./"):
        file = os.path.join(workdir, top)
        return [top[2:]] if os.path.isfile(file) and os.access(file, os.R_OK) else []
    package, module = os.path.join(workdir, top), f"{top}.py"
    has_module = os.path.isfile(os.path.join(workdir, module))
    if os.path.isfile(os.path.join(package, "__init__.py")) or (os.path.isdir(package) and not has_module):
        files = (os.path.join(folder, name) for folder, _, names in os.walk(package) for name in names)
        return sorted(os.path.relpath(file, workdir) for file in files if file.endswith(".py") and os.path.isfile(file))
    return [module] if has_module else []


def verify(expected: str | None, places: Iterable[tuple[str, str]]) -> None:
    """Once in a process, before its first import of the code. Raises CodeChanged; OSError when a file cannot be read.

    A process that was to load other code before has that in memory, whatever the files are now.
    """
    if expected is None or expected in _verified:
        return
    if _verified:
        raise CodeChanged("the process has loaded the code as it was before")
    expect(expected, places)
    _verified.add(expected)


def expect(expected: str, places: Iterable[tuple[str, str]]) -> None:
    """That this is the code, now. Raises CodeChanged; OSError when a file cannot be read."""
    if code_hash(places) != expected:
        raise CodeChanged("the code has changed since the experiment was submitted")
