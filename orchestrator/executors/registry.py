"""The one door executors come through, bundled and installed ones alike: a name becomes an executor.

A bundled executor is an entry point written down here; another package adds its own under the same group. The bundled name wins,
so that installing something cannot change what a file means. Only the executor asked for is imported.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.base import Executor

GROUP = "orchestrator.executors"

BUNDLED: Mapping[str, str] = {
    "process": "orchestrator.executors.process:create",
    "sequential": "orchestrator.executors.sequential:create",
    "thread": "orchestrator.executors.thread:create",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an executor is given by the daemon."""

    folder: Path  # its own, for files that live as long as it does; it makes and removes it
    slots: int  # processes that may run evaluations at an instant
    threads: int
    output_limit_bytes: int = 1 << 20  # kept of each of stdout and stderr of an attempt


Factory = Callable[[Surroundings], Executor]


def registered() -> dict[str, EntryPoint]:
    """Every executor by name, sorted."""
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    bundled = {name: EntryPoint(name, value, GROUP) for name, value in BUNDLED.items()}
    return dict(sorted((installed | bundled).items()))


def create(name: str, surroundings: Surroundings) -> Executor:
    """The executor of that name, not entered yet. Raises ExecutorUnusable when there is none."""
    executors = registered()
    if name not in executors:
        raise ExecutorUnusable(f"there is no executor {name!r}; there are: {', '.join(executors)}")
    factory: Factory = executors[name].load()
    return factory(surroundings)
