"""The stages of an experiment by what they wait for."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from orchestrator.search.stages.graph import topological
from orchestrator.spec.stage import StageSpec


class StageGraph:
    """A graph without circles, in file order."""

    def __init__(self, stages: Iterable[StageSpec]) -> None:
        self.after: Mapping[str, tuple[str, ...]] = {stage.name: stage.after for stage in stages}

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """The stages that wait for no other."""
        return tuple(name for name, before in self.after.items() if not before)

    @cached_property
    def leaves(self) -> frozenset[str]:
        """The stages nothing comes after."""
        return frozenset(self.after) - {name for before in self.after.values() for name in before}

    @cached_property
    def depths(self) -> Mapping[str, int]:
        """How many stages there are one after the other before each."""
        depths: dict[str, int] = {}
        for name in topological(self.after):
            depths[name] = max((depths[before] + 1 for before in self.after[name]), default=0)
        return depths
