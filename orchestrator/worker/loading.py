"""From a job to the callable that evaluates: environment, working directory, import by name, and how it wants to be called."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple

from orchestrator.worker.own_modules import import_own


class Workload(NamedTuple):
    """An imported callable."""

    function: Callable[..., Any]
    wants_trial: bool


class _Surroundings:
    """What this process was last set up for."""

    environment: Any = None
    workdir: str | None = None


def surround(environment: Any, workdir: str) -> None:
    """Give the process exactly this environment, this current directory, and the directory first on the import path.

    `environment` is a sequence of pairs. Cheap when nothing has changed. Raises OSError when the directory cannot be entered.
    """
    os.chdir(workdir)
    if _Surroundings.environment != environment:
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        _Surroundings.environment = environment
    if _Surroundings.workdir != workdir:
        if _Surroundings.workdir in sys.path:
            sys.path.remove(_Surroundings.workdir)
        sys.path.insert(0, workdir)
        importlib.invalidate_caches()
        _Surroundings.workdir = workdir


def load(call: str, workdir: str) -> Workload:
    """Import `module:function`. Raises whatever the import raises; AttributeError or TypeError when it is no callable."""
    module, _, name = call.partition(":")
    found: Any = import_own(module, workdir)
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{call} is a {type(found).__name__}, not a function")
    return Workload(found, "trial" in _parameters(found))


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of the parameters it takes by name."""
    if type(function) is FunctionType and not hasattr(function, "__wrapped__"):
        code = function.__code__
        return code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
    import inspect  # noqa: PLC0415  # house: costs a fifth of a worker's start, and few workloads are no plain functions

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions tell nothing about themselves
        return ()
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(parameter.name for parameter in parameters if parameter.kind in by_name)


def awaited(awaitable: Any) -> Any:
    """The result of what an async workload returned, run on an event loop of its own."""
    import asyncio  # noqa: PLC0415  # house: heavy, and only async workloads need it

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())
