"""The executors a stage may name in this installation."""

from functools import cache
from importlib.metadata import entry_points

from orchestrator.spec.stage import BUNDLED_EXECUTORS

GROUP = "orchestrator.executors"


@cache
def installed_executors() -> tuple[str, ...]:
    """The bundled ones, then those that installed packages registered in the entry point group, by name.

    Looked up once: a daemon has the executors it has started with, and reading every package's metadata takes milliseconds.
    """
    others = sorted({point.name for point in entry_points(group=GROUP)} - set(BUNDLED_EXECUTORS))
    return (*BUNDLED_EXECUTORS, *others)
