"""How long from the submit request until user code runs, when the daemon is warm: it has had a moment to start its spare process."""

import time
from collections.abc import Iterator

from benchmarks.private_daemon import private_daemon
from benchmarks.specs import random_sweep
from benchmarks.table import Plan, Row, median

SUBMITS = 30
PAUSE_SECONDS = 0.6
GOAL_MILLISECONDS = 20.0


def rows(plan: Plan) -> Iterator[Row]:
    """The median over experiments of one evaluation that returns the time of day."""
    spec = random_sweep("time_of_day", variants=1, slots=plan.slots, metric="x")
    with private_daemon(slots=plan.slots) as daemon:
        samples: list[float] = []
        for _ in range(SUBMITS):
            time.sleep(PAUSE_SECONDS)
            submitted_at = time.time()
            experiment = daemon.run(spec)[1]
            samples.append((experiment.best()["metrics"]["running_at"] - submitted_at) * 1000)
    yield Row(
        what="submit to first evaluation running, p50",
        unit="ms",
        value=median(samples),
        against="goal",
        floor=GOAL_MILLISECONDS,
        ratio=median(samples) / GOAL_MILLISECONDS,
        at_most=1.0,
        samples=samples,
    )
