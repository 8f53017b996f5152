"""What an experiment has just proposed, kept until it is run: what was written a moment ago need not be read back from the store.

It is a copy of what is on record and no more: whatever changes variants that may be in it, a cancellation, a retry, drops it, and what
was dropped, or never kept for want of room, is read from the store.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import TypeVar

from orchestrator.domain.states import IterationState
from orchestrator.engine.durably import DurableWriter
from orchestrator.engine.variant import ActiveIteration, ActiveVariant
from orchestrator.store.changes.rounds import Added, Proposed
from orchestrator.store.writer import Change

Result = TypeVar("Result")

MOST_KEPT = 16_384
"""Iterations that all experiments together keep: about 8 MB."""


class Shelf:
    """How many iterations may still be kept, over all experiments."""

    def __init__(self, size: int = MOST_KEPT) -> None:
        self.left = size


class Fresh:
    """Of one experiment: writes its proposals, and keeps those that have become variants, in the order of their numbers."""

    def __init__(self, store: DurableWriter, shelf: Shelf) -> None:
        self._store = store
        self._shelf = shelf
        self._kept: deque[ActiveVariant] = deque()
        self._drops = 0

    async def write(self, change: Change[Result]) -> Result:
        """Write a change as a `DurableWriter` does, and keep the variants it adds."""
        drops = self._drops
        result = await self._store.write(change)
        if isinstance(result, Added) and drops == self._drops:  # else what was dropped may have been changed since
            self._keep(result.variants)
        return result

    def _keep(self, variants: Mapping[int, Proposed]) -> None:
        """As they will be run, for that takes longer than writing them down: unless there is no room, or some before them were not kept."""
        size = sum([len(proposed.iterations) for proposed in variants.values()])
        follows = not self._kept or self._kept[-1].number + 1 == next(iter(variants), 0)
        if follows and size <= self._shelf.left:
            self._shelf.left -= size
            self._kept.extend([_active(number, proposed) for number, proposed in variants.items()])

    @property
    def first(self) -> int | None:
        """The number of the first variant that is kept; None when none is."""
        return self._kept[0].number if self._kept else None

    def take(self, *, after: int, limit: int) -> list[ActiveVariant]:
        """The next `limit` variants after a number, as `load_page` would read them. Nothing when the first that is kept comes later."""
        if self.first != after + 1:
            return []
        taken = [self._kept.popleft() for _ in range(min(limit, len(self._kept)))]
        self._shelf.left += _iterations_of(taken)
        return taken

    def drop(self) -> None:
        """From now on what is on record may differ from what is kept."""
        self._drops += 1
        self._shelf.left += _iterations_of(self._kept)
        self._kept.clear()


def _iterations_of(variants: Iterable[ActiveVariant]) -> int:
    return sum([len(variant.iterations) for variant in variants])


def _active(number: int, proposed: Proposed) -> ActiveVariant:
    name, parameters, planned, _ = proposed
    iterations = {one.number: ActiveIteration(*one, IterationState.QUEUED) for one in planned}
    return ActiveVariant(number, name, parameters, iterations)
