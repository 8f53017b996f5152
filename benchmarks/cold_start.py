"""How long a person waits for `orc status`, against a Python that does nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.private_daemon import private_daemon
from benchmarks.table import Plan, Row, median

CALLS = 20
ORC = str(Path(sys.executable).with_name("orc"))


def rows(plan: Plan) -> Iterator[Row]:
    """The median of alternating calls, so that a busy machine disturbs both alike."""
    floor, samples = [], []
    with private_daemon(slots=plan.slots) as daemon:
        for _ in range(CALLS):
            floor.append(seconds_of([sys.executable, "-c", "pass"]))
            samples.append(seconds_of([ORC, *daemon.arguments, "status"]))
    yield Row(
        what="orc status, cold",
        unit="ms",
        value=median(samples) * 1000,
        against="python -c pass",
        floor=median(floor) * 1000,
        ratio=median(samples) / median(floor),
        at_most=6.0,
        samples=samples,
    )


def seconds_of(command: list[str]) -> float:
    """Wall seconds of one call, which must succeed."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun
