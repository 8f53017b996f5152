"""How close short evaluations come to the ideal: the CPU time they need, spread over the slots without a gap."""

from collections.abc import Iterator

from benchmarks.private_daemon import private_daemon
from benchmarks.specs import random_sweep
from benchmarks.table import Plan, Row, median

# (function, seconds of CPU an evaluation, how many, goal)
WORK = (("one_millisecond", 0.001, 4000, 0.85), ("ten_milliseconds", 0.010, 1000, 0.95))


def rows(plan: Plan) -> Iterator[Row]:
    """A row for each length; the ratio is ideal seconds / measured seconds."""
    with private_daemon(slots=plan.slots) as daemon:
        for function, cpu_seconds, count, goal in WORK:
            spec = random_sweep(function, variants=count, slots=plan.slots)
            samples = [daemon.run(spec)[0] for _ in range(plan.runs)]
            ideal = cpu_seconds * count / plan.slots
            yield Row(
                what=f"{count:,} evaluations of {cpu_seconds * 1000:g} ms",
                unit="s",
                value=median(samples),
                against="ideal",
                floor=ideal,
                ratio=ideal / median(samples),
                at_least=goal,
                samples=samples,
            )
