"""How many slots and threads a daemon has."""

from pathlib import Path

import pytest

from orchestrator.daemon.application import Plan
from orchestrator.daemon.options import Options
from orchestrator.resources import cores, memory_total_bytes
from orchestrator.search.stages.sizing import reference
from orchestrator.settings import Settings


def plan(**settings: object) -> Plan:
    return Plan(options=Options(), settings=Settings.model_validate(settings), state=Path(), environ={}, lanes={})


def test_what_nobody_has_set_fits_the_machine() -> None:
    """The cores and the memory this process may use give both, by the reference table."""
    fitting = reference(cores(), memory_bytes=memory_total_bytes())
    assert (plan().slots, plan().threads) == (fitting.processes, fitting.threads)


@pytest.mark.parametrize("size", [1, 200])
def test_what_is_set_counts_whatever_the_machine_is(size: int) -> None:
    """One of the two may be left to the daemon."""
    assert (plan(slots=size).slots, plan(threads=size).threads) == (size, size)
    assert plan(slots=size).threads == plan().threads
