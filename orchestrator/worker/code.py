"""The hash of the code an experiment was submitted with, computed alike by the daemon and by the process that is about to load it."""

from __future__ import annotations

import os
from collections.abc import Iterable


class CodeChanged(Exception):
    """The code is not the one that was submitted."""


_verified: set[str] = set()


def code_hash(places: Iterable[tuple[str, str]]) -> str:
    """32 hexadecimal digits over the sources of (workdir, top-level module) pairs: path below the workdir and bytes, in order.

    For each the module's file, or every `.py` file of the package. Installed packages, data files and commands are not part of it.
    Raises OSError when a file cannot be read.
    """
    import hashlib  # noqa: PLC0415  # house: loads OpenSSL, a tenth of a worker's start; not every batch has code to verify

    digest = hashlib.sha256()
    for workdir, top in sorted(set(places)):
        for name in _sources(workdir, top):
            with open(os.path.join(workdir, name), "rb") as file:
                content = file.read()
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()[:32]


def _sources(workdir: str, top: str) -> list[str]:
    """Paths below the workdir, sorted."""
    package, module = os.path.join(workdir, top), f"{top}.py"
    has_module = os.path.isfile(os.path.join(workdir, module))
    if os.path.isfile(os.path.join(package, "__init__.py")) or (os.path.isdir(package) and not has_module):
        files = (os.path.join(folder, name) for folder, _, names in os.walk(package) for name in names)
        return sorted(os.path.relpath(file, workdir) for file in files if file.endswith(".py") and os.path.isfile(file))
    return [module] if has_module else []


def verify(expected: str | None, places: Iterable[tuple[str, str]]) -> None:
    """Once in a process, before its first import of the code. Raises CodeChanged; OSError when a file cannot be read."""
    if expected is None or expected in _verified:
        return
    if code_hash(places) != expected:
        raise CodeChanged("the code has changed since the experiment was submitted")
    _verified.add(expected)
