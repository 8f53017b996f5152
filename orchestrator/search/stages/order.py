"""Which of the ready stages starts first: the one with the longest way to go."""

from collections.abc import Iterable, Mapping

from orchestrator.search.stages.graph import Edges, successors, topological


def bottom_levels(after: Edges, *, durations: Mapping[str, float | None]) -> dict[str, float | None]:
    """The length in seconds of the longest path that starts at each name, itself included; None when its own is not known.

    Later stages whose duration is not known add nothing. (T. L. Adam, K. M. Chandy, J. R. Dickson, "A comparison of list schedules
    for parallel processing systems", CACM 17(12), 1974: highest level first with estimated times.)
    """
    later = successors(after)
    lengths: dict[str, float] = {}
    for name in reversed(topological(after)):
        longest = max((lengths[follower] for follower in later[name]), default=0.0)
        lengths[name] = longest + (durations.get(name) or 0.0)
    return {name: None if durations.get(name) is None else lengths[name] for name in after}


def longest_first(ready: Iterable[str], *, after: Edges, durations: Mapping[str, float | None]) -> tuple[str, ...]:
    """The ready ones, the longest way to go first; those of unknown duration last, and they and equals in the order given."""
    levels = bottom_levels(after, durations=durations)

    def standing(name: str) -> tuple[bool, float]:
        level = levels[name]
        return level is None, -(level or 0.0)

    return tuple(sorted(ready, key=standing))
