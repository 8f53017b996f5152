"""What follows a round: another one, or the end and which. And when to stop an experiment whose evaluator is broken."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from orchestrator.domain.states import ExperimentState
from orchestrator.search.criterion import met_by, wanted
from orchestrator.search.objective import Goal, improvement
from orchestrator.spec.experiment import LoopSpec, MaxFailures

Rule = Literal["limit", "target", "passed", "exhausted", "max_rounds", "patience", "on_failure", "next_round"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundSummary:
    """A finished round in numbers of variants. `proposed` are those the round brought; duplicates are not among them."""

    round_number: int
    proposed: int
    evaluated: int
    failed: int = 0
    pruned: int = 0
    passed: int = 0  # without a gate: as many as were evaluated
    selected: int = 0  # in the experiment so far
    best: float | None = None  # the best objective in the experiment so far, whether it passed or not
    best_metrics: Mapping[str, float] = field(default_factory=dict)  # of the best so far that passed
    exhausted: bool = False  # the generator has nothing left
    limit_reached: str | None = None  # which limit is used up, in words
    no_room: str | None = None  # which limit would leave the next round empty, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What follows and by which rule. `end_state` is set when, and only when, `action` is "end"."""

    action: Literal["continue", "end"]
    rule: Rule
    message: str
    end_state: ExperimentState | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """What every rule looks at."""

    loop: LoopSpec
    history: Sequence[RoundSummary]
    goal: Goal
    has_gate: bool

    @property
    def last(self) -> RoundSummary:
        return self.history[-1]


def decide(loop: LoopSpec, history: Sequence[RoundSummary], *, goal: Goal, has_gate: bool) -> Decision:
    """What follows the last round of `history`, which holds every round so far in order, at least one.

    The first rule that applies ends it, in the order of `_ENDINGS`; none applies: another round.
    """
    view = _View(loop=loop, history=history, goal=goal, has_gate=has_gate)
    for rule, reason_of in _ENDINGS:
        reason = reason_of(view)
        if reason is not None:
            end_state = _end_state(view, rule)
            told = end_state is not ExperimentState.ABANDONED or rule == "on_failure"
            message = reason if told else _with_what_failed(view, reason)
            return Decision(action="end", rule=rule, message=message, end_state=end_state)
    following = view.last.round_number + 1
    return Decision(action="continue", rule="next_round", message=f"round {following} of {loop.max_rounds} follows")


def breaker_tripped(max_failures: MaxFailures | None, *, failed: int, finished: int) -> bool:
    """Whether so much has failed that the evaluator must be broken: more than `count`, and more than `ratio` of what finished.

    Of the two the one that is not given asks nothing.
    """
    if max_failures is None:
        return False
    beyond_count = max_failures.count is None or failed > max_failures.count
    beyond_ratio = max_failures.ratio is None or failed > max_failures.ratio * finished
    return beyond_count and beyond_ratio


def failures_left(max_failures: MaxFailures | None, *, failed: int, finished: int) -> int | None:
    """How many evaluations must fail next, one after the other, for the breaker to trip, at least 1; None: so many do not exist."""
    if max_failures is None or max_failures.ratio == 1:
        return None
    by_count = 1 if max_failures.count is None else max_failures.count - failed + 1
    ratio = max_failures.ratio or 0.0
    by_ratio = math.floor((ratio * finished - failed) / (1 - ratio)) + 1
    return max(1, by_count, by_ratio)


def rounds_without_improvement(history: Sequence[RoundSummary], *, goal: Goal, min_improvement: float) -> int:
    """How many of the last rounds did not better the best by `min_improvement`, in the objective's own unit.

    The mark to beat is the best at the last improvement: steps that are too small one by one count once they add up. A first
    value is an improvement; with `min_improvement` 0 any better value is. Decimal steps mean what they say: 0.1 to 0.11 is 0.01.
    """
    mark: float | None = None
    stale = 0
    for summary in history:
        step = improvement(mark, summary.best, goal=goal)
        if step > 0.0 and (step >= min_improvement or math.isclose(step, min_improvement, rel_tol=1e-9)):
            mark, stale = summary.best, 0
        else:
            stale += 1
    return stale


def _limit(view: _View) -> str | None:
    return view.last.limit_reached


def _no_room(view: _View) -> str | None:
    return view.last.no_room


def _target(view: _View) -> str | None:
    target = view.loop.target
    if target is None or not met_by(target, view.last.best_metrics):
        return None
    return f"the target is reached: {target.metric} is {view.last.best_metrics[target.metric]:.10g}, wanted {wanted(target)}"


def _passed(view: _View) -> str | None:
    passed = sum(summary.passed for summary in view.history)
    if not view.has_gate or view.loop.target is not None or not passed:
        return None
    return f"{_counted(passed, 'variant')} passed the gate"


def _exhausted(view: _View) -> str | None:
    return "the generator proposes nothing more" if view.last.exhausted else None


def _max_rounds(view: _View) -> str | None:
    allowed = view.loop.max_rounds
    return f"all rounds are used up ({allowed})" if len(view.history) >= allowed else None


def _patience(view: _View) -> str | None:
    loop = view.loop
    if loop.patience is None:
        return None
    stale = rounds_without_improvement(view.history, goal=view.goal, min_improvement=loop.min_improvement)
    least = f" by at least {loop.min_improvement:g} (loop.min_improvement)" if loop.min_improvement else ""
    return f"no improvement{least} in the last {_counted(stale, 'round')}" if stale >= loop.patience else None


def _on_failure(view: _View) -> str | None:
    nothing_passed = view.last.proposed > 0 and view.last.passed == 0
    if not nothing_passed or view.loop.on_failure != "abandon":
        return None
    return f'no variant of round {view.last.round_number} passed, and on_failure is "abandon"'


_ENDINGS: tuple[tuple[Rule, Callable[[_View], str | None]], ...] = (
    ("limit", _limit),
    ("target", _target),
    ("passed", _passed),
    ("exhausted", _exhausted),
    ("max_rounds", _max_rounds),
    ("patience", _patience),
    ("on_failure", _on_failure),
    ("limit", _no_room),  # the last: only what would go on lacks room
)


def _end_state(view: _View, rule: Rule) -> ExperimentState:
    """`succeeded`: something was selected. `abandoned`: evaluated, nothing passed. `failed`: nothing could be evaluated.

    A used-up limit is never a failure. A variant that was not promoted has been evaluated as far as its promotion.
    """
    if view.last.selected > 0:
        return ExperimentState.SUCCEEDED
    tried = any(summary.evaluated or summary.pruned for summary in view.history)
    return ExperimentState.ABANDONED if tried or rule == "limit" else ExperimentState.FAILED


def _with_what_failed(view: _View, reason: str) -> str:
    """Why it was abandoned: what became of the variants comes first, then why there are no more of them."""
    evaluated = sum(summary.evaluated for summary in view.history)
    pruned = sum(summary.pruned for summary in view.history)
    if evaluated:
        return f"nothing passed the gate ({_counted(evaluated, 'variant')} evaluated): {reason}"
    return f"nothing was evaluated to its end ({_counted(pruned, 'variant')} pruned): {reason}" if pruned else reason


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
