"""The whole daemon but for its processes: store, engine with an inline executor, app, socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from orchestrator.api import Host, Rules, Server, Services, Who, bind, create_app, serve
from orchestrator.engine.orchestrator import Orchestrator
from orchestrator.engine.setting import Setting
from orchestrator.store.store import open_store
from tests.support.calling import Reply, ask
from tests.support.inline import Evaluate, InlineExecutor, metrics
from tests.support.machine import FedProbe

QUADRATIC = """
name = "quadratic"
seed = 1
[stage]
call = "model:evaluate"
[space]
x = [3, 1, 2]
[search]
method = "grid"
"""


def square(parameters: Any, *_: Any) -> Any:
    """What the inline executor evaluates by default."""
    return metrics(value=float(parameters["x"]) ** 2)


@dataclass
class Door:
    """A served app and how to reach it."""

    path: Path
    state: Path
    orchestrator: Orchestrator
    server: Server
    stops: list[bool]
    standing: list[str] = field(default_factory=lambda: ["ready"])

    async def ask(self, method: str, target: str, body: Any = None, **headers: str) -> Reply:
        """One request and its whole answer."""
        return await ask(self.path, method, target, body, **headers)

    def body(self, text: str = QUADRATIC, **more: Any) -> dict[str, Any]:
        """The body of a submission."""
        return {"text": text, "folder": str(self.state), "environment": {"PATH": "/usr/bin:/bin"}, **more}

    async def submit(self, text: str = QUADRATIC) -> int:
        """Submit and return the id."""
        reply = await self.ask("POST", "/v1/experiments", self.body(text))
        assert reply.status == 201, reply.body
        return int(reply.json["id"])

    async def start(self, text: str = QUADRATIC) -> int:
        """Submit, wait until something of it runs, and return the id."""
        with self.orchestrator.store.broadcast.subscribe() as events:
            experiment = await self.submit(text)
            while "iterations_started" not in {event["kind"] for event in await events.next() or []}:
                pass
        return experiment

    async def run(self, text: str = QUADRATIC) -> int:
        """Submit, wait for the end, and return the id."""
        experiment = await self.submit(text)
        assert (await self.ask("GET", f"/v1/experiments/{experiment}/wait")).json["ended"]
        return experiment


@asynccontextmanager
async def open_door(
    state: Path, *, evaluate: Evaluate = square, gate: anyio.Event | None = None, rules: Rules | None = None
) -> AsyncIterator[Door]:
    """A door over a fresh or existing state directory; every executor is the inline one."""
    inline = InlineExecutor(evaluate, gate=gate)
    (state / "model.py").write_text("def evaluate(parameters): ...\n")
    executors = dict.fromkeys(("isolated", "process", "sequential", "thread"), inline)
    setting = Setting(
        runs_folder=state / "runs",
        socket="",
        boot_id="boot",
        slots=2,
        threads=2,
        batch_seconds=0.03,
        lock_folder=state / "locks",
    )
    stops: list[bool] = []
    standing = ["ready"]
    host = Host(
        state_directory=state,
        state=lambda: standing[-1],
        uptime_seconds=lambda: 1.0,
        machine=lambda: {"cpu_percent": 1.0, "memory_available_bytes": 2, "disk_free_bytes": 3},
        stop=stops.append,
    )
    everyone = Rules(owner_uid=0, read=Who(anyone=True), control=Who(anyone=True))
    async with (
        open_store(state / "orchestrator.db") as store,
        Orchestrator(store, executors, setting, probe=FedProbe()) as orchestrator,
    ):
        services = Services(orchestrator=orchestrator, views=store.feed, rules=rules or everyone, host=host)
        with bind(state / "s") as listener:
            async with serve(create_app(services), listener) as server:
                yield Door(state / "s", state, orchestrator, server, stops, standing)
