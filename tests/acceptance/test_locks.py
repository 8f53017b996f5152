"""`orc locks`."""

import os
import signal

from tests.support.daemon import Orc, completed, holding, wait_until_gone

KEYS = {"name", "kind", "state", "pid", "command", "ref", "host", "since", "path"}


def test_locks_are_listed_without_a_daemon(own_orc: Orc) -> None:
    """Held, free and stale ones, with who holds or held them; nothing is started, and nothing needs to be cleaned up."""
    assert own_orc("locks", "--json").json == []
    own_orc("lock", "run", "once", "--", "true")
    with holding(own_orc, "gpu0") as (_, pid), holding(own_orc, "gpu1") as (victim, killed):
        victim.kill()
        os.kill(killed, signal.SIGKILL)
        wait_until_gone(killed)
        listed = own_orc("locks", "--json").json
        assert [set(lock) for lock in listed] == [KEYS] * 3
        assert [(lock["name"], lock["state"], lock["pid"]) for lock in listed] == [
            ("gpu0", "held", pid),
            ("gpu1", "stale", killed),
            ("once", "free", None),
        ]
        assert listed[0]["command"].startswith("sh -c 'echo held")
        assert listed[0]["path"] == str(own_orc.home / "locks" / "gpu0.lock")
        table = own_orc("locks").out.splitlines()
        assert [line.split()[:3] for line in table[1:]] == [
            ["gpu0", "held", str(pid)],
            ["gpu1", "stale", str(killed)],
            ["once", "free", "-"],
        ]
    assert not own_orc.state.exists()


def test_the_lock_of_the_daemon_is_there_too(own_orc: Orc) -> None:
    """Its holder is the daemon; when it has left, the lock is free."""
    pid = own_orc.pid()
    (lock,) = own_orc("locks", "--json").json
    assert (lock["kind"], lock["state"], lock["pid"]) == ("daemon", "held", pid)
    assert own_orc("locks").out.splitlines()[1].split()[:3] == ["(daemon)", "held", str(pid)]
    own_orc("stop")
    assert [lock["state"] for lock in own_orc("locks", "--json", "--no-start").json] == ["free"]


def test_names_of_locks_are_completed(own_orc: Orc) -> None:
    """Those that were used before, without a daemon."""
    own_orc("lock", "run", "gpu0", "--", "true")
    own_orc("lock", "run", "license", "--", "true")
    assert completed(own_orc, "lock", "run", "g") == ["gpu0"]
    assert completed(own_orc, "lock", "") == ["run"]
