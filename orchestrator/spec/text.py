"""From bytes to plain data: size, encoding, TOML, and values JSON and SQLite can hold."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.spec.findings import Finding, Place
from orchestrator.spec.space import LARGEST_INTEGER

LARGEST_TEXT_BYTES = 1024 * 1024
DEEPEST = 32

_PART = r"""(?:[\w-]++|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*"""
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONG_KEY = re.compile(rf"(?<![\w-])(?:{_PART}){{{DEEPEST}}}", re.ASCII)
_PLACE = re.compile(r"^(?P<what>.*) \(at (?P<place>.*)\)$", re.DOTALL)


def parse_text(text: bytes | str, *, source: str) -> dict[str, Any]:
    """TOML as a dictionary. Raises InvalidSpec with one problem at `source`: too long, not text, not TOML."""
    decoded = _decode(text, source=source)
    if _LONG_KEY.search(decoded):
        raise _unreadable(source, f"has a dotted key of more than {DEEPEST} parts")
    try:
        return tomllib.loads(decoded)
    except RecursionError:
        raise _unreadable(source, f"is nested too deeply (more than {DEEPEST} levels)") from None
    except ValueError as error:
        raise _unreadable(source, _explain_toml(str(error))) from None


def _decode(text: bytes | str, *, source: str) -> str:
    if isinstance(text, str) and not _encodable(text):
        raise _unreadable(source, "is not text: it has half a surrogate pair in it")
    encoded = text.encode() if isinstance(text, str) else bytes(text)
    if len(encoded) > LARGEST_TEXT_BYTES:
        raise _unreadable(source, f"is {len(encoded)} bytes long; an experiment file has at most 1 MiB")
    try:
        decoded = encoded.decode()
    except UnicodeDecodeError as error:
        found = f"byte 0x{encoded[error.start]:02x} at offset {error.start} is not UTF-8"
        raise _unreadable(source, f"is not text: {found} (a binary file?)") from None
    if "\0" in decoded:
        raise _unreadable(source, "is not text: it has a NUL character in it (a binary file?)")
    return decoded.removeprefix("\ufeff")


def _explain_toml(message: str) -> str:
    found = _PLACE.match(message)
    if found is None:
        return f"is not valid TOML: {message}"
    return f"is not valid TOML at {found['place']}: {found['what']}"


def _unreadable(source: str, message: str) -> InvalidSpec:
    return InvalidSpec(f"{source} {message}", problems=[Problem(source, message)])


def plain(value: Any, *, place: Place, findings: list[Finding]) -> Any:
    """A copy with lists and dictionaries of JSON values only; -0.0 becomes 0.0. What cannot be held becomes a finding."""
    findings.extend(Finding(place, message) for message in _unfit(value, depth=len(place)))
    if len(place) > DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {str(key): plain(inner, place=(*place, str(key)), findings=findings) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner, place=(*place, position), findings=findings) for position, inner in enumerate(value)]
    return 0.0 if isinstance(value, float) and value == 0.0 else value


def _unfit(value: Any, *, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        yield f"is nested too deeply (more than {DEEPEST} levels)"
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"must be a finite number; found {value}"
    elif isinstance(value, int) and not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
        yield "must fit in 64 bits"
    elif isinstance(value, (date, datetime, time)):
        yield f'must not be a date or time; write it as text: "{value}"'
    elif isinstance(value, str) and not _encodable(value):
        yield "has half a surrogate pair in it"
    elif isinstance(value, Mapping) and not all(isinstance(key, str) and _encodable(key) for key in value):
        yield "must have text as keys"
    elif not isinstance(value, (str, int, float, bool, Mapping, list, tuple, type(None))):
        yield f"must be text, a number, true, false, a list or a table; found {type(value).__name__}"


def _encodable(text: str) -> bool:
    return _SURROGATE.search(text) is None
