"""Keeps an eye on the machine while there is something to do: the last reading and what follows from it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio
import structlog

from orchestrator.engine.pressure import Pressure, Thresholds, pressure
from orchestrator.resources import Probe, Readings
from orchestrator.store.reserve import Reserve, whole_bytes

log = structlog.get_logger(__name__)

STALE_SECONDS = 1.0


class MachineWatch:
    """One for the daemon. Admission reads `pressure`; nothing is measured for it."""

    def __init__(self, probe: Probe, thresholds: Thresholds, reserve: Reserve) -> None:
        self._thresholds = thresholds
        self._probe = probe
        self._reserve = reserve
        self._taken_seconds = float("-inf")
        self.pressure = Pressure(readings=probe.read())  # what follows from it is asked first, and told then

    @property
    def thresholds(self) -> Thresholds:
        """As they are now: what is owed to the reserve must be free as well."""
        return replace(self._thresholds, reserve_owed_bytes=self._reserve.owed_bytes)

    @property
    def readings(self) -> Readings:
        """The last ones."""
        return self.pressure.readings

    def look(self) -> Pressure:
        """The pressure now: with a new reading when the last one is older than a second."""
        if anyio.current_time() - self._taken_seconds >= STALE_SECONDS:
            self._judge(self._probe.read())
        return self.pressure

    async def run(self, *, needed: Callable[[], Awaitable[None]], told: Callable[[], None]) -> None:
        """Take a reading again and again while it is `needed`; after each one somebody is `told`. Runs until it is cancelled."""
        while True:
            await needed()
            self._judge(await self._probe.next())
            told()

    async def make_reserve(self) -> None:
        """Make the reserve whole, if nothing stops starting for want of what it takes."""
        readings = self._probe.read()
        spare = readings.disk_free_bytes - self._thresholds.headroom_bytes(readings)
        if readings.disk_total_bytes:
            await self._reserve.make(whole_bytes(readings.disk_total_bytes), spare_bytes=spare)

    async def keep_reserve(self) -> None:
        """Make it whole again whenever it was given up, once there is room. Runs until it is cancelled."""
        while True:
            await self._reserve.lacking()
            await self._probe.next()
            await self.make_reserve()

    def _judge(self, readings: Readings) -> None:
        before = self.pressure.closed
        self._taken_seconds = anyio.current_time()
        self.pressure = pressure(readings, self.thresholds, before=before)
        if self.pressure.closed != before:
            facts = {
                "memory_percent": round(readings.memory_percent, 1),
                "others_cpu_percent": readings.others_cpu_percent,
                "disk_free_bytes": readings.disk_free_bytes,
            }
            if self.pressure.closed:
                log.warning("admission_limited", because=[str(wait) for wait in self.pressure.closed], **facts)
            else:
                log.info("admission_open", **facts)
