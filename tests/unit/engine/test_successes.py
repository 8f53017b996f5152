"""Claims about which batches need no decision member by member. What comes of them is in `test_engine_successes`."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.successes import Successes
from orchestrator.engine.plan import Plan
from orchestrator.engine.pruning import by_itself
from orchestrator.engine.queue import Ready, RunningBatch, StageQueue
from orchestrator.engine.successes import all_well
from orchestrator.engine.variant import ActiveVariant
from tests.support import plans
from tests.support.inline import InlineExecutor, metrics

MINIMIZE: dict[str, Any] = {"objective": {"metric": "value", "goal": "minimize"}}


def batch_of(planned: Plan, count: int) -> RunningBatch:
    """The running iterations of so many variants."""
    executor = InlineExecutor(lambda *_: metrics(value=1.0))
    variants = [plans.variant(planned, number, main="running") for number in range(1, count + 1)]
    items = tuple(Ready(variant, iteration, 0.0) for variant in variants for iteration in variant.iterations.values())
    stage = StageQueue("main", planned.job("main"), executor, "inline")
    return RunningBatch(stage, items, executor, "inline", anyio.Semaphore(1))


def told(count: int, *names: str) -> Successes:
    """Successes with these metrics."""
    numbers: dict[str, Any] = {"started_us": list(range(count)), "wall_seconds": [0.5] * count}
    return Successes(numbers, {name: [1.0] * count for name in names or ("value",)}, pid=1, start_ticks=2)


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (MINIMIZE, ("value",)),
        (MINIMIZE, ("other", "value")),
        ({}, ("anything",)),
        ({}, ("wall_seconds", "anything")),  # what is measured is no objective by itself
        ({**MINIMIZE, "gate": {"criterion": [{"metric": "other", "op": "<", "threshold": 1}]}}, ("value", "other")),
    ],
)
def test_nothing_is_to_be_decided_of_variants_of_one_iteration(spec: dict[str, Any], names: tuple[str, ...]) -> None:
    """With their objective, or the only number there is; a gate decides later."""
    planned = plans.plan(**spec)
    successes = told(3, *names)
    assert all_well(batch_of(planned, 3), BatchResult(outcomes=successes), planned) is successes


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        (MINIMIZE, ("other",)),  # it is missing: these have failed
        ({}, ("one", "two")),  # nobody knows which it is
        ({"objective": {"metric": "cpu_seconds", "goal": "minimize"}}, ("value",)),  # as it was measured
        ({**MINIMIZE, "cases": ["a"]}, ("value",)),
    ],
)
def test_what_they_come_to_is_to_be_decided(spec: dict[str, Any], names: tuple[str, ...]) -> None:
    """When the metrics alone do not say it."""
    planned = plans.plan(**spec)
    assert all_well(batch_of(planned, 3), BatchResult(outcomes=told(3, *names)), planned) is None


def test_variants_of_several_iterations_are_decided_one_by_one() -> None:
    """Of repeats, and of stages, the last decides."""
    for planned in (plans.plan(**MINIMIZE, repeats=2), plans.plan(plans.stage(), plans.stage("late", after=["main"]))):
        batch = batch_of(planned, 1)
        assert all_well(batch, BatchResult(outcomes=told(len(batch.items))), planned) is None


def test_what_was_stopped_or_came_by_itself_is_decided_one_by_one() -> None:
    """Columns stand for whole batches only."""
    planned = plans.plan(**MINIMIZE)
    batch = batch_of(planned, 3)
    assert all_well(batch, BatchResult(outcomes=told(2), unstarted=(2,)), planned) is None
    assert all_well(batch, BatchResult(outcomes=dict(told(3))), planned) is None


def _commit(variant: ActiveVariant) -> None:
    variant.committing = True


def _outdate(variant: ActiveVariant) -> None:
    variant.outdated = True


def _prune(variant: ActiveVariant) -> None:
    variant.pruned = by_itself(1, "no")


@pytest.mark.parametrize("change", [_commit, _outdate, _prune])
def test_one_variant_of_which_more_is_known_is_enough(change: Callable[[ActiveVariant], None]) -> None:
    """Then each is looked at by itself."""
    planned = plans.plan(**MINIMIZE)
    batch = batch_of(planned, 3)
    change(batch.items[1].variant)
    assert all_well(batch, BatchResult(outcomes=told(3)), planned) is None
