"""What holds for every test: its own places, and property tests that repeat themselves on a slow machine."""

import multiprocessing
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "house",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(
        os.environ.get("CI")
    ),  # there one commit has one answer; everywhere else new examples are looked for
)
settings.load_profile("house")
signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # in the background of a shell it is ignored, and would be in every child


@pytest.fixture(autouse=True, scope="session")
def sockets_of_fork_servers(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the standard library makes for slots of executors in this process lies among the files of the tests.

    It is removed when an interpreter ends in order, which that of a worker of pytest-xdist does not.
    """
    multiprocessing.current_process()._config["tempdir"] = str(tmp_path_factory.mktemp("sockets"))  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def private_places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No test finds the daemon, the settings or the locks of whoever runs it; the folder is short enough for a socket."""
    for name in list(os.environ):
        if name.startswith(("ORCHESTRATOR_", "ORC_")):
            monkeypatch.delenv(name)
    home = Path(tempfile.mkdtemp(prefix="orc-test-"))
    for variable, folder in PLACES.items():
        (home / folder).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(home / folder))
    yield home
    shutil.rmtree(home)


PLACES = {
    "XDG_STATE_HOME": "state",
    "XDG_CONFIG_HOME": "config",
    "XDG_RUNTIME_DIR": "run",
    "ORCHESTRATOR_LOCK_DIR": "locks",
}
