"""Measuring an experiment under each strategy in turn: which runs are made, and what they come to. It asks the daemon; nothing runs here."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from orchestrator.cli import sending
from orchestrator.cli.setup import Setup
from orchestrator.client import calls
from orchestrator.client.following import Following
from orchestrator.errors import Conflict, InvalidRequest

STRATEGIES = ("sequential", "thread", "process", "hybrid", "adaptive")
"""The first is what the others are compared with."""

NEAR = 1.1
"""A strategy that takes at most so many times as long as the fastest is as good as it."""

Row = dict[str, Any]


@dataclass(slots=True)
class Measured:
    """What the runs under one strategy took, and where the stages ran in the last of them."""

    strategy: str
    walls: list[float] = field(default_factory=list)
    executors: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def median_seconds(self) -> float | None:
        """None as long as no run has succeeded."""
        return median(self.walls) if self.walls else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is run again and again: the whole experiment, or as much of it as was asked for."""

    spec: str
    overrides: tuple[str, ...]
    movable: tuple[str, ...]  # the stages that can be run in several ways
    evaluations: int

    def under(self, strategy: str) -> tuple[str, ...]:
        """What is changed for one run under a strategy."""
        return self.with_changes(f"stage.{name}.executor={strategy}" for name in self.movable)

    def with_changes(self, changes: Iterable[str] = ()) -> tuple[str, ...]:
        """What is changed for one run with these."""
        bounds = ("loop.max_rounds=1", f"limits.evaluations={self.evaluations}", 'tags=["profile"]')
        return (*self.overrides, *bounds, *changes)


def sample_of(spec: str, overrides: Sequence[str], plan: Row, *, evaluations: int, trying: bool = False) -> Sample:
    """How much of an experiment is measured, by its plan: whole variants. Raises InvalidRequest when there is nothing to compare.

    `trying`: it is compared with itself after changes.
    """
    movable = tuple(stage["name"] for stage in plan["stages"] if stage["executor"] != "isolated")
    if spec == sending.STDIN:
        raise InvalidRequest("an experiment from stdin can be read once only", hint="give a file or a folder")
    if not movable and not trying:
        raise InvalidRequest(
            "every stage is a process of its own (a command, or a call with its own interpreter): there is nothing to compare",
            hint="how many run at once is limits.max_parallel; orc report tells what each used",
        )
    variants = plan["variants"] or 1
    each = max(1, -(-(plan["evaluations"] or 1) // variants))
    return Sample(spec=spec, overrides=tuple(overrides), movable=movable, evaluations=max(each, evaluations))


def measure(setup: Setup, sample: Sample, *, runs: int) -> tuple[list[Measured], list[Row]]:
    """Run it under each strategy in turn, so many times: what each took, and what the stages are like.

    The experiments are removed when they have ended, and cancelled before that when this is interrupted.
    """
    found = {strategy: Measured(strategy) for strategy in STRATEGIES}
    stages: list[Row] = []
    for number, strategy in _in_turn(runs):
        report, wall = _one(setup, sample.spec, sample.under(strategy), what=f"{strategy}, run {number} of {runs}")
        stages = report["stages"]
        if wall is not None:
            found[strategy].walls.append(wall)
            found[strategy].executors = {stage["stage"]: stage["executors"] for stage in stages}
    return list(found.values()), stages


def try_out(setup: Setup, sample: Sample, changes: Sequence[str], *, runs: int) -> list[tuple[float, float]]:
    """Run it as it is and with changes, one beside the other, so many times: the seconds of both, where both could be run."""
    pairs = []
    for number in range(1, runs + 1):
        walls: dict[bool, float | None] = {}
        for changed in (False, True) if number % 2 else (True, False):
            what = f"{'candidate' if changed else 'as it is'}, run {number} of {runs}"
            overrides = sample.with_changes(changes if changed else ())
            walls[changed] = _one(setup, sample.spec, overrides, what=what)[1]
        before, after = walls[False], walls[True]
        if before is not None and after is not None:
            pairs.append((before, after))
    return pairs


def _in_turn(runs: int) -> Iterator[tuple[int, str]]:
    """Every other time in reverse, so that a machine that gets slower or faster does so for all of them."""
    for number in range(1, runs + 1):
        yield from ((number, strategy) for strategy in (STRATEGIES if number % 2 else reversed(STRATEGIES)))


def _one(setup: Setup, spec: str, overrides: Sequence[str], *, what: str) -> tuple[Row, float | None]:
    """The report of one run and the seconds it took; None when nothing has succeeded."""
    ref: str = sending.submit(setup, spec, overrides)["ref"]
    try:
        deque(Following(session=setup.session, notice=setup.message).progress(ref), maxlen=0)
        report: Row = setup.session.json(calls.report(ref))
    except KeyboardInterrupt:
        _give_up(setup, ref)
        raise
    setup.session.json(calls.remove(ref))
    wall = _wall_seconds(report["stages"]) if report["iterations"]["succeeded"] else None
    told = f"no evaluation has succeeded ({report['reason']})" if wall is None else f"{wall:.3g} s"
    setup.message(f"{what}: {told}")
    return report, wall


def _give_up(setup: Setup, ref: str) -> None:
    try:
        setup.session.json(calls.cancel(ref))
    except Conflict:
        setup.message(f"{ref} had already ended")
    setup.session.json(calls.remove(ref))


def _wall_seconds(stages: Sequence[Row]) -> float | None:
    """From the first start of an evaluation to the last end: without the start of processes before, and the decisions after."""
    begun = [datetime.fromisoformat(stage["started"]) for stage in stages if stage["started"]]
    ended = [datetime.fromisoformat(stage["finished"]) for stage in stages if stage["finished"]]
    return (max(ended) - min(begun)).total_seconds() if begun and ended else None


def compared(measured: Sequence[Measured]) -> list[Row]:
    """Each strategy with its times and how many times faster than the first it is."""
    reference = measured[0].median_seconds
    rows = []
    for each in measured:
        seconds = each.median_seconds
        speed_up = reference / seconds if reference and seconds else None
        rows.append(
            {
                "strategy": each.strategy,
                "wall_seconds": each.walls,
                "median_seconds": seconds,
                "speed_up": speed_up,
                "executors": dict(each.executors),
            }
        )
    return rows


def recommended(rows: Sequence[Row]) -> str | None:
    """Adaptive when it is as good as the fastest, since it goes on adapting; else the fastest."""
    known = {row["strategy"]: row["median_seconds"] for row in rows if row["median_seconds"] is not None}
    if not known:
        return None
    fastest = min(known, key=lambda strategy: known[strategy])
    return "adaptive" if known.get("adaptive", float("inf")) <= NEAR * known[fastest] else fastest
