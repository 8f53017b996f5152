"""What executors have kept through the end of the last daemon: found before anything is recovered, ended when nobody wants it."""

from collections.abc import Callable, Collection, Mapping, Sequence

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

    def take(self, experiment: int) -> list[Group]:
        """Those of an experiment, group by group; they are somebody's from now on."""
        return [found for _, found in self._split(lambda kept: kept.experiment == experiment)]

    async def disown(self, *, but: Collection[Kept] = ()) -> None:
        """End what nobody has taken: it is of no experiment that goes on, or another attempt has taken its place."""
        async with anyio.create_task_group() as tasks:
            for executor, group in self._split(lambda kept: kept not in but):
                log.warning(
                    "survivors_ended", executor=executor.name, attempts=[".".join(map(str, kept)) for kept in group]
                )
                tasks.start_soon(executor.disown, group)

    def _split(self, match: Callable[[Kept], bool]) -> list[tuple[OutlivingExecutor, Group]]:
        """Take those out that match."""
        groups = self._groups
        self._groups = [(executor, tuple(kept for kept in group if not match(kept))) for executor, group in groups]
        taken = [(executor, tuple(kept for kept in group if match(kept))) for executor, group in groups]
        return [(executor, group) for executor, group in taken if group]


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
