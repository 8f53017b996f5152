"""Measured numbers as metrics."""

from orchestrator.domain.outcome import Usage
from orchestrator.search.metrics import own_metrics, with_measured


def test_measured_numbers_stand_beside_the_workloads_own() -> None:
    """What is known is there, what is unknown is absent and not 0."""
    usage = Usage(wall_seconds=1.5, cpu_seconds=0.0, max_rss_bytes=None)
    assert with_measured({"loss": 2.0}, usage) == {"loss": 2.0, "wall_seconds": 1.5, "cpu_seconds": 0.0}


def test_a_workloads_own_number_counts_before_the_measured_one() -> None:
    """A workload that reports `wall_seconds` is believed."""
    assert with_measured({"wall_seconds": 9.0}, Usage(wall_seconds=1.5)) == {"wall_seconds": 9.0}


def test_no_metrics_at_all_leave_the_measured_ones() -> None:
    """A command that only succeeds can be judged by its time."""
    assert with_measured(None, Usage(wall_seconds=1.5)) == {"wall_seconds": 1.5}


def test_measured_names_are_not_the_workloads() -> None:
    """What is left are the names the workload chose, in its order."""
    assert own_metrics(["wall_seconds", "b", "a", "max_rss_bytes"]) == ("b", "a")
