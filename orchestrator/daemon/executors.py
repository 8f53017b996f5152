"""The executors of this daemon, each opened before the engine and closed after it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from orchestrator.executors.base import Executor
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.settings import Settings


@asynccontextmanager
async def open_executors(state: Path, settings: Settings, *, slots: int) -> AsyncIterator[Mapping[str, Executor]]:
    """All executors by name."""
    made: list[Executor] = [IsolatedExecutor(state / "keeper", output_limit_bytes=settings.output_limit_bytes)]
    async with AsyncExitStack() as stack:
        for executor in made:
            await stack.enter_async_context(executor)
        yield {executor.name: executor for executor in made}
