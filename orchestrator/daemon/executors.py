"""The executors of this daemon: all that are bundled or installed, opened before the engine and closed after it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog

from orchestrator.executors.base import Executor
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.executors.registry import BUNDLED, Surroundings, create, registered

log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_executors(
    folder: Path, *, slots: int, threads: int, output_limit_bytes: int, managed_keeper: Path | None = None
) -> AsyncIterator[Mapping[str, Executor]]:
    """All executors by name, each with a folder of its own in `folder`. `managed_keeper`: where a service manager starts keepers.

    One that another package brought and that cannot be loaded is left out: it must not keep the others from working.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    isolated = IsolatedExecutor(
        folder / "isolated", output_limit_bytes=output_limit_bytes, managed_keeper=managed_keeper
    )
    made: dict[str, Executor] = {isolated.name: isolated}
    for name in registered():
        surroundings = Surroundings(
            folder=folder / name, slots=slots, threads=threads, output_limit_bytes=output_limit_bytes
        )
        try:
            made[name] = create(name, surroundings)
        except Exception:  # whatever a foreign package does at import
            if name in BUNDLED:
                raise
            log.exception("executor_left_out", executor=name)
    async with AsyncExitStack() as stack:
        for executor in made.values():
            await stack.enter_async_context(executor)
        yield made
