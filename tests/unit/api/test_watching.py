"""Claims about which events concern whom."""

from typing import Any

import pytest

from orchestrator.api.watching import experiments_of, is_of, may_move, refs_under
from orchestrator.domain.refs import parse_ref


def event(kind: str, ref: str | None = None, **more: Any) -> dict[str, Any]:
    return {"seq": 1, "kind": kind, **({} if ref is None else {"ref": ref}), **more}


@pytest.mark.parametrize(
    ("happened", "ref", "expected"),
    [
        (event("experiment_ended", "1"), "1", True),
        (event("experiment_ended", "1"), "1.2.3", True),
        (event("experiment_ended", "12"), "1", False),
        (event("iterations_finished", "1", refs=["1.2.3"]), "1", False),
        (event("iterations_finished", "1", refs=["1.2.3"]), "1.2.3", True),
        (event("iterations_finished", "1", refs=["1.2.3"]), "1.2", True),
        (event("iterations_finished", "1", refs=["1.20.3"]), "1.2", False),
        (event("variants_finished", "1", refs=["1.2"]), "1.2.3", True),
        (event("work_cancelled", "1.2"), "1.2.3", True),
        (event("daemon_started"), "1", False),
    ],
)
def test_event_may_move_what_it_names(happened: dict[str, Any], ref: str, expected: bool) -> None:
    """An experiment is moved by its own events only; what is below it by events that name it, what is above or below it."""
    assert may_move(happened, parse_ref(ref)) is expected


def test_event_belongs_to_the_experiment_of_its_ref() -> None:
    """`12.3` belongs to 12, not to 1."""
    assert is_of(event("work_retried", "12.3"), 12)
    assert not is_of(event("work_retried", "12.3"), 1)
    assert not is_of(event("daemon_stopping"), 1)


def test_refs_are_picked_by_kind_and_place() -> None:
    """Only refs at or below the one asked for, of the kinds asked for, in order."""
    events = [
        event("iterations_started", "1", refs=["1.2.1", "1.3.1", "1.2.2"]),
        event("iterations_finished", "1", refs=["1.2.9"]),
    ]
    assert refs_under(events, parse_ref("1.2"), kinds={"iterations_started"}) == ["1.2.1", "1.2.2"]


def test_events_name_their_experiments_once() -> None:
    """At every level; what belongs to none names none."""
    told = [
        event("work_retried", "12.3"),
        event("iterations_finished", "12"),
        event("paused", "3"),
        event("daemon_started"),
    ]
    assert experiments_of(told) == {12, 3}
