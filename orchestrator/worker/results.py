"""What an evaluation may return: a number, or a flat mapping of names to numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

LONGEST_TEXT = 80
LONGEST_NAME = 200
NAMES = f"names of metrics are 1 to {LONGEST_NAME} printable characters"
LARGEST_WHOLE = 2**63 - 1
"""Larger whole numbers, which no database column holds, become floating-point numbers."""


class InvalidResult(Exception):
    """What was returned is not numbers; the text says which key, what was found, and what is allowed."""


def metrics_of(value: Any) -> dict[str, float]:
    """The metrics in what an evaluation returned; whole numbers of 64 bits stay whole. Raises InvalidResult."""
    if type(value) is float and math.isfinite(value):
        return {"value": value}
    if type(value) is dict or isinstance(value, Mapping):
        return _metrics_of_mapping(value)
    try:
        return {"value": number_of(value)}
    except ValueError as problem:
        raise InvalidResult(
            f"evaluate returned {problem}; return a finite number or a flat mapping of such numbers"
        ) from None


def _metrics_of_mapping(mapping: Mapping[Any, Any]) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for key, value in mapping.items():
        if type(value) is float and type(key) is str and is_name(key) and math.isfinite(value):
            metrics[key] = value
        else:
            metrics[_name_of(key)] = _number_at(key, value)
    return metrics


def _name_of(key: Any) -> str:
    if not isinstance(key, str):
        raise InvalidResult(
            f"the key {_shown(key)} of the returned mapping is {_kind(key)}; the names of metrics are text"
        )
    name = str(key)
    if not is_name(name):
        raise InvalidResult(f"the key {_shown(name)} of the returned mapping cannot be a name: {NAMES}")
    return name


def is_name(name: str) -> bool:
    """Whether it can be the name of a metric: printable, so that it spoils no message and no table, and not endless."""
    return name.isprintable() and 0 < len(name) <= LONGEST_NAME


def is_text(name: str) -> bool:
    """Whether UTF-8 can hold it: half a surrogate pair cannot be stored."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number_at(key: str, value: Any) -> float:
    try:
        return number_of(value)
    except ValueError as problem:
        raise InvalidResult(f"the metric {key!r} is {problem}; metrics are finite numbers") from None


def number_of(value: Any) -> float:
    """A finite int or float, also from the scalars of array libraries. Raises ValueError that says what it is instead."""
    original = value
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # numpy, torch and jax scalars say best what Python number they are
    if isinstance(value, bool) or not (hasattr(type(value), "__float__") or hasattr(type(value), "__index__")):
        raise ValueError(_described(original))
    if getattr(value, "shape", ()) != ():
        raise ValueError(_described(original))
    try:
        number = operator.index(value) if hasattr(type(value), "__index__") else float(value)
        if math.isfinite(number):
            return storable(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{_described(original)} ({error})") from None
    raise ValueError(f"{number}")


def storable(number: float) -> float:
    """The number itself, unless it is a whole one that is too large."""
    return number if -LARGEST_WHOLE <= number <= LARGEST_WHOLE else float(number)


def _described(value: Any) -> str:
    return "None" if value is None else f"{_kind(value)} ({_shown(value)})"


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a workload's own repr may do anything
        return f"its repr raised {type(error).__name__}"
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
