"""Being asked to leave."""

from pathlib import Path

import anyio
import pytest

from orchestrator.daemon.stopping import Stop, first_of, leave_when_gone, leave_when_idle

pytestmark = pytest.mark.asyncio


async def nothing_heard() -> None:
    """No activity, ever."""
    await anyio.sleep_forever()


async def test_the_first_reason_counts() -> None:
    """Asking again changes neither the reason nor makes it hurry, but can still include isolated work."""
    stop = Stop()
    assert not stop.asked
    stop.ask("SIGTERM")
    stop.ask("a client asked", everything=True)
    await stop.wait()
    assert (stop.asked, stop.reason, stop.everything) == (True, "SIGTERM", True)


async def test_hurrying_is_asking_too() -> None:
    """A stop that is hurried was asked for."""
    stop = Stop()
    stop.hurry("SIGINT")
    await stop.wait()
    await stop.hurried()
    assert stop.reason == "SIGINT"


async def test_an_idle_daemon_leaves() -> None:
    """Nothing heard and not in use: it asks to stop, once, because it is idle."""
    stop = Stop()
    await leave_when_idle(stop, in_use=lambda: False, activity=nothing_heard, after_seconds=0.0)
    assert stop.reason == "idle"


async def test_a_daemon_in_use_stays() -> None:
    """While it is in use at each deadline it does not ask to stop."""
    stop = Stop()
    answers = iter([True, True, False])
    asked = []

    def in_use() -> bool:
        asked.append(stop.asked)
        return next(answers)

    await leave_when_idle(stop, in_use=in_use, activity=nothing_heard, after_seconds=0.0)
    assert asked == [False, False, False]


async def test_activity_begins_the_time_anew() -> None:
    """Whatever is heard before the deadline arms a new one; leaving is not thought of meanwhile."""
    stop = Stop()
    heard = 0

    async def activity() -> None:
        nonlocal heard
        if heard < 3:
            heard += 1
        else:
            await anyio.sleep_forever()

    await leave_when_idle(stop, in_use=lambda: heard < 3, activity=activity, after_seconds=0.001)
    assert (heard, stop.reason) == (3, "idle")


async def test_without_its_installation_it_leaves_when_it_is_not_in_use() -> None:
    """Not before the installation is gone, nor while something is open; then at once, with what is gone as the reason."""
    stop = Stop()
    uses = iter([True, True, False])
    heard = 0

    async def gone() -> Path:
        assert not stop.asked
        return Path("/gone/python")

    async def activity() -> None:
        nonlocal heard
        heard += 1

    await leave_when_gone(stop, gone=gone, in_use=lambda: next(uses), activity=activity)
    assert heard == 2
    assert stop.reason.startswith("/gone/python, from which it runs, ")


async def test_the_first_of_several_ends_the_others() -> None:
    """It returns when one returns, and the others have been cancelled by then."""
    cancelled = []

    async def slow() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.append("slow")

    async def quick() -> None:
        await anyio.lowlevel.checkpoint()

    await first_of(slow, quick)()
    assert cancelled == ["slow"]
