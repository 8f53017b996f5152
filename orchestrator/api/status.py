"""The daemon's status as one document."""

import os
from typing import Any

from orchestrator import __version__
from orchestrator.api.services import Services


def status_of(services: Services) -> dict[str, Any]:
    """Version, process, state (when degraded, why), slots, queue, experiments, machine, database."""
    host = services.host
    return {
        "version": __version__,
        "pid": os.getpid(),
        "state": host.state(),
        "degraded": services.orchestrator.degraded,
        "uptime_seconds": round(host.uptime_seconds(), 3),
        **services.orchestrator.counts(),
        "machine": dict(host.machine()),
        "database": services.views.sizes(),
    }
