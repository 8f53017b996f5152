"""The daemon's counts in the Prometheus text format (version 0.0.4). Plain functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


Samples = Mapping[tuple[tuple[str, str], ...], float | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric with its samples: labels to values; a value of None is left out."""

    name: str
    meaning: str
    samples: Samples
    kind: Literal["gauge", "counter"] = "gauge"


def render(metrics: Iterable[Metric]) -> str:
    """The text a scraper reads."""
    lines: list[str] = []
    for metric in metrics:
        lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {metric.kind}"]
        lines += [
            f"{metric.name}{_labels(labels)} {value!r}" for labels, value in metric.samples.items() if value is not None
        ]
    return "\n".join(lines) + "\n"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _one(name: str, meaning: str, value: float | None) -> Metric:
    return Metric(f"orchestrator_{name}", meaning, {(): value})


def _by_state(name: str, meaning: str, values: Mapping[str, float]) -> Metric:
    return Metric(f"orchestrator_{name}", meaning, {(("state", state),): value for state, value in values.items()})


def gauges(status: Mapping[str, Any]) -> list[Metric]:
    """What `status` says, as metrics."""
    machine, database = status["machine"], status["database"]
    states = {state: int(status["state"] == state) for state in ("ready", "draining", "degraded")}
    return [
        Metric("orchestrator_info", "Version of the daemon.", {(("version", status["version"]),): 1}),
        _by_state("state", "1 for the state the daemon is in.", states),
        _one("uptime_seconds", "Time since the daemon started.", status["uptime_seconds"]),
        _one("slots_total", "Evaluations that can run at one instant.", status["slots"]["total"]),
        _one("slots_busy", "Slots that run an evaluation now.", status["slots"]["busy"]),
        _one("queue_iterations", "Iterations that wait.", status["queue"]["iterations"]),
        Metric(
            "orchestrator_admission_limited",
            "1 for what the machine lacks so that little or nothing starts.",
            {(("by", by),): int(by in status["limited"]) for by in ("disk", "memory", "cpu")},
        ),
        _by_state("experiments", "Experiments that have not ended.", status["experiments"]),
        _one("machine_cpu_percent", "CPU use of the machine, 0 to 100.", machine.get("cpu_percent")),
        _one("machine_others_cpu_percent", "CPU use that is not the daemon's own.", machine.get("others_cpu_percent")),
        _one("machine_load_1_minute", "Mean number of processes that run or want to.", machine.get("load_1_minute")),
        _one("machine_memory_total_bytes", "Memory, or the control group's limit.", machine.get("memory_total_bytes")),
        _one("machine_memory_available_bytes", "Memory that is free.", machine.get("memory_available_bytes")),
        _one("machine_own_memory_bytes", "Memory of the daemon's evaluations.", machine.get("own_memory_bytes")),
        _one("machine_disk_free_bytes", "Space where the state directory is.", machine.get("disk_free_bytes")),
        _one("database_bytes", "Size of the database file.", database["bytes"]),
        _one("database_wal_bytes", "Size of its write-ahead log.", database["wal_bytes"]),
    ]


_SUMS = (
    ("wall_seconds", "wall_seconds_total", "Time attempts took."),
    ("cpu_seconds", "cpu_seconds_total", "CPU time of attempts, user and system."),
    ("queue_seconds", "queue_seconds_total", "Time attempts waited before they began."),
    ("output_bytes", "output_bytes_total", "What attempts printed."),
    ("read_bytes", "read_bytes_total", "What attempts fetched from storage."),
    ("written_bytes", "written_bytes_total", "What attempts sent to storage."),
)


def counters(totals: Iterable[Mapping[str, Any]]) -> list[Metric]:
    """What everything that ever ran came to and used. `totals` as the store has them, by executor, end and cause."""
    rows = list(totals)
    attempts: Samples = {
        (("executor", row["executor"]), ("end", row["end"]), ("cause", row["cause"])): row["attempts"] for row in rows
    }
    meaning = "Attempts that have ended, since the state directory was made."
    sums = [
        Metric(f"orchestrator_{name}", f"{text} What is not known adds nothing.", _by_executor(rows, column), "counter")
        for column, name, text in _SUMS
    ]
    return [Metric("orchestrator_attempts_total", meaning, attempts, "counter"), *sums]


def _by_executor(rows: Iterable[Mapping[str, Any]], column: str) -> Samples:
    sums: dict[tuple[tuple[str, str], ...], float | None] = {}
    for row in rows:
        if row[column] is not None:
            labels = (("executor", row["executor"]),)
            sums[labels] = (sums.get(labels) or 0) + row[column]
    return sums
