"""What advice is made from: the runs, the plan they ran by, what is known of the stages; and what another plan would have taken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.search.stages.figures import Figures, Setting, figures_of
from orchestrator.search.stages.profile import Kind, Profile, classify
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.replay import scaled, tasks_of
from orchestrator.search.stages.schedule import Plan, Task, pool_of, predict

_REPLAYED = 300  # runs that are run in thought again and again; the figures are of all


class Finding(StrEnum):
    """What was found."""

    BOTTLENECK = "bottleneck"  # one stage on the critical path is much longer than the others
    IMBALANCE = "imbalance"  # the whole takes as long as one stage
    GIL_BOUND = "gil_bound"  # threads compute, and only one of them can at an instant
    WORKERS_BLOCKED = "workers_blocked"  # what waits holds processes that others could compute in
    TOO_FEW_WORKERS = "too_few_workers"  # work is in the queue, or all workers are busy, while cores are free
    TOO_MANY_WORKERS = "too_many_workers"  # most workers have nothing to do
    CPU_SATURATED = "cpu_saturated"  # no arrangement is faster, only less work
    MEMORY = "memory"  # nearly all memory is held
    UNSTABLE = "unstable"  # the same stage takes very different times
    SLA_RISK = "sla_risk"  # the stage may well miss its limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do, why, and what it is expected to bring.

    `evidence` holds the numbers the finding rests on, in seconds, bytes, counts and shares; `gain` is the share of the wall time that is
    saved, None (like the predicted wall) for what costs no time. `change` is what to set: `stage.NAME.executor`,
    `limits.max_parallel`, `slots` or `threads`; None when a person has to change the code.
    """

    finding: Finding
    stage: str | None = None
    evidence: Mapping[str, float]
    advice: str
    predicted_wall_seconds: float | None = None
    gain: float | None = None
    change: Mapping[str, str | int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One run of the graph, or several that shared the machine, and the plan they ran by."""

    runs: tuple[StageRun, ...]
    shapes: tuple[StageShape, ...]
    plan: Plan
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    memory_limit_bytes: int | None = None


class Case:
    """A situation with what follows from it, computed once. Of many runs the latest are what other plans are tried on."""

    def __init__(self, situation: Situation) -> None:
        self.situation = situation
        self.plan = situation.plan
        latest = sorted(situation.runs, key=lambda run: run.started_seconds)[-_REPLAYED:]
        self.tasks = tasks_of(latest, shapes=situation.shapes, profiles=situation.profiles)
        most = self.plan.max_parallel or max(self.plan.processes, self.plan.threads)
        workers = {"process": min(self.plan.processes, most), "thread": min(self.plan.threads, most)}
        setting = Setting(cores=self.plan.cores, shapes=situation.shapes, workers=workers, profiles=situation.profiles)
        self.figures: Figures = figures_of(situation.runs, setting=setting)
        self.now_seconds = predict(self.tasks, plan=self.plan).wall_seconds

    def forecast(self, tasks: Sequence[Task] | None = None, *, plan: Plan | None = None) -> tuple[float, float]:
        """(wall seconds, gain) with other tasks or another plan.

        The gain compares prediction with prediction, and the wall is the measured one less that gain: what the model leaves out is
        left out on both sides.
        """
        seconds = predict(self.tasks if tasks is None else tasks, plan=plan or self.plan).wall_seconds
        gain = 1.0 - seconds / self.now_seconds if self.now_seconds > 0.0 else 0.0
        return self.figures.wall_seconds * (1.0 - gain), gain

    def without(self, stage: str) -> tuple[float, float]:
        """(wall seconds, gain) if a stage took no time."""
        seconds, gain = self.forecast(scaled(self.tasks, stage=stage, factor=0.0))
        return min(seconds, self.figures.wall_seconds), max(0.0, gain)

    def kind(self, stage: str) -> Kind:
        """The class of a stage by its profile."""
        return classify(self.situation.profiles.get(stage))

    def runs_in(self, pool: str) -> list[StageRun]:
        """The runs of one pool."""
        return [run for run in self.situation.runs if pool_of(run.executor) == pool]
