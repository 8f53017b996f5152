"""Timeouts that follow what was measured."""

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.typical import FEWEST, LEAST_SECONDS, NEWEST, Typical


def test_the_first_five_have_no_timeout() -> None:
    """With four nothing is known yet; the fifth makes it three times their median."""
    typical = Typical(3.0)
    typical.learn([10.0, 2.0, 30.0, 4.0])
    assert (FEWEST, typical.timeout_seconds) == (5, None)
    typical.learn([5.0])
    assert typical.timeout_seconds == 15.0


def test_no_timeout_is_shorter_than_a_second() -> None:
    """What takes a millisecond may once take three hundred."""
    typical = Typical(3.0)
    typical.learn([0.001] * 5)
    assert typical.timeout_seconds == LEAST_SECONDS


def test_old_ones_are_forgotten() -> None:
    """A stage that has become slower is judged by what it is now."""
    typical = Typical(2.0)
    typical.learn([1.0] * 1000)
    typical.learn([50.0] * 251)
    assert typical.timeout_seconds == 100.0


@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=5, max_size=1200))
def test_it_is_the_median_of_the_newest(walls: list[float]) -> None:
    """Whatever came before, in whatever order."""
    typical = Typical(2.0)
    typical.learn(walls)
    assert typical.timeout_seconds == max(LEAST_SECONDS, 2.0 * median(walls[-NEWEST:]))
