"""Isolated evaluations go on without the daemon: how many do, and ending them when there is no daemon to ask for it."""

import os
from pathlib import Path

from orchestrator import places
from orchestrator.cli.setup import Setup
from orchestrator.worker import keeper_home

END_SECONDS = 5.0


def _folder(setup: Setup) -> str:
    state: Path = places.state_directory(setup.state_dir, os.environ)
    return str(places.work_folder(state) / "isolated")


def going_on(setup: Setup) -> int:
    """How many are under way in the state directory these options mean; 0 also when that is not ours to see."""
    try:
        return keeper_home.working(_folder(setup))
    except OSError:
        return 0


def end(setup: Setup) -> int:
    """End all of them: how many there were. Raises OSError."""
    count = going_on(setup)
    keeper_home.end_work(_folder(setup), seconds=END_SECONDS)
    return count


def counted(count: int) -> str:
    """`1 isolated evaluation`, `3 isolated evaluations`."""
    return f"{count} isolated evaluation{'' if count == 1 else 's'}"
