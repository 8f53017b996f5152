"""What bounds one evaluation: sizes of memory, and timeouts that are fixed or follow what was measured."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from orchestrator.spec.base import PositiveDuration, SpecModel, wrong

LEAST_MEMORY_BYTES: Final = 2**20
_MOST_BYTES: Final = 2**60
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?(B|[kK]B|[MGT]B|[KMGT]i?B?)", re.ASCII)
_POWERS: Final = {"K": 1, "M": 2, "G": 3, "T": 4}


def _read_memory(value: Any) -> int:
    found = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is not None:
        size = float(found[1]) * _unit_bytes(found[2])
    elif isinstance(value, int) and not isinstance(value, bool):
        size = value
    else:
        raise wrong('must be a size such as "256MiB" or "1.5GiB", or a number of bytes')
    if not LEAST_MEMORY_BYTES <= size <= _MOST_BYTES:
        raise wrong(f'must be at least "1MiB" and at most "1048576TiB"; found {str(value)[:40]}')
    return int(size)


def _unit_bytes(unit: str) -> int:
    """MiB, and M alone, are binary; MB is a million."""
    power = _POWERS.get(unit[0].upper(), 0)
    decimal = unit.endswith("B") and "i" not in unit
    return int((1000 if decimal else 1024) ** power)


Memory = Annotated[
    int,
    BeforeValidator(_read_memory),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": LEAST_MEMORY_BYTES},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)? ?([kKMGT]?B|[KMGT]i?B?)\s*$"},
            ]
        }
    ),
]
"""Bytes; in the file a number of them or text such as "256MiB"."""


class TimeoutFactor(SpecModel):
    """A timeout that follows what was measured."""

    factor: float = Field(
        gt=1,
        le=1_000_000,
        description="So many times the median duration of the stage's newest successful evaluations, and at least one second. "
        "None until five have succeeded.",
        examples=[3.0],
    )


def _timeout_kind(value: Any) -> str:
    return "factor" if isinstance(value, (dict, TimeoutFactor)) else "fixed"


Timeout = Annotated[
    Annotated[PositiveDuration, Tag("fixed")] | Annotated[TimeoutFactor, Tag("factor")], Discriminator(_timeout_kind)
]
"""A duration, or a factor of the median so far."""
