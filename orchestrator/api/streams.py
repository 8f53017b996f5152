"""Answers that are longer than one document: sent piece by piece, ended in order when the door closes or the client leaves."""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import anyio
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from orchestrator.api.answers import encode
from orchestrator.errors import OrchestratorError

Result = TypeVar("Result")
Pieces = AsyncGenerator[bytes, None]

NDJSON = "application/x-ndjson"


class StreamedAnswer(Response):
    """Pieces of bytes as they come; memory holds one of them at a time.

    What goes wrong before the first piece is an ordinary refusal; later the connection is cut, so that half an answer is never taken
    for a whole one. An answer that `follows` has no end of its own: it ends, in order, when the door closes.
    """

    def __init__(self, pieces: Pieces, *, media_type: str, follows: bool = False) -> None:
        super().__init__(None, media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces
        self._follows = follows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces."""
        async with aclosing(self._pieces) as pieces:
            first = await anext(pieces, b"")
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send(_piece(first))
            async with anyio.create_task_group() as watchers:
                watchers.start_soon(_cancel_after, watchers.cancel_scope, _client_left(receive))
                if self._follows:
                    watchers.start_soon(_cancel_after, watchers.cancel_scope, _closing(scope["state"]))
                async for piece in pieces:
                    await send(_piece(piece))
                watchers.cancel_scope.cancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})


def _piece(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def _cancel_after(scope: anyio.CancelScope, waiting: Callable[[], Awaitable[None]]) -> None:
    await waiting()
    scope.cancel()


def _client_left(receive: Receive) -> Callable[[], Awaitable[None]]:
    async def waiting() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    return waiting


def _closing(state: Mapping[str, Any]) -> Callable[[], Awaitable[None]]:
    async def waiting() -> None:
        event: anyio.Event | None = state.get("closing")
        if event is None:  # served by something that never closes
            await anyio.sleep_forever()
        else:
            await event.wait()

    return waiting


async def unless_leaving(request: Request, work: Callable[[], Awaitable[Result]]) -> Result | None:
    """What `work` comes to; None when the client left or the door closes first."""
    result: Result | None = None
    refusal: OrchestratorError | None = None
    async with anyio.create_task_group() as watchers:
        watchers.start_soon(_cancel_after, watchers.cancel_scope, _client_left(request.receive))
        watchers.start_soon(_cancel_after, watchers.cancel_scope, _closing(request.scope["state"]))
        try:
            result = await work()
        except OrchestratorError as error:  # a task group would wrap it
            refusal = error
        watchers.cancel_scope.cancel()
    if refusal is not None:
        raise refusal
    return result


def lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    """A JSON document a line."""
    return b"".join(encode(value) + b"\n" for value in values)


async def json_list(pages: AsyncIterable[Iterable[Any]], *, before: bytes = b"", after: bytes = b"\n") -> Pieces:
    """One JSON list from pages of values, between `before` and `after`."""
    opening = before + b"["
    async for page in pages:
        body = b",".join(encode(value) for value in page)
        if body:
            yield opening + body
            opening = b","
    yield (b"]" if opening == b"," else opening + b"]") + after
