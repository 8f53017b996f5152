"""The hash of the code an experiment was submitted with, computed alike by the daemon and by the process that is about to load it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path


class CodeChanged(Exception):
    """The code is not the one that was submitted."""


_verified: set[str] = set()


def code_hash(places: Iterable[tuple[str, str]]) -> str:
    """32 hexadecimal digits over the sources of (workdir, top-level module) pairs: path below the workdir and bytes, in order.

    For each the module's file, or every `.py` file of the package. Installed packages, data files and commands are not part of it.
    Raises OSError when a file cannot be read.
    """
    digest = hashlib.sha256()
    for workdir, top in sorted(set(places)):
        for file in _sources(Path(workdir), top):
            content = file.read_bytes()
            digest.update(f"{file.relative_to(workdir)}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:32]


def _sources(workdir: Path, top: str) -> Iterator[Path]:
    package, module = workdir / top, workdir / f"{top}.py"
    if (package / "__init__.py").is_file() or (package.is_dir() and not module.is_file()):
        yield from sorted(file for file in package.rglob("*.py") if file.is_file())
    elif module.is_file():
        yield module


def verify(expected: str | None, places: Iterable[tuple[str, str]]) -> None:
    """Once in a process, before its first import of the code. Raises CodeChanged; OSError when a file cannot be read."""
    if expected is None or expected in _verified:
        return
    if code_hash(places) != expected:
        raise CodeChanged("the code has changed since the experiment was submitted")
    _verified.add(expected)
