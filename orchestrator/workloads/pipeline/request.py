"""What a stage asks of its gate: the `arguments` of the stage, checked as a whole."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import Problem
from orchestrator.worker.trial import Trial
from orchestrator.workloads.pipeline.failures import InvalidGate
from orchestrator.workloads.pipeline.lane_file import LANES, load_lanes
from orchestrator.workloads.pipeline.lanes import GateRules, Lane
from orchestrator.workloads.pipeline.table_reader import TableReader

KEYS = ("checkout", "lane", "paths", "lanes", "python", "cover")
_DEFAULT_LANE = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to check, by which rules, with which interpreter. `paths` and `cover` are relative to the checkout."""

    stage: str
    checkout: Path
    lane: Lane
    paths: tuple[str, ...]
    cover: tuple[str, ...]
    python: str
    scratch: Path

    @property
    def is_wanted(self) -> bool:
        """Whether the lane runs this stage."""
        return self.stage in self.lane.stages

    def rules(self, gate: str) -> GateRules:
        """What the lane says about a gate."""
        return self.lane.gates[gate]


def request_of(stage: str, params: Mapping[str, Any], trial: Trial) -> Request:
    """The request of one evaluation: the stage's arguments; a parameter of the same name counts more.

    `checkout` (default ".") and `lanes` are seen from the stage's workdir. `python` is a path seen from there too, or a name on the
    PATH; default: the submitter's active virtual environment, else the interpreter this runs in. Raises InvalidGate with all
    problems, and InvalidLanes.
    """
    given = trial.arguments | {key: value for key, value in params.items() if key in KEYS}
    problems: list[Problem] = []
    reader = TableReader(given, where="arguments", problems=problems, keys=KEYS)
    workdir = Path(trial.workdir)
    checkout = (workdir / (reader.word("checkout") if reader.has("checkout") else ".")).resolve()
    lane = reader.word("lane", allowed=LANES) if reader.has("lane") else _DEFAULT_LANE
    paths = reader.words("paths") if reader.has("paths") else ()
    cover = reader.words("cover") if reader.has("cover") else ()
    python = reader.word("python") if reader.has("python") else None
    lanes = reader.word("lanes") if reader.has("lanes") else None
    _expect_there(reader, checkout, paths)
    if problems:
        raise InvalidGate(f'the stage "{trial.stage}" cannot be run', problems=problems)
    return Request(
        stage=stage,
        checkout=checkout,
        lane=load_lanes(None if lanes is None else workdir / lanes).lanes[lane],
        paths=paths,
        cover=cover,
        python=_interpreter(python, workdir),
        scratch=Path(trial.scratch).absolute(),
    )


def _expect_there(reader: TableReader, checkout: Path, paths: tuple[str, ...]) -> None:
    """A tool that is given a path which is not there may find nothing wrong with it."""
    if not checkout.is_dir():
        reader.complain("checkout", f"is not a folder: {checkout}")
        return
    for path in paths:
        if path.startswith("-"):
            reader.complain("paths", f'must not begin with a hyphen: write "./{path}"')
        elif not (checkout / path.partition("::")[0]).exists():
            reader.complain("paths", f'has "{path}", which is not there in {checkout}')


def _interpreter(given: str | None, workdir: Path) -> str:
    if given is not None:
        expanded = os.path.expanduser(given)  # noqa: PTH111 - a name on the PATH must stay a name
        return str(workdir / expanded) if "/" in expanded else expanded
    active = os.environ.get("VIRTUAL_ENV")
    candidate = Path(active, "bin", "python") if active else None
    return str(candidate) if candidate is not None and candidate.is_file() else sys.executable
