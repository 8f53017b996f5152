"""How many evaluations that do nothing a second, each durable, against systems that remember less."""

import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.private_daemon import ROOT, private_daemon
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
    """Ours once, then a row for each peer."""
    samples = own_rates(plan)
    ours = median(samples)
    for peer, (evaluations, goal) in PEERS.items():
        what = f"durable no-op evaluations, {plan.evaluations:,} variants"
        if peer != "process_pool" and not plan.peers:
            continue
        rates, note = peer_rates(peer, evaluations=evaluations, plan=plan)
        if not rates:
            yield Row(what=what, unit="/s", note=note, at_least=goal)
            continue
        theirs = median(rates)
        yield Row(
            what=what,
            unit="/s",
            value=ours,
            against=peer,
            floor=theirs,
            ratio=ours / theirs,
            at_least=goal,
            samples=samples,
        )


def own_rates(plan: Plan) -> list[float]:
    """Evaluations a second from the submit request to the end of the experiment, process slots, every commit synced."""
    spec = random_sweep("nothing", variants=plan.evaluations, slots=plan.slots)
    with private_daemon(slots=plan.slots) as daemon:
        daemon.run(random_sweep("nothing", variants=100, slots=plan.slots))
        return [plan.evaluations / daemon.run(spec)[0] for _ in range(plan.runs)]


def peer_rates(peer: str, *, evaluations: int, plan: Plan) -> tuple[list[float], str]:
    """Evaluations a second of each run, or why there are none."""
    rates: list[float] = []
    for _ in range(plan.runs):
        run = subprocess.run(
            [sys.executable, "-m", f"benchmarks.peers.{peer}", str(evaluations), str(plan.slots)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PEER_SECONDS,
            check=False,
        )
        if "ModuleNotFoundError" in run.stderr:
            return [], f"{peer} is not installed here (make bench installs it)"
        if run.returncode:
            return [], f"{peer} failed: {run.stderr.strip().splitlines()[-1][:80]}"
        rates.append(evaluations / json.loads(run.stdout.splitlines()[-1])["seconds"])
    return rates, ""
