"""The reference graph: two stages that compute for 0.5 s, two that wait for 0.5 s, one that does half of each, on two cores."""

from collections.abc import Mapping

from orchestrator.search.stages.profile import Profile, Sample, profile_of
from orchestrator.search.stages.records import StageRun, StageShape
from orchestrator.search.stages.schedule import Task

CPU_SHARES = {"cpu_a": 1.0, "cpu_b": 1.0, "nap_a": 0.0, "nap_b": 0.0, "mixed": 0.5}
SHAPES = tuple(StageShape(name=name) for name in CPU_SHARES)
PROCESSES = dict.fromkeys(CPU_SHARES, "process")
THREADS = dict.fromkeys(CPU_SHARES, "thread")
HYBRID = {**PROCESSES, "nap_a": "thread", "nap_b": "thread"}


def tasks(executors: Mapping[str, str]) -> list[Task]:
    return [
        Task(name=name, stage=name, executor=executors[name], wall_seconds=0.5, cpu_share=share)
        for name, share in CPU_SHARES.items()
    ]


def profiles() -> dict[str, Profile]:
    """What three runs of each stage alone on the machine say."""
    found = {name: profile_of([Sample(0.5, 0.5 * share)] * 3) for name, share in CPU_SHARES.items()}
    return {name: profile for name, profile in found.items() if profile is not None}


def run(stage: str, started: float, ended: float, **more: object) -> StageRun:
    """A succeeded run in a process, as long as it lasted; its ref is one of a variant of its own graph."""
    known: dict[str, object] = {"ref": f"1.1.{stage}", "state": "succeeded", "executor": "process"}
    times = {"started_seconds": started, "ended_seconds": ended, "wall_seconds": ended - started}
    values: dict[str, object] = {"stage": stage, **known, **times, **more}
    return StageRun(**values)  # type: ignore[arg-type]


def in_threads() -> tuple[StageRun, ...]:
    """As it was measured with five threads: the interpreter's lock stretches what computes."""
    ends = {"cpu_a": 1.25, "cpu_b": 1.25, "nap_a": 0.5, "nap_b": 0.5, "mixed": 1.0}
    return tuple(
        run(name, 0.0, end, executor="thread", cpu_seconds=0.5 * CPU_SHARES[name]) for name, end in ends.items()
    )


def in_two_processes() -> tuple[StageRun, ...]:
    """As it was measured with two processes in file order: the naps hold them while `mixed` is in the queue."""
    starts = {"cpu_a": 0.0, "cpu_b": 0.0, "nap_a": 0.5, "nap_b": 0.5, "mixed": 1.0}
    return tuple(
        run(name, start, start + 0.5, queued_seconds_before=start, cpu_seconds=0.5 * CPU_SHARES[name])
        for name, start in starts.items()
    )
