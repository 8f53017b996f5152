"""`orc status`."""

from orchestrator import __version__
from tests.support.daemon import Orc


def test_status_has_the_documented_keys(orc: Orc) -> None:
    """And a person sees whether it is ready."""
    status = orc("status", "--json").json
    assert (status["version"], status["state"]) == (__version__, "ready")
    assert status.keys() >= {"pid", "uptime_seconds", "slots", "queue", "experiments", "machine", "database"}
    assert status["slots"].keys() >= {"total", "busy"}
    assert orc("status").out.startswith("ready")
