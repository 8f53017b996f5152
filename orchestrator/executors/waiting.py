"""Waiting for something that a stop switch may make pointless."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from orchestrator.executors.base import StopSwitch

T = TypeVar("T")


async def unless_pressed(
    stop: StopSwitch, call: Callable[[], Awaitable[T]], *, undo: Callable[[T], object]
) -> T | None:
    """The result of a call, or None when the switch was pressed before. What came too late for a cancelled caller is undone."""
    got: list[T] = []
    failed: list[Exception] = []

    async def wait_for_it(done: anyio.CancelScope) -> None:
        try:
            got.append(await call())
        except Exception as error:  # noqa: BLE001 - raised below, out of the task group
            failed.append(error)
        done.cancel()

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_for_it, tasks.cancel_scope)
            await stop.wait()
            tasks.cancel_scope.cancel()
    except BaseException:
        for result in got:
            undo(result)
        raise
    if failed:
        raise failed[0]
    return got[0] if got else None
