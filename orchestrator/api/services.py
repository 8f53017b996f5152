"""What the routes are given, and the parameters they share: the services, the ref, the right."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import Depends, Query, Request
from fastapi import Path as PathParameter

from orchestrator.api.rights import Right, Rules, require
from orchestrator.domain.refs import LARGEST, Ref
from orchestrator.engine.orchestrator import Orchestrator
from orchestrator.errors import InvalidReference
from orchestrator.store.broadcast import Broadcast
from orchestrator.store.views import Views

log = structlog.get_logger(__name__)

LONGEST_REF = 300
LARGEST_PAGE = 100_000

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What the engine does not know: the daemon's place, its age, the machine, and how to ask it to leave."""

    state_directory: Path
    state: Callable[[], str]  # ready, draining or degraded: only a ready daemon takes new work
    uptime_seconds: Callable[[], float]
    machine: Callable[[], Row]  # cpu_percent, memory_available_bytes, disk_free_bytes
    stop: Callable[[bool], None]  # True: isolated work ends too


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything behind the door."""

    orchestrator: Orchestrator
    views: Views
    rules: Rules
    host: Host

    @property
    def events(self) -> Broadcast:
        """Events as they are committed."""
        return self.orchestrator.store.broadcast


def services_of(request: Request) -> Services:
    """The services the app was made with."""
    found: Services = request.app.state.services
    return found


async def _services(request: Request) -> Services:
    return services_of(request)


Given = Annotated[Services, Depends(_services)]


def _needs(right: Right, *, noted: bool = False) -> Any:
    async def check(request: Request) -> None:
        peer = getattr(request.state, "peer", None)
        require(peer, right, services_of(request).rules)
        if noted and peer is not None:
            log.info("control_requested", method=request.method, path=request.url.path, uid=peer.uid, pid=peer.pid)

    return Depends(check)


READING = _needs(Right.READ)
CONTROLLING = _needs(Right.CONTROL, noted=True)
REPORTING = _needs(Right.CONTROL)  # of evaluations, thousands of times: not worth a line each in the log

RefText = Annotated[
    str,
    PathParameter(
        max_length=LONGEST_REF, description="12, 12.3, 12.3.1, or an experiment's name (the newest with it)."
    ),
]


async def _known(services: Given, ref: RefText) -> Ref:
    return await services.views.resolve(ref)


AnyRef = Annotated[Ref, Depends(_known)]
"""A place at any level of the hierarchy; it exists."""


async def _experiment(found: AnyRef) -> Ref:
    if found.variant is not None:
        raise InvalidReference(
            f"{found.described}: this needs an experiment", hint=f"ask for experiment {found.experiment}"
        )
    return found


ExperimentRef = Annotated[Ref, Depends(_experiment)]
"""An experiment; it exists."""

Limit = Annotated[int | None, Query(ge=1, le=LARGEST_PAGE, description="At most so many. Without: all.")]
After = Annotated[int | None, Query(ge=0, le=LARGEST, description="Where the page before ended.")]
