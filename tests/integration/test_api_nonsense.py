"""Claims that no request, however senseless, is answered with a status of 500 and above."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.calling import Reply
from tests.support.door import Door, open_door


class Served:
    """A door in a loop of its own, asked from outside."""

    def __init__(self, portal: BlockingPortal, door: Door) -> None:
        self._portal = portal
        self._door = door

    def ask(self, method: str, target: str, body: Any = None) -> Reply:
        async def once() -> Reply:
            with anyio.fail_after(20):
                return await self._door.ask(method, target, body)

        return self._portal.call(once)


@pytest.fixture
def served(private_places: Path) -> Iterator[Served]:
    """One experiment has been run."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(open_door(private_places / "state")) as door,
    ):
        portal.call(door.run)
        yield Served(portal, door)


REFS = st.one_of(
    st.sampled_from(
        ["0", "00", "-1", "1.2.3.4", "1.0", "1..1", "1.1.1.", "9" * 19, "9" * 40, "9" * 5000, "1e3", "٣", "１", "\0"]
    ),
    st.text(max_size=20),
    st.integers().map(str),
    st.lists(st.integers(min_value=0, max_value=2**70), min_size=1, max_size=5).map(
        lambda parts: ".".join(map(str, parts))
    ),
)
VERBS = [
    "",
    "/best",
    "/export",
    "/logs",
    "/explain",
    "/why",
    "/wait?timeout=0",
    "/progress",
    "/pause",
    "/resume",
    "/cancel",
    "/retry",
    "/report-metric",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
FAST = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def is_clean(reply: Reply) -> bool:
    return reply.status < 400 or (reply.status < 500 and bool(reply.code))


@FAST
@given(ref=REFS, verb=st.sampled_from(VERBS), method=st.sampled_from(["GET", "POST", "DELETE", "PUT"]))
def test_any_ref_is_answered(served: Served, ref: str, verb: str, method: str) -> None:
    """Whatever stands where a ref should, with whatever verb and method, is found or refused."""
    target = f"/v1/experiments/{quote(ref, safe='')}{verb}"
    if ref == "1" and method != "GET":
        return
    assert is_clean(served.ask(method, target)), target


@FAST
@given(
    path=st.sampled_from(
        ["/v1/experiments", "/v1/events", "/v1/experiments/1", "/v1/experiments/1/export", "/v1/experiments/1/logs"]
    ),
    name=st.sampled_from(["limit", "after", "since", "experiment", "format", "stream", "timings"]),
    value=st.one_of(st.text(max_size=10), st.integers().map(str), st.floats().map(str), st.just("9" * 5000)),
)
def test_any_query_is_answered(served: Served, path: str, name: str, value: str) -> None:
    """Negative, huge, empty and senseless values of every query are used or refused."""
    assert is_clean(served.ask("GET", f"{path}?{name}={quote(value, safe='')}"))


@FAST
@given(
    body=st.one_of(JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=50)),
    target=st.sampled_from(["/v1/experiments", "/v1/check", "/v1/stop"]),
)
def test_any_body_is_answered(served: Served, body: bytes, target: str) -> None:
    """JSON of any shape, not-a-number and half surrogate pairs included, and bytes that are none, are taken or refused."""
    assert is_clean(served.ask("POST", target, body))


@FAST
@given(
    spec=st.dictionaries(st.sampled_from(["name", "stage", "space", "search", "seed", "limits", "x"]), JSON),
    overrides=st.lists(st.text(max_size=20), max_size=2),
)
def test_any_spec_is_answered(served: Served, spec: dict[str, Any], overrides: list[str]) -> None:
    """An experiment of any shape is checked or refused."""
    body = {"spec": spec, "folder": "/", "overrides": overrides}
    assert is_clean(served.ask("POST", "/v1/check", body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"spec": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b', "folder": "/"}',
        b'{"spec": {"seed": NaN, "stage": {"call": "m:f"}}, "folder": "/"}',
        b'{"spec": {"name": "\\ud800", "stage": {"call": "m:f"}}, "folder": "/"}',
        b'{"text": "\\ud800", "folder": "/"}',
        b'{"text": "", "folder": "/\\ud800"}',
        b'{"text": "", "folder": "/", "source": "\\ud800", "overrides": ["\\ud800"]}',
        b'{"text": "a = ' + b"[" * 5000 + b'", "folder": "/"}',
        b'{"text": "x", "folder": "relative"}',
        b'{"text": "x", "folder": "/", "environment": {"LD_PRELOAD": "x"}}',
        b'{"text": "x", "folder": "/", "environment": {"PATH": "a\\u0000b"}}',
    ],
)
def test_poisonous_body_is_an_ordinary_refusal(served: Served, body: bytes) -> None:
    """Deep nesting, not-a-number, half surrogate pairs and NUL bytes are answered with 400."""
    reply = served.ask("POST", "/v1/experiments", body)
    assert reply.status == 400
    assert reply.code in {"invalid_request", "invalid_spec"}
