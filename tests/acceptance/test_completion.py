"""`orc completion`."""

import pytest

from tests.support.daemon import Orc, completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(own_orc: Orc, shell: str) -> None:
    """It completes `orc`, says how to install it, and starts no daemon."""
    script = own_orc("completion", shell)
    assert script.status == 0
    assert "_ORC_COMPLETE" in script.out
    assert f"orc completion {shell} >" in script.out
    assert not own_orc.state.exists()


def test_refs_are_completed_from_a_running_daemon(orc: Orc) -> None:
    """Behind a dot come the variants of the experiment, then the iterations of the variant."""
    ref = orc.finished()
    assert ref in completed(orc, "show", "")
    assert completed(orc, "show", f"{ref}.") == [f"{ref}.1", f"{ref}.2", f"{ref}.3"]
    assert completed(orc, "show", f"{ref}.1.") == [f"{ref}.1.1"]
    assert completed(orc, "pau") == ["pause"]


def test_completion_is_silent_without_a_daemon(own_orc: Orc) -> None:
    """Nothing is offered, nothing is said, nothing is started."""
    assert completed(own_orc, "show", "") == []
    assert not own_orc.state.exists()
