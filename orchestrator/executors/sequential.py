"""`sequential`: one evaluation of an experiment at a time, in a slot; the reference all other executors are compared with."""

from pathlib import Path

import anyio

from orchestrator.domain.evaluation import Batch, BatchResult
from orchestrator.executors.base import Abilities, StopSwitch
from orchestrator.executors.lease import all_unstarted
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.registry import Surroundings
from orchestrator.executors.slot import start_process_slot
from orchestrator.executors.slot_pool import SlotPool
from orchestrator.executors.waiting import unless_pressed


class SequentialExecutor(LocalExecutor):
    """A process slot for each of at most `slots` experiments; an experiment's batches follow each other."""

    name = "sequential"
    abilities = Abilities(
        can_kill=True, isolates_crashes=True, batches=True, permit="slot", bounds_memory=True, width=1
    )

    def __init__(self, folder: Path, *, slots: int, output_limit_bytes: int) -> None:
        pool = SlotPool(start_process_slot, folder=folder, seats=slots, processes=slots)
        super().__init__(pool, output_limit_bytes=output_limit_bytes)
        self._turns: dict[int, anyio.Semaphore] = {}

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """As the contract of executors says, when it is this batch's turn."""
        turn = self._turns.setdefault(batch.job.experiment, anyio.Semaphore(1))
        if await unless_pressed(stop, lambda: _acquired(turn), undo=lambda _: turn.release()) is None:
            return all_unstarted(batch)
        try:
            return await super().run(batch, stop)
        finally:
            turn.release()

    async def retire(self, experiment: int) -> None:
        """End the process that holds this experiment's code."""
        await super().retire(experiment)
        self._turns.pop(experiment, None)


async def _acquired(turn: anyio.Semaphore) -> bool:
    await turn.acquire()
    return True


def create(surroundings: Surroundings) -> SequentialExecutor:
    """As the registry calls it."""
    return SequentialExecutor(
        surroundings.folder, slots=surroundings.slots, output_limit_bytes=surroundings.output_limit_bytes
    )
