"""Spaces and search tables as a file would give them."""

from typing import Any

from orchestrator.spec.experiment import ExperimentSpec, SearchSpec
from orchestrator.spec.space import Space

ANY_SEARCH = SearchSpec()


def space_of(**parameters: Any) -> Space:
    """The space of a file with these parameters."""
    return ExperimentSpec.model_validate({"stage": [{"call": "model:evaluate"}], "space": parameters}).space


def listing(*points: dict[str, Any]) -> SearchSpec:
    """The search table of a file that lists its points."""
    return SearchSpec.model_validate({"method": "list", "params": list(points)})
