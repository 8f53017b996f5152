"""`orc logs`."""

from tests.support.daemon import Orc, open_gate


def test_streams_are_kept_apart(orc: Orc) -> None:
    """What was printed to stdout comes on stdout, to stderr on stderr, and as a document in two keys."""
    ref = orc.finished()
    shown = orc("logs", f"{ref}.1.1")
    assert (shown.status, shown.out, shown.err) == (0, "x is 3\n", "careful with 3\n")
    assert orc("logs", f"{ref}.1.1", "--stream", "err").out == ""
    document = orc("logs", f"{ref}.1.1", "--json").json
    assert document == {"ref": f"{ref}.1.1", "stdout": "x is 3\n", "stderr": "careful with 3\n"}


def test_silence_is_said(orc: Orc) -> None:
    """An evaluation that printed nothing gives an empty stdout and a word on stderr."""
    ref = orc.finished("quiet")
    shown = orc("logs", f"{ref}.1.1")
    assert (shown.out, shown.err.strip()) == ("", f"{ref}.1.1 printed nothing")
    assert orc("logs", f"{ref}.1.1", "--stream", "err").err.strip() == f"{ref}.1.1 printed nothing on stderr"


def test_following_ends_with_the_evaluation(orc: Orc) -> None:
    """`-f` returns when there is nothing more to come."""
    ref, folder = orc.submitted("held")
    with orc.begin("logs", "-f", ref) as follower:
        open_gate(folder)
        follower.communicate(timeout=30)
        assert follower.returncode == 0
