"""What running evaluations tell of themselves: reports, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.domain.report import Report, Spent
from orchestrator.store.columns import metrics_json
from orchestrator.store.writer import Transaction
from orchestrator.worker.thinning import begins_stride

_REFS_TOLD = 1000


class NewReport(NamedTuple):
    """A report and the attempt it is of."""

    variant: int
    iteration: int
    attempt: int
    report: Report


class NewSpent(NamedTuple):
    """What an attempt has cost in all."""

    variant: int
    iteration: int
    attempt: int
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class AddReports:
    """Reports of whatever runs of an experiment, in the order they came, all that have gathered since the last time."""

    experiment: int
    reports: tuple[NewReport, ...]

    def apply(self, transaction: Transaction) -> None:
        """Write them, with one event for all."""
        add_reports(transaction, self.experiment, self.reports)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsOfAll:
    """The same for several experiments at once."""

    parts: tuple[AddReports, ...]

    def apply(self, transaction: Transaction) -> None:
        """Write them all. What belongs to an experiment that was removed meanwhile is nobody's."""
        for part in self.parts:
            if transaction.read("experiment_state", {"experiment": part.experiment}) is not None:
                part.apply(transaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What goes on record together with the ends of attempts."""

    reports: tuple[NewReport, ...] = ()
    spent: tuple[NewSpent, ...] = ()

    def add(self, transaction: Transaction, experiment: int) -> None:
        """Write it; the attempts are there."""
        add_reports(transaction, experiment, self.reports)
        add_spent(transaction, experiment, self.spent)


def add_reports(transaction: Transaction, experiment: int, reports: Sequence[NewReport]) -> None:
    """Write reports, thin out what has become too many, and tell which iterations came to which step."""
    if not reports:
        return
    rows = [
        (experiment, variant, iteration, attempt, one.number, one.step, one.time_us, metrics_json(one.metrics))
        for variant, iteration, attempt, one in reports
    ]
    transaction.run_rows("add_reports", rows)
    for variant, iteration, attempt, report in reports:
        stride = begins_stride(report.number)
        if stride is not None:
            place = {"experiment": experiment, "variant": variant, "iteration": iteration, "attempt": attempt}
            transaction.run("thin_reports", {**place, "stride": stride})
    steps = {f"{experiment}.{new.variant}.{new.iteration}": new.report.step for new in reports}
    told = dict(list(steps.items())[:_REFS_TOLD])
    transaction.tell("reported", experiment=experiment, refs=list(told), steps=list(told.values()), count=len(reports))


def add_spent(transaction: Transaction, experiment: int, spent: Sequence[NewSpent]) -> None:
    """Write what ended attempts have cost, and add it to their experiment's."""
    if not spent:
        return
    rows = [(experiment, *place, cost.usd, cost.tokens) for *place, cost in spent]
    transaction.run_rows("add_spent", rows)
    total = {"usd": sum(one.spent.usd for one in spent), "tokens": sum(one.spent.tokens for one in spent)}
    transaction.run("add_to_spent", {"experiment": experiment, **total})
