"""Outcomes as plain dicts, and their form in the journal.

An outcome has `metrics`, or `pruned` (a text), or else `cause` and `error` (`exit_status`, `import_failed` where they apply); and
the numbers `started_us` (UTC microseconds), `wall_seconds`, `cpu_seconds`, `output_bytes`, and `max_rss_bytes`, `read_bytes`,
`written_bytes`, `starved_seconds` where they are known. What
the evaluation noted through its trial follows under `reports` (those nobody has taken before), `cost`, `artifacts`; `output_error` says
why its output was lost.
"""

from __future__ import annotations

import json
import struct
from typing import Any

from orchestrator.worker import journal

_NUMBERS = struct.Struct("=qddq")  # started_us, wall_seconds, cpu_seconds, output_bytes
_ENCODE = json.JSONEncoder(separators=(",", ":")).encode
_DECODE = json.JSONDecoder().decode
_PLAIN_KEYS = 5
_NAMES: dict[str, str] = {}
_MOST_NAMES = 1000


def pack(outcome: dict[str, Any]) -> tuple[int, bytes]:
    """The kind and the payload of the frame of an outcome."""
    metrics = outcome.get("metrics")
    if metrics is None or len(outcome) != _PLAIN_KEYS:
        return journal.OUTCOME, encode(outcome)
    # repr of a finite float or an int is its JSON: a third of the time of the encoder, which counts in short evaluations
    text = ",".join([f"{_NAMES.get(name) or _quoted(name)}:{number!r}" for name, number in metrics.items()])
    numbers = _NUMBERS.pack(
        outcome["started_us"], outcome["wall_seconds"], outcome["cpu_seconds"], outcome["output_bytes"]
    )
    return journal.METRICS, numbers + f"{{{text}}}".encode()


def _quoted(name: str) -> str:
    if len(_NAMES) >= _MOST_NAMES:
        _NAMES.clear()
    return _NAMES.setdefault(name, _ENCODE(name))


def encode(document: dict[str, Any]) -> bytes:
    """A document as JSON."""
    return _ENCODE(document).encode()


def unpack(kind: int, payload: bytes) -> dict[str, Any] | None:
    """The outcome in a frame; None when the frame is no outcome or makes no sense."""
    try:
        if kind == journal.OUTCOME:
            outcome = _DECODE(payload.decode())
            return outcome if isinstance(outcome, dict) else None
        if kind == journal.METRICS:
            started, wall, cpu, output = _NUMBERS.unpack_from(payload)
            metrics = _DECODE(payload[_NUMBERS.size :].decode())
            measured = {"started_us": started, "wall_seconds": wall, "cpu_seconds": cpu, "output_bytes": output}
            return {"metrics": metrics, **measured}
    except (ValueError, struct.error):
        return None
    return None
