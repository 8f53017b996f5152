"""What a spec asks for that this daemon does not have: a plain question before it is accepted."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.engine.lanes import Lanes, with_lane
from orchestrator.engine.reasons import size
from orchestrator.errors import Problem
from orchestrator.executors.base import Abilities
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.stage import StageSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What there is: lanes, permits by kind, what executors can do (`abilities` raises ExecutorUnusable where there is none), memory."""

    lanes: Lanes
    permits: Mapping[str, int]
    abilities: Callable[[str], Abilities]
    memory_bytes: Callable[[], int]  # all of it

    def unmet(self, spec: ExperimentSpec) -> list[Problem]:
        """Everything a spec asks for that there is not. Raises ExecutorUnusable."""
        problems: list[Problem] = []
        for stage in spec.stages:
            if stage.lane is not None and stage.lane not in self.lanes:
                known = ", ".join(self.lanes) or "none"
                message = f"there is no lane {stage.lane!r}; there are: {known}"
                problems.append(Problem(f"stage.{stage.name}.lane", message))
            placed = with_lane(stage, self.lanes)
            problems += _of_executor(placed, self.abilities(placed.runs_on), self.permits)
        return problems

    def doubts(self, spec: ExperimentSpec) -> list[Problem]:
        """What of a spec is accepted and will not run here."""
        return never_fitting(spec, memory_bytes=self.memory_bytes())


def never_fitting(spec: ExperimentSpec, *, memory_bytes: int) -> list[Problem]:
    """Stages of which no evaluation can start on a machine with so much memory in all."""
    return [
        Problem(
            f"stage.{stage.name}.memory",
            f"declares {size(stage.memory_bytes)}, the machine has {size(memory_bytes)}: it will wait for ever",
        )
        for stage in spec.stages
        if stage.memory_bytes is not None and stage.memory_bytes > memory_bytes
    ]


def _of_executor(stage: StageSpec, able: Abilities, permits: Mapping[str, int]) -> Iterator[Problem]:
    total = permits[able.permit]
    if stage.cpus > total:
        has = f"{total} {able.permit}{'s' if total > 1 else ''}"
        yield Problem(f"stage.{stage.name}.cpus", f"needs {stage.cpus}; this daemon has {has}")
    if stage.memory_bytes is not None and not able.bounds_memory:
        yield Problem(f"stage.{stage.name}.memory", f'cannot be held by the executor "{stage.runs_on}"')
