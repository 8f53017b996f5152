"""Globs over paths of a repository: `*.py` anywhere, `docs/**` below a folder, `**/auth/**` below such a folder anywhere."""

import re
from collections.abc import Iterable
from functools import cache

_PIECES = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
_SPLIT = re.compile(r"(\*\*/|\*\*|\*|\?)")


def first_match(path: str, *, globs: Iterable[str]) -> str | None:
    """The first glob that matches the path, upper and lower case alike; None when none does.

    A glob without a slash is about the file's name, wherever it is; one with a slash is about the path from the root.
    """
    return next((glob for glob in globs if matches(path, glob=glob)), None)


def matches(path: str, *, glob: str) -> bool:
    """Whether the glob is about this path, which has slashes and is relative to the root of the repository."""
    subject = path if "/" in glob else path.rpartition("/")[2]
    return _pattern(glob).fullmatch(subject) is not None


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    pieces = (_PIECES.get(piece, re.escape(piece)) for piece in _SPLIT.split(glob))
    return re.compile("".join(pieces), re.IGNORECASE | re.DOTALL)
