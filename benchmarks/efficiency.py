"""How close short evaluations come to the ideal: the CPU time they need, spread over the processes without a gap.

The ideal is measured too, in turn with ours: as many processes, each calling the function its share of times in a plain loop.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from benchmarks import workload
from benchmarks.private_daemon import private_daemon
from benchmarks.specs import random_sweep
from benchmarks.table import Plan, Row, median

Function = Callable[[Mapping[str, Any]], float]

# (function, what it is called, how many, goal)
FORGOTTEN_SECONDS = 6.0
"""The daemon starts less while others use the cores, by the last five seconds: the measuring of the floor is such use."""

WORK: tuple[tuple[Function, str, int, float], ...] = (
    (workload.one_millisecond, "1 ms", 4000, 0.85),
    (workload.ten_milliseconds, "10 ms", 1000, 0.95),
)


def rows(plan: Plan) -> Iterator[Row]:
    """A row for each length; the ratio is ideal seconds / our seconds."""
    with (
        private_daemon(slots=plan.slots) as daemon,
        ProcessPoolExecutor(plan.slots, mp_context=get_context("spawn")) as pool,
    ):
        for function, length, count, goal in WORK:
            spec = random_sweep(function.__name__, variants=count, slots=plan.slots)
            back_to_back(pool, function, count=plan.slots, width=plan.slots)
            pairs = []
            for _ in range(plan.runs):
                ideal = back_to_back(pool, function, count=count, width=plan.slots)
                time.sleep(FORGOTTEN_SECONDS)
                pairs.append((ideal, daemon.run(spec)[0]))
            yield Row(
                what=f"{count:,} evaluations of {length}",
                unit="s",
                value=median(ours for _, ours in pairs),
                against="back to back",
                floor=median(ideal for ideal, _ in pairs),
                ratio=median(ideal / ours for ideal, ours in pairs),
                at_least=goal,
                samples=[ours for _, ours in pairs],
            )


def back_to_back(pool: ProcessPoolExecutor, function: Function, *, count: int, width: int) -> float:
    """Seconds that warm processes need for their shares, with nothing between the calls."""
    begun = time.perf_counter()
    shares = [pool.submit(call_again_and_again, function, count // width) for _ in range(width)]
    for share in shares:
        share.result()
    return time.perf_counter() - begun


def call_again_and_again(function: Function, count: int) -> None:
    """The plain loop."""
    for number in range(count):
        function({"x": number / count})
