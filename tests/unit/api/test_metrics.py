"""Claims about the Prometheus text."""

from orchestrator.api.metrics import Metric, counters, gauges, render

STATUS = {
    "version": "1.2",
    "state": "degraded",
    "uptime_seconds": 1.5,
    "slots": {"total": 4, "busy": 1},
    "queue": {"iterations": 10},
    "limited": ["memory"],
    "experiments": {"running": 1, "paused": 0, "queued": 2},
    "machine": {"cpu_percent": 12.5, "memory_available_bytes": 100, "disk_free_bytes": 200},
    "database": {"bytes": 4096, "wal_bytes": 0},
}


def test_status_becomes_samples() -> None:
    """Every number of the status is there under its name, states as labels."""
    lines = render(gauges(STATUS)).splitlines()
    assert 'orchestrator_info{version="1.2"} 1' in lines
    assert 'orchestrator_state{state="degraded"} 1' in lines
    assert 'orchestrator_state{state="ready"} 0' in lines
    assert "orchestrator_slots_busy 1" in lines
    assert 'orchestrator_experiments{state="queued"} 2' in lines
    assert "orchestrator_machine_cpu_percent 12.5" in lines
    assert 'orchestrator_admission_limited{by="memory"} 1' in lines
    assert 'orchestrator_admission_limited{by="cpu"} 0' in lines


def test_every_metric_says_what_it_is() -> None:
    """A HELP and a TYPE line stand before each metric's samples; the text ends in a line feed."""
    text = render(gauges(STATUS))
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert text.endswith("\n")
    for name in names:
        assert f"# HELP {name} " in text
        assert f"# TYPE {name} gauge" in text


def test_labels_are_escaped_and_unknown_values_left_out() -> None:
    """Quotes, backslashes and line feeds in a label are escaped; None gives no sample."""
    gauge = Metric("g", "A gauge.", {(("name", 'a"b\\c\nd'),): 1, (("name", "none"),): None})
    assert render([gauge]).splitlines()[2:] == ['g{name="a\\"b\\\\c\\nd"} 1']


def total(executor: str, end: str, cause: str = "", **numbers: float | None) -> dict[str, object]:
    """A row of sums as the store has it; what is not named is unknown."""
    names = ("wall_seconds", "cpu_seconds", "queue_seconds", "output_bytes", "read_bytes", "written_bytes")
    return {"executor": executor, "end": end, "cause": cause, "attempts": 2, **dict.fromkeys(names), **numbers}


def test_sums_become_counters_with_units() -> None:
    """Attempts are counted by executor, end and cause; what they used is added up by executor, the unknown left out."""
    rows = [
        total("process", "succeeded", wall_seconds=1.5, written_bytes=512),
        total("process", "failed", "raised", wall_seconds=0.25),
        total("", "failed", "worker_lost"),
    ]
    lines = render(counters(rows)).splitlines()

    assert "# TYPE orchestrator_attempts_total counter" in lines
    assert 'orchestrator_attempts_total{executor="process",end="failed",cause="raised"} 2' in lines
    assert 'orchestrator_wall_seconds_total{executor="process"} 1.75' in lines
    assert 'orchestrator_written_bytes_total{executor="process"} 512' in lines
    assert [line for line in lines if line.startswith("orchestrator_cpu_seconds_total")] == []
    assert [line for line in lines if 'executor=""' in line and "seconds" in line] == []
