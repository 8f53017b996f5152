"""Claims about who may do what."""

import os
import socket

import pytest

from orchestrator.api.peers import NOBODY, Peer, peer_of
from orchestrator.api.rights import Right, Rules, Who, allowed, require
from orchestrator.errors import PermissionRefused

OWNER = 1000
ANYONE = Who(anyone=True)


def peer(uid: int, *groups: int) -> Peer:
    return Peer(pid=1, uid=uid, groups=frozenset(groups))


def rights(who: Peer, rules: Rules) -> set[Right]:
    return {right for right in Right if allowed(who, right, rules)}


BOTH = {Right.READ, Right.CONTROL}


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (peer(OWNER), BOTH),
        (peer(0), BOTH),
        (peer(1001), set()),
        (peer(1001, 0), set()),
        (peer(NOBODY), set()),
    ],
)
def test_private_daemon_obeys_its_owner_and_root(who: Peer, expected: set[Right]) -> None:
    """With nobody named, only the owner's uid and 0 have rights; being in root's group gives none."""
    assert rights(who, Rules(owner_uid=OWNER)) == expected


def test_reading_and_controlling_are_separate() -> None:
    """A reader may not control; whoever controls may read."""
    rules = Rules(owner_uid=OWNER, read=Who(gids=frozenset({50})), control=Who(uids=frozenset({1002})))
    assert rights(peer(1001, 50), rules) == {Right.READ}
    assert rights(peer(1002), rules) == BOTH
    assert rights(peer(1003, 51), rules) == set()


def test_supplementary_group_counts() -> None:
    """Any of the peer's groups may be the one that is named."""
    rules = Rules(owner_uid=OWNER, control=Who(gids=frozenset({7})))
    assert rights(peer(1001, 1001, 7), rules) == BOTH


def test_unmapped_user_is_nobody_in_particular() -> None:
    """uid 65534 has no right by name, by group or as owner; only where anyone has it."""
    named = Rules(owner_uid=NOBODY, read=Who(uids=frozenset({NOBODY})), control=Who(gids=frozenset({NOBODY})))
    assert rights(peer(NOBODY, NOBODY), named) == set()
    assert rights(peer(NOBODY), Rules(owner_uid=OWNER, read=ANYONE)) == {Right.READ}


def test_refusal_says_who_asked_and_who_may() -> None:
    """The message has the asker's uid and groups, the hint who is allowed."""
    rules = Rules(owner_uid=4_000_001, control=Who(gids=frozenset({4_000_002})))
    with pytest.raises(PermissionRefused, match="uid 4000003, in gid 4000004: you may not control") as caught:
        require(peer(4_000_003, 4_000_004), Right.CONTROL, rules)
    assert caught.value.hint is not None
    assert "uid 4000001, members of gid 4000002 may control" in caught.value.hint


def test_refusal_of_an_unmapped_user_names_the_setting() -> None:
    """The hint says that PrivateUsers is the reason."""
    with pytest.raises(PermissionRefused) as caught:
        require(peer(NOBODY), Right.READ, Rules(owner_uid=OWNER))
    assert "PrivateUsers=no" in str(caught.value.hint)


def test_unknown_peer_has_no_right() -> None:
    """A connection without credentials is refused even where anyone may read."""
    with pytest.raises(PermissionRefused):
        require(None, Right.READ, Rules(owner_uid=OWNER, read=ANYONE))


def test_kernel_says_who_connected() -> None:
    """The peer of a socket pair is this process, with all its groups."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        found = peer_of(ours)
    assert (found.pid, found.uid) == (os.getpid(), os.getuid())
    assert found.groups == {os.getgid(), *os.getgroups()}


class _OldKernel:
    """A connection on a kernel that does not tell groups."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes:
        if option != socket.SO_PEERCRED:
            raise OSError
        return self._connection.getsockopt(level, option, length)


def test_groups_on_record_stand_in_for_those_the_kernel_does_not_tell() -> None:
    """Without SO_PEERGROUPS the groups come from the user database."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        found = peer_of(_OldKernel(ours))
    assert found.uid == os.getuid()
    assert os.getgid() in found.groups
