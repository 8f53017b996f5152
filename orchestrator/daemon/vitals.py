"""What the daemon says about its state, its age and its machine."""

import os
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Protocol

from orchestrator.daemon.stopping import Stop
from orchestrator.resources import Readings


class Engine(Protocol):
    """What may be unable to go on."""

    @property
    def degraded(self) -> str | None:
        """Why nothing can be stored, or nothing starts for want of room on the disk, if so."""
        ...


class Vitals:
    """Counts from the moment it is made."""

    def __init__(self, engine: Engine, stop: Stop, *, readings: Callable[[], Readings]) -> None:
        self._engine = engine
        self._readings = readings
        self._stop = stop
        self._started_seconds = time.monotonic()

    def state(self) -> str:
        """`ready`, `draining`, or `degraded` when nothing can be stored or nothing starts for want of room on the disk."""
        if self._stop.asked:
            return "draining"
        return "degraded" if self._engine.degraded else "ready"

    def uptime_seconds(self) -> float:
        """Since the daemon came up; does not count while the machine is suspended."""
        return time.monotonic() - self._started_seconds

    def machine(self) -> dict[str, Any]:
        """Readings of now, and how many CPUs the machine has in all."""
        readings = self._readings()
        return {
            **asdict(readings),
            "own_memory_bytes": sum(readings.own_memory_bytes),
            "memory_percent": round(readings.memory_percent, 1),
            "cpu_count": os.cpu_count(),
        }
