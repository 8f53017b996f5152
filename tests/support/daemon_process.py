"""A real daemon in a process of its own."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.client import Client
from tests.support.processes import kill_all_about

ROOT = Path(__file__).parents[2]
READY_SECONDS = 20.0
END_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A daemon that was ready."""

    process: "subprocess.Popen[bytes]"
    state: Path
    output: Path  # its standard output: log lines
    errors: Path  # its standard error

    @property
    def client(self) -> Client:
        """Speaks to this daemon; starts none."""
        return Client(state_directory=self.state, start=False)

    def events(self) -> list[dict[str, Any]]:
        """Its log lines so far."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of one kind."""
        return [line for line in self.events() if line["event"] == event]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the daemon's process alone."""
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end: the exit status. What it said is shown when a test fails."""
        status = self.process.wait(END_SECONDS)
        print(self.errors.read_text(), *self.output.read_text().splitlines()[-5:], sep="\n")
        return status


PROGRAM = ("orchestrator", "daemon")


def command(state: Path, *arguments: str, program: Sequence[str] = PROGRAM) -> list[str]:
    """The command line of a daemon over a state directory; `program` is a module and its first arguments."""
    return [sys.executable, "-P", "-m", *program, "--state-dir", str(state), *arguments]


def surroundings(environ: Mapping[str, str] | None) -> dict[str, str]:
    """The environment it gets."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **(environ or {})}


@contextmanager
def daemon(
    state: Path,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    new_session: bool = False,
    program: Sequence[str] = PROGRAM,
    left_alone: bool = False,
) -> Iterator[Running]:
    """A daemon from ready to the end of the block; afterwards nothing of it is left, even when a test fails.

    `left_alone`: only the daemon itself is killed then; isolated work goes on.
    """
    receive, send = os.pipe()
    output, errors = state.with_name(f"{state.name}.out"), state.with_name(f"{state.name}.err")
    with output.open("ab") as out, errors.open("ab") as err:
        process = subprocess.Popen(
            command(state, "--ready-fd", str(send), *arguments, program=program),
            env=surroundings(environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=(send,),
            start_new_session=new_session,
        )
    os.close(send)
    try:
        assert select.select([receive], [], [], READY_SECONDS)[0], f"not ready in time: {errors.read_text()}"
        assert os.read(receive, 100) == b"ready\n", f"it died: {errors.read_text()}"
        yield Running(process=process, state=state, output=output, errors=errors)
    finally:
        os.close(receive)
        process.kill()
        process.wait()
        if not left_alone:
            kill_all_about(str(state))


def refused(state: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Start a daemon that does not come up: its exit status and what it says on standard error."""
    process = subprocess.run(
        command(state, *arguments),
        env=surroundings(environ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    return process.returncode, process.stderr
