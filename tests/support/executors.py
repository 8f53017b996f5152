"""The members of the executor contract, each with the workloads it can run, ready to be opened in a test."""

import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path

import anyio
import psutil  # type: ignore[import-untyped]
import pytest

from orchestrator.domain.evaluation import BatchResult, Job
from orchestrator.domain.outcome import AttemptEnd
from orchestrator.domain.states import Cause
from orchestrator.executors import registry
from orchestrator.executors.base import Executor, StopSwitch
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.executors.nursery import nurses
from orchestrator.executors.registry import Surroundings
from tests.support.workloads import Calls, Commands, Workloads, batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One executor that the contract holds for."""

    create: Callable[[Surroundings], Executor]
    workloads: Callable[[Path], Workloads] = Calls


def _registered(name: str) -> Member:
    return Member(create=lambda surroundings: registry.create(name, surroundings))


def _isolated(surroundings: Surroundings) -> Executor:
    return IsolatedExecutor(surroundings.folder, output_limit_bytes=surroundings.output_limit_bytes)


PATIENCE_SECONDS = 30.0

MEMBERS = {
    "isolated": Member(create=_isolated, workloads=Commands),
    "isolated-calls": Member(create=_isolated),
    "process": _registered("process"),
    "sequential": _registered("sequential"),
    "thread": _registered("thread"),
}
EACH = pytest.mark.parametrize("name", sorted(MEMBERS))
CALLABLES = pytest.mark.parametrize(
    "name", sorted(name for name, member in MEMBERS.items() if member.workloads is Calls)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """An open executor and the workloads it can run."""

    executor: Executor
    workloads: Workloads

    @property
    def commands(self) -> bool:
        """Whether workloads are commands: what a callable raises is then an exit status."""
        return isinstance(self.workloads, Commands)


@asynccontextmanager
async def opened(name: str, folder: Path, *, slots: int = 2, threads: int = 4) -> AsyncIterator[Rig]:
    """The executor of that name with two slots and four threads, its files in `folder`."""
    member = MEMBERS[name]
    surroundings = Surroundings(folder=folder / "spool", slots=slots, threads=threads, output_limit_bytes=64 * 1024)
    async with member.create(surroundings) as executor:
        yield Rig(executor=executor, workloads=member.workloads(folder))


def children() -> set[int]:
    """All living descendants of this process, besides the tracker that multiprocessing keeps for itself, and what slots are forked from."""
    tracker = resource_tracker._resource_tracker._pid  # type: ignore[attr-defined]
    found = {child.pid for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}
    return found - {tracker} - nurses()


def open_files() -> dict[str, str]:
    """The descriptors of this process and what they lead to."""
    gc.collect()
    folder = Path("/proc/self/fd")
    return {path.name: str(path.readlink()) for path in folder.iterdir() if os.path.lexists(path)}


async def run(rig: Rig, job: Job, *parameters: dict[str, object], first: int = 1) -> BatchResult:
    """Run a batch that must end by itself; every position is in exactly one place."""
    with anyio.fail_after(PATIENCE_SECONDS):
        result = await rig.executor.run(batch(job, *parameters, first=first), StopSwitch())
    expect_every_position_once(result, len(parameters))
    return result


def expect_every_position_once(result: BatchResult, count: int) -> None:
    """Outcome, interrupted and unstarted are a partition."""
    places = [*result.outcomes, *result.interrupted, *result.unstarted]
    assert sorted(places) == list(range(count))


def expect_only_the_middle_to_fail(result: BatchResult, cause: Cause) -> str:
    """Of three evaluations the middle one failed for this cause; its text is returned."""
    assert {position: outcome.end for position, outcome in result.outcomes.items()} == {
        0: AttemptEnd.SUCCEEDED,
        1: AttemptEnd.FAILED,
        2: AttemptEnd.SUCCEEDED,
    }
    assert result.outcomes[1].cause is cause
    return result.outcomes[1].error or ""


def expect_a_death(result: BatchResult, cause: Cause) -> str:
    """The middle one of three died: what came before is finished, what comes after is finished or can be sent again."""
    assert result.outcomes[0].end is AttemptEnd.SUCCEEDED
    assert result.outcomes[1].cause is cause
    assert result.interrupted == ()
    assert result.unstarted in {(), (2,)}
    return result.outcomes[1].error or ""
