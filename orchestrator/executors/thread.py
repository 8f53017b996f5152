"""`thread`: one process for an experiment, in which batches run in threads; for code that waits or that frees the GIL.

A thread cannot be killed: a hung or crashed host is replaced, and what else ran in it is interrupted. When nobody can say
which evaluation crashed it, all are interrupted, and each is tried again in a host of its own. Peak memory is not known.
What C code prints, and what threads print that an evaluation starts itself, belongs to no attempt and is not kept.
"""

from functools import partial
from pathlib import Path

from orchestrator.executors.base import Abilities
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.registry import Surroundings
from orchestrator.executors.slot import start_thread_host
from orchestrator.executors.slot_pool import SlotPool


class ThreadExecutor(LocalExecutor):
    """Runs at most `threads` batches at an instant."""

    name = "thread"
    abilities = Abilities(can_kill=False, isolates_crashes=False, batches=True, permit="thread")

    def __init__(self, folder: Path, *, threads: int, output_limit_bytes: int) -> None:
        start = partial(start_thread_host, threads=threads)
        super().__init__(
            SlotPool(start, folder=folder, seats=threads, processes=threads, spares=1),
            output_limit_bytes=output_limit_bytes,
        )


def create(surroundings: Surroundings) -> ThreadExecutor:
    """As the registry calls it."""
    return ThreadExecutor(
        surroundings.folder, threads=surroundings.threads, output_limit_bytes=surroundings.output_limit_bytes
    )
