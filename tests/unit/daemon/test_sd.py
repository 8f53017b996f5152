"""What is said to systemd, and what is taken from it."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.daemon.sd import Notifier, passed_socket, watchdog_interval_seconds
from orchestrator.errors import InvalidSettings

ROOT = str(Path(__file__).parents[3])
PASSED = """
import os, sys
from orchestrator.daemon.sd import passed_socket
os.environ["LISTEN_PID"] = sys.argv[1] or str(os.getpid())
try:
    door = passed_socket(os.environ)
except Exception as error:
    print(type(error).__name__, error)
else:
    left = [name for name in os.environ if name.startswith("LISTEN_")]
    print(door and (door.getsockname(), os.get_inheritable(door.fileno())), left)
"""


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A service manager that listens for notifications."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        listener.settimeout(5)
        yield listener


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_facts_arrive_as_one_datagram(tmp_path: Path, kind: str) -> None:
    """Several facts are one message of NAME=value lines, at a path and at an abstract name."""
    address = str(tmp_path / "n") if kind == "path" else f"@orchestrator-test-{os.getpid()}"
    with manager(address) as listener:
        Notifier(address).tell(READY=1, STATUS="4 running\nof 5")
        assert listener.recv(1000) == b"READY=1\nSTATUS=4 running of 5"


def test_without_a_manager_nobody_is_told() -> None:
    """Without $NOTIFY_SOCKET telling does nothing, and the notifier says that nobody listens."""
    notifier = Notifier(None)
    notifier.tell(READY=1)
    assert not notifier.listening
    assert Notifier("/run/n").listening


def test_a_manager_that_went_away_does_no_harm(tmp_path: Path) -> None:
    """Telling a socket nobody reads, or that is not there, raises nothing."""
    Notifier(str(tmp_path / "missing")).tell(READY=1)
    with manager(str(tmp_path / "n")) as listener:
        for _ in range(5000):  # far above the longest queue of datagrams
            Notifier(str(tmp_path / "n")).tell(STATUS="x")
        assert listener.recv(100) == b"STATUS=x"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_pings_come_at_a_third_of_the_watchdog(environ: dict[str, str], seconds: float | None) -> None:
    """A third of WATCHDOG_USEC when this process is meant, else none."""
    assert watchdog_interval_seconds(environ) == seconds


def passed(descriptors: list[int], *, pid: str = "", count: str | None = None) -> str:
    """What a process that was started with these descriptors from 3 on says of them."""

    def place() -> None:
        kept = [os.dup2(descriptor, 100 + index) for index, descriptor in enumerate(descriptors)]
        for index, descriptor in enumerate(kept):
            os.dup2(descriptor, 3 + index)

    process = subprocess.run(
        [sys.executable, "-c", PASSED, pid],
        env={"PYTHONPATH": ROOT, "LISTEN_FDS": count or str(len(descriptors)), "LISTEN_FDNAMES": "a"},
        preexec_fn=place,
        close_fds=False,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return process.stdout.strip()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[socket.socket]:
    """A listening Unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        yield listener


def test_the_passed_socket_is_taken_and_kept_private(door: socket.socket) -> None:
    """Descriptor 3 becomes the socket, no child inherits it, and the variables are gone."""
    assert passed([door.fileno()]) == f"({door.getsockname()!r}, False) []"


def test_descriptors_for_another_process_are_not_ours(door: socket.socket) -> None:
    """With another pid in LISTEN_PID nothing is taken, and the variables are gone all the same."""
    assert passed([door.fileno()], pid="1") == "None []"


def test_anything_but_one_unix_stream_socket_is_refused(door: socket.socket) -> None:
    """Two sockets, or an internet one, are an error that says what is expected."""
    with socket.socket() as internet:
        wrong = [passed([door.fileno(), door.fileno()]), passed([internet.fileno()])]
    assert all(said.startswith(f"{InvalidSettings.__name__} systemd passed something else") for said in wrong)


def test_without_systemd_there_is_no_socket() -> None:
    """An environment without LISTEN_FDS gives None."""
    assert passed_socket({}) is None
