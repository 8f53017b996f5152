"""Where a stage that may be moved is run: what was measured of it on each executor, and when it moves. Books and plain decisions.

A stage begins in processes. `search.stages.placement` says from its measured CPU share whether threads would do; here is added what only
the daemon knows: whether threads would let more run at once, and whether they have kept what they promised. What was learnt is kept with
the hash of the code, so that the next experiment begins where this one has ended.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.domain.identity import canonical_json, variant_hash
from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.search.stages.placement import Placement, place
from orchestrator.search.stages.profile import ProfileSums
from orchestrator.search.stages.records import StageShape
from orchestrator.spec.stage import StageSpec

PROCESS, THREAD = "process", "thread"
PERMITS = {PROCESS: "slot", THREAD: "thread"}
MOST_LEARNT = 32
"""So many evaluations of a batch are looked at."""

FEWEST = 5
"""Evaluations on both kinds before they are compared."""

LEAST_GAIN = 1.05
"""How many times as many evaluations a second threads must give to stay."""


def profile_key(stage: StageSpec) -> str:
    """Names what a stage calls, with which arguments."""
    return variant_hash(stage.call or "", canonical_json(dict(stage.arguments)))


class Placing:
    """The books of one stage."""

    def __init__(self, stage: StageSpec, *, max_parallel: int) -> None:
        self.key = profile_key(stage)
        self.strategy = stage.strategy or PROCESS
        self.learnt = False  # something that is not on record yet
        self.threads_failed: str | None = None  # why they are not tried again
        self._shape = StageShape(name=stage.name, after=stage.after, locks=stage.locks, can_use_threads=True)
        self._max_parallel = max_parallel
        self._sums = {PROCESS: ProfileSums(), THREAD: ProfileSums()}
        self._failed: Counter[str] = Counter()

    def learn(self, executor: str, outcomes: Iterable[Outcome]) -> None:
        """So these came out there."""
        sums = self._sums.get(executor)
        if sums is None:
            return
        for outcome in outcomes:
            usage = outcome.usage
            if outcome.end is AttemptEnd.FAILED:
                self._failed[executor] += 1
            elif outcome.end is AttemptEnd.SUCCEEDED and usage.wall_seconds is not None:
                sums.add(usage.wall_seconds, usage.cpu_seconds, usage.max_rss_bytes)
        self.learnt = True

    @property
    def expected_seconds(self) -> float | None:
        """How long an evaluation takes, as far as is known."""
        return next((sums.profile().wall_mean_seconds for sums in self._sums.values() if sums.runs), None)

    def decide(self, current: str, *, permits: Mapping[str, int]) -> Placement | None:
        """Where it is run from now on, and why; None when it stays. `permits` there are in all, by kind."""
        if current == THREAD:
            self.threads_failed = self.threads_failed or self._broken_promise(permits)
        known = self._sums[PROCESS] if self._sums[PROCESS].runs else self._sums[THREAD]
        profile = known.profile() if known.runs else None
        placement = place(
            self.strategy, self._shape, profile, current=current, threads_failed=self.threads_failed is not None
        )
        if placement.executor == current:
            return None
        if placement.executor == THREAD:
            return placement if self._room(THREAD, permits) > self._room(PROCESS, permits) else None
        return Placement(executor=placement.executor, reason=self.threads_failed or placement.reason)

    def _room(self, executor: str, permits: Mapping[str, int]) -> int:
        """How many of its evaluations can run there at once."""
        return min(self._max_parallel, permits[PERMITS[executor]])

    def _broken_promise(self, permits: Mapping[str, int]) -> str | None:
        """Why threads are not right for it after all."""
        if self._failed[THREAD] and not self._failed[PROCESS] and self._sums[PROCESS].runs:
            return f"{self._failed[THREAD]} evaluations failed in threads and none in processes: its code may not bear threads"
        if min(sums.runs for sums in self._sums.values()) < FEWEST:
            return None
        rates = {name: self._rate(name, permits) for name in self._sums}
        if rates[THREAD] >= LEAST_GAIN * rates[PROCESS]:
            return None
        return (
            f"threads gave {rates[THREAD]:.3g} evaluations a second and processes {rates[PROCESS]:.3g}: it does not gain by them"
        )

    def _rate(self, executor: str, permits: Mapping[str, int]) -> float:
        """Evaluations a second with all that may run there running."""
        seconds = self._sums[executor].profile().wall_mean_seconds
        return self._room(executor, permits) / max(seconds, 1e-9)

    # What is kept

    def facts(self) -> dict[str, Any]:
        """What the next experiment with this code shall know."""
        return {
            "sums": {name: sums.to_json() for name, sums in self._sums.items()},
            "failed": dict(self._failed),
            "threads_failed": self.threads_failed,
        }

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Begin with what an earlier experiment knew. Raises KeyError, TypeError or ValueError when another version wrote it."""
        sums = {name: ProfileSums.from_json(facts["sums"][name]) for name in self._sums}
        self._failed = Counter({str(name): int(count) for name, count in facts["failed"].items()})
        self._sums, self.threads_failed = sums, facts["threads_failed"]
