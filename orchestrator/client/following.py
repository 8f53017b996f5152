"""Streams that outlive a restart of the daemon: progress, events, waiting."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator.client import calls
from orchestrator.client.session import Patience, Session
from orchestrator.domain.states import ENDED_EXPERIMENT, ExperimentState
from orchestrator.errors import InvalidReference, NoDaemon, NotFound, OrchestratorError, Problem, Unavailable

RECONNECT_SECONDS = 30.0
DRAINING_SECONDS = 0.25  # a daemon that is told to stop answers at once until it is gone

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """How a stream is kept alive: what to ask, and what to tell the person when the daemon went away."""

    session: Session
    notice: Callable[[str], None]

    def items(self, ask: Callable[[Session], Iterator[Item]]) -> Iterator[Item]:
        """What `ask` gives, asked again after the daemon went away; the caller stops when it has seen enough.

        A daemon that broke off is started again where that is allowed; one that ended its answer in order was told to stop, and
        is only waited for. Raises NoDaemon after 30 s without one, and at once when there was none from the beginning.
        """
        patience, current, ever, told = Patience(RECONNECT_SECONDS), self.session, False, False
        while True:
            came = False
            try:
                for item in ask(current):
                    came, ever, told = True, True, False
                    patience.renew()
                    yield item
                current = self.session.without_start("the daemon was stopped; it goes on when one is started")
            except (NoDaemon, Unavailable) as error:
                pause = patience.next_pause()
                if not ever or pause is None:
                    raise
                current = self.session if came else current
                if not told:
                    self.notice(f"{error}; waiting up to {RECONNECT_SECONDS:g} s for it to come back")
                    told = True
            else:
                pause = patience.next_pause()
                if pause is None:
                    raise NoDaemon("the daemon ends its answers without reaching the end")
                pause = max(pause, DRAINING_SECONDS)
            time.sleep(pause)

    def progress(self, ref: object) -> Iterator[dict[str, Any]]:
        """Snapshots of an experiment until it has ended."""
        for snapshot in self.items(lambda session: session.lines(calls.progress(ref, follow=True))):
            yield snapshot
            if snapshot["state"] in ENDED_EXPERIMENT:
                return

    def progress_of_all(self) -> Iterator[dict[str, Any]]:
        """Snapshots of all experiments that are active, and of those that are submitted meanwhile, until none is.

        What has ended while there was no daemon is told too.
        """
        active: set[str] = set()

        def ask(session: Session) -> Iterator[dict[str, Any]]:
            for ref in sorted(active, key=int):
                try:
                    yield from session.lines(calls.progress(ref))
                except NotFound:  # removed meanwhile
                    active.discard(ref)
            yield from session.lines(calls.progress(None, follow=True))

        for snapshot in self.items(ask):
            if "ref" not in snapshot:  # the last line: nothing is active
                return
            (active.discard if snapshot["state"] in ENDED_EXPERIMENT else active.add)(snapshot["ref"])
            yield snapshot

    def resolve(self, refs: Sequence[str]) -> list[str]:
        """What each names now, `12` for a name. Raises what is wrong with one of them, or one NotFound that says it of all."""
        found: dict[str, str] = {}
        wrong: dict[str, OrchestratorError] = {}

        def ask(session: Session) -> Iterator[None]:
            for ref in refs:
                if ref in found or ref in wrong:
                    continue
                try:
                    found[ref] = session.json(calls.wait(ref, timeout_seconds=0))["ref"]
                except (InvalidReference, NotFound) as error:
                    wrong[ref] = error
                yield

        for _ in self.items(ask):
            if len(found) + len(wrong) == len(set(refs)):
                break
        if wrong:
            raise _all_of(wrong, asked=len(set(refs)))
        return [found[ref] for ref in refs]

    def wait(self, ref: object, *, timeout_seconds: float | None = None) -> dict[str, Any]:
        """The answer when it has ended or the time is up: `ended` says which."""
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds

        def left() -> float | None:
            return None if until is None else max(0.0, until - time.monotonic())

        def ask(session: Session) -> Iterator[dict[str, Any]]:
            yield session.json(calls.wait(ref, timeout_seconds=0))
            yield session.json(calls.wait(ref, timeout_seconds=left()), timeout_seconds=None)

        for answer in self.items(ask):
            if answer["ended"] or left() == 0:
                return answer
            if answer["state"] == ExperimentState.PAUSED:
                self.notice(f"{ref} is paused: orc explain {ref} says why")
        raise NoDaemon

    def events(self, *, since: int | None, experiment: int | None) -> Iterator[dict[str, Any]]:
        """Events after `since` (None: those to come) without end; goes on behind the last one seen. Raises EventsGone."""
        last = since

        def ask(session: Session) -> Iterator[dict[str, Any]]:
            return session.lines(calls.events(since=last, follow=True, experiment=experiment))

        for event in self.items(ask):
            last = position(event, last)
            if is_event(event):
                yield event


def _all_of(wrong: dict[str, OrchestratorError], *, asked: int) -> OrchestratorError:
    first = next(iter(wrong.values()))
    if len(wrong) == 1:
        return first
    problems = [Problem(ref, error.message) for ref, error in wrong.items()]
    return NotFound(f"{len(wrong)} of {asked} refs name nothing", hint=first.hint, problems=problems)


def is_event(line: dict[str, Any]) -> bool:
    """Whether a line of the event stream is an event: not the first line, no heartbeat."""
    return "kind" in line and line["kind"] != "heartbeat"


def position(line: dict[str, Any], last: int | None) -> int | None:
    """Where to go on after this line of the event stream.

    The first line's number is where a stream of events to come begins; for any other it is ahead of what has been given.
    """
    return last if "database" in line and last is not None else int(line["seq"])
