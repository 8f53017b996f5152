"""What the parsers of JSON share: typed look-ups that say which key is not as documented."""

import json
from typing import Any

from orchestrator.workloads.pipeline.failures import GarbledReport

_LONGEST_SHOWN = 80


def read_json(text: str, *, tool: str) -> Any:
    """The document in a text. Raises GarbledReport."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise GarbledReport(f"the report of {tool} is not JSON: {error}") from None


class Record:
    """One JSON object of a report. A key that is missing or of another type raises GarbledReport."""

    __slots__ = ("_fields", "_tool", "_where")

    def __init__(self, value: Any, *, tool: str, where: str = "the report") -> None:
        if not isinstance(value, dict):
            raise GarbledReport(f"{where} of {tool} must be an object; found {_shown(value)}")
        self._fields: dict[str, Any] = value
        self._tool = tool
        self._where = where

    def text(self, key: str) -> str:
        """A text."""
        return str(self._of(key, str, "a text"))

    def text_or_none(self, key: str) -> str | None:
        """A text, or None where the key is missing or null."""
        return self.text(key) if self._fields.get(key) is not None else None

    def whole(self, key: str) -> int:
        """A whole number."""
        return int(self._of(key, int, "a whole number"))

    def number(self, key: str) -> float:
        """A number."""
        return float(self._of(key, (int, float), "a number"))

    def record(self, key: str) -> "Record":
        """The object below a key."""
        return Record(self._of(key, dict, "an object"), tool=self._tool, where=f"{key} in {self._where}")

    def records(self, key: str) -> "list[Record]":
        """The list of objects below a key."""
        found = self._of(key, list, "a list")
        return [Record(each, tool=self._tool, where=f"{key}[{n}] in {self._where}") for n, each in enumerate(found)]

    def items(self, key: str) -> "list[tuple[str, Record]]":
        """The objects below a key by their names."""
        found = self.record(key)
        return [(str(name), found.record(name)) for name in found._fields]

    def wholes(self, key: str) -> list[int]:
        """A list of whole numbers."""
        found = self._of(key, list, "a list")
        if not all(isinstance(each, int) for each in found):
            raise GarbledReport(f"{key} in {self._where} of {self._tool} must have whole numbers only")
        return list(found)

    def _of(self, key: str, kind: Any, wanted: str) -> Any:
        found = self._fields.get(key)
        if not isinstance(found, kind) or isinstance(found, bool):
            raise GarbledReport(f"{key} in {self._where} of {self._tool} must be {wanted}; found {_shown(found)}")
        return found


def records_of(value: Any, *, tool: str) -> list[Record]:
    """A report that is a list of objects. Raises GarbledReport."""
    if not isinstance(value, list):
        raise GarbledReport(f"the report of {tool} must be a list; found {_shown(value)}")
    return [Record(each, tool=tool, where=f"entry {number}") for number, each in enumerate(value)]


def relative(path: str, *, root: str) -> str:
    """A path as it is seen from the checkout; one outside stays as it is."""
    return path.removeprefix(root.rstrip("/") + "/").removeprefix("./")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
