"""Pruned variants: what becomes of their attempts, and the decision for the record. Plain functions."""

from typing import NamedTuple

from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.search.prune_base import SELF, Cut
from orchestrator.store.changes.rounds import Decision

PRUNED = "pruned"
"""What an iteration that a pruned variant leaves behind has for a cause."""


class Pruning(NamedTuple):
    """Which iteration a variant was pruned in, by which rule, and why."""

    iteration: int
    rule: str
    message: str
    cut: Cut | None = None  # None: it has pruned itself


def by_rule(iteration: int, cut: Cut) -> Pruning:
    """A rule of the file has cut it."""
    return Pruning(iteration, cut.rule, cut.message, cut)


def by_itself(iteration: int, said: str) -> Pruning:
    """The evaluation has raised Pruned."""
    return Pruning(iteration, SELF, f"pruned by itself: {said}" if said else "pruned by itself")


def outcome_of_pruned(outcome: Outcome, pruning: Pruning, *, iteration: int) -> Outcome:
    """The end of an attempt of a pruned variant: cancelled, whatever it came to, unless it is a sibling that had succeeded already."""
    if iteration != pruning.iteration and outcome.end is AttemptEnd.SUCCEEDED:
        return outcome
    error = pruning.message if iteration == pruning.iteration else f"its variant was {pruning.message}"
    return Outcome(end=AttemptEnd.CANCELLED, error=error, usage=outcome.usage, spent=outcome.spent)


def decision_of(pruning: Pruning, ref: str) -> Decision:
    """The decision to prune the variant `ref`."""
    iteration = f"{ref}.{pruning.iteration}"
    cut = pruning.cut
    told = {} if cut is None else {"step": cut.step, "value": cut.value, "bar": cut.bar, "others": cut.others}
    return Decision(
        kind="prune",
        rule=pruning.rule,
        message=f"{iteration} {pruning.message}",
        inputs={"iteration": iteration, **told},
        result={"ref": ref, "pruned": True},
    )
