"""Everything that lives, in order: store, executors, engine, socket; then ready; then, in reverse, gone."""

import gc
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

import anyio
import structlog

from orchestrator import places
from orchestrator.api import Host, Server, Services, adopt, bind, create_app, serve
from orchestrator.daemon import manager, sd
from orchestrator.daemon.access import rules_of
from orchestrator.daemon.executors import open_executors
from orchestrator.daemon.installation import own_files, until_gone
from orchestrator.daemon.options import Options
from orchestrator.daemon.readiness import ReadyPipe
from orchestrator.daemon.retention import keep_events
from orchestrator.daemon.stopping import Stop, Waiting, first_of, leave_when_gone, leave_when_idle, obey_signals
from orchestrator.daemon.vitals import Vitals
from orchestrator.engine.lanes import Lane
from orchestrator.engine.orchestrator import Orchestrator
from orchestrator.engine.pressure import Thresholds
from orchestrator.engine.setting import Setting
from orchestrator.executors.base import Executor
from orchestrator.executors.nursery import nurses, open_nursery
from orchestrator.executors.outliving import OutlivingExecutor
from orchestrator.locks import boot_id
from orchestrator.resources import MachineProbe, cores, memory_total_bytes
from orchestrator.search.stages.sizing import Sizes, reference
from orchestrator.settings import LaneSetting, Settings
from orchestrator.store.store import open_store

log = structlog.get_logger(__name__)

Hearing = Callable[[], Coroutine[Any, Any, list[dict[str, Any]] | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What this daemon was told to be."""

    options: Options
    settings: Settings
    state: Path
    environ: MutableMapping[str, str]
    lanes: Mapping[str, LaneSetting]

    @property
    def slots(self) -> int:
        """Processes that run evaluations."""
        return self._fitting.processes if self.settings.slots == "auto" else self.settings.slots

    @property
    def threads(self) -> int:
        """Evaluations of thread stages at one instant."""
        return self._fitting.threads if self.settings.threads == "auto" else self.settings.threads

    @property
    def _fitting(self) -> Sizes:
        """As many as fit this machine. What others hold of its memory changes all the time: admission looks at that."""
        return reference(cores(), memory_bytes=memory_total_bytes())


async def run(plan: Plan, pipe: ReadyPipe) -> None:
    """Live until told to leave, then leave in order. Signals count from the beginning: one that comes early ends it once it is up."""
    stop = Stop()
    rules = rules_of(plan.settings)
    async with anyio.create_task_group() as tasks:
        await tasks.start(obey_signals, stop, name="signals")
        with _listening(plan) as (listener, socket_path):
            async with _engine(plan, socket_path) as engine:
                services = Services(
                    orchestrator=engine, views=engine.store.feed, rules=rules, host=_host(plan, engine, stop)
                )
                async with serve(create_app(services), listener) as server:
                    await _Living(plan=plan, engine=engine, server=server, stop=stop).run(pipe)
        tasks.cancel_scope.cancel()
    log.info("daemon_stopped", reason=stop.reason)


def _host(plan: Plan, engine: Orchestrator, stop: Stop) -> Host:
    vitals = Vitals(engine, stop, readings=lambda: engine.watch.look().readings)
    return Host(
        state_directory=plan.state,
        state=vitals.state,
        uptime_seconds=vitals.uptime_seconds,
        machine=vitals.machine,
        stop=lambda everything: stop.ask("a client asked", everything=everything),
    )


@contextmanager
def _listening(plan: Plan) -> Iterator[tuple[socket, str]]:
    """A listening socket and its path: the one systemd passed, else one of our own."""
    passed = sd.passed_socket(plan.environ)
    if passed is not None:
        with adopt(passed) as listener:
            yield listener, listener.getsockname()
        return
    path = places.server_socket(plan.options.socket, plan.options.state_dir, plan.environ)
    with bind(path) as listener:
        yield listener, str(path)


@asynccontextmanager
async def _engine(plan: Plan, socket_path: str) -> AsyncIterator[Orchestrator]:
    setting = Setting(
        runs_folder=plan.state / "runs",
        socket=socket_path,
        boot_id=boot_id(),
        slots=plan.slots,
        threads=plan.threads,
        batch_seconds=plan.settings.batch_seconds,
        artifact_limit_bytes=plan.settings.artifact_limit_bytes,
        lock_folder=places.lock_directory(plan.state, plan.environ),
        thresholds=_thresholds(plan.settings),
        lanes={name: _lane(name, setting) for name, setting in plan.lanes.items()},
    )
    folder = places.work_folder(plan.state)
    executors = open_executors(
        folder,
        slots=plan.slots,
        threads=plan.threads,
        output_limit_bytes=plan.settings.output_limit_bytes,
        managed_keeper=places.managed_keeper_socket(plan.environ),
    )
    with open_nursery(folder / "nursery"):  # it loads what slots need while the database is opened
        async with (
            open_store(places.database_file(plan.state), reserve_file=places.reserve_file(plan.state)) as store,
            executors as opened,
            Orchestrator(
                store, opened, setting, probe=MachineProbe(plan.state, roots=lambda: _roots(opened))
            ) as engine,
        ):
            yield engine


def _roots(executors: Mapping[str, Executor]) -> set[int]:
    """The processes whose trees are ours."""
    helpers = (executor.helpers() for executor in executors.values() if isinstance(executor, OutlivingExecutor))
    return {os.getpid()}.union(nurses(), *helpers)


def _lane(name: str, setting: LaneSetting) -> Lane:
    return Lane(
        name=name,
        strategy=setting.strategy,
        workers=setting.workers,
        sla_seconds=setting.sla_seconds,
        limit_seconds=setting.limit_seconds,
    )


def _thresholds(settings: Settings) -> Thresholds:
    return Thresholds(
        cpu_percent=settings.cpu_percent,
        memory_percent=settings.memory_percent,
        memory_critical_percent=settings.memory_critical_percent,
        disk_headroom_bytes=settings.disk_headroom_bytes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Living:
    """A daemon that is up, from ready to drained."""

    plan: Plan
    engine: Orchestrator
    server: Server
    stop: Stop

    async def run(self, pipe: ReadyPipe) -> None:
        """Tell that it is ready, keep its surroundings informed, and drain once it is to leave."""
        notifier = sd.Notifier(self.plan.environ.get("NOTIFY_SOCKET"))
        with ExitStack() as stack:
            watches = self._watches(notifier, lambda: stack.enter_context(self.engine.store.broadcast.subscribe()).next)
            async with anyio.create_task_group() as tasks:
                for name, watch in watches.items():
                    tasks.start_soon(watch, name=name)
                gc.freeze()  # what is there now stays: it is never searched for cycles again
                notifier.tell(READY=1, STATUS=self._status_line())
                pipe.ready()
                log.info("daemon_ready", slots=self.plan.slots, threads=self.plan.threads)
                await self.stop.wait()
                await self._drain(notifier)
                tasks.cancel_scope.cancel()

    def _watches(self, notifier: sd.Notifier, listen: Callable[[], Hearing]) -> dict[str, Waiting]:
        """What runs beside the work, by name: only what somebody wants. `listen` gives a wait for the next events."""
        write, limit = self.engine.store.writer.write, self.plan.settings.event_limit
        watches: dict[str, Waiting] = {"retention": partial(keep_events, write, listen(), limit=limit)}
        idle_seconds = self.plan.settings.idle_exit_seconds
        if self.plan.options.background:
            heard = first_of(listen(), self.server.next_activity)
            watches["installation"] = partial(
                leave_when_gone,
                self.stop,
                gone=partial(until_gone, own_files()),
                in_use=self._in_use,
                activity=heard,
            )
        if self.plan.options.background and idle_seconds:
            heard = first_of(listen(), self.server.next_activity)
            watches["idle exit"] = partial(
                leave_when_idle, self.stop, in_use=self._in_use, activity=heard, after_seconds=idle_seconds
            )
        if every := sd.watchdog_interval_seconds(self.plan.environ):
            probe = partial(write, manager.Probe())
            watches["watchdog"] = partial(manager.ping_watchdog, notifier, probe=probe, every_seconds=every)
        if notifier.listening:
            watches["status"] = partial(manager.report_status, notifier, status=self._status_line, changed=listen())
        return watches

    def _in_use(self) -> bool:
        return not self.engine.idle or bool(self.server.server_state.connections)

    def _status_line(self) -> str:
        return manager.status_line(self.engine.counts())

    async def _drain(self, notifier: sd.Notifier) -> None:
        """Let what runs finish for `drain_seconds`, or less when told to hurry. Who follows sees it to the end."""
        seconds = self.plan.settings.drain_seconds
        log.info("daemon_draining", seconds=seconds)
        notifier.tell(STOPPING=1, STATUS=f"stopping: {self.stop.reason}")
        async with manager.more_time(notifier):
            drain = partial(self.engine.drain, everything=self.stop.everything)
            await first_of(partial(drain, seconds), self.stop.hurried)()
            await drain(0.0)  # with nothing left to interrupt, unless told to hurry
