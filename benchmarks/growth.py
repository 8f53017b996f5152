"""What stays flat as history grows: memory, the cost of an evaluation, views, the time to start."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.private_daemon import Daemon, daemon_in, state_directory
from benchmarks.processes import resident_bytes
from benchmarks.specs import random_sweep
from benchmarks.table import Plan, Row, median
from orchestrator.client import Experiment

MEBIBYTE = 1024 * 1024
VIEW_CALLS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was measured after an experiment of one size."""

    evaluations: int
    microseconds_each: float
    daemon_mebibytes: float
    views: dict[str, float]  # milliseconds


def rows(plan: Plan) -> Iterator[Row]:
    """Each size against the smaller one, on one daemon; then a restart over all of it."""
    large = 1_000_000 if plan.million else 100_000
    with state_directory() as state:
        with daemon_in(state, slots=plan.slots) as daemon:
            fresh_seconds = daemon.ready_seconds
            small = read(daemon, evaluations=1_000, plan=plan)
            middle = read(daemon, evaluations=10_000, plan=plan)
            big = read(daemon, evaluations=large, plan=plan)
        restart_seconds = ready_seconds(state, plan=plan)
    yield flat("memory of the daemon", "MiB", of=mebibytes, small=middle, big=big)
    yield flat("an evaluation", "µs", of=microseconds, small=middle, big=big)
    for view, milliseconds in big.views.items():
        ratio = milliseconds / small.views[view]
        yield Row(
            what=f"{view}, after {large:,} iterations",
            unit="ms",
            value=milliseconds,
            against=f"after {small.evaluations:,}",
            floor=small.views[view],
            ratio=ratio,
            at_most=2.0,
        )
    yield Row(
        what=f"start to ready, {large:,} iterations on disk",
        unit="ms",
        value=restart_seconds * 1000,
        against="none on disk",
        floor=fresh_seconds * 1000,
        ratio=restart_seconds / fresh_seconds,
        at_most=1.5,
    )


def mebibytes(reading: Reading) -> float:
    """Memory of the daemon."""
    return reading.daemon_mebibytes


def microseconds(reading: Reading) -> float:
    """Wall time of the experiment, shared out."""
    return reading.microseconds_each


def flat(what: str, unit: str, *, of: Callable[[Reading], float], small: Reading, big: Reading) -> Row:
    """A row for a number that shall not grow with history."""
    return Row(
        what=f"{what}, after {big.evaluations:,}",
        unit=unit,
        value=of(big),
        against=f"after {small.evaluations:,}",
        floor=of(small),
        ratio=of(big) / of(small),
        at_most=1.2,
    )


def read(daemon: Daemon, *, evaluations: int, plan: Plan) -> Reading:
    """Run an experiment of this size and look at what it left behind."""
    seconds, experiment = daemon.run(random_sweep("nothing", variants=evaluations, slots=plan.slots))
    return Reading(
        evaluations=evaluations,
        microseconds_each=seconds / evaluations * 1e6,
        daemon_mebibytes=resident_bytes(daemon.pid) / MEBIBYTE,
        views=views(daemon, experiment),
    )


def views(daemon: Daemon, experiment: Experiment) -> dict[str, float]:
    """Milliseconds of what a person asks most."""
    return {
        "ls": milliseconds_of(lambda: list(islice(daemon.client.experiments(), 100))),
        "show of one variant": milliseconds_of(daemon.client.part(f"{experiment.ref}.7").document),
        "best": milliseconds_of(experiment.best),
    }


def milliseconds_of(call: Callable[[], object]) -> float:
    """The median of some calls."""
    samples = []
    for _ in range(VIEW_CALLS):
        begun = time.perf_counter()
        call()
        samples.append((time.perf_counter() - begun) * 1000)
    return median(samples)


def ready_seconds(state: Path, *, plan: Plan) -> float:
    """The median time to ready of daemons started over this state."""
    samples = []
    for _ in range(plan.runs):
        with daemon_in(state, slots=plan.slots) as daemon:
            samples.append(daemon.ready_seconds)
    return median(samples)
