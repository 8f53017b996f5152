"""The facade: what a daemon can be asked to do. One conductor for each experiment that has not ended, one dispatcher for all."""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import structlog
from anyio import to_thread
from anyio.abc import TaskGroup

from orchestrator.domain.refs import ExperimentId, Ref
from orchestrator.domain.states import ENDED_EXPERIMENT, ENDED_ITERATION, ENDED_VARIANT, ExperimentState
from orchestrator.engine.adopting import Survivors, find_survivors
from orchestrator.engine.code import CODE_CHANGED, code_now, expect_unchanged, has_changed, places_of
from orchestrator.engine.conductor import Conductor
from orchestrator.engine.dispatcher import Dispatcher, Sizes
from orchestrator.engine.durably import DurableWriter
from orchestrator.engine.explaining import explain
from orchestrator.engine.machine_watch import MachineWatch
from orchestrator.engine.plan import APPROACH, Plan
from orchestrator.engine.progress import snapshot
from orchestrator.engine.reasons import Reason, full_disk, store_refuses
from orchestrator.engine.receiving import Receiver
from orchestrator.engine.report_writer import ReportWriter
from orchestrator.engine.reporting.execution import Floor
from orchestrator.engine.setting import Setting, Submission, Submitted
from orchestrator.engine.trouble import internal_error
from orchestrator.engine.wants import Wants
from orchestrator.errors import Conflict, ExecutorUnusable, InvalidRequest, InvalidSpec, StoreError, Unavailable
from orchestrator.executors.base import Executor
from orchestrator.resources import Probe, cores, memory_total_bytes
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.store.changes.experiments import AcceptCode, AddExperiment, RemoveExperiment
from orchestrator.store.changes.rounds import AcceptExperiment
from orchestrator.store.changes.sweeps import EndEarly, RecoverWork, Retried, RetryWork, TellEvent
from orchestrator.store.store import Store
from orchestrator.store.times import now_us

log = structlog.get_logger(__name__)

GIVE_UP_SECONDS = 2.0
"""How much longer than its work the daemon waits, on its way out, for a store that takes nothing."""

_ENDED = frozenset({*ENDED_EXPERIMENT, *ENDED_VARIANT, *ENDED_ITERATION})


class Orchestrator:
    """Holds the workflow state; lives as an `async with`. Leaving it cancels what is left: drain first to leave in good order."""

    def __init__(self, store: Store, executors: Mapping[str, Executor], setting: Setting, *, probe: Probe) -> None:
        self.store = store
        self.watch = MachineWatch(probe, setting.thresholds, store.reserve)
        sizes = Sizes(
            slots=setting.slots, threads=setting.threads, batch_seconds=setting.batch_seconds, lanes=setting.lanes
        )
        self.dispatcher = Dispatcher(executors, self.watch, sizes=sizes, locks=setting.lock_folder)
        self.wants = Wants(
            lanes=setting.lanes,
            permits={"slot": setting.slots, "thread": setting.threads},
            abilities=lambda name: self.dispatcher.executor(name).abilities,
            memory_bytes=lambda: self.watch.look().readings.memory_total_bytes,
        )
        self.floor = Floor(
            cores=cores(),
            memory_bytes=memory_total_bytes(),
            slots=setting.slots,
            threads=setting.threads,
            lanes=setting.lanes,
        )
        self._writer = DurableWriter(store.writer)
        self._report_writer = ReportWriter(self._writer)
        self._setting = setting
        self._conductors: dict[int, Conductor] = {}
        self.receiver = Receiver(self._conductors, store.views, self._report_writer)
        self._settled = anyio.Event()
        self._reopening = anyio.Lock()  # held until somebody leads what is reopened: two at once would lead it twice
        self._draining = False
        self._survivors = Survivors(())
        self._tasks: TaskGroup

    async def __aenter__(self) -> Self:
        await self.watch.make_reserve()
        self._survivors = await find_survivors(self.dispatcher.executors)
        change = RecoverWork(boot_id=self._setting.boot_id, kept=self._survivors.attempts)
        recovered = await self._writer.write(change)
        if recovered.lost:
            log.info("work_recovered", iterations=sum(recovered.lost.values()), experiments=len(recovered.lost))
        if recovered.adopted:
            log.info("work_adopted", iterations=len(recovered.adopted))
        await self._survivors.disown(but=recovered.adopted)
        self._tasks = await anyio.create_task_group().__aenter__()
        self._tasks.start_soon(self.dispatcher.run, name="dispatcher")
        self._tasks.start_soon(self._report_writer.run, name="report writer")
        self._tasks.start_soon(self.watch.keep_reserve, name="reserve")
        for experiment in await self.store.views.read("open_experiments"):
            await self._lead(experiment)
        await self._survivors.disown()
        await self._writer.write(TellEvent(kind="daemon_started"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(kind, error, trace)

    # Experiments

    async def submit(self, submission: Submission) -> Submitted:
        """Accept an experiment; when this returns it is on disk. Raises Unavailable while draining."""
        if self._draining:
            raise Unavailable("the daemon is stopping", hint="submit again when it has been started anew")
        spec = submission.spec
        if problems := self.wants.unmet(spec):
            raise InvalidSpec(f"{submission.source} asks for more than this daemon has", problems=problems)
        change = AddExperiment(
            name=spec.name,
            seed=secrets.randbits(32) if spec.seed is None else spec.seed,
            spec=spec.model_dump_json(exclude_none=True),
            source=submission.source,
            folder=submission.folder,
            environment=json.dumps(dict(submission.environment)),
            code_hash=submission.code_hash,
            idempotency_key=submission.idempotency_key,
        )
        accept = AcceptExperiment(submission=change, approach=APPROACH)
        experiment, created = await self.store.writer.write(accept)
        if created:
            begun = {"state": "running", "phase": "generating", "round": 1, "started_us": now_us()}
            place = {"folder": submission.folder, "environment": dict(submission.environment)}
            code = {"code_hash": submission.code_hash, "code_places": submission.code_places}
            await self._lead(experiment, {**begun, **place, **code, "seed": change.seed, "spec": spec})
        return Submitted(id=experiment, name=spec.name, created=created)

    async def _lead(self, experiment: int, whole: Mapping[str, Any] | None = None) -> None:
        """Go on with an experiment. One that cannot be led on, for whatever is on record of it, ends as failed and hinders no other."""
        try:
            conductor = await self._conductor_of(experiment, whole or await self.store.views.whole(experiment))
        except Exception as error:  # also what an older version has accepted and this one does not understand
            log.exception("experiment_cannot_be_led", experiment=experiment)
            reason = error.message if isinstance(error, ExecutorUnusable) else internal_error(error)
            ending = EndEarly(experiment=experiment, target=ExperimentState.FAILED, reason=reason, rule="internal")
            await self._writer.write(ending)
            return
        self._conductors[experiment] = conductor
        self._settled = anyio.Event()
        self._tasks.start_soon(self._conduct, conductor, name=f"experiment {experiment}")

    async def _conductor_of(self, experiment: int, whole: Mapping[str, Any]) -> Conductor:
        spec, digest = ExperimentSpec.model_validate(whole["spec"]), whole["code_hash"]
        places = whole.get("code_places")
        if places is None:
            places = () if digest is None else await places_of(spec, whole["folder"])
        plan = Plan(
            experiment=ExperimentId(experiment),
            seed=whole["seed"],
            spec=spec,
            folder=whole["folder"],
            environment=whole["environment"],
            output_folder=str(self._setting.runs_folder / str(experiment)),
            socket=self._setting.socket,
            code_hash=digest,
            code_places=places,
            artifact_limit_bytes=self._setting.artifact_limit_bytes,
            lanes=self._setting.lanes,
        )
        conductor = Conductor(
            plan, self._writer, self.store.views, dispatcher=self.dispatcher, report_writer=self._report_writer
        )
        await conductor.take_up(whole)
        await conductor.evaluation.adopt(self._survivors.take(experiment))
        return conductor

    async def _conduct(self, conductor: Conductor) -> None:
        experiment = conductor.plan.experiment
        with structlog.contextvars.bound_contextvars(experiment=experiment):
            try:
                await self._prepare(conductor)
                await conductor.run()
            except Exception as error:  # a defect of ours ends this experiment, with its reason, and no other
                log.exception("conductor_failed")
                if conductor.state not in ENDED_EXPERIMENT:
                    await conductor.fail(internal_error(error))
            conductor.ended.set()
            log.info("experiment_ended", ref=str(experiment), state=conductor.state)
            if self._conductors.get(experiment) is conductor:
                self._conductors.pop(experiment)
            for executor in self.dispatcher.executors.values():
                await executor.retire(experiment)
            if not self._conductors:
                self._settled.set()

    async def _prepare(self, conductor: Conductor) -> None:
        """Begin to warm up the executors of the first stages, without waiting for them."""
        for name in conductor.plan.graph.roots:
            stage = conductor.evaluation.queue.stages[name]
            self._tasks.start_soon(stage.executor.prepare, stage.job)

    async def pause(self, ref: Ref) -> dict[str, Any]:
        """Start nothing more of an experiment. Raises Conflict."""
        await (await self._conductor(ref)).pause()
        return await self._answer(ref)

    async def resume(self, ref: Ref, *, accept_code: bool = False) -> dict[str, Any]:
        """Go on with a paused experiment; `accept_code`: with its code as it is now, also when it is not paused yet. Raises Conflict."""
        conductor = await self._conductor(ref)
        if accept_code:
            await self._accept_code(conductor)
        elif await self._paused_for_code(ref):
            await expect_unchanged(conductor.evaluation.queue.any_job)
        if not accept_code or conductor.state is ExperimentState.PAUSED:
            await conductor.resume()
        return await self._answer(ref)

    async def _paused_for_code(self, ref: Ref) -> bool:
        row = await self.store.views.experiment(ref.experiment)
        return (row["state"], row["reason"]) == (ExperimentState.PAUSED, CODE_CHANGED)

    async def _accept_code(self, conductor: Conductor) -> None:
        plan = conductor.plan
        await conductor.accept_code(*await code_now(plan.spec, plan.folder))
        for executor in self.dispatcher.executors.values():
            await executor.retire(plan.experiment)

    async def _conductor(self, ref: Ref) -> Conductor:
        if ref.variant is not None:
            raise InvalidRequest(f"{ref.described}: only experiments can be paused and resumed")
        conductor = self._conductors.get(ref.experiment)
        if conductor is None:
            state = (await self.store.views.experiment(ref.experiment))["state"]
            raise Conflict(f"experiment {ref.experiment} is {state}")
        return conductor

    # Every level

    async def cancel(self, ref: Ref) -> dict[str, Any]:
        """Cancel an experiment, a variant or an iteration; nothing of it runs when this returns. Raises Conflict when it has ended."""
        conductor = self._conductors.get(ref.experiment)
        before = await self._state(ref)
        if before in _ENDED or conductor is None:
            raise Conflict(f"{ref.level} {ref} is {before} already")
        if ref.variant is None:
            await conductor.cancel()
            return await self._answer(ref)
        counts = await conductor.evaluation.cancel(ref)
        return {**await self._answer(ref), **counts}

    async def retry(self, ref: Ref, *, failed_only: bool = False, accept_code: bool = False) -> dict[str, Any]:
        """Run again what failed or was cancelled under a ref, or what failed. Raises Conflict when there is nothing of that kind.

        `accept_code`: with the code as it is now; an experiment that is paused because it has changed goes on.
        """
        if self._draining:
            raise Unavailable("the daemon is stopping")
        change = RetryWork(ref=ref, failed_only=failed_only)
        retried = None
        while retried is None:
            async with self._reopening:
                conductor = self._conductors.get(ref.experiment)
                goes_on = conductor is not None and conductor.state not in ENDED_EXPERIMENT
                retried = None if goes_on else await self._reopen(change, conductor, accept_code=accept_code)
            if conductor is not None and retried is None:
                retried = await self._retry_open(change, conductor, accept_code=accept_code)
        changed = await has_changed(await self.store.views.whole(ref.experiment))
        return {**await self._answer(ref), **retried.counts, "code_changed": changed}

    async def _retry_open(self, change: RetryWork, conductor: Conductor, *, accept_code: bool) -> Retried | None:
        """Retry in an experiment that goes on; None when it has ended meanwhile. Code is accepted first: nothing is to pause it."""
        if accept_code:
            await self._accept_code(conductor)
        retried = await conductor.retry(change)
        if retried is not None and accept_code and await self._paused_for_code(change.ref):
            await conductor.resume()
        return retried

    async def _reopen(self, change: RetryWork, conductor: Conductor | None, *, accept_code: bool) -> Retried:
        """Retry in an experiment that has ended: somebody new leads it, once the last one has left."""
        if conductor is not None:
            await conductor.ended.wait()
        experiment, accept = change.ref.experiment, None
        if accept_code:
            whole = await self.store.views.whole(experiment)
            digest, _ = await code_now(ExperimentSpec.model_validate(whole["spec"]), whole["folder"])
            accept = AcceptCode(experiment=experiment, code_hash=digest)
        retried = await self.store.writer.write(replace(change, accept=accept))
        await self._lead(experiment)
        return retried

    async def remove(self, ref: Ref) -> dict[str, Any]:
        """Forget an experiment that has ended, with its output. Raises Conflict."""
        if ref.variant is not None:
            raise InvalidRequest(f"{ref.described}: only experiments can be removed")
        await self.store.writer.write(RemoveExperiment(experiment=ref.experiment))
        await to_thread.run_sync(_remove_folder, self._setting.runs_folder / str(ref.experiment))
        return {"ref": str(ref)}

    async def _state(self, ref: Ref) -> str:
        views = self.store.views
        if ref.variant is None:
            return str((await views.experiment(ref.experiment))["state"])
        row = await views.variant(ref) if ref.iteration is None else await views.iteration(ref)
        return str(row["state"])

    async def _answer(self, ref: Ref) -> dict[str, Any]:
        return {"ref": str(ref), "state": await self._state(ref)}

    # Reading

    async def explain(self, ref: Ref) -> list[Reason]:
        """Why something waits, and what would change it."""
        found = await explain(ref, self.store.views, self.dispatcher, self._conductors.get(ref.experiment))
        return found if self._writer.degraded is None else [store_refuses(self._writer.degraded), *found]

    async def progress(self, experiment: int) -> dict[str, Any]:
        """How far an experiment is, at every level; why it waits while nothing of it runs."""
        conductor = self._conductors.get(experiment)
        found = await snapshot(experiment, self.store.views, conductor)
        waiting = found["state"] == ExperimentState.RUNNING and found["iterations"]["queued"]
        stands = conductor is not None and waiting and not any(conductor.evaluation.queue.running())
        reasons = await self.explain(Ref(ExperimentId(experiment))) if stands else []
        waits = [{"reason": one.reason, "message": one.message} for one in reasons if one.reason != "running"]
        return {**found, "waits": waits}

    def counts(self) -> dict[str, Any]:
        """Slots, queue and experiments for `status`."""
        states = [conductor.state for conductor in self._conductors.values()]
        names = (ExperimentState.RUNNING, ExperimentState.PAUSED, ExperimentState.QUEUED)
        return {
            "slots": {"total": self._setting.slots, "busy": self.dispatcher.permits.busy["slot"]},
            "threads": {"total": self._setting.threads, "busy": self.dispatcher.permits.busy["thread"]},
            "queue": {"iterations": self.dispatcher.waiting},
            "limited": [str(wait) for wait in self.watch.pressure.closed],
            "experiments": {str(name): states.count(name) for name in names},
        }

    @property
    def degraded(self) -> str | None:
        """Why nothing can be stored at the moment, or nothing starts for want of room on the disk, if so."""
        return self._writer.degraded or full_disk(self.watch.look(), self.watch.thresholds)

    @property
    def idle(self) -> bool:
        """Whether no experiment is open, but for paused ones."""
        return all(conductor.state is ExperimentState.PAUSED for conductor in self._conductors.values())

    # Leaving

    async def drain(self, seconds: float, *, everything: bool = False) -> None:
        """Start nothing more, give running work `seconds`, interrupt the rest; returns when nothing runs.

        Isolated work goes on without the daemon, unless `everything` is to end.
        A store that takes nothing does not keep the daemon: what could not be written is run again after the next start.
        """
        if not self._draining:
            self._draining = True
            try:
                await self.store.writer.write(TellEvent(kind="daemon_stopping"))
            except StoreError as error:
                log.warning("stopping_not_on_record", error=error.message)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._give_up_after, seconds + GIVE_UP_SECONDS)
            await self.dispatcher.drain(seconds, everything=everything)
            await self._report_writer.leave()
            tasks.cancel_scope.cancel()

    async def _give_up_after(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        self._writer.give_up()


def _remove_folder(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
