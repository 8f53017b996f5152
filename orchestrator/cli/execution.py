"""How the stages ran, as lines for a person: figures, a time line, limits, bottlenecks, advice, what has become slower. Plain functions."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.cli.text import NONE, count, duration, folded, printable, shortened, table
from orchestrator.cli.tree import Drawing

Row = dict[str, Any]

MOST_BARS = 20
LEAST_BAR, MOST_BAR = 16, 60
LABEL_COLUMNS = 28
USUAL_COLUMNS = 100
MOST_FREED, MUCH = 3, 0.95
"""So many stages are told that would save time if they took none, and less than this share of the time must be left."""

WAITED, COMPUTED, ELSE = "·", "█", "▒"
OF_THE_DAEMON = frozenset({"slots", "threads"})
DULL = {"failed": "x", "cancelled": "-"}


def figures(report: Row, *, drawing: Drawing) -> list[str]:
    """What the run came to, in a few sentences."""
    part = report["execution"]
    found = part["figures"]
    if found is None or part["runs"] < 2:  # noqa: PLR2004 - one evaluation has no arrangement
        return []
    parts = {
        "ran": _ran(found, part["runs"], total=report["iterations"]["total"]),
        "gain": _gain(found),
        "bound": _bound(found),
        "free": _free(part["walls_if_free"], found["wall_seconds"]),
        "queue": None
        if found["queue_share"] is None
        else f"evaluations were in it for {100 * found['queue_share']:.0f} % of their time",
    }
    lines = [folded(f"  {name:<8} ", text, columns=drawing.columns) for name, text in parts.items() if text]
    return ["", "how the stages ran", *(line for each in lines for line in each)]


def _ran(found: Row, runs: int, *, total: int) -> str:
    pools = ", ".join(
        f"{_workers(name, found['workers'][name])} {100 * share:.0f} % busy"
        for name, share in found["utilisation"].items()
        if share is not None
    )
    which = count(runs, "attempt") if runs >= total else f"the last {count(runs, 'attempt')}"
    cores = (
        "" if found["cpu_efficiency"] is None else f"; the cores {100 * found['cpu_efficiency']:.0f} % busy with them"
    )
    return (
        f"{which} in {duration(found['wall_seconds'])}: {found['concurrency']:.2g} at once on average; {pools}{cores}"
    )


def _workers(pool: str, number: int) -> str:
    if pool == "sequential":
        return "1 process in turn"
    return count(number, pool, "processes" if pool == "process" else None)


def _gain(found: Row) -> str | None:
    if found["speed_up"] is None:
        return None
    return f"{found['speed_up']:.2f} times as fast as one after the other ({found['speed_up_basis']})"


def _bound(found: Row) -> str:
    path = " → ".join(map(printable, found["critical_path"]))
    headroom = "" if found["headroom"] is None else f"; the whole took {found['headroom']:.2f} times the least possible"
    return f"critical path {path}, {duration(found['critical_path_seconds'])} alone on the machine{headroom}"


def _free(walls: Mapping[str, float], now_seconds: float) -> str | None:
    """What it would gain if a stage took no time; nothing of a stage that is all there is, or that nothing waits for."""
    told = [
        f"{duration(wall)} without {printable(stage)}"
        for stage, wall in walls.items()
        if len(walls) > 1 and wall < MUCH * now_seconds
    ]
    return f"it would take {', '.join(told[:MOST_FREED])}" if told else None


def timeline(report: Row, *, drawing: Drawing) -> list[str]:
    """A bar for each of the last attempts, from the first start on: waiting in the queue, computing, waiting for something else."""
    bars = report["execution"]["timeline"][-MOST_BARS:]
    if len(bars) < 2:  # noqa: PLR2004 - as above
        return []
    first = min(bar["started_seconds"] for bar in bars)
    span = max(bar["ended_seconds"] for bar in bars) - first
    columns = drawing.columns or USUAL_COLUMNS
    wide = max(LEAST_BAR, min(MOST_BAR, columns - LABEL_COLUMNS - 10))
    lines = [f"  {_label(bar)} {_bar(bar, first=first, scale=wide / span if span else 0.0)}" for bar in bars]
    legend = f"  {WAITED} in the queue  {COMPUTED} computing  {ELSE} waiting; the whole width is {duration(span)}"
    return ["", *(line.rstrip() for line in lines), legend]


def _label(bar: Row) -> str:
    text = shortened(f"{bar['ref']} {printable(bar['stage'])} ({bar['executor']})", LABEL_COLUMNS)
    return f"{text:<{LABEL_COLUMNS}}"


def _bar(bar: Row, *, first: float, scale: float) -> str:
    queued_at = max(first, bar["started_seconds"] - (bar["queue_seconds"] or 0.0))
    queued, started, ended = (
        round((at - first) * scale) for at in (queued_at, bar["started_seconds"], bar["ended_seconds"])
    )
    length = max(1, ended - started)
    wall = bar["ended_seconds"] - bar["started_seconds"]
    share = 0.0 if bar["cpu_seconds"] is None or wall <= 0 else min(1.0, bar["cpu_seconds"] / wall)
    computed = round(share * length)
    drawn = DULL.get(bar["state"], "")
    body = drawn * length if drawn else COMPUTED * computed + ELSE * (length - computed)
    return f"{' ' * queued}{WAITED * (started - queued)}{body}"


def sla(report: Row, *, drawing: Drawing) -> list[str]:
    """Stages and lanes against their limits; nothing where there is none."""
    found = report["execution"]["sla"]
    headers = ["SLA", "LIMIT", "P95", "LONGEST", "MISSED", "VERDICT"]
    rows = [
        [
            printable(row["stage"]),
            duration(row["limit_seconds"]),
            duration(row["p95_seconds"]),
            duration(row["worst_seconds"]),
            f"{row['misses']} of {row['runs']}",
            row["worst"],
        ]
        for row in found["stages"]
        if row["limit_seconds"] is not None
    ]
    rows += [
        [
            f"lane {printable(row['lane'])}",
            duration(row["limit_seconds"]),
            NONE,
            duration(row["wall_seconds"]),
            "",
            row["verdict"],
        ]
        for row in found["lanes"]
        if row["limit_seconds"] is not None and row["verdict"] is not None
    ]
    return ["", *table(headers, rows, right=frozenset(headers[1:5]), columns=drawing.columns)] if rows else []


def findings(report: Row, *, drawing: Drawing) -> list[str]:
    """Bottlenecks, advice with what it is expected to bring, and what has become slower or faster."""
    part = report["execution"]
    told = [each["text"] for each in part["bottlenecks"]]
    told += [] if part["imbalance"] is None or told else [part["imbalance"]["text"]]
    lines = [line for text in told for line in folded("  ", printable(text), columns=drawing.columns)]
    for each in part["advice"]:
        lines += folded("  → ", printable(_advice(each)), columns=drawing.columns)
        if each["change"]:
            lines += folded("    ", printable(_how_to(each["change"])), columns=drawing.columns)
    past = {row["stage"]: row for row in part["history"]["stages"]}
    past |= {f"lane {row['lane']}": row for row in part["history"]["lanes"]}
    for name, row in past.items():
        if row["changed"] is not None:
            lines += folded("  ", printable(_changed(name, row)), columns=drawing.columns)
    return ["", "what stands out", *lines] if lines else []


def _advice(advice: Mapping[str, Any]) -> str:
    if advice["gain"] is None:
        return str(advice["advice"])
    predicted = f"predicted {duration(advice['predicted_wall_seconds'])}, {100 * advice['gain']:.0f} % less"
    return f"{advice['advice']} ({predicted})"


def _how_to(change: Mapping[str, Any]) -> str:
    """How the change is measured beside what is; the daemon's own settings cannot be, while it runs."""
    own = " and ".join(f"{name} = {value}" for name, value in change.items() if name in OF_THE_DAEMON)
    if own:
        return f"{own} belongs into the daemon's settings file, from its next start on; orc profile SPEC before and after it compares"
    return f"measure it: orc profile SPEC {' '.join(f'--try {name}={value}' for name, value in change.items())}"


def _changed(name: str, row: Row) -> str:
    return (
        f"{name} has become {row['changed']}: {row['ratio']:.2f} times as long ({row['low']:.2f} to {row['high']:.2f}) in the last "
        f"{row['after_count']} experiments of this name as in {row['before_count']} before them"
    )


def missed(report: Row) -> list[str]:
    """The promises that were not kept, a sentence each."""
    found = report["execution"]["sla"]
    stages = [
        f"stage {row['stage']}: {row['misses']} of {row['runs']} took longer than {duration(row['limit_seconds'])}"
        for row in found["stages"]
        if row["misses"]
    ]
    return stages + [_missed(row) for row in found["lanes"] if row["verdict"] == "missed"]


def _missed(lane: Row) -> str:
    limit = duration(lane["limit_seconds"])
    if lane["cut"]:
        return f"lane {lane['lane']}: its {limit} were used up before it was done"
    return f"lane {lane['lane']}: {duration(lane['wall_seconds'])}, more than {limit}"


PARTS: Sequence[Any] = (figures, timeline, sla, findings)
