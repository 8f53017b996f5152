"""Two holders that share nothing but a folder of locks want one lock all the time; now and then one of them is killed.

Whoever holds it takes another kind of lock, which the kernel gives back first when a process dies: when that one is taken, two hold
the first one together.
"""

import os
import random
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HOLDER = """
import fcntl, os, random, sys
from pathlib import Path
import anyio
from orchestrator.domain.evaluation import Job
from orchestrator.engine.named_locks import NamedLocks

folder, told, rng = Path(sys.argv[1]), int(sys.argv[2]), random.Random(sys.argv[3])
job = Job(experiment=1, stage="main", call="model:evaluate")

def hold(locks, held):
    with locks.lent(held), open(folder / "witness", "w") as witness:
        try:
            fcntl.lockf(witness, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.write(told, b"!")
        else:
            for _ in range(rng.randrange(2000)):
                pass
            os.write(told, b".")
            fcntl.lockf(witness, fcntl.LOCK_UN)

async def main():
    async with anyio.create_task_group() as tasks:
        changed = anyio.Event()
        locks = NamedLocks(folder / "locks", changed=lambda: changed.set())
        while True:
            held = locks.take(["gpu0"], ref="1.1.1", job=job)
            if held is not None:
                hold(locks, held)
                await anyio.lowlevel.checkpoint()
            elif rng.random() < 0.2:
                changed = anyio.Event()
                locks.settle(["gpu0"], tasks.start_soon)
                await changed.wait()
            else:
                await anyio.lowlevel.checkpoint()

anyio.run(main)
"""


def _start(folder: Path, told: int, seed: float) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), str(told), str(seed)],
        stdin=subprocess.DEVNULL,
        pass_fds=[told],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def _kill(holder: "subprocess.Popen[bytes]") -> None:
    holder.kill()
    holder.wait()


def _spin(times: int) -> None:
    for _ in range(times):
        pass


def contest(folder: Path, *, holds: int, kills: int, seed: int) -> bytes:
    """What was told: a dot for each time that the lock was held alone, a mark for each time that it was not."""
    rng = random.Random(seed)
    print(f"seed {seed}")
    told = b""
    receive, send = os.pipe()
    holders = [_start(folder, send, rng.random()) for _ in range(2)]
    try:
        while len(told) < holds:
            quota = min(holds, len(told) + rng.randrange(1, 2 * holds // kills))
            while len(told) < quota:
                told += os.read(receive, quota - len(told))
            _spin(rng.randrange(50_000))  # so that it is killed at any point of what it does
            victim = rng.randrange(2)
            _kill(holders[victim])
            holders[victim] = _start(folder, send, rng.random())
    finally:
        for holder in holders:
            _kill(holder)
        os.close(receive)
        os.close(send)
    return told
