"""`orc cancel`."""

import os
import time

import pytest

from orchestrator.client import Client
from tests.support.commands import alive, pids_in
from tests.support.daemon import Orc, refs


def test_a_cancelled_experiment_ends_and_stays_ended(orc: Orc) -> None:
    """What ran is stopped, waiting for it says cancelled with status 3, and a second cancel is refused with status 5."""
    ref, _ = orc.submitted("held")
    cancelled = orc("cancel", ref, "--json")
    assert cancelled.status == 0
    assert cancelled.json["ref"] == ref
    waited = orc("wait", ref, "--timeout", "20", "--json")
    assert (waited.status, waited.json["state"]) == (3, "cancelled")
    assert orc("cancel", ref).status == 5


STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        break
os.write(os.open("pids", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), f"{os.getpid()}\\n".encode())
os.write(os.open("ready", os.O_WRONLY), b".")
signal.pause()
"""
"""A program that ignores SIGTERM, as do its two children, which have sessions of their own; each tells its pid, then `ready`."""


def test_cancelling_kills_within_a_second(own_orc: Orc) -> None:
    """From the request to the answer, when all is dead; neither ignoring SIGTERM nor a session of its own saves a process."""
    folder = own_orc.home / "stubborn"
    folder.mkdir()
    os.mkfifo(folder / "ready")
    (folder / "stubborn.py").write_text(STUBBORN)
    (folder / "experiment.toml").write_text('[stage]\ncommand = ["python3", "stubborn.py"]\n')
    ref = own_orc("submit", str(folder)).out.strip()
    with (folder / "ready").open("rb") as ready:
        assert ready.read(3) == b"." * 3
    pids = pids_in(folder / "pids")
    with Client(state_directory=own_orc.state) as client:
        begun = time.monotonic()
        client.experiment(ref).cancel()
        took = time.monotonic() - begun

    assert (len(pids), [pid for pid in pids if alive(pid)]) == (3, [])
    assert took < 1.0


def test_one_variant_can_be_cancelled(orc: Orc) -> None:
    """The others go on."""
    ref, folder = orc.submitted("held")
    orc("wait", f"{ref}.2", "--timeout", "0.2")
    assert orc("cancel", f"{ref}.2").status == 0
    (folder / "gate").touch()
    assert orc("wait", ref, "--timeout", "20").status == 0
    variants = orc("show", ref, "--json").json["variants"]
    assert refs(variants) == [f"{ref}.1", f"{ref}.2", f"{ref}.3"]
    assert [each["state"] for each in variants] == ["evaluated", "cancelled", "evaluated"]


@pytest.mark.parametrize("executor", ["process", "thread", "isolated"])
def test_what_was_cancelled_has_used_time(orc: Orc, executor: str) -> None:
    """Its attempt, and the sum of its experiment, say how long it ran until then."""
    ref, _ = orc.submitted("held", space="x = [1]", stage=f'executor = "{executor}"')
    orc("wait", ref, "--timeout", "0.5")
    assert orc("cancel", ref).status == 0
    (attempt,) = orc("show", f"{ref}.1.1", "--json").json["attempts"]
    assert (attempt["end"], attempt["wall_seconds"] > 0) == ("cancelled", True)
    assert orc("report", ref, "--json").json["usage"]["wall_seconds"] == pytest.approx(attempt["wall_seconds"])
