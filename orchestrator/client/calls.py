"""Every verb as the request it sends: plain functions, shared by the sync client, the async client and the command line.

`urllib.parse.quote` is used for refs because an experiment's name may hold any character.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from orchestrator.client.wire import Request
from orchestrator.errors import InvalidReference

EXPERIMENTS = "/v1/experiments"


def _path(base: str, **query: object) -> str:
    """The path with the query of what is not None; True is written `true`."""
    given = {
        key: str(value).lower() if isinstance(value, bool) else value
        for key, value in query.items()
        if value is not None and value is not False
    }
    return f"{base}?{urlencode(given)}" if given else base


def _of(ref: object, verb: str = "") -> str:
    text = str(ref)
    if not text:  # without it the path would be another one
        raise InvalidReference
    return f"{EXPERIMENTS}/{quote(text, safe='')}{verb}"


def _get(base: str, **query: object) -> Request:
    return Request(method="GET", path=_path(base, **query))


def _post(path: str, body: Any = None) -> Request:
    return Request(method="POST", path=path, body=b"" if body is None else json.dumps(body).encode())


def status() -> Request:
    """The daemon's state, slots, queue, machine and database."""
    return _get("/v1/status")


def schema() -> Request:
    """The JSON Schema of experiment files."""
    return _get("/v1/schema")


def submit(submission: Mapping[str, Any], *, key: str) -> Request:
    """A new experiment; `key` makes sending it again harmless."""
    return Request(method="POST", path=EXPERIMENTS, body=json.dumps(submission).encode(), idempotency_key=key)


def check(submission: Mapping[str, Any]) -> Request:
    """What is wrong with a submission, or what it would run. Changes nothing."""
    return Request(method="POST", path="/v1/check", body=json.dumps(submission).encode(), changes_nothing=True)


def experiments(*, limit: int | None = None, after: int | None = None) -> Request:
    """Experiments, newest first; `after` is the id a page before ended with."""
    return _get(EXPERIMENTS, limit=limit, after=after)


def show(ref: object, *, limit: int | None = None, after: int | None = None) -> Request:
    """An experiment with its variants, a variant, or an iteration with its attempts."""
    return _get(_of(ref), limit=limit, after=after)


def remove(ref: object) -> Request:
    """Forget an experiment that has ended."""
    return Request(method="DELETE", path=_of(ref))


def pause(ref: object) -> Request:
    """Start nothing new of an experiment."""
    return _post(_of(ref, "/pause"))


def resume(ref: object, *, accept_code: bool = False) -> Request:
    """Go on with a paused experiment; `accept_code`: with its code as it is now, also when it is not paused yet."""
    return _post(_of(ref, "/resume?accept_code=true" if accept_code else "/resume"))


def cancel(ref: object) -> Request:
    """Stop an experiment, a variant or an iteration for good."""
    return _post(_of(ref, "/cancel"))


def retry(ref: object, *, failed_only: bool = False, accept_code: bool = False) -> Request:
    """Run again what failed or was cancelled; with `failed_only`, what failed; `accept_code`: with the code as it is now."""
    wanted = {"failed": failed_only, "accept_code": accept_code}
    query = "&".join(f"{name}=true" for name, is_wanted in wanted.items() if is_wanted)
    return _post(_of(ref, f"/retry?{query}" if query else "/retry"))


def report_metric(ref: object, body: Mapping[str, Any]) -> Request:
    """What a running iteration tells of itself."""
    return _post(_of(ref, "/report-metric"), body)


def best(ref: object) -> Request:
    """The best variant so far."""
    return _get(_of(ref, "/best"))


def export(ref: object, *, form: str, timings: bool = False) -> Request:
    """A row an iteration, as `csv` or `json`."""
    return _get(_of(ref, "/export"), format=form, timings=timings)


def logs(ref: object, *, stream: str = "both", follow: bool = False) -> Request:
    """Captured output: `out`, `err` or `both`."""
    return _get(_of(ref, "/logs"), stream=stream, follow=follow)


def explain(ref: object) -> Request:
    """Why something waits."""
    return _get(_of(ref, "/explain"))


def why(ref: object) -> Request:
    """The decisions on record."""
    return _get(_of(ref, "/why"))


def report(ref: object) -> Request:
    """What an experiment came to, what it used, and why parts of it failed."""
    return _get(_of(ref, "/report"))


def wait(ref: object, *, timeout_seconds: float | None = None) -> Request:
    """Answers when the thing has ended, or the time is up."""
    return _get(_of(ref, "/wait"), timeout=timeout_seconds)


def progress(ref: object | None, *, follow: bool = False) -> Request:
    """Snapshots of how far it is, a line each; None: of all that are active."""
    return _get("/v1/progress" if ref is None else _of(ref, "/progress"), follow=follow)


def events(*, since: int | None = None, follow: bool = False, experiment: int | None = None) -> Request:
    """What happened after sequence number `since`, a line each; the first names the database."""
    return _get("/v1/events", since=since, follow=follow, experiment=experiment)


def stop(*, everything: bool = False) -> Request:
    """The daemon drains and leaves; with `everything`, isolated evaluations end too."""
    return _post("/v1/stop", {"all": everything})
