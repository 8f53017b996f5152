"""Values as columns take them: exactly int, float, str or None. Made by the thousand, so each is as cheap as can be."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache


def plain(word: str | StrEnum | None) -> str | None:
    """The text of a word of the model. By `str`, which is several times faster than `value`."""
    return None if word is None else str(word)


def flag(value: bool | None) -> int | None:  # noqa: FBT001 a value on its way to a column, not a switch
    """A truth value."""
    return None if value is None else int(value)


def metrics_json(metrics: Mapping[str, float] | None) -> str | None:
    """Metrics as JSON, sorted by name. The repr of a finite float and of an int is its JSON."""
    if metrics is None:
        return None
    if len(metrics) == 1:  # as a rule
        ((name, value),) = metrics.items()
        return f"{{{_quoted(name)}:{value!r}}}"
    return "{" + ",".join([f"{_quoted(name)}:{metrics[name]!r}" for name in sorted(metrics)]) + "}"


def metrics_texts(metrics: Mapping[str, Sequence[float]]) -> list[str]:
    """`metrics_json` of many that have the same metrics, from a column of each."""
    if len(metrics) == 1:  # as a rule
        ((name, values),) = metrics.items()
        before = f"{{{_quoted(name)}:"
        return [f"{before}{value!r}}}" for value in values]
    names = sorted(metrics)
    return [
        metrics_json(dict(zip(names, values, strict=True))) or ""
        for values in zip(*[metrics[name] for name in names], strict=True)
    ]


@lru_cache(maxsize=1000)
def _quoted(name: str) -> str:
    return json.dumps(name)
