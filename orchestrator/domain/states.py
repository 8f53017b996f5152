"""The three state machines: each state has a sentence, the legal moves are a table, the rest is computed from it."""

from collections.abc import Mapping
from typing import TypeVar

from orchestrator.domain.words import Word


class ExperimentState(Word):
    """Where an experiment stands."""

    QUEUED = "queued"  # accepted and on disk, not begun
    RUNNING = "running"  # some phase of a round is under way
    PAUSED = "paused"  # nothing new starts; what runs may end
    SUCCEEDED = "succeeded"  # something was selected
    FAILED = "failed"  # nothing could be evaluated, on_error = "fail", or the breaker
    ABANDONED = "abandoned"  # evaluated, nothing passed
    CANCELLED = "cancelled"  # a person ended it


class Phase(Word):
    """What a running experiment is doing in its round."""

    RESEARCHING = "researching"  # choosing the approach
    GENERATING = "generating"  # proposals are made and committed
    EVALUATING = "evaluating"  # iterations run
    GATING = "gating"  # evaluated variants are scored
    SELECTING = "selecting"  # what goes on is chosen
    DECIDING = "deciding"  # another round, or the end


class VariantState(Word):
    """Where a variant stands."""

    PROPOSED = "proposed"  # on disk, none of its iterations has started
    EVALUATING = "evaluating"  # at least one iteration has started
    EVALUATED = "evaluated"  # all it needs has succeeded; it has metrics
    FAILED = "failed"  # an iteration it needs has failed for good
    PRUNED = "pruned"  # stopped by a rule, which is named
    CANCELLED = "cancelled"  # a person or the end of the experiment stopped it


class IterationState(Word):
    """Where an iteration stands."""

    QUEUED = "queued"  # waits for admission
    RUNNING = "running"  # handed to an executor
    SUCCEEDED = "succeeded"  # has metrics
    FAILED = "failed"  # its last attempt failed and no retry is left
    CANCELLED = "cancelled"  # will not run


class Cause(Word):
    """Why an attempt failed."""

    RAISED = "raised"  # the callable raised an exception
    EXITED = "exited"  # the process left with a status that is not 0 (SystemExit too)
    SIGNALLED = "signalled"  # a signal killed it
    TIMED_OUT = "timed_out"  # it ran longer than its stage allows
    OUT_OF_MEMORY = "out_of_memory"  # it used more memory than it may
    INVALID_RESULT = "invalid_result"  # what it returned is not numbers, or lacks the objective
    WORKER_LOST = "worker_lost"  # its process went away and nobody can say why
    MACHINE_LOST = "machine_lost"  # the machine went down under it


EXPERIMENT_MOVES: Mapping[ExperimentState, frozenset[ExperimentState]] = {
    ExperimentState.QUEUED: frozenset({ExperimentState.RUNNING, ExperimentState.PAUSED, ExperimentState.CANCELLED}),
    ExperimentState.RUNNING: frozenset(
        {
            ExperimentState.PAUSED,
            ExperimentState.SUCCEEDED,
            ExperimentState.FAILED,
            ExperimentState.ABANDONED,
            ExperimentState.CANCELLED,
        }
    ),
    ExperimentState.PAUSED: frozenset({ExperimentState.QUEUED, ExperimentState.RUNNING, ExperimentState.CANCELLED}),
    ExperimentState.SUCCEEDED: frozenset(),
    ExperimentState.FAILED: frozenset(),
    ExperimentState.ABANDONED: frozenset(),
    ExperimentState.CANCELLED: frozenset(),
}

VARIANT_MOVES: Mapping[VariantState, frozenset[VariantState]] = {
    VariantState.PROPOSED: frozenset({VariantState.EVALUATING, VariantState.PRUNED, VariantState.CANCELLED}),
    VariantState.EVALUATING: frozenset(
        {VariantState.EVALUATED, VariantState.FAILED, VariantState.PRUNED, VariantState.CANCELLED}
    ),
    VariantState.EVALUATED: frozenset(),
    VariantState.FAILED: frozenset(),
    VariantState.PRUNED: frozenset(),
    VariantState.CANCELLED: frozenset(),
}

ITERATION_MOVES: Mapping[IterationState, frozenset[IterationState]] = {
    IterationState.QUEUED: frozenset({IterationState.RUNNING, IterationState.CANCELLED}),
    IterationState.RUNNING: frozenset(
        {IterationState.SUCCEEDED, IterationState.FAILED, IterationState.CANCELLED, IterationState.QUEUED}
    ),
    IterationState.SUCCEEDED: frozenset(),
    IterationState.FAILED: frozenset(),
    IterationState.CANCELLED: frozenset(),
}

State = TypeVar("State", bound=Word)


def terminal(moves: Mapping[State, frozenset[State]]) -> frozenset[State]:
    """The states no move leads out of."""
    return frozenset(state for state, targets in moves.items() if not targets)


def sources(moves: Mapping[State, frozenset[State]], target: State) -> frozenset[State]:
    """The states a move leads from to `target`."""
    return frozenset(state for state, targets in moves.items() if target in targets)


ENDED_EXPERIMENT = terminal(EXPERIMENT_MOVES)
ENDED_VARIANT = terminal(VARIANT_MOVES)
ENDED_ITERATION = terminal(ITERATION_MOVES)

# By retry only: where a final state leads back to.
RETRY_EXPERIMENT = ExperimentState.RUNNING
RETRY_VARIANT = VariantState.EVALUATING
RETRY_ITERATION = IterationState.QUEUED
