"""Claims about promotions that compare the variants of a round."""

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
    assert (decision.kind, decision.rule, decision.message) == ("promote", "top", "2 of 4 go on after quick")
    assert decision.inputs == {"held": 4, "stages": ["quick"]}
    assert decision.result == {"promoted": ["12.2", "12.4"], "counts": {"quick": 2}}


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
