"""What running means: the one contract between the engine and whatever executes evaluations."""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import anyio

from orchestrator.domain.evaluation import Batch, BatchResult, Job
from orchestrator.domain.report import Report, Spent


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
    bounds_memory: bool = False  # ends an evaluation that holds more than `job.memory_bytes`, and no other


Hear = Callable[[int, Sequence[Report]], None]


def _nobody(position: int, reports: Sequence[Report]) -> None:
    del position, reports


class StopSwitch:
    """What is said while a batch runs: the engine asks to end it, or one evaluation of it; the evaluations report.

    Pressing it twice is pressing it once. `hear` is told of reports as they come, in order, and all of them before `run` returns.
    """

    def __init__(self, hear: Hear = _nobody) -> None:
        self._event = anyio.Event()
        self._acts: set[Callable[[], object]] = set()
        self._pruned: set[int] = set()
        self._ends: Callable[[int], object] | None = None
        self.hear = hear
        self.spent: dict[int, Spent] = {}  # by position, as far as it was told while it ran

    def press(self) -> None:
        """End what is executing; what had finished keeps its outcome."""
        if not self._event.is_set():
            self._event.set()
            for act in tuple(self._acts):
                act()

    @property
    def pressed(self) -> bool:
        """Whether somebody pressed it."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Return once it was pressed."""
        await self._event.wait()

    def leave(self) -> None:
        """It is over: nobody listens any more, so that nothing is kept alive by who listened."""
        self.hear = _nobody

    @contextmanager
    def acting(self, act: Callable[[], object]) -> Iterator[None]:
        """For the executor: have a function called once it is pressed, also if it was pressed before. Cheaper than a task that waits."""
        self._acts.add(act)
        if self.pressed:
            act()
        try:
            yield
        finally:
            self._acts.discard(act)

    def prune(self, position: int) -> None:
        """End one evaluation as soon as that costs no other: its next report raises Pruned, or, a command, it is killed."""
        if position not in self._pruned:
            self._pruned.add(position)
            if self._ends is not None:
                self._ends(position)

    @property
    def pruned(self) -> AbstractSet[int]:
        """The positions that are to end."""
        return self._pruned

    def spend(self, position: int, spent: Spent) -> None:
        """For the executor: an evaluation has told that it cost something more."""
        before = self.spent.get(position, Spent())
        self.spent[position] = Spent(before.usd + spent.usd, before.tokens + spent.tokens)

    @contextmanager
    def only(self, position: int) -> "Iterator[StopSwitch]":
        """For the executor: the same for a batch in which nothing but the evaluation at this position is."""
        alone = StopSwitch(lambda _, reports: self.hear(position, reports))
        alone._event, alone._acts = self._event, self._acts
        with self.ending(lambda place: alone.prune(0) if place == position else None):
            yield alone
        for spent in alone.spent.values():
            self.spend(position, spent)

    @contextmanager
    def ending(self, ends: Callable[[int], object]) -> Iterator[None]:
        """For the executor: have a function called for each position that is to end, also for those named before."""
        self._ends = ends
        for position in tuple(self._pruned):
            ends(position)
        try:
            yield
        finally:
            self._ends = None


class Executor(Protocol):
    """Runs batches. Duties:

    - `run` never raises for anything the workload did: every evaluation ends as an outcome, interrupted or unstarted.
      It raises ExecutorUnusable when it cannot run anything, with no evaluation begun.
    - It enforces `job.timeout_seconds` for each evaluation, within a second, by killing what executes (or by giving up the host).
    - With `bounds_memory` it enforces `job.memory_bytes` over the evaluation's whole process tree; without, it refuses such a job.
    - When `stop` is pressed, or when it is cancelled, everything the batch executes is dead before it returns.
    - What evaluations report while they run is handed to `stop.hear`, unless it is `remote`: then the outcomes bring it.
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
