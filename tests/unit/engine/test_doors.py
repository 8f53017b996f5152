"""The semaphores a batch holds while it executes."""

import anyio
import pytest

from orchestrator.engine.doors import Doors
from orchestrator.executors.base import StopSwitch

pytestmark = pytest.mark.asyncio


async def test_all_are_taken_at_once_or_none() -> None:
    """One that is taken already leaves the others free."""
    free, taken = anyio.Semaphore(1), anyio.Semaphore(0)
    assert not Doors(free, taken).pass_at_once()
    assert free.value == 1
    doors = Doors(free)
    assert doors.pass_at_once()
    assert free.value == 0
    doors.leave()
    assert free.value == 1


async def test_the_last_of_those_who_share_gives_them_back() -> None:
    """In whichever order they leave."""
    permit = anyio.Semaphore(1)
    doors = Doors(permit)
    assert doors.pass_at_once()
    assert doors.share() is doors
    doors.leave()
    assert permit.value == 0
    doors.leave()
    assert permit.value == 1


async def test_whoever_is_stopped_while_it_waits_holds_none() -> None:
    """The semaphores it had taken are free again, and the one it waited for goes to the next."""
    first, second, stop = anyio.Semaphore(1), anyio.Semaphore(0), StopSwitch()
    passed = []
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:

            async def wait() -> None:
                passed.append(await Doors(first, second).pass_in_turn(stop))

            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert first.value == 0
            stop.press()
    assert passed == [False]
    assert first.value == 1
    second.release()
    doors = Doors(first, second)
    assert await doors.pass_in_turn(StopSwitch())
    doors.leave()
    assert (first.value, second.value) == (1, 1)
