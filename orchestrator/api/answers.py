"""Short answers: a JSON document, rendered at once."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON. Half a surrogate pair, which UTF-8 cannot hold, becomes its escape."""
    return _ENCODE(value).encode("utf-8", "backslashreplace")


class Answer(Response):
    """A JSON document of plain values."""

    media_type = "application/json"

    def __init__(self, content: Any, *, status_code: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status_code, headers)

    def render(self, content: Any) -> bytes:
        """The document's bytes."""
        return encode(content)
