"""The right and wrong experiment files, and reading one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.reading import read_experiment

SPECS = Path(__file__).parents[2] / "fixtures" / "specs"
RIGHT = sorted((SPECS / "right").glob("*.toml"))
WRONG = sorted((SPECS / "wrong").glob("*.toml"))

MINIMAL = '[stage]\ncall = "model:evaluate"\n[space]\nx = { low = -5.0, high = 5.0 }\n'


def read(text: bytes | str | Mapping[str, Any], *overrides: str) -> ExperimentSpec:
    """The spec of a text whose file stands among the right ones."""
    return read_experiment(text, folder=SPECS / "right", overrides=overrides).spec


def warnings_of(text: str) -> list[tuple[str, str]]:
    """The warnings of a right text."""
    found = read_experiment(text, folder=SPECS / "right").warnings
    return [(warning.where, warning.message) for warning in found]


def problems_of(text: bytes | str | Mapping[str, Any], *overrides: str) -> Sequence[Problem]:
    """The problems of a wrong text."""
    with pytest.raises(InvalidSpec) as caught:
        read(text, *overrides)
    return caught.value.problems
