"""`orc status`."""

import json
import os
import signal

from orchestrator import __version__
from tests.support.daemon import DEADLINE_SECONDS, Orc, line_with


def test_status_has_the_documented_keys(orc: Orc) -> None:
    """And a person sees whether it is ready."""
    status = orc("status", "--json").json
    assert (status["version"], status["state"]) == (__version__, "ready")
    assert status.keys() >= {"pid", "uptime_seconds", "slots", "queue", "experiments", "machine", "database"}
    assert status["slots"].keys() >= {"total", "busy"}
    assert orc("status").out.startswith("ready")


def test_a_daemon_that_does_not_answer_is_waited_for_and_that_is_said(own_orc: Orc) -> None:
    """Stopped, or busy beyond measure: after five seconds it is said that it is waited for, and its answer is still taken."""
    pid = own_orc.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        with own_orc.begin("status", "--json") as call:
            line_with(call.stderr, "has not answered")
            os.kill(pid, signal.SIGCONT)
            out, _ = call.communicate(timeout=DEADLINE_SECONDS)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (call.returncode, json.loads(out)["pid"]) == (0, pid)
