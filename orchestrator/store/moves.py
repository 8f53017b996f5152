"""Every move of a state goes through here: checked against the table, made only from the expected state, told as an event."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from orchestrator.domain.states import (
    ENDED_EXPERIMENT,
    ENDED_VARIANT,
    EXPERIMENT_MOVES,
    ITERATION_MOVES,
    RETRY_EXPERIMENT,
    VARIANT_MOVES,
    ExperimentState,
    IterationState,
    VariantState,
)
from orchestrator.errors import IllegalMove, NotFound
from orchestrator.store.columns import flag, metrics_json, plain
from orchestrator.store.writer import Transaction

State = TypeVar("State", bound=StrEnum)


def check_move(moves: Mapping[State, frozenset[State]], source: State, target: State, *, what: str) -> None:
    """Raises IllegalMove when the table has no such move."""
    if target == source:
        raise IllegalMove(f"{what} is {source} already")
    if target not in moves[source]:
        raise IllegalMove(f"{what} is {source}: it cannot become {target}")


class IterationMove(NamedTuple):
    """One iteration's move and what is true after it. A tuple in the order of `move_iterations`: thousands are made at once."""

    variant: int
    number: int
    target: IterationState
    attempt: int  # the last attempt begun
    charged: int  # failed attempts that count against its retries
    cause: str | None = None
    deaths: int = 0  # of the charged attempts those that ended with their process


Key = tuple[int, int]
"""(variant, iteration) within an experiment."""
ByNumber = Mapping[int, Sequence[int]]
"""The same by iteration number: its variants."""


def by_number(keys: Sequence[Key]) -> ByNumber:
    """Put together what one statement can move."""
    if len({number for _, number in keys}) == 1:  # as a rule
        return {keys[0][1]: [variant for variant, _ in keys]}
    found: defaultdict[int, list[int]] = defaultdict(list)
    for variant, number in keys:
        found[number].append(variant)
    return found


def start_iterations(transaction: Transaction, experiment: int, keys: Sequence[Key], *, grouped: ByNumber) -> None:
    """Begin the next attempt at queued iterations. Raises IllegalMove with their history when one is elsewhere."""
    check_move(ITERATION_MOVES, IterationState.QUEUED, IterationState.RUNNING, what="an iteration")
    changed = _move_groups(transaction, ("start_iterations", "start_iterations_of_all"), experiment, grouped)
    _expect(transaction, changed, keys, experiment=experiment, source=IterationState.QUEUED)
    transaction.count(experiment, iterations_queued=-len(keys), iterations_running=len(keys))


class IterationEnds(NamedTuple):
    """Moves out of `running`, as they are written."""

    keys: Sequence[Key | IterationMove]  # of all of them
    succeeded: ByNumber
    others: Sequence[tuple[Any, ...]]  # in the order of `move_iterations`
    targets: Counter[IterationState]


def iteration_ends(moves: Sequence[IterationMove]) -> IterationEnds:
    """Those that have succeeded, nearly all as a rule, are written as lists of variants: a third of the time of rows."""
    succeeded: list[Key] = []
    others = []
    for variant, number, target, attempt, charged, cause, deaths in moves:
        if target is IterationState.SUCCEEDED:
            succeeded.append((variant, number))
        else:
            others.append((variant, number, str(target), attempt, charged, plain(cause), deaths))
    targets = Counter({IterationState.SUCCEEDED: len(succeeded)} if succeeded else {})
    targets.update(IterationState(row[2]) for row in others)
    return IterationEnds(moves, by_number(succeeded), others, targets)


def all_succeed(keys: Sequence[Key]) -> IterationEnds:
    """The same where all have succeeded."""
    return IterationEnds(keys, by_number(keys), (), Counter({IterationState.SUCCEEDED: len(keys)}))


def end_iterations(transaction: Transaction, experiment: int, ends: IterationEnds) -> None:
    """Move running iterations on. Raises IllegalMove with their history when one is not running."""
    keys, succeeded, others, targets = ends
    for target in targets:
        check_move(ITERATION_MOVES, IterationState.RUNNING, target, what="an iteration")
    changed = _move_groups(transaction, ("succeed_iterations", "succeed_iterations_of_all"), experiment, succeeded)
    if others:
        changed += transaction.run_rows("move_iterations", others, shared=(experiment,))
        _keep_evaluating(transaction, experiment, others)
    _expect(transaction, changed, keys, experiment=experiment, source=IterationState.RUNNING)
    transaction.count(experiment, iterations_running=-len(keys))
    transaction.count(experiment, **{f"iterations_{target}": count for target, count in targets.items()})


def _keep_evaluating(transaction: Transaction, experiment: int, others: Sequence[tuple[Any, ...]]) -> None:
    """What was given back before it had begun leaves no trace in its row: that its variant was evaluating is written down."""
    variants = {
        variant for variant, _, target, attempt, *_ in others if target == IterationState.QUEUED and not attempt
    }
    if variants:
        check_move(VARIANT_MOVES, VariantState.PROPOSED, VariantState.EVALUATING, what="a variant")
        transaction.run("begin_variants", {"experiment": experiment, "rows": json.dumps(sorted(variants))})


def drop_iterations(transaction: Transaction, experiment: int, moves: Sequence[IterationMove]) -> None:
    """Cancel queued iterations of pruned variants. Raises IllegalMove with their history when one is elsewhere."""
    check_move(ITERATION_MOVES, IterationState.QUEUED, IterationState.CANCELLED, what="an iteration")
    keys = [(move.variant, move.number) for move in moves]
    changed = _move_groups(transaction, ("drop_iterations", "drop_iterations_of_all"), experiment, by_number(keys))
    _expect(transaction, changed, keys, experiment=experiment, source=IterationState.QUEUED)
    transaction.count(experiment, iterations_queued=-len(keys), iterations_cancelled=len(keys))


def _move_groups(transaction: Transaction, statements: tuple[str, str], experiment: int, grouped: ByNumber) -> int:
    """Run a statement for each iteration number and the variants it concerns: the number of changed rows.

    The second statement is for all variants from one to another, which is what they are as a rule.
    """
    of_some, of_all = statements
    changed = 0
    for number, rows in grouped.items():
        values = {"experiment": experiment, "number": number}
        first, last = min(rows), max(rows)
        if last - first + 1 == len(rows):
            changed += transaction.run(of_all, {**values, "first": first, "last": last})
        else:
            changed += transaction.run(of_some, {**values, "rows": json.dumps(rows)})
    return changed


def _expect(
    transaction: Transaction,
    changed: int,
    wanted: Sequence[Key | IterationMove],
    *,
    experiment: int,
    source: IterationState,
) -> None:
    if changed != len(wanted):
        place = (experiment, source.value)
        history = _where(transaction, "misplaced_iterations", place, [(key[0], key[1]) for key in wanted])
        raise IllegalMove(f"{len(wanted) - changed} iterations of {experiment} are not {source}: {history}")


class VariantMove(NamedTuple):
    """One variant's move and what is true after it. A tuple in the order of `move_variants`: thousands are made at once."""

    number: int
    target: VariantState
    rule: str | None = None
    metrics: Mapping[str, float] | None = None
    spread: Mapping[str, Any] | None = None
    objective: float | None = None
    rank: float | None = None  # smaller is better
    passed: bool | None = None


class VariantEnds(NamedTuple):
    """Moves of variants that end, as they are written."""

    evaluated: Sequence[tuple[Any, ...]]  # in the order of `evaluate_variants`
    others: Sequence[tuple[Any, ...]]  # in the order of `move_variants`
    targets: Counter[VariantState]


def variant_ends(moves: Sequence[VariantMove], *, texts: Mapping[int, str]) -> VariantEnds:
    """The rows of variants that end. `texts` has the JSON of metrics that is known already, by their id."""
    evaluated, others = [], []
    for number, target, rule, metrics, spread, objective, rank, passed in moves:
        found = texts.get(id(metrics)) or metrics_json(metrics)
        if target is VariantState.EVALUATED and spread is None:
            evaluated.append((number, found, objective, rank, flag(passed)))
        else:
            others.append(
                (number, str(target), rule, found, spread and json.dumps(spread), objective, rank, flag(passed))
            )
    return VariantEnds(evaluated, others, Counter([move.target for move in moves]))


def all_evaluated(rows: Sequence[tuple[Any, ...]]) -> VariantEnds:
    """The same where all are evaluated; in the order of `evaluate_variants`."""
    return VariantEnds(rows, (), Counter({VariantState.EVALUATED: len(rows)}))


def move_variants(transaction: Transaction, experiment: int, ends: VariantEnds) -> None:
    """End variants of one experiment that are evaluating. Raises IllegalMove with their states when one has ended before.

    On record such a variant may still be `proposed`: that it is evaluating follows from its iterations.
    """
    evaluated, others, targets = ends
    for target in targets:
        check_move(VARIANT_MOVES, VariantState.EVALUATING, target, what="a variant")
    changed = transaction.run_rows("evaluate_variants", evaluated, shared=(experiment,)) if evaluated else 0
    changed += transaction.run_rows("move_variants", others, shared=(experiment,)) if others else 0
    missing = len(evaluated) + len(others) - changed
    if missing:
        place = (experiment, VariantState.EVALUATING.value)
        history = _where(transaction, "misplaced_variants", place, [(row[0],) for row in (*evaluated, *others)])
        raise IllegalMove(f"{missing} variants of {experiment} are not evaluating: {history}")
    count_variants(transaction, experiment, targets)


def count_variants(
    transaction: Transaction, experiment: int, moved: Mapping[VariantState, int], *, sign: int = 1
) -> None:
    """Count variants that have ended (or, with sign -1, are open again)."""
    ended = {f"variants_{state}": sign * count for state, count in moved.items() if state in ENDED_VARIANT}
    if ended:
        transaction.count(experiment, **ended)


def move_experiment(
    transaction: Transaction, experiment: int, target: ExperimentState, *, reason: str | None = None
) -> ExperimentState:
    """Move an experiment from wherever it is and return the state it left. Raises IllegalMove or NotFound."""
    found = experiment_row(transaction, experiment)
    source = ExperimentState(found["state"])
    reopened = source in ENDED_EXPERIMENT and target is RETRY_EXPERIMENT
    if not reopened:
        check_move(EXPERIMENT_MOVES, source, target, what=f"experiment {experiment}")
    values = {
        "experiment": experiment,
        "source": source,
        "target": target,
        "reason": reason,
        "ended": target in ENDED_EXPERIMENT,
        "now_us": transaction.now_us,
    }
    transaction.run("move_experiment", values)
    kind = "experiment_reopened" if reopened else _EVENT_KINDS.get(target, "experiment_ended")
    if target is ExperimentState.RUNNING and source is ExperimentState.PAUSED:
        kind = "experiment_resumed"
    transaction.tell(kind, experiment=experiment, state=target, reason=reason)
    return source


def experiment_row(transaction: Transaction, experiment: int) -> dict[str, Any]:
    """State, phase, round and number of variants of an experiment. Raises NotFound."""
    found: dict[str, Any] | None = transaction.read("experiment_state", {"experiment": experiment})
    if found is None:
        raise NotFound(f"there is no experiment {experiment}", hint="orc ls shows the experiments there are")
    found["variant_count"] += transaction.counted(experiment, "variant_count")
    return found


def _where(transaction: Transaction, name: str, place: tuple[int, str], keys: Sequence[tuple[int, ...]]) -> Any:
    experiment, source = place
    return transaction.read(name, {"experiment": experiment, "source": source}, rows=keys)


_EVENT_KINDS = {
    ExperimentState.QUEUED: "experiment_resumed",
    ExperimentState.RUNNING: "experiment_started",
    ExperimentState.PAUSED: "experiment_paused",
}
