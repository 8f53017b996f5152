"""Claims about how many evaluations travel together."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.batching import FASTEST_GROWTH, FIRST, MOST, SHORT_SECONDS, Pace, batch_length, is_short


def known(seconds: float, *, allowed: int = MOST) -> Pace:
    """A pace that has been measured."""
    return Pace(mean_seconds=seconds, allowed=allowed)


def test_what_is_not_known_goes_alone() -> None:
    """Before anything was measured a batch is one evaluation, however many are ready."""
    assert batch_length(Pace(), target_seconds=0.03, ready=10_000, lanes=1) == FIRST == 1


def test_a_batch_is_worth_its_target() -> None:
    """At 1 ms an evaluation a batch for 30 ms holds 30."""
    assert batch_length(known(0.001), target_seconds=0.03, ready=10_000, lanes=2) == 30


def test_a_long_evaluation_goes_alone() -> None:
    """What takes longer than the target goes alone."""
    assert batch_length(known(10.0), target_seconds=0.03, ready=10_000, lanes=1) == 1


def test_no_lane_stays_empty_for_a_large_batch() -> None:
    """Ten ready evaluations on four lanes travel by three at most."""
    assert batch_length(known(0.01), target_seconds=1.0, ready=10, lanes=4) == 3


def test_all_lanes_together_get_no_more_than_the_failures_that_are_left() -> None:
    """Where 41 more failures end the experiment two lanes get 21 each, however short they are, and one at least where one is left."""
    lengths = [
        batch_length(known(1e-6), target_seconds=1.0, ready=10_000, lanes=2, failures_left=left)
        for left in (41, 1, 5000)
    ]

    assert lengths == [21, 1, MOST]


def test_what_is_over_at_once_is_not_divided() -> None:
    """Ten ready evaluations of a microsecond travel together, though other lanes stay empty, and never more than there are."""
    assert batch_length(known(1e-6), target_seconds=1.0, ready=10, lanes=4) == 10


def test_growth_is_bounded_by_what_was_proved() -> None:
    """One fast evaluation allows a batch of 32, and that one 32 times as many, up to the most there is."""
    pace = Pace()
    lengths = []
    for _ in range(4):
        lengths.append(batch_length(pace, target_seconds=10.0, ready=10**6, lanes=1))
        pace.learn(seconds=1e-6 * lengths[-1], count=lengths[-1])

    assert lengths == [1, FASTEST_GROWTH, min(MOST, FASTEST_GROWTH**2), MOST]


def test_a_broken_batch_begins_anew() -> None:
    """After a break the next batch is one evaluation, though the pace is known."""
    pace = known(1e-6)
    pace.forget()

    assert batch_length(pace, target_seconds=1.0, ready=1000, lanes=1) == 1
    assert pace.mean_seconds == 1e-6


def test_nothing_is_learnt_from_nothing() -> None:
    """A batch of which no evaluation ended leaves the pace as it was."""
    pace = known(0.5, allowed=7)
    pace.learn(seconds=3.0, count=0)

    assert pace == known(0.5, allowed=7)


def test_the_pace_follows_what_is_measured() -> None:
    """A new measurement counts half."""
    pace = Pace()
    pace.learn(seconds=4.0, count=2)
    first = pace.mean_seconds
    pace.learn(seconds=4.0, count=1)

    assert [first, pace.mean_seconds] == [2.0, 3.0]


def test_a_batch_is_short_by_its_length() -> None:
    """A thousand evaluations of 1 ms are no short batch, ten are; what was never measured is not short."""
    assert [is_short(known(0.001), length=length) for length in (1000, 10)] == [False, True]
    assert not is_short(known(SHORT_SECONDS), length=1)
    assert not is_short(Pace(), length=1)


@given(st.none() | st.floats(0, 100), st.integers(1, MOST), st.floats(0, 10), st.integers(0, 10**6), st.integers(0, 64))
def test_a_batch_is_never_empty_and_never_beyond_a_bound(
    mean: float | None, allowed: int, target: float, ready: int, lanes: int
) -> None:
    """Any pace, target, backlog and number of lanes give a length from 1 to what is allowed."""
    length = batch_length(Pace(mean_seconds=mean, allowed=allowed), target_seconds=target, ready=ready, lanes=lanes)

    assert 1 <= length <= max(1, min(allowed, MOST))
