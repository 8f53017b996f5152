"""What an executor can do besides whose evaluations go on without the daemon."""

from collections.abc import Collection, Sequence
from typing import Protocol, runtime_checkable

from orchestrator.domain.evaluation import Batch, BatchResult, Kept
from orchestrator.executors.base import StopSwitch


class LetGo(Exception):
    """The batch goes on without the daemon: what comes of it is told to the next one."""


@runtime_checkable
class OutlivingExecutor(Protocol):
    """Further duties of such an executor, by which it is known as one:

    - What it has been sent is executed once for each attempt, whatever happens to the daemon meanwhile.
    - An outcome is kept until `recorded` was called with the `receipt` of its BatchResult.
    - After `let_go`, `run` and `adopt` raise LetGo instead of waiting, and leaving the `async with` leaves the work running.
    """

    name: str

    async def survivors(self) -> Sequence[Sequence[Kept]]:
        """What an earlier daemon has sent and nobody has heard the end of, grouped by what is executed one after the other."""
        ...

    async def adopt(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Like `run`, for survivors, which it does not send again."""
        ...

    async def disown(self, kept: Collection[Kept]) -> None:
        """End survivors that nobody waits for any more, and forget them."""
        ...

    def helpers(self) -> Collection[int]:
        """The processes below which its work runs, besides the daemon's own descendants."""
        ...

    def recorded(self, receipt: Collection[str]) -> None:
        """The outcomes that came with this receipt are on disk."""
        ...

    def let_go(self) -> None:
        """The daemon is leaving."""
        ...
