"""`isolated`: every evaluation is a process of its own, run under the keeper in a tree that dies with it: a command, or a callable."""

import contextlib
import shutil
from collections.abc import Awaitable, Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio

from orchestrator.domain.evaluation import Batch, BatchResult, Job, Kept
from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors import command_code
from orchestrator.executors.base import Abilities, StopSwitch
from orchestrator.executors.command_attempts import Attempt, attempts_of, kept_of, token_of
from orchestrator.executors.command_outcomes import lost, outcome_of, usage_of
from orchestrator.executors.keeper_client import Keepers
from orchestrator.executors.keeper_tickets import Ticket
from orchestrator.executors.outliving import LetGo
from orchestrator.executors.registry import Surroundings
from orchestrator.executors.searchers import Searchers
from orchestrator.worker.keeper_files import remove_tree
from orchestrator.worker.keeper_protocol import Message

OUTPUT_LIMIT_BYTES = 1 << 20
_LONG_TEXT = 1 << 15
_KILL_SECONDS = 1.0  # what the keeper takes at most from a deadline to the end of the last process
_ANSWER_SECONDS = 5.0  # what a keeper may be late before it counts as hung


class IsolatedExecutor:
    """Runs batches, one process at an instant for each of them.

    `folder` is private to this executor, and is best on the file system of the outputs, which are then moved, not copied: the
    files of what runs and the name of the keeper. What a stream has above `output_limit_bytes` is left out in its middle.
    """

    name = "isolated"
    abilities = Abilities(
        can_kill=True, isolates_crashes=True, batches=True, permit="slot", runs_commands=True, bounds_memory=True
    )

    def __init__(
        self, folder: Path, *, output_limit_bytes: int = OUTPUT_LIMIT_BYTES, managed_keeper: Path | None = None
    ) -> None:
        self.folder = folder
        self._output_limit_bytes = output_limit_bytes
        self._keepers = Keepers(folder, managed=managed_keeper)
        self._searchers = Searchers()
        self._letting_go = anyio.Event()

    async def __aenter__(self) -> Self:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._searchers.close()
        if self._letting_go.is_set() and self._keepers.tickets.any_known:
            self._keepers.part()
        else:
            await self._keepers.close()

    def may_follow(self, batch: Batch) -> bool:  # noqa: ARG002 - as in the protocol
        """Never: each evaluation has a process of its own."""
        return False

    async def prepare(self, job: Job) -> None:
        """Start the keeper; why it cannot start is said by `run`."""
        del job
        with contextlib.suppress(ExecutorUnusable):
            await self._keepers.ready()

    async def retire(self, experiment: int) -> None:
        """Every evaluation has a process of its own; those that search outputs are started again when they are needed."""
        del experiment
        await anyio.to_thread.run_sync(self._searchers.close)

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Execute the evaluations of the batch one after the other."""
        if batch.job.command is None and batch.job.call is None:
            raise ExecutorUnusable(f"stage {batch.job.stage!r} names nothing that 'isolated' could run")
        changed = await command_code.refused(batch)
        if changed is not None:
            return changed
        if stop.pressed or self._letting_go.is_set():
            return BatchResult(outcomes={}, unstarted=tuple(range(len(batch.evaluations))))
        attempts = attempts_of(batch)
        runs = [attempt.run for attempt in attempts]
        ticket = await self._keepers.start(self._job_message(batch.job), runs, locks=batch.locks)
        return await self._see_through(batch, attempts, ticket, stop)

    async def _see_through(
        self, batch: Batch, attempts: tuple[Attempt, ...], ticket: Ticket, stop: StopSwitch
    ) -> BatchResult:
        """Until nothing of it executes and all is known, or until the daemon lets go of it."""
        try:
            await self._settle(ticket, batch=batch, stop=stop)
            self._stay(ticket)
        except BaseException as error:
            if not isinstance(error, LetGo):
                await self._make_sure(ticket)
            raise
        await self._make_sure(ticket)
        result = _with_pruned(await self._conclude(batch.job, attempts, ticket), ticket, stop.pruned)
        kept = {ticket.tokens[position] for position in result.outcomes}
        self._keepers.acknowledge(token for token in ticket.ended if token not in kept)  # they may be sent again
        return replace(result, receipt=tuple(kept))

    async def _settle(self, ticket: Ticket, *, batch: Batch, stop: StopSwitch) -> None:
        """Wait for the batch, or until it is stopped, or until it has taken longer than it may with a keeper that works."""
        each = None if batch.job.timeout_seconds is None else batch.job.timeout_seconds + _KILL_SECONDS
        with anyio.move_on_after(None if each is None else each * len(batch.evaluations) + _ANSWER_SECONDS):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_end_after, stop.wait, tasks.cancel_scope)
                tasks.start_soon(_end_after, self._letting_go.wait, tasks.cancel_scope)
                with stop.ending(partial(self._prune, batch.job, ticket)):
                    await self._keepers.settled(ticket)
                tasks.cancel_scope.cancel()

    def _prune(self, job: Job, ticket: Ticket, position: int) -> None:
        """End a command; a callable is told so by the answer to its next report."""
        if job.command is not None:
            self._keepers.kill([ticket.tokens[position]])

    async def _make_sure(self, ticket: Ticket) -> None:
        """Nothing of the batch executes after this. A keeper that does not answer takes everything it had with it."""
        if ticket.settled:
            return
        with anyio.CancelScope(shield=True):
            self._keepers.kill(ticket.open)
            with anyio.move_on_after(_KILL_SECONDS + _ANSWER_SECONDS):
                await self._keepers.settled(ticket)
            if not ticket.settled:
                await self._keepers.bury()
                await self._keepers.settled(ticket)

    async def _conclude(self, job: Job, attempts: tuple[Attempt, ...], ticket: Ticket) -> BatchResult:
        """What came of each evaluation; in a thread when outputs are searched, files removed, or when there is much to read."""
        if job.metric_patterns or any(map(_is_long, ticket.ended.values())):
            with anyio.CancelScope(shield=True):
                return await anyio.to_thread.run_sync(_result_of, job, attempts, ticket, self._searchers)
        return _result_of(job, attempts, ticket, self._searchers)

    # What outlives the daemon

    def _stay(self, ticket: Ticket) -> None:
        """Raises LetGo when the daemon is leaving and there is something to be left."""
        if self._letting_go.is_set() and not ticket.settled:
            raise LetGo

    def let_go(self) -> None:
        """The daemon is leaving: what runs goes on without it."""
        self._letting_go.set()

    def helpers(self) -> Collection[int]:
        """The keeper."""
        return self._keepers.pids

    def recorded(self, receipt: Collection[str]) -> None:
        """The outcomes that came with this receipt are on disk."""
        self._keepers.acknowledge(receipt)

    async def survivors(self) -> Sequence[Sequence[Kept]]:
        """What an earlier daemon has sent and nobody has heard the end of. Raises ExecutorUnusable.

        What was lost with a keeper that went down with the daemon is not among it.
        """
        if not self._keepers.has_a_past:
            return []
        await self._keepers.ready()
        self._keepers.acknowledge(self._keepers.tickets.drop_lost())
        return [[kept_of(token) for token in group] for group in self._keepers.tickets.unclaimed()]

    async def adopt(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Wait for what an earlier daemon has sent."""
        attempts = attempts_of(batch)
        ticket = self._keepers.tickets.claim([attempt.token for attempt in attempts])
        return await self._see_through(batch, attempts, ticket, stop)

    async def disown(self, kept: Collection[Kept]) -> None:
        """End what nobody waits for any more."""
        ticket = self._keepers.tickets.claim([token_of(one) for one in kept])
        await self._make_sure(ticket)
        self._keepers.acknowledge(ticket.ended)

    def _job_message(self, job: Job) -> dict[str, Any]:
        return {
            "environment": dict(job.environment),
            "workdir": job.workdir,
            "timeout_seconds": job.timeout_seconds,
            "memory_bytes": job.memory_bytes,
            "output_bytes": self._output_limit_bytes,
        }


def _with_pruned(result: BatchResult, ticket: Ticket, pruned: AbstractSet[int]) -> BatchResult:
    """What was killed because it is pruned has been measured like anything else that has ended."""
    ended = {position: ticket.ended[ticket.tokens[position]] for position in result.interrupted if position in pruned}
    if not ended:
        return result
    outcomes = {position: Outcome(end=AttemptEnd.CANCELLED, usage=usage_of(each)) for position, each in ended.items()}
    interrupted = tuple(position for position in result.interrupted if position not in ended)
    return replace(result, outcomes={**result.outcomes, **outcomes}, interrupted=interrupted)


async def _end_after(wait: Callable[[], Awaitable[None]], waiting: anyio.CancelScope) -> None:
    await wait()
    waiting.cancel()


def _is_long(ended: Message) -> bool:
    texts = (ended["result"], ended["last_line"])
    return ended["scratch"] is not None or any(text is not None and len(text) > _LONG_TEXT for text in texts)


def _result_of(job: Job, attempts: tuple[Attempt, ...], ticket: Ticket, searchers: Searchers) -> BatchResult:
    outcomes: dict[int, Outcome] = {}
    interrupted: list[int] = []
    unstarted: list[int] = []
    for position, (attempt, token) in enumerate(zip(attempts, ticket.tokens, strict=True)):
        ended, started = ticket.ended.get(token), ticket.started.get(token)
        if ended is not None:
            if "lost" in ended:
                outcomes[position] = lost(ended)
            elif ended["killed"]:
                interrupted.append(position)
            else:
                outcomes[position] = outcome_of(job, attempt, ended=ended, searchers=searchers)
            _dispose_of_scratch(attempt, ended["scratch"], outcome=outcomes.get(position))
        elif started is not None:
            outcomes[position] = lost(started)
        else:
            unstarted.append(position)
    used = {position: usage_of(ticket.ended[ticket.tokens[position]]) for position in interrupted}
    return BatchResult(outcomes=outcomes, interrupted=tuple(interrupted), unstarted=tuple(unstarted), used=used)


def _dispose_of_scratch(attempt: Attempt, scratch: str | None, *, outcome: Outcome | None) -> None:
    """Something was left in the scratch folder: it is kept beside the output after a failure, and removed otherwise."""
    if scratch is None:
        return
    if outcome is not None and outcome.end is AttemptEnd.FAILED:
        with contextlib.suppress(OSError, RecursionError):  # a full disk, or too deep to be copied: then it is removed
            Path(attempt.scratch).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(scratch, attempt.scratch)
    remove_tree(scratch)  # it may be deeper than shutil goes


def create(surroundings: Surroundings) -> IsolatedExecutor:
    """As the registry calls it."""
    return IsolatedExecutor(surroundings.folder, output_limit_bytes=surroundings.output_limit_bytes)
