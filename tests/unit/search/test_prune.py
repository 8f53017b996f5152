"""When a running evaluation is not worth finishing."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search.objective import Goal
from orchestrator.search.prune import pruned_metric, pruner
from orchestrator.search.prune_base import Cut, Pruner
from orchestrator.spec.experiment import Objective
from orchestrator.spec.prune import PruneSpec

VALUES = st.floats(-1e6, 1e6)
CURVES = st.lists(st.lists(VALUES, min_size=1, max_size=12), min_size=1, max_size=12)
LOSS = Objective(metric="loss")
Curve = Sequence[float]


def rule(name: str, objective: Objective | None = LOSS, **keys: Any) -> Pruner:
    """The rule of a table."""
    return pruner(PruneSpec.model_validate({"rule": name, **keys}), objective)


def run(pruner: Pruner, curve: Curve, *, place: int = 1) -> Cut | None:
    """Report a curve at the steps 1, 2, … until it is cut or succeeds."""
    course = pruner.course(place)
    for step, value in enumerate(curve, 1):
        cut = course.report(step, value)
        if cut is not None:
            return cut
    course.succeeded()
    return None


def cuts(pruner: Pruner, curves: Sequence[Curve]) -> list[tuple[int, float] | None]:
    """Where each of the curves, one after the other, is cut, and at which value."""
    found = [run(pruner, curve) for curve in curves]
    return [None if cut is None else (cut.step, cut.value) for cut in found]


def flipped(curves: Sequence[Curve]) -> list[list[float]]:
    """The same with all signs turned."""
    return [[-value for value in curve] for curve in curves]


class TestMedian:
    def test_the_best_so_far_worse_than_the_median_is_cut(self) -> None:
        """With losses 0.1, 0.45 and 0.6 at step 2, one whose best by then is 0.5 is cut, and the words say against what."""
        median_rule = rule("median", min_reports=3)
        for last in (0.1, 0.45, 0.6):
            assert run(median_rule, [0.9, last]) is None
        cut = run(median_rule, [0.5, 0.7])
        assert cut == Cut(rule="median", step=2, value=0.5, bar=0.45, others=3)
        assert cut.message == "pruned by median at step 2: 0.5 against 0.45"

    def test_what_was_cut_or_runs_is_compared_with_nobody(self) -> None:
        """Only those that have succeeded count; other places do not."""
        median_rule = rule("median", min_reports=1)
        median_rule.course(1).report(1, 0.0)
        assert run(median_rule, [0.0], place=2) is None
        assert run(median_rule, [5.0]) is None
        assert run(median_rule, [4.0]) is None
        assert run(median_rule, [9.0]) == Cut(rule="median", step=1, value=9.0, bar=4.5, others=2)
        assert run(median_rule, [4.6]) is not None

    def test_early_steps_are_not_judged(self) -> None:
        """Not before `warmup_steps`."""
        median_rule = rule("median", min_reports=1, warmup_steps=3)
        run(median_rule, [0.0, 0.0, 0.0])
        assert run(median_rule, [1.0, 1.0]) is None
        assert run(median_rule, [1.0, 1.0, 1.0]) == Cut(rule="median", step=3, value=1.0, bar=0.0, others=1)

    @given(curves=CURVES, candidate=st.lists(VALUES, min_size=1, max_size=12), min_reports=st.integers(1, 5))
    def test_it_is_the_definition(self, curves: list[Curve], candidate: Curve, min_reports: int) -> None:
        """It cuts at the first step where enough have succeeded that were there and the best so far is above their median."""
        median_rule = rule("median", min_reports=min_reports, warmup_steps=100)
        for curve in curves:
            run(median_rule, curve)
        median_rule.warmup_steps = 0  # type: ignore[attr-defined]
        expected = None
        for step in range(1, len(candidate) + 1):
            others = [curve[step - 1] for curve in curves if len(curve) >= step]
            best = min(candidate[:step])
            if expected is None and len(others) >= min_reports and best > median(others):
                expected = Cut(rule="median", step=step, value=best, bar=median(others), others=len(others))
        assert run(median_rule, candidate) == expected

    @given(curves=CURVES, order=st.randoms(use_true_random=False), candidate=st.lists(VALUES, min_size=1))
    def test_the_order_in_which_others_succeeded_does_not_matter(
        self, curves: list[Curve], order: Any, candidate: Curve
    ) -> None:
        """So that a restart, which tells them in another order, knows the same."""
        results = []
        for _ in range(2):
            median_rule = rule("median", min_reports=1, warmup_steps=100)
            for curve in curves:
                run(median_rule, curve)
            median_rule.warmup_steps = 0  # type: ignore[attr-defined]
            results.append(run(median_rule, candidate))
            order.shuffle(curves)
        assert results[0] == results[1]


class TestHalving:
    def test_one_in_three_goes_on_at_each_rung(self) -> None:
        """The first is never cut; a later one must be in the best third of those that came as far."""
        halving = rule("halving", goal="maximize")
        assert cuts(halving, [[3.0], [1.0], [2.0], [4.0], [3.5], [3.6]]) == [
            None,
            (1, 1.0),
            (1, 2.0),
            None,
            (1, 3.5),
            None,
        ]

    def test_rungs_are_at_powers_of_the_reduction(self) -> None:
        """With reduction 2 from step 2: at 2, 4, 8, … and nowhere else."""
        halving = rule("halving", reduction=2, min_step=2)
        assert run(halving, [0.0] * 20) is None
        assert run(halving, [9.0]) is None
        worse = halving.course(1)
        assert worse.report(1, 9.0) is None
        assert worse.report(2, -1.0) is None
        assert worse.report(3, 9.0) is None
        assert worse.report(5, 9.0) == Cut(rule="halving", step=5, value=9.0, bar=0.0, others=1)

    @given(values=st.lists(VALUES, min_size=1, max_size=60), reduction=st.integers(2, 5))
    def test_the_best_so_far_always_goes_on_and_the_others_are_few(self, values: list[float], reduction: int) -> None:
        """Whoever is as good as the best before goes on; whoever goes on is in the best part of those that were there."""
        halving = rule("halving", reduction=reduction)
        for number, value in enumerate(values):
            goes_on = run(halving, [value]) is None
            better = sum(other < value for other in values[:number])
            assert goes_on == (better < max(1, (number + 1) // reduction))

    @given(curves=CURVES, reduction=st.integers(2, 4))
    def test_which_way_is_better_is_only_a_sign(self, curves: list[Curve], reduction: int) -> None:
        """Maximizing cuts the same as minimizing the negatives."""
        cut = cuts(rule("halving", reduction=reduction), curves)
        turned = cuts(rule("halving", reduction=reduction, goal="maximize"), flipped(curves))
        assert [one and one[0] for one in cut] == [one and one[0] for one in turned]

    @given(curves=CURVES, forgotten=st.lists(VALUES, min_size=1), candidate=st.lists(VALUES, min_size=1))
    def test_what_is_tried_again_was_never_there(self, curves: list[Curve], forgotten: Curve, candidate: Curve) -> None:
        """An attempt that is forgotten changes nothing for those after it."""
        with_it, without = rule("halving"), rule("halving")
        course = with_it.course(1)
        for step, value in enumerate(forgotten, 1):
            if course.report(step, value) is not None:
                break
        course.forget()
        assert cuts(with_it, [*curves, candidate]) == cuts(without, [*curves, candidate])


class TestThreshold:
    @given(curve=st.lists(VALUES, min_size=1), bar=VALUES, from_step=st.integers(0, 10))
    def test_the_first_judged_step_that_misses_the_bar_is_where_it_is_cut(
        self, curve: list[float], bar: float, from_step: int
    ) -> None:
        """A function of its own reports alone."""
        threshold = rule("threshold", op="<=", threshold=bar, from_step=from_step)
        missed = [step for step, value in enumerate(curve, 1) if step >= from_step and value > bar]
        expected = None
        if missed:
            expected = Cut(rule="threshold", step=missed[0], value=curve[missed[0] - 1], bar=bar)
        assert run(threshold, curve) == expected


@pytest.mark.parametrize(
    ("keys", "objective", "metric", "goal"),
    [
        ({}, Objective(metric="gain", goal="maximize"), "gain", "maximize"),
        ({"metric": "loss"}, None, "loss", "minimize"),
        ({"metric": "loss", "goal": "minimize"}, Objective(metric="gain", goal="maximize"), "loss", "minimize"),
    ],
)
def test_metric_and_goal_are_the_objectives_unless_said_otherwise(
    keys: dict[str, Any], objective: Objective | None, metric: str, goal: Goal
) -> None:
    """A file that says nothing prunes by its objective."""
    assert pruned_metric(PruneSpec.model_validate({"rule": "median", **keys}), objective) == metric
    assert rule("median", objective, **keys).goal == goal  # type: ignore[attr-defined]
