"""`--set KEY=VALUE`: changes to the raw data before it is validated."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.spec.draft import stage_name
from orchestrator.spec.findings import Finding, Place, shown, which_stages
from orchestrator.spec.language import KEYS
from orchestrator.spec.text import DEEPEST, plain

_STAGE_KEYS = KEYS["stage", "*"]


@dataclass(frozen=True, slots=True)
class Override:
    """One `--set`: its text and the places in the data it changed."""

    text: str
    places: tuple[Place, ...]


def apply_overrides(raw: dict[str, Any], overrides: Sequence[str], *, findings: list[Finding]) -> tuple[Override, ...]:
    """Change `raw` (its stages in a list) in place; what cannot be applied becomes a finding."""
    return tuple(Override(text, tuple(_apply(raw, text, findings=findings))) for text in overrides)


def _apply(raw: dict[str, Any], text: str, *, findings: list[Finding]) -> Iterator[Place]:
    key, equals, value_text = text.partition("=")
    parts = _parts(key)
    if not equals or not parts or len(parts) > DEEPEST:
        findings.append(Finding(("--set",), f"{text}: must be KEY=VALUE, such as limits.max_parallel=2"))
        return
    value = plain(_value(value_text), place=parts, findings=findings)
    targets = _targets(raw, parts)
    if isinstance(targets, str):
        findings.append(Finding(parts, f"--set {text}: {targets}"))
        return
    for place in targets:
        problem = _put(raw, place, value=value)
        if problem:
            findings.append(Finding(place, f"--set {text}: {problem}"))
        else:
            yield place


def _parts(key: str) -> tuple[str, ...]:
    """The parts of a dotted key; quoted ones as TOML reads them."""
    if '"' not in key and "'" not in key:
        parts = tuple(part.strip() for part in key.split("."))
        return parts if all(parts) else ()
    try:
        table: Any = tomllib.loads(f"{key.strip()} = 0") if "\n" not in key else {}
    except (ValueError, RecursionError):
        return ()
    parts = ()
    while isinstance(table, dict) and len(table) == 1:
        ((part, table),) = table.items()
        parts = (*parts, part)
    return parts


def _value(text: str) -> Any:
    """The text read as a TOML value, else as it is."""
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return table["value"] if table.keys() == {"value"} else text


def _targets(raw: dict[str, Any], parts: tuple[str, ...]) -> list[Place] | str:
    """The places a key means, or why it means none: `stage.KEY` is every stage's, `stage.NAME.KEY` is one's."""
    if parts[0] != "stage" or not isinstance(raw.setdefault("stage", [{}]), list):
        return [parts]
    names = [stage_name(table) for table in raw["stage"]]
    if len(parts) > 2 and parts[1] in names:  # noqa: PLR2004 - stage, its name, a key
        return [("stage", names.index(parts[1]), *parts[2:])]
    if len(parts) > 1 and (parts[1] in _STAGE_KEYS or len(parts) == 2):  # noqa: PLR2004 - stage and a key
        return [("stage", position, *parts[1:]) for position in range(len(names))]
    if len(parts) == 1:
        return "use stage.KEY=VALUE for every stage, or stage.NAME.KEY=VALUE for one"
    known = [name for name in names if name]
    return f'no stage and no key of a stage is called "{parts[1]}"{which_stages(parts[1], known, others=_STAGE_KEYS)}'


def _put(raw: dict[str, Any], place: Place, *, value: Any) -> str | None:
    """Set one value, making the tables on the way. What is in the way, when something is."""
    here: Any = raw
    for part in place[:-1]:
        if isinstance(here, dict):
            here = here.setdefault(part, {})
        elif isinstance(here, list) and _position(part, here) is not None:
            here = here[_position(part, here) or 0]
        else:
            return f'there is no "{part}" in {shown(here)}'
    last = place[-1]
    if isinstance(here, list) and _position(last, here) is not None:
        here[_position(last, here) or 0] = value
        return None
    if not isinstance(here, dict):
        return f'"{last}" cannot be set in {shown(here)}'
    here[str(last)] = value
    return None


def _position(part: str | int, items: list[Any]) -> int | None:
    if isinstance(part, str) and not (part.isascii() and part.isdigit() and len(part) < 10):  # noqa: PLR2004
        return None
    return int(part) if int(part) < len(items) else None
