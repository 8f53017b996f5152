"""Around everything: our version on every answer, every body is JSON and limited, and no traceback for the outside."""

import structlog
from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator import __version__
from orchestrator.api.answers import Answer
from orchestrator.api.problems import answer_body, internal_answer

log = structlog.get_logger(__name__)

VERSION_HEADER = "Orchestrator-Version"
LONGEST_BODY_BYTES = 2 * 2**20
TOO_LARGE = 413


class Boundary:
    """ASGI middleware; what it wraps may fail in any way."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send).run(self._app)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = False
        self._received_bytes = 0

    async def run(self, app: ASGIApp) -> None:
        try:
            if self._announces_too_much():
                await self._too_large()(self._scope, self._receive, self.send)
            else:
                await app(self._as_json(), self.receive, self.send)
        except Exception:  # the last place where a defect can become an answer
            log.exception("request_failed", method=self._scope["method"], path=self._scope["path"])
            if (
                not self._started
            ):  # else the server cuts the connection, so that half an answer is not taken for a whole one
                await internal_answer()(self._scope, self._receive, self.send)

    async def receive(self) -> Message:
        message = await self._receive()
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > LONGEST_BODY_BYTES:
            raise HTTPException(TOO_LARGE, _too_large_message())
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            MutableHeaders(scope=message)[VERSION_HEADER] = __version__
        await self._send(message)

    def _announces_too_much(self) -> bool:
        length = Headers(scope=self._scope).get("content-length", "")
        return length.isdecimal() and len(length) < 20 and int(length) > LONGEST_BODY_BYTES  # noqa: PLR2004

    def _as_json(self) -> Scope:
        """The request with the only type a body here can have: `curl -d` names another, and nothing of a browser reaches a Unix socket."""
        headers = [(name, value) for name, value in self._scope["headers"] if name != b"content-type"]
        return {**self._scope, "headers": [*headers, (b"content-type", b"application/json")]}

    @staticmethod
    def _too_large() -> Answer:
        return Answer(answer_body("invalid_request", _too_large_message()), status_code=TOO_LARGE)


def _too_large_message() -> str:
    return f"the request is larger than {LONGEST_BODY_BYTES} bytes"
