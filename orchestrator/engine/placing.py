"""Where a stage that may be moved is run: what was measured of it on each executor, and when it moves. Books and plain decisions.

A stage begins in processes. `search.stages.placement` says from its measured CPU share whether threads would do; here is added what only
the daemon knows: whether threads would let more run at once, and whether they have kept what they promised. What was learnt is kept with
the hash of the code, so that the next experiment begins where this one has ended.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.domain.identity import call_hash, canonical_json
from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.search.stages.placement import Placement, place
from orchestrator.search.stages.profile import Profile, Sample, profile_of
from orchestrator.search.stages.records import StageShape
from orchestrator.spec.stage import StageSpec

PROCESS, THREAD = "process", "thread"
PERMITS = {PROCESS: "slot", THREAD: "thread"}
LIKE = {"sequential": PROCESS}
"""Where evaluations go on as undisturbed as in processes."""

MOST_LEARNT = 32
"""So many evaluations of a batch are looked at."""

NEWEST = 64
"""So many of the newest evaluations on each kind of executor are what is known of it."""

FEWEST = 5
"""Evaluations on both kinds before they are compared."""

LEAST_SEEN_SECONDS = 1.0
"""So much of a stage's time is measured before adaptive moves it: a process for its threads takes a tenth of a second to start."""

SHORTEST_SECONDS = 1e-6

NEWS = 8
"""It is decided anew when an eighth more evaluations were learnt from than at the last time, or one has failed: not after every batch."""

LEAST_GAIN = 1.05
"""How many times as many evaluations a second threads must give to stay."""


def profile_key(stage: StageSpec) -> str:
    """Names what a stage calls, with which arguments."""
    return call_hash(stage.call or "", canonical_json(dict(stage.arguments)))


class Placing:
    """The books of one stage."""

    def __init__(self, stage: StageSpec, *, max_parallel: int, fixed: bool = False) -> None:
        self.key = profile_key(stage)
        self.strategy = None if fixed else stage.strategy  # None: it is only looked at
        self._seen = 0  # evaluations that were learnt from, in earlier experiments too,
        self._kept = 0  # and those of them that are on record
        self._news_at = 0  # so many evaluations learnt from are news
        self._no_gain: str | None = None  # why threads are not tried again
        self._shape = StageShape(name=stage.name, after=stage.after, locks=stage.locks)
        self._max_parallel = max_parallel
        self.known_seconds: float | None = None  # of an evaluation, on average
        self._samples: dict[str, deque[Sample]] = {name: deque(maxlen=NEWEST) for name in PERMITS}
        self._failed: Counter[str] = Counter()

    def learn(self, executor: str, outcomes: Iterable[Outcome]) -> None:
        """So these came out there."""
        executor = LIKE.get(executor, executor)
        samples = self._samples.get(executor)
        if samples is None:
            return
        for outcome in outcomes:
            used = outcome.usage
            self._seen += 1
            if outcome.end is AttemptEnd.FAILED:
                self._failed[executor] += 1
                self._news_at = 0
            elif outcome.end is AttemptEnd.SUCCEEDED and used.wall_seconds is not None:
                measured = used.cpu_seconds, used.max_rss_bytes, used.starved_seconds
                samples.append(Sample(used.wall_seconds, *measured))

    def profile(self, executor: str) -> Profile | None:
        """What is known of its newest evaluations there; None before the first."""
        return profile_of(self._samples[executor])

    @property
    def best_known(self) -> Profile | None:
        """What is known of it: from processes, where evaluations do not wait for each other, if it has been there."""
        return self.profile(PROCESS) or self.profile(THREAD)

    def decide(self, current: str, *, permits: Mapping[str, int]) -> Placement | None:
        """Where it is run from now on, and why; None when it stays. `permits` there are in all, by kind."""
        if self._seen < self._news_at:
            return None
        self._news_at = self._seen + max(1, self._seen // NEWS)
        known = self.best_known
        self.known_seconds = None if known is None else known.wall_seconds
        if self.strategy is None:
            return None
        if current == THREAD and self._no_gain is None:
            self._no_gain = self._compared(permits)
        objection = self.objection
        placement = place(self.strategy, self._shape, known, current=current, threads_failed=objection is not None)
        if placement.executor == current:
            return None
        if placement.executor == THREAD:
            return placement if self.strategy == "hybrid" or self._worth_it(permits) else None
        return Placement(placement.executor, objection or placement.reason)

    def doubts(self, executor: str) -> bool:
        """Whether a failure there may be the fault of having moved it: none was seen in processes."""
        return executor == THREAD and self.strategy is not None and self._flawless_in_processes

    @property
    def _flawless_in_processes(self) -> bool:
        return bool(self._samples[PROCESS]) and not self._failed[PROCESS]

    @property
    def objection(self) -> str | None:
        """Why threads are not right for it, as far as is known. A failure in a process speaks for threads again: it fails anywhere."""
        many = self._failed[THREAD]
        if many and self._flawless_in_processes:
            return f"{many} evaluation{'s' if many > 1 else ''} failed in threads and none in processes"
        return self._no_gain

    def _worth_it(self, permits: Mapping[str, int]) -> bool:
        """Whether threads would let more of it run at once, and enough of it was seen to begin with a process for them."""
        known = self.best_known
        seen = known is not None and (known.runs >= NEWEST or known.runs * known.wall_seconds >= LEAST_SEEN_SECONDS)
        return seen and self._room(THREAD, permits) > self._room(PROCESS, permits)

    def _room(self, executor: str, permits: Mapping[str, int]) -> int:
        """How many of its evaluations can run there at once."""
        return min(self._max_parallel, permits[PERMITS[executor]])

    def _compared(self, permits: Mapping[str, int]) -> str | None:
        """Why it does not gain by threads, by the rates of both."""
        processes, threads = self.profile(PROCESS), self.profile(THREAD)
        if processes is None or threads is None or min(processes.runs, threads.runs) < FEWEST:
            return None
        before, now = self._rate(processes, PROCESS, permits), self._rate(threads, THREAD, permits)
        if now >= LEAST_GAIN * before:
            return None
        return f"threads give {now:.3g} evaluations a second, processes {before:.3g}: it does not gain by threads"

    def _rate(self, profile: Profile, executor: str, permits: Mapping[str, int]) -> float:
        """Evaluations a second with all that may run there running."""
        return self._room(executor, permits) / max(profile.wall_seconds, SHORTEST_SECONDS)

    def evidence(self) -> dict[str, Any]:
        """The numbers it is placed by."""
        known = self.best_known
        if known is None:
            return {}
        names = ("runs", "cpu_share", "cpu_share_low", "cpu_share_high", "wall_seconds")
        return {name: getattr(known, name) for name in names}

    # What is kept

    @property
    def learnt(self) -> bool:
        """Whether something is known that is not on record yet."""
        return self._seen > self._kept

    @property
    def doubled(self) -> bool:
        """Whether it was learnt from twice as many evaluations as is on record: so a million cost twenty writes."""
        return self.learnt and self._seen >= 2 * self._kept

    def facts(self) -> dict[str, Any]:
        """What the next experiment with this code shall know."""
        samples = {name: list(newest) for name, newest in self._samples.items()}
        return {"samples": samples, "failed": dict(self._failed), "no_gain": self._no_gain}

    def recorded(self) -> None:
        """Its facts go on record."""
        self._kept = self._seen

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Begin with what an earlier experiment knew. Raises KeyError, TypeError or ValueError when another version wrote it."""
        samples = {name: deque((_sample(*one) for one in facts["samples"][name]), maxlen=NEWEST) for name in PERMITS}
        failed = Counter({name: int(count) for name, count in facts["failed"].items()})
        self._samples, self._failed, self._no_gain = samples, failed, facts["no_gain"]
        self._seen = self._kept = sum(map(len, samples.values())) + failed.total()


def _sample(wall: float, cpu: float | None, rss: int | None, starved: float | None) -> Sample:
    return Sample(float(wall), _number(cpu), None if rss is None else int(rss), _number(starved))


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
