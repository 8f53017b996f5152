"""How slots and threads are shared between experiments: who has a claim to how much. Plain functions, and the books they need.

The share is one of time: a batch of 10 s counts as much as ten of 1 s. Each experiment has a *turn* for each kind of permit, which
is the time its batches have held such permits, divided by its weight; who has the smallest turn goes next. This is start-time fair
queueing (Goyal, Vin, Cheng 1997): over any stretch in which two experiments of one rank both have work that could start, what they
get is in proportion to their weights, up to one batch of each.

Example: two slots, batches of one length, A with `priority = 2` and B with `priority = 1`, both with `allocation = "priority"`. The
turns begin at (A 0, B 0); each batch moves A's by 1/2 and B's by 1: the slots go to A, B, A, A, B, A, … - two of three to A.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Allocation = Literal["equal", "priority", "dynamic"]
UNKNOWN_SECONDS = 0.05
"""What a batch is taken to last while nobody knows; what it did last is put right once it has ended."""


def rank_of(allocation: Allocation, priority: int) -> int:
    """Before whom an experiment is served: all of a higher rank are served first.

    The rank is the priority. Where that is the share (`allocation = "priority"`) the rank is 0, among those of no priority.
    """
    return 0 if allocation == "priority" else priority


def weight_of(allocation: Allocation, priority: int, *, left: int) -> float:
    """How much of the permits an experiment gets, in comparison with the others of its rank; above 0, so that none starves.

    - equal: 1.
    - priority: the priority where it is above 0; 1/2 for 0, 1/3 for -1, 1/4 for -2, and so on.
    - dynamic: `left`, the evaluations it has yet to run, as far as they are known: those of its round; at least 1.

    Example: of three with 100, 200 and 100 evaluations left that are all dynamic the second gets half, and all end at one time.
    """
    if allocation == "priority":
        return float(priority) if priority > 0 else 1 / (2 - priority)
    return float(max(1, left)) if allocation == "dynamic" else 1.0


@dataclass(slots=True, eq=False)
class Served:
    """Something that was let in: whose it is, what it was taken to last, and since when it executes."""

    experiment: int
    weight: float
    expected_seconds: float
    since_seconds: float | None = None


@dataclass(slots=True)
class Turns:
    """The turns of all experiments for one kind of permit.

    What is let in is charged what it is expected to last, and put right when it ends. Who comes, or comes back after a time with
    nothing to run, begins where the furthest of the others is: what it did not claim is not made up for.
    """

    of: dict[int, float] = field(default_factory=dict)
    resting: dict[int, float] = field(default_factory=dict)
    held: set[Served] = field(default_factory=set)
    furthest: float = 0.0  # turn of those that have rested

    def turn(self, experiment: int, *, now: float) -> float:
        """An experiment's turn, from now on among those who want to be served."""
        found = self.of.get(experiment)
        if found is None:
            found = self.of[experiment] = max(self.resting.pop(experiment, 0.0), self._level(now))
        return found

    def _level(self, now: float) -> float:
        """The furthest turn, counting of what executes the time until now."""
        reached = dict(self.of)
        for one in self.held:
            if one.experiment in reached:
                lasted = 0.0 if one.since_seconds is None else now - one.since_seconds
                reached[one.experiment] += (lasted - one.expected_seconds) / one.weight
        return max(self.furthest, *reached.values(), 0.0)

    def start(self, experiment: int, *, weight: float, expected_seconds: float, now: float) -> Served:
        """It is let in."""
        self.of[experiment] = self.turn(experiment, now=now) + expected_seconds / weight
        served = Served(experiment, weight, expected_seconds)
        self.held.add(served)
        return served

    def end(self, served: Served, *, lasted_seconds: float) -> None:
        """The permit is free again."""
        self.held.discard(served)
        difference = (lasted_seconds - served.expected_seconds) / served.weight
        for books in (self.of, self.resting):
            if served.experiment in books:
                books[served.experiment] += difference

    def rest(self, experiment: int) -> None:
        """It has nothing that could be served."""
        if experiment in self.of:
            self.resting[experiment] = self.of.pop(experiment)
            self.furthest = max(self.furthest, self.resting[experiment])

    def forget(self, experiment: int) -> None:
        """It has ended."""
        self.rest(experiment)
        self.resting.pop(experiment, None)


def turns_of(books: Mapping[str, Turns], experiment: int, *, now: float) -> dict[str, float]:
    """An experiment's turns by kind of permit."""
    return {kind: turns.turn(experiment, now=now) for kind, turns in books.items()}
