"""`python -m benchmarks [NAME...]`: measure, print one table, write JSON to output/."""

import argparse
import json
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import cold_start, command_rate, efficiency, growth, idle, latency, stages, throughput
from benchmarks.private_daemon import OUTPUT
from benchmarks.table import Plan, Row, lines

QUESTIONS: dict[str, Callable[[Plan], Iterator[Row]]] = {
    "throughput": throughput.rows,
    "efficiency": efficiency.rows,
    "commands": command_rate.rows,
    "cold-start": cold_start.rows,
    "latency": latency.rows,
    "idle": idle.rows,
    "stages": stages.rows,
    "growth": growth.rows,
}


def main() -> int:
    """Answer the questions that were asked for; 0 when everything could be measured, whatever the goals say."""
    options = read_options()
    plan = Plan(
        runs=options.runs,
        evaluations=options.evaluations,
        million=options.million,
        peers=not options.no_peers,
        slots=options.slots,
    )
    OUTPUT.mkdir(exist_ok=True)
    rows: list[Row] = []
    for name in options.questions or QUESTIONS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        rows += QUESTIONS[name](plan)
    print("\n".join(lines(rows)))
    print(f"\nwritten to {write(plan, rows)}", file=sys.stderr)
    return 0


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("questions", nargs="*", metavar="NAME", help=f"only these: {', '.join(QUESTIONS)}")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many runs counts (default 3)")
    parser.add_argument("--evaluations", type=int, default=10_000, help="no-op evaluations (default 10,000)")
    parser.add_argument("--slots", type=int, default=os.cpu_count() or 2, help="processes (default: cores)")
    parser.add_argument("--million", action="store_true", help="also with a million iterations on disk")
    parser.add_argument("--no-peers", action="store_true", help="compare with the standard library only")
    options = parser.parse_args()
    unknown = [name for name in options.questions if name not in QUESTIONS]
    if unknown:
        parser.error(f"no question is called {', '.join(unknown)}; there are {', '.join(QUESTIONS)}")
    return options


def write(plan: Plan, rows: list[Row]) -> Path:
    """One JSON document with the machine, the plan and every row with its samples."""
    now = datetime.now(UTC)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
    }
    document = {"time": now.isoformat(), "machine": machine, "plan": asdict(plan), "rows": [shown(row) for row in rows]}
    path = OUTPUT / f"benchmarks-{now:%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return path


def shown(row: Row) -> dict[str, object]:
    """The row with what follows from it."""
    return {**asdict(row), "goal": row.goal, "met": row.met}


if __name__ == "__main__":
    sys.exit(main())
