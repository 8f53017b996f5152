"""The daemon's counts in the Prometheus text format (version 0.0.4). Plain functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric with its samples: labels to values; a value of None is left out."""

    name: str
    meaning: str
    samples: Mapping[tuple[tuple[str, str], ...], float | None]


def render(gauges: Iterable[Gauge]) -> str:
    """The text a scraper reads."""
    lines: list[str] = []
    for gauge in gauges:
        lines += [f"# HELP {gauge.name} {gauge.meaning}", f"# TYPE {gauge.name} gauge"]
        lines += [
            f"{gauge.name}{_labels(labels)} {value!r}" for labels, value in gauge.samples.items() if value is not None
        ]
    return "\n".join(lines) + "\n"


def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _one(name: str, meaning: str, value: float | None) -> Gauge:
    return Gauge(f"orchestrator_{name}", meaning, {(): value})


def _by_state(name: str, meaning: str, values: Mapping[str, float]) -> Gauge:
    return Gauge(f"orchestrator_{name}", meaning, {(("state", state),): value for state, value in values.items()})


def gauges(status: Mapping[str, Any]) -> list[Gauge]:
    """What `status` says, as metrics."""
    machine, database = status["machine"], status["database"]
    states = {state: int(status["state"] == state) for state in ("ready", "draining", "degraded")}
    return [
        Gauge("orchestrator_info", "Version of the daemon.", {(("version", status["version"]),): 1}),
        _by_state("state", "1 for the state the daemon is in.", states),
        _one("uptime_seconds", "Time since the daemon started.", status["uptime_seconds"]),
        _one("slots_total", "Evaluations that can run at one instant.", status["slots"]["total"]),
        _one("slots_busy", "Slots that run an evaluation now.", status["slots"]["busy"]),
        _one("queue_iterations", "Iterations that wait.", status["queue"]["iterations"]),
        _by_state("experiments", "Experiments that have not ended.", status["experiments"]),
        _one("machine_cpu_percent", "CPU use of the machine, 0 to 100.", machine.get("cpu_percent")),
        _one("machine_memory_available_bytes", "Memory that is free.", machine.get("memory_available_bytes")),
        _one("machine_disk_free_bytes", "Space where the state directory is.", machine.get("disk_free_bytes")),
        _one("database_bytes", "Size of the database file.", database["bytes"]),
        _one("database_wal_bytes", "Size of its write-ahead log.", database["wal_bytes"]),
    ]
