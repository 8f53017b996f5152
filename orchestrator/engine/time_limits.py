"""The time an experiment may take: `limits.wall`, and what the lanes of its stages may take. Books and plain decisions; times are UTC.

A lane's time runs from its first evaluation in the experiment on, over rounds and restarts of the daemon; when what has ended is run
again, it begins anew. While an experiment is paused its limits of time stand still. Once it is used up while something of the lane runs or waits, the experiment is cut short as by `limits.wall`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.lanes import Lane
from orchestrator.engine.pauses import Pauses
from orchestrator.engine.plan import Plan
from orchestrator.store.changes.iterations import RoundDecision
from orchestrator.store.changes.rounds import Decision
from orchestrator.store.times import rfc3339

_US = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedUp:
    """A limit that is used up: what a person is told, and the decision that goes on record."""

    reason: str
    lane: str | None
    limit_seconds: float
    since_us: int

    @property
    def decision(self) -> Decision:
        """That what is open is cancelled."""
        return Decision(
            kind="limit",
            rule="wall" if self.lane is None else "lane",
            message=f"{self.reason}: what runs and waits is cancelled",
            inputs={"limit_seconds": self.limit_seconds, "since": rfc3339(self.since_us)},
            result={"action": "cut", "lane": self.lane},
        )


class TimeLimits:
    """Those of one experiment."""

    def __init__(self, plan: Plan) -> None:
        used = {stage.lane for stage in plan.stages.values()}
        self._wall_seconds = plan.spec.limits.wall_seconds
        self._limits = {
            name: lane.limit_seconds
            for name, lane in plan.lanes.items()
            if name in used and lane.limit_seconds is not None
        }
        self._started_us: int | None = None
        self._begun_us: dict[str, int] = {}
        self._pauses = Pauses()

    def start(self, started_us: int | None) -> None:
        """The experiment has been running since then."""
        self._started_us = started_us

    def pause(self, now_us: int) -> None:
        """They stand still from now on."""
        self._pauses.begin(now_us)

    def resume(self, now_us: int) -> None:
        """They go on, if they stood still."""
        self._pauses.end(now_us)

    def recall(self, facts: Mapping[str, Any]) -> str | None:
        """Which lanes had begun before this daemon; not those that had begun before the experiment ended and was opened again.

        The time of the experiment counts from there too. The limit by which it was cut short already, in words.
        """
        if self._started_us is not None:
            self._started_us = max(self._started_us, facts["reopened_us"] or 0)
        self._pauses.recall(facts["pauses"])
        ended_us = facts["ended_us"] or 0
        begun = [row for row in facts["lanes"] if row[0] in self._limits and (row[1] or 0) > ended_us]
        self._begun_us = {lane: begun_us for lane, begun_us, _ in begun}
        cut = [lane for lane, begun_us, cut_us in begun if cut_us is not None and cut_us >= begun_us]
        return self._words(cut[0]) if cut else None

    def begin(self, lane: Lane | None, *, now_us: int) -> RoundDecision | None:
        """An evaluation of the lane begins; what goes on record when it is the first."""
        if lane is None or lane.name not in self._limits or lane.name in self._begun_us:
            return None
        self._begun_us[lane.name] = now_us
        until = rfc3339(now_us + int(self._limits[lane.name] * _US))
        decision = Decision(
            kind="lane",
            rule="limit",
            message=f"lane {lane.name} has begun: it may take {self._limits[lane.name]:g} s in all, until {until}",
            inputs={"limit_seconds": self._limits[lane.name], "since": rfc3339(now_us)},
            result={"action": "begun", "lane": lane.name},
        )
        return RoundDecision(decision)

    def is_over(self, lane: Lane | None, *, now_us: int) -> bool:
        """Whether nothing of the lane may run any more."""
        return lane is not None and self._lane(lane.name, now_us) is not None

    def seconds_left(self, now_us: int) -> float | None:
        """Until the next limit that is not used up yet; 0 when that of the experiment is; None when there is none, or they stand still."""
        if self._pauses.under_way:
            return None
        lanes = [
            self._limits[name] - self._pauses.seconds_outside(begun_us, now_us)
            for name, begun_us in self._begun_us.items()
        ]
        left = [seconds for seconds in lanes if seconds > 0]
        if self._wall_seconds is not None and self._started_us is not None:
            left.append(max(0.0, self._wall_seconds - self._pauses.seconds_outside(self._started_us, now_us)))
        return min(left, default=None)

    def used_up(self, now_us: int, *, lanes: Collection[str] = ()) -> UsedUp | None:
        """The limit that is used up, that of the experiment first, then those of these lanes."""
        found = [self._wall(now_us), *(self._lane(lane, now_us) for lane in lanes)]
        return next((limit for limit in found if limit is not None), None)

    def no_time(self, now_us: int) -> str | None:
        """Which lane has no time left for another round, in words."""
        over = self.used_up(now_us, lanes=self._begun_us)
        return None if over is None else over.reason

    def _wall(self, now_us: int) -> UsedUp | None:
        if self._wall_seconds is None or self._started_us is None:
            return None
        if self._pauses.seconds_outside(self._started_us, now_us) < self._wall_seconds:
            return None
        reason = "the wall time of limits.wall is used up"
        return UsedUp(reason=reason, lane=None, limit_seconds=self._wall_seconds, since_us=self._started_us)

    def _lane(self, name: str, now_us: int) -> UsedUp | None:
        begun_us, limit_seconds = self._begun_us.get(name), self._limits.get(name)
        if begun_us is None or limit_seconds is None or self._pauses.seconds_outside(begun_us, now_us) < limit_seconds:
            return None
        return UsedUp(reason=self._words(name), lane=name, limit_seconds=limit_seconds, since_us=begun_us)

    def _words(self, lane: str) -> str:
        return f"the {self._limits[lane]:g} s that lane {lane} may take are used up"
