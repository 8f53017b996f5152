"""Which events concern whom: plain functions that look at one event and one ref."""

from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.domain.refs import Ref

Event = Mapping[str, Any]

_ABOUT_THE_WHOLE = "experiment_"


def is_of(event: Event, experiment: int) -> bool:
    """Whether an event belongs to an experiment."""
    ref = event.get("ref")
    return isinstance(ref, str) and ref.partition(".")[0] == str(experiment)


def experiments_of(events: Iterable[Event]) -> set[int]:
    """The experiments that events belong to."""
    refs = (event.get("ref") for event in events)
    return {int(ref.partition(".")[0]) for ref in refs if isinstance(ref, str)}


def may_move(event: Event, ref: Ref) -> bool:
    """Whether an event may have changed the state of what `ref` names."""
    if not is_of(event, ref.experiment):
        return False
    if event["kind"].startswith(_ABOUT_THE_WHOLE):
        return True
    if ref.variant is None:
        return False
    refs = event.get("refs")
    return refs is None or any(is_under(str(ref), each) or is_under(each, str(ref)) for each in refs)


def any_may_move(events: Iterable[Event], ref: Ref) -> bool:
    """Whether one of them may have changed the state of what `ref` names."""
    return any(may_move(event, ref) for event in events)


def is_under(text: str, ref: str) -> bool:
    """Whether a ref is `ref` or below it."""
    return text == ref or text.startswith(f"{ref}.")


def refs_under(events: Iterable[Event], ref: Ref, *, kinds: Iterable[str]) -> list[str]:
    """The refs in events of some kinds that are `ref` or below it, in order."""
    wanted, above = frozenset(kinds), str(ref)
    return [
        each for event in events if event["kind"] in wanted for each in event.get("refs", ()) if is_under(each, above)
    ]
