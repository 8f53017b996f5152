"""A spec made ready to run: stages in file order with what they wait for, the numbers of iterations, the jobs for executors."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from orchestrator.domain.evaluation import Job
from orchestrator.domain.identity import iteration_seeds, shared_seed
from orchestrator.domain.outcome import MEASURED
from orchestrator.domain.refs import ExperimentId
from orchestrator.engine.lanes import Lanes, with_lane
from orchestrator.engine.stage_graph import StageGraph
from orchestrator.spec.criterion import Criterion, TopShare
from orchestrator.spec.experiment import ExperimentSpec, Objective
from orchestrator.spec.stage import StageSpec
from orchestrator.store.changes.rounds import PlannedIteration

_planned = PlannedIteration._make  # in half the time of the usual way
APPROACH = "main"
"""The name of the only approach there is when the file names none."""


@dataclass(frozen=True)
class Measures:
    """What the decisions of an experiment look at."""

    spec: ExperimentSpec

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """The declared objective, if there is one."""
        return () if self.spec.objective is None else (self.spec.objective,)

    @cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """All criteria: of the gate, of promotions, of the target."""
        of_gate = () if self.spec.gate is None else self.spec.gate.criterion
        of_stages = [stage.promote for stage in self.spec.stages if isinstance(stage.promote, Criterion)]
        of_loop = [] if self.spec.loop.target is None else [self.spec.loop.target]
        return (*of_gate, *of_stages, *of_loop)

    @cached_property
    def measured(self) -> tuple[str, ...]:
        """The measured numbers among them."""
        wanted = {criterion.metric for criterion in self.criteria} | {objective.metric for objective in self.objectives}
        return tuple(name for name in MEASURED if name in wanted)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one experiment's variants are evaluated."""

    experiment: ExperimentId
    seed: int
    spec: ExperimentSpec
    folder: str
    environment: Mapping[str, str]
    output_folder: str
    socket: str
    code_hash: str | None = None
    code_places: tuple[tuple[str, str], ...] = ()
    artifact_limit_bytes: int = 0
    lanes: Lanes = field(default_factory=dict)

    @cached_property
    def stages(self) -> Mapping[str, StageSpec]:
        """Stages by name, in file order, as their lanes have them run."""
        return {stage.name: with_lane(stage, self.lanes) for stage in self.spec.stages}

    @cached_property
    def position(self) -> Mapping[str, int]:
        """A stage's place in the file, from 0."""
        return {name: position for position, name in enumerate(self.stages)}

    @cached_property
    def cases(self) -> tuple[str | None, ...]:
        """The cases in file order; one nameless case when there are none."""
        return self.spec.cases or (None,)

    @cached_property
    def per_stage(self) -> int:
        """Iterations of one variant in one stage."""
        return len(self.cases) * self.spec.repeats

    @cached_property
    def per_variant(self) -> int:
        """Iterations of one variant when it goes all the way."""
        return self.per_stage * len(self.stages)

    @cached_property
    def graph(self) -> StageGraph:
        """What waits for what."""
        return StageGraph(self.spec.stages)

    @cached_property
    def measures(self) -> Measures:
        """What decisions look at."""
        return Measures(self.spec)

    @cached_property
    def flows(self) -> bool:
        """Whether stages begin while others of the variant still run: there are several, and none promotes."""
        return len(self.stages) > 1 and not any(stage.promote for stage in self.spec.stages)

    @cached_property
    def has_contests(self) -> bool:
        """Whether some promotion compares the variants of a round with each other."""
        return any(isinstance(stage.promote, TopShare) for stage in self.spec.stages)

    def iterations(self, stages: Iterable[str], variant_hash: int) -> tuple[PlannedIteration, ...]:
        """The iterations of some stages of a variant: stage-major in file order, then case, then repeat, counted from 1."""
        numbered = self._numbered
        return tuple(
            [
                _planned((number, stage, case, repeat, seed(variant_hash)))
                for stage in stages
                for number, case, repeat, seed in numbered[stage]
            ]
        )

    @cached_property
    def _numbered(self) -> Mapping[str, list[tuple[int, str | None, int, Callable[[int], int]]]]:
        """By stage: number, case, repeat of its iterations, and what gives their seeds."""
        pairs = [(case, repeat) for case in self.cases for repeat in range(1, self.spec.repeats + 1)]
        return {
            stage: [
                (number, case, repeat, iteration_seeds(self.seed, stage, case, repeat))
                for number, (case, repeat) in enumerate(pairs, self.position[stage] * self.per_stage + 1)
            ]
            for stage in self.stages
        }

    def shared_seed(self, case: str | None, repeat: int) -> int:
        """The seed all variants and stages share for one (case, repeat); computed once."""
        known = self._shared_seeds.get((case, repeat))
        if known is None:
            known = self._shared_seeds[case, repeat] = shared_seed(self.seed, case, repeat)
        return known

    @cached_property
    def _shared_seeds(self) -> dict[tuple[str | None, int], int]:
        return {}

    def job(self, name: str) -> Job:
        """How a stage is run."""
        stage = self.stages[name]
        return Job(
            experiment=self.experiment,
            stage=name,
            call=stage.call,
            code_hash=self.code_hash,
            code_places=self.code_places,
            command=stage.command,
            metric_patterns=tuple(stage.metrics.items()),
            arguments_json=json.dumps(dict(stage.arguments)),
            environment=tuple(sorted({**self.environment, **stage.env}.items())),
            workdir=str(Path(self.folder, Path(stage.workdir).expanduser()).resolve()),
            timeout_seconds=stage.timeout_seconds,
            memory_bytes=stage.memory_bytes,
            python=stage.interpreter,
            artifact_limit_bytes=self.artifact_limit_bytes,
            output_folder=self.output_folder,
            socket=self.socket,
        )
