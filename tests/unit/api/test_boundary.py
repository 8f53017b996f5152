"""Claims about what no request gets past, over a real Unix socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import h11
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from orchestrator import __version__
from orchestrator.api import problems
from orchestrator.api.answers import Answer
from orchestrator.api.boundary import LONGEST_BODY_BYTES, Boundary
from orchestrator.api.server import serve
from orchestrator.api.socket import bind
from orchestrator.api.streams import Pieces, StreamedAnswer
from orchestrator.errors import Conflict
from tests.support.calling import ask, calling

pytestmark = pytest.mark.asyncio

SECRET = "the secret of the stack"


def make_app() -> FastAPI:
    app = FastAPI()
    problems.install(app)
    app.add_middleware(Boundary)

    @app.post("/echo")
    async def echo(body: dict[str, Any]) -> Answer:
        return Answer(body)

    @app.get("/defect")
    async def defect() -> Answer:
        raise RuntimeError(SECRET)

    @app.get("/late-defect")
    async def late_defect() -> StreamedAnswer:
        return StreamedAnswer(_broken(after=True), media_type="text/plain")

    @app.get("/early-refusal")
    async def early_refusal() -> StreamedAnswer:
        return StreamedAnswer(_broken(after=False), media_type="text/plain")

    return app


async def _broken(*, after: bool) -> Pieces:
    if not after:
        raise Conflict("not now")
    yield b"half of"
    raise RuntimeError(SECRET)


@asynccontextmanager
async def served(path: Path) -> AsyncIterator[Path]:
    with bind(path) as listener, anyio.fail_after(30):
        async with serve(make_app(), listener):
            yield path


@pytest.fixture
def path(private_places: Path) -> Path:
    return private_places / "run" / "s"


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/echo", b'{"a": 1}', 200),
        ("POST", "/echo", b"{", 400),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/echo", b"", 405),
        ("GET", "/defect", b"", 500),
        ("POST", "/echo", b" " * (LONGEST_BODY_BYTES + 1), 413),
    ],
)
async def test_every_answer_has_our_version(path: Path, method: str, target: str, body: bytes, status: int) -> None:
    """Whatever the status, the header is there, and a refusal has the one shape."""
    async with served(path):
        with capture_logs():
            reply = await ask(path, method, target, body)
    assert reply.status == status
    assert reply.headers["orchestrator-version"] == __version__
    assert status == 200 or reply.code


async def test_defect_is_logged_and_not_shown(path: Path) -> None:
    """The client learns where to look; the log has the error."""
    async with served(path):
        with capture_logs() as logged:
            reply = await ask(path, "GET", "/defect")
    assert reply.code == "internal"
    assert SECRET.encode() not in reply.body
    assert [entry["event"] for entry in logged if entry.get("exc_info")] == ["request_failed"]


async def test_half_an_answer_is_not_taken_for_a_whole_one(path: Path) -> None:
    """A defect in the middle cuts the connection instead of ending the answer."""
    async with served(path):
        with capture_logs() as logged, pytest.raises(h11.RemoteProtocolError):
            await ask(path, "GET", "/late-defect")
    assert "request_failed" in [entry["event"] for entry in logged]


async def test_refusal_before_the_first_piece_is_an_ordinary_one(path: Path) -> None:
    """A streamed answer that cannot begin has status and shape like any other."""
    async with served(path):
        reply = await ask(path, "GET", "/early-refusal")
    assert (reply.status, reply.code) == (409, "conflict")


async def test_body_without_a_length_is_counted_as_it_comes(path: Path) -> None:
    """A chunked body is refused with 413 as soon as it is too long."""
    async with served(path), calling(path) as caller:
        connection = h11.Connection(h11.CLIENT)
        headers = [("Host", "test"), ("Transfer-Encoding", "chunked"), ("Content-Type", "application/json")]
        head = connection.send(h11.Request(method="POST", target="/echo", headers=headers)) or b""
        await caller.stream.send(head)
        for _ in range(LONGEST_BODY_BYTES // 2**16 + 1):
            await caller.stream.send(connection.send(h11.Data(data=b" " * 2**16)) or b"")
        await caller.stream.send(connection.send(h11.EndOfMessage()) or b"")
        answer = await caller.stream.receive()
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_body_of_exactly_the_limit_is_taken(path: Path) -> None:
    """2 MiB are allowed."""
    padding = LONGEST_BODY_BYTES - len(b'{"a":""}')
    async with served(path):
        reply = await ask(path, "POST", "/echo", b'{"a":"' + b"x" * padding + b'"}')
    assert reply.status == 200


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"a": ' + b"9" * 6000 + b"}", "holds a whole number of more than 4300 digits"),
        (b'{"a": "\xff"}', "is not UTF-8 text: byte 0xff at position 7"),
        (b'{"a": 1', "is not JSON: Expecting ',' delimiter at character 7"),
    ],
)
async def test_a_body_that_cannot_be_read_is_an_invalid_request(path: Path, body: bytes, problem: str) -> None:
    """It is refused, not a defect, with a hint and what is wrong with it."""
    async with served(path):
        reply = await ask(path, "POST", "/echo", body)
    error = reply.json["error"]
    assert (reply.status, reply.code, error["message"]) == (400, "invalid_request", f"body: {problem}")
    assert error["problems"] == [{"where": "body", "message": problem}]
    assert error["hint"] == "/openapi.json describes every request"


@pytest.mark.parametrize(
    "named", ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8"]
)
async def test_body_is_json_whatever_its_type_is_said_to_be(path: Path, named: str) -> None:
    """What `curl -d` sends is read as what it is."""
    async with served(path):
        reply = await ask(path, "POST", "/echo", b'{"a": 1}', **{"Content-Type": named})
    assert (reply.status, reply.json) == (200, {"a": 1})
