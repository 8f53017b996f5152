"""The semaphores a batch holds while it executes."""

from functools import partial

import anyio

from orchestrator.executors.base import StopSwitch
from orchestrator.executors.waiting import unless_pressed


class Doors:
    """All of some semaphores, taken in order. Batches that follow each other in one process share them: one executes at an instant."""

    def __init__(self, *semaphores: anyio.Semaphore) -> None:
        self._semaphores = semaphores
        self.held: list[anyio.Semaphore] = []
        self._batches = 0

    def pass_at_once(self) -> bool:
        """Take all of them if they are free."""
        for semaphore in self._semaphores:
            try:
                semaphore.acquire_nowait()
            except anyio.WouldBlock:
                self._release()
                return False
            self.held.append(semaphore)
        self._batches = 1
        return True

    async def pass_in_turn(self, stop: StopSwitch) -> bool:
        """Wait until all are taken; False, holding none, when it was stopped meanwhile."""
        for semaphore in self._semaphores:
            try:
                taken = await unless_pressed(stop, partial(_taken, semaphore), undo=anyio.Semaphore.release)
            except BaseException:
                self._release()
                raise
            if taken is None:
                self._release()
                return False
            self.held.append(taken)
        self._batches = 1
        return True

    def share(self) -> "Doors":
        """Let one more batch in, which executes only when the one inside is over."""
        self._batches += 1
        return self

    def leave(self) -> None:
        """One batch is over; the last one gives them back."""
        self._batches -= 1
        if not self._batches:
            self._release()

    def _release(self) -> None:
        while self.held:
            self.held.pop().release()


async def _taken(semaphore: anyio.Semaphore) -> anyio.Semaphore:
    await semaphore.acquire()
    return semaphore
