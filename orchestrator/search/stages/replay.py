"""What ran, as the scheduler in thought takes it: so that a plan that was not tried can be compared with the one that was."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from orchestrator.search.stages.graph import Path, critical_path, edges
from orchestrator.search.stages.profile import WAITING_SHARE, Profile
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.schedule import Task


def tasks_of(
    runs: Iterable[StageRun], *, shapes: Sequence[StageShape], profiles: Mapping[str, Profile] | None = None
) -> tuple[Task, ...]:
    """A task for each attempt, named `REF#ATTEMPT`, and a joint `VARIANT/STAGE` for each stage a variant has run.

    An attempt comes after the one before it; the first after the stages its stage is declared after, as far as the variant has run
    them. An attempt that is given twice counts once. With a profile a task lasts as long as it would have alone (`alone`).
    """
    graph = _Graph(shapes={shape.name: shape for shape in shapes}, after=edges(shapes))
    tasks: list[Task] = []
    for stages in _by_variant(runs).values():
        for stage, attempts in stages.items():
            tasks += graph.stage(stage, attempts, present=stages.keys(), profile=(profiles or {}).get(stage))
    return tuple(tasks)


def placed(tasks: Iterable[Task], *, executors: Mapping[str, str]) -> tuple[Task, ...]:
    """The same tasks, those of the stages named here on another executor."""
    return tuple(
        task if task.executor is None else replace(task, executor=executors.get(task.stage, task.executor))
        for task in tasks
    )


def scaled(tasks: Iterable[Task], *, stage: str, factor: float) -> tuple[Task, ...]:
    """The same tasks, those of one stage so many times as long; 0: it is free."""
    return tuple(
        replace(task, wall_seconds=task.wall_seconds * factor) if task.stage == stage else task for task in tasks
    )


def halved(tasks: Iterable[Task], *, stage: str) -> tuple[Task, ...]:
    """The same tasks, each of one stage split into two halves that can run side by side."""

    def parts(task: Task) -> Iterator[Task]:
        if task.stage != stage or task.executor is None:
            yield task
            return
        halves = [replace(task, name=f"{task.name}{side}", wall_seconds=task.wall_seconds / 2) for side in ("<", ">")]
        yield from halves
        yield replace(task, executor=None, wall_seconds=0.0, after=tuple(half.name for half in halves), locks=())

    return tuple(part for task in tasks for part in parts(task))


def longest_path(tasks: Sequence[Task]) -> Path:
    """The critical path through the tasks, by the names of their stages."""
    path = critical_path(edges(tasks), durations={task.name: task.wall_seconds for task in tasks})
    stage_of = {task.name: task.stage for task in tasks}
    return Path(names=tuple(stage for stage, _ in groupby(stage_of[name] for name in path.names)), seconds=path.seconds)


def alone(run: StageRun, *, profile: Profile | None) -> tuple[float, float]:
    """(wall seconds, CPU share) the attempt would have had alone on the machine.

    Beside others it waits for cores as well, which lengthens its wall and lowers its share. Where the profile says that the stage
    computes, the CPU seconds of this attempt at the profile's share give its own wall, never longer than it was. What is not known at
    all is taken for computing.
    """
    share = None if profile is None else profile.cpu_share
    if run.cpu_seconds is None or run.wall_seconds <= 0.0:
        return run.wall_seconds, 1.0 if share is None else share
    wall = run.wall_seconds
    if share is not None and share > WAITING_SHARE:
        wall = min(wall, run.cpu_seconds / share)
    return wall, run.cpu_seconds / wall if wall > 0.0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Graph:
    shapes: Mapping[str, StageShape]
    after: Mapping[str, tuple[str, ...]]

    def stage(
        self, stage: str, attempts: Sequence[StageRun], *, present: Iterable[str], profile: Profile | None
    ) -> Iterator[Task]:
        """The tasks of one stage of one variant, and its joint."""
        variant = attempts[0].variant
        before = tuple(f"{variant}/{earlier}" for earlier in self._before(stage, frozenset(present)))
        shape = self.shapes.get(stage)
        last: dict[str, str] = {}
        for run in attempts:
            wall, share = alone(run, profile=profile)
            name = f"{run.ref}#{run.attempt}"
            yield Task(
                name=name,
                stage=stage,
                executor=run.executor,
                wall_seconds=wall,
                cpu_share=share,
                after=(last[run.ref],) if run.ref in last else before,
                locks=() if shape is None else shape.locks,
            )
            last[run.ref] = name
        yield Task(name=f"{variant}/{stage}", stage=stage, executor=None, wall_seconds=0.0, after=tuple(last.values()))

    def _before(self, stage: str, present: frozenset[str]) -> dict[str, None]:
        """The nearest earlier stages that the variant has run."""
        found: dict[str, None] = {}
        for earlier in self.after.get(stage, ()):
            found.update({earlier: None} if earlier in present else self._before(earlier, present))
        return found


def _by_variant(runs: Iterable[StageRun]) -> dict[str, dict[str, list[StageRun]]]:
    """Variant -> stage -> its attempts, in order of ref as given and attempt."""
    once = {(run.ref, run.attempt): run for run in runs}
    variants: dict[str, dict[str, list[StageRun]]] = {}
    for run in sorted(once.values(), key=lambda run: run.attempt):
        variants.setdefault(run.variant, {}).setdefault(run.stage, []).append(run)
    return variants
