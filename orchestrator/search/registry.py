"""The one door strategies come through, bundled and installed ones alike: a name becomes a generator or a selector.

A bundled strategy is an entry point written down here; another package adds its own under the same group. The bundled name
wins, so that installing something cannot change what a file means. Only the strategy asked for is imported.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from orchestrator.errors import InvalidSpec, Problem
from orchestrator.search.base import Generator, Selector
from orchestrator.spec.experiment import ExperimentSpec, SearchSpec, SelectSpec
from orchestrator.spec.space import Space

GENERATORS = "orchestrator.generators"
SELECTORS = "orchestrator.selectors"

_BUNDLED: Mapping[str, Mapping[str, str]] = {
    GENERATORS: {
        "grid": "orchestrator.search.grid:Grid",
        "list": "orchestrator.search.list:List",
        "none": "orchestrator.search.base:NoGenerator",
        "random": "orchestrator.search.random:RandomSearch",
    },
    SELECTORS: {
        "best": "orchestrator.search.best:Best",
        "none": "orchestrator.search.base:NoSelector",
        "passing": "orchestrator.search.passing:Passing",
        "top_k": "orchestrator.search.top_k:TopK",
    },
}


def strategies(spec: ExperimentSpec) -> tuple[Generator, Selector]:
    """All that an experiment will need, imported before it begins: what is removed from the disk while it runs is not missed.

    Raises InvalidSpec as the two do.
    """
    return generator(spec.space, search=spec.search), selector(spec.select)


def generator(space: Space, *, search: SearchSpec) -> Generator:
    """The generator a file asks for. Raises InvalidSpec when there is none of that name, or it cannot use this space."""
    made: Generator = find(GENERATORS, name=search.method, where="search.method").load()(space, search=search)
    return made


def selector(select: SelectSpec) -> Selector:
    """The selector a file asks for. Raises InvalidSpec when there is none of that name."""
    made: Selector = find(SELECTORS, name=select.method, where="select.method").load()(select)
    return made


@cache
def registered(group: str) -> Mapping[str, EntryPoint]:
    """Every strategy of a group by name, sorted; looked up once, as reading every package's metadata takes milliseconds."""
    installed = {entry.name: entry for entry in entry_points(group=group)}
    bundled = {name: EntryPoint(name, value, group) for name, value in _BUNDLED[group].items()}
    return dict(sorted((installed | bundled).items()))


def find(group: str, *, name: str, where: str) -> EntryPoint:
    """The strategy of that name; `where` is the key to blame. Raises InvalidSpec with the names there are."""
    strategies = registered(group)
    if name in strategies:
        return strategies[name]
    close = get_close_matches(name, strategies, n=1)
    hint = f'did you mean "{close[0]}"?' if close else None
    raise InvalidSpec(
        f"there is no {where} {name!r}",
        hint=hint,
        problems=[Problem(where, f"must be one of {', '.join(strategies)}; found {name!r}")],
    )
