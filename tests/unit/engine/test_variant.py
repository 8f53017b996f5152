"""Claims about what comes next for a variant, and what it comes to."""

from typing import Any

import pytest

from orchestrator.domain.states import VariantState
from orchestrator.engine.ending import rank_of, variant_move
from orchestrator.engine.variant import Next, Step, next_step
from tests.support.plans import plan, stage, variant

DONE = {"value": 1.0}
LINE = plan(stage("a"), stage("b", after=["a"]), stage("c", after=["b"]))
DIAMOND = plan(stage("a"), stage("b", after=["a"]), stage("c", after=["a"]), stage("d", after=["b", "c"]))


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ({"a": "queued"}, Next(Step.WAIT)),
        ({"a": "running"}, Next(Step.WAIT)),
        ({"a": "failed"}, Next(Step.FAILED)),
        ({"a": "cancelled"}, Next(Step.CANCELLED)),
        ({"a": DONE}, Next(Step.QUEUE, ("b",))),
        ({"a": DONE, "b": DONE}, Next(Step.QUEUE, ("c",))),
        ({"a": DONE, "b": "failed"}, Next(Step.FAILED)),
        ({"a": DONE, "b": DONE, "c": DONE}, Next(Step.EVALUATED)),
    ],
)
def test_stages_in_a_line_follow_one_another(standing: dict[str, Any], expected: Next) -> None:
    """The next stage is open once the one before has succeeded; a failure ends the variant before later stages."""
    assert next_step(variant(LINE, 1, **standing), LINE) == expected


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ({"a": DONE}, Next(Step.QUEUE, ("b", "c"))),
        ({"a": DONE, "b": DONE, "c": "running"}, Next(Step.WAIT)),
        ({"a": DONE, "b": DONE}, Next(Step.QUEUE, ("c",))),
        ({"a": DONE, "b": DONE, "c": DONE}, Next(Step.QUEUE, ("d",))),
        ({"a": DONE, "b": DONE, "c": "failed"}, Next(Step.FAILED)),
        ({"a": DONE, "b": DONE, "c": DONE, "d": DONE}, Next(Step.EVALUATED)),
    ],
)
def test_stages_that_fork_and_join_wait_for_both(standing: dict[str, Any], expected: Next) -> None:
    """Two stages after one open together, and the stage after both waits for both."""
    assert next_step(variant(DIAMOND, 1, **standing), DIAMOND) == expected


CHAINS = plan(stage("a"), stage("b", after=["a"]), stage("x"), stage("y", after=["b", "x"]))


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ({"a": DONE, "x": "running"}, Next(Step.QUEUE, ("b",))),
        ({"a": DONE, "x": "queued", "b": "queued"}, Next(Step.WAIT)),
        ({"a": DONE, "x": "running", "b": DONE}, Next(Step.WAIT)),
        ({"a": DONE, "x": "failed"}, Next(Step.QUEUE, ("b",))),
        ({"a": DONE, "x": "cancelled", "b": "running"}, Next(Step.WAIT)),
        ({"a": DONE, "x": "failed", "b": DONE}, Next(Step.FAILED)),
        ({"a": "failed", "x": DONE}, Next(Step.FAILED)),
    ],
)
def test_a_stage_waits_for_those_it_comes_after_and_for_no_other(standing: dict[str, Any], expected: Next) -> None:
    """It is open once they have succeeded, whatever else of the variant runs or has failed: timing does not decide what runs."""
    assert next_step(variant(CHAINS, 1, **standing), CHAINS) == expected


def test_a_stage_waits_for_all_cases_of_the_one_before() -> None:
    """One of two that has succeeded opens nothing."""
    planned = plan(*(stage("a"), stage("b", after=["a"])), cases=["u", "v"])
    half = variant(planned, 1, a=DONE)
    half.iterations[2] = variant(planned, 1, a="running").iterations[2]
    assert next_step(half, planned) == Next(Step.WAIT)


def test_where_a_stage_promotes_later_stages_wait_for_all_that_runs() -> None:
    """What is not promoted is not to have run further than others by chance; and nothing later runs once something has failed."""
    planned = plan(*(stage("a"), stage("b", after=["a"]), stage("x", promote={"top": 0.5}), stage("y", after=["x"])))
    assert next_step(variant(planned, 1, a=DONE, x="running"), planned) == Next(Step.WAIT)
    assert next_step(variant(planned, 1, a=DONE, x="failed"), planned) == Next(Step.FAILED)


def test_a_failure_does_not_cancel_its_siblings() -> None:
    """A failed case leaves the variant waiting for its other cases; it fails when they have ended."""
    planned = plan(cases=["x", "y"])
    half = variant(planned, 1, main="failed")
    half.iterations[2] = variant(planned, 1, main="running").iterations[2]

    assert next_step(half, planned) == Next(Step.WAIT)
    assert next_step(variant(planned, 1, main="failed"), planned) == Next(Step.FAILED)


def test_a_failure_counts_for_more_than_a_cancelling() -> None:
    """A variant with a failed and a cancelled iteration has failed."""
    planned = plan(cases=["x", "y"])
    mixed = variant(planned, 1, main="failed")
    mixed.iterations[2] = variant(planned, 1, main="cancelled").iterations[2]

    assert next_step(mixed, planned) == Next(Step.FAILED)


GATED = plan(
    stage("a", promote={"metric": "value", "op": ">=", "threshold": 5.0}),
    stage("b", after=["a"]),
    aggregate="mean",
    repeats=2,
)


@pytest.mark.parametrize(("value", "expected"), [(5.0, Next(Step.QUEUE, ("b",))), (4.9, Next(Step.PRUNED))])
def test_a_criterion_decides_by_the_mean_of_the_stage(value: float, expected: Next) -> None:
    """A variant goes on when its stage's own metrics meet the criterion, else it is pruned."""
    assert next_step(variant(GATED, 1, a={"value": value}), GATED) == expected


def test_a_missing_metric_does_not_promote() -> None:
    """A variant without the metric the promotion looks at is pruned."""
    assert next_step(variant(GATED, 1, a={"other": 9.0}), GATED) == Next(Step.PRUNED)


TOP = plan(stage("a", promote={"top": 0.5}), stage("b", after=["a"]), stage("free"), stage("c", after=["b", "free"]))


def test_a_contest_holds_a_variant_until_it_is_decided() -> None:
    """With everything else done a variant waits for its round's promotion, and goes on or is pruned by the answer."""
    held = variant(TOP, 1, a=DONE, free=DONE)

    assert next_step(held, TOP) == Next(Step.HOLD, ("a",))
    assert next_step(held, TOP, {"a": True}) == Next(Step.QUEUE, ("b",))
    assert next_step(held, TOP, {"a": False}) == Next(Step.PRUNED)


def test_a_variant_is_not_held_while_something_of_it_can_run() -> None:
    """A stage that needs no promotion is opened before the variant waits for one."""
    assert next_step(variant(TOP, 1, a=DONE), TOP) == Next(Step.QUEUE, ("free",))


def test_an_evaluated_variant_has_metrics_objective_and_rank() -> None:
    """Without a gate what was evaluated has passed; the last stage's value counts, and the rank is smaller for the better."""
    planned = plan(*(stage("a"), stage("b", after=["a"])), objective={"metric": "value", "goal": "maximize"})
    move = variant_move(variant(planned, 4, a={"value": 1.0, "early": 3.0}, b={"value": 2.0}), Step.EVALUATED, planned)

    assert (move.number, move.target, move.rule) == (4, VariantState.EVALUATED, None)
    assert (move.metrics, move.objective, move.rank, move.passed) == ({"early": 3.0, "value": 2.0}, 2.0, -2.0, True)


def test_with_a_gate_an_evaluated_variant_has_not_passed_yet() -> None:
    """Whether it passed is left to the gate."""
    planned = plan(gate={"criterion": [{"metric": "value", "op": ">=", "threshold": 1.0}]})

    assert variant_move(variant(planned, 1, main=DONE), Step.EVALUATED, planned).passed is None


@pytest.mark.parametrize(
    ("step", "rule"), [(Step.PRUNED, "promote"), (Step.CANCELLED, "cancelled"), (Step.FAILED, None)]
)
def test_a_variant_that_ends_early_keeps_what_was_measured(step: Step, rule: str | None) -> None:
    """Pruned, cancelled or failed: the metrics stay, there is no objective and no verdict, and a rule is named if one did it."""
    move = variant_move(variant(LINE, 1, a=DONE, b="failed"), step, LINE)

    assert (str(move.target), move.rule, move.metrics) == (str(step), rule, {"value": 1.0})
    assert (move.objective, move.rank, move.passed) == (None, None, None)


def test_cases_and_repeats_come_to_their_mean_with_spread() -> None:
    """Two cases with two repeats: one value for the variant, its spread, and each case's own value."""
    planned = plan(cases=["x", "y"], repeats=2)
    one = variant(planned, 1, main=DONE)
    for number, value in enumerate((1.0, 3.0, 5.0, 7.0), 1):
        one.iterations[number].metrics = {"value": value}
    move = variant_move(one, Step.EVALUATED, planned)

    assert move.metrics == {"value": 4.0}
    assert move.objective == 4.0
    assert dict(move.spread or {})["cases"] == {"x": {"value": 2.0}, "y": {"value": 6.0}}
    assert {key: dict(move.spread or {})["spread"]["value"][key] for key in ("count", "minimum", "maximum")} == {
        "count": 4,
        "minimum": 1.0,
        "maximum": 7.0,
    }


def test_what_has_no_objective_ranks_last() -> None:
    """No value, in either direction, is worse than any value there is."""
    down, up = plan(objective={"metric": "value"}), plan(objective={"metric": "value", "goal": "maximize"})

    assert rank_of(None, down) > rank_of(1e308, down) > rank_of(-1e308, down)
    assert rank_of(None, up) > rank_of(-1e308, up) > rank_of(1e308, up)
