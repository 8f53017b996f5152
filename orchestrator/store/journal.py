"""The events on record, and which database they belong to."""

from collections.abc import Mapping
from typing import Any, Protocol

from orchestrator.errors import EventsGone


class Reader(Protocol):
    """Reads the one value a named statement gives."""

    async def read(self, name: str, values: Mapping[str, Any] | None = None) -> Any:
        """The value, or None."""
        ...


class Journal:
    """Events by sequence number, in the order they were committed."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def events(self, *, since: int, limit: int, experiment: int | None = None) -> list[dict[str, Any]]:
        """Events after a sequence number. Raises EventsGone when some of them are no longer kept."""
        oldest, newest = await self.range()
        if since + 1 < oldest and since < newest:
            raise EventsGone(f"events up to {oldest - 1} are no longer kept", hint="begin anew without --since")
        place = {"since": since, "limit": limit, "experiment": experiment}
        found: list[dict[str, Any]] = await self._reader.read("event_rows", place)
        return found

    async def range(self) -> tuple[int, int]:
        """The oldest and the newest sequence number; (1, 0) when nothing has happened yet."""
        oldest, newest = await self._reader.read("event_range")
        return (oldest or (newest or 0) + 1), newest or 0

    async def database_id(self) -> str:
        """Names this database file; another one has another id."""
        return str(await self._reader.read("get_meta", {"key": "database_id"}))
