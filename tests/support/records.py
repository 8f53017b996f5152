"""Experiments written straight into a store, change by change, for claims about what is remembered."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.identity import canonical_json, variant_hash
from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.domain.states import Cause, ExperimentState, IterationState, Phase, VariantState
from orchestrator.store.changes.experiments import AddExperiment, EnterPhase, MoveExperiment
from orchestrator.store.changes.iterations import EndedAttempt, EndIterations, StartIterations
from orchestrator.store.changes.rounds import AddProposals, OpenRound, PlannedIteration, Proposed
from orchestrator.store.moves import IterationMove, VariantMove
from orchestrator.store.store import Store
from orchestrator.store.writer import Transaction

SPEC = {"name": "recorded", "stage": [{"call": "model:evaluate"}], "objective": {"metric": "value", "goal": "minimize"}}
Place = tuple[int, int]  # (variant, iteration)


class Ask:
    """A change that only reads: all rows of a query, from inside the writer."""

    def __init__(self, query: str, *values: Any) -> None:
        self._query = query
        self._values = values

    def apply(self, transaction: Transaction) -> list[tuple[Any, ...]]:
        """The rows."""
        return list(transaction._connection.execute(self._query, self._values))


@dataclass(frozen=True)
class Limit:
    """A change that bounds how large the file may become, as a full disk does; None takes the bound away."""

    room_pages: int | None

    def apply(self, transaction: Transaction) -> None:
        """Set the bound."""
        ((now,),) = transaction._connection.execute("PRAGMA page_count")
        bound = 2**30 if self.room_pages is None else now + self.room_pages
        transaction._connection.execute(f"PRAGMA max_page_count = {bound}")


async def rows(store: Store, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return await store.writer.write(Ask(query, *values))


def submission(*, name: str = "recorded", key: str | None = None) -> AddExperiment:
    """A change that adds an experiment."""
    return AddExperiment(
        name=name,
        seed=1,
        spec=json.dumps(SPEC),
        source="experiment.toml",
        folder="/",
        environment="{}",
        code_hash=None,
        idempotency_key=key,
    )


def proposed(x: Any, *, iterations: int = 1) -> Proposed:
    """A proposal with the parameter `x` and so many iterations."""
    parameters = canonical_json({"x": x})
    planned = tuple(PlannedIteration(number, "main", None, number, 7) for number in range(1, iterations + 1))
    return Proposed(hash=variant_hash("main", parameters), parameters=parameters, iterations=planned)


async def propose(
    store: Store, experiment: int, proposals: Iterable[Proposed], *, room: int | None = None
) -> tuple[int, int]:
    """Commit proposals of the first round: how many became new variants, and how many were taken."""
    done = await rows(store, "SELECT coalesce(sum(count), 0) FROM proposal WHERE experiment = ?", experiment)
    change = AddProposals(
        experiment=experiment,
        round=1,
        approach="main",
        first_ordinal=done[0][0] + 1,
        proposals=tuple(proposals),
        room=room,
    )
    added = await store.writer.write(change)
    return len(added.variants), added.taken


async def add_experiment(store: Store, *, variants: int = 3, iterations: int = 1, name: str = "recorded") -> int:
    """A running experiment in its first round, whose variants 1, 2, … have x = 1, 2, …"""
    experiment, _ = await store.writer.write(submission(name=name))
    await store.writer.write(MoveExperiment(experiment=experiment, target=ExperimentState.RUNNING))
    await store.writer.write(OpenRound(experiment=experiment, round=1, approach="main"))
    await propose(store, experiment, [proposed(x, iterations=iterations) for x in range(1, variants + 1)])
    await store.writer.write(EnterPhase(experiment=experiment, phase=Phase.EVALUATING, round=1))
    return experiment


def start(experiment: int, places: Sequence[Place]) -> StartIterations:
    """A change that starts iterations."""
    return StartIterations(experiment=experiment, keys=tuple(places))


def end(
    experiment: int,
    places: Mapping[Place, IterationState],
    *,
    attempt: int = 1,
    variants: Mapping[int, VariantState] | None = None,
) -> EndIterations:
    """A change that ends running iterations, each with the attempt that fits; `variants` end with it."""
    return EndIterations(
        experiment=experiment,
        stage="main",
        attempts=tuple(_attempt(place, target, attempt) for place, target in places.items()),
        executor="inline",
        moves=tuple(_move(place, target, attempt) for place, target in places.items()),
        variants=tuple(_variant(number, target) for number, target in (variants or {}).items()),
    )


_OUTCOMES = {
    IterationState.SUCCEEDED: Outcome(end=AttemptEnd.SUCCEEDED, metrics={"value": 1.0}),
    IterationState.FAILED: Outcome(end=AttemptEnd.FAILED, cause=Cause.RAISED, error="ValueError: no"),
    IterationState.CANCELLED: Outcome(end=AttemptEnd.CANCELLED),
    IterationState.QUEUED: Outcome(end=AttemptEnd.INTERRUPTED),
}


def _attempt(place: Place, target: IterationState, number: int) -> EndedAttempt:
    return EndedAttempt(*place, number, 0.5, _OUTCOMES[target])


def _move(place: Place, target: IterationState, attempt: int) -> IterationMove:
    variant, number = place
    failed = target is IterationState.FAILED
    return IterationMove(
        variant=variant,
        number=number,
        target=target,
        attempt=attempt,
        charged=int(failed),
        cause=Cause.RAISED if failed else None,
    )


def _variant(number: int, target: VariantState) -> VariantMove:
    evaluated = target is VariantState.EVALUATED
    value = float(number) if evaluated else None
    metrics = None if value is None else {"value": value}
    return VariantMove(number, target, metrics=metrics, objective=value, rank=value, passed=evaluated or None)


async def finish(store: Store, experiment: int, *, variants: int) -> None:
    """Evaluate every variant of an experiment with one iteration each; variant n has the objective n."""
    places = [(number, 1) for number in range(1, variants + 1)]
    await store.writer.write(start(experiment, places))
    done = end(
        experiment,
        dict.fromkeys(places, IterationState.SUCCEEDED),
        variants={number: VariantState.EVALUATED for number, _ in places},
    )
    await store.writer.write(done)


@dataclass(frozen=True)
class NoRoom:
    """A change: from now on the file of the database may not grow, as on a disk that is full for good."""

    def apply(self, transaction: Transaction) -> None:
        """Set the bound to what there is."""
        ((pages,),) = transaction._connection.execute("PRAGMA page_count")
        transaction._connection.execute(f"PRAGMA max_page_count = {pages}")
