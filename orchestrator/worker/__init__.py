"""What runs inside worker processes, and what a workload may import: `Trial`, `Pruned`; and `run_batch`, which executors send.

Not allowed here: anything but the standard library; syntax newer than CPython 3.9; anything heavy at import, as every fresh
worker process pays for it (asyncio and inspect are imported when a workload needs them).
"""

from orchestrator.worker.batch import run_batch as run_batch
from orchestrator.worker.trial import Pruned as Pruned
from orchestrator.worker.trial import Trial as Trial

__all__ = ["Trial", "Pruned", "run_batch"]
