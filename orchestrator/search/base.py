"""The two contracts a strategy can fill: a generator says what to try next, a selector says what wins."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from orchestrator.search.objective import Goal
from orchestrator.spec.experiment import SearchSpec, SelectSpec
from orchestrator.spec.space import Space

Point = dict[str, Any]
"""The parameters of one proposal, as they become JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a generator is told of one variant that has ended."""

    variant: int
    round_number: int
    parameters: Mapping[str, Any]
    metrics: Mapping[str, float] | None  # None: it failed, was pruned or was cancelled
    objective: float | None = None
    passed: bool = False
    cases: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # case -> its own metrics


class Generator(Protocol):
    """Says what to try next. Duties:

    - Its proposals are a function of (constructor values, what it was told, `round_number`, `count`, the state of `rng`). After a
      crash a fresh one is told the same results in the same order, gets an `rng` seeded alike, and yields the same sequence;
      the caller skips what is already on record.
    - It streams: proposals are computed as they are asked for, and never held in memory together.
    - It is made by `(space, search=...)` and raises InvalidSpec when it cannot use them.
    - A proposal is a fresh JSON object the caller may keep; duplicates are allowed, the caller suppresses them.
    - Rounds are numbered from 1.
    """

    def propose(self, round_number: int, *, count: int | None, rng: Random) -> Iterator[Point]:
        """At most `count` proposals of a round; None: all there are, which for some methods is without end."""
        ...

    def exhausted(self, round_number: int) -> bool:
        """Whether nothing is left to propose once this round is done."""
        ...

    def tell(self, results: Iterable[Result]) -> None:
        """Learn how variants ended, in ref order. One that does not learn leaves the iterable unread, so a replay is free."""
        ...


class NoGenerator:
    """Proposes nothing, ever."""

    def __init__(self, space: Space, *, search: SearchSpec) -> None:
        del space, search

    def propose(self, round_number: int, *, count: int | None, rng: Random) -> Iterator[Point]:
        """Nothing."""
        del round_number, count, rng
        return iter(())

    def exhausted(self, round_number: int) -> bool:
        """From the beginning."""
        del round_number
        return True

    def tell(self, results: Iterable[Result]) -> None:
        """There is nothing to learn for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An evaluated variant as a selector sees it. `passed` is True when there is no gate."""

    number: int
    objective: float | None
    passed: bool
    metrics: Mapping[str, float] = field(default_factory=dict)


class Selector(Protocol):
    """Says what wins. Duties:

    - The answer is a function of the set of candidates and the goal: the order they come in changes nothing.
    - Winners are numbers of candidates that passed, best first; ties go to the lower number; no objective comes last.
    - It is made from the file's `select`. No passing candidate: no winner. It reads the candidates once and may be given a million.
    """

    def select(self, candidates: Iterable[Candidate], *, goal: Goal) -> tuple[int, ...]:
        """The numbers of the winners, best first."""
        ...


class NoSelector:
    """Selects nothing."""

    def __init__(self, select: SelectSpec) -> None:
        del select

    def select(self, candidates: Iterable[Candidate], *, goal: Goal) -> tuple[int, ...]:
        """No winner, whoever stands for it."""
        del candidates, goal
        return ()
