"""Slower, faster, or the same."""

from random import Random

import pytest

from orchestrator.search.stages.history import Verdict, keep, regression


def walls(rng: Random, *, mean: float = 1.0, noise: float = 0.05, count: int = 20) -> list[float]:
    return [mean * max(0.01, rng.gauss(1.0, noise)) for _ in range(count)]


@pytest.mark.parametrize(("noise", "count", "comparisons"), [(0.05, 20, 100), (0.3, 5, 200)])
def test_the_same_is_hardly_ever_called_better(noise: float, count: int, comparisons: int) -> None:
    """Of 100 comparisons of one distribution with itself at most five are called faster and at most five kept, also with much noise."""
    faster = kept = 0
    for seed in range(comparisons):
        rng = Random(seed)
        before, after = (walls(rng, noise=noise, count=count) for _ in range(2))
        faster += regression(before, after, rng=rng).changed == "faster"
        kept += keep(before, after, rng=rng).kept
    assert faster <= comparisons * 0.05
    assert kept <= comparisons * 0.05


def test_a_gain_of_a_tenth_is_nearly_always_found() -> None:
    """Of 100 candidates that take 0.9 of the time, with 5 % noise and 20 runs, at least 90 are called faster and 90 kept."""
    faster = kept = 0
    for seed in range(100):
        rng = Random(seed)
        before, after = walls(rng), walls(rng, mean=0.9)
        faster += regression(before, after, rng=rng).changed == "faster"
        kept += keep(before, after, rng=rng).kept
    assert faster >= 90
    assert kept >= 90


def test_a_gain_of_a_twentieth_is_hardly_ever_kept() -> None:
    """A candidate that takes 0.95 of the time is at the border: at most five of 50 are kept."""
    rngs = [Random(seed) for seed in range(50)]
    assert sum(keep(walls(rng), walls(rng, mean=0.95), rng=rng).kept for rng in rngs) <= 5


def test_slower_is_told_from_faster() -> None:
    """What takes a fifth longer is slower, with a ratio of about 1.2 inside its interval; turned round it is faster."""
    rng = Random(3)
    before, after = walls(rng), walls(rng, mean=1.2)
    slower, faster = regression(before, after, rng=rng), regression(after, before, rng=rng)
    assert (slower.changed, faster.changed) == ("slower", "faster")
    assert slower.ratio == pytest.approx(1.2, rel=0.05)
    assert slower.low is not None
    assert slower.high is not None
    assert 1.0 < slower.low < 1.2 < slower.high
    assert (slower.before_count, slower.after_count) == (20, 20)


def test_a_sure_change_below_5_percent_is_none() -> None:
    """2 % may be certain and is still not worth a word."""
    before, after = [1.0 + place * 1e-6 for place in range(20)], [1.02 + place * 1e-6 for place in range(20)]
    verdict = regression(before, after, rng=Random(1))
    assert verdict.changed is None
    assert verdict.ratio == pytest.approx(1.02)
    assert verdict.p_value == pytest.approx(0.002)


def test_fewer_than_five_runs_say_nothing() -> None:
    """Not even a ratio is given, and nothing is kept; a wall of 0 is no run."""
    few = Verdict(changed=None, ratio=None, low=None, high=None, p_value=None, before_count=4, after_count=9)
    assert regression([1.0, 1.0, 1.0, 1.0, 0.0], [0.1] * 9, rng=Random(1)) == few
    decision = keep([1.0] * 4, [0.1] * 9, rng=Random(1))
    assert (decision.kept, decision.reason) == (False, "4 runs are too few, 5 are needed")


def test_pairs_find_what_the_noise_between_them_hides() -> None:
    """Pairs that differ tenfold among themselves, and by a tenth within, are told apart in pairs only."""
    rng = Random(2)
    before = [10.0 ** rng.random() for _ in range(12)]
    after = [wall * rng.gauss(0.9, 0.01) for wall in before]
    assert regression(before, after, rng=rng, paired=True).changed == "faster"
    assert regression(before, after, rng=rng).changed is None
    assert keep(before, after, rng=rng, paired=True).kept


def test_times_without_noise_are_compared() -> None:
    """Equal walls on either side have no spread to divide by: the same is the same, half is faster."""
    assert regression([1.0] * 5, [1.0] * 5, rng=Random(1)).changed is None
    assert regression([1.0] * 5, [0.5] * 5, rng=Random(1)).changed == "faster"
    decision = keep([1.0] * 6, [0.5] * 6, rng=Random(1))
    assert decision.kept
    assert decision.reason == "0.500 (0.500 to 0.500) of the time before: surely below 0.95"


def test_the_draws_are_the_only_chance() -> None:
    """The same walls and the same seed give the same verdict."""
    before, after = walls(Random(1)), walls(Random(2), mean=0.97)
    assert regression(before, after, rng=Random(5)) == regression(before, after, rng=Random(5))
