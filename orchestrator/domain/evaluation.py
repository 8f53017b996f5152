"""What is handed to an executor: one stage's job, its evaluations in a batch, and what came of the batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.refs import ExperimentId
from orchestrator.domain.successes import Successes


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How one stage of one experiment is run. Equal jobs may share worker processes; `experiment` keeps code apart."""

    experiment: ExperimentId
    stage: str
    call: str | None = None  # module:function
    code_hash: str | None = None  # what the code must hash to before a process loads it (`worker.code`); None: anything
    code_places: tuple[tuple[str, str], ...] = ()  # what it is taken over (`spec.places`)
    command: tuple[str, ...] | str | None = None  # a list (no shell) or one string (shell); placeholders unfilled
    metric_patterns: tuple[tuple[str, str], ...] = ()  # (metric, regular expression with one group), commands only
    arguments_json: str = "{}"
    environment: tuple[tuple[str, str], ...] = ()  # the whole environment the evaluation sees, sorted
    workdir: str = "/"
    timeout_seconds: float | None = None
    memory_bytes: int | None = None  # the most the process tree of one evaluation may hold
    python: str | None = None  # the interpreter of an isolated callable; None: the daemon's
    artifact_limit_bytes: int = 0  # of all artifacts of one attempt together
    output_folder: str = "/"  # runs/<experiment>: <variant>/<iteration>.<attempt>.{out,err} below it
    socket: str | None = None


class Evaluation(NamedTuple):
    """One attempt at one iteration, in the order it is sent in. A tuple: thousands are made at once."""

    variant: int
    iteration: int
    attempt: int
    parameters_json: str  # canonical
    seed: int
    shared_seed: int
    case: str | None
    repeat: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Evaluations of one job that are sent together and, in a slot, run one after the other."""

    job: Job
    evaluations: tuple[Evaluation, ...]
    behind: Evaluation | None = None  # the first of another batch: to be begun in its process, when that one is over
    locks: tuple[int, ...] = ()  # descriptors of held lock files: the process that executes it holds copies of them
    waited: tuple[
        float, ...
    ] = ()  # seconds from being ready to being sent, of each; what outlives the daemon keeps them


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchResult:
    """What came of a batch: positions in `evaluations` to outcomes, and what was stopped or never begun.

    Every position is in exactly one of the three. `interrupted` was executing when the batch was stopped from outside, or when its
    host died and nobody can say through whose fault; `unstarted` was never begun: both may be sent again.
    """

    outcomes: Mapping[int, Outcome]
    interrupted: tuple[int, ...] = ()
    unstarted: tuple[int, ...] = ()
    used: Mapping[int, Usage] = field(
        default_factory=dict, compare=False
    )  # what interrupted ones had used by then, where known
    receipt: tuple[
        str, ...
    ] = ()  # what the executor is told once the outcomes are on disk, if it keeps them until then

    def first(self, count: int) -> Iterable[Outcome]:
        """Up to `count` outcomes."""
        outcomes = self.outcomes
        return outcomes.first(count).values() if isinstance(outcomes, Successes) else islice(outcomes.values(), count)

    @property
    def wall_seconds(self) -> Sequence[float]:
        """How long each of those took that have an outcome; 0 where that is not known."""
        if isinstance(self.outcomes, Successes):
            return self.outcomes.numbers["wall_seconds"]
        return [outcome.usage.wall_seconds or 0.0 for outcome in self.outcomes.values()]

    @property
    def seconds_of_successes(self) -> Sequence[float]:
        """The same of those that have succeeded."""
        if isinstance(self.outcomes, Successes):
            return self.wall_seconds
        ended_well = (one for one in self.outcomes.values() if one.end is AttemptEnd.SUCCEEDED)
        return [outcome.usage.wall_seconds or 0.0 for outcome in ended_well]


class Kept(NamedTuple):
    """An attempt that an executor has kept through the end of a daemon."""

    experiment: int
    variant: int
    iteration: int
    attempt: int
