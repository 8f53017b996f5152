"""How the stages of an experiment ran and what would make them faster: figures, time line, limits, bottlenecks, advice, history.

But for limits and history, it is of the last attempts in the order of their refs, at most `MOST_RUNS` of them: a report does not grow
with its experiment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from orchestrator.engine.lanes import Lanes, with_lane
from orchestrator.engine.plan import Measures
from orchestrator.engine.reporting import history, sla
from orchestrator.search.stages.advice import Advice, Case, Finding, Situation, advise
from orchestrator.search.stages.bottlenecks import bottlenecks, imbalance, walls_if_free
from orchestrator.search.stages.overlap import overlap
from orchestrator.search.stages.profile import Profile
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.schedule import Plan
from orchestrator.spec.experiment import ExperimentSpec

MOST_RUNS = 300
MOST_BARS = 40
"""Attempts that the time line shows, the last to start."""

MOST_EXPERIMENTS = 40

PROFILE = tuple(field.name for field in fields(Profile))

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What there is to run on."""

    cores: int
    memory_bytes: int
    slots: int
    threads: int
    lanes: Lanes


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was read of an experiment; the rows as the store has them."""

    spec: ExperimentSpec
    attempts: Sequence[Sequence[Any]]
    before: history.Before
    profiles: Mapping[str, Row]
    usage: Sequence[Row]
    walls: Sequence[Sequence[Any]]
    lane_times: Row


def of(read: Read, floor: Floor) -> Row:
    """The part of the report. Numbers that are not known are null."""
    runs = _runs(read.attempts)
    shapes = _shapes(read.spec, floor.lanes)
    case = Case(_situation(read, floor, runs=runs, shapes=shapes))
    uneven = imbalance(runs)
    return {
        "runs": len(runs),
        "figures": case.figures.to_json() if runs else None,
        "walls_if_free": walls_if_free(case),
        "overlap": overlap(case.tasks),
        "timeline": _timeline(runs),
        "sla": {
            "stages": sla.stages(runs, shapes, usage=read.usage, walls=read.walls),
            "lanes": sla.lanes(shapes, floor.lanes, usage=read.usage, times=read.lane_times),
        },
        "bottlenecks": [asdict(each) for each in bottlenecks(case)],
        "imbalance": None if uneven is None else asdict(uneven),
        "advice": [_advice(each) for each in advise(case) if _is_harmless(each, read.spec)],
        "history": history.of(read.before),
    }


def _is_harmless(advice: Advice, spec: ExperimentSpec) -> bool:
    """Where a measured time or memory decides something, more at once would change what is measured."""
    return advice.finding is not Finding.TOO_FEW_WORKERS or not Measures(spec).measured


def _shapes(spec: ExperimentSpec, lanes: Lanes) -> tuple[StageShape, ...]:
    stages = [with_lane(stage, lanes) for stage in spec.stages]
    return tuple(
        StageShape(
            name=stage.name,
            after=stage.after,
            sla_seconds=stage.sla_seconds,
            lane=stage.lane,
            executor=stage.runs_on,
            locks=stage.locks,
            can_use_threads=stage.strategy is not None,
        )
        for stage in stages
    )


def _situation(read: Read, floor: Floor, *, runs: tuple[StageRun, ...], shapes: tuple[StageShape, ...]) -> Situation:
    most = read.spec.limits.max_parallel
    return Situation(
        runs=runs,
        shapes=shapes,
        plan=Plan(cores=floor.cores, processes=floor.slots, threads=floor.threads, max_parallel=most),
        profiles={name: Profile.from_json(_plain(row)) for name, row in read.profiles.items()},
        memory_limit_bytes=floor.memory_bytes,
    )


def _plain(row: Row) -> Row:
    """What a profile itself consists of."""
    return {name: row[name] for name in PROFILE}


def _runs(attempts: Sequence[Sequence[Any]]) -> tuple[StageRun, ...]:
    """Those that have started, their times from the first start on."""
    started = [row for row in attempts if row[8] is not None and row[9] is not None]
    first = min((row[8] for row in started), default=0)
    runs = [_run(row, first_us=first) for row in started]
    return tuple(sorted(runs, key=lambda run: (run.started_seconds, run.ref)))


def _run(row: Sequence[Any], *, first_us: int) -> StageRun:
    variant, iteration, number, stage, end, cause, executor, pid, started, finished, wall, cpu, rss, output, queued = (
        row
    )
    return StageRun(
        stage=stage,
        ref=f"{variant}.{iteration}",
        state=end if end in ("succeeded", "failed") else "cancelled",
        executor=executor or "",
        started_seconds=(started - first_us) / 1e6,
        ended_seconds=(finished - first_us) / 1e6,
        wall_seconds=wall or 0.0,
        attempt=number,
        worker=None if pid is None else str(pid),
        queued_seconds_before=queued,
        cpu_seconds=cpu,
        max_rss_bytes=rss,
        output_bytes=output,
        cause=cause,
    )


def _timeline(runs: Sequence[StageRun]) -> list[Row]:
    names = ("ref", "attempt", "stage", "state", "executor", "worker", "started_seconds", "ended_seconds")
    return [
        {
            **{name: getattr(run, name) for name in names},
            "queue_seconds": run.queued_seconds_before,
            "cpu_seconds": run.cpu_seconds,
        }
        for run in runs[-MOST_BARS:]
    ]


def _advice(advice: Advice) -> Row:
    return {**asdict(advice), "finding": str(advice.finding)}
