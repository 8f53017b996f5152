"""How many evaluations that do nothing a second, each durable, against systems that remember less."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks.private_daemon import ROOT, Daemon, private_daemon
from benchmarks.specs import random_sweep
from benchmarks.table import Plan, Row, median

# peer: (evaluations it is given, the goal for our ratio)
PEERS = {
    "process_pool": (10_000, 2.0),
    "dask": (5_000, 30.0),
    "ray": (5_000, 10.0),
    "optuna": (500, 200.0),
}
PEER_SECONDS = 600


def rows(plan: Plan) -> Iterator[Row]:
    """A row for each peer; ours and theirs are measured in turn, so that a machine that slows down slows both."""
    spec = random_sweep("nothing", variants=plan.evaluations, slots=plan.slots)
    with private_daemon(slots=plan.slots) as daemon:
        daemon.run(random_sweep("nothing", variants=100, slots=plan.slots))
        for peer, (evaluations, goal) in PEERS.items():
            if peer == "process_pool" or plan.peers:
                pairs, note = beside(daemon, spec, peer, evaluations=evaluations, plan=plan)
                yield row(pairs, peer, goal=goal, plan=plan, note=note)


def row(pairs: list[tuple[float, float]], peer: str, *, goal: float, plan: Plan, note: str) -> Row:
    """Ours against theirs, the median of each and of their ratios."""
    what = f"durable no-op evaluations, {plan.evaluations:,} variants"
    if not pairs:
        return Row(what=what, unit="/s", note=note, at_least=goal)
    return Row(
        what=what,
        unit="/s",
        value=median(ours for ours, _ in pairs),
        against=peer,
        floor=median(theirs for _, theirs in pairs),
        ratio=median(ours / theirs for ours, theirs in pairs),
        at_least=goal,
        samples=[ours for ours, _ in pairs],
    )


def beside(
    daemon: Daemon, spec: dict[str, Any], peer: str, *, evaluations: int, plan: Plan
) -> tuple[list[tuple[float, float]], str]:
    """Evaluations a second of ours, from the submit request to the end with every commit synced, and of a peer; or why there are none."""
    pairs = []
    for _ in range(plan.runs):
        theirs, note = peer_rate(peer, evaluations=evaluations, plan=plan)
        if theirs is None:
            return [], note
        pairs.append((plan.evaluations / daemon.run(spec)[0], theirs))
    return pairs, ""


def peer_rate(peer: str, *, evaluations: int, plan: Plan) -> tuple[float | None, str]:
    """Evaluations a second of one run, or why there are none."""
    run = subprocess.run(
        [sys.executable, "-m", f"benchmarks.peers.{peer}", str(evaluations), str(plan.slots)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PEER_SECONDS,
        check=False,
    )
    if "ModuleNotFoundError" in run.stderr:
        return None, f"{peer} is not installed here (make bench installs it)"
    if run.returncode:
        return None, f"{peer} failed: {run.stderr.strip().splitlines()[-1][:80]}"
    return evaluations / json.loads(run.stdout.splitlines()[-1])["seconds"], ""
