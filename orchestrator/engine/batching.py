"""How many short evaluations travel together. Plain functions of what was measured."""

from dataclasses import dataclass

FIRST = 1
FASTEST_GROWTH = 32
MOST = 512
LEAST_SECONDS = 0.005
SHORTEST_SECONDS = 1e-6


@dataclass(slots=True)
class Pace:
    """How long an evaluation of one stage takes, as far as is known, and how large a batch may be next."""

    mean_seconds: float | None = None
    allowed: int = FIRST
    known: int = 0  # evaluations the last batch measured had

    def learn(self, *, seconds: float, count: int) -> None:
        """A batch of `count` evaluations took `seconds` in all.

        It counts as much as what is known from before, and more than one that was smaller: the first, of one evaluation, has waited
        for its process to load the code.
        """
        if count <= 0:
            return
        measured, before = seconds / count, min(self.known, count)
        if self.mean_seconds is not None:
            measured = (measured * count + self.mean_seconds * before) / (count + before)
        self.mean_seconds, self.known = measured, count
        self.allowed = min(MOST, max(self.allowed, count * FASTEST_GROWTH))

    def forget(self) -> None:
        """A batch broke: begin carefully again."""
        self.allowed = FIRST


SHORT_SECONDS = 0.25
"""A batch shorter than this is worth having the next one ready."""


def is_short(pace: Pace, *, length: int) -> bool:
    """Whether a batch of this length is over so soon."""
    return pace.mean_seconds is not None and pace.mean_seconds * length < SHORT_SECONDS


def batch_length(pace: Pace, *, target_seconds: float, ready: int, lanes: int, failures_left: int | None = None) -> int:
    """How many evaluations to send together: worth `target_seconds`, but not so many that another lane stays empty.

    What is over in less than `LEAST_SECONDS` is not divided further: sending it would take longer than it does. With `failures_left`
    until the experiment is stopped all lanes together get no more than that.
    """
    if pace.mean_seconds is None:
        return FIRST
    if failures_left is not None:
        ready = min(ready, -(-failures_left // max(1, lanes)))
    mean_seconds = max(pace.mean_seconds, SHORTEST_SECONDS)
    worth = round(min(MOST, target_seconds / mean_seconds))
    fair = max(-(-ready // max(1, lanes)), int(min(MOST, LEAST_SECONDS / mean_seconds)))
    return max(1, min(worth, pace.allowed, fair, ready))
