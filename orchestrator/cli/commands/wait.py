"""`orc wait`: return when things have ended."""

import time
from typing import Any

import click

from orchestrator.cli import arguments
from orchestrator.cli.failures import FINE, NOT_SUCCEEDED, UNEXPECTED
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.text import printable
from orchestrator.cli.verb import verb
from orchestrator.client.following import Following
from orchestrator.domain.states import ExperimentState, IterationState, VariantState

GOOD = frozenset({ExperimentState.SUCCEEDED.value, VariantState.EVALUATED.value, IterationState.SUCCEEDED.value})


def _line(answer: dict[str, Any]) -> str:
    reason = f" ({printable(answer['reason'])})" if answer.get("reason") else ""
    return f"{answer['ref']} {answer['state']}{reason}"


def _exit(setup: Setup, answers: list[dict[str, Any]]) -> int:
    unended = [answer for answer in answers if not answer["ended"]]
    for answer in unended:
        setup.message(f"{answer['ref']} is still {answer['state']}")
    if unended:
        return UNEXPECTED
    return FINE if all(answer["state"] in GOOD for answer in answers) else NOT_SUCCEEDED


@verb("wait", examples=["orc wait 12", "orc wait 12 13.4 --timeout 60"])
@arguments.refs
@click.option("--timeout", metavar="SECONDS", type=arguments.Amount(), help="Give up after this long.")
@pass_setup
def command(setup: Setup, refs: tuple[str, ...], timeout: float | None) -> int:
    """Return when each REF has ended. All are looked up before any is waited for.

    Exit status 0: all succeeded; 3: one did not; 1: the time was up before.
    """
    following = Following(session=setup.session, notice=setup.message)
    until = None if timeout is None else time.monotonic() + timeout
    answers = []
    for ref in following.resolve(refs) if len(refs) > 1 else refs:  # one alone is looked at first anyway
        left = None if until is None else max(0.0, until - time.monotonic())
        answers.append(following.wait(ref, timeout_seconds=left))
        if not setup.json and answers[-1]["ended"]:
            setup.print_lines([_line(answers[-1])])
    if setup.json:
        setup.print_json(answers[0] if len(answers) == 1 else answers)
    return _exit(setup, answers)
