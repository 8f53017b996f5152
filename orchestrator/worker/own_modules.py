"""Modules as a workload means them: what lies in its workdir, also when this process has something else under that name.

A module cannot be taken from whoever uses it: where `typing` is loaded a `typing.py` of the workdir is loaded beside it, under a name
of its own, `typing#1`. What such a module imports, `typing` too, it finds as any other does.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from importlib.machinery import BuiltinImporter, FrozenImporter
from types import ModuleType
from typing import Dict, Optional

_names: Dict[str, str] = {}  # the file of a module that had to be loaded beside another one, and its name here
_loading = threading.RLock()  # threads of a host load at one instant


def import_own(name: str, workdir: str) -> ModuleType:
    """The module of that name that is found with the workdir first on the path. Raises whatever its import raises."""
    top, dot, rest = name.partition(".")
    file = _file_of(top, workdir)
    if file is None or not _is_taken(top, workdir):
        return importlib.import_module(name)
    with _loading:
        return importlib.import_module(_loaded_beside(top, file) + dot + rest)


def _file_of(top: str, workdir: str) -> Optional[str]:
    """The source of a top-level module or regular package in the workdir."""
    for place in (os.path.join(top, "__init__.py"), f"{top}.py"):
        file = os.path.join(workdir, place)
        if os.path.isfile(file):
            return file
    return None


def _is_taken(top: str, workdir: str) -> bool:
    """Whether importing that name gives something that does not lie in the workdir."""
    known = top in sys.modules or BuiltinImporter.find_spec(top) or FrozenImporter.find_spec(top)
    if not known:
        return False
    file = getattr(importlib.import_module(top), "__file__", None)
    own = (workdir, os.path.join(workdir, top))
    return not isinstance(file, str) or os.path.realpath(os.path.dirname(file)) not in map(os.path.realpath, own)


def _loaded_beside(top: str, file: str) -> str:
    if file in _names:
        return _names[file]
    import importlib.util  # noqa: PLC0415  # house: few need it

    name = f"{top}#{len(_names) + 1}"
    folder = [os.path.dirname(file)] if file.endswith(os.sep + "__init__.py") else None
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folder)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    _names[file] = name
    return name
