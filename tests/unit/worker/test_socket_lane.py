"""What an evaluation in a process of its own reports goes to the daemon's socket."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.worker.socket_lane import SocketLane
from tests.support.scripted import Scripted, ok, scripted_peer


@contextmanager
def lane(path: Path) -> Iterator[SocketLane]:
    """The lane of the second attempt at 12.3.1, as its environment describes it."""
    own = SocketLane({"ORC_SOCKET": str(path), "ORC_REF": "12.3.1", "ORC_ATTEMPT": "2"})
    with closing(own):
        yield own


def note(own: SocketLane, step: int) -> bool | None:
    """Report a step."""
    return own.note(0, {"report": {"number": step, "step": step, "time_us": 1, "metrics": {"loss": 0.5}}})


def asked(scripted: Scripted) -> list[Any]:
    """The bodies that were sent."""
    return [json.loads(request.partition(b"\r\n\r\n")[2]) for request in scripted.received]


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (ok(b'{"pruned": null}', status="202 Accepted"), False),
        (ok(b'{"pruned": "pruned by median at step 3"}', status="202 Accepted"), True),
        (ok(b'{"error": {"code": "conflict"}}', status="409 Conflict"), False),
        (b"HTTP/1.1 202 Accepted\r\n\r\n", False),
        (b"nonsense\r\n\r\n", None),
        (b"", None),
    ],
)
def test_the_answer_says_whether_to_end(answer: bytes, taken: bool | None, tmp_path: Path) -> None:
    """A refusal is no reason to end; what cannot be understood has taken nothing."""
    with scripted_peer(tmp_path / "socket", answer) as scripted, lane(tmp_path / "socket") as own:
        assert note(own, 3) is taken
    assert scripted.received[0].startswith(b"POST /v1/experiments/12.3.1/report-metric?wait=false HTTP/1.1\r\n")
    assert asked(scripted) == [{"number": 3, "step": 3, "metrics": {"loss": 0.5}, "attempt": 2}]


def test_a_connection_that_was_closed_is_made_anew(tmp_path: Path) -> None:
    """The peer answers one request a connection: the next report is sent over another one."""
    taken = ok(b'{"pruned": null}')
    with scripted_peer(tmp_path / "socket", taken, taken) as scripted, lane(tmp_path / "socket") as own:
        assert [note(own, 1), note(own, 2)] == [False, False]
    assert [body["step"] for body in asked(scripted)] == [1, 2]


def test_a_daemon_that_is_away_is_looked_for_once_a_second(tmp_path: Path) -> None:
    """Until then nobody takes a report; afterwards the next one is sent again."""
    with lane(tmp_path / "socket") as own:
        assert note(own, 0) is None
        with scripted_peer(tmp_path / "socket", ok(b'{"pruned": null}')):
            assert note(own, 1) is None
            own._try_again_at = 0.0
            assert note(own, 2) is False


def test_what_has_no_socket_or_is_no_report_comes_with_the_outcome(tmp_path: Path) -> None:
    """Nobody takes it."""
    assert SocketLane({}).note(0, {"report": {}}) is None
    with lane(tmp_path / "socket") as own:
        assert own.note(0, {"cost": {"usd": 1.0, "tokens": 1}}) is None
