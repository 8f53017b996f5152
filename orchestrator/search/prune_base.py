"""The contract of a pruning rule: it follows each attempt report by report and says when going on is not worth it."""

from dataclasses import dataclass
from typing import Protocol

SELF = "self"
"""The rule on record when an evaluation raised Pruned by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Why an evaluation is not worth finishing."""

    rule: str
    step: int
    value: float  # what was looked at
    bar: float  # what it was held against
    others: int = 0  # evaluations it was compared with

    @property
    def message(self) -> str:
        """`pruned by median at step 12: 0.31 against 0.45`."""
        return f"pruned by {self.rule} at step {self.step}: {self.value:.10g} against {self.bar:.10g}"


class Course(Protocol):
    """One attempt, as a rule follows it."""

    def report(self, step: int, value: float) -> Cut | None:
        """The metric that counts, at a step; what it is cut for, if it is. After a cut there are no more reports."""
        ...

    def succeeded(self) -> None:
        """It has come to its end."""
        ...

    def forget(self) -> None:
        """It is tried again: what it has reported does not count any more."""
        ...


class Pruner(Protocol):
    """A rule with what it has learned from an experiment so far. Duties:

    - Attempts are compared only at one place (a stage, a case, a repeat: the number of the iteration), across variants.
    - What it knows depends on the courses it was told of and not on their order: after a restart they are told again.
    - The answer to a report may depend on what others have reported before it, and thereby on timing.
    """

    def course(self, place: int) -> Course:
        """Follow one more attempt."""
        ...
