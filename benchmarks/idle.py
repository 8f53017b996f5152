"""What a daemon with nothing to do costs."""

import time
from collections.abc import Iterator

from benchmarks.private_daemon import private_daemon
from benchmarks.processes import cpu_seconds
from benchmarks.specs import random_sweep
from benchmarks.table import Plan, Row

SETTLE_SECONDS = 5.0
WATCH_SECONDS = 30.0
GOAL_PERCENT = 0.2


def rows(plan: Plan) -> Iterator[Row]:
    """CPU of the daemon and its warm slots, in percent of one core, some seconds after an experiment."""
    with private_daemon(slots=plan.slots) as daemon:
        daemon.run(random_sweep("nothing", variants=100, slots=plan.slots))
        time.sleep(SETTLE_SECONDS)
        before = cpu_seconds(daemon.pid)
        time.sleep(WATCH_SECONDS)
        percent = (cpu_seconds(daemon.pid) - before) / WATCH_SECONDS * 100
    yield Row(
        what="idle CPU, daemon and warm slots",
        unit="%",
        value=percent,
        against="goal",
        floor=GOAL_PERCENT,
        ratio=percent / GOAL_PERCENT,
        at_most=1.0,
    )
