"""Each reason to wait in words and numbers: a table of sentences, and the numbers that go into them. Plain functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.engine.admission import Wait
from orchestrator.engine.pressure import DISK_MARGIN, Pressure, Thresholds, calm_percent


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable word, a sentence, and what would change it."""

    reason: str
    message: str
    would_change: str


_WORDS: Mapping[Wait, tuple[str, str]] = {
    Wait.PAUSED: ("its experiment is paused", "orc resume {experiment}"),
    Wait.MAX_PARALLEL: (
        "its experiment runs as many evaluations at once as limits.max_parallel ({max_parallel}) allows",
        "one of them ends, or a larger limits.max_parallel",
    ),
    Wait.PRIORITY: (
        "experiments of a higher priority than its own ({priority}) also wait and are served first",
        "they have nothing ready any more, or a higher share.priority",
    ),
    Wait.SLOTS: (
        "all {slots} slots are busy; it takes its turn",
        "a running evaluation ends, or more slots in the settings",
    ),
    Wait.THREADS: (
        "all {threads} threads are busy; it takes its turn",
        "a running evaluation ends, or more threads in the settings",
    ),
    Wait.CPUS: (
        "it takes {cpus} slots at once (cpus), and not so many of {slots} are free; those that are wait for it",
        "running evaluations end, or a smaller cpus of its stage",
    ),
    Wait.WIDTH: (
        "its executor ({executor}) runs {width} evaluation of an experiment at a time",
        "the running one ends, or another executor",
    ),
    Wait.BACKOFF: ("its next attempt waits {seconds:.1f} s more for the back-off of retries", "the time passes"),
    Wait.DRAINING: ("the daemon is stopping and starts nothing more", "the daemon is started again"),
    Wait.STORE: ("the database takes nothing at the moment: {error}", "there is room on the disk again"),
    Wait.RECORD: (
        "evaluations end faster than their results can be written down; those go first",
        "the results are on disk, in a fraction of a second",
    ),
    Wait.DISK: (
        (
            "{disk_free} are free where the state directory is; below disk_headroom_bytes ({headroom}){reserve} nothing starts "
            "until {disk_wanted} are free"
        ),
        "{disk_missing} more are free there, or a smaller disk_headroom_bytes in the settings",
    ),
    Wait.MEMORY: (
        (
            "{memory_percent:.1f} % of the memory is in use; above memory_percent ({memory_limit:g}) nothing starts "
            "until it has fallen to {memory_wanted:g} %"
        ),
        "{memory_missing} of memory is freed, or a larger memory_percent in the settings",
    ),
    Wait.CPU: (
        (
            "other programs use {others_percent:.1f} % of the CPUs; above cpu_percent ({cpu_limit:g}) one evaluation runs at a time "
            "until they have fallen to {cpu_wanted:g} %"
        ),
        "they use less, or a larger cpu_percent in the settings",
    ),
    Wait.DECLARED_MEMORY: (
        "memory: {available} are available, {promised} of them are promised to what runs, and it declares {declared}{never}",
        "{declared_missing} more are free, or a smaller memory in its stage",
    ),
    Wait.LANE: (
        "as many evaluations of the lane {lane!r} run as it has workers ({lane_workers}), those of other experiments among them",
        "one of them ends, or more workers in the table of lanes",
    ),
    Wait.CLAIM: ("something else it needs is taken", "what has it ends"),
}


def reason_of(wait: Wait, facts: Mapping[str, Any]) -> Reason:
    """The reason in words. `facts` holds what its sentences name."""
    message, change = _WORDS[wait]
    return Reason(wait, message.format(**facts), change.format(**facts))


def machine_facts(pressure: Pressure, thresholds: Thresholds) -> dict[str, Any]:
    """What sentences about the machine name."""
    readings = pressure.readings
    wanted = int(thresholds.least_free_bytes(readings) * DISK_MARGIN)
    owed = thresholds.reserve_owed_bytes
    memory_wanted = calm_percent(thresholds.memory_percent)
    excess = (readings.memory_percent - memory_wanted) / 100 * readings.memory_total_bytes
    return {
        "disk_free": size(readings.disk_free_bytes),
        "headroom": size(thresholds.headroom_bytes(readings)),
        "reserve": f" and what is owed to the reserve ({size(owed)})" if owed else "",
        "disk_wanted": size(wanted),
        "disk_missing": size(max(0, wanted - readings.disk_free_bytes)),
        "memory_percent": readings.memory_percent,
        "memory_limit": thresholds.memory_percent,
        "memory_wanted": memory_wanted,
        "memory_missing": size(max(0, int(excess))),
        "others_percent": readings.others_cpu_percent,
        "cpu_limit": thresholds.cpu_percent,
        "cpu_wanted": calm_percent(thresholds.cpu_percent),
    }


def memory_facts(pressure: Pressure, *, declared_bytes: int, free_bytes: int) -> dict[str, Any]:
    """What a sentence about declared memory names; `free_bytes` is what is not promised."""
    readings = pressure.readings
    never = declared_bytes > readings.memory_total_bytes
    return {
        "available": size(readings.memory_available_bytes),
        "promised": size(max(0, readings.memory_available_bytes - free_bytes)),
        "declared": size(declared_bytes),
        "declared_missing": size(max(0, declared_bytes - free_bytes)),
        "never": f"; all of the memory is {size(readings.memory_total_bytes)}: it can never start here"
        if never
        else "",
    }


def kept_memory(*, declared_bytes: int, free_bytes: int) -> Reason:
    """There is memory enough for it, but not for who comes first."""
    return Reason(
        Wait.DECLARED_MEMORY,
        f"memory: {size(free_bytes)} are free and it declares {size(declared_bytes)}, but they are kept for an evaluation "
        "that comes before it and declares more",
        "that one has had its turn",
    )


def full_disk(pressure: Pressure, thresholds: Thresholds) -> str | None:
    """Why nothing starts for want of room on the disk, if so."""
    if Wait.DISK not in pressure.closed:
        return None
    return reason_of(Wait.DISK, machine_facts(pressure, thresholds)).message


def store_refuses(error: str) -> Reason:
    """Nothing moves since nothing can be put on record."""
    return reason_of(Wait.STORE, {"error": error})


def size(count: int) -> str:
    """`512 B`, `1.2 GiB`."""
    step = min(max(count.bit_length() - 1, 0) // 10, 4)
    return f"{count / 1024**step:.{int(step > 0)}f} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[step]}"
