"""Following an experiment: live on a terminal, a line for each noteworthy change elsewhere."""

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from orchestrator.cli.setup import Setup
from orchestrator.cli.text import count, duration, pairs, printable
from orchestrator.client.following import Following
from orchestrator.domain.states import ENDED_EXPERIMENT

LINES_AT_ONCE = 5
MOST_METRICS = 6
LINES_A_SECOND = 1.0


def ended(snapshot: dict[str, Any]) -> bool:
    """Whether this snapshot is the last one."""
    return snapshot["state"] in ENDED_EXPERIMENT


def name_of(snapshot: dict[str, Any]) -> str:
    """`12 rsi-thresholds`."""
    return f"{snapshot['ref']} {printable(snapshot.get('name') or '')}".rstrip()


def best_text(best: Any) -> str:
    """`best 12.3 sharpe=1.4`; a list, for Pareto, is counted."""
    if not best:
        return ""
    if isinstance(best, list):
        return f"{count(len(best), 'variant')} on the front"
    return f"best {best['ref']} {pairs(best.get('metrics'), most=MOST_METRICS)}"


def _headline(snapshot: dict[str, Any]) -> str:
    if snapshot["state"] != "running":
        reason = f" ({printable(snapshot['reason'])})" if snapshot.get("reason") else ""
        return f"{snapshot['state']}{reason}"
    rounds = f" of {snapshot['max_rounds']}" if snapshot.get("max_rounds") else ""
    return f"round {snapshot['round']}{rounds}, {snapshot['phase']}" if snapshot.get("round") else "running"


def plain_line(snapshot: dict[str, Any]) -> str:
    """One line that says how far it is."""
    iterations = snapshot["iterations"]
    finished = iterations["succeeded"] + iterations["failed"] + iterations["cancelled"]
    parts = [_headline(snapshot)]
    if iterations["total"]:
        parts.append(f"{finished}/{iterations['total']} evaluations")
    if iterations["failed"]:
        parts.append(f"{iterations['failed']} failed")
    if snapshot.get("best"):
        parts.append(best_text(snapshot["best"]))
    if snapshot.get("elapsed_seconds"):
        parts.append(duration(snapshot["elapsed_seconds"]))
    if snapshot.get("eta_seconds") is not None and not ended(snapshot):
        parts.append(f"about {duration(snapshot['eta_seconds'])} left")
    waits = [f"; waits: {printable(wait['message'])}" for wait in snapshot.get("waits") or ()]
    return f"{name_of(snapshot)}: {', '.join(parts)}{''.join(waits)}"


def _noteworthy(snapshot: dict[str, Any]) -> tuple[Any, ...]:
    best = snapshot.get("best")
    best_ref = best["ref"] if isinstance(best, dict) else len(best or ())
    iterations = snapshot["iterations"]
    finished = iterations["succeeded"] + iterations["failed"] + iterations["cancelled"]
    tenth = 10 * finished // iterations["total"] if iterations["total"] else 0
    waits = [wait["reason"] for wait in snapshot.get("waits") or ()]
    return snapshot["state"], snapshot.get("round"), best_ref, iterations["failed"] > 0, tenth, waits


@dataclass(slots=True)
class Sparing:
    """Chooses the snapshots worth a line: something noteworthy changed, and there were not too many lines lately.

    Five lines may come at once and one a second after that, so that a change is not kept back when no other follows it.
    """

    _shown: tuple[Any, ...] = ()
    _allowed: float = LINES_AT_ONCE
    _counted_at: float = 0.0

    def worth(self, snapshot: dict[str, Any], *, now: float) -> bool:
        """Whether to print this one; `now` is in seconds. An end always is."""
        noteworthy = _noteworthy(snapshot)
        state_changed = noteworthy[:1] != self._shown[:1]
        self._allowed = min(LINES_AT_ONCE, self._allowed + LINES_A_SECOND * (now - self._counted_at))
        self._counted_at = now
        if noteworthy == self._shown or (self._allowed < 1 and not state_changed):
            return False
        self._shown, self._allowed = noteworthy, max(0.0, self._allowed - 1)
        return True


def _followed_plainly(setup: Setup, snapshots: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    sparing: defaultdict[str, Sparing] = defaultdict(Sparing)
    for snapshot in snapshots:
        if sparing[snapshot["ref"]].worth(snapshot, now=time.monotonic()) and not ended(snapshot):
            setup.message(plain_line(snapshot))
        yield snapshot


def follow(setup: Setup, ref: object) -> dict[str, Any]:
    """Show progress until the experiment has ended; its last snapshot. It outlives a restart of the daemon of up to 30 s."""
    snapshots = Following(session=setup.session, notice=setup.message).progress(ref)
    return deque(_shown(setup, snapshots), maxlen=1).pop()


def follow_all(setup: Setup, tell: Callable[[dict[str, Any]], None]) -> None:
    """Show the progress of all that is active until nothing is; `tell` is given the last snapshot of each."""
    snapshots = Following(session=setup.session, notice=setup.message).progress_of_all()
    for snapshot in _shown(setup, snapshots):
        if ended(snapshot):
            tell(snapshot)


def _shown(setup: Setup, snapshots: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The snapshots, each after it was shown."""
    if setup.quiet or not setup.can_draw:
        return _followed_plainly(setup, snapshots)
    from orchestrator.cli.live import followed_live  # noqa: PLC0415  # house: rich is loaded only when something is drawn

    return followed_live(snapshots)
