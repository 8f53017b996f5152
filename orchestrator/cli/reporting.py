"""The parts of a report as lines for a person: plain functions of its document, each empty when it has nothing to say."""

from collections.abc import Sequence
from typing import Any

import click

from orchestrator.cli.text import NONE, count, duration, folded, number, pairs, printable, size, table, width
from orchestrator.cli.tree import Drawing
from orchestrator.cli.usage import cost_text, used_text
from orchestrator.domain.outcome import short_error

Row = dict[str, Any]
MOST_ROUNDS = 12
MOST_METRICS = 12


def outcome(report: Row, *, drawing: Drawing) -> list[str]:
    """What it is, how it ended and why, its best, and what all of it used."""
    name = drawing.strong(f"{report['id']} {printable(report['name'])}")
    lines = [f"{name}  {drawing.state(report['state'])}"]
    if report["reason"]:
        lines.append(f"  reason   {printable(report['reason'])}")
    if report["elapsed_seconds"] is not None:
        since = "took" if report["finished"] else "runs for"
        lines.append(f"  time     {since} {duration(report['elapsed_seconds'])}, started {report['started']}")
    parts = {
        "done": _done(report),
        "best": _best(report),
        "used": used_text(report["usage"], elapsed_seconds=report["elapsed_seconds"]),
        "cost": cost_text(report),
        "prune": _unjudged(report),
    }
    told = [folded(f"  {name:<9}", part, columns=drawing.columns) for name, part in parts.items() if part]
    return [*lines, *(line for part in told for line in part)]


def _done(report: Row) -> str:
    iterations, variants = report["iterations"], report["variants"]
    parts = [f"{iterations[name]} {name}" for name in ("succeeded", "failed", "cancelled", "running", "queued")]
    told = ", ".join(part for part in parts if not part.startswith("0 "))
    ended = ", ".join(f"{value} {name}" for name, value in variants.items() if value)
    evaluations = f"{count(iterations['total'], 'evaluation')}{f': {told}' if told else ''}"
    return f"{count(report['round'], 'round')}; {count(report['variant_count'], 'variant')}{f': {ended}' if ended else ''}; {evaluations}"


def _unjudged(report: Row) -> str:
    """That the rule of [prune] waits for a metric nobody reports."""
    prune = report.get("prune")
    if prune is None or not report["iterations"]["succeeded"] or prune["metric"] in prune["reported"]:
        return ""
    told = f"they report {', '.join(map(printable, prune['reported']))}" if prune["reported"] else "they report nothing"
    metric = printable(prune["metric"])
    return f'the rule {prune["rule"]} has had nothing to judge: no evaluation reports "{metric}"; {told}'


def _best(report: Row) -> str:
    best = report["best"]
    if best is None:
        return "none"
    score = "" if best["score"] is None else f"  score {number(best['score'])}"
    return f"{best['ref']}  {pairs(best['params'])}  →  {pairs(best['metrics'], most=MOST_METRICS)}{score}"


def rounds(report: Row, *, drawing: Drawing) -> list[str]:
    """The last rounds, when there was more than one."""
    shown = report["rounds"][-MOST_ROUNDS:]
    if len(report["rounds"]) < 2:  # noqa: PLR2004 - one round is the experiment
        return []
    rows = [
        [str(row["round"]), str(row["proposals"]), number(row["best_objective"]), printable(row["decided"] or NONE)]
        for row in shown
    ]
    headers = ["ROUND", "PROPOSED", "BEST", "DECIDED"]
    return ["", *table(headers, rows, right=frozenset(headers[:3]), columns=drawing.columns)]


STAGE_COLUMNS = (
    *("STAGE", "BY", "TRIED", "FAILED"),
    *("MEDIAN", "P95", "LONGEST", "CPU", "MEMORY", "WAITED", "READ", "WROTE"),
)


def stages(report: Row, *, drawing: Drawing) -> list[str]:
    """What each stage used: a row each where that fits, else a few lines each."""
    rows = [_stage(row) for row in report["stages"]]
    lines = table(STAGE_COLUMNS, rows, right=frozenset(STAGE_COLUMNS[2:]))
    if drawing.columns is None or all(width(line) <= drawing.columns for line in lines):
        return ["", *lines]
    return ["", *(line for row in rows for line in _block(row, drawing.columns))]


def _block(row: Sequence[str], columns: int) -> list[str]:
    lines = [f"{row[0]} by {row[1]}", " "]
    for name, value in zip(STAGE_COLUMNS[2:], row[2:], strict=True):
        told = f" {name.lower()} {value}"
        if lines[-1] != " " and width(lines[-1] + told) >= columns:
            lines.append(" ")
        lines[-1] += told if lines[-1] == " " else f",{told}"
    return lines


def _stage(row: Row) -> Sequence[str]:
    wall, attempts = row["wall_seconds"], row["attempts"]
    share = NONE if row["cpu_share"] is None else f"{100 * row['cpu_share']:.0f} %"
    return [
        printable(row["stage"]),
        printable(",".join(row["executors"]) or NONE),
        str(attempts["total"]),
        str(attempts["failed"]),
        *(duration(wall[name]) for name in ("p50", "p95", "max")),
        share,
        size(row["max_rss_bytes"]),
        duration(row["queue_seconds"]["mean"]),
        size(row["read_bytes"]),
        size(row["written_bytes"]),
    ]


def failures(report: Row, *, drawing: Drawing) -> list[str]:
    """Failed attempts by stage and cause: how many, the first with the last line of its error, and what to do."""
    lines = []
    for row in report["failures"]:
        cause = click.style(row["cause"], fg="red") if drawing.colour else row["cause"]
        first = row["first"]
        said = short_error(first["error"], row["cause"]) or "no message"
        lines.append(
            f"  {printable(row['stage'])}: {count(row['attempts'], 'attempt')} {cause}, first {first['ref']}: {printable(said)}"
        )
        if report["iterations"]["failed"]:
            lines += folded("    → ", printable(row["advice"]), columns=drawing.columns)
    made_up = "" if report["iterations"]["failed"] else ", all made up for by later attempts"
    return ["", f"failed attempts{made_up}", *lines] if lines else []
