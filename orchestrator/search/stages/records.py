"""What is known of a stage: how it is declared, and how each attempt at it ended."""

from dataclasses import dataclass
from typing import Literal

Ended = Literal["succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRun:
    """One ended attempt. Times are offsets in seconds from the first start of all; what is not known is None, never 0.

    `wall_seconds` is what the evaluation itself took where it ran; time in a queue is in `queued_seconds_before` only.
    """

    stage: str
    ref: str  # `12.3.1`: all before the last dot names the variant, whose stages depend on each other
    state: Ended
    executor: str
    started_seconds: float
    ended_seconds: float
    wall_seconds: float
    attempt: int = 1
    worker: str | None = None
    queued_seconds_before: float | None = None
    cpu_seconds: float | None = None  # user + system
    max_rss_bytes: int | None = None
    output_bytes: int | None = None
    cause: str | None = None
    error: str | None = None

    @property
    def variant(self) -> str:
        """The ref of the variant this was an iteration of; the ref itself when it has no dot."""
        return self.ref.rpartition(".")[0] or self.ref

    @property
    def ran(self) -> bool:
        """Whether it ran to an end of its own: neither cancelled nor over before it began."""
        return self.state != "cancelled" and self.wall_seconds > 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StageShape:
    """A stage as it is declared. `can_use_threads` is False for what a thread cannot keep: memory limit, timeout, cpus > 1, command."""

    name: str
    after: tuple[str, ...] = ()
    sla_seconds: float | None = None
    lane: str | None = None
    executor: str = "adaptive"
    locks: tuple[str, ...] = ()
    can_use_threads: bool = True
