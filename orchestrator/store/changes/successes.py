"""What nearly all batches of short evaluations come to: every member has succeeded, and its variant is evaluated with that."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.states import IterationState, VariantState
from orchestrator.domain.successes import Successes
from orchestrator.store.changes.iterations import (
    AttemptRows,
    EndingRows,
    EndIterations,
    PruneDecision,
    RoundDecision,
    VariantEndings,
)
from orchestrator.store.changes.profiles import SaveProfiles
from orchestrator.store.changes.usage import sums_of_kind
from orchestrator.store.columns import flag, metrics_texts
from orchestrator.store.moves import Key, all_evaluated, all_succeed
from orchestrator.store.sql import rows_of
from orchestrator.store.writer import Closing, Sized, Transaction

_END = AttemptEnd.SUCCEEDED.value
_SHARED = ("experiment", "executor", "end", "pid", "start_ticks")
_OWN = rows_of("add_successes")[len(_SHARED) :]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSuccesses(Closing, Sized):
    """End a batch of successes, each the only iteration of its variant, column by column.

    On record it comes to what `EndIterations` makes of the same, at a third of the work.
    """

    experiment: int
    executor: str
    stage: str
    keys: Sequence[Key]
    numbers: Sequence[int]  # of the attempts
    queue_seconds: Sequence[float | None]
    successes: Successes
    objectives: Sequence[float | None]
    ranks: Sequence[float]  # smaller is better
    passed: bool | None  # None: a gate will say
    decisions: tuple[PruneDecision | RoundDecision | SaveProfiles, ...] = ()

    @property
    def rows(self) -> int:
        """One for each that has ended, as of `EndIterations`."""
        return len(self.keys)

    def prepared(self) -> EndingRows:
        """The same change with its rows and events made."""
        experiment, successes, count = self.experiment, self.successes, len(self.keys)
        variants, iterations = zip(*self.keys, strict=True)
        texts = metrics_texts(successes.metrics)
        columns = {
            **successes.numbers,
            "variant": variants,
            "iteration": iterations,
            "number": self.numbers,
            "queue_seconds": self.queue_seconds,
            "metrics": texts,
            "end": [_END],
        }
        shared = experiment, self.executor, _END, successes.pid, successes.start_ticks
        rows = list(zip(*[columns[name] if name in columns else repeat(None) for name in _OWN], strict=False))
        evaluated = zip(variants, texts, self.objectives, self.ranks, repeat(flag(self.passed)), strict=False)
        refs = [f"{experiment}.{variant}" for variant in variants]
        return EndingRows(
            change=EndIterations(
                experiment=experiment, executor=self.executor, stage=self.stage, decisions=self.decisions
            ),
            attempts=AttemptRows("add_successes", shared, rows),
            used=sums_of_kind(columns),
            files=(),
            iterations=all_succeed(self.keys),
            requeued=None,
            finished={
                "refs": [f"{experiment}.{variant}.{number}" for variant, number in self.keys],
                "states": [IterationState.SUCCEEDED] * count,
            },
            variants=VariantEndings(
                all_evaluated(list(evaluated)), {"refs": refs, "states": [VariantState.EVALUATED] * count}
            ),
        )

    def apply(self, transaction: Transaction) -> None:
        """As of the prepared one."""
        self.prepared().apply(transaction)
