"""How errors look, and which exit status they have."""

import json
import os
import sys
from collections.abc import Mapping

import click

from orchestrator.cli.text import printable
from orchestrator.client.problems import as_document
from orchestrator.errors import InvalidRequest, OrchestratorError

FINE, UNEXPECTED, USAGE, NOT_SUCCEEDED, NO_DAEMON, REFUSED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 3, 4, 5, 130, 141

LONGEST_PLACE = 40  # a longer one does not push the messages of the others to the right

EXIT_BY_CODE: Mapping[str, int] = {
    "invalid_spec": USAGE,
    "invalid_request": USAGE,
    "invalid_reference": USAGE,
    "not_found": USAGE,
    "events_gone": USAGE,
    "no_best": NOT_SUCCEEDED,
    "no_daemon": NO_DAEMON,
    "conflict": REFUSED,
    "illegal_move": REFUSED,
    "lock_held": REFUSED,
    "permission": REFUSED,
    "unavailable": REFUSED,
}


def exit_status(error: OrchestratorError) -> int:
    """The exit status of an error; 1 for codes without one of their own."""
    return EXIT_BY_CODE.get(error.code, UNEXPECTED)


def usage_error(error: click.ClickException) -> OrchestratorError:
    """A mistake in the command line, in the shape of all other errors."""
    context = getattr(error, "ctx", None)
    hint = f"see {'orc' if context is None else context.command_path} --help"
    return InvalidRequest(
        " ".join(error.format_message().split()), hint=hint
    )  # click lists choices on lines of their own


def _coloured(text: str, colour: str | None) -> str:
    return text if colour is None else click.style(text, fg=colour, bold=True)


def error_lines(error: OrchestratorError, *, colour: bool) -> list[str]:
    """What is wrong, each problem with its place, and what to do."""
    first, *more = printable(error.message, keep_lines=True).splitlines() or [error.code]
    lines = [f"{_coloured('error:', 'red' if colour else None)} {first}", *more]
    width = max((len(each.where) for each in error.problems if len(each.where) <= LONGEST_PLACE), default=0)
    for each in error.problems:
        if error.message in {f"{each.where}: {each.message}", f"{each.where} {each.message}"}:
            continue  # the only one, which is said already
        where = printable(each.where)
        message = printable(each.message, keep_lines=True).replace("\n", "\n" + " " * (width + 4))
        lines.append(f"  {where:<{width}}  {message}" if where else f"  {message}")
    if error.hint:
        lines.append(f"{_coloured('hint:', 'cyan' if colour else None)} {printable(error.hint)}")
    return lines


def unexpected(error: Exception) -> OrchestratorError:
    """What nobody foresaw, in the shape of all other errors."""
    mistake = "this is a mistake of the program; -v shows where"
    if isinstance(error, OSError):
        place = "" if error.filename is None else f": {error.filename}"
        failure = OrchestratorError(f"the system refused: {error.strerror or error}{place}")
    else:
        failure = OrchestratorError(f"{type(error).__name__}: {error}", hint=mistake)
    failure.__cause__ = error
    return failure


def report(error: OrchestratorError, *, as_json: bool, trace: bool = False) -> int:
    """Tell the person or the program; the exit status. `trace` shows where an unexpected error comes from."""
    if trace and exit_status(error) == UNEXPECTED:
        sys.excepthook(type(error), error, error.__traceback__)
    if not (as_json and _told(json.dumps(as_document(error)), err=False)):
        colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        _told("\n".join(error_lines(error, colour=colour)), err=True, colour=colour)
    return exit_status(error)


def _told(text: str, *, err: bool, colour: bool | None = None) -> bool:
    """Whether it could be written: a disk may be full, and nobody may read any more."""
    try:
        click.echo(text, err=err, color=colour)
    except OSError:
        return False
    return True
