"""Passed or not: counts against what the lane allows, in plain functions."""

from dataclasses import dataclass

from orchestrator.workloads.pipeline.findings import Counts
from orchestrator.workloads.pipeline.lanes import GateRules, Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a gate says. `blocks`: it has not passed, and failures of its severity block changes of this lane."""

    passed: bool
    blocks: bool
    reason: str  # `2 errors (0 allowed), 1 warning (3 allowed)`

    def metrics(self, prefix: str) -> dict[str, float]:
        """As numbers: `PREFIX_passed`, `PREFIX_blocks`, and `PREFIX_ran`, which is 0 for a gate that was left out."""
        return {f"{prefix}_ran": 1, f"{prefix}_passed": int(self.passed), f"{prefix}_blocks": int(self.blocks)}


def judge_counts(counts: Counts, *, rules: GateRules, lane: Lane) -> Verdict:
    """Errors and warnings against the numbers that are allowed of each."""
    passed = counts.errors <= rules.allowed_errors and counts.warnings <= rules.allowed_warnings
    errors = f"{_count(counts.errors, 'error')} ({rules.allowed_errors} allowed)"
    warnings = f"{_count(counts.warnings, 'warning')} ({rules.allowed_warnings} allowed)"
    return _verdict(passed, f"{errors}, {warnings}", rules, lane)


def judge_coverage(percent: float, *, rules: GateRules, lane: Lane) -> Verdict:
    """The percentage against the one that is needed."""
    passed = percent >= rules.minimum_percent
    return _verdict(passed, f"{percent:.1f} % ({rules.minimum_percent:g} % needed)", rules, lane)


def left_out(prefix: str) -> dict[str, float]:
    """The numbers of a gate that did not run because the lane does not want it or its tool is optional."""
    return {f"{prefix}_ran": 0, f"{prefix}_passed": 1, f"{prefix}_blocks": 0}


def _verdict(passed: bool, reason: str, rules: GateRules, lane: Lane) -> Verdict:  # noqa: FBT001 - the first of four facts
    return Verdict(passed=passed, blocks=not passed and lane.blocks(rules.severity), reason=reason)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
