"""Profiles: what they hold, how they are written down, what class they give."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from orchestrator.errors import InvalidRequest
from orchestrator.search.stages.profile import Kind, Profile, Sample, classify, profile_of

KNOWN = Profile(
    runs=12,
    cpu_runs=12,
    cpu_share=0.5,
    cpu_share_low=0.45,
    cpu_share_high=0.55,
    wall_seconds=1.0,
    wall_p10_seconds=0.8,
    wall_p90_seconds=1.2,
    max_rss_bytes=1 << 20,
)


def test_a_profile_holds_share_interval_durations_and_memory() -> None:
    """Three runs give the mean share with its t-interval, the mean wall, both quantiles and the largest memory."""
    profile = profile_of([Sample(1.0, 0.1, 10), Sample(2.0, 0.4), Sample(4.0, 1.2, 30)])
    assert profile is not None
    reach = 4.302652729911275 * 0.1 / 3**0.5
    assert profile.to_json() == pytest.approx(
        {
            "runs": 3,
            "cpu_runs": 3,
            "cpu_share": 0.2,
            "cpu_share_low": max(0.0, 0.2 - reach),
            "cpu_share_high": 0.2 + reach,
            "wall_seconds": 7.0 / 3.0,
            "wall_p10_seconds": 1.0,
            "wall_p90_seconds": 4.0,
            "max_rss_bytes": 30,
        }
    )


def test_what_was_not_measured_stays_unknown() -> None:
    """Without CPU seconds and memory these are None, not 0, and the stage is of no class; without a run there is no profile."""
    assert profile_of([Sample(1.0), Sample(1.0)]) == Profile(
        runs=2,
        cpu_runs=0,
        cpu_share=None,
        cpu_share_low=None,
        cpu_share_high=None,
        wall_seconds=1.0,
        wall_p10_seconds=1.0,
        wall_p90_seconds=1.0,
        max_rss_bytes=None,
    )
    assert profile_of([]) is None


def test_a_single_run_has_no_interval() -> None:
    """One run says a share but not how sure it is; a run that took no time says no share."""
    one = profile_of([Sample(2.0, 1.0), Sample(0.0, 0.0)])
    assert one is not None
    assert (one.runs, one.cpu_runs, one.cpu_share) == (2, 1, 0.5)
    assert (one.cpu_share_low, one.cpu_share_high, classify(one)) == (None, None, Kind.UNKNOWN)


@pytest.mark.parametrize(
    ("wall", "cpu", "starved", "share"),
    [
        (1.0, 0.25, None, 0.25),
        (1.0, 0.25, 0.0, 0.25),
        (1.0, 0.25, 0.75, 1.0),
        (1.0, 0.25, 0.5, 0.5),
        (1.0, 0.25, 0.9, 1.0),
        (1.0, 0.0, 0.9, 0.0),
        (1.0, 0.0, 1.0, 0.0),
        (1.0, 2.0, 0.5, 2.0),
        (1.0, None, 0.5, None),
        (0.0, 0.0, 0.0, None),
    ],
)
def test_a_share_is_of_the_time_in_which_there_was_a_core(
    wall: float, cpu: float | None, starved: float | None, share: float | None
) -> None:
    """What computes a quarter of the time and wants a core for the rest computes; it makes nothing compute on more than one."""
    assert Sample(wall, cpu, None, starved).cpu_share == share


def test_what_computes_beside_others_that_compute_is_bound_by_the_cpu() -> None:
    """A quarter of a core each time: by the clock on the wall it would be taken for waiting."""
    crowded, by_the_wall = profile_of([Sample(0.4, 0.1, None, 0.3)] * 9), profile_of([Sample(0.4, 0.1)] * 9)
    assert (classify(crowded), classify(by_the_wall)) == (Kind.CPU, Kind.WAITING)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of 400 profiles of eight noisy runs, about 95 % have the true share inside their interval."""
    rng, inside = Random(5), 0
    for _ in range(400):
        profile = profile_of([Sample(1.0, rng.gauss(0.5, 0.1)) for _ in range(8)])
        assert profile is not None
        assert profile.cpu_share_low is not None
        assert profile.cpu_share_high is not None
        inside += profile.cpu_share_low <= 0.5 <= profile.cpu_share_high
    assert 368 <= inside <= 392


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (0.0, 0.1, Kind.WAITING),
        (0.2, 0.3, Kind.WAITING),
        (0.25, 0.35, Kind.UNKNOWN),
        (0.31, 0.69, Kind.MIXED),
        (0.3, 0.5, Kind.UNKNOWN),
        (0.6, 0.8, Kind.UNKNOWN),
        (0.7, 0.9, Kind.CPU),
        (1.5, 3.9, Kind.CPU),
        (None, None, Kind.UNKNOWN),
    ],
)
def test_a_class_needs_an_interval_that_crosses_no_border(low: float, high: float, kind: Kind) -> None:
    """The borders are 0.3 and 0.7; who might be on either side of one is unknown."""
    assert classify(replace(KNOWN, cpu_share_low=low, cpu_share_high=high)) is kind


def test_a_class_needs_three_runs() -> None:
    """Two equal runs are sure of their share, and yet too few."""
    assert classify(replace(KNOWN, cpu_runs=2)) is Kind.UNKNOWN
    assert classify(None) is Kind.UNKNOWN


def test_a_stage_that_is_over_before_it_could_be_handed_over_is_tiny() -> None:
    """A tenth of a millisecond is tiny, a millisecond is not."""
    assert replace(KNOWN, wall_seconds=1e-4).tiny
    assert not replace(KNOWN, wall_seconds=1e-3).tiny


def test_the_spread_of_what_takes_no_time_is_unknown() -> None:
    """p90 / p10 is a number only when p10 is above 0, so that no infinity gets into a document."""
    assert KNOWN.spread == pytest.approx(1.5)
    assert replace(KNOWN, wall_p10_seconds=0.0).spread is None


def test_a_profile_survives_being_written_down() -> None:
    """What is read is what was written."""
    assert Profile.from_json(KNOWN.to_json()) == KNOWN


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"runs": 1.5}, ["runs"]),
        ({"runs": True}, ["runs"]),
        ({"wall_seconds": None}, ["wall_seconds"]),
        ({"wall_seconds": float("inf")}, ["wall_seconds"]),
        ({"cpu_share": "0.5"}, ["cpu_share"]),
        ({"cpu_share": -0.1, "cpu": 1}, ["cpu", "cpu_share"]),
    ],
)
def test_what_is_no_profile_is_refused_key_by_key(change: dict[str, Any], where: list[str]) -> None:
    """Every wrong and every unknown key is named."""
    with pytest.raises(InvalidRequest) as refused:
        Profile.from_json({**KNOWN.to_json(), **change})
    assert [problem.where for problem in refused.value.problems] == where


@pytest.mark.parametrize("value", [None, [], {"runs": 1}])
def test_what_lacks_a_key_is_refused(value: Any) -> None:
    """A profile is an object with all its keys."""
    with pytest.raises(InvalidRequest):
        Profile.from_json(value)
