"""How the daemon is asked to leave: by a signal, by a client, by being idle. Being asked twice cuts the draining short."""

import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import structlog
from anyio.abc import TaskStatus

log = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS = 5.0
"""What was heard at the instant of looking would be missed else."""

Waiting = Callable[[], Coroutine[Any, Any, object]]


class Stop:
    """A wish to leave, in two steps: drain, then at once."""

    def __init__(self) -> None:
        self.reason = ""
        self.everything = False  # isolated work, which outlives the daemon, is to end as well
        self._asked = anyio.Event()
        self._hurried = anyio.Event()

    def ask(self, reason: str, *, everything: bool = False) -> None:
        """Leave after draining. Once a stop is under way, asking again only adds `everything`."""
        self.everything = self.everything or everything
        if not self._asked.is_set():
            self.reason = reason
            log.info("daemon_asked_to_stop", reason=reason, everything=everything)
            self._asked.set()

    def hurry(self, reason: str) -> None:
        """Leave now: what runs is interrupted, and run again by the next daemon."""
        self.ask(reason)
        self._hurried.set()

    @property
    def asked(self) -> bool:
        """Whether the daemon is to leave."""
        return self._asked.is_set()

    async def wait(self) -> None:
        """Return once the daemon is to leave."""
        await self._asked.wait()

    async def hurried(self) -> None:
        """Return once it is to leave without draining any longer."""
        await self._hurried.wait()


async def obey_signals(stop: Stop, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
    """Obey from the moment this has started. The first SIGTERM or SIGINT drains, the second cuts it short; the third is left to the kernel, which ends the process."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        task_status.started()
        async for number in received:
            name = signal.Signals(number).name
            if stop.asked:
                log.warning("daemon_told_to_hurry", signal=name)
                stop.hurry(name)
                break
            stop.ask(name)


async def leave_when_idle(stop: Stop, *, in_use: Callable[[], bool], activity: Waiting, after_seconds: float) -> None:
    """Ask to stop when nothing was heard for that long and the daemon is not in use then. Sleeps until something is heard.

    While one long evaluation runs and nothing else happens, this wakes once in `after_seconds`.
    """
    while True:
        with anyio.move_on_after(after_seconds) as deadline:
            await activity()
        if deadline.cancelled_caught and not in_use():
            stop.ask("idle")
            return


async def leave_when_gone(
    stop: Stop, *, gone: Callable[[], Coroutine[Any, Any, Path]], in_use: Callable[[], bool], activity: Waiting
) -> None:
    """Ask to stop once the installation is gone and the daemon is not in use: the next command starts one that is whole."""
    path = await gone()
    log.warning("installation_gone", path=str(path))
    while in_use():
        with anyio.move_on_after(LOOK_AGAIN_SECONDS):
            await activity()
    stop.ask(f"{path}, from which it runs, is not there any more or is another one")


def first_of(*waitings: Waiting) -> Waiting:
    """A waiting that returns as soon as one of these does; the others are cancelled."""

    async def wait() -> None:
        async with anyio.create_task_group() as tasks:

            async def one(waiting: Waiting) -> None:
                await waiting()
                tasks.cancel_scope.cancel()

            for waiting in waitings:
                tasks.start_soon(one, waiting)

    return wait
