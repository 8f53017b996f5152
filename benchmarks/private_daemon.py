"""A daemon of our own for a benchmark: started, asked, stopped and removed with everything it wrote."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.client import Client, Experiment

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "output"
STOP_SECONDS = 30
EXPERIMENT_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A running daemon and how to speak to it."""

    client: Client
    pid: int
    arguments: tuple[str, ...]  # --state-dir and --socket, for the command line
    ready_seconds: float  # from the start of its process until it was ready

    def run(self, spec: dict[str, Any]) -> tuple[float, Experiment]:
        """Seconds from the submit request until the experiment has ended. Raises when it did not succeed."""
        begun = time.perf_counter()
        experiment = self.client.submit(spec)
        end = experiment.wait(timeout_seconds=EXPERIMENT_SECONDS)
        seconds = time.perf_counter() - begun
        if end["state"] != "succeeded":
            message = f"the experiment ended {end['state']}: {end['reason']}"
            raise RuntimeError(message)
        return seconds, experiment


@contextmanager
def state_directory() -> Iterator[Path]:
    """A folder beside the checkout's output, so that it is on a disk and not in memory; removed afterwards."""
    OUTPUT.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="state-", dir=OUTPUT))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def daemon_in(state: Path, *, slots: int, threads: int | None = None) -> Iterator[Daemon]:
    """A daemon on this state directory, with as many threads as it likes unless they are said; its socket has a short path of its own."""
    with tempfile.TemporaryDirectory(prefix="orc-bench-") as folder:
        arguments = ("--state-dir", str(state), "--socket", f"{folder}/s")
        begun = time.perf_counter()
        process = start(arguments, state=state, slots=slots, threads=threads)
        try:
            client = Client(f"{folder}/s", state_directory=state, start=False)
            yield Daemon(client=client, pid=process.pid, arguments=arguments, ready_seconds=time.perf_counter() - begun)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def start(arguments: tuple[str, ...], *, state: Path, slots: int, threads: int | None) -> subprocess.Popen[bytes]:
    """Start it and return when it says that it is ready. Raises with what it said when it is not."""
    reading, writing = os.pipe()
    settings = {"slots": slots, "threads": threads or "auto", "log_level": "warning"}
    environment = os.environ | {f"ORCHESTRATOR_{name.upper()}": str(value) for name, value in settings.items()}
    with (state / "benchmark.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", "daemon", *arguments, "--ready-fd", str(writing)],
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
        )
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.readline()
    if said != "ready\n":
        process.wait(STOP_SECONDS)
        message = f"the daemon did not start:\n{(state / 'benchmark.log').read_text()}"
        raise RuntimeError(message)
    return process


@contextmanager
def private_daemon(*, slots: int, threads: int | None = None) -> Iterator[Daemon]:
    """A fresh daemon on a fresh state directory."""
    with state_directory() as state, daemon_in(state, slots=slots, threads=threads) as daemon:
        yield daemon
