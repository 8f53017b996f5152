"""What the daemon knows of what is under the keeper, over the ends of keepers and of daemons."""

from typing import Any

from orchestrator.executors.keeper_tickets import Tickets


def hello(*chains: list[str], ended: tuple[str, ...] = (), lost: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a keeper says that knows of these; the first of each chain runs."""
    running = [{"event": "started", "token": chain[0], "pid": 5} for chain in chains]
    ends: list[dict[str, Any]] = [{"event": "ended", "token": token} for token in ended]
    ends += [{"event": "ended", "token": token, "lost": "keeper"} for token in lost]
    return {"event": "hello", "chains": list(chains), "running": running, "ended": ends}


def test_what_an_earlier_daemon_sent_is_there_to_be_claimed() -> None:
    """Chain by chain, then what has ended; whoever claims it hears the rest."""
    tickets = Tickets()
    assert tickets.reconnected(hello(["1", "2"], ["3"], ended=("4",))) == []
    assert tickets.unclaimed() == [["1", "2"], ["3"], ["4"]]
    ticket = tickets.claim(["1", "2"])
    assert (ticket.settled, ticket.started["1"]["pid"]) == (False, 5)
    tickets.note({"event": "ended", "token": "1"})
    tickets.note({"event": "dropped", "token": "2"})
    assert (ticket.settled, set(ticket.ended)) == (True, {"1"})
    assert tickets.claim(["4"]).settled
    assert tickets.unclaimed() == [["3"]]


def test_an_end_before_the_claim_is_not_missed() -> None:
    """The keeper tells it once; who comes later finds it."""
    tickets = Tickets()
    tickets.reconnected(hello(["1"]))
    tickets.note({"event": "ended", "token": "1", "status": 0})
    assert tickets.unclaimed() == [["1"]]
    assert tickets.claim(["1"]).ended["1"]["status"] == 0


def test_with_the_next_keeper_tickets_go_on() -> None:
    """What it knows goes on or has ended, what it does not know never began."""
    tickets = Tickets()
    tickets.reconnected(hello())
    ticket = tickets.issue(["1", "2", "3"])
    tickets.disconnected()
    assert (ticket.changed.is_set(), ticket.settled) == (True, False)
    assert tickets.reconnected(hello(["2"], lost=("1",))) == []
    assert (ticket.open, set(ticket.ended), ticket.changed.is_set()) == ({"2"}, {"1"}, False)
    tickets.note({"event": "ended", "token": "2"})
    assert ticket.settled


def test_an_end_that_was_acknowledged_is_acknowledged_again_when_the_next_keeper_tells_it() -> None:
    """And only that: an end that is still waited for is not."""
    tickets = Tickets()
    tickets.reconnected(hello())
    ticket = tickets.issue(["1", "2"])
    tickets.note({"event": "ended", "token": "1"})
    tickets.forget(["1"])
    tickets.disconnected()
    assert tickets.reconnected(hello(ended=("1", "2"))) == ["1"]
    assert set(ticket.ended) == {"1", "2"}


def test_what_was_lost_with_a_keeper_and_a_daemon_is_no_survivor() -> None:
    """It is named, so that the keeper forgets it; an end is a survivor."""
    tickets = Tickets()
    tickets.reconnected(hello(ended=("1",), lost=("2",)))
    assert tickets.drop_lost() == ["2"]
    assert tickets.unclaimed() == [["1"]]


def test_a_name_that_is_in_use_is_not_given_again() -> None:
    """The same attempt at one instant twice is two runs."""
    tickets = Tickets()
    assert [tickets.free_token("1"), tickets.free_token("1")] == ["1", "1+"]
    tickets.forget(["1"])
    assert tickets.free_token("1") == "1"


def test_without_any_keeper_everything_is_settled_as_lost() -> None:
    """Nobody waits for ever."""
    tickets = Tickets()
    ticket = tickets.issue(["1"])
    tickets.give_up()
    assert (ticket.settled, ticket.lost, tickets.any_known) == (True, True, False)
