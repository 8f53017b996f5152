"""The client: HTTP/1.1 over the daemon's Unix socket in a small file of its own (`wire`), sync and async, and auto-start.

    from orchestrator.client import Client
    experiment = Client().submit("experiment.toml")
    experiment.wait(), experiment.best()

`calls` has every verb as the request it sends. Not allowed here: anything but the standard library, the daemon's code, pydantic; and
asyncio anywhere but in `asynchronous`, which is loaded when it is asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrator.client.asynchronous import AsyncClient, AsyncExperiment, AsyncPart
    from orchestrator.client.sync import Client, Experiment, Part

__all__ = ["AsyncClient", "AsyncExperiment", "AsyncPart", "Client", "Experiment", "Part"]

_HOMES = {
    "AsyncClient": "asynchronous",
    "AsyncExperiment": "asynchronous",
    "AsyncPart": "asynchronous",
    "Client": "sync",
    "Experiment": "sync",
    "Part": "sync",
}


def __getattr__(name: str) -> Any:
    """Load a name when it is first used, so that the command line pays only for what it uses."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
