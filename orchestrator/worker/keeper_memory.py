"""The evaluations under the keeper that have a limit of memory: when they are looked at, and which hold too much."""

from __future__ import annotations

import time
from typing import Callable, Dict, Iterable, List, Optional

from orchestrator.worker import keeper_system as system
from orchestrator.worker.keeper_cgroup import divided
from orchestrator.worker.keeper_runs import Run
from orchestrator.worker.limits import Meter, pause_seconds


class MemoryWatch:
    """Looks at all of them at once. `orphans` tells the children of the keeper that are no main processes."""

    def __init__(self, orphans: Callable[[], Iterable[int]]) -> None:
        self._orphans = orphans
        self._groups, self.without_groups = divided()  # the second: why there are none
        self._meters: Dict[Run, Meter] = {}
        self.next_time: Optional[float] = None  # monotonic; None while nobody has a limit

    def add(self, run: Run, now: float) -> None:
        """Follow a run that has just started, when its job has a limit."""
        limit_bytes = run.chain.job.get("memory_bytes")
        if limit_bytes is not None:
            self._meters[run] = Meter(limit_bytes)
            if self._groups is not None and run.pid is not None:
                self._groups.take_in(run.token, run.pid, limit_bytes=limit_bytes)
            self.next_time = self.next_time or now + pause_seconds(0.0)

    def conclude(self, run: Run) -> None:
        """It has ended: what the kernel knows of its memory counts too."""
        told = None if self._groups is None else self._groups.give_up(run.token)
        if told is None:
            return
        if told.peak_bytes is not None:
            run.tree_peak_bytes = max(told.peak_bytes, run.tree_peak_bytes or 0)
        if told.was_killed and run.exceeded_bytes is None:
            run.exceeded_bytes = told.peak_bytes or run.chain.job["memory_bytes"]

    def due(self, now: float) -> List[Run]:
        """Those that hold too much at this moment, when it is time to look; each is named once."""
        if self.next_time is None or now < self.next_time:
            return []
        self._meters = {run: meter for run, meter in self._meters.items() if not run.ended}
        strays = self._strays() if self._meters else {}
        excessive = [run for run in self._meters if self._exceeds(run, strays.get(run.mark, ()))]
        for run in excessive:
            del self._meters[run]
        done = time.monotonic()
        self.next_time = done + pause_seconds(done - now) if self._meters else None
        return excessive

    def _exceeds(self, run: Run, strays: Iterable[int]) -> bool:
        if run.pid is None or not run.executing or run.killed or run.timed_out:
            return False
        meter = self._meters[run]
        run.exceeded_bytes = meter.exceeded([run.pid, *strays])
        run.tree_peak_bytes = meter.peak_bytes
        return run.exceeded_bytes is not None

    def _strays(self) -> Dict[int, List[int]]:
        """Whose parents have ended: they are children of the keeper now. By mark."""
        found: Dict[int, List[int]] = {}
        for pid in self._orphans():
            found.setdefault(system.mark_of(pid), []).append(pid)
        return found
