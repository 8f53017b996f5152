"""The keeper as a process of its own, spoken to over its channel as a daemon would."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from orchestrator.worker import keeper_system as system
from orchestrator.worker.keeper_home import JOURNAL
from orchestrator.worker.keeper_journal import read_past
from orchestrator.worker.keeper_protocol import Lines, Message, encode
from orchestrator.worker.keeper_trees import members

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20


class Daemon:
    """The other end of a keeper's channel."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.keeper = 0
        self.heard: list[Message] = []
        self._lines = Lines()
        connection.settimeout(PATIENCE_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def say(self, **message: Any) -> None:
        self.connection.sendall(encode(message))

    def hear(self, wanted: Callable[[Message], bool]) -> Message:
        """Read until such a message has come."""
        while not any(map(wanted, self.heard)):
            data = self.connection.recv(1 << 16)
            assert data, f"the keeper has left after {self.heard}"
            self.heard += self._lines.feed(data)
        found = next(filter(wanted, self.heard))
        self.heard.remove(found)
        return found

    def hear_event(self, event: str, token: str | None = None) -> Message:
        return self.hear(lambda message: message["event"] == event and message.get("token") == token)

    def start(self, folder: Path, *tokens: str, argv: list[str], **job: Any) -> None:
        """Run the same command under each of the tokens, one after the other."""
        shared = {"environment": {"PATH": os.environ["PATH"]}, "workdir": str(folder), "timeout_seconds": None}
        streams = [{"out": f"{folder}/{token}.out", "err": f"{folder}/{token}.err"} for token in tokens]
        runs = [
            {"token": token, "argv": argv, "environment": {}, "parameters": "{}", **paths}
            for token, paths in zip(tokens, streams, strict=True)
        ]
        self.say(op="start", job={**shared, "output_bytes": 1000, **job}, runs=runs)

    def greet(self, folder: Path, *versions: int) -> Message:
        """Say hello; its answer."""
        self.say(op="hello", versions=list(versions or (1,)), folder=str(folder))
        return self.hear(lambda message: message["event"] in {"hello", "refused"})


def start_keeper(folder: Path) -> Daemon:
    """A keeper as a daemon starts it; not greeted yet."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "orchestrator.worker.keeper"]
    places = ["--channel", str(theirs.fileno()), "--folder", str(folder)]
    with theirs:
        subprocess.run([*command, *places], pass_fds=[theirs.fileno()], cwd=ROOT, check=True)
    return Daemon(ours)


def come_back(folder: Path) -> Daemon:
    """Another daemon that finds the keeper at its door."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(folder / "keeper.sock"))
    return Daemon(connection)


def wait_for_end(pid: int) -> None:
    """Return once a process has ended, which need not be a child."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(handle):
        assert select.select([handle], [], [], PATIENCE_SECONDS)[0], f"{pid} goes on"


@contextmanager
def daemon(folder: Path) -> Iterator[Daemon]:
    """A keeper, greeted; told to leave at the end, it leaves nothing."""
    home = folder / "home"
    with start_keeper(home) as talk:
        talk.keeper = talk.greet(home)["pid"]
        yield talk
        talk.say(op="leave")
        wait_for_end(talk.keeper)
    assert not list(home.iterdir())


def test_a_hello_is_answered_with_who_the_keeper_is_and_what_it_knows(tmp_path: Path) -> None:
    """Its identity, the marks of its children, what runs, and ends that were not acknowledged."""
    with daemon(tmp_path) as talk:
        talk.start(tmp_path, "1.1.1.1", argv=["true"])
        talk.start(tmp_path, "1.2.1.1", argv=["sleep", "600"])
        ended = talk.hear_event("ended", "1.1.1.1")
        started = talk.hear_event("started", "1.2.1.1")
        hello = talk.greet(tmp_path / "home", 7, 1)
        assert (hello["version"], hello["pid"], hello["boot_id"]) == (1, talk.keeper, system.boot_id())
        assert hello["start_ticks"] == system.start_ticks(talk.keeper)
        assert (hello["running"], hello["ended"], hello["chains"]) == ([started], [ended], [["1.2.1.1"]])
        assert started["mark"] in system.marks_of(hello["instance"])
        assert system.mark_of(started["pid"]) == started["mark"]
        assert system.start_ticks(started["pid"]) == started["start_ticks"]
        talk.say(op="acknowledge", tokens=["1.1.1.1"])
        assert talk.greet(tmp_path / "home")["ended"] == []


def test_a_keeper_refuses_a_daemon_that_speaks_none_of_its_versions(tmp_path: Path) -> None:
    """It says which it speaks, and goes on with its work."""
    with daemon(tmp_path) as talk:
        talk.start(tmp_path, "1.1.1.1", argv=["sleep", "600"])
        started = talk.hear_event("started", "1.1.1.1")
        with come_back(tmp_path / "home") as stranger:
            assert "version 1" in stranger.greet(tmp_path / "home", 99)["message"]
            assert stranger.connection.recv(1) == b""
        assert talk.greet(tmp_path / "home")["running"] == [started]


def test_a_keeper_works_in_one_folder(tmp_path: Path) -> None:
    """A daemon with another one is refused, and so is a second keeper in the same."""
    with daemon(tmp_path):
        with come_back(tmp_path / "home") as stranger:
            assert str(tmp_path / "home") in stranger.greet(tmp_path / "elsewhere")["message"]
        with start_keeper(tmp_path / "home") as second:
            assert "another keeper works in this folder" in second.greet(tmp_path / "home")["message"]


def test_a_start_that_is_repeated_starts_nothing(tmp_path: Path) -> None:
    """While it runs and until its end is acknowledged it is told again; the command ran once."""
    command = ["sh", "-c", "echo x >> trace; read -r _ < gate; exit 0"]
    os.mkfifo(tmp_path / "gate")
    with daemon(tmp_path) as talk:
        talk.start(tmp_path, "1.1.1.1", argv=command)
        started = talk.hear_event("started", "1.1.1.1")
        talk.start(tmp_path, "1.1.1.1", argv=command)
        assert talk.hear_event("started", "1.1.1.1") == started
        (tmp_path / "gate").write_text("\n", encoding="ascii")
        ended = talk.hear_event("ended", "1.1.1.1")
        talk.start(tmp_path, "1.1.1.1", argv=command)
        assert talk.hear_event("ended", "1.1.1.1") == ended
        assert (tmp_path / "trace").read_text(encoding="ascii") == "x\n"
        talk.say(op="acknowledge", tokens=["1.1.1.1"])
        talk.start(tmp_path, "1.1.1.1", argv=["true"])
        assert talk.hear_event("ended", "1.1.1.1")["pid"] != ended["pid"]


def test_of_a_chain_one_runs_and_the_rest_can_be_dropped(tmp_path: Path) -> None:
    """Killing the one that runs lets the next begin; killing one that waits is answered at once."""
    with daemon(tmp_path) as talk:
        talk.start(tmp_path, "1.1.1.1", "1.1.2.1", "1.1.3.1", argv=["sleep", "600"])
        talk.hear_event("started", "1.1.1.1")
        talk.say(op="kill", tokens=["1.1.2.1"])
        talk.hear_event("dropped", "1.1.2.1")
        talk.say(op="kill", tokens=["1.1.1.1"])
        ended = talk.hear_event("ended", "1.1.1.1")
        assert (ended["killed"], ended["timed_out"], ended["status"]) == (True, False, -signal.SIGTERM)
        talk.hear_event("started", "1.1.3.1")


def test_sigterm_makes_the_keeper_kill_everything_and_leave(tmp_path: Path) -> None:
    """As a service manager asks it to; the next keeper tells what was killed."""
    home = tmp_path / "home"
    with start_keeper(home) as talk:
        keeper = talk.greet(home)["pid"]
        talk.start(tmp_path, "1.1.1.1", argv=["sh", "-c", "trap '' TERM; sleep 600 & wait; sleep 600"])
        started = talk.hear_event("started", "1.1.1.1")
        os.kill(keeper, signal.SIGTERM)
        wait_for_end(keeper)
        assert members({started["mark"]}) == []
    with daemon(tmp_path) as talk:
        (ended,) = talk.greet(home)["ended"]
        assert (ended["token"], ended["killed"], ended["status"]) == ("1.1.1.1", True, -signal.SIGKILL)


def test_output_appears_where_it_belongs_while_the_command_runs(tmp_path: Path) -> None:
    """A reader finds it there before the end, and nothing is lost by the move."""
    os.mkfifo(tmp_path / "gate")
    with daemon(tmp_path) as talk:
        command = f"echo before; until [ -s {tmp_path}/1.1.1.1.out ]; do :; done; echo after"
        talk.start(tmp_path, "1.1.1.1", argv=["sh", "-c", command], timeout_seconds=PATIENCE_SECONDS)
        ended = talk.hear_event("ended", "1.1.1.1")
    assert (ended["status"], ended["output_bytes"]) == (0, len("before\nafter\n"))
    assert (tmp_path / "1.1.1.1.out").read_text(encoding="ascii") == "before\nafter\n"


def test_output_is_held_down_on_the_disk_while_the_command_runs(tmp_path: Path) -> None:
    """What it has written again and again is not what is kept."""
    limit = 1 << 16
    program = f"""
import os
path, block, seen = '{tmp_path}/1.1.1.1.out', b'x' * (1 << 20), 0
while True:
    if seen < 32:
        os.write(1, block)
        seen += 1
    elif os.path.exists(path) and os.stat(path).st_blocks * 512 < 4 * {limit}:
        break
"""
    with daemon(tmp_path) as talk:
        facts = {"output_bytes": limit, "timeout_seconds": PATIENCE_SECONDS}
        talk.start(tmp_path, "1.1.1.1", argv=[sys.executable, "-S", "-c", program], **facts)
        ended = talk.hear_event("ended", "1.1.1.1")
    assert (ended["status"], ended["output_bytes"]) == (0, 32 << 20)
    assert (tmp_path / "1.1.1.1.out").stat().st_size <= limit


def test_ends_are_told_while_other_work_never_rests_and_stand_in_the_journal_by_then(tmp_path: Path) -> None:
    """What has ended shares its sync with others that end soon after; it does not wait until nothing is left to do."""
    tokens = [f"1.{number}.1.1" for number in range(1, 401)]
    with start_keeper(tmp_path) as daemon:
        daemon.greet(tmp_path)
        for chain in (tokens[::2], tokens[1::2]):
            daemon.start(tmp_path, *chain, argv=["true"])
        daemon.hear_event("ended", tokens[0])
        assert tokens[0] in read_past(str(tmp_path / JOURNAL)).ended
        daemon.hear_event("started", tokens[-1])  # still to come, or heard behind the first end
        told = {message["token"] for message in daemon.heard if message["event"] == "ended"}
        daemon.hear_event("ended", tokens[-1])
        daemon.say(op="leave")
    assert len(told) > len(tokens) // 2


def test_an_end_is_told_to_one_daemon_once(tmp_path: Path) -> None:
    """One that waits to be told together with others stands in the greeting of the next daemon, and is not told it again."""
    home = tmp_path / "home"
    first_ends = ["sh", "-c", "[ -e ended ] && exec sleep 60; touch ended"]
    with start_keeper(home) as talk:
        keeper = talk.greet(home)["pid"]
        talk.start(tmp_path, "1.1.1.1", "1.2.1.1", argv=first_ends)
        talk.hear_event("started", "1.2.1.1")
        with come_back(home) as other:
            greeting = other.greet(home)
            other.say(op="acknowledge", tokens=["1.1.1.1"])
            other.say(op="kill", tokens=["1.2.1.1"])
            other.hear_event("ended", "1.2.1.1")
            other.say(op="leave")
            wait_for_end(keeper)
    assert [end["token"] for end in greeting["ended"]] == ["1.1.1.1"]
    assert other.heard == []


def test_a_keeper_that_is_told_to_leave_tells_the_ends_of_what_it_kills(tmp_path: Path) -> None:
    """They are its last words: nothing else wakes it after them."""
    tokens = [f"1.{number}.1.1" for number in range(1, 9)]
    with start_keeper(tmp_path) as daemon:
        daemon.greet(tmp_path)
        for token in tokens:
            daemon.start(tmp_path, token, argv=["sleep", "60"])
        for token in tokens:
            daemon.hear_event("started", token)
        daemon.say(op="leave")
        assert {daemon.hear_event("ended", token)["killed"] for token in tokens} == {True}
