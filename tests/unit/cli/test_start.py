"""The command line starts fast because it loads little."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.scripted import ok, scripted_peer

HEAVY = {
    "anyio", "asyncio", "email", "fastapi", "http", "http.client", "multiprocessing", "numpy", "pydantic", "rich", "sqlite3", "ssl",
    "starlette", "structlog", "subprocess", "tomllib", "uvicorn", "importlib.metadata",
}  # fmt: skip
LOADED = (
    "import sys; from orchestrator.cli.main import run; status = run(sys.argv[1:]);"
    " print(*sys.modules, file=sys.stderr); sys.exit(status)"
)
STATUS = b"""{"version": "1", "pid": 1, "state": "ready", "uptime_seconds": 1, "slots": {"total": 2, "busy": 0}, "queue": {"iterations": 0},
"experiments": {"running": 0, "paused": 0, "queued": 0}, "machine": {}, "database": {"bytes": 1, "wal_bytes": 0}}"""


def loaded(*arguments: str) -> set[str]:
    """The modules a call has loaded; it must succeed."""
    call: Sequence[str] = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(call, capture_output=True, text=True, check=True, timeout=30)
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"], ["completion", "bash"]])
def test_help_and_completion_load_nothing_heavy(arguments: list[str]) -> None:
    """No framework, no event loop, no process library, no daemon."""
    modules = loaded(*arguments)
    assert not HEAVY & modules
    assert not {
        name for name in modules if name.startswith(("orchestrator.spec", "orchestrator.engine", "orchestrator.api"))
    }


def test_status_loads_nothing_heavy(private_places: Path) -> None:
    """From the first byte to the last line."""
    with scripted_peer(private_places / "s", ok(STATUS)) as peer:
        assert not HEAVY & loaded("--socket", str(peer.path), "status")


def test_help_loads_no_verb() -> None:
    """The list of verbs is a table."""
    assert not {name for name in loaded("--help") if name.startswith("orchestrator.cli.commands.")}
