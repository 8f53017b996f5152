"""`orc run`: submit, follow, exit by outcome."""

import time
from typing import Any

import click

from orchestrator.cli import arguments, execution, sending
from orchestrator.cli.failures import FINE, INTERRUPTED, NOT_SUCCEEDED
from orchestrator.cli.follow import follow
from orchestrator.cli.results import outcome, print_result
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import printable
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.domain.states import ExperimentState
from orchestrator.errors import Conflict

SECOND_INTERRUPT_SECONDS = 2.0


def _detach(setup: Setup, ref: str) -> int:
    """Say how to go on, and cancel when Ctrl-C comes a second time."""
    try:
        setup.message(
            f"\ndetached: {ref} goes on. orc watch {ref} follows it, orc cancel {ref} stops it;"
            f" Ctrl-C within {SECOND_INTERRUPT_SECONDS:g} s cancels it"
        )
        time.sleep(SECOND_INTERRUPT_SECONDS)
    except KeyboardInterrupt:
        _cancel(setup, ref)
    return INTERRUPTED


def _cancel(setup: Setup, ref: str) -> None:
    try:
        setup.session.json(calls.cancel(ref))
    except Conflict:
        setup.message(f"{ref} had already ended")
    else:
        setup.message(f"{ref} is cancelled")


def _follow(setup: Setup, submitted: Any, *, enforce_sla: bool) -> int:
    ref = submitted["ref"]
    snapshot = follow(setup, ref)
    missed = execution.missed(setup.session.json(calls.report(ref))) if enforce_sla else []
    if setup.json:
        setup.print_json({**outcome(setup, snapshot), **({"sla_missed": missed} if enforce_sla else {})})
    else:
        setup.print_lines([f"SLA missed: {printable(sentence)}" for sentence in missed])
        print_result(setup, snapshot)
    return FINE if snapshot["state"] == ExperimentState.SUCCEEDED and not missed else NOT_SUCCEEDED


@verb("run", examples=["orc run experiment.toml", "orc run . --set limits.max_parallel=2 --set search.variants=10"])
@arguments.spec
@click.option("--enforce-sla", is_flag=True, help="Exit with 3 when a stage or a lane took longer than its SLA allows.")
@pass_setup
def command(setup: Setup, spec: str, overrides: tuple[str, ...], enforce_sla: bool) -> int:  # noqa: FBT001 - click
    """Submit the experiment in SPEC (a file, a folder with experiment.toml, or - for stdin), follow it, and exit by its outcome.

    Ctrl-C leaves it running and says how to watch or cancel it; Ctrl-C twice cancels it. Exit status 0: succeeded; 3: failed, abandoned
    or cancelled, or with --enforce-sla an SLA was missed; 130: interrupted.
    """
    submitted = sending.submit(setup, spec, overrides)
    ref = submitted["ref"]
    try:
        setup.message(f"{ref} {printable(submitted.get('name') or '')} submitted")
        return _follow(setup, submitted, enforce_sla=enforce_sla)
    except KeyboardInterrupt:
        return _detach(setup, ref)
