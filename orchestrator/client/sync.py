"""The Python client that blocks. See `asynchronous` for the one that is awaited."""

import importlib
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from orchestrator.client import calls
from orchestrator.client.door import Given, find_door
from orchestrator.client.following import Following, is_event
from orchestrator.client.session import Session, say
from orchestrator.client.submission import Overrides, Spec, submission
from orchestrator.client.wire import Request
from orchestrator.errors import NoBest, OrchestratorError

PAGE = 1000

Document = dict[str, Any]


class Part:
    """Something with a ref: an experiment `12`, a variant `12.3`, an iteration `12.3.1`."""

    def __init__(self, following: Following, ref: str) -> None:
        self.ref = ref
        self._following = following
        self._session = following.session

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.ref!r})"

    def document(self) -> Document:
        """All that is known about it, as `orc show --json` prints it."""
        document: Document = self._session.json(calls.show(self.ref))
        return document

    def wait(self, *, timeout_seconds: float | None = None) -> Document:
        """Block until it has ended: its `state` and `reason`. Raises TimeoutError when the time is up before.

        It outlives restarts of the daemon.
        """
        answer = self._following.wait(self.ref, timeout_seconds=timeout_seconds)
        if not answer["ended"]:
            raise TimeoutError(f"{self.ref} is still {answer['state']} after {timeout_seconds:g} s")
        return answer

    def cancel(self) -> Document:
        """Stop it for good; what has finished stays. Raises Conflict when it has ended."""
        return self._change(calls.cancel(self.ref))

    def retry(self, *, failed_only: bool = False, accept_code: bool = False) -> Document:
        """Run again what failed or was cancelled in it; with `failed_only`, what failed; `accept_code`: with its code as it is now."""
        return self._change(calls.retry(self.ref, failed_only=failed_only, accept_code=accept_code))

    def logs(self, *, stream: str = "both") -> str:
        """What its evaluations printed: `out`, `err` or `both`."""
        with self._session.open(calls.logs(self.ref, stream=stream)) as answer:
            return answer.read().decode("utf-8", "replace")

    def explain(self) -> list[Document]:
        """Why it waits: a list of `reason`, `message`, `would_change`."""
        reasons: list[Document] = self._session.json(calls.explain(self.ref))["reasons"]
        return reasons

    def why(self) -> list[Document]:
        """The decisions on record, oldest first."""
        decisions: list[Document] = self._session.json(calls.why(self.ref))["decisions"]
        return decisions

    def _change(self, request: Request) -> Document:
        document: Document = self._session.json(request)
        return document


class Experiment(Part):
    """An experiment: everything of `Part`, and what only the whole has."""

    def best(self) -> Any:
        """The best variant so far: `ref`, `params`, `metrics`, `spread`, `score` (a list of them for Pareto); None when there is none."""
        try:
            return self._session.json(calls.best(self.ref))
        except NoBest:
            return None

    def variants(self) -> list[Document]:
        """All variants with their iterations, in order."""
        found: list[Document] = []
        while True:
            after = int(found[-1]["ref"].split(".")[1]) if found else None
            page = self._session.json(calls.show(self.ref, limit=PAGE, after=after))["variants"]
            found += page
            if len(page) < PAGE:
                return found

    def export(self, *, form: str = "csv", timings: bool = False) -> bytes:
        """A row an iteration, as `csv` or `json`; `timings` adds the measured numbers."""
        with self._session.open(calls.export(self.ref, form=form, timings=timings)) as answer:
            return answer.read()

    def to_frame(self) -> Any:
        """The export with its timings as a pandas DataFrame. Raises OrchestratorError when pandas is not installed."""
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise OrchestratorError("to_frame needs pandas", hint="pip install pandas, or use export") from error
        return pandas.DataFrame(self._session.json(calls.export(self.ref, form="json", timings=True)))

    def progress(self) -> Iterator[Document]:
        """Snapshots of how far it is, until it has ended."""
        return self._following.progress(self.ref)

    def report(self) -> Document:
        """What it came to, what it used, and why parts of it failed."""
        report: Document = self._session.json(calls.report(self.ref))
        return report

    def pause(self) -> Document:
        """Start nothing new of it."""
        return self._change(calls.pause(self.ref))

    def resume(self, *, accept_code: bool = False) -> Document:
        """Go on with it; `accept_code`: with its code as it is now."""
        return self._change(calls.resume(self.ref, accept_code=accept_code))

    def remove(self) -> Document:
        """Forget it. Raises Conflict while it is active."""
        return self._change(calls.remove(self.ref))


class Client:
    """Speaks to the daemon of this user or machine, and starts a private one when there is none.

    `socket`, `state_directory` and `settings_file` are what the command line's options of that name are. `start=False` never
    starts a daemon. `announce` is told what a person should know (default: a line on stderr). Every request has a connection of
    its own: a client may be shared by threads and needs no closing; `with` is welcome.
    """

    def __init__(
        self,
        socket: Given = None,
        *,
        state_directory: Given = None,
        settings_file: Given = None,
        start: bool = True,
        announce: Callable[[str], None] = say,
    ) -> None:
        door = find_door(socket, state_directory=state_directory, settings_file=settings_file, environ=os.environ)
        session = Session(door, announce=announce)
        self._session = session if start else session.without_start("this client was told not to start one")
        self._following = Following(session=self._session, notice=announce)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held between requests."""

    def submit(self, spec: Spec, *, overrides: Overrides = (), key: str | None = None) -> Experiment:
        """Submit a file (a path), TOML text (any str with a line end) or a dict; on disk when this returns.

        `overrides` are `KEY=VALUE` texts or a mapping. The same `key` again gives the same experiment. Raises InvalidSpec with all
        problems.
        """
        body = submission(spec, overrides=overrides, environ=os.environ)
        answer = self._session.json(calls.submit(body, key=key or str(uuid4())))
        return Experiment(self._following, answer["ref"])

    def check(self, spec: Spec, *, overrides: Overrides = ()) -> Document:
        """The plan and the warnings, without running anything. Raises InvalidSpec with all problems."""
        body = submission(spec, overrides=overrides, environ=os.environ)
        plan: Document = self._session.json(calls.check(body))
        return plan

    def experiment(self, ref: str | int) -> Experiment:
        """The experiment with this ref or name (the newest with it). Raises NotFound."""
        return Experiment(self._following, str(self._session.json(calls.show(ref, limit=1))["id"]))

    def part(self, ref: str) -> Part:
        """A variant or an iteration by its ref; it is not asked for before it is used."""
        return Part(self._following, ref)

    def experiments(self) -> Iterator[Document]:
        """All experiments, newest first."""
        after = None
        while page := self._session.json(calls.experiments(limit=PAGE, after=after)):
            yield from page
            after = page[-1]["id"]

    def events(
        self, *, since: int | None = None, follow: bool = False, experiment: int | None = None
    ) -> Iterator[Document]:
        """What happened after sequence number `since`; with `follow` without end, over restarts of the daemon.

        Without `since`: all that is kept, or when following what is to come from the first `next` on. Raises EventsGone when events
        that old are no longer kept.
        """
        if follow:
            return self._following.events(since=since, experiment=experiment)
        return filter(is_event, self._session.lines(calls.events(since=since, experiment=experiment)))

    def status(self) -> Document:
        """The daemon: state, slots, queue, experiments, machine, database."""
        document: Document = self._session.json(calls.status())
        return document

    def schema(self) -> Document:
        """The JSON Schema of experiment files."""
        document: Document = self._session.json(calls.schema())
        return document

    def stop(self, *, everything: bool = False) -> Document:
        """Ask the daemon to drain and leave: its `pid`. Isolated evaluations continue unless `everything`."""
        document: Document = self._session.json(calls.stop(everything=everything))
        return document
