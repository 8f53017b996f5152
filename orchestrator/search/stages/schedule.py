"""What a plan would take: a list scheduler (R. L. Graham, 1966) over cores that are shared.

A task first computes, then waits: CPU seconds = share · wall, the rest of its wall is waiting, which costs nobody anything. What computes
at an instant shares the cores equally (processor sharing); all threads together compute like one process, for they share one
interpreter lock. A task of a CPU share above 1 uses so many cores when it has them; in a thread never more than one.
"""

import heapq
from bisect import insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.search.stages.graph import edges
from orchestrator.search.stages.order import bottom_levels
from orchestrator.search.stages.sizing import explicit

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of work: `wall_seconds` alone on the machine, the share of it on the CPU, what it comes after, what it locks.

    Without an executor it is a joint: it takes no time and no worker.
    """

    name: str
    stage: str
    executor: str | None
    wall_seconds: float
    cpu_share: float = 1.0
    after: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """With what it is run. `thread` has a pool of its own and `sequential` one worker; all others share the processes, which are warm."""

    cores: float
    processes: int
    threads: int = 1
    max_parallel: int | None = None

    @property
    def usable_cores(self) -> float:
        """At least one: what was measured on less has that in its wall time."""
        return max(1.0, self.cores)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One task on the time line, on the worker (from 0) of its pool."""

    name: str
    stage: str
    pool: str
    worker: int
    started_seconds: float
    ended_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """How long the whole takes, and the time line in order of start."""

    wall_seconds: float
    bars: tuple[Bar, ...]


def pool_of(executor: str) -> str:
    """The pool an executor's workers belong to: `thread`, `sequential` or `process`."""
    return executor if executor in ("thread", "sequential") else "process"


def cpu_share_on(plan: Plan, *, executor: str, share: float) -> float:
    """The share a task can have there: no more than the cores, and in a thread no more than one."""
    return min(share, 1.0 if pool_of(executor) == "thread" else plan.usable_cores)


def predict(tasks: Sequence[Task], *, plan: Plan) -> Prediction:
    """Run the plan in thought; a function of its arguments alone. InvalidSpec for a pool without workers, or tasks that cannot be put in order."""
    run = _Run(tasks, plan=plan)
    while run.running:
        run.advance()
    bars = sorted(run.bars, key=lambda bar: (bar.started_seconds, bar.pool, bar.worker))
    return Prediction(wall_seconds=max((bar.ended_seconds for bar in bars), default=0.0), bars=tuple(bars))


@dataclass(slots=True)
class _Pool:
    name: str
    free: list[int]  # a heap of workers
    ready: list[tuple[float, int]] = field(default_factory=list)  # (standing, position), the best first

    def candidates(self) -> Iterator[tuple[float, int]]:
        for item in tuple(self.ready) if self.free else ():
            if not self.free:
                return
            yield item


@dataclass(slots=True)
class _Active:
    task: Task
    pool: _Pool
    worker: int
    started_seconds: float
    demand: float  # cores it can use while it computes
    cpu_left: float
    wait_left: float


class _Run:
    """The state of one run in thought: the clock, who runs, who is ready, what is locked."""

    def __init__(self, tasks: Sequence[Task], *, plan: Plan) -> None:
        levels = bottom_levels(edges(tasks), durations={task.name: task.wall_seconds for task in tasks})
        self._tasks = tasks
        self._plan = plan
        self._standing = [-(levels[task.name] or 0.0) for task in tasks]  # the longest way to go first
        self._followers: dict[str, list[int]] = {task.name: [] for task in tasks}
        for position, task in enumerate(tasks):
            for earlier in task.after:
                self._followers[earlier].append(position)
        self._waiting = [len(task.after) for task in tasks]
        self._pools = {
            "process": _Pool("process", free=list(range(explicit(plan.processes, where="slots")))),
            "sequential": _Pool("sequential", free=[0]),
            "thread": _Pool("thread", free=list(range(explicit(plan.threads, where="threads")))),
        }
        self._locked: set[str] = set()
        self._now = 0.0
        self.running: list[_Active] = []
        self.bars: list[Bar] = []
        self._release(position for position, task in enumerate(tasks) if not task.after)
        self._start_ready()

    def advance(self) -> None:
        """Go to the next end of a phase, end what has ended, and start what can start."""
        paces = self._paces()
        step = min(
            active.cpu_left / pace if active.cpu_left else active.wait_left
            for active, pace in zip(self.running, paces, strict=True)
        )
        self._now += step
        for active, pace in zip(self.running, paces, strict=True):
            if active.cpu_left:
                active.cpu_left = _less(active.cpu_left, step * pace)
            else:
                active.wait_left = _less(active.wait_left, step)
        ended = [active for active in self.running if not active.cpu_left and not active.wait_left]
        self.running = [active for active in self.running if active.cpu_left or active.wait_left]
        for active in ended:
            self._end(active)
        if ended:
            self._start_ready()

    def _paces(self) -> list[float]:
        """CPU seconds a second of each that runs, were it computing now."""
        computing = [active for active in self.running if active.cpu_left]
        threads = sum(active.pool.name == "thread" for active in computing)
        demand = sum(active.demand for active in computing if active.pool.name != "thread") + min(1, threads)
        factor = min(1.0, self._plan.usable_cores / demand) if demand else 1.0
        return [
            factor / max(1, threads) if active.pool.name == "thread" else factor * active.demand
            for active in self.running
        ]

    def _end(self, active: _Active) -> None:
        heapq.heappush(active.pool.free, active.worker)
        self._locked.difference_update(active.task.locks)
        self.bars.append(
            Bar(
                name=active.task.name,
                stage=active.task.stage,
                pool=active.pool.name,
                worker=active.worker,
                started_seconds=active.started_seconds,
                ended_seconds=self._now,
            )
        )
        self._release(self._freed(active.task.name))

    def _freed(self, name: str) -> Iterator[int]:
        """Who waited for this one last."""
        for position in self._followers[name]:
            self._waiting[position] -= 1
            if not self._waiting[position]:
                yield position

    def _release(self, positions: Iterable[int]) -> None:
        """Make them ready; a joint is over at once."""
        free = list(positions)
        while free:
            position = free.pop()
            task = self._tasks[position]
            if task.executor is None:
                free.extend(self._freed(task.name))
            else:
                insort(self._pools[pool_of(task.executor)].ready, (self._standing[position], position))

    def _start_ready(self) -> None:
        """Whoever finds a worker and its locks starts, the best standing first."""
        for item in heapq.merge(*(pool.candidates() for pool in self._pools.values())):
            if self._plan.max_parallel is not None and len(self.running) >= self._plan.max_parallel:
                return
            task = self._tasks[item[1]]
            pool = self._pools[pool_of(task.executor or "")]
            if pool.free and self._locked.isdisjoint(task.locks):
                pool.ready.remove(item)
                self._start(task, pool)

    def _start(self, task: Task, pool: _Pool) -> None:
        worker = heapq.heappop(pool.free)
        share = cpu_share_on(self._plan, executor=pool.name, share=task.cpu_share)
        cpu = share * task.wall_seconds
        self._locked.update(task.locks)
        self.running.append(
            _Active(
                task=task,
                pool=pool,
                worker=worker,
                started_seconds=self._now,
                demand=max(1.0, share),
                cpu_left=cpu,
                wait_left=max(0.0, 1.0 - share) * task.wall_seconds,
            )
        )


def _less(left: float, spent: float) -> float:
    """What is left; a rest that is only rounding is none."""
    rest = left - spent
    return rest if rest > _ROUNDING * max(1.0, left) else 0.0
