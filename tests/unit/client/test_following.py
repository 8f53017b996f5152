"""Streams go on after the daemon went away."""

from pathlib import Path

import pytest

from orchestrator.client.door import Door
from orchestrator.client.following import Following, is_event, position
from orchestrator.client.session import Session
from orchestrator.errors import NoDaemon, NotFound
from tests.support.scripted import chunked, ok, scripted_peer

RUNNING, SUCCEEDED = b'{"state": "running"}\n', b'{"state": "succeeded"}\n'


def following(path: Path, told: list[str]) -> Following:
    """A following that starts nothing and remembers what it said."""
    session = Session(Door(sockets=(path,), state_directory=path.parent, no_start="no"), announce=told.append)
    return Following(session=session, notice=told.append)


def test_progress_is_asked_for_again_when_it_breaks_off(private_places: Path) -> None:
    """Every snapshot is given, the person is told once, and the last one ends it."""
    told: list[str] = []
    broken, whole = chunked(RUNNING, ended=False), chunked(RUNNING, SUCCEEDED)
    with scripted_peer(private_places / "s", broken, whole) as peer:
        states = [each["state"] for each in following(peer.path, told).progress(1)]
    assert states == ["running", "running", "succeeded"]
    assert len(told) == 1


def test_all_progress_goes_on_until_nothing_is_active(private_places: Path) -> None:
    """After a stream that has ended in order, because a daemon was told to stop, what has ended meanwhile is told, and no daemon started."""
    one, two = (b'{"ref": "%d", "state": "running"}\n' % ref for ref in (1, 2))
    ended, gone = b'{"ref": "1", "state": "succeeded"}\n', b'{"error": {"code": "not_found", "message": "no 2"}}'
    streams = chunked(one, two), chunked(ended), ok(gone, status="404 Not Found"), chunked(b'{"active": 0}\n')
    with scripted_peer(private_places / "s", *streams) as peer:
        told = [(each["ref"], each["state"]) for each in following(peer.path, []).progress_of_all()]
    assert told == [("1", "running"), ("2", "running"), ("1", "succeeded")]
    places = [request.split()[1].partition(b"?")[0] for request in peer.received]
    assert places == [b"/v1/progress", b"/v1/experiments/1/progress", b"/v1/experiments/2/progress", b"/v1/progress"]


def test_events_go_on_behind_the_last_one(private_places: Path) -> None:
    """The first stream ends in order after event 7; the second is asked for what comes after it."""
    first = chunked(b'{"database": "d", "seq": 9}\n{"seq": 7, "kind": "a"}\n')
    second = chunked(b'{"database": "d", "seq": 9}\n{"seq": 8, "kind": "b"}\n')
    with scripted_peer(private_places / "s", first, second) as peer:
        events = following(peer.path, []).events(since=6, experiment=None)
        assert [next(events)["kind"], next(events)["kind"]] == ["a", "b"]
    assert b"since=6" in peer.received[0]
    assert b"since=7" in peer.received[1]


def test_waiting_first_asks_without_waiting(private_places: Path) -> None:
    """So that what has ended, or is not there, is known at once."""
    ended = ok(b'{"ref": "1", "state": "succeeded", "ended": true}')
    with scripted_peer(private_places / "s", ended) as peer:
        assert following(peer.path, []).wait(1)["ended"]
    assert b"timeout=0" in peer.received[0]


def test_refs_are_looked_at_on_after_the_daemon_went_away(private_places: Path) -> None:
    """Each is asked for until it has been answered and not again; what is not there is no reason to look at it once more."""
    told: list[str] = []
    gone = ok(b'{"error": {"code": "not_found", "message": "no b"}}', status="404 Not Found")
    answers = [ok(b'{"ref": "1"}'), gone, chunked(b'{"ref', ended=False), ok(b'{"ref": "3"}')]
    with scripted_peer(private_places / "s", *answers) as peer, pytest.raises(NotFound, match="no b"):
        following(peer.path, told).resolve(["a", "b", "c"])
    assert [request.split()[1].split(b"/")[3] for request in peer.received] == [b"a", b"b", b"c", b"c"]
    assert len(told) == 1


def test_refs_are_resolved_once(private_places: Path) -> None:
    """A name becomes the ref it has now, so that no newer experiment of that name is waited for."""
    with scripted_peer(private_places / "s", ok(b'{"ref": "12"}'), ok(b'{"ref": "7.1"}')) as peer:
        assert following(peer.path, []).resolve(["name", "7.1", "name"]) == ["12", "7.1", "12"]


def test_no_daemon_from_the_beginning_is_said_at_once(private_places: Path) -> None:
    """Nothing is waited for that has never been there."""
    with pytest.raises(NoDaemon):
        next(following(private_places / "s", []).progress(1))


def test_a_stream_of_what_is_to_come_begins_where_its_first_line_says() -> None:
    """One with a number given stays there until events come; heartbeats move it too."""
    assert position({"database": "d", "seq": 9}, None) == 9
    assert position({"database": "d", "seq": 9}, 3) == 3
    assert position({"kind": "heartbeat", "seq": 12}, 9) == 12
    assert [is_event(each) for each in ({"database": "d", "seq": 9}, {"kind": "heartbeat", "seq": 1})] == [False, False]
