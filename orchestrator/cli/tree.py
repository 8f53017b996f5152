"""The tree of an experiment as lines: variants below it, iterations below them, attempts below those."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import click

from orchestrator.cli.text import (
    STATE_COLOURS,
    age,
    between,
    count,
    duration,
    folded,
    measured,
    number,
    pairs,
    printable,
    shortened,
    size,
)
from orchestrator.cli.usage import cost_text, used_text
from orchestrator.domain.outcome import short_error

MOST_ITERATIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """How to draw: coloured or not, cut at `columns` or not at all."""

    colour: bool
    columns: int | None

    def state(self, state: str) -> str:
        """A state's name in its colour."""
        found = STATE_COLOURS.get(state)
        return click.style(state, fg=found) if self.colour and found else state

    def strong(self, text: str) -> str:
        """Text that stands out."""
        return click.style(text, bold=True) if self.colour else text

    def rest(self, text: str, *, indent: int) -> str:
        """The end of a line, cut to fit behind `indent` columns."""
        return text if self.columns is None else shortened(text, max(20, self.columns - indent))


def objective_text(objective: Any) -> str:
    """`sharpe, maximize`; several are joined."""
    if not objective:
        return "the only metric, minimize"
    if isinstance(objective, list):
        return "; ".join(map(objective_text, objective))
    return f"{printable(str(objective.get('metric')))}, {objective.get('goal')}"


def _iteration_counts(iterations: dict[str, int]) -> str:
    parts = [
        f"{iterations[name]} {name}"
        for name in ("running", "queued", "succeeded", "failed", "cancelled")
        if iterations[name]
    ]
    return f"{count(iterations['total'], 'evaluation')}" + (f": {', '.join(parts)}" if parts else "")


def experiment_lines(document: dict[str, Any], drawing: Drawing) -> list[str]:
    """The head: what it is, how far it is, why it ended."""
    phase = f" ({document['phase']})" if document.get("phase") and document["state"] == "running" else ""
    reason = f"  {printable(document['reason'])}" if document.get("reason") else ""
    took = f", took {duration(between(document['started'], document['finished']))}" if document.get("finished") else ""
    rounds, variants = count(document.get("round") or 0, "round"), count(document["variant_count"], "variant")
    done = f"{rounds}, {variants}, {_iteration_counts(document['iterations'])}"
    name = drawing.strong(f"{document['id']} {printable(document['name'])}")
    lines = [
        f"{name}  {drawing.state(document['state'])}{phase}{reason}",
        f"  objective  {objective_text(document.get('objective'))}",
        f"  seed       {document.get('seed')}",
        f"  submitted  {age(document['created'])}{took}",
        *folded("  done       ", done, columns=drawing.columns),
    ]
    if document.get("usage", {}).get("attempts"):
        elapsed = between(document["started"], document["finished"])
        used = used_text(document["usage"], elapsed_seconds=elapsed)
        lines += folded("  used       ", used, columns=drawing.columns)
    if costs := cost_text(document):
        lines.append(f"  cost       {costs}")
    if document.get("selected"):
        lines.append(f"  selected   {' '.join(document['selected'])}")
    return lines


def _marks(variant: dict[str, Any]) -> str:
    marks = []
    if variant.get("score") is not None:
        marks.append(f"score {number(variant['score'])}")
    if variant.get("passed") is not None:
        marks.append("passed" if variant["passed"] else "not passed")
    if variant.get("selected"):
        marks.append("selected")
    if variant.get("rule") and variant["rule"] != variant["state"]:
        marks.append(f"by {printable(variant['rule'])}")
    return ", ".join(marks)


def _iteration_line(iteration: dict[str, Any], drawing: Drawing) -> str:
    case = f" {printable(iteration['case'])}" if iteration.get("case") is not None else ""
    repeat = f" #{iteration['repeat']}" if (iteration.get("repeat") or 0) > 1 else ""
    attempt = f" attempt {iteration['attempt']}" if (iteration.get("attempt") or 1) > 1 else ""
    took = "" if iteration.get("wall_seconds") is None else f" {duration(iteration['wall_seconds'])}"
    head = f"{iteration['ref']} {printable(iteration['stage'])}{case}{repeat}{attempt}"
    said = short_error(iteration.get("error"), iteration.get("cause"))
    what = pairs(iteration["metrics"]) if iteration.get("metrics") else iteration.get("cause") or ""
    error = printable(said) if iteration.get("cause") else ""
    told = error if error.startswith(what) else f"{what}: {error}" if error else what
    rest = drawing.rest(told, indent=len(head) + 30)
    return f"{head}  {drawing.state(iteration['state'])}{took}  {rest}".rstrip()


def _branches(lines: Iterable[str]) -> list[str]:
    listed = list(lines)
    return [f"{'└─' if at == len(listed) - 1 else '├─'} {line}" for at, line in enumerate(listed)]


def variant_lines(variant: dict[str, Any], drawing: Drawing, *, brief: bool, last: bool = False) -> list[str]:
    """A variant on one line; its iterations below when there are several or one failed, all of them unless `brief`.

    `brief` is the variant as a branch of its experiment, `last` the lowest one.
    """
    ref, marks = variant["ref"], _marks(variant)
    line = f"{'└─' if last else '├─'} {drawing.strong(ref)}" if brief else drawing.strong(ref)
    head = f"{line}  {drawing.state(variant['state'])}"
    told = f"  {marks}" if marks else ""
    shown = drawing.rest(
        f"{pairs(variant.get('params'))}  →  {pairs(measured(variant))}", indent=len(ref) + len(told) + 20
    )
    lines = [f"{head}  {shown}{told}"]
    if not brief and variant.get("parents"):
        lines.append(f"  from {' '.join(map(str, variant['parents']))}")
    iterations = variant.get("iterations") or []
    if brief and len(iterations) < 2 and not any(each.get("cause") for each in iterations):  # noqa: PLR2004 - several
        return lines
    most = MOST_ITERATIONS if brief and drawing.columns is not None else len(iterations)
    below = [_iteration_line(each, drawing) for each in iterations[:most]]
    if len(iterations) > most:
        below.append(f"… {len(iterations) - most} more: orc show {ref}")
    stem = "" if not brief else "   " if last else "│  "
    return [*lines, *(f"{stem}{each}" for each in _branches(below))]


def _numbers(attempt: dict[str, Any]) -> str:
    parts = [f"took {duration(attempt.get('wall_seconds'))}"]
    if attempt.get("cpu_seconds") is not None:
        parts.append(f"CPU {duration(attempt['cpu_seconds'])}")
    if attempt.get("queue_seconds") is not None:
        parts.insert(0, f"waited {duration(attempt['queue_seconds'])}")
    for name, what in (("max_rss_bytes", "memory"), ("read_bytes", "read"), ("written_bytes", "wrote")):
        if attempt.get(name) is not None:
            parts.append(f"{what} {size(attempt[name])}")
    return ", ".join(filter(None, [*parts, cost_text(attempt)]))


def _artifact(artifact: dict[str, Any]) -> str:
    where = f"in the state directory: {printable(artifact['path'])}" if artifact.get("path") else "not kept: too large"
    return f"{printable(artifact['name'])} {size(artifact['bytes'])}, {where}"


def iteration_lines(iteration: dict[str, Any], drawing: Drawing) -> list[str]:
    """An iteration with each attempt, its numbers and its whole error."""
    lines = [_iteration_line({**iteration, "error": None}, drawing), f"  seed {iteration.get('seed')}"]
    for attempt in iteration.get("attempts") or []:
        end = attempt.get("state") or attempt.get("end") or ""
        cause = f" {attempt['cause']}" if attempt.get("cause") else ""
        executor = f" in {printable(attempt['executor'])}" if attempt.get("executor") else ""
        label = f"  attempt {attempt['attempt']}  "
        first, *rest = folded(label, f"{end}{cause}{executor}, {_numbers(attempt)}", columns=drawing.columns)
        lines += [label + drawing.state(end) + first[len(label) + len(end) :], *rest]
        lines += [f"    artifact {_artifact(each)}" for each in attempt.get("artifacts") or ()]
        lines += [f"    {line}" for line in printable(attempt.get("error") or "", keep_lines=True).splitlines()]
    reports = iteration.get("reports") or []
    lines += [f"  step {report['step']}  {pairs(report['metrics'])}" for report in reports]
    return lines
