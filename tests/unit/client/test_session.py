"""A request reaches the daemon once, or the person is told why not."""

from pathlib import Path

import pytest

from orchestrator.client import calls
from orchestrator.client.door import Door
from orchestrator.client.session import Patience, Session
from orchestrator.errors import IllegalMove, NoDaemon, OrchestratorError, Problem
from tests.support.scripted import chunked, ok, scripted_peer

REFUSED = b'{"error": {"code": "illegal_move", "message": "no", "hint": "look", "problems": [{"where": "12", "message": "x"}]}}'


def session(*sockets: Path) -> Session:
    """A session that starts nothing."""
    return Session(Door(sockets=sockets, state_directory=sockets[0].parent, no_start="because"), announce=print)


def test_a_read_that_got_no_byte_back_is_sent_once_more(private_places: Path) -> None:
    """The second answer is the answer."""
    with scripted_peer(private_places / "s", b"", ok(b'{"a": 1}')) as peer:
        assert session(peer.path).json(calls.status()) == {"a": 1}
    assert peer.received[0] == peer.received[1]


def test_a_submit_is_sent_once_more_with_the_same_key(private_places: Path) -> None:
    """So that the daemon can tell that it is the same."""
    with scripted_peer(private_places / "s", b"", ok(b'{"id": 1}')) as peer:
        session(peer.path).json(calls.submit({"text": ""}, key="k"))
    assert [b"Idempotency-Key: k" in each for each in peer.received] == [True, True]


def test_a_change_without_a_key_is_sent_only_once(private_places: Path) -> None:
    """Nobody knows whether it was done, and that is said."""
    with scripted_peer(private_places / "s", b"") as peer, pytest.raises(NoDaemon, match="gave no answer"):
        session(peer.path).json(calls.cancel("12"))


def test_an_answer_that_is_cut_off_is_not_asked_for_again(private_places: Path) -> None:
    """Bytes came back: it raises."""
    with scripted_peer(private_places / "s", chunked(b"{", ended=False)) as peer, pytest.raises(NoDaemon):
        session(peer.path).json(calls.status())


def test_what_the_daemon_refuses_is_raised_by_its_code(private_places: Path) -> None:
    """Class, message, hint and problems are those of the daemon."""
    with (
        scripted_peer(private_places / "s", ok(REFUSED, status="409 Conflict")) as peer,
        pytest.raises(IllegalMove) as refused,
    ):
        session(peer.path).json(calls.pause("12"))
    assert (refused.value.message, refused.value.hint) == ("no", "look")
    assert refused.value.problems == (Problem("12", "x"),)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"detail": "Not Found"}', b'{"error": "text"}', b"\xff"])
def test_a_refusal_of_any_form_is_an_error_with_its_status(private_places: Path, body: bytes) -> None:
    """A proxy or another program may answer."""
    with (
        scripted_peer(private_places / "s", ok(body, status="404 Not Found")) as peer,
        pytest.raises(OrchestratorError, match="404"),
    ):
        session(peer.path).json(calls.status())


def test_the_first_socket_somebody_listens_on_is_used(private_places: Path) -> None:
    """Missing files, stale sockets and plain files are passed over."""
    (private_places / "plain").touch()
    with scripted_peer(private_places / "stale"):
        pass
    with scripted_peer(private_places / "s", ok(b"3")) as peer:
        tried = session(private_places / "missing", private_places / "plain", private_places / "stale", peer.path)
        assert tried.json(calls.status()) == 3


def test_nobody_listening_is_said_with_the_places_and_the_reason(private_places: Path) -> None:
    """The hint is why nothing was started."""
    with pytest.raises(NoDaemon, match="missing") as refused:
        session(private_places / "missing").json(calls.status())
    assert refused.value.hint == "because"


def test_lines_are_given_as_they_come(private_places: Path) -> None:
    """Also when a line is cut by chunks."""
    with scripted_peer(private_places / "s", chunked(b'{"seq"', b': 1}\n{"seq": 2}\n', b'{"seq": 3}')) as peer:
        assert [each["seq"] for each in session(peer.path).lines(calls.events())] == [1, 2, 3]


def test_refs_and_names_travel_percent_encoded() -> None:
    """A name with a slash, a space or a question mark is still one part of the path."""
    assert calls.pause("a/b c?d").path == "/v1/experiments/a%2Fb%20c%3Fd/pause"
    assert calls.events(since=0, follow=True).path == "/v1/events?since=0&follow=true"


def test_patience_ends() -> None:
    """With no time there is no pause; with time the pauses grow."""
    assert Patience(0).next_pause() is None
    patience = Patience(100)
    assert [patience.next_pause() for _ in range(3)] == [0.02, 0.04, 0.08]
