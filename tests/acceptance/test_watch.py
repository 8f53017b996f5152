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


def test_nothing_to_watch_is_said(own_orc: Orc) -> None:
    """Without a ref and without anything active it returns at once."""
    watched = own_orc("watch")
    assert watched.status == 0
    assert "nothing is running" in watched.err
