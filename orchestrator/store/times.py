"""UTC microseconds inside, RFC 3339 with microseconds outside."""

import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_us() -> int:
    """The wall clock in UTC microseconds."""
    return time.time_ns() // 1000


def rfc3339(microseconds: int | None) -> str | None:
    """`2026-11-21T06:16:00.000001Z`; None stays None."""
    if microseconds is None:
        return None
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")
