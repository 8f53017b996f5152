"""A change as plain values: which files, how many lines, and what the commits say."""

import re
from dataclasses import dataclass
from enum import StrEnum

_TYPE = re.compile(r"(?P<type>[A-Za-z]+)(?:\([^)\n]*\))?(?P<breaking>!)?:\s", re.ASCII)
_FOOTER = re.compile(r"^BREAKING[ -]CHANGE:", re.MULTILINE)
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")


class Status(StrEnum):
    """What happened to a file."""

    ADDED = "added"  # it was not there before; untracked files and copies too
    MODIFIED = "modified"  # its content, its mode or its kind changed
    DELETED = "deleted"  # it is no longer there
    RENAMED = "renamed"  # it has another path, and perhaps another content


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """One file of a change. Paths have slashes and are relative to the root of the repository."""

    path: str
    status: Status
    old_path: str | None = None  # of a renamed file
    added_lines: int = 0
    removed_lines: int = 0
    binary: bool = False  # then its lines are not known, and count as 0

    @property
    def ends(self) -> tuple[str, ...]:
        """The path, and before it the one the file had."""
        return (self.path,) if self.old_path is None else (self.old_path, self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be checked: files, and the messages of the commits (none for what is not committed)."""

    files: tuple[ChangedFile, ...] = ()
    messages: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        """Lines added and removed, together."""
        return sum(file.added_lines + file.removed_lines for file in self.files)

    @property
    def commit_types(self) -> frozenset[str]:
        """The types of conventional commits, in lower case: `feat`, `fix`."""
        found = (_TYPE.match(message) for message in self.messages)
        return frozenset(match["type"].lower() for match in found if match)

    @property
    def is_breaking(self) -> bool:
        """Whether a commit says so: `feat!: …`, or a line `BREAKING CHANGE: …`."""
        return any(_says_breaking(message) for message in self.messages)

    @property
    def words(self) -> frozenset[str]:
        """The words of all messages in lower case; hyphens stay inside: `cve-2026-1234`."""
        return frozenset(word.lower() for message in self.messages for word in _WORD.findall(message))


def _says_breaking(message: str) -> bool:
    found = _TYPE.match(message)
    return bool(found and found["breaking"]) or _FOOTER.search(message) is not None
