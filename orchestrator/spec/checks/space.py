"""The space as a whole: names, conditions, and whether a grid of it can be walked."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter

from orchestrator.domain.identity import canonical_json
from orchestrator.errors import InvalidSpec
from orchestrator.spec.checks.names import parameter_name_problem
from orchestrator.spec.draft import Draft
from orchestrator.spec.findings import Finding, did_you_mean, listed, shown
from orchestrator.spec.points import grid_size, has_value, ordered, value_at, value_count
from orchestrator.spec.space import LARGEST_INTEGER, AnyParameter, Choices

LARGEST_GRID = 10_000_000


def check_names(draft: Draft) -> Iterator[Finding]:
    """Every parameter has a name a placeholder can have, and none is reserved."""
    for name in draft.space:
        problem = parameter_name_problem(name)
        if problem:
            yield Finding(("space", name), problem)


def check_conditions(draft: Draft) -> Iterator[Finding]:
    """Conditions name parameters that exist, values these can have, and lead in no circle."""
    conditions = draft.conditions
    for name, when in conditions.items():
        for other, allowed in when.items():
            yield from _check_condition(draft, name, other=other, allowed=allowed)
    try:
        TopologicalSorter(conditions).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        message = f"conditions depend on each other in a circle: {' on '.join(circle)}"
        yield Finding(("space", circle[0], "when"), message)


def _check_condition(draft: Draft, name: str, *, other: str, allowed: tuple[object, ...]) -> Iterator[Finding]:
    place = ("space", name, "when", other)
    if other not in draft.space:
        close = did_you_mean(other, (known for known in draft.space if known != name))
        yield Finding(place, f"there is no such parameter;{close}" if close else "there is no such parameter")
        return
    parameter = draft.space[other]
    if parameter is None:
        return
    if value_count(parameter) is None:
        yield Finding(place, f'"{other}" is continuous: a condition needs choices, whole numbers or a step')
        return
    for value in allowed:
        if not has_value(parameter, value):
            yield Finding(place, f'"{other}" is never {shown(value)}; {_describe(parameter)}')


def _describe(parameter: AnyParameter) -> str:
    if isinstance(parameter, Choices):
        return f"it is one of {listed(str(choice) for choice in parameter.choices)}"
    return f"it goes from {parameter.low} to {parameter.high} in steps of {parameter.step}"


def check_grid(draft: Draft) -> Iterator[Finding]:
    """A grid is over parameters with countable values and has at most ten million points."""
    if draft.search is None or draft.search.method != "grid":
        return
    endless = [name for name, parameter in draft.valid_space.items() if value_count(parameter) is None]
    for name in endless:
        message = 'is continuous, a grid of it has no end: give it a step, or use search.method = "random"'
        yield Finding(("space", name), message)
    if endless or None in draft.space.values() or set(ordered(draft.valid_space)) != set(draft.space):
        return
    try:
        size = grid_size(draft.valid_space)
    except InvalidSpec as error:
        yield from (Finding(("space",), problem.message) for problem in error.problems)
        return
    if size > LARGEST_GRID:
        message = (
            f"the grid has {size if size < LARGEST_INTEGER else 'more than 10^18'} points, "
            f'at most {LARGEST_GRID} are allowed: use method = "random" or larger steps'
        )
        yield Finding(("search", "method"), message)


def warn_space(draft: Draft) -> Iterator[Finding]:
    """Choices given twice; a step that does not lead to the end."""
    for name, parameter in draft.valid_space.items():
        if isinstance(parameter, Choices):
            raw = draft.raw["space"][name]
            times = Counter(canonical_json(value) for value in (raw["choices"] if isinstance(raw, dict) else raw))
            twice = [value for value, number in times.items() if number > 1]
            if twice:
                yield Finding(("space", name), f"has {listed(twice)} more than once; it counts once")
        elif (count := value_count(parameter)) is not None and not _reaches_the_end(parameter):
            last = value_at(parameter, count - 1)
            yield Finding(
                ("space", name), f"its steps of {parameter.step} end at {last}, not at high = {parameter.high}"
            )


def _reaches_the_end(parameter: AnyParameter) -> bool:
    if isinstance(parameter, Choices) or parameter.step is None:
        return True
    low, high, step = (Decimal(repr(number)) for number in (parameter.low, parameter.high, parameter.step))
    return (high - low) % step == 0
