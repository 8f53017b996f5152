"""Commands as evaluations: placeholders in what is run, and the metrics in what it has written.

A placeholder is a name in braces, `{rsi}`; a literal brace is written twice, `{{` or `}}`.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from typing import Any, Dict, Iterable, Mapping, Optional, Tuple

from orchestrator.worker.results import LONGEST_TEXT, NAMES, is_name, storable

RESERVED = ("seed", "shared_seed", "case", "repeat", "workdir")
"""Placeholders that are always there."""

_MOST_DIGITS = 400  # the largest floating-point number has 309

_PIECES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class InvalidMetrics(ValueError):
    """What a command wrote as its result is not a flat mapping of finite numbers. Whole numbers stay whole."""


class NotJSON(InvalidMetrics):
    """It is not even JSON."""


def placeholders(template: str) -> Tuple[str, ...]:
    """The names in a template, each once, in order. Raises ValueError with the position of a brace that stands alone."""
    names: Dict[str, None] = {}
    for piece in _PIECES.finditer(template):
        text = piece.group()
        if text in ("{", "}", "{}"):
            raise ValueError(
                f"{text!r} at position {piece.start() + 1} of {template!r} names nothing: "
                f"a placeholder is written {{name}}, a literal brace {'{{' if '{' in text else '}}'}"
            )
        if text not in ("{{", "}}"):
            names[piece.group(1)] = None
    return tuple(names)


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders replaced.

    A name without a value becomes the empty text, as a conditional parameter that does not apply; which names are allowed at
    all is checked before anything runs. Raises ValueError as `placeholders` does.
    """
    placeholders(template)
    return _PIECES.sub(lambda piece: _filled(piece, values), template)


def _filled(piece: re.Match[str], values: Mapping[str, str]) -> str:
    text = piece.group()
    return text[0] if text in ("{{", "}}") else values.get(piece.group(1), "")


def as_text(value: Any) -> str:
    """A value as it stands in an argument: text as it is, numbers as Python writes them, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, type(None), dict, list, tuple)):
        return json.dumps(value, separators=(",", ":"))
    return repr(value)


def arguments_of(command: Any, values: Mapping[str, str]) -> list[str]:
    """What is executed: a list of items is filled item by item; a text is a shell's, with the values quoted."""
    if isinstance(command, str):
        return ["/bin/sh", "-c", fill(command, {name: shlex.quote(value) for name, value in values.items()})]
    return [fill(item, values) for item in command]


def metric_from_pattern(metric: str, pattern: str, output: str) -> float:
    """The last match of a regular expression: its first group, when it has one. Raises InvalidMetrics.

    It may take for ever and holds the interpreter's lock meanwhile: for `pattern_search`.
    """
    try:
        last = _last(re.finditer(pattern, output, re.MULTILINE))
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidMetrics(f"metric {metric!r}: {pattern!r} is not a regular expression: {error}") from error
    if last is None:
        raise InvalidMetrics(f"metric {metric!r}: nothing in the output matches {pattern}")
    return _number(metric, _number_or_text(last.group(1) if last.re.groups else last.group()))


def _last(matches: Iterable[re.Match[str]]) -> Optional[re.Match[str]]:
    last = None
    for match in matches:
        last = match
    return last


def _number_or_text(text: Optional[str]) -> Any:
    for read in (int, float):
        try:
            return read(text or "")
        except ValueError:
            continue
    return text


def metrics_from_result(text: str) -> Optional[Dict[str, float]]:
    """Metrics from a result file: a JSON object, or a number (the metric `value`). None for a blank file.

    Raises InvalidMetrics.
    """
    if not text.strip():
        return None
    result = _parsed(text, what="the file $ORC_RESULT")
    if isinstance(result, dict):
        return _numbers(result)
    return {"value": _number("value", result)}


def metrics_from_last_line(output: str) -> Optional[Dict[str, float]]:
    """Metrics from a JSON object on the last line that is not blank. None when that line is something else.

    Raises InvalidMetrics when the object holds anything but finite numbers.
    """
    line = output.rstrip().rpartition("\n")[2].strip()
    if not line.startswith("{"):
        return None
    try:
        result = _parsed(line, what="the last line of the output")
    except NotJSON:
        return None  # a line for people that begins with a brace
    return _numbers(result)


def too_long(kind: str, size: int, *, limit: int) -> InvalidMetrics:
    """What is said of a result (`result`) or of an object on the last line (`last_line`) of which only a part has been read."""
    what = "the file $ORC_RESULT" if kind == "result" else "the object on the last line of the output"
    return InvalidMetrics(f"{what} is {size:,} bytes long; metrics are read from at most {limit:,} bytes")


def _parsed(text: str, *, what: str) -> Any:
    try:
        return _DECODE(text)
    except ValueError as error:
        raise NotJSON(f"{what} is not JSON: {error}") from error
    except RecursionError:
        raise InvalidMetrics(f"{what} is nested too deeply to be read; metrics are a flat JSON object") from None


def _whole(digits: str) -> float:
    """One that is too long to be a number here is not read as one, which Python refuses, and is as large as can be."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


_DECODE = json.JSONDecoder(parse_int=_whole).decode


def _numbers(result: Dict[str, Any]) -> Dict[str, float]:
    for name in result:
        if not is_name(name):
            raise InvalidMetrics(f"{name[:LONGEST_TEXT]!r} cannot be the name of a metric: {NAMES}")
    return {name: _number(name, value) for name, value in result.items()}


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidMetrics(f"metric {name!r} is {_shown(value)}, not a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise InvalidMetrics(f"metric {name!r} is {str(value)[:20]}, not a finite number: the largest is 1.8e308")
    return storable(value)


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value)[:LONGEST_TEXT]
