"""Who is at the other end of a connection, as the kernel says."""

import os
import pwd
import socket
import struct
from dataclasses import dataclass
from typing import Protocol

NOBODY = 65534
"""The uid the kernel shows for users it cannot map: inside `PrivateUsers=yes` every client has it. It identifies no one."""

_CREDENTIALS = struct.Struct("iII")
_GROUP = struct.Struct("I")
_SO_PEERGROUPS = 59  # <asm-generic/socket.h>; the socket module has no name for it
_LONGEST_BYTES = 1024  # the most `getsockopt` of Python takes: 256 groups


class Connected(Protocol):
    """What a socket and asyncio's wrapper of one have in common."""

    def getsockopt(self, level: int, option: int, length: int, /) -> bytes:
        """As of a socket."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The process that connected. `pid` is for logs only: the kernel gives a number again to another process."""

    pid: int
    uid: int
    groups: frozenset[int]  # the primary one included


def peer_of(connection: Connected) -> Peer:
    """The peer of a connected Unix socket, as it was at the moment of `connect`."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return Peer(pid=pid, uid=uid, groups=frozenset({gid, *_supplementary(connection, uid, gid)}))


def _supplementary(connection: Connected, uid: int, gid: int) -> list[int]:
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _LONGEST_BYTES)
    except OSError:  # more groups than fit, or a kernel without the option
        return _groups_on_record(uid, gid)
    return [group for (group,) in _GROUP.iter_unpack(packed)]


def _groups_on_record(uid: int, gid: int) -> list[int]:
    try:
        return os.getgrouplist(pwd.getpwuid(uid).pw_name, gid)
    except KeyError:
        return []
