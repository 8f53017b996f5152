"""Where a stage is run: what is learnt of it, when it moves, when it comes back, and what the next experiment knows."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.states import Cause
from orchestrator.engine.placements import Placements
from orchestrator.engine.placing import NEWEST, Placing, profile_key
from orchestrator.spec.stage import StageSpec
from orchestrator.store.changes.iterations import RoundDecision
from orchestrator.store.changes.profiles import SaveProfiles
from tests.support.plans import plan

PERMITS = {"slot": 2, "thread": 4}


def placing(*, max_parallel: int = 5, **stage: Any) -> Placing:
    """The books of a stage."""
    spec = StageSpec.model_validate({"name": "main", "call": "model:evaluate", **stage})
    return Placing(spec, max_parallel=max_parallel)


def placing_after(books: Placing) -> Placing:
    """What the next experiment knows."""
    heir = placing()
    heir.recall(json.loads(json.dumps(books.facts())))
    return heir


def ended(count: int, *, wall: float, cpu: float) -> list[Outcome]:
    """So many evaluations went well."""
    return [Outcome(AttemptEnd.SUCCEEDED, usage=Usage(wall_seconds=wall, cpu_seconds=cpu))] * count


def failed(count: int) -> list[Outcome]:
    """So many raised something."""
    return [Outcome(AttemptEnd.FAILED, cause=Cause.RAISED, usage=Usage(wall_seconds=0.1, cpu_seconds=0.1))] * count


def test_what_waits_moves_to_threads_once_that_is_known() -> None:
    """Two evaluations are too few to say so; the reason carries the measured share."""
    books = placing()
    books.learn("process", ended(2, wall=1.0, cpu=0.01))
    assert books.decide("process", permits=PERMITS) is None
    books.learn("process", ended(1, wall=1.0, cpu=0.01))

    moved = books.decide("process", permits=PERMITS)
    assert moved is not None
    assert moved.executor == "thread"
    assert "0.01" in moved.reason
    assert "3 evaluations" in moved.reason


def test_little_of_a_stage_is_not_worth_a_move() -> None:
    """Less than a second of it was seen, in few evaluations: it stays. A second, or very many short ones, and it moves."""
    books = placing()
    books.learn("process", ended(9, wall=0.1, cpu=0.0))
    assert books.decide("process", permits=PERMITS) is None
    books.learn("process", ended(1, wall=0.1, cpu=0.0))
    assert books.decide("process", permits=PERMITS) is not None
    short = placing()
    short.learn("process", ended(NEWEST, wall=0.001, cpu=0.0))
    assert short.decide("process", permits=PERMITS) is not None


def test_what_computes_stays_in_processes() -> None:
    """However often it was seen."""
    books = placing()
    books.learn("process", ended(50, wall=0.1, cpu=0.1))
    assert books.decide("process", permits=PERMITS) is None


def test_what_computes_while_others_have_the_cores_stays_in_processes() -> None:
    """By the clock on the wall it waits; the next experiment knows better too."""
    usage = Usage(wall_seconds=0.5, cpu_seconds=0.05, starved_seconds=0.44)
    books = placing()
    books.learn("process", [Outcome(AttemptEnd.SUCCEEDED, usage=usage)] * 20)
    heir = placing_after(books)
    assert books.decide("process", permits=PERMITS) is None
    assert heir.decide("process", permits=PERMITS) is None
    assert heir.best_known == books.best_known


@pytest.mark.parametrize("max_parallel", [1, 2])
def test_threads_that_let_no_more_run_at_once_change_nothing(max_parallel: int) -> None:
    """With no more at once than there are slots a move would gain nothing."""
    books = placing(max_parallel=max_parallel)
    books.learn("process", ended(20, wall=0.1, cpu=0.0))
    assert books.decide("process", permits=PERMITS) is None


def test_hybrid_puts_what_waits_into_threads_whether_more_run_at_once_or_not() -> None:
    """It leaves the processes to what computes."""
    books = placing(max_parallel=1, executor="hybrid")
    books.learn("process", ended(20, wall=0.1, cpu=0.0))
    moved = books.decide("process", permits=PERMITS)
    assert moved is not None
    assert moved.executor == "thread"


def test_a_stage_with_an_executor_of_its_choice_is_looked_at_and_left_alone() -> None:
    """What is learnt of it, also where it runs one at a time, is there for the next experiment that may choose."""
    books = placing(executor="sequential")
    books.learn("sequential", ended(5, wall=0.5, cpu=0.0))
    assert books.decide("sequential", permits=PERMITS) is None
    heir = placing()
    heir.recall(json.loads(json.dumps(books.facts())))
    moved = heir.decide("process", permits=PERMITS)
    assert moved is not None
    assert moved.executor == "thread"


@pytest.mark.parametrize("limits", [{"timeout": "60s"}, {"memory": "1GiB"}, {"cpus": 2}, {"executor": "process"}])
def test_what_threads_cannot_be_held_to_is_never_placed(limits: dict[str, Any]) -> None:
    """A stage with a limit that only a process keeps, or with an executor of its choice, has no strategy."""
    assert StageSpec.model_validate({"call": "model:evaluate", **limits}).strategy is None


def test_a_stage_that_fails_in_threads_only_comes_back_and_stays() -> None:
    """Its code does not bear threads, whatever its share; the next experiment knows."""
    books = placing()
    books.learn("process", ended(5, wall=0.1, cpu=0.0))
    books.learn("thread", failed(2))
    back = books.decide("thread", permits=PERMITS)
    assert back is not None
    assert (back.executor, back.reason) == ("process", "2 evaluations failed in threads and none in processes")

    heir = placing()
    heir.recall(json.loads(json.dumps(books.facts())))
    assert heir.decide("process", permits=PERMITS) is None


def test_what_only_fails_has_no_profile_and_stays_where_it_is() -> None:
    """Nothing is known of what it does when it goes well, however often it was over quickly."""
    books = placing()
    books.learn("process", failed(50))
    assert books.best_known is None
    assert books.decide("process", permits=PERMITS) is None
    assert books.evidence() == {}


def test_a_failure_in_threads_is_doubted_only_while_processes_are_without_one() -> None:
    """What fails in processes too may fail in threads; what was never seen in a process says nothing."""
    books = placing()
    assert not books.doubts("thread")
    books.learn("process", ended(5, wall=0.1, cpu=0.0))
    assert (books.doubts("thread"), books.doubts("process")) == (True, False)
    books.learn("thread", failed(1))
    assert books.objection is not None
    books.learn("process", failed(1))
    assert not books.doubts("thread")
    assert placing_after(books).objection is None


def test_failures_on_both_sides_say_nothing_about_threads() -> None:
    """A workload that fails now and then fails there too."""
    books = placing()
    books.learn("process", ended(5, wall=0.1, cpu=0.0) + failed(1))
    books.learn("thread", ended(5, wall=0.1, cpu=0.0) + failed(1))
    assert books.decide("thread", permits=PERMITS) is None


def test_threads_that_slow_each_other_down_are_left_again() -> None:
    """Four at once that take three times as long are less than two at once: measured, and said with both rates."""
    books = placing()
    books.learn("process", ended(5, wall=0.1, cpu=0.02))
    books.learn("thread", ended(5, wall=0.3, cpu=0.02))
    back = books.decide("thread", permits=PERMITS)
    assert back is not None
    assert back.executor == "process"
    assert "threads give 13.3 evaluations a second, processes 20" in back.reason


def test_what_was_learnt_adds_up_over_experiments() -> None:
    """One evaluation of each of three experiments is enough; only the newest are kept."""
    books = placing()
    for _ in range(3):
        heir = placing()
        heir.recall(json.loads(json.dumps(books.facts())))
        heir.learn("process", ended(1, wall=0.5, cpu=0.0))
        books = heir
    moved = books.decide("process", permits=PERMITS)
    assert moved is not None
    assert moved.executor == "thread"

    books.learn("process", ended(1000, wall=0.1, cpu=0.1))
    assert len(books.facts()["samples"]["process"]) == NEWEST
    assert books.decide("thread", permits=PERMITS) is not None


def test_a_profile_belongs_to_a_call_with_its_arguments() -> None:
    """Other arguments may make other work of it; the name of the stage does not."""
    first = StageSpec.model_validate({"name": "a", "call": "m:f", "arguments": {"n": 1}})
    same = StageSpec.model_validate({"name": "b", "call": "m:f", "arguments": {"n": 1}})
    other = StageSpec.model_validate({"name": "a", "call": "m:f", "arguments": {"n": 2}})
    assert profile_key(first) == profile_key(same) != profile_key(other)


@pytest.mark.parametrize("executor", ["adaptive", "hybrid"])
def test_what_decides_by_its_own_measure_is_never_moved(executor: str) -> None:
    """In threads its memory is not known, and its time is another one."""
    spec = StageSpec.model_validate({"name": "main", "call": "model:evaluate", "executor": executor})
    books = Placing(spec, max_parallel=5, fixed=True)
    books.learn("process", ended(20, wall=1.0, cpu=0.0))
    assert books.decide("process", permits=PERMITS) is None


def saved(books: Placements) -> list[SaveProfiles]:
    """The profiles that go on record with the next batch."""
    return [change for change in books.take() if isinstance(change, SaveProfiles)]


def placements(**more: Any) -> Placements:
    """The books of an experiment of one stage."""
    return Placements(replace(plan(**more), code_hash="c0de"))


def test_what_was_learnt_goes_on_record_when_it_has_doubled() -> None:
    """Of a thousand evaluations, one after the other, it is written ten times, each time with all that is known."""
    books = placements()
    placing = books.placings["main"]
    at = []
    for number in range(1, 1001):
        placing.learn("process", ended(1, wall=0.1, cpu=0.1))
        if changes := saved(books):
            at.append(number)
            assert changes == [SaveProfiles(code_hash="c0de", facts={placing.key: placing.facts()})]
    assert at == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert placing.learnt


def test_a_move_goes_on_record_with_what_it_rests_on() -> None:
    """In the same transaction as the decision, however little has come since; and once."""
    books = placements()
    placing = books.placings["main"]
    placing.learn("process", ended(4, wall=1.0, cpu=0.0))
    assert len(saved(books)) == 1
    placing.learn("process", ended(1, wall=1.0, cpu=0.0))
    assert saved(books) == []
    moved = placing.decide("process", permits=PERMITS)
    assert moved is not None
    books.note("main", moved)
    assert [type(change) for change in books.take()] == [RoundDecision, SaveProfiles]
    assert books.take() == ()


def test_what_an_earlier_experiment_knew_is_on_record_already() -> None:
    """It is written again when as much has come as was known."""
    books = placements()
    earlier = placing()
    earlier.learn("process", ended(10, wall=0.1, cpu=0.1) + failed(2))
    books.placings["main"].recall(earlier.facts())
    assert (books.placings["main"].learnt, saved(books)) == (False, [])
    books.placings["main"].learn("process", ended(11, wall=0.1, cpu=0.1))
    assert saved(books) == []
    books.placings["main"].learn("process", failed(1))
    assert len(saved(books)) == 1


def test_code_without_a_hash_leaves_no_profile() -> None:
    """Nobody could say whose it is; code that was accepted later is what is learnt of from then on."""
    books = Placements(plan())
    books.placings["main"].learn("process", ended(1, wall=0.1, cpu=0.1))
    assert saved(books) == []
    books.code_hash = "new"
    books.placings["main"].learn("process", ended(9, wall=0.1, cpu=0.1))
    assert [change.code_hash for change in saved(books)] == ["new"]
