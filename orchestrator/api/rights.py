"""Who may read and who may control: one plain function over values the daemon hands in."""

import grp
import pwd
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from orchestrator.api.peers import NOBODY, Peer
from orchestrator.errors import PermissionRefused


class Right(StrEnum):
    """What a request needs. Whoever may control may also read."""

    READ = "read"  # look at experiments, logs, events
    CONTROL = "control"  # submit, cancel, stop: run code as the daemon's user


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Users and groups by number. `anyone` is whoever the socket's own mode lets in."""

    uids: frozenset[int] = frozenset()
    gids: frozenset[int] = frozenset()
    anyone: bool = False

    def includes(self, peer: Peer) -> bool:
        """Whether the peer is meant. A user the kernel could not map is nobody in particular."""
        return self.anyone or (peer.uid != NOBODY and (peer.uid in self.uids or not self.gids.isdisjoint(peer.groups)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who has which right, besides root and the daemon's own user, who have both."""

    owner_uid: int
    read: Who = Who()
    control: Who = Who()


def allowed(peer: Peer, right: Right, rules: Rules) -> bool:
    """Whether the peer has the right."""
    if peer.uid != NOBODY and peer.uid in (0, rules.owner_uid):
        return True
    return rules.control.includes(peer) or (right is Right.READ and rules.read.includes(peer))


def require(peer: Peer | None, right: Right, rules: Rules) -> None:
    """Raises PermissionRefused with who asks and who may."""
    if peer is None:
        raise PermissionRefused("nobody can say who you are: this is no connection over the Unix socket")
    if allowed(peer, right, rules):
        return
    if peer.uid == NOBODY:
        raise PermissionRefused(
            f"the kernel does not tell the daemon who you are: it says uid {NOBODY}",
            hint="the daemon runs in a user namespace of its own: set PrivateUsers=no in its unit",
        )
    groups = ", ".join(_group_name(gid) for gid in sorted(peer.groups))
    raise PermissionRefused(
        f"you are {_user_name(peer.uid)}, in {groups}: you may not {right}", hint=f"{_needed(right, rules)} may {right}"
    )


def _needed(right: Right, rules: Rules) -> str:
    named = (rules.control, rules.read) if right is Right.READ else (rules.control,)
    uids = {0, rules.owner_uid}.union(*(who.uids for who in named))
    gids = frozenset[int]().union(*(who.gids for who in named))
    users = [_user_name(uid) for uid in sorted(uids)]
    members = [f"members of {_group_name(gid)}" for gid in sorted(gids)]
    return ", ".join([*users, *members])


@lru_cache(maxsize=256)
def _user_name(uid: int) -> str:
    try:
        return f"{pwd.getpwuid(uid).pw_name} (uid {uid})"
    except KeyError:
        return f"uid {uid}"


@lru_cache(maxsize=256)
def _group_name(gid: int) -> str:
    try:
        return f"{grp.getgrgid(gid).gr_name} (gid {gid})"
    except KeyError:
        return f"gid {gid}"
