"""The lane of an evaluation in a process of its own: what it reports goes to the daemon's socket, as `orc report-metric` does.

HTTP/1.1 by hand, over one connection: `http.client` would cost a fifth of the start of an interpreter. When the daemon is away nobody
takes the report, and the outcome brings it; whether somebody has come back is tried at most once a second.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from typing import Any, Dict, Optional
from urllib.parse import quote

from orchestrator.worker.lane import NoLane

ANSWER_SECONDS = 5.0
PAUSE_SECONDS = 1.0
_LONGEST_HEAD = 65_536


class SocketLane(NoLane):
    """Says whose reports they are with each of them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__()
        self._socket_path = environment.get("ORC_SOCKET")
        self._path = f"/v1/experiments/{quote(environment.get('ORC_REF', ''))}/report-metric?wait=false"
        self._attempt = int(environment.get("ORC_ATTEMPT", "1"))
        self._connection: Optional[socket.socket] = None
        self._try_again_at = 0.0

    def note(self, position: int, what: Dict[str, Any]) -> Optional[bool]:  # noqa: ARG002 - there is only one
        """Send a report; costs and artifacts come with the outcome."""
        report = what.get("report")
        if report is None or self._socket_path is None or time.monotonic() < self._try_again_at:
            return None
        body = {name: report[name] for name in ("number", "step", "metrics")}
        try:
            status, answer = self._exchange(json.dumps({**body, "attempt": self._attempt}).encode())
        except (OSError, ValueError):
            self.close()
            self._try_again_at = time.monotonic() + PAUSE_SECONDS
            return None
        return bool(answer.get("pruned")) if status < 300 else False  # noqa: PLR2004 - refused: this attempt counts no more

    def _exchange(self, body: bytes) -> tuple[int, Dict[str, Any]]:
        """Send one request and read its answer; on a connection the daemon has closed meanwhile, once more on a new one."""
        head = f"POST {self._path} HTTP/1.1\r\nHost: daemon\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if self._connection is not None:
            try:
                return self._ask(self._connection, head + body)
            except OSError:
                self.close()
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(ANSWER_SECONDS)
        assert self._socket_path is not None
        self._connection.connect(self._socket_path)
        return self._ask(self._connection, head + body)

    @staticmethod
    def _ask(connection: socket.socket, request: bytes) -> tuple[int, Dict[str, Any]]:
        connection.sendall(request)
        got = b""
        while b"\r\n\r\n" not in got:
            got += _more(connection, got)
        head, _, content = got.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(":", 1) for line in lines[1:])
        length = int(fields["content-length"]) if "content-length" in fields else 0
        while len(content) < length:
            content += _more(connection, content)
        answer = json.loads(content or b"{}")
        _, status, *_ = lines[0].split()
        return int(status), answer if isinstance(answer, dict) else {}

    def close(self) -> None:
        """Hang up; the next report calls again."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _more(connection: socket.socket, got: bytes) -> bytes:
    piece = connection.recv(65_536)
    if not piece or len(got) > _LONGEST_HEAD:
        raise OSError("the daemon went away in the middle of an answer")
    return piece
