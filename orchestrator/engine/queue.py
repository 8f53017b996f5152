"""What one experiment has ready to run and what of it runs, stage by stage. Books only: who goes next is decided in `admission.py`."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

import anyio

from orchestrator.domain.evaluation import Batch, BatchResult, Evaluation, Job
from orchestrator.engine.admission import MEMORY, QueueView, StageView
from orchestrator.engine.batching import Pace, batch_length, is_short
from orchestrator.engine.doors import Doors
from orchestrator.engine.lanes import Lane, claim_of
from orchestrator.engine.named_locks import HeldLock
from orchestrator.engine.placements import Placements
from orchestrator.engine.placing import Placing
from orchestrator.engine.plan import Plan
from orchestrator.engine.shares import UNKNOWN_SECONDS, Served, rank_of, weight_of
from orchestrator.engine.trouble import Tally, failures_until_trouble
from orchestrator.engine.typical import Typical
from orchestrator.engine.variant import ActiveIteration, ActiveVariant
from orchestrator.executors.base import Executor, StopSwitch
from orchestrator.search.stages.order import longest_first


class Ready(NamedTuple):
    """An iteration that may run, and since when (the loop's clock). A tuple: thousands are made at once."""

    variant: ActiveVariant
    iteration: ActiveIteration
    since: float

    @property
    def key(self) -> tuple[int, int]:
        """(variant, iteration): names it within its experiment."""
        return self.variant.number, self.iteration.number


make_ready, _sent = Ready._make, Evaluation._make  # in half the time of the usual way
Match = Callable[[Ready], bool]
UNBOUNDED = 2**31


@dataclass(slots=True, eq=False)
class RunningBatch:
    """A batch that was handed to its executor."""

    stage: "StageQueue"
    items: tuple[Ready, ...]
    executor: Executor  # that of its stage when it was taken,
    runs_on: str  # and its name
    narrow: anyio.Semaphore  # as wide as that executor is for one experiment
    stop: StopSwitch = field(default_factory=StopSwitch)
    cancelled: set[tuple[int, int]] = field(default_factory=set)  # these end as cancelled when they are interrupted
    interrupted: bool = False  # the daemon stops it on its way out
    adopted: bool = False  # an earlier daemon has sent it
    evicted: str | None = None  # why it is stopped so that others have memory
    doubted: bool = False  # a failure in it may be the fault of where it ran: it is run again elsewhere, uncharged
    started: float = 0.0  # the loop's clock
    doors: Doors | None = None  # held while it executes
    sent: Batch | None = None  # while its executor has it
    code_hash: str | None = None  # of the code it was sent with
    follower: "RunningBatch | None" = None  # begins in the same process when this one is over
    waits_behind: bool = False  # as long as the one before it is not over
    locks: tuple[HeldLock, ...] = ()  # from admission until its executor has answered
    served: Served | None = None  # what its experiment is charged for it
    measured_seconds: float = 0.0  # what its members took, where they ran
    done: anyio.Event = field(default_factory=anyio.Event)  # its result is on disk

    @property
    def permit(self) -> str:
        """What it occupies: "slot" or "thread"."""
        return self.executor.abilities.permit

    def begin(self, now: float) -> None:
        """It executes from now on (the loop's clock)."""
        self.started = now
        if self.served is not None:
            self.served.since_seconds = now

    def lasted_seconds(self, now: float) -> float:
        """How long it has held its permit."""
        return max(now - self.started, self.measured_seconds) if self.started else 0.0

    def prune(self, variant: ActiveVariant) -> None:
        """Let the members of a variant end, each as soon as that costs no other."""
        for position, item in enumerate(self.items):
            if item.variant is variant:
                self.cancelled.add(item.key)
                self.stop.prune(position)

    def payload(self, plan: Plan, *, behind: "RunningBatch | None" = None) -> Batch:
        """What is sent to the executor."""
        evaluations = tuple([_evaluation(item.variant, item.iteration, plan) for item in self.items])
        first = None if behind is None or behind.sent is None else behind.sent.evaluations[0]
        locks = tuple(lock.taken.descriptor for lock in self.locks)
        waited = tuple([max(0.0, self.started - item.since) for item in self.items]) if self.started else ()
        self.code_hash = self.stage.job.code_hash
        return Batch(job=self.stage.present_job(), evaluations=evaluations, behind=first, locks=locks, waited=waited)


def _evaluation(variant: ActiveVariant, one: ActiveIteration, plan: Plan) -> Evaluation:
    place, seeds = (variant.number, one.number, one.attempt), (one.seed, plan.shared_seed(one.case, one.repeat))
    return _sent((*place, variant.parameters_json, *seeds, one.case, one.repeat))


class Owner(Protocol):
    """Whose work it is: told before a batch is sent, and what came of it."""

    async def begin(self, batch: RunningBatch) -> None:
        """Commit that the members are running."""
        ...

    async def end(self, batch: RunningBatch, result: BatchResult) -> None:
        """Commit what came of it."""
        ...

    def broken(self, error: Exception) -> None:
        """A batch could not be carried through; where its members stand is not known."""
        ...

    def unusable(self, stage: str, error: str) -> None:
        """The executor cannot run anything of this stage; the members are queued again."""
        ...


@dataclass(slots=True, eq=False)
class StageQueue:
    """One stage's ready iterations, in order, and its running batches."""

    name: str
    job: Job
    executor: Executor
    runs_on: str  # the name of that executor
    locks: tuple[str, ...] = ()  # named locks each of its evaluations holds
    typical: Typical | None = None  # with a timeout that follows what was measured
    cpus: int = 1  # permits that a batch of it occupies
    lane: Lane | None = None
    placing: Placing | None = None  # when it may be moved to another executor
    pace: Pace = field(default_factory=Pace)
    ready: deque[Ready] = field(default_factory=deque)
    running: set[RunningBatch] = field(default_factory=set)  # until what came of them is on disk
    admitted: int = 0  # those whose result is not there yet
    narrow: anyio.Semaphore = field(init=False)  # as wide as the executor is for one experiment

    def __post_init__(self) -> None:
        self.narrow = anyio.Semaphore(self.executor.abilities.width or UNBOUNDED)

    @property
    def permit(self) -> str:
        """What a batch of it occupies: "slot" or "thread"."""
        return self.executor.abilities.permit

    def present_job(self) -> Job:
        """The job of what starts now."""
        return self.job if self.typical is None else replace(self.job, timeout_seconds=self.typical.timeout_seconds)

    @property
    def claims(self) -> tuple[tuple[str, int], ...]:
        """What a batch of it occupies besides."""
        memory = self.job.memory_bytes
        return (() if memory is None else ((MEMORY, memory),)) + claim_of(self.lane)

    @property
    def known_seconds(self) -> float | None:
        """How long an evaluation takes, by what was measured in this experiment or before it."""
        return self.pace.mean_seconds or (None if self.placing is None else self.placing.known_seconds)

    def expected_seconds(self, count: int) -> float:
        """How long a batch of so many will last."""
        mean = self.pace.mean_seconds
        return UNKNOWN_SECONDS if mean is None else mean * count

    def view(self, *, lanes: int, target_seconds: float, failures_left: int | None) -> StageView:
        """What admission looks at."""
        abilities = self.executor.abilities
        waiting = len(self.ready)
        lanes = max(1, min(lanes, abilities.width or lanes) // self.cpus)
        length = 1
        if abilities.batches and not self.locks:
            length = batch_length(
                self.pace, target_seconds=target_seconds, ready=waiting, lanes=lanes, failures_left=failures_left
            )
        return StageView(
            name=self.name,
            ready=waiting,
            batch=length,
            permit=self.permit,
            running=self.admitted,
            width=abilities.width,
            short=self.cpus == 1 and not self.locks and is_short(self.pace, length=length),
            locks=self.locks,
            permits=self.cpus,
            seconds=self.expected_seconds(length),
            claims=self.claims,
        )

    def to_follow(self) -> RunningBatch | None:
        """The batch that executes for longest and that another one can follow at once in its process."""
        able = (
            batch
            for batch in self.running
            if batch.executor is self.executor
            and batch.sent
            and not batch.follower
            and not batch.waits_behind
            and self.executor.may_follow(batch.sent)
        )
        return min(able, key=lambda batch: batch.started, default=None)

    def move(self, name: str, executor: Executor) -> None:
        """Run there what starts from now on."""
        self.runs_on, self.executor = name, executor
        self.narrow = anyio.Semaphore(executor.abilities.width or UNBOUNDED)
        self.pace = Pace()

    def next_ref(self, experiment: int) -> str:
        """The evaluation that is taken next."""
        variant, iteration = self.ready[0].key
        return f"{experiment}.{variant}.{iteration}"

    def take(self, count: int) -> RunningBatch:
        """The next `count` as a batch that counts as running from now on."""
        items = tuple(self.ready.popleft() for _ in range(count))
        return self._go(RunningBatch(self, items, self.executor, self.runs_on, self.narrow))

    def adopt(self, items: Iterable[Ready]) -> RunningBatch:
        """These as a batch that was running before."""
        return self._go(RunningBatch(self, tuple(items), self.executor, self.runs_on, self.narrow, adopted=True))

    def _go(self, batch: RunningBatch) -> RunningBatch:
        self.running.add(batch)
        self.admitted += 1
        return batch


class WorkQueue:
    """One experiment's work."""

    def __init__(self, plan: Plan, owner: Owner, executors: Callable[[str], Executor]) -> None:
        self.plan = plan
        self.owner = owner
        self.paused = False
        self.closed = False  # what runs is being stopped: nothing that comes back from it starts again
        self.parallel = anyio.Semaphore(plan.spec.limits.max_parallel)
        self.tally = Tally()
        self.last_served = 0
        self.delayed = 0  # iterations that wait for their next attempt's time
        self.beyond = 0  # iterations that are queued and not loaded
        self.allocation, self.priority = plan.spec.share.allocation, plan.spec.share.priority
        self.rank = rank_of(self.allocation, self.priority)
        self.placements = Placements(plan)
        self.stages = {
            name: StageQueue(
                name,
                plan.job(name),
                executors(stage.runs_on),
                stage.runs_on,
                typical=None if stage.timeout_factor is None else Typical(stage.timeout_factor),
                cpus=stage.cpus,
                locks=stage.locks,
                lane=plan.lanes.get(stage.lane or ""),
                placing=self.placements.placings.get(name),
            )
            for name, stage in plan.stages.items()
        }

    @property
    def experiment(self) -> int:
        """Whose work it is."""
        return self.plan.experiment

    @property
    def any_job(self) -> Job:
        """That of the first stage: what is true of all of them can be read in it."""
        return next(iter(self.stages.values())).job

    def accept_code(self, code_hash: str, places: tuple[tuple[str, str], ...]) -> None:
        """Run the code that has this hash, taken over these places, from now on."""
        self.placements.code_hash = code_hash
        for stage in self.stages.values():
            stage.job = replace(stage.job, code_hash=code_hash, code_places=places)

    @property
    def ready(self) -> int:
        """Iterations that could start."""
        return sum(len(stage.ready) for stage in self.stages.values())

    @property
    def weight(self) -> float:
        """How much of slots and threads it gets, in comparison with others of its rank."""
        if self.allocation == "equal":
            return 1.0
        executing = sum(len(batch.items) for batch in self.running())
        left = self.ready + self.delayed + self.beyond + executing
        return weight_of(self.allocation, self.priority, left=left)

    def running(self) -> Iterator[RunningBatch]:
        """Batches that run."""
        return (batch for stage in self.stages.values() for batch in stage.running)

    def view(self, *, permits: int, target_seconds: float, turns: Mapping[str, float]) -> QueueView:
        """What admission looks at; what was begun is finished before more is begun."""
        parallel = self.plan.spec.limits.max_parallel
        left = failures_until_trouble(self.plan, self.tally)
        stages = [
            stage.view(lanes=min(parallel, permits), target_seconds=target_seconds, failures_left=left)
            for stage in self._in_turn()
            if stage.ready
        ]
        return QueueView(
            experiment=self.experiment,
            rank=self.rank,
            weight=self.weight,
            turns=turns,
            last_served=self.last_served,
            max_parallel=parallel,
            running=sum(stage.admitted for stage in self.stages.values()),
            paused=self.paused or self.closed,
            stages=tuple(stages),
        )

    def _in_turn(self) -> Iterable[StageQueue]:
        """Stages as they should be served: those further down the graph first; of equals what has the longest way to go by what is known."""
        if len(self.stages) == 1:
            return self.stages.values()
        after = self.plan.graph.after
        durations = {name: stage.known_seconds for name, stage in self.stages.items()}
        longest = longest_first(self.stages, after=after, durations=durations)
        return sorted((self.stages[name] for name in longest), key=lambda stage: -self.plan.graph.depths[stage.name])

    def push(self, items: Iterable[Ready]) -> None:
        """Add ready iterations at the end."""
        stages = self.stages
        for item in items:
            stages[item.iteration.stage].ready.append(item)

    def adopt(self, items: Iterable[Ready]) -> list[RunningBatch]:
        """These were running before, one after the other: a batch for each stage they are of."""
        by_stage: dict[str, list[Ready]] = {}
        for item in items:
            by_stage.setdefault(item.iteration.stage, []).append(item)
        return [self.stages[name].adopt(members) for name, members in by_stage.items()]

    def push_front(self, items: Sequence[Ready]) -> None:
        """Give back what was taken, in its old place."""
        for item in reversed(items):
            self.stages[item.iteration.stage].ready.appendleft(item)

    def withdraw(self, match: Match) -> None:
        """Take matching ready iterations out."""
        for stage in self.stages.values():
            stage.ready = deque(item for item in stage.ready if not match(item))

    def stop(self, match: Match) -> list[RunningBatch]:
        """Stop batches with a matching member; members that do not match run again later."""
        stopped = []
        for batch in self.running():
            if keys := {item.key for item in batch.items if match(item)}:
                batch.cancelled |= keys
                batch.stop.press()
                stopped.append(batch)
        return stopped


@contextmanager
def pausing(queue: WorkQueue) -> Iterator[None]:
    """Nothing starts while that is put on record, nor after it; what waits for a permit, on record it is running, is made ready again.

    What is in a process already, behind another batch, may begin at any instant: it is left to run.
    """
    before, queue.paused = queue.paused, True
    try:
        yield
    except BaseException:
        queue.paused = before
        raise
    for batch in queue.running():
        if not (batch.started or batch.adopted):
            batch.stop.press()
