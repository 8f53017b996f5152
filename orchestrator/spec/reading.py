"""From the text of an experiment file to its spec, or to everything that is wrong with it."""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.spec.base import unprintable
from orchestrator.spec.checks import commands, lists, prune, space, stages
from orchestrator.spec.code import Surroundings, missing_code
from orchestrator.spec.draft import Draft, make_draft, stage_name
from orchestrator.spec.experiment import ExperimentSpec, name_problem
from orchestrator.spec.findings import MOST_FINDINGS, Finding, Place, dotted
from orchestrator.spec.language import KEYS, pattern_of
from orchestrator.spec.overrides import Override, apply_overrides
from orchestrator.spec.stage import BUNDLED_EXECUTORS
from orchestrator.spec.text import parse_text, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSpec:
    """A valid experiment, and what looks odd about it."""

    spec: ExperimentSpec
    warnings: tuple[Problem, ...]


def read_experiment(
    text: bytes | str | Mapping[str, Any],
    *,
    folder: Path,
    source: str = "experiment.toml",
    overrides: Sequence[str] = (),
    executors: Collection[str] = BUNDLED_EXECUTORS,
) -> ReadSpec:
    """Read TOML text, or data of the same shape.

    `folder` is the file's, absolute; `source` the file's name for messages; `executors` the names a stage may ask for.
    Raises InvalidSpec with every problem there is. Only the existence of each stage's workdir is looked up on disk.
    """
    checks = partial(_check, executors=executors)
    return _read(text, folder=folder, source=source, overrides=overrides, checks=checks)


def read_with_code(
    text: bytes | str | Mapping[str, Any],
    *,
    folder: Path,
    source: str,
    overrides: Sequence[str],
    surroundings: Surroundings,
) -> ReadSpec:
    """The same as `read_experiment` and `find_code` in one answer: missing code is told with all other problems."""
    checks = partial(_check_with_code, surroundings=surroundings)
    return _read(text, folder=folder, source=source, overrides=overrides, checks=checks)


def _read(
    text: bytes | str | Mapping[str, Any],
    *,
    folder: Path,
    source: str,
    overrides: Sequence[str],
    checks: Callable[[Draft], Iterator[Finding]],
) -> ReadSpec:
    findings: list[Finding] = []
    parsed = parse_text(text, source=source) if isinstance(text, (bytes, str)) else text
    if isinstance(parsed.get("stage"), Mapping):
        parsed = {**parsed, "stage": [parsed["stage"]]}
    raw: dict[str, Any] = plain(parsed, place=(), findings=findings)
    applied = apply_overrides(raw, overrides, findings=findings)
    raw.setdefault("name", _default_name(folder))
    unfit = {finding.place for finding in findings}
    found: list[Finding] = []
    draft = make_draft(raw, folder=folder, findings=found)
    found.extend(islice(checks(draft), MOST_FINDINGS))
    findings.extend(finding for finding in found if finding.place not in unfit)
    if findings:
        raise _invalid(source, _written(findings, draft=draft, applied=applied))
    return ReadSpec(
        spec=_assemble(draft), warnings=_written(list(islice(_warn(draft), MOST_FINDINGS)), draft=draft, applied=())
    )


def _check_with_code(draft: Draft, *, surroundings: Surroundings) -> Iterator[Finding]:
    yield from _check(draft, executors=surroundings.executors)
    for position, stage in enumerate(draft.stages):
        workdir = draft.folder_of(stage) if stage is not None else draft.folder
        if stage is None or not os.path.isdir(workdir):  # noqa: PTH112 - pathlib raises for names the system cannot have
            continue
        missing = missing_code(stage, workdir=workdir, surroundings=surroundings)
        if missing is not None:
            yield Finding(("stage", position, missing[0]), missing[1])


def _check(draft: Draft, *, executors: Collection[str]) -> Iterator[Finding]:
    return chain(
        stages.check_names(draft),
        stages.check_order(draft),
        stages.check_folders(draft),
        stages.check_executors(draft, executors=executors),
        stages.check_arguments(draft),
        commands.check_placeholders(draft),
        space.check_names(draft),
        space.check_conditions(draft),
        space.check_grid(draft),
        lists.check_list(draft),
        commands.check_lists_fill_placeholders(draft),
        prune.check_metric(draft),
    )


def _warn(draft: Draft) -> Iterator[Finding]:
    return chain(
        stages.warn_without_effect(draft),
        stages.warn_little_memory(draft),
        commands.warn_placeholders(draft),
        space.warn_space(draft),
        lists.warn_left_out(draft),
    )


def _assemble(draft: Draft) -> ExperimentSpec:
    placed = [
        stage.model_copy(update={"workdir": str(draft.folder_of(stage))}) for stage in draft.stages if stage is not None
    ]
    return ExperimentSpec.model_validate({**draft.values, "stages": placed, "space": draft.valid_space})


def _default_name(folder: Path) -> str:
    """The folder's name as far as it can be a name."""
    plain_name = (
        "".join("_" if unprintable(character) else character for character in folder.name).strip().lstrip("-")[:200]
    )
    if name_problem(plain_name) is None:
        return plain_name
    return f"experiment-{plain_name}" if plain_name.strip(".") else "experiment"


def _written(findings: Sequence[Finding], *, draft: Draft, applied: Sequence[Override]) -> tuple[Problem, ...]:
    """The findings as problems, each once, with the `--set` that brought it in named."""
    labels = _labels(draft)
    problems = (
        Problem(dotted(finding.place, labels=labels), finding.message + _origin(finding, applied))
        for finding in findings
    )
    first_at: dict[tuple[str, str], Problem] = {(problem.where, problem.message): problem for problem in problems}
    return tuple(first_at.values())


def _origin(finding: Finding, applied: Sequence[Override]) -> str:
    for override in reversed(applied):
        if any(_related(finding.place, place) for place in override.places):
            return f" (from --set {override.text})"
    return ""


def _related(place: Place, changed: Place) -> bool:
    """Whether what was changed is in the place, or the place in it; a whole stage or section is nobody's."""
    if len(place) >= len(changed):
        return place[: len(changed)] == changed
    pattern = pattern_of(place)
    return changed[: len(place)] == place and (pattern not in KEYS or pattern == ("space", "*"))


def _labels(draft: Draft) -> tuple[str, ...]:
    """A stage's name, or its position when it has none or another has it already."""
    names = [stage_name(table) for table in draft.raw.get("stage", []) or []] if draft.stage_names else []
    return tuple(
        name if name is not None and name not in names[:position] else str(position)
        for position, name in enumerate(names)
    )


def _invalid(source: str, problems: tuple[Problem, ...]) -> InvalidSpec:
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    if len(problems) >= MOST_FINDINGS:
        count = f"{MOST_FINDINGS} problems or more"
    return InvalidSpec(f"{source} is not a valid experiment: {count}", problems=problems[:MOST_FINDINGS])
