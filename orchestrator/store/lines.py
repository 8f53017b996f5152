"""What waits to be committed, and what of it goes into the next transaction.

Changes are lined up by the event loop; groups are taken by whoever commits, in the loop or in the connection's thread, one at a time.
A deque is safe for one that adds and one that takes.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

from orchestrator.errors import Unavailable

LENGTH = 1000
GROUP_LENGTH = 200
GROUP_ROWS = 2048
"""A transaction of many changes takes no more of them once it has so many rows,"""
PROMPT_ROWS = 200
"""or so many when something waits for it that would else do nothing meanwhile."""


@dataclass(slots=True)
class Waiting:
    """A change on its way, and what came of it once `done` is set."""

    change: Any
    prompt: bool  # a process does nothing until it is on disk
    rows: int  # about how many it touches
    done: anyio.Event = field(default_factory=anyio.Event)
    result: Any = None
    error: BaseException | None = None


class Lines:
    """Two of them: what a process waits for, and all else. At most `LENGTH` changes are on their way at an instant."""

    def __init__(self) -> None:
        self._prompt: deque[Waiting] = deque()
        self._others: deque[Waiting] = deque()
        self._passed_over = False
        self._closed = False
        self._room = anyio.Semaphore(LENGTH, fast_acquire=True)
        self._changed = anyio.Event()

    async def join(self, waiting: Waiting) -> None:
        """Line a change up; waits for room. Raises Unavailable once the lines are closed."""
        await checkpoint_if_cancelled()
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise Unavailable("the daemon is stopping: nothing can be stored any more")
        (self._prompt if waiting.prompt else self._others).append(waiting)
        self._changed.set()

    def leave(self, waiting: Waiting) -> None:
        """What came of it is known."""
        self._room.release()
        waiting.done.set()

    def close(self) -> None:
        """Let nobody join any more."""
        self._closed = True
        self._changed.set()

    async def filled(self) -> bool:
        """Return when something waits. False when nothing does and nothing will."""
        while not (self._prompt or self._others):
            if self._closed:
                return False
            self._changed = anyio.Event()
            await self._changed.wait()
        return True

    def next_group(self) -> list[Waiting]:
        """What is committed next: nothing when nothing waits, else at least one, and more in the order they came while there is room.

        Prompt ones go first, but not twice in a row past others that wait.
        """
        first, second = (self._others, self._prompt) if self._passed_over else (self._prompt, self._others)
        most_rows = PROMPT_ROWS if first is self._prompt and first else GROUP_ROWS
        others = len(self._others)
        group: list[Waiting] = []
        if _fill(group, first, most_rows=most_rows):
            _fill(group, second, most_rows=most_rows)
        self._passed_over = 0 < others <= len(self._others)
        return group


def _fill(group: list[Waiting], line: deque[Waiting], *, most_rows: int) -> bool:
    """Move what still fits from the line to the group. False when something did not."""
    rows = sum(waiting.rows for waiting in group)
    while line and len(group) < GROUP_LENGTH:
        rows += line[0].rows
        if group and rows > most_rows:
            return False
        group.append(line.popleft())
    return True
