"""`orc logs`: what evaluations printed, stdout to stdout and stderr to stderr."""

import select
import sys
from collections.abc import Mapping
from contextlib import ExitStack

import click

from orchestrator.cli import arguments
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.connection import Answer
from orchestrator.errors import InvalidRequest

STREAMS = ("out", "err")


def _pass_on(stream: str, piece: bytes) -> int:
    sink = sys.stdout.buffer if stream == "out" else sys.stderr.buffer
    sink.write(piece)
    sink.flush()
    return len(piece)


def _pump(answers: Mapping[str, Answer]) -> int:
    """Pass on what comes, from whichever stream it comes, until all have ended; the number of bytes."""
    passed = sum(_pass_on(stream, answer.received()) for stream, answer in answers.items())
    streams = {answer.fileno(): stream for stream, answer in answers.items() if not answer.ended}
    poll = select.poll()
    for descriptor in streams:
        poll.register(descriptor, select.POLLIN)
    while streams:
        for descriptor, _ in poll.poll():
            stream = streams[descriptor]
            piece = answers[stream].next_piece()
            passed += _pass_on(stream, piece or b"")
            if piece is None or answers[stream].ended:
                poll.unregister(descriptor)
                del streams[descriptor]
    return passed


def _text(setup: Setup, ref: str, stream: str) -> str:
    with setup.session.open(calls.logs(ref, stream=stream)) as answer:
        return answer.read().decode("utf-8", "replace")


@verb("logs", examples=["orc logs 12.3.1", "orc logs 12 -f", "orc logs 12.3.1 --stream err"])
@arguments.ref
@click.option("-f", "--follow", is_flag=True, help="Go on as more is printed, until it has ended.")
@click.option(
    "--stream", type=click.Choice(["out", "err", "both"]), default="both", help="Which output; both by default."
)
@pass_setup
def command(setup: Setup, ref: str, *, follow: bool, stream: str) -> None:
    """Show what evaluations printed: their stdout on stdout, their stderr on stderr."""
    wanted = STREAMS if stream == "both" else (stream,)
    if setup.json and follow:
        raise InvalidRequest("--json prints one document and -f never ends it", hint="leave one of them out")
    if setup.json:
        setup.print_json({"ref": ref, **{f"std{each}": _text(setup, ref, each) for each in wanted}})
        return
    with ExitStack() as stack:
        answers = {
            each: stack.enter_context(
                setup.session.open(calls.logs(ref, stream=each, follow=follow), timeout_seconds=None)
            )
            for each in wanted
        }
        passed = _pump(answers) if follow else sum(_pump({each: answer}) for each, answer in answers.items())
    if not passed:
        setup.message(f"{ref} printed nothing{'' if stream == 'both' else f' on std{stream}'}")
