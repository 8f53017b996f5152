"""Claims about shares: experiments with work at all times, served by the real decision, over a simulated while."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.admission import STANDBY, QueueView, StageView, admit
from orchestrator.engine.shares import Allocation, Served, Turns, rank_of, turns_of, weight_of


@dataclass(frozen=True)
class Claimant:
    """An experiment that always has something ready."""

    weight: float = 1.0
    seconds: float = 1.0  # what each of its batches lasts
    expected: float = 1.0  # what it is taken to last
    max_parallel: int = 100
    arrives: float = 0.0


def served(claimants: Sequence[Claimant], *, slots: int, seconds: float) -> dict[int, float]:
    """Slot seconds each has had after a while."""
    books = {"slot": Turns()}
    running: list[tuple[float, int, Served]] = []  # when it ends, its number, what it is
    used: dict[int, float] = defaultdict(float)
    numbers = itertools.count()
    now = 0.0
    while now < seconds:
        at_work = Counter(one.experiment for *_, one in running)
        here = [(number, one) for number, one in enumerate(claimants) if one.arrives <= now]
        views = [view(number, one, turns_of(books, number, now=now), at_work[number]) for number, one in here]
        for start in admit(views, {"slot": slots - len(running), "thread": 0, STANDBY: 0}).starts:
            one = claimants[start.experiment]
            held = books["slot"].start(start.experiment, weight=one.weight, expected_seconds=one.expected, now=now)
            held.since_seconds = now
            heapq.heappush(running, (now + one.seconds, next(numbers), held))
        at_work = Counter(one.experiment for *_, one in running)
        assert len(running) <= slots
        assert len(running) == slots or all(at_work[number] >= one.max_parallel for number, one in here)
        arrivals = [one.arrives for one in claimants if one.arrives > now]
        if arrivals and (not running or min(arrivals) < running[0][0]):
            now = min(arrivals)
            continue
        now, _, held = heapq.heappop(running)
        lasted = claimants[held.experiment].seconds
        used[held.experiment] += lasted
        books["slot"].end(held, lasted_seconds=lasted)
    return used


def view(number: int, one: Claimant, turns: Mapping[str, float], running: int) -> QueueView:
    """What admission sees of it."""
    stage = StageView(name="main", ready=50, batch=1, permit="slot", running=running, width=None, seconds=one.expected)
    return QueueView(
        experiment=number,
        rank=0,
        weight=one.weight,
        turns=turns,
        last_served=0,
        max_parallel=one.max_parallel,
        running=running,
        paused=False,
        stages=(stage,),
    )


def test_equal_is_the_same_time_not_the_same_number() -> None:
    """Of two slots batches of 9 s and batches of 1 s get half of the time each, though the short ones are nine times as many."""
    used = served([Claimant(seconds=9, expected=9), Claimant()], slots=2, seconds=1000)

    assert abs(used[0] - used[1]) <= 20


def test_what_was_not_expected_is_made_up_for() -> None:
    """Batches that last forty times what they were taken to last get no more than their half, even so."""
    used = served([Claimant(seconds=2, expected=0.05), Claimant(seconds=1, expected=1)], slots=1, seconds=1000)

    assert abs(used[0] - used[1]) <= 10


def test_two_of_three_slots_are_shared_by_weight_also_when_there_is_one_slot() -> None:
    """Weights 2 and 1 are two thirds and one third of the time with one slot, with two, and with five."""
    for slots in (1, 2, 5):
        used = served([Claimant(weight=2), Claimant()], slots=slots, seconds=900)
        assert used[0] / sum(used.values()) == pytest.approx(2 / 3, abs=0.01)


def test_who_comes_late_gets_its_share_from_then_on_and_no_more() -> None:
    """An experiment that arrives after 500 s has had half of the other 500 s at the end, not the whole of them."""
    used = served([Claimant(), Claimant(arrives=500)], slots=1, seconds=1000)

    assert used[1] == pytest.approx(250, abs=3)


def test_who_may_run_one_at_a_time_leaves_the_rest_to_others() -> None:
    """With `max_parallel = 1` and four slots one is used; the others are not left empty for it."""
    used = served([Claimant(max_parallel=1), Claimant()], slots=4, seconds=100)

    assert used[0] == pytest.approx(100, abs=5)
    assert used[1] == pytest.approx(300, abs=5)


CLAIMANTS = st.lists(
    st.builds(
        Claimant,
        weight=st.sampled_from([1 / 3, 1.0, 2.0, 7.0]),
        seconds=st.sampled_from([0.5, 1.0, 4.0]),
        expected=st.sampled_from([0.1, 1.0, 4.0]),
    ),
    min_size=1,
    max_size=4,
)


@given(CLAIMANTS, st.integers(1, 4))
def test_nobody_starves_and_no_slot_is_left_empty(claimants: list[Claimant], slots: int) -> None:
    """Whatever the weights and lengths, after a while each has had most of its share, and all slots were used all the time."""
    seconds = 100.0
    used = served(claimants, slots=slots, seconds=seconds)
    weights = sum(one.weight for one in claimants)

    assert sum(used.values()) >= slots * (seconds - 8)
    for number, one in enumerate(claimants):
        share = slots * seconds * one.weight / weights
        slack = 4.0 * len(claimants) * (slots + 1) * (1 + one.weight)
        assert used[number] >= share - slack


ALLOCATIONS: tuple[Allocation, ...] = ("equal", "priority", "dynamic")


def test_the_rank_is_the_priority_unless_that_is_the_share() -> None:
    """Equal and dynamic experiments are served in the order of their priorities, those that share by priority all alike."""
    assert [rank_of(allocation, 7) for allocation in ALLOCATIONS] == [7, 0, 7]


def test_weights_are_above_zero_and_grow_with_the_priority() -> None:
    """Each step of priority is more weight, also below 0; among priorities above 0 the weight is the priority itself."""
    weights = [weight_of("priority", priority, left=9) for priority in range(-5, 6)]

    assert weights[0] > 0
    assert weights == sorted(set(weights))
    assert weights[6:] == [1, 2, 3, 4, 5]


def test_the_other_weights() -> None:
    """Equal is 1 whatever is left; dynamic is what is left, and 1 when nothing is."""
    assert (weight_of("equal", 5, left=30), weight_of("dynamic", 5, left=30), weight_of("dynamic", 5, left=0)) == (
        1,
        30,
        1,
    )


def one_second(turns: Turns, experiment: int, *, now: float = 0.0) -> Served:
    """It is served with something that is expected to last a second."""
    served = turns.start(experiment, weight=1.0, expected_seconds=1.0, now=now)
    served.since_seconds = now
    return served


def test_an_experiment_that_has_ended_leaves_no_books() -> None:
    """Its turn is forgotten, and what comes late of it changes nothing."""
    turns = Turns()
    held = one_second(turns, 1)
    turns.forget(1)
    turns.end(held, lasted_seconds=9.0)

    assert (turns.of, turns.resting, turns.held) == ({}, {}, set())


def test_who_rests_keeps_its_debts_and_not_its_claims() -> None:
    """After a rest an experiment that was ahead of the others is still ahead, and one that was behind begins where they are."""
    turns = Turns()
    ahead, behind = one_second(turns, 1), one_second(turns, 2)
    turns.end(ahead, lasted_seconds=50.0)
    turns.end(behind, lasted_seconds=2.0)
    turns.rest(2)

    assert turns.turn(1, now=9.0) == 50.0
    assert turns.turn(2, now=9.0) == 50.0


def test_what_ran_before_one_came_is_not_held_against_those_who_ran() -> None:
    """Who comes when another one's evaluation has run for an hour already begins an hour further, not where that one began."""
    turns = Turns()
    held = one_second(turns, 1)
    newcomer = turns.turn(2, now=3600.0)
    turns.end(held, lasted_seconds=3601.0)

    assert (newcomer, turns.turn(1, now=3601.0)) == (3600.0, 3601.0)


def test_what_took_less_than_expected_is_given_back() -> None:
    """Batches that last an eighth of what they were taken to last count for an eighth: the share stays right."""
    used = served([Claimant(seconds=0.5, expected=4), Claimant(seconds=0.5, expected=0.5)], slots=1, seconds=500)

    assert abs(used[0] - used[1]) <= 10
