"""What follows a round: every row of the decision table."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.states import ExperimentState
from orchestrator.search.decide import (
    Decision,
    RoundSummary,
    breaker_tripped,
    decide,
    failures_left,
    rounds_without_improvement,
)
from orchestrator.spec.experiment import LoopSpec, MaxFailures

SUCCEEDED, ABANDONED, FAILED = ExperimentState.SUCCEEDED, ExperimentState.ABANDONED, ExperimentState.FAILED
TARGET = {"metric": "sharpe", "op": ">=", "threshold": 2.0}

FINE = RoundSummary(
    round_number=1, proposed=5, evaluated=5, passed=5, selected=1, best=1.0, best_metrics={"sharpe": 1.0}
)
NONE_PASSED = replace(FINE, passed=0, selected=0, best_metrics={})
ALL_FAILED = RoundSummary(round_number=1, proposed=5, evaluated=0, failed=5)
ALL_PRUNED = RoundSummary(round_number=1, proposed=5, evaluated=0, pruned=5)
NOTHING_NEW = RoundSummary(round_number=2, proposed=0, evaluated=0, selected=1, best=1.0)
NOTHING_EVER = RoundSummary(round_number=1, proposed=0, evaluated=0, exhausted=True)


def outcome(*history: RoundSummary, has_gate: bool = False, **loop: Any) -> tuple[str, str, ExperimentState | None]:
    decision = decide(LoopSpec.model_validate(loop), history, goal="maximize", has_gate=has_gate)
    return decision.action, decision.rule, decision.end_state


def rounds(summary: RoundSummary, count: int) -> list[RoundSummary]:
    return [replace(summary, round_number=number) for number in range(1, count + 1)]


GOES_ON = ("continue", "next_round", None)


@pytest.mark.parametrize(
    ("summary", "loop", "has_gate", "expected"),
    [
        pytest.param(FINE, {}, False, GOES_ON, id="no gate, no target: rounds go on"),
        pytest.param(FINE, {}, True, ("end", "passed", SUCCEEDED), id="a gate without target: one passed"),
        pytest.param(NONE_PASSED, {}, True, GOES_ON, id="a gate nothing passed: generate anew"),
        pytest.param(FINE, {"target": TARGET}, True, GOES_ON, id="a gate with target: passing is not enough"),
        pytest.param(
            replace(FINE, best_metrics={"sharpe": 2.0}),
            {"target": TARGET},
            True,
            ("end", "target", SUCCEEDED),
            id="gate, target reached",
        ),
        pytest.param(
            replace(FINE, best_metrics={"sharpe": 2.5}),
            {"target": TARGET},
            False,
            ("end", "target", SUCCEEDED),
            id="no gate, target reached",
        ),
        pytest.param(
            replace(FINE, best_metrics={"other": 9.0}), {"target": TARGET}, False, GOES_ON, id="target metric missing"
        ),
        pytest.param(
            replace(FINE, exhausted=True), {}, False, ("end", "exhausted", SUCCEEDED), id="exhausted, selected"
        ),
        pytest.param(
            replace(NONE_PASSED, exhausted=True), {}, True, ("end", "exhausted", ABANDONED), id="exhausted, none passed"
        ),
        pytest.param(
            replace(ALL_FAILED, exhausted=True), {}, False, ("end", "exhausted", FAILED), id="exhausted, all failed"
        ),
        pytest.param(
            replace(ALL_PRUNED, exhausted=True),
            {},
            False,
            ("end", "exhausted", ABANDONED),
            id="exhausted, none promoted",
        ),
        pytest.param(NOTHING_EVER, {}, False, ("end", "exhausted", FAILED), id="nothing to propose at all"),
        pytest.param(
            FINE, {"max_rounds": 1}, False, ("end", "max_rounds", SUCCEEDED), id="one round allowed, selected"
        ),
        pytest.param(
            NONE_PASSED, {"max_rounds": 1}, True, ("end", "max_rounds", ABANDONED), id="one round allowed, none passed"
        ),
        pytest.param(ALL_FAILED, {"max_rounds": 1}, False, ("end", "max_rounds", FAILED), id="one round, all failed"),
        pytest.param(
            NONE_PASSED, {"on_failure": "abandon"}, True, ("end", "on_failure", ABANDONED), id="abandon: none passed"
        ),
        pytest.param(
            ALL_FAILED, {"on_failure": "abandon"}, False, ("end", "on_failure", FAILED), id="abandon: all failed"
        ),
        pytest.param(ALL_FAILED, {"on_failure": "generate"}, False, GOES_ON, id="generate: all failed"),
        pytest.param(FINE, {"on_failure": "abandon"}, False, GOES_ON, id="abandon: but some passed"),
        pytest.param(
            replace(FINE, limit_reached="evaluations"), {}, False, ("end", "limit", SUCCEEDED), id="limit, selected"
        ),
        pytest.param(
            replace(NONE_PASSED, limit_reached="wall"), {}, True, ("end", "limit", ABANDONED), id="limit, none passed"
        ),
        pytest.param(
            replace(ALL_FAILED, limit_reached="wall"),
            {},
            False,
            ("end", "limit", ABANDONED),
            id="limit, nothing evaluated",
        ),
        pytest.param(
            replace(FINE, limit_reached="wall", exhausted=True, best_metrics={"sharpe": 9.0}),
            {"target": TARGET, "max_rounds": 1},
            True,
            ("end", "limit", SUCCEEDED),
            id="a limit is named before all else",
        ),
        pytest.param(replace(FINE, no_room="full"), {}, False, ("end", "limit", SUCCEEDED), id="no room for another"),
        pytest.param(
            replace(FINE, no_room="full"),
            {"max_rounds": 1},
            False,
            ("end", "max_rounds", SUCCEEDED),
            id="no room, and none wanted",
        ),
        pytest.param(
            replace(ALL_FAILED, no_room="full"), {}, False, ("end", "limit", ABANDONED), id="no room, nothing evaluated"
        ),
    ],
)
def test_the_first_round_decides(
    summary: RoundSummary, loop: dict[str, Any], has_gate: bool, expected: tuple[str, str, ExperimentState | None]
) -> None:
    """Each situation after round 1 has one rule, and one end state or another round."""
    assert outcome(summary, has_gate=has_gate, **loop) == expected


def test_max_rounds_counts_the_first_round_too() -> None:
    """Three rounds are three, not a first and three more."""
    improving = [replace(each, best=float(each.round_number)) for each in rounds(FINE, 3)]
    assert outcome(*improving[:2], max_rounds=3) == GOES_ON
    assert outcome(*improving, max_rounds=3) == ("end", "max_rounds", SUCCEEDED)


def test_a_pass_in_an_earlier_round_still_ends_it() -> None:
    """After a retry the gate without target has passed, whichever round did it."""
    assert outcome(*rounds(FINE, 1), replace(NONE_PASSED, round_number=2, selected=1), has_gate=True)[1] == "passed"


def test_an_earlier_selection_makes_a_later_failure_a_success() -> None:
    """What was selected in round 1 stays selected when round 2 fails and the file says abandon."""
    history = [FINE, replace(ALL_FAILED, round_number=2, selected=1)]
    assert outcome(*history, on_failure="abandon") == ("end", "on_failure", SUCCEEDED)


def test_an_evaluation_in_an_earlier_round_makes_the_end_abandoned() -> None:
    """`failed` is only what never evaluated anything."""
    history = [NONE_PASSED, replace(ALL_FAILED, round_number=2)]
    assert outcome(*history, max_rounds=2, has_gate=True) == ("end", "max_rounds", ABANDONED)


def test_a_round_of_repeated_proposals_is_no_failure() -> None:
    """A round that brought nothing new goes on under `abandon`; the rounds are counted all the same."""
    assert outcome(FINE, NOTHING_NEW, on_failure="abandon") == GOES_ON
    assert outcome(FINE, NOTHING_NEW, on_failure="abandon", max_rounds=2) == ("end", "max_rounds", SUCCEEDED)


def test_patience_ends_it_after_so_many_rounds_without_improvement() -> None:
    """Two rounds that do not better the first use up a patience of two, one does not."""
    assert outcome(*rounds(FINE, 2), patience=2) == GOES_ON
    assert outcome(*rounds(FINE, 3), patience=2) == ("end", "patience", SUCCEEDED)


def test_patience_runs_out_without_any_value_too() -> None:
    """Rounds that give no objective at all are rounds without an improvement."""
    assert outcome(*rounds(ALL_FAILED, 2), patience=2) == ("end", "patience", FAILED)


@pytest.mark.parametrize(
    ("bests", "min_improvement", "expected"),
    [
        pytest.param([1.0], 0.0, 0, id="a first value is an improvement"),
        pytest.param([None], 0.0, 1, id="no value is none"),
        pytest.param([1.0, 1.0, 1.0], 0.0, 2, id="the same again is none"),
        pytest.param([1.0, 1.0000001], 0.0, 0, id="with 0 any better value counts"),
        pytest.param([1.0, 1.05, 1.09], 0.1, 2, id="steps too small"),
        pytest.param([1.0, 1.05, 1.1], 0.1, 0, id="small steps add up"),
        pytest.param([0.1, 0.11], 0.01, 0, id="a decimal step means what it says"),
        pytest.param([1.0, 2.0, 2.05], 0.1, 1, id="counted from the last improvement"),
        pytest.param([None, 1.0, 1.0], 0.5, 1, id="a late first value"),
    ],
)
def test_improvements_are_absolute_and_measured_from_the_last_one(
    bests: list[float | None], min_improvement: float, expected: int
) -> None:
    """The mark is the best at the last improvement, and the step is in the objective's own unit, for either goal."""
    history = [replace(FINE, round_number=number, best=best) for number, best in enumerate(bests, 1)]
    mirrored = [replace(each, best=None if each.best is None else -each.best) for each in history]
    assert rounds_without_improvement(history, goal="maximize", min_improvement=min_improvement) == expected
    assert rounds_without_improvement(mirrored, goal="minimize", min_improvement=min_improvement) == expected


@pytest.mark.parametrize(
    ("summary", "loop", "message"),
    [
        (FINE, {}, "round 2 of 5 follows"),
        (FINE, {"max_rounds": 1}, "all rounds are used up (1)"),
        (
            replace(FINE, limit_reached="the limit of 5 evaluations is used up"),
            {},
            "the limit of 5 evaluations is used up",
        ),
        (
            replace(FINE, best_metrics={"sharpe": 2.5}),
            {"target": TARGET},
            "the target is reached: sharpe is 2.5, wanted >= 2",
        ),
        (NONE_PASSED, {"on_failure": "abandon"}, 'no variant of round 1 passed, and on_failure is "abandon"'),
        (
            replace(NONE_PASSED, exhausted=True),
            {},
            "nothing passed the gate (5 variants evaluated): the generator proposes nothing more",
        ),
        (
            replace(NONE_PASSED, evaluated=0, pruned=1),
            {"max_rounds": 1},
            "nothing was evaluated to its end (1 variant pruned): all rounds are used up (1)",
        ),
        (
            replace(NONE_PASSED, proposed=0, evaluated=0, limit_reached="the limit of 5 min is used up"),
            {},
            "the limit of 5 min is used up",
        ),
    ],
)
def test_a_decision_says_why(summary: RoundSummary, loop: dict[str, Any], message: str) -> None:
    """The message names the rule's numbers for the person who asks why."""
    assert decide(LoopSpec.model_validate(loop), [summary], goal="maximize", has_gate=False).message == message


def test_a_decision_is_a_value() -> None:
    """Equal histories give equal decisions, with every field set."""
    assert decide(LoopSpec(), [FINE, *rounds(FINE, 2)[1:]], goal="maximize", has_gate=True) == Decision(
        action="end", rule="passed", message="10 variants passed the gate", end_state=SUCCEEDED
    )


@pytest.mark.parametrize(
    ("limits", "failed", "finished", "tripped"),
    [
        (None, 1_000, 1_000, False),
        ({"count": 50, "ratio": 0.5}, 51, 101, True),
        ({"count": 50, "ratio": 0.5}, 50, 60, False),
        ({"count": 50, "ratio": 0.5}, 51, 102, False),
        ({"count": 50}, 51, 10_000, True),
        ({"count": 50}, 50, 50, False),
        ({"ratio": 0.5}, 1, 1, True),
        ({"ratio": 0.5}, 1, 2, False),
        ({"count": 0, "ratio": 0.0}, 0, 0, False),
    ],
)
def test_the_breaker_trips_when_all_it_is_given_is_exceeded(
    limits: dict[str, Any] | None, failed: int, finished: int, tripped: bool
) -> None:
    """Reaching a limit is not exceeding it, and what is not given asks nothing."""
    max_failures = None if limits is None else MaxFailures.model_validate(limits)
    assert breaker_tripped(max_failures, failed=failed, finished=finished) is tripped


LIMITS = st.builds(
    MaxFailures,
    count=st.integers(0, 500),
    ratio=st.none() | st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 0.999]),
)


@given(LIMITS, st.integers(0, 1000), st.integers(0, 1000))
def test_so_many_failures_are_left_and_no_fewer(limits: MaxFailures, failed: int, succeeded: int) -> None:
    """That many failures in a row trip the breaker; one less does not, as far as decimal shares can be told apart."""
    left = failures_left(limits, failed=failed, finished=failed + succeeded)
    assert left is not None

    def tripped(more: int) -> bool:
        return breaker_tripped(limits, failed=failed + more, finished=failed + succeeded + more)

    assert tripped(left + 1)
    assert left == 1 or not tripped(left - 2)


@pytest.mark.parametrize(
    ("limits", "failed", "finished", "left"),
    [
        (None, 0, 0, None),
        ({"ratio": 1.0}, 0, 0, None),
        ({"count": 50}, 0, 10_000, 51),
        ({"count": 50}, 50, 10_000, 1),
        ({"count": 50}, 60, 10_000, 1),
        ({"ratio": 0.5}, 0, 0, 1),
        ({"ratio": 0.5}, 10, 100, 81),
        ({"count": 5, "ratio": 0.5}, 3, 3, 3),
    ],
)
def test_the_farther_limit_says_how_many_failures_are_left(
    limits: dict[str, Any] | None, failed: int, finished: int, left: int | None
) -> None:
    """Both limits must be exceeded; a share of all can never be."""
    max_failures = None if limits is None else MaxFailures.model_validate(limits)
    assert failures_left(max_failures, failed=failed, finished=finished) == left
