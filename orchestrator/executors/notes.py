"""What an evaluation has noted, from the plain values of its worker to facts. Nonsense, which a workload may have written, is left out."""

import json
import math
from collections.abc import Iterable
from typing import Any

from orchestrator.domain.outcome import Artifact
from orchestrator.domain.report import Report, Spent
from orchestrator.worker import journal
from orchestrator.worker.results import is_text
from orchestrator.worker.trial import LARGEST_STEP

LARGEST_TOKENS = 2**62


def report_of(raw: Any) -> Report | None:
    """A report, if it is one."""
    if not isinstance(raw, dict):
        return None
    values: list[Any] = [raw.get(name) for name in Report._fields]
    number, step, time_us, metrics = values
    if not (_is_count(number) and _is_count(step) and _is_count(time_us) and isinstance(metrics, dict)):
        return None
    if not all(isinstance(name, str) and _is_number(value) for name, value in metrics.items()):
        return None
    return Report(number, step, time_us, metrics)


def reports_of(raws: Iterable[Any]) -> tuple[Report, ...]:
    """Those that are reports."""
    return tuple(report for raw in raws if (report := report_of(raw)) is not None)


def spent_of(raw: Any) -> Spent | None:
    """A cost, if it is one."""
    if not isinstance(raw, dict):
        return None
    values: list[Any] = [raw.get(name) for name in Spent._fields]
    usd, tokens = values
    if not (_is_number(usd) and _is_number(tokens) and usd >= 0 and 0 <= tokens <= LARGEST_TOKENS):
        return None
    return Spent(float(usd), int(tokens))


def artifacts_of(raws: Any) -> tuple[Artifact, ...]:
    """Those that are artifacts."""
    found = (_artifact_of(raw) for raw in raws if isinstance(raw, dict)) if isinstance(raws, list) else ()
    return tuple(artifact for artifact in found if artifact is not None)


def artifacts_noted(frames: Iterable[journal.Frame], position: int) -> tuple[Artifact, ...]:
    """Those that an evaluation told while it ran, for one whose process has died; the last of each name counts."""
    found: dict[str, Artifact] = {}
    for frame in frames:
        if frame.kind != journal.NOTE or frame.position != position or b'"artifact"' not in frame.payload:
            continue
        try:
            note = json.loads(frame.payload)
        except ValueError:
            continue
        for artifact in artifacts_of([note.get("artifact")]) if isinstance(note, dict) else ():
            found.pop(artifact.name, None)
            found[artifact.name] = artifact
    return tuple(found.values())


def _artifact_of(raw: dict[str, Any]) -> Artifact | None:
    name, size, kept = raw.get("name"), raw.get("bytes"), raw.get("kept")
    if not (isinstance(name, str) and name and "/" not in name and is_text(name)):
        return None
    return Artifact(name, size, kept) if _is_count(size) and isinstance(kept, bool) and size is not None else None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_STEP


def _is_number(value: Any) -> bool:
    if type(value) is int:
        return -LARGEST_STEP <= value <= LARGEST_STEP
    return type(value) is float and math.isfinite(value)
