"""What the daemon says about its state, its age and its machine."""

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from orchestrator.daemon.stopping import Stop
from orchestrator.resources import Machine


class Storing(Protocol):
    """What may be unable to store."""

    @property
    def degraded(self) -> str | None:
        """Why nothing can be stored at the moment, if so."""
        ...


class Vitals:
    """Counts from the moment it is made."""

    def __init__(self, engine: Storing, stop: Stop, *, folder: Path) -> None:
        self._engine = engine
        self._stop = stop
        self._started_seconds = time.monotonic()
        self._machine = Machine(folder, now_seconds=self._started_seconds)

    def state(self) -> str:
        """`ready`, `draining`, or `degraded` when nothing can be stored."""
        if self._stop.asked:
            return "draining"
        return "degraded" if self._engine.degraded else "ready"

    def uptime_seconds(self) -> float:
        """Since the daemon came up; does not count while the machine is suspended."""
        return time.monotonic() - self._started_seconds

    def machine(self) -> dict[str, Any]:
        """Readings of now, and how many CPUs the machine has in all."""
        return {**asdict(self._machine.read(now_seconds=time.monotonic())), "cpu_count": os.cpu_count()}
