"""What a daemon makes of a keeper's first words, whichever way they are cut on the wire."""

import socket
from pathlib import Path

import anyio
import pytest

from orchestrator.executors.keeper_client import Keepers, sweep
from orchestrator.worker.keeper_home import JOURNAL, SOCKET
from orchestrator.worker.keeper_protocol import Message, encode

TOKEN = "12.3.1.1"
HELLO: Message = {
    "event": "hello",
    "version": 1,
    "pid": 2**22 + 1,  # above what the kernel gives: nobody
    "start_ticks": 1,
    "boot_id": "b",
    "instance": 7,
    "cgroup": None,
    "chains": [[TOKEN]],
    "running": [{"event": "started", "token": TOKEN, "pid": 5, "start_ticks": 1, "started_us": 1, "mark": 9}],
    "ended": [],
}


def greet(listener: socket.socket, *messages: Message) -> socket.socket:
    """Let one daemon in, hear its greeting, and say all of this in one breath."""
    connection, _ = listener.accept()
    assert connection.recv(1 << 16).endswith(b"\n")
    connection.sendall(b"".join(map(encode, messages)))
    return connection


@pytest.mark.asyncio
async def test_an_end_that_is_told_in_one_breath_with_the_greeting_is_heard(tmp_path: Path) -> None:
    """What runs by the greeting has ended by the next line: a daemon that took them in the other order would wait for ever."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / SOCKET))
        listener.listen()
        keepers = Keepers(tmp_path)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keepers.ready)
            ended = {"event": "ended", "token": TOKEN, "status": 0, "scratch": None}
            connection = await anyio.to_thread.run_sync(greet, listener, HELLO, ended)
        with connection:
            ticket = keepers.tickets.claim([TOKEN])
            assert ticket.settled
            assert ticket.ended[TOKEN]["status"] == 0
            keepers.part()


def test_a_folder_that_cannot_be_taken_over_is_not_kept_from_the_next(tmp_path: Path) -> None:
    """What hinders it may be mended while the daemon goes on."""
    (tmp_path / JOURNAL).mkdir()
    with pytest.raises(IsADirectoryError):
        sweep(tmp_path)
    (tmp_path / JOURNAL).rmdir()
    sweep(tmp_path)
