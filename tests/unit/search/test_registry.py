"""The door strategies come through."""

import pytest

from orchestrator.errors import InvalidSpec
from orchestrator.search import registry
from orchestrator.search.best import Best
from orchestrator.search.grid import Grid
from orchestrator.search.top_k import TopK
from orchestrator.spec.experiment import SearchSpec, SelectSpec
from tests.unit.search.spaces import space_of

INSTALLED = """\
[orchestrator.generators]
zigzag = orchestrator.search.base:NoGenerator
grid = orchestrator.search.base:NoGenerator
"""


def test_a_name_becomes_its_strategy() -> None:
    """The file's method decides what is made."""
    assert isinstance(registry.generator(space_of(n=[1]), search=SearchSpec(method="grid")), Grid)
    assert isinstance(registry.selector(SelectSpec()), Best)
    assert isinstance(registry.selector(SelectSpec(method="top_k", k=3)), TopK)


def test_another_package_adds_a_strategy_but_replaces_none(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed entry point is found by its name, and a bundled name stays what it was."""
    folder = tmp_path_factory.mktemp("site")
    metadata = folder / "zigzag-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zigzag\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(INSTALLED)
    monkeypatch.syspath_prepend(str(folder))
    strategies = registry.registered.__wrapped__(registry.GENERATORS)
    assert strategies["zigzag"].value == "orchestrator.search.base:NoGenerator"
    assert strategies["grid"].value == "orchestrator.search.grid:Grid"


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    """The error says where, what is allowed and what was probably meant."""
    with pytest.raises(InvalidSpec) as refused:
        registry.find(registry.GENERATORS, name="gird", where="search.method")
    assert refused.value.hint == 'did you mean "grid"?'
    assert refused.value.problems[0].where == "search.method"
    assert "grid, list, none, random" in refused.value.problems[0].message
