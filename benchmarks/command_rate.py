"""A thousand commands, each with its own record, against xargs, which keeps none."""

import subprocess
import time
from collections.abc import Iterator

from benchmarks.private_daemon import private_daemon
from benchmarks.specs import commands
from benchmarks.table import Plan, Row, median

COUNT = 1000


def rows(plan: Plan) -> Iterator[Row]:
    """Commands a second, with the same width."""
    floor = median(xargs_rate(plan.slots) for _ in range(plan.runs))
    with private_daemon(slots=plan.slots) as daemon:
        samples = [COUNT / daemon.run(commands(variants=COUNT, slots=plan.slots))[0] for _ in range(plan.runs)]
    yield Row(
        what=f"{COUNT:,} × true as a command",
        unit="/s",
        value=median(samples),
        against=f"xargs -P {plan.slots}",
        floor=floor,
        ratio=median(samples) / floor,
        at_least=0.5,
        samples=samples,
    )


def xargs_rate(width: int) -> float:
    """Commands a second of `xargs -P width -n 1 true`."""
    numbers = "".join(f"{number}\n" for number in range(COUNT))
    begun = time.perf_counter()
    subprocess.run(["xargs", "-P", str(width), "-n", "1", "true"], input=numbers, text=True, check=True)
    return COUNT / (time.perf_counter() - begun)
