"""What a spec asks for that this daemon does not have: a plain question before it is accepted."""

from collections.abc import Callable, Iterator, Mapping

from orchestrator.engine.lanes import Lanes, with_lane
from orchestrator.errors import Problem
from orchestrator.executors.base import Abilities
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.stage import StageSpec


def unmet(
    spec: ExperimentSpec, lanes: Lanes, *, abilities: Callable[[str], Abilities], permits: Mapping[str, int]
) -> list[Problem]:
    """Every such problem. `permits` there are, by kind; `abilities` of an executor raises ExecutorUnusable where there is none."""
    problems: list[Problem] = []
    for stage in spec.stages:
        if stage.lane is not None and stage.lane not in lanes:
            known = ", ".join(lanes) or "none"
            problems.append(Problem(f"stage.{stage.name}.lane", f"there is no lane {stage.lane!r}; there are: {known}"))
        placed = with_lane(stage, lanes)
        problems += _of_executor(placed, abilities(placed.runs_on), permits)
    return problems


def _of_executor(stage: StageSpec, able: Abilities, permits: Mapping[str, int]) -> Iterator[Problem]:
    total = permits[able.permit]
    if stage.cpus > total:
        has = f"{total} {able.permit}{'s' if total > 1 else ''}"
        yield Problem(f"stage.{stage.name}.cpus", f"needs {stage.cpus}; this daemon has {has}")
    if stage.memory_bytes is not None and not able.bounds_memory:
        yield Problem(f"stage.{stage.name}.memory", f'cannot be held by the executor "{stage.runs_on}"')
