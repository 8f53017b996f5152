"""Stages among each other: names, order, folders, executors, arguments."""

import os
from collections.abc import Collection, Iterator
from graphlib import CycleError, TopologicalSorter

from orchestrator.spec.draft import Draft
from orchestrator.spec.findings import Finding, listed, which_stages
from orchestrator.spec.language import unknown_word
from orchestrator.spec.placeholders import RESERVED

LEAST_OF_PYTHON_BYTES = 32 * 2**20

_ISOLATE = 'write executor = "isolated", or leave executor out'


def check_names(draft: Draft) -> Iterator[Finding]:
    """No two stages have one name."""
    for position, name in enumerate(draft.stage_names):
        if name is not None and name in draft.stage_names[:position]:
            hint = "" if "name" in draft.raw["stage"][position] else '; give each stage its name = "…"'
            yield Finding(("stage", position, "name"), f'another stage is called "{name}" too{hint}')


def check_order(draft: Draft) -> Iterator[Finding]:
    """Every stage in `after` exists, and following them leads in no circle."""
    graph: dict[str, set[str]] = {}
    known = [name for name in draft.stage_names if name is not None]
    for position, stage in enumerate(draft.stages):
        for other in stage.after if stage else ():
            if other not in known:
                message = f'no stage is called "{other}"{which_stages(other, known)}'
                yield Finding(("stage", position, "after"), message)
        if stage and stage.name not in graph:
            graph[stage.name] = set(stage.after)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1][::-1]
        position = draft.stage_names.index(circle[0])
        message = f"the stages wait for each other in a circle: {' after '.join(circle)}"
        yield Finding(("stage", position, "after"), message)


def check_folders(draft: Draft) -> Iterator[Finding]:
    """Every workdir is a folder."""
    for position, stage in enumerate(draft.stages):
        if stage is None:
            continue
        folder = draft.folder_of(stage)
        if not os.path.isdir(folder):  # noqa: PTH112 - pathlib raises for names the system cannot have
            yield Finding(("stage", position, "workdir"), f"is not a folder, or cannot be reached: {folder}")


def check_executors(draft: Draft, *, executors: Collection[str]) -> Iterator[Finding]:
    """Every executor is known and can do what the stage asks for."""
    for position, stage in enumerate(draft.stages):
        if stage is None:
            continue
        place = ("stage", position, "executor")
        if stage.executor not in executors:
            yield Finding(place, unknown_word(place, stage.executor, allowed=executors))
        elif stage.python is not None and stage.runs_on != "isolated" and stage.command is None:
            yield Finding(
                place, f'does not go with python: "{stage.executor}" runs in the daemon\'s own interpreter; {_ISOLATE}'
            )
        if stage.memory_bytes is not None and stage.runs_on == "thread":
            message = f"cannot be held by threads, which share the memory of one process; {_ISOLATE}"
            yield Finding(("stage", position, "memory"), message)


def check_arguments(draft: Draft) -> Iterator[Finding]:
    """No argument has the name of a parameter or of a reserved placeholder."""
    parameters = draft.parameter_names or ()
    for position, stage in enumerate(draft.stages):
        for name in stage.arguments if stage else ():
            place = ("stage", position, "arguments", name)
            if name in RESERVED:
                yield Finding(place, f"is a reserved name ({listed(RESERVED)}); choose another")
            elif name in parameters:
                yield Finding(place, "is a parameter of the space too; choose another name for one of them")


def warn_little_memory(draft: Draft) -> Iterator[Finding]:
    """A limit that an interpreter alone comes near."""
    for position, stage in enumerate(draft.stages):
        if stage is None or stage.call is None or stage.memory_bytes is None:
            continue
        if stage.memory_bytes < LEAST_OF_PYTHON_BYTES:
            message = "is hardly enough: a Python process that has imported nothing holds about 20 MiB"
            yield Finding(("stage", position, "memory"), message)


def warn_without_effect(draft: Draft) -> Iterator[Finding]:
    """A promotion nothing comes after; an executor for a command."""
    followed = {name for stage in draft.stages if stage for name in stage.after}
    for position, stage in enumerate(draft.stages):
        if stage is None:
            continue
        if stage.promote is not None and stage.name not in followed:
            yield Finding(("stage", position, "promote"), "has no effect: no stage comes after this one")
        if stage.command is not None and stage.executor not in ("adaptive", "hybrid", "isolated"):
            yield Finding(("stage", position, "executor"), "has no effect: commands are always isolated")
