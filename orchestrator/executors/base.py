"""What running means: the one contract between the engine and whatever executes evaluations."""

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import anyio

from orchestrator.domain.evaluation import Batch, BatchResult, Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What an executor can do. The contract suite reads it and asserts the stated alternative."""

    can_kill: bool  # a hung evaluation can be ended without touching another one
    isolates_crashes: bool  # a crash costs the one evaluation that crashed only
    batches: bool  # takes batches of more than one evaluation
    permit: str  # what an executing batch occupies: "slot" (a process) or "thread"
    width: int | None = None  # the most batches at one instant for one experiment; None: as many as there are permits
    runs_calls: bool = True
    runs_commands: bool = False
    remote: bool = False


class StopSwitch:
    """Asks a running batch to stop now. Pressing it twice is pressing it once."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def press(self) -> None:
        """End what is executing; what had finished keeps its outcome."""
        self._event.set()

    @property
    def pressed(self) -> bool:
        """Whether somebody pressed it."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return once it was pressed."""
        await self._event.wait()


class Executor(Protocol):
    """Runs batches. Duties:

    - `run` never raises for anything the workload did: every evaluation ends as an outcome, interrupted or unstarted.
      It raises ExecutorUnusable when it cannot run anything, with no evaluation begun.
    - It enforces `job.timeout_seconds` for each evaluation, within a second, by killing what executes (or by giving up the host).
    - When `stop` is pressed, or when it is cancelled, everything the batch executes is dead before it returns.
    - Leaving the `async with` leaves no process, thread, descriptor or temporary file behind.
    - `retire` ends idle processes that hold an experiment's code; the next batch of that experiment gets fresh ones.
    """

    name: str
    abilities: Abilities

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Execute the batch and say what came of every evaluation in it."""
        ...

    def may_follow(self, batch: Batch) -> bool:
        """Whether one more batch (with `behind` set to this one, which executes) can be sent now, to be begun right after it, never beside it."""
        ...

    async def prepare(self, job: Job) -> None:
        """Warm up for batches of this job (start a process, import the workload); errors show in `run`."""
        ...

    async def retire(self, experiment: int) -> None:
        """Give back what is held for an experiment that has ended."""
        ...
