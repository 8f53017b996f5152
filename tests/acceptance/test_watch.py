"""`orc watch`."""

import json

from tests.support.daemon import Orc, line_with, open_gate


def test_watching_follows_to_the_end(orc: Orc) -> None:
    """Status 0 whatever the outcome; the last line is the result, and with --json every line is a snapshot."""
    ref, folder = orc.submitted("held")
    with orc.begin("watch", ref) as watcher:
        assert watcher.stderr is not None
        line_with(watcher.stderr, "round 1")
        open_gate(folder)
        out, _ = watcher.communicate(timeout=30)
        assert watcher.returncode == 0
        assert f"{ref} " in out.splitlines()[-1]
        assert "succeeded" in out.splitlines()[-1]
    snapshots = [json.loads(line) for line in orc("watch", ref, "--json").out.splitlines()]
    assert snapshots[-1]["state"] == "succeeded"


def test_everything_that_is_active_is_watched_at_once(own_orc: Orc) -> None:
    """A paused one does not hide the others, one that is submitted meanwhile is followed too, and each result is told as it comes."""
    one_by_one = "limits = { max_parallel = 1 }"
    paused, paused_folder = own_orc.submitted("held", more=one_by_one)
    assert own_orc("pause", paused).status == 0
    open_gate(paused_folder)
    first, first_folder = own_orc.submitted("held", more=one_by_one)
    with own_orc.begin("watch") as watcher:
        assert watcher.stderr is not None
        line_with(watcher.stderr, f"{first} ")
        later, later_folder = own_orc.submitted("held", more=one_by_one)
        line_with(watcher.stderr, f"{later} ")
        open_gate(later_folder)
        assert line_with(watcher.stdout, "succeeded").startswith(f"{later} ")
        open_gate(first_folder)
        assert line_with(watcher.stdout, "succeeded").startswith(f"{first} ")
        own_orc("cancel", paused)
        out, _ = watcher.communicate(timeout=30)
    assert (watcher.returncode, out.split()[0], "cancelled" in out) == (0, paused, True)


def test_nothing_to_watch_is_said(own_orc: Orc) -> None:
    """Without a ref and without anything active it returns at once."""
    watched = own_orc("watch")
    assert watched.status == 0
    assert "nothing is running" in watched.err
