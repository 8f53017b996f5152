"""Who goes on to the next stage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search.promote import Finalist, only_metric, places, ranking, top
from orchestrator.spec.criterion import Criterion
from orchestrator.spec.experiment import Objective

SHARPE = Objective(metric="sharpe", goal="maximize")


def finalists(**metric: list[float]) -> list[Finalist]:
    [(name, values)] = metric.items()
    return [Finalist(number=number, metrics={name: value}) for number, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("fraction", "count", "expected"),
    [(0.3, 10, 3), (0.3, 11, 4), (0.1, 30, 3), (0.7, 10, 7), (0.01, 5, 1), (1.0, 5, 5), (0.5, 0, 0)],
)
def test_a_fraction_is_rounded_up_as_it_is_written(fraction: float, count: int, expected: int) -> None:
    """At least one of those there are goes on; 0.1 of 30 is 3 although the float product is above 3."""
    assert places(fraction, count) == expected


def test_the_best_by_the_objective_go_on() -> None:
    """Half of five are the three with the largest objective."""
    assert top(finalists(sharpe=[1.0, 5.0, 3.0, 4.0, 2.0]), 0.5, ranking=SHARPE) == {2, 3, 4}


def test_ties_go_to_the_lower_number_and_a_missing_value_comes_last() -> None:
    """Among equals the earlier variant goes on; one without the metric only when there is nobody else."""
    tied = [*finalists(sharpe=[1.0, 1.0, 1.0]), Finalist(number=9, metrics={})]
    assert top(tied, 0.5, ranking=SHARPE) == {1, 2}
    assert top(tied, 1.0, ranking=SHARPE) == {1, 2, 3, 9}


def test_without_a_ranking_the_earlier_variants_go_on() -> None:
    """Numbers decide when nothing else can."""
    assert top([Finalist(number=number, metrics={}) for number in (3, 1, 2)], 0.5, ranking=None) == {1, 2}


def test_nobody_goes_on_when_nobody_succeeded() -> None:
    """A stage all variants failed at promotes none."""
    assert top([], 0.5, ranking=SHARPE) == frozenset()


def test_a_stage_that_reports_the_objective_is_ranked_by_it() -> None:
    """The objective comes before any gate criterion."""
    criteria = [Criterion(metric="turns", op="<=", threshold=1.0)]
    reported = [Finalist(number=1, metrics={"turns": 1.0, "sharpe": 2.0})]
    assert ranking(reported, objective=SHARPE, criteria=criteria) == SHARPE


def test_a_cheap_stage_is_ranked_by_the_first_gate_criterion_it_reports() -> None:
    """Without the objective the gate's own order says what matters; a criterion without a direction ranks nothing."""
    criteria = [
        Criterion(metric="unseen", op=">=", threshold=1.0),
        Criterion(metric="balance", op="between", threshold=0.0, upper=1.0),
        Criterion(metric="turns", op="<", threshold=1.0),
    ]
    reported = [Finalist(number=1, metrics={"turns": 1.0, "balance": 0.5})]
    assert ranking(reported, objective=SHARPE, criteria=criteria) == Objective(metric="turns", goal="minimize")


def test_an_only_metric_is_minimised() -> None:
    """One metric of the workload beside the measured ones is what counts; of two neither is."""
    assert ranking(finalists(loss=[1.0]), objective=None) == Objective(metric="loss", goal="minimize")
    assert only_metric(["wall_seconds", "loss"]) == Objective(metric="loss", goal="minimize")
    assert only_metric(["a", "b"]) is None
    assert only_metric(["wall_seconds"]) is None


@given(st.permutations(finalists(sharpe=[3.0, 1.0, 3.0, 2.0, 1.0, 3.0])), st.floats(0.001, 1.0))
def test_the_order_of_arrival_changes_nothing(shuffled: list[Finalist], fraction: float) -> None:
    """Whoever finishes first, the same go on, as many as there are places."""
    promoted = top(shuffled, fraction, ranking=SHARPE)
    assert promoted == top(sorted(shuffled, key=lambda finalist: finalist.number), fraction, ranking=SHARPE)
    assert len(promoted) == places(fraction, len(shuffled))
