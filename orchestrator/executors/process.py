"""`process`: warm process slots, one batch each at an instant. A slot can be killed, and a crash costs one slot only."""

from pathlib import Path

from orchestrator.executors.base import Abilities
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.registry import Surroundings
from orchestrator.executors.slot import start_process_slot
from orchestrator.executors.slot_pool import SlotPool


class ProcessExecutor(LocalExecutor):
    """Runs at most `slots` batches at an instant. Fresh processes are kept ready for the next experiments: one is claimed while another is being made."""

    name = "process"
    abilities = Abilities(can_kill=True, isolates_crashes=True, batches=True, permit="slot", bounds_memory=True)

    def __init__(self, folder: Path, *, slots: int, output_limit_bytes: int) -> None:
        pool = SlotPool(start_process_slot, folder=folder, seats=slots, processes=slots, spares=min(2, slots))
        super().__init__(pool, output_limit_bytes=output_limit_bytes)


def create(surroundings: Surroundings) -> ProcessExecutor:
    """As the registry calls it."""
    return ProcessExecutor(
        surroundings.folder, slots=surroundings.slots, output_limit_bytes=surroundings.output_limit_bytes
    )
