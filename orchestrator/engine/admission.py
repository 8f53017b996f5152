"""The one admission decision: what starts now, and why each of the rest waits. A plain function, called on every event."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.engine.lock_books import LockBooks, LockView

FREE_LOCKS = LockView()
STANDBY = "standby"
"""The permit to wait at the door with everything on record, for batches that are over so soon that a commit between two would count."""


class Wait(StrEnum):
    """Why something that could run does not run yet."""

    PAUSED = "paused"
    MAX_PARALLEL = "max_parallel"
    PRIORITY = "priority"
    SLOTS = "slots"
    THREADS = "threads"
    CPUS = "cpus"
    WIDTH = "width"
    LOCKS = "locks"
    BACKOFF = "backoff"
    DRAINING = "draining"
    STORE = "store"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    """One stage of one experiment with something ready to run."""

    name: str
    ready: int  # evaluations that could start
    batch: int  # how many of them travel together
    permit: str  # "slot" or "thread"
    running: int  # batches executing
    width: int | None  # the most batches of it at one instant
    short: bool = (
        False  # its batches end so soon that the next one should stand by, on record, when a permit comes free
    )
    locks: tuple[str, ...] = ()  # named locks a batch of it needs, all of them
    permits: int = 1  # that a batch of it occupies; one that occupies several does not stand by


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """One experiment's share of the machine."""

    experiment: int
    priority: int
    last_served: int  # smaller was served longer ago
    max_parallel: int
    running: int  # batches executing, of all stages
    paused: bool
    stages: tuple[StageView, ...]  # in the order they should be served


@dataclass(frozen=True, slots=True)
class Start:
    """Send the next `count` evaluations of a stage as one batch."""

    experiment: int
    stage: str
    count: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What starts, in order, and why each (experiment, stage) that still has something ready waits."""

    starts: tuple[Start, ...]
    waits: Mapping[tuple[int, str], Wait]


LACKS_PERMITS = frozenset({Wait.SLOTS, Wait.THREADS, Wait.CPUS})


def _lacking(stage: StageView) -> Wait:
    if stage.permits > 1:
        return Wait.CPUS
    return Wait.SLOTS if stage.permit == "slot" else Wait.THREADS


class _Share:
    """The books of one experiment while the decision is made."""

    def __init__(self, view: QueueView, locks: LockBooks) -> None:
        self.view = view
        self.locks = locks
        self.served = view.last_served
        self.running = view.running
        self.ready = {stage.name: stage.ready for stage in view.stages}
        self.of_stage = {stage.name: stage.running for stage in view.stages}

    def blocked(self, stage: StageView, free: Mapping[str, int], *, wanted: Collection[str]) -> Wait | None:
        """Why no batch of a stage with something ready can start. Nobody stands by for a kind of permit that is `wanted`."""
        if self.view.paused:
            return Wait.PAUSED
        stands_by = stage.short and self.all_short()
        times = 2 if stands_by else 1
        if self.running >= self.view.max_parallel * times:
            return Wait.MAX_PARALLEL
        if stage.width is not None and self.of_stage[stage.name] >= stage.width * times:
            return Wait.WIDTH
        if self.locks.lack(stage.locks):
            return Wait.LOCKS
        if free[stage.permit] + (free[STANDBY] if stands_by and stage.permit not in wanted else 0) < stage.permits:
            return _lacking(stage)
        return None

    def all_short(self) -> bool:
        """Whether no stage is ready whose batches would have to wait behind those that stand by."""
        return all(stage.short for stage in self.view.stages if self.ready[stage.name])

    def wants(self, free: Mapping[str, int]) -> set[str]:
        """The kinds of permits that are all this experiment lacks for a batch that cannot stand by."""
        return {
            stage.permit
            for stage in self.view.stages
            if self.ready[stage.name] and not stage.short
            if self.blocked(stage, free, wanted=frozenset()) in LACKS_PERMITS
        }

    def candidate(self, free: dict[str, int], *, wanted: Collection[str]) -> StageView | None:
        """The first stage a batch of which can start. What lacks only some of several permits keeps those that are `free`."""
        for stage in self.view.stages:
            if not self.ready[stage.name]:
                continue
            wait = self.blocked(stage, free, wanted=wanted)
            if wait is None:
                return stage
            if wait is Wait.CPUS:
                free[stage.permit] = free[STANDBY] = 0
        return None

    def claim_locks(self, free: Mapping[str, int], *, wanted: Collection[str]) -> None:
        """Let nobody who comes after it take a lock from a batch that lacks only others."""
        for stage in self.view.stages:
            could = stage.locks and self.ready[stage.name] and free[stage.permit] > 0
            if could and self.blocked(stage, free, wanted=wanted) is Wait.LOCKS:
                self.locks.claim(stage.locks)

    def take(self, stage: StageView) -> Start:
        """Book the next batch of a stage."""
        self.locks.take(stage.locks)
        count = min(stage.batch, self.ready[stage.name])
        self.ready[stage.name] -= count
        self.of_stage[stage.name] += 1
        self.running += 1
        return Start(self.view.experiment, stage.name, count)


def admit(
    queues: Sequence[QueueView],
    free: Mapping[str, int],
    *,
    locks: LockView = FREE_LOCKS,
    closed: Wait | None = None,
) -> Admission:
    """Decide with `free` permits by kind, `STANDBY` among them. Higher priority first, then who was served longest ago.

    A batch that is let in on standby is put on record as running and waits at the door: what executes at one instant never exceeds
    the permits, nor an experiment's `max_parallel`. While a longer batch lacks only a permit none is let in for permits of that kind:
    it would be first at the door, again and again. `locks` are not to be had. `closed` lets nothing start.
    """
    books = LockBooks(locks)
    shares = [_Share(view, books) for view in queues]
    left = dict.fromkeys(free, 0) if closed else dict(free)
    starts: list[Start] = []
    turn = max((share.served for share in shares), default=0)
    while True:
        books.forget_claims()
        wanted = set().union(*(share.wants(left) for share in shares))
        found = _next(shares, left, wanted=wanted)
        if found is None:
            break
        share, stage = found
        starts.append(share.take(stage))
        left[stage.permit if left[stage.permit] > 0 else STANDBY] -= stage.permits
        turn += 1
        share.served = turn
    waits = {
        (share.view.experiment, stage.name): closed or share.blocked(stage, left, wanted=wanted) or Wait.SLOTS
        for share in shares
        for stage in share.view.stages
        if share.ready[stage.name]
    }
    waits |= _outranked(shares, waits)
    return Admission(tuple(starts), waits)


def _next(
    shares: Sequence[_Share], left: Mapping[str, int], *, wanted: Collection[str]
) -> tuple[_Share, StageView] | None:
    """Who is served next, with a batch of which stage."""
    free = dict(left)
    for share in sorted(shares, key=lambda share: (-share.view.priority, share.served, share.view.experiment)):
        stage = share.candidate(free, wanted=wanted)
        if stage is not None:
            return share, stage
        share.claim_locks(free, wanted=wanted)
    return None


def _outranked(shares: Sequence[_Share], waits: Mapping[tuple[int, str], Wait]) -> dict[tuple[int, str], Wait]:
    """What waits for a permit that others of a higher priority wait for as well."""
    priority = {share.view.experiment: share.view.priority for share in shares}
    starved = [key for key, wait in waits.items() if wait in LACKS_PERMITS]
    highest = max((priority[experiment] for experiment, _ in starved), default=0)
    return {key: Wait.PRIORITY for key in starved if priority[key[0]] < highest}
