"""`orc profile`: what the stages of an experiment are like, and how fast each strategy runs them, measured."""

from collections.abc import Sequence
from dataclasses import asdict
from random import Random
from typing import Any

import click

from orchestrator.cli import arguments, offline, sending
from orchestrator.cli.failures import FINE, NOT_SUCCEEDED
from orchestrator.cli.profiling import Sample, compared, measure, recommended, sample_of, try_out
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import NONE, duration, printable, size, table
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.errors import InvalidRequest
from orchestrator.search.stages.history import ENOUGH_RUNS, keep

Row = dict[str, Any]

RUNS, TRIES = 3, 8


def _stage_row(stage: Row) -> list[str]:
    profile = stage.get("profile") or {}
    share, low, high = (profile.get(name) for name in ("cpu_share", "cpu_share_low", "cpu_share_high"))
    told = NONE if share is None else f"{share:.2f}" + ("" if low is None else f" ({low:.2f} to {high:.2f})")
    return [
        printable(stage["stage"]),
        profile.get("kind") or NONE,
        told,
        duration(profile.get("wall_seconds")),
        NONE if not profile.get("spread") else f"{profile['spread']:.2g}",
        NONE if stage["overlap"] is None else f"{100 * stage['overlap']:.0f} %",
        size(profile.get("max_rss_bytes")),
        str(profile.get("runs", 0)),
    ]


def _stage_lines(stages: Sequence[Row]) -> list[str]:
    headers = ["STAGE", "KIND", "CPU SHARE", "MEAN", "P90/P10", "BESIDE", "MEMORY", "SEEN"]
    return table(headers, [_stage_row(stage) for stage in stages], right=frozenset(headers[3:]))


def _strategy_lines(rows: Sequence[Row]) -> list[str]:
    headers = ["STRATEGY", "MEDIAN", "FASTEST", "SPEED-UP", "RUNS ON"]
    lines = []
    for row in rows:
        used = sorted({name for names in row["executors"].values() for name in names})
        speed_up = NONE if row["speed_up"] is None else f"{row['speed_up']:.2f}x"
        fastest = min(row["wall_seconds"], default=None)
        lines.append([row["strategy"], duration(row["median_seconds"]), duration(fastest), speed_up, ", ".join(used)])
    return table(headers, lines, right=frozenset(headers[1:4]))


def _plan(setup: Setup, spec: str, overrides: Sequence[str]) -> Row:
    """What it would run. Raises InvalidSpec with every problem."""
    body = sending.body_of(spec, overrides)
    answer = offline.ask_without_starting(setup, calls.check(body), arguments=["check", "--json-request"], body=body)
    plan: Row = answer["plan"]
    return plan


def _compare(setup: Setup, sample: Sample, *, runs: int) -> int:
    """Measure the strategies beside each other."""
    measured, stages = measure(setup, sample, runs=runs)
    rows = compared(measured)
    best = recommended(rows)
    if setup.json:
        setup.print_json({"stages": stages, "strategies": rows, "recommended": best, "runs": runs})
    else:
        setup.print_lines([*_stage_lines(stages), "", *_strategy_lines(rows)])
        if best is not None:
            setup.print_lines(["", f'recommended: executor = "{best}"'])
    return FINE if best is not None else NOT_SUCCEEDED


def _try_out(setup: Setup, sample: Sample, changes: Sequence[str], *, runs: int) -> int:
    """Measure a candidate beside what is, and say whether it is kept."""
    pairs = try_out(setup, sample, changes, runs=runs)
    before, after = [one for one, _ in pairs], [one for _, one in pairs]
    decision = keep(before, after, rng=Random(len(pairs)), paired=True)  # noqa: S311 - it draws permutations
    if setup.json:
        verdict = {"kept": decision.kept, "reason": decision.reason, **asdict(decision.verdict)}
        setup.print_json({"changes": list(changes), "before_seconds": before, "after_seconds": after, **verdict})
    else:
        told = f"kept: {', '.join(changes)} is worth writing into the file"
        setup.print_lines([printable(told) if decision.kept else "rolled back: the file is right as it is"])
        setup.print_lines([f"  {decision.reason}"])
    return FINE if decision.kept else NOT_SUCCEEDED


@verb(
    "profile",
    examples=[
        "orc profile .",
        "orc profile experiment.toml --runs 5 --evaluations 100",
        "orc profile . --json",
        "orc profile . --try stage.main.executor=thread --try limits.max_parallel=8",
    ],
)
@arguments.spec
@click.option(
    "--try",
    "changes",
    metavar="KEY=VALUE",
    multiple=True,
    help="Measure the experiment with this change beside itself, and say whether it is kept. May be given again.",
)
@click.option(
    "--runs", type=click.IntRange(1, 100), help="How often each is run: 3 by default; 8 with --try, and at least 5."
)
@click.option(
    "--evaluations",
    type=click.IntRange(1, 1_000_000),
    default=20,
    show_default=True,
    help="About how many evaluations a run has, in whole variants.",
)
@pass_setup
def command(setup: Setup, /, spec: str, overrides: tuple[str, ...], *, changes: tuple[str, ...], **sizes: int) -> int:
    """Run a part of the experiment in SPEC under each strategy and print what its stages are like and how fast each strategy was.

    Evaluations are really run, again and again: what they do besides measuring is done again and again too. Speed-ups are measured
    against `sequential` in turn; the experiments are removed afterwards, what was learnt of the stages is kept with the hash of their
    code. BESIDE is the share of a stage's time that other work could fill, as the graph and the locks leave it. Exit status 3 when
    nothing could be run.

    With --try the experiment as it is and with the change are run one beside the other. The change is kept, exit status 0, when it surely
    (95 %) saves at least 5 % of the time; else it is rolled back, exit status 3. The file is never written.
    """
    runs = sizes["runs"] or (TRIES if changes else RUNS)
    if changes and runs < ENOUGH_RUNS:
        raise InvalidRequest(f"--try with --runs {runs} could show nothing: at least {ENOUGH_RUNS} are needed")
    plan = _plan(setup, spec, overrides)
    sample = sample_of(spec, overrides, plan, evaluations=sizes["evaluations"], trying=bool(changes))
    if changes:
        _plan(setup, spec, (*overrides, *changes))  # what is wrong with the candidate is told before anything runs
        return _try_out(setup, sample, changes, runs=runs)
    return _compare(setup, sample, runs=runs)
