"""A real daemon that is killed, stopped and restarted while a command runs under its keeper."""

import os
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.client import Client
from orchestrator.client.sync import Experiment
from tests.support.commands import alive, keepers_about, pids_in
from tests.support.daemon_process import Running, daemon
from tests.support.processes import processes_left

PATIENCE_SECONDS = 20.0
COMMAND = "echo $$ >> pids; echo begun; echo x > ready; read -r _ < go; echo '{{\"y\": {x}}}'"


@pytest.fixture
def work(private_places: Path) -> Path:
    """The folder of the experiment, with the fifos a command tells and is told by."""
    folder = private_places / "work"
    folder.mkdir()
    os.mkfifo(folder / "ready")
    os.mkfifo(folder / "go")
    return folder


@pytest.fixture
def state(private_places: Path) -> Iterator[Path]:
    """A state directory, of which no process is left at the end."""
    yield private_places / "state"
    assert processes_left(str(private_places)) == {}


def submit(client: Client, work: Path, **more: Any) -> Experiment:
    """One variant whose one evaluation waits to be told to end; it runs when this returns."""
    spec = {
        "name": "long",
        "stage": {"command": ["sh", "-c", COMMAND], "workdir": str(work), **more.pop("stage", {})},
        "space": {"x": [7]},
        "objective": {"metric": "y", "goal": "minimize"},
        **more,
    }
    experiment = client.submit(spec)
    (work / "ready").read_bytes()
    return experiment


def let_it_end(work: Path) -> None:
    """The command goes on."""
    with (work / "go").open("w", encoding="ascii") as file:
        file.write("\n")


def kill(running: Running) -> None:
    """kill -9 of the daemon, and it is gone."""
    running.send(signal.SIGKILL)
    running.process.wait()


def attempts(client: Client, ref: str = "1.1.1") -> list[tuple[str, str | None]]:
    """End and cause of every attempt on record."""
    return [(one["end"], one["cause"]) for one in client.part(ref).document()["attempts"]]


def wait_until_dead(pid: int) -> float:
    """Return once a process has ended: how long that took."""
    began = time.monotonic()
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return 0.0
    with os.fdopen(handle):
        assert select.select([handle], [], [], PATIENCE_SECONDS)[0], f"{pid} is alive"
    return time.monotonic() - began


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_whatever_ends_the_daemon_the_command_goes_on_and_ends_as_if_nothing_had_happened(
    state: Path, work: Path, how: signal.Signals
) -> None:
    """One process, one attempt, whole output; meanwhile it is shown as running. SIGTERM does not wait for it either."""
    with daemon(state) as first:
        submit(first.client, work)
        first.send(how)
        first.process.wait(5)
        (pid,) = pids_in(work / "pids")
        assert alive(pid)
        with daemon(state) as second:
            shown = second.client.part("1.1.1").document()
            assert (shown["state"], shown["attempts"]) == ("running", [])
            assert second.client.status()["slots"]["busy"] == 1
            let_it_end(work)
            assert second.client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"
            assert attempts(second.client) == [("succeeded", None)]
            assert second.client.part("1.1.1").document()["attempts"][0]["queue_seconds"] > 0
            assert second.client.part("1.1").document()["metrics"] == {"y": 7.0}
            assert len(pids_in(work / "pids")) == 1
            assert (state / "runs/1/1/1.1.out").read_text() == 'begun\n{"y": 7}\n'
            assert second.named("work_adopted")
            second.send(signal.SIGTERM)
            assert second.end() == 0
            assert keepers_about(state) == []


def test_an_end_while_there_is_no_daemon_is_recorded_by_the_next(state: Path, work: Path) -> None:
    """The keeper has left by then: the end is on the disk."""
    with daemon(state) as first:
        submit(first.client, work)
        (keeper,) = keepers_about(state)
        kill(first)
        let_it_end(work)
        wait_until_dead(keeper)
        with daemon(state) as second:
            assert second.client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"
            assert attempts(second.client) == [("succeeded", None)]
            assert len(pids_in(work / "pids")) == 1


def test_stopping_everything_ends_isolated_work_too(state: Path, work: Path) -> None:
    """`orc stop --all`: the command is dead when the daemon has left; the next one runs it anew."""
    with daemon(state, environ={"ORCHESTRATOR_DRAIN_SECONDS": "0.1"}) as first:
        submit(first.client, work)
        first.client.stop(everything=True)
        assert first.end() == 0
        assert not alive(*pids_in(work / "pids"))
        assert keepers_about(state) == []
        with daemon(state) as second:
            (work / "ready").read_bytes()
            let_it_end(work)
            assert second.client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"
            assert attempts(second.client) == [("interrupted", None), ("succeeded", None)]


def test_what_was_adopted_can_be_cancelled_within_a_second(state: Path, work: Path) -> None:
    """As if this daemon had sent it."""
    with daemon(state) as first:
        submit(first.client, work)
        kill(first)
        with daemon(state) as second:
            began = time.monotonic()
            second.client.part("1.1.1").cancel()
            assert time.monotonic() - began < 1.5
            assert not alive(*pids_in(work / "pids"))
            assert attempts(second.client) == [("cancelled", None)]
            second.client.part("1.1.1").retry()
            (work / "ready").read_bytes()
            let_it_end(work)
            assert second.client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"
            assert attempts(second.client) == [("cancelled", None), ("succeeded", None)]


def test_work_of_a_paused_experiment_ends_and_is_recorded(state: Path, work: Path) -> None:
    """A pause lets running work end, also work that another daemon has begun."""
    with daemon(state) as first:
        submit(first.client, work)
        first.client.experiment("1").pause()
        kill(first)
        with daemon(state) as second:
            let_it_end(work)
            events = second.client.events(since=0, follow=True)
            assert next(event for event in events if event["kind"] == "iterations_finished")["states"] == ["succeeded"]
            assert second.client.part("1").document()["state"] == "paused"
            second.client.experiment("1").resume()
            assert second.client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"


def test_adopted_work_counts_against_what_may_run_at_one_instant(state: Path, work: Path) -> None:
    """With max_parallel = 1 the next evaluation starts when the adopted one has ended."""
    with daemon(state) as first:
        submit(first.client, work, space={"x": [1, 2]}, limits={"max_parallel": 1})
        kill(first)
        with daemon(state) as second:
            reasons = second.client.experiment("1").explain()
            assert [reason["reason"] for reason in reasons] == ["max_parallel", "running"]
            assert len(pids_in(work / "pids")) == 1
            let_it_end(work)
            (work / "ready").read_bytes()
            let_it_end(work)
            assert second.client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"
            assert len(pids_in(work / "pids")) == 2


@pytest.mark.parametrize("both", [False, True], ids=["the keeper", "the keeper and the daemon"])
def test_when_the_keeper_is_killed_the_attempt_is_lost_and_retried_by_policy(
    state: Path, work: Path, both: bool
) -> None:
    """Its process is killed by the next keeper. It is charged for it, unless the daemon was killed too, as with a whole container."""
    with daemon(state) as first:
        submit(first.client, work, stage={} if both else {"retries": {"max": 1, "backoff": 0}})
        (keeper,) = keepers_about(state)
        if both:
            os.kill(keeper, signal.SIGSTOP)
            kill(first)
        os.kill(keeper, signal.SIGKILL)
        if both:
            with daemon(state) as second:
                found = attempts_once_it_has_run_again(second.client, work)
        else:
            found = attempts_once_it_has_run_again(first.client, work)
        assert found == [("failed", "worker_lost"), ("succeeded", None)]


def attempts_once_it_has_run_again(client: Client, work: Path) -> list[tuple[str, str | None]]:
    """When the second attempt has begun, the process of the first is dead; it ends well."""
    (work / "ready").read_bytes()
    before, now = pids_in(work / "pids")
    assert (alive(before), alive(now)) == (False, True)
    let_it_end(work)
    assert client.experiment("1").wait(timeout_seconds=PATIENCE_SECONDS)["state"] == "succeeded"
    return attempts(client)
