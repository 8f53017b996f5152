"""The named locks of a stage."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from orchestrator.locks import problem_of_name
from orchestrator.spec.base import wrong

MOST_LOCKS: Final = 16


def _read_name(value: Any) -> Any:
    if not isinstance(value, str):
        raise wrong('must be the name of a lock, such as "gpu0"')
    problem = problem_of_name(value)
    if problem:
        raise wrong(problem)
    return value


def _each_once(names: Sequence[str]) -> Sequence[str]:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise wrong(f'has "{name}" twice')
    return names


LockName = Annotated[
    str,
    BeforeValidator(_read_name),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"}),
]
LockNames = Annotated[tuple[LockName, ...], Field(strict=False, max_length=MOST_LOCKS), AfterValidator(_each_once)]
"""Names in the order of the file, each once."""
