"""What executors have kept through the end of the last daemon: found before anything is recovered, ended when nobody wants it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import anyio
import structlog

from orchestrator.domain.evaluation import Kept
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.base import Executor
from orchestrator.executors.outliving import OutlivingExecutor

log = structlog.get_logger(__name__)

Group = tuple[Kept, ...]
"""Attempts that are executed one after the other."""


class Survivors:
    """What is there to be adopted, and by whom it is kept."""

    def __init__(self, groups: Sequence[tuple[OutlivingExecutor, Group]]) -> None:
        self._groups = list(groups)

    @property
    def attempts(self) -> frozenset[Kept]:
        """All of them."""
        return frozenset(kept for _, group in self._groups for kept in group)

    def take(self, experiment: int, wanted: Collection[Kept]) -> list[Group]:
        """Those of an experiment that are wanted, group by group; they are somebody's from now on."""
        taken = []
        for position, (executor, group) in enumerate(self._groups):
            found = tuple(kept for kept in group if kept.experiment == experiment and kept in wanted)
            if found:
                taken.append(found)
                self._groups[position] = executor, tuple(kept for kept in group if kept not in found)
        return taken

    async def disown(self) -> None:
        """End what nobody has taken: it is of no experiment that goes on, or another attempt has taken its place."""
        async with anyio.create_task_group() as tasks:
            for executor, group in self._groups:
                if group:
                    log.warning(
                        "survivors_ended", executor=executor.name, attempts=[".".join(map(str, kept)) for kept in group]
                    )
                    tasks.start_soon(executor.disown, group)
        self._groups.clear()


async def find_survivors(executors: Mapping[str, Executor]) -> Survivors:
    """Ask every executor that outlives the daemon, each once."""
    found: list[tuple[OutlivingExecutor, Group]] = []
    for executor in {id(executor): executor for executor in executors.values()}.values():
        if not isinstance(executor, OutlivingExecutor):
            continue
        try:
            found += [(executor, tuple(group)) for group in await executor.survivors()]
        except ExecutorUnusable as error:
            log.error("survivors_unknown", executor=executor.name, error=error.message)
    return Survivors(found)


def by_stage(group: Group, stages: Mapping[Kept, str]) -> list[Group]:
    """A group cut where its stage changes, in order."""
    cut: defaultdict[str, list[Kept]] = defaultdict(list)
    for kept in group:
        cut[stages[kept]].append(kept)
    return [tuple(part) for part in cut.values()]
