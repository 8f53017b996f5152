"""What attempts used, in a line for a person."""

from typing import Any

from orchestrator.cli.text import count, duration, size


def used_text(usage: dict[str, Any], *, elapsed_seconds: float | None) -> str:
    """What all attempts used together."""
    if not usage["attempts"]:
        return "nothing yet"
    parts = [count(usage["attempts"], "attempt"), f"{duration(usage['wall_seconds'])} in evaluations"]
    if elapsed_seconds and usage["wall_seconds"] is not None:
        parts[1] += f" ({usage['wall_seconds'] / elapsed_seconds:.2g} at once on average)"
    parts += [f"CPU {duration(usage['cpu_seconds'])}", f"memory at most {size(usage['max_rss_bytes'])} each"]
    parts += [f"read {size(usage['read_bytes'])}", f"wrote {size(usage['written_bytes'])}"]
    return ", ".join(parts)
