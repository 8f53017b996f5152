"""`orc stop`: end the daemon and return when its process is gone."""

import os
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from orchestrator.cli import isolated_work
from orchestrator.cli.setup import Setup, pass_setup
from orchestrator.cli.verb import verb
from orchestrator.client import calls
from orchestrator.client.session import Patience, Session

REAPED_SECONDS = 0.1


@contextmanager
def _handle(pid: int) -> Iterator[int | None]:
    """A descriptor of the process, which cannot come to mean another one; None when it is gone already."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait(pid: int, descriptor: int | None) -> None:
    """Return when the process has ended and, unless that takes its parent long, its number is free again."""
    if descriptor is None:
        return
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()
    patience = Patience(REAPED_SECONDS)
    while Path(f"/proc/{pid}").exists() and (pause := patience.next_pause()) is not None:
        time.sleep(pause)


def _stop(session: Session, *, everything: bool) -> int:
    pid: int = session.json(calls.status())["pid"]
    with _handle(pid) as descriptor:
        session.json(calls.stop(everything=everything))
        _wait(pid, descriptor)
    return pid


def _say_what_is_left(setup: Setup, *, everything: bool) -> None:
    if everything and (ended := isolated_work.end(setup)):
        setup.message(f"{isolated_work.counted(ended)} ended")
    elif count := isolated_work.going_on(setup):
        setup.message(
            f"{isolated_work.counted(count)} {'goes' if count == 1 else 'go'} on without it; orc stop --all ends that too"
        )


@verb("stop", examples=["orc stop", "orc stop --all"])
@click.option("--all", "everything", is_flag=True, help="Isolated evaluations end too, instead of going on alone.")
@pass_setup
def command(setup: Setup, *, everything: bool) -> None:
    """Stop the daemon: nothing new starts, what runs gets time to end. Returns when its process is gone.

    Nothing is lost: experiments go on when a daemon is started again. Isolated evaluations (all commands) are not waited for: they go on
    meanwhile, unless --all is given. Exit status 0 too when no daemon was running.
    """
    connection = setup.session.try_connect()
    if connection is None:
        setup.message("no daemon is running")
        pid = None
    else:
        connection.close()
        pid = _stop(setup.session.without_start("it is being stopped"), everything=everything)
        setup.message(f"the daemon (pid {pid}) has left")
    _say_what_is_left(setup, everything=everything)
    if setup.json:
        setup.print_json({"pid": pid})
