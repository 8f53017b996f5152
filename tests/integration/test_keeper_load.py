"""The keeper under load: many at once, many after another, and what that costs it."""

import os
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.outcome import AttemptEnd
from orchestrator.executors.base import StopSwitch
from orchestrator.executors.isolated import IsolatedExecutor
from orchestrator.executors.keeper_client import Keepers
from tests.support.commands import batch_of, evaluation_of, isolated, job_of, keepers_about, only

pytestmark = pytest.mark.asyncio

LARGEST_RSS_BYTES = 25 * 1024 * 1024


async def test_sixty_four_run_at_one_instant(tmp_path: Path) -> None:
    """Each waits until all have begun; one that waited for its turn would keep the others for ever."""
    os.mkfifo(tmp_path / "begun")
    os.mkfifo(tmp_path / "go")
    job = job_of(tmp_path, f"echo x > {tmp_path}/begun; read -r _ < {tmp_path}/go; exit 0")
    ends: list[AttemptEnd] = []

    async def run(executor: IsolatedExecutor, number: int) -> None:
        result = await executor.run(batch_of(job, evaluation_of(variant=number)), StopSwitch())
        ends.append(only(result).end)

    def open_the_gate() -> None:
        with (tmp_path / "begun").open("rb") as file:
            heard = 0
            while heard < 2 * 64:
                heard += len(file.read(1))
        os.write(gate, b"\n" * 64)

    gate = os.open(tmp_path / "go", os.O_RDWR)  # held open, so that one that comes late finds it open too
    try:
        async with isolated(tmp_path) as executor, anyio.create_task_group() as tasks:
            for number in range(1, 65):
                tasks.start_soon(run, executor, number)
            await anyio.to_thread.run_sync(open_the_gate)
    finally:
        os.close(gate)
    assert ends == [AttemptEnd.SUCCEEDED] * 64


def _rss_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_thousands_of_starts_cost_the_keeper_neither_descriptors_nor_memory(tmp_path: Path) -> None:
    """After the first hundreds both stay what they are, and it is small; timeouts that never came are forgotten."""
    client = Keepers(tmp_path)
    await client.ready()
    (keeper,) = keepers_about(tmp_path)
    try:
        sizes: list[tuple[int, int]] = []
        for turn in range(3):
            runs = [_run(tmp_path, f"12.{turn}.{number}.1") for number in range(700)]
            for half in (runs[::2], runs[1::2]):
                ticket = await client.start(_job(tmp_path), half)
                await client.settled(ticket)
                assert {ended["status"] for ended in ticket.ended.values()} == {0}
                client.acknowledge(ticket.ended)
            sizes.append((_descriptors(keeper), _rss_bytes(keeper)))
    finally:
        await client.close()
    assert sizes[0][0] == sizes[2][0]
    assert sizes[2][1] <= sizes[0][1] + 1024 * 1024
    assert sizes[2][1] <= LARGEST_RSS_BYTES


def _job(folder: Path) -> dict[str, object]:
    return {
        "environment": {"PATH": os.environ["PATH"]},
        "workdir": str(folder),
        "timeout_seconds": 600,
        "output_bytes": 1000,
    }


def _run(folder: Path, token: str) -> dict[str, object]:
    streams = {"out": str(folder / f"{token}.out"), "err": str(folder / f"{token}.err")}
    return {"token": token, "argv": ["true"], "environment": {}, "parameters": "{}", **streams}
