"""`orc rm`."""

from tests.support.daemon import Orc


def test_a_removed_experiment_is_gone_with_its_output(orc: Orc) -> None:
    """It is not found any more, its folder of output is gone, and its id is not used again."""
    ref = orc.finished()
    assert (orc.state / "runs" / ref).exists()
    assert orc("rm", ref).status == 0
    assert orc("show", ref).status == 2
    assert not (orc.state / "runs" / ref).exists()
    assert int(orc.finished()) > int(ref)


def test_an_active_experiment_is_not_removed(orc: Orc) -> None:
    """Status 5, and it goes on."""
    ref, folder = orc.submitted("held")
    assert orc("rm", ref).status == 5
    (folder / "gate").touch()
    assert orc("wait", ref, "--timeout", "20").status == 0
