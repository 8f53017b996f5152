"""What attempts used, in a line for a person."""

from typing import Any

from orchestrator.cli.text import count, duration, size

LEAST_AT_ONCE = 0.01  # less says nothing: it is the daemon's work that took the time


def used_text(usage: dict[str, Any], *, elapsed_seconds: float | None) -> str:
    """What all attempts used together."""
    if not usage["attempts"]:
        return "nothing yet"
    parts = [count(usage["attempts"], "attempt"), f"{duration(usage['wall_seconds'])} in evaluations"]
    at_once = (usage["wall_seconds"] or 0) / elapsed_seconds if elapsed_seconds else 0
    if at_once >= LEAST_AT_ONCE:
        parts[1] += f" ({at_once:.2g} at once on average)"
    parts += [f"CPU {duration(usage['cpu_seconds'])}", _memory_text(usage["max_rss_bytes"])]
    parts += [f"read {size(usage['read_bytes'])}", f"wrote {size(usage['written_bytes'])}"]
    return ", ".join(parts)


def _memory_text(max_rss_bytes: int | None) -> str:
    return "memory unknown" if max_rss_bytes is None else f"memory at most {size(max_rss_bytes)} each"


def cost_text(row: dict[str, Any]) -> str:
    """What was told of the cost of an attempt, or of all; empty when nothing was."""
    usd, tokens = row.get("cost_usd"), row.get("tokens")
    return ", ".join([*([f"{usd:.6g} USD"] if usd else []), *([count(tokens, "token")] if tokens else [])])
