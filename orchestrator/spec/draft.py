"""An experiment in pieces: every part that is valid by itself, so that checks across parts can run in spite of wrong ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from orchestrator.spec.experiment import ExperimentSpec, SearchSpec
from orchestrator.spec.findings import MOST_FINDINGS, Finding, shown
from orchestrator.spec.language import keys_of, unknown_key
from orchestrator.spec.parts import INVALID, conditions_of, validate_key, validate_parameter, validate_stage
from orchestrator.spec.points import value_count
from orchestrator.spec.space import AnyParameter, When
from orchestrator.spec.stage import StageSpec

MOST_PARAMETERS = 1_000
MOST_STAGES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is known of a file so far. None stands for a part that is there and not valid."""

    raw: Mapping[str, Any]
    folder: Path
    stages: tuple[StageSpec | None, ...]  # one with wrong keys has the others
    stage_names: tuple[str | None, ...]
    space: Mapping[str, AnyParameter | None]
    values: Mapping[str, Any]  # the other keys that are valid

    @property
    def valid_space(self) -> dict[str, AnyParameter]:
        """The parameters that are valid by themselves."""
        return {name: parameter for name, parameter in self.space.items() if parameter is not None}

    @property
    def conditions(self) -> dict[str, When]:
        """The conditions of every parameter, valid or not."""
        return {
            name: parameter.when if parameter else conditions_of(self.raw["space"][name])
            for name, parameter in self.space.items()
        }

    @property
    def search(self) -> SearchSpec | None:
        """How variants are made."""
        search: SearchSpec | None = self.values.get("search")
        return search

    @property
    def listed_params(self) -> dict[int, dict[str, Any]]:
        """The tables of `search.params` by position, also when other keys of the search are wrong."""
        search = self.raw.get("search")
        params = search.get("params") if isinstance(search, dict) else None
        tables = enumerate(params if isinstance(params, list) else ())
        return {position: table for position, table in tables if isinstance(table, dict)}

    @property
    def parameter_names(self) -> tuple[str, ...] | None:
        """The names of the space and of `search.params`; None when the space cannot be read at all."""
        if not self.space and self.raw.get("space"):
            return None
        return tuple(dict.fromkeys((*self.space, *(name for table in self.listed_params.values() for name in table))))

    def folder_of(self, stage: StageSpec) -> Path:
        """Where the stage runs, absolute when the file's folder is."""
        workdir = Path(stage.workdir)
        return self.folder / (workdir.expanduser() if workdir.parts[:1] == ("~",) else workdir)


def make_draft(raw: Mapping[str, Any], *, folder: Path, findings: list[Finding]) -> Draft:
    """Validate every part by itself; what is wrong goes to `findings`. `raw` has its stages in a list."""
    known = keys_of(ExperimentSpec)
    unknown = islice((key for key in raw if key not in known), MOST_FINDINGS)
    findings.extend(Finding((key,), unknown_key((key,))) for key in unknown)
    stages = _stages(raw, findings=findings)
    space = _space(raw, findings=findings)
    complete = _with_method(raw, space)
    values = {
        name: validate_key(ExperimentSpec, name, table=complete, place=(), findings=findings)
        for name in ExperimentSpec.model_fields
        if name not in ("stages", "space")
    }
    return Draft(
        raw=raw,
        folder=folder,
        stages=stages,
        stage_names=tuple(stage_name(table) for table in _tables(raw)) if stages else (),
        space=space,
        values={name: value for name, value in values.items() if value is not INVALID},
    )


def stage_name(table: Any) -> str | None:
    """The name a stage has or would have; None when it is not a name."""
    name = table.get("name", "main") if isinstance(table, dict) else None
    return name if isinstance(name, str) and name else None


def _with_method(raw: Mapping[str, Any], space: Mapping[str, AnyParameter | None]) -> Mapping[str, Any]:
    """With the default search method filled in: grid when every parameter is finite, else random."""
    search = raw.get("search", {})
    if not isinstance(search, dict) or "method" in search:
        return raw
    finite = all(parameter is not None and value_count(parameter) is not None for parameter in space.values())
    return {**raw, "search": {"method": "grid" if finite else "random", **search}}


def _tables(raw: Mapping[str, Any]) -> list[Any]:
    stages = raw.get("stage")
    return stages if isinstance(stages, list) else []


def _stages(raw: Mapping[str, Any], *, findings: list[Finding]) -> tuple[StageSpec | None, ...]:
    tables = _tables(raw)
    problem = None
    if "stage" not in raw or raw["stage"] == []:
        problem = 'is missing: an experiment needs [stage] with call = "module:function" or command = [ … ]'
    elif not isinstance(raw["stage"], list):
        problem = f"must be a table [stage] or an array of tables [[stage]]; found {shown(raw['stage'])}"
    elif len(tables) > MOST_STAGES:
        problem = f"must have at most {MOST_STAGES} stages; found {len(tables)}"
    if problem:
        findings.append(Finding(("stage",), problem))
        return ()
    return tuple(validate_stage(table, place=("stage", at), findings=findings) for at, table in enumerate(tables))


def _space(raw: Mapping[str, Any], *, findings: list[Finding]) -> Mapping[str, AnyParameter | None]:
    space = raw.get("space", {})
    problem = None
    if not isinstance(space, dict):
        problem = f"must be a table of parameters; found {shown(space)}"
    elif len(space) > MOST_PARAMETERS:
        problem = f"must have at most {MOST_PARAMETERS} parameters; found {len(space)}"
    if problem:
        findings.append(Finding(("space",), problem))
        return {}
    return {name: validate_parameter(value, place=("space", name), findings=findings) for name, value in space.items()}
