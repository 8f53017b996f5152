"""The one admission decision: what starts now, and why each of the rest waits. A plain function, called on every event.

Beside it, and plain functions too: `pressure.py` says what the machine allows, `shares.py` how permits are divided between experiments.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.engine.lock_books import LockBooks, LockView
from orchestrator.engine.shares import UNKNOWN_SECONDS

FREE_LOCKS = LockView()
STANDBY = "standby"
"""The permit to wait at the door with everything on record, for batches that are over so soon that a commit between two would count."""

MEMORY = "memory"
"""The claim to bytes of memory."""

LANE = "lane "
"""What the claim to one of a lane's workers is called begins so."""

MEMORY_SOON = "memory soon"
"""The bytes that can be claimed once all that runs and has claimed some has ended."""


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
    RECORD = "record"  # results of others are written down first
    DISK = "disk"  # too little of it is free
    MEMORY = "memory"  # too much of it is in use
    CPU = "cpu"  # others keep it busy
    DECLARED_MEMORY = "declared_memory"  # what it declares is not free
    LANE = "lane"  # as many of its lane run as may
    CLAIM = "claim"  # something else that is counted is taken


LACKS_PERMITS = frozenset({Wait.SLOTS, Wait.THREADS, Wait.CPUS})
_OF_CLAIM = {MEMORY: Wait.DECLARED_MEMORY}
_SOON = {MEMORY: MEMORY_SOON}


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
    permits: int = 1  # that a batch of it occupies
    seconds: float = UNKNOWN_SECONDS  # how long a batch is expected to last
    claims: tuple[tuple[str, int], ...] = ()  # what a batch takes besides, each of a kind with a count: (MEMORY, bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """One experiment's work and its claim to the machine."""

    experiment: int
    rank: int  # higher is served first
    weight: float  # its share among those of its rank
    turns: Mapping[str, float]  # by kind of permit; the smallest is served first
    last_served: int  # of equal turns the one that was served longest ago: the smaller
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


_Offer = tuple[int, float, int, int, int, "_Share", StageView]  # the numbers order it


class _Share:
    """The books of one experiment while the decision is made."""

    __slots__ = ("of_stage", "ready", "running", "served", "turns", "view")

    def __init__(self, view: QueueView) -> None:
        self.view = view
        self.turns = dict(view.turns)
        self.served = view.last_served
        self.running = view.running
        self.ready = {stage.name: stage.ready for stage in view.stages}
        self.of_stage = {stage.name: stage.running for stage in view.stages}

    def blocked(self, stage: StageView) -> Wait | None:
        """Why no batch of a stage with something ready could start, were there permits, locks and memory enough."""
        if self.view.paused:
            return Wait.PAUSED
        times = 2 if stage.short and self.all_short() else 1
        if self.running >= self.view.max_parallel * times:
            return Wait.MAX_PARALLEL
        if stage.width is not None and self.of_stage[stage.name] >= stage.width * times:
            return Wait.WIDTH
        return None

    def all_short(self) -> bool:
        """Whether no stage is ready whose batches would have to wait behind those that stand by."""
        return all(stage.short for stage in self.view.stages if self.ready[stage.name])

    def offers(self) -> Iterator[_Offer]:
        """The stages that may start as far as their experiment goes, with what orders them: rank, turn, who was served longest ago."""
        view = self.view
        for place, stage in enumerate(view.stages):
            if self.ready[stage.name] and self.blocked(stage) is None:
                yield -view.rank, self.turns[stage.permit], self.served, view.experiment, place, self, stage

    def take(self, stage: StageView, *, served: int) -> Start:
        """Book the next batch of a stage."""
        self.served = served
        count = min(stage.batch, self.ready[stage.name])
        self.ready[stage.name] -= count
        self.of_stage[stage.name] += 1
        self.running += 1
        self.turns[stage.permit] += stage.seconds * count / stage.batch / self.view.weight
        return Start(self.view.experiment, stage.name, count)


def admit(
    queues: Sequence[QueueView],
    free: Mapping[str, int],
    *,
    locks: LockView = FREE_LOCKS,
    closed: Wait | None = None,
    despite: int = 0,
) -> Admission:
    """Decide with `free` permits and claims by kind, `STANDBY` among them. Higher rank first, then the smaller turn.

    A batch that is let in on standby is put on record as running and waits at the door: what executes at one instant never exceeds
    the permits, nor an experiment's `max_parallel`. While a longer batch lacks only a permit none is let in for permits of that kind:
    it would be first at the door, again and again. For the same reason nobody overtakes who needs more permits than are free, or more
    memory, if that will be there once others end. A kind of claim that is not among `free` is not limited. `locks` are not to be had. `closed` lets nothing start but for `despite`
    batches.
    """
    shares = [_Share(view) for view in queues]
    books = LockBooks(locks)
    kept: set[str] = set()
    turn = max((share.served for share in shares), default=0)
    left = dict(free)
    starts: list[Start] = []
    while closed is None or len(starts) < despite:
        offers = [offer for share in shares for offer in share.offers()]
        offer = _next(offers, left, books=books, kept=kept)
        if offer is None:
            break
        *_, share, stage = offer
        turn += 1
        starts.append(share.take(stage, served=turn))
        books.take(stage.locks)
        _book(stage, left)
    waits = {
        (share.view.experiment, stage.name): closed
        or share.blocked(stage)
        or _lacking(stage, left, books=books, kept=kept)
        or _of_permit(stage)
        for share in shares
        for stage in share.view.stages
        if share.ready[stage.name]
    }
    return Admission(tuple(starts), waits if len(shares) == 1 else waits | _outranked(shares, waits))


def _next(offers: list[_Offer], left: Mapping[str, int], *, books: LockBooks, kept: set[str]) -> _Offer | None:
    """The first for which there is all it needs, unless somebody before it waits for the same kind.

    What is `kept` for somebody, of locks and of claims, is put down anew.
    """
    if len(offers) > 1:
        offers.sort()
    books.forget_claims()
    kept.clear()
    wanted = {
        stage.permit for *_, stage in offers if not stage.short and not _lacking(stage, left, books=books, kept=kept)
    }
    waited_for: set[str] = set()
    for offer in offers:
        *_, share, stage = offer
        if (stage.locks or stage.claims) and _lacking(stage, left, books=books, kept=kept):
            if left[stage.permit] >= stage.permits:
                books.claim(stage.locks)
                kept.update(_worth_keeping(stage, left))
            continue
        if stage.permit in waited_for:
            continue
        if _permits(share, stage, left, wanted=wanted) >= stage.permits:
            return offer
        waited_for.add(stage.permit)
    return None


def _permits(share: _Share, stage: StageView, left: Mapping[str, int], *, wanted: Collection[str]) -> int:
    """Permits a stage can have, those for standing by included where it may."""
    stands_by = stage.short and stage.permit not in wanted and share.all_short()
    return left[stage.permit] + (left[STANDBY] if stands_by else 0)


def _book(stage: StageView, left: dict[str, int]) -> None:
    held = min(left[stage.permit], stage.permits)
    left[stage.permit] -= held
    left[STANDBY] -= stage.permits - held
    for kind, amount in stage.claims:
        if kind in left:
            left[kind] -= amount


def _lacking(stage: StageView, left: Mapping[str, int], *, books: LockBooks, kept: Collection[str]) -> Wait | None:
    """What a stage lacks besides permits."""
    if stage.locks and books.lack(stage.locks):
        return Wait.LOCKS
    for kind, amount in stage.claims:
        if kind in kept or left.get(kind, amount) < amount:
            return Wait.LANE if kind.startswith(LANE) else _OF_CLAIM.get(kind, Wait.CLAIM)
    return None


def _worth_keeping(stage: StageView, left: Mapping[str, int]) -> list[str]:
    """The kinds of claims that a stage lacks now and will have when others end."""
    short_of = [(kind, amount) for kind, amount in stage.claims if left.get(kind, amount) < amount]
    return [kind for kind, amount in short_of if left.get(_SOON.get(kind, kind), 0) >= amount]


def _of_permit(stage: StageView) -> Wait:
    if stage.permits > 1:
        return Wait.CPUS
    return Wait.SLOTS if stage.permit == "slot" else Wait.THREADS


def _outranked(shares: Sequence[_Share], waits: Mapping[tuple[int, str], Wait]) -> dict[tuple[int, str], Wait]:
    """What waits for a permit that others of a higher rank wait for as well."""
    rank = {share.view.experiment: share.view.rank for share in shares}
    starved = [key for key, wait in waits.items() if wait in LACKS_PERMITS]
    highest = max((rank[experiment] for experiment, _ in starved), default=0)
    return {key: Wait.PRIORITY for key in starved if rank[key[0]] < highest}
