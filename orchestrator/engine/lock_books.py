"""The books of named locks while it is decided what starts: who lacks one, and for whom one is kept. Plain values."""

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class LockView:
    """The named locks nobody can have now."""

    here: frozenset[str] = frozenset()  # held for what this daemon runs: they come free in its own time
    elsewhere: frozenset[str] = frozenset()  # held by others, nobody knows for how long


@dataclass(slots=True)
class LockBooks:
    """All or nothing: who needs several locks takes all of them at one instant, and holds none while it waits.

    So nobody waits in a circle; and so that who needs several is not passed for ever by those who need one of them, the free ones
    are claimed for who has waited longest, as long as the others will come free here.
    """

    view: LockView
    _taken: set[str] = field(init=False)
    _claimed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._taken = {*self.view.here, *self.view.elsewhere}

    def lack(self, names: Collection[str]) -> bool:
        """Whether one of them is not to be had."""
        return not (self._taken.isdisjoint(names) and self._claimed.isdisjoint(names))

    def take(self, names: Collection[str]) -> None:
        """They go to what starts."""
        self._taken.update(names)

    def claim(self, names: Collection[str]) -> None:
        """Keep them from those that come after, when they lack nothing but what will come free here."""
        if not self._taken.isdisjoint(names) and self.view.elsewhere.isdisjoint(names):
            self._claimed.update(names)

    def forget_claims(self) -> None:
        """Begin with who has waited longest again."""
        self._claimed.clear()
