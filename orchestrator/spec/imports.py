"""What a file imports from the folder it runs in, found by reading: nothing is imported. Files are named from that folder on."""

import ast
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from orchestrator.spec.modules import LARGEST_SOURCE_BYTES

REMEMBERED_FILES = 4096
_SETTLED_NS = 2_000_000_000
"""A file changed more recently may change again within a tick of its file system's clock: it is read again."""


class Import(NamedTuple):
    """One import statement's module, with its leading dots, and what is taken out of it, which may be modules too."""

    level: int
    module: str
    names: tuple[str, ...] = ()


_known: dict[Path, tuple[tuple[int, int, int], tuple[Import, ...]]] = {}


class Reach:
    """The places in a folder that decide what is loaded when a module of it is: `./NAME.py` and `./NAME/__init__.py`.

    Those that are not there are among them, for what is put there would be loaded instead of what is installed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[str] = set()
        self._unread: list[tuple[str, str]] = []  # files, with the package each is in
        self.places: set[str] = set()

    def add_module(self, name: str) -> None:
        """A module that is imported here, and all that it imports."""
        self._add(name)
        self._read_on()

    def add_script(self, name: str) -> None:
        """A file that is run, and all that it imports with its folder first on the path."""
        self.places.add(f"./{name}")
        self._unread.append((name, ""))
        self._read_on()

    def _read_on(self) -> None:
        while self._unread:
            file, package = self._unread.pop()
            for found in imports_of(self._folder / file):
                self._follow(found, package)

    def _follow(self, found: Import, package: str) -> None:
        module = found.module
        if found.level:
            parts = package.split(".") if package else []
            if found.level > len(parts):
                return
            module = ".".join([*parts[: len(parts) + 1 - found.level], *([module] if module else [])])
        self._add(module)
        for name in found.names:
            self._add(f"{module}.{name}")

    def _add(self, name: str) -> None:
        """A module and the packages it is in, as far as they are here."""
        if name in self._seen:
            return
        self._seen.add(name)
        parent = name.rpartition(".")[0]
        if parent:
            self._add(parent)
            if not os.path.isdir(self._folder / parent.replace(".", "/")):  # noqa: PTH112 - a name may be too long to be one
                return
        path = name.replace(".", "/")
        for file, package in ((f"{path}/__init__.py", name), (f"{path}.py", parent)):
            here = os.path.isfile(self._folder / file)  # noqa: PTH113 - likewise
            if here or name not in sys.stdlib_module_names:
                self.places.add(f"./{file}")
            if here:
                self._unread.append((file, package))
                return


def imports_of(file: Path) -> tuple[Import, ...]:
    """What stands in its import statements, wherever they stand; nothing when it cannot be read as Python."""
    try:
        status = file.stat()
        signature = (status.st_size, status.st_mtime_ns, status.st_ino)
        known = _known.get(file)
        if known is not None and known[0] == signature:
            return known[1]
        source = file.read_bytes() if status.st_size <= LARGEST_SOURCE_BYTES else b""
    except OSError:
        return ()
    found = tuple(dict.fromkeys(_imports_in(source)))
    if time.time_ns() - status.st_mtime_ns > _SETTLED_NS:
        if len(_known) >= REMEMBERED_FILES:
            _known.clear()
        _known[file] = (signature, found)
    return found


def _imports_in(source: bytes) -> Iterator[Import]:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import(node.level, node.module or "", tuple(alias.name for alias in node.names if alias.name != "*"))
