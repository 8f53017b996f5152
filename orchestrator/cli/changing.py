"""What pause, resume, cancel, retry and rm have in common: a request a ref, a line or a document an answer."""

from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.cli.setup import Setup
from orchestrator.client.wire import Request


def change(
    setup: Setup, refs: Sequence[str], request: Callable[[object], Request], *, done: Callable[[Any], str]
) -> None:
    """Send the request for each ref in turn and say what was done; stops at the first that is refused."""
    answers = []
    for ref in refs:
        answer = setup.session.json(request(ref))
        answers.append(answer)
        if not setup.json:
            setup.print_lines([done(answer)])
    if setup.json:
        setup.print_json(answers[0] if len(refs) == 1 else answers)
