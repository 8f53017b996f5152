"""Claims about the three state machines: the moves of the model, all of them, and no other."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from orchestrator.domain import states
from orchestrator.domain.states import (
    EXPERIMENT_MOVES,
    ITERATION_MOVES,
    VARIANT_MOVES,
    ExperimentState,
    IterationState,
    VariantState,
    sources,
    terminal,
)

Moves = Mapping[Any, frozenset[Any]]

EXPERIMENT = """
    queued running, queued paused, queued cancelled
    running paused, running succeeded, running failed, running abandoned, running cancelled
    paused running, paused queued, paused cancelled
"""
VARIANT = """
    proposed evaluating, proposed pruned, proposed cancelled
    evaluating evaluated, evaluating failed, evaluating pruned, evaluating cancelled
"""
ITERATION = """
    queued running, queued cancelled
    running succeeded, running failed, running cancelled, running queued
"""
MACHINES = [
    pytest.param(EXPERIMENT_MOVES, EXPERIMENT, ExperimentState, id="experiment"),
    pytest.param(VARIANT_MOVES, VARIANT, VariantState, id="variant"),
    pytest.param(ITERATION_MOVES, ITERATION, IterationState, id="iteration"),
]


def moves_of(text: str) -> set[tuple[str, str]]:
    """The moves of a text like `queued running, queued paused`."""
    pairs = [pair.split() for line in text.splitlines() for pair in line.split(",") if pair.strip()]
    return {(source, target) for source, target in pairs}


@pytest.mark.parametrize(("table", "text", "states_of"), MACHINES)
def test_the_table_holds_the_moves_of_the_model_and_no_other(table: Moves, text: str, states_of: type[StrEnum]) -> None:
    """Each machine allows exactly the moves the model names, and has a row for each of its states."""
    assert {(str(source), str(target)) for source, targets in table.items() for target in targets} == moves_of(text)
    assert set(table) == set(states_of)


@pytest.mark.parametrize(("table", "text", "states_of"), MACHINES)
def test_every_state_can_be_reached_from_the_first(table: Moves, text: str, states_of: type[StrEnum]) -> None:
    """No state of a machine is out of reach of the state its things are born in."""
    reached = {next(iter(states_of))}
    while (further := reached.union(*(table[state] for state in reached))) != reached:
        reached = further

    assert reached == set(states_of)


def test_final_states_are_those_no_move_leads_out_of() -> None:
    """What counts as ended is computed from the tables: four states of experiments, four of variants, three of iterations."""
    assert sorted(states.ENDED_EXPERIMENT) == ["abandoned", "cancelled", "failed", "succeeded"]
    assert sorted(states.ENDED_VARIANT) == ["cancelled", "evaluated", "failed", "pruned"]
    assert sorted(states.ENDED_ITERATION) == ["cancelled", "failed", "succeeded"]
    assert terminal({IterationState.QUEUED: frozenset()}) == {IterationState.QUEUED}


def test_sources_are_the_moves_read_backwards() -> None:
    """An iteration is queued again from running only, and a paused experiment comes from queued or running."""
    assert sources(ITERATION_MOVES, IterationState.QUEUED) == {IterationState.RUNNING}
    assert sources(EXPERIMENT_MOVES, ExperimentState.PAUSED) == {ExperimentState.QUEUED, ExperimentState.RUNNING}


def test_a_retry_leads_back_to_a_state_that_is_open() -> None:
    """Where a retry brings a thing is not a final state of its machine."""
    back = {states.RETRY_EXPERIMENT, states.RETRY_VARIANT, states.RETRY_ITERATION}

    assert not back & {*states.ENDED_EXPERIMENT, *states.ENDED_VARIANT, *states.ENDED_ITERATION}
