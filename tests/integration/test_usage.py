"""What attempts used, measured by every executor in a real daemon: in `show`, in the export, in the sums, in /metrics."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.calling import ask
from tests.support.daemon import Orc, private_orc

SIZE = 1 << 20
MODEL = f"""
import os, time
def evaluate(params):
    with open("moved-" + str(params["x"]), "wb") as file:
        file.write(b"x" * {SIZE})
        file.flush()
        os.fsync(file.fileno())
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass
    print("hello")
    return params["x"]
"""
SCRIPT = f"dd if=/dev/zero of=moved-{{x}} bs={SIZE} count=1 conv=fsync 2>/dev/null; echo '{{{{\"value\": {{x}}}}}}'"
STAGES = {
    "process": 'call = "model:evaluate"\nexecutor = "process"',
    "sequential": 'call = "model:evaluate"\nexecutor = "sequential"',
    "thread": 'call = "model:evaluate"\nexecutor = "thread"',
    "isolated": f"command = ['sh', '-c', '''{SCRIPT}''']",
}
NUMBERS = ("wall_seconds", "cpu_seconds", "queue_seconds", "written_bytes", "read_bytes", "output_bytes")
EVALUATIONS = 3


@pytest.fixture(scope="module")
def orc() -> Iterator[Orc]:
    """One daemon for all."""
    with private_orc() as shared:
        yield shared


def finished(orc: Orc, executor: str) -> str:
    """An experiment of this executor that has ended."""
    folder = orc.home / executor
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    space = f"x = {list(range(1, EVALUATIONS + 1))}"
    (folder / "experiment.toml").write_text(f"[stage]\n{STAGES[executor]}\n[space]\n{space}\n")
    submitted = orc("submit", str(folder))
    assert submitted.status == 0, submitted.err
    ref = submitted.out.strip()
    assert orc("wait", ref, "--timeout", "30").status == 0, orc("show", ref).out
    return ref


@pytest.mark.parametrize("executor", STAGES)
@pytest.mark.asyncio
async def test_every_executor_measures_every_attempt(orc: Orc, executor: str) -> None:
    """Time, CPU, what was written and printed are known for each attempt; the sums are those of the attempts, everywhere."""
    before = await scraped(orc, executor)
    ref = finished(orc, executor)
    document = orc("show", ref, "--json").json
    rows = [each for variant in document["variants"] for each in variant["iterations"]]
    on_disk = not in_memory(orc.home)

    for row in rows:
        assert row["executor"] == executor
        assert [name for name in NUMBERS if row[name] is None] == []
        assert row["written_bytes"] >= (SIZE if on_disk else 0)
        assert row["wall_seconds"] >= row["cpu_seconds"] / 2 > 0
        assert (row["max_rss_bytes"] is None) == (executor == "thread")
    for name in NUMBERS:
        assert document["usage"][name] == pytest.approx(sum(row[name] for row in rows)), name
    exported = list(csv.DictReader(io.StringIO(orc("export", ref, "--format", "csv", "--timings").out)))
    assert [int(row["written_bytes"]) for row in exported] == [row["written_bytes"] for row in rows]
    after = await scraped(orc, executor)
    assert after["attempts_total"] - before["attempts_total"] == EVALUATIONS
    assert after["wall_seconds_total"] - before["wall_seconds_total"] == pytest.approx(
        document["usage"]["wall_seconds"]
    )


async def scraped(orc: Orc, executor: str) -> dict[str, float]:
    """The counters of one executor in /metrics, added up over ends and causes."""
    if not (orc.state / "orchestrator.sock").exists():
        assert orc("status").status == 0
    text = (await ask(orc.state / "orchestrator.sock", "GET", "/metrics")).body.decode()
    found = {"attempts_total": 0.0, "wall_seconds_total": 0.0}
    for name, value in re.findall(rf'^orchestrator_(\w+_total){{executor="{executor}".*}} (\S+)$', text, re.MULTILINE):
        found[name] = found.get(name, 0.0) + float(value)
    return found


@pytest.mark.asyncio
async def test_what_was_removed_stays_in_the_counters(orc: Orc) -> None:
    """A counter never goes down: `orc rm` forgets an experiment and not that it ran."""
    ref = orc.finished()
    before = await scraped(orc, "process")
    assert orc("rm", ref).status == 0
    assert await scraped(orc, "process") == before


def in_memory(folder: Path) -> bool:
    """Whether a folder's file system has no storage below it."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    found = [(mount, kind) for mount, kind in mounts if folder.is_relative_to(mount)]
    return max(found, key=lambda each: len(each[0]))[1] in {"tmpfs", "ramfs"}
