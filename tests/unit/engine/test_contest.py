"""Claims about promotions that compare the variants of a round."""

import pytest

from orchestrator.engine.contest import contest
from tests.support.plans import plan, stage, variant

STAGES = (stage("quick", promote={"top": 0.5}), stage("slow", after=["quick"]))
MAXIMIZE = {"metric": "value", "goal": "maximize"}


def test_the_better_half_goes_on_and_the_rest_is_pruned() -> None:
    """Of four the two largest go on with the iterations of the next stage; the others end with what they measured; all is on record."""
    planned = plan(*STAGES, objective=MAXIMIZE)
    held = [variant(planned, number, quick={"value": value}) for number, value in enumerate((1.0, 9.0, 4.0, 6.0), 1)]
    ending, decision = contest(planned, held)

    assert [(one.number, [p.stage for p in planned_]) for one, planned_ in ending.queued] == [
        (2, ["slow"]),
        (4, ["slow"]),
    ]
    assert [(move.number, str(move.target), move.rule, move.metrics) for move in ending.moves] == [
        (1, "pruned", "promote", {"value": 1.0}),
        (3, "pruned", "promote", {"value": 4.0}),
    ]
    message = "2 of 4 go on after quick by value, largest first"
    assert (decision.kind, decision.rule, decision.message) == ("promote", "top", message)
    by = {"quick": {"metric": "value", "goal": "maximize"}}
    assert decision.inputs == {"held": 4, "stages": ["quick"], "by": by}
    assert decision.result == {"promoted": ["12.2", "12.4"], "counts": {"quick": 2}}


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"cost": 2.0}, "1 of 2 go on after quick by cost, smallest first"),
        (
            {"cost": 2.0, "time": 1.0},
            "1 of 2 go on after quick in their order, for the stage reports nothing to compare them by",
        ),
    ],
)
def test_a_stage_that_does_not_report_the_objective_says_what_it_was_compared_by(
    metrics: dict[str, float], said: str
) -> None:
    """Its only metric; of several nobody knows which, and that is said."""
    planned = plan(*STAGES, objective=MAXIMIZE)
    _, decision = contest(planned, [variant(planned, number, quick=metrics) for number in (1, 2)])
    assert decision.message == said


def test_ties_go_to_the_lower_number() -> None:
    """Equal values are promoted in order of their numbers, whatever order they are held in."""
    planned = plan(*STAGES, objective=MAXIMIZE)
    held = [variant(planned, number, quick={"value": 1.0}) for number in (4, 2, 3, 1)]
    ending, _ = contest(planned, held)

    assert sorted(one.number for one, _ in ending.queued) == [1, 2]


def test_one_alone_goes_on() -> None:
    """At least one is promoted."""
    planned = plan(*STAGES)
    ending, _ = contest(planned, [variant(planned, 7, quick={"value": 1.0})])

    assert [one.number for one, _ in ending.queued] == [7]
    assert ending.moves == []


def test_two_contests_are_decided_together_and_both_must_be_won() -> None:
    """A stage after two contested stages is open only to those that win both."""
    planned = plan(
        stage("a", promote={"top": 0.5}),
        stage("b", promote={"top": 0.5}),
        stage("c", after=["a", "b"]),
        objective={"metric": "value"},
    )
    values = {1: (1.0, 9.0), 2: (2.0, 1.0), 3: (3.0, 2.0), 4: (4.0, 3.0)}
    held = [variant(planned, n, a={"value": a}, b={"value": b}) for n, (a, b) in values.items()]
    ending, decision = contest(planned, held)

    assert [one.number for one, _ in ending.queued] == [2]
    assert [move.number for move in ending.moves] == [1, 3, 4]
    assert decision.result["counts"] == {"a": 2, "b": 2}
