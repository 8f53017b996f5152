"""Claims about a disk that is really full: what has run is recorded, nothing is lost, and it goes on by itself."""

import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import LockHeld, StoreError
from orchestrator.locks import last_holder, seize, take
from tests.support.daemon_process import Running, daemon
from tests.support.small_disk import SmallDisk, small_disk

MEBIBYTE = 2**20
PATIENCE_SECONDS = 20.0
HELD = """
import pathlib, time

def evaluate(params):
    while not pathlib.Path(params["until"]).exists():
        time.sleep(0.01)
    return float(params["x"])
"""
SHORT = """
import time

def evaluate(params):
    time.sleep(0.03)
    return float(params["x"])
"""
TWO_SLOTS = {"ORCHESTRATOR_SLOTS": "2"}


@pytest.fixture
def disk(private_places: Path) -> Iterator[SmallDisk]:
    """A disk of 48 MiB, which is the state directory of the daemon."""
    with small_disk(private_places / "s", size_bytes=48 * MEBIBYTE) as made:
        yield made


def until(holds: Callable[[], bool]) -> None:
    """Return once something holds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline


def held(folder: Path) -> dict[str, Any]:
    """An experiment of four evaluations that end once there is a file `go`."""
    (folder / "held.py").write_text(HELD)
    return {
        "name": "held",
        "stage": {"call": "held:evaluate", "workdir": str(folder)},
        "search": {"method": "grid"},
        "space": {"x": [1, 2, 3, 4], "until": [str(folder / "go")]},
    }


def fill_while_two_run(running: Running, disk: SmallDisk, folder: Path) -> None:
    """With two evaluations under way there is no room left on the disk, and the daemon knows."""
    running.client.submit(held(folder))
    until(lambda: counts(running)["running"] == 2)
    disk.fill()
    until(lambda: running.client.status()["state"] == "degraded")


def counts(running: Running) -> dict[str, int]:
    """The iterations of the experiment by state."""
    found: dict[str, int] = running.client.experiment(1).document()["iterations"]
    return found


def held_bytes(disk: SmallDisk) -> int:
    """What the reserve takes of the disk."""
    return (disk.folder / "orchestrator.reserve").stat().st_blocks * 512


def test_what_has_run_is_recorded_on_a_full_disk_and_it_goes_on_by_itself(disk: SmallDisk, tmp_path: Path) -> None:
    """Two evaluations end with 0 bytes free: both are on record and nothing new is taken; with room again the rest runs, the reserve is whole."""
    with daemon(disk.folder, environ=TWO_SLOTS) as running:
        whole = held_bytes(disk)
        fill_while_two_run(running, disk, tmp_path)
        (tmp_path / "go").touch()
        until(lambda: counts(running)["succeeded"] == 2)
        left = held_bytes(disk)
        with pytest.raises(StoreError, match="the disk is full"):
            running.client.submit(held(tmp_path))
        said = running.client.status()["degraded"]
        disk.free()
        ended = running.client.experiment(1).wait(timeout_seconds=PATIENCE_SECONDS)
        until(lambda: running.client.status()["state"] == "ready")

        assert whole == pytest.approx(48 * MEBIBYTE / 20, abs=4096)
        assert left < whole
        assert "what is owed to the reserve" in said
        assert (ended["state"], counts(running)["succeeded"]) == ("succeeded", 4)
        assert held_bytes(disk) == whole


def test_a_daemon_comes_up_on_a_full_disk_and_can_be_read(disk: SmallDisk, tmp_path: Path) -> None:
    """After kill -9 with 0 bytes free the next one is degraded, says what is on record, and with room again finishes the work."""
    with daemon(disk.folder, environ=TWO_SLOTS) as first:
        fill_while_two_run(first, disk, tmp_path)
        first.send(signal.SIGKILL)
        first.process.wait()
        with daemon(disk.folder, environ=TWO_SLOTS) as second:
            state, standing = second.client.status()["state"], counts(second)
            (tmp_path / "go").touch()
            disk.free()
            ended = second.client.experiment(1).wait(timeout_seconds=PATIENCE_SECONDS)

            assert (state, standing["running"], standing["queued"]) == ("degraded", 0, 4)
            assert (ended["state"], counts(second)["succeeded"]) == ("succeeded", 4)


def test_a_daemon_that_has_left_in_order_comes_up_again_on_a_full_disk(disk: SmallDisk) -> None:
    """Its lock file, which it has emptied, finds no room for its name."""
    with daemon(disk.folder) as first:
        first.process.terminate()
        assert first.end() == 0
    disk.fill()
    with daemon(disk.folder) as second:
        assert second.client.status()["state"] == "degraded"


def test_a_lock_is_held_although_there_is_no_room_to_say_by_whom(disk: SmallDisk) -> None:
    """Nobody else gets it, its file names nobody, and it comes back as ever."""
    path = disk.folder / "gpu0.lock"
    path.touch()
    disk.fill()
    with take(path):
        assert last_holder(path) is None
        with pytest.raises(LockHeld, match="has not yet written who it is"):
            seize(path)
    with take(path) as taken:
        assert taken.stale is None


def test_an_experiment_can_be_cancelled_on_a_full_disk(disk: SmallDisk, tmp_path: Path) -> None:
    """With 0 bytes free `orc cancel` ends what runs, and is answered when that is on record; there is still no room then."""
    with daemon(disk.folder, environ=TWO_SLOTS) as running:
        fill_while_two_run(running, disk, tmp_path)
        cancelled = running.client.experiment(1).cancel()

        assert (cancelled["state"], counts(running)["cancelled"]) == ("cancelled", 4)
        assert running.client.status()["state"] == "degraded"


def test_what_turns_over_can_be_cancelled_when_the_disk_has_filled_up(disk: SmallDisk, tmp_path: Path) -> None:
    """The disk fills up between two short evaluations, so that starts are refused: a part and the whole are cancelled at once."""
    with daemon(disk.folder, environ=TWO_SLOTS) as running:
        many = held(tmp_path) | {"space": {"x": {"low": 1, "high": 2000}, "until": [str(tmp_path)]}}
        (tmp_path / "held.py").write_text(SHORT)
        running.client.submit(many)
        until(lambda: counts(running)["succeeded"] > 10)
        disk.fill()
        until(lambda: any(line["change"] == "StartIterations" for line in running.named("store_refuses")))
        stopped = [one["ref"] for one in running.client.experiment(1).variants() if one["state"] == "proposed"][:2]
        parts = [running.client.part(ref).cancel() for ref in stopped]
        whole = running.client.experiment(1).cancel()
        ended = counts(running)

        assert [(part["state"], part["iterations"]) for part in parts] == [("cancelled", 1)] * 2
        assert whole["state"] == "cancelled"
        assert ended["succeeded"] + ended["cancelled"] == 2000


def test_what_would_make_work_is_refused_on_a_full_disk_and_keeps_nobody_waiting(
    disk: SmallDisk, tmp_path: Path
) -> None:
    """Resume, retry and new code are refused at once, and hold up neither each other nor a pause or a cancelling."""
    with daemon(disk.folder, environ=TWO_SLOTS) as running:
        fill_while_two_run(running, disk, tmp_path)
        experiment = running.client.experiment(1)
        experiment.pause()
        (tmp_path / "go").touch()
        until(lambda: counts(running)["succeeded"] == 2)
        for asked in (experiment.resume, partial(experiment.resume, accept_code=True)):
            with pytest.raises(StoreError, match="the disk is full"):
                asked()
        assert experiment.cancel()["state"] == "cancelled"
        with pytest.raises(StoreError, match="the disk is full"):
            experiment.retry()


def test_what_has_run_comes_to_its_end_on_a_full_disk(disk: SmallDisk, tmp_path: Path) -> None:
    """When the last evaluation ends with 0 bytes free, selection and the end of the experiment are on record, without more room."""
    with daemon(disk.folder, environ=TWO_SLOTS) as running:
        running.client.submit(held(tmp_path) | {"space": {"x": [1, 2], "until": [str(tmp_path / "go")]}})
        until(lambda: counts(running)["running"] == 2)
        disk.fill()
        until(lambda: running.client.status()["state"] == "degraded")
        (tmp_path / "go").touch()
        ended = running.client.experiment(1).wait(timeout_seconds=PATIENCE_SECONDS)

        assert ended["state"] == "succeeded"
        assert running.client.experiment(1).document()["selected"] == ["1.1"]
        assert running.client.status()["state"] == "degraded"


def test_room_is_made_by_removing_an_experiment(disk: SmallDisk, tmp_path: Path) -> None:
    """`orc rm` works with 0 bytes free: its outputs are gone from the disk."""
    printing = {
        "name": "printing",
        "stage": {"command": ["sh", "-c", "head -c 500000 /dev/zero | tr '\\0' {x}; echo; echo '{{\"y\": 1}}'"]},
        "objective": {"metric": "y", "goal": "minimize"},
        "space": {"x": [1, 2, 3, 4]},
    }
    with daemon(disk.folder, environ=TWO_SLOTS) as running:
        running.client.submit(printing).wait(timeout_seconds=PATIENCE_SECONDS)
        outputs = list((disk.folder / "runs/1").rglob("*.out"))
        disk.fill()
        running.client.experiment(1).remove()

        assert len(outputs) == 4
        assert not (disk.folder / "runs/1").exists()
        assert running.named("reserve_given_up")
