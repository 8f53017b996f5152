"""Where a stage's evaluations run: in threads what waits, in processes all else."""

from typing import Final, NamedTuple

from orchestrator.search.stages.profile import WAITING_SHARE, Kind, Profile, classify
from orchestrator.search.stages.records import StageShape

CHOOSING: Final = frozenset({"hybrid", "adaptive"})
"""The strategies that choose; any other is the executor itself."""

_INTO_THREADS = 0.25  # CPU share up to which `adaptive` moves a stage into threads,
_OUT_OF_THREADS = 0.4  # and from which it moves it out again

_SUMMARY = {
    Kind.WAITING: "it waits, threads suffice",
    Kind.CPU: "it computes, processes use all cores",
    Kind.MIXED: "it computes and waits, processes do both",
    Kind.UNKNOWN: "not yet clear, so processes as for what computes",
}


class Placement(NamedTuple):
    """An executor, and the sentence that says why."""

    executor: str
    reason: str


def place(
    strategy: str,
    shape: StageShape,
    profile: Profile | None,
    *,
    current: str | None = None,
    threads_failed: bool = False,
) -> Placement:
    """The executor for the next evaluations of a stage, and why.

    `hybrid` goes by the class of the profile alone. `adaptive` also minds where the stage is now (`current`; None: nowhere yet): it
    moves only when the profile is clear and the border is passed by a margin, so that noise does not move a stage to and fro.
    """
    if shape.executor == "isolated":
        return Placement("isolated", "a command, and what has an interpreter of its own, is a process of its own")
    if strategy not in CHOOSING:
        return Placement(strategy, f"{strategy} is what the experiment asks for")
    if not shape.can_use_threads:
        return Placement("process", "it has limits that a thread cannot keep (memory, timeout or cpus)")
    if threads_failed:
        return Placement("process", "it has failed in threads")
    if strategy == "adaptive":
        return _with_hysteresis(profile, current=current)
    return _by_class(profile)


def _by_class(profile: Profile | None) -> Placement:
    kind = classify(profile)
    executor = "thread" if kind is Kind.WAITING else "process"
    return Placement(executor, f"{measured(profile)}: {_SUMMARY[kind]}")


def _with_hysteresis(profile: Profile | None, *, current: str | None) -> Placement:
    """Leave threads when the share is clearly above where waiting ends, enter them when it is clearly below."""
    choice = _by_class(profile)
    share = None if profile is None else profile.cpu_share
    if current == "thread" and choice.executor == "process" and not _has_come_back(profile):
        return Placement("thread", f"{measured(profile)}: not enough to leave threads (from {_OUT_OF_THREADS:g} on)")
    if current != "thread" and choice.executor == "thread" and share is not None and share > _INTO_THREADS:
        return Placement("process", f"{measured(profile)}: not enough to enter threads (up to {_INTO_THREADS:g})")
    return choice


def _has_come_back(profile: Profile | None) -> bool:
    """Whether the stage surely computes: its interval lies above the border, its mean by a margin."""
    if profile is None or profile.cpu_share is None or profile.cpu_share_low is None:
        return False
    return profile.cpu_share >= _OUT_OF_THREADS and profile.cpu_share_low > WAITING_SHARE


def measured(profile: Profile | None) -> str:
    """`CPU share 0.03 (0.02 to 0.05) over 12 evaluations`."""
    if profile is None or profile.cpu_share is None:
        return "CPU share not measured"
    low, high = profile.cpu_share_low, profile.cpu_share_high
    between = "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"
    plural = "" if profile.cpu_runs == 1 else "s"
    return f"CPU share {profile.cpu_share:.2f}{between} over {profile.cpu_runs} evaluation{plural}"
