"""The list method: variants given one by one."""

from collections.abc import Iterator
from typing import Any

from orchestrator.spec.checks.names import parameter_name_problem
from orchestrator.spec.draft import Draft
from orchestrator.spec.findings import Finding, did_you_mean, shown
from orchestrator.spec.points import grid_size, has_value, is_active


def check_list(draft: Draft) -> Iterator[Finding]:
    """Names in `search.params` can be parameters; when there is a space too, every table is a point of it."""
    for position, table in draft.listed_params.items():
        for name, value in table.items():
            problem = _entry_problem(draft, name, value=value)
            if problem:
                yield Finding(("search", "params", position, name), problem)
        for name, parameter in draft.valid_space.items():
            if name not in table and is_active(parameter, table):
                yield Finding(("search", "params", position), f'lacks the parameter "{name}" of the space')


def warn_left_out(draft: Draft) -> Iterator[Finding]:
    """A grid or a list is proposed in one round: with a count what comes behind it never is."""
    search = draft.search
    count = None if search is None else search.variants_per_round
    if search is None or count is None or search.method not in {"grid", "list"}:
        return
    there_are = len(search.params) if search.method == "list" else grid_size(draft.valid_space)
    if count < there_are:
        message = (
            f"takes the first {count} of {there_are}: a {search.method} is proposed in one round, the others never are"
        )
        yield Finding(("search", "variants"), message)


def _entry_problem(draft: Draft, name: str, *, value: Any) -> str | None:
    if name not in draft.space:
        if not draft.space:
            return parameter_name_problem(name)
        close = did_you_mean(name, draft.space)
        return f"is not a parameter of the space;{close}" if close else "is not a parameter of the space"
    parameter = draft.space[name]
    if parameter is not None and not has_value(parameter, value):
        return f"is not a value that space.{name} has; found {shown(value)}"
    return None
