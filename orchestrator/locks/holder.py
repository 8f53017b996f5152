"""Who holds a lock, as its file tells people."""

import os
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

from orchestrator.locks.identity import ProcessIdentity, identity_of

COMMAND_LENGTH = 1000
_TOLD_LENGTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who wrote itself into a lock file."""

    pid: int
    start_ticks: int
    boot_id: str
    started: str  # when it took the lock, RFC 3339 UTC
    command: str
    host: str
    ref: str | None = None  # of the evaluation it is held for

    @classmethod
    def of_this_process(cls, command: Sequence[str], *, ref: str | None = None) -> Self:
        """This process, from now on."""
        identity = identity_of(os.getpid())
        return cls(
            pid=os.getpid(),
            start_ticks=identity.start_ticks if identity else 0,
            boot_id=identity.boot_id if identity else "",
            started=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            command=shlex.join(command)[:COMMAND_LENGTH],
            host=socket.gethostname(),
            ref=ref,
        )

    @classmethod
    def read(cls, facts: Mapping[str, Any] | None) -> Self | None:
        """What a file says, also one of another version; None when it lacks something or nobody is named."""
        known = {name: value for name, value in (facts or {}).items() if name in _TYPES}
        if any(not isinstance(known.get(name), kind) for name, kind in _TYPES.items()):
            return None
        return cls(**known)

    @property
    def exists(self) -> bool:
        """Whether that very process is there: another one that got its pid is not it. Says nothing about the lock."""
        named = ProcessIdentity(pid=self.pid, start_ticks=self.start_ticks, boot_id=self.boot_id)
        return self.host == socket.gethostname() and identity_of(self.pid) == named

    def __str__(self) -> str:
        elsewhere = "" if self.host == socket.gethostname() else f" on {self.host}"
        work = "" if self.ref is None else f"evaluation {self.ref}, "
        command = self.command if len(self.command) <= _TOLD_LENGTH else f"{self.command[: _TOLD_LENGTH - 1]}…"
        return f"{work}pid {self.pid}{elsewhere}, since {self.started}: {command}"


_OPTIONAL = {"ref": (str, type(None))}
_KINDS: Mapping[Any, type] = {int: int, str: str}
_TYPES = {field.name: _OPTIONAL.get(field.name) or _KINDS[field.type] for field in fields(Holder)}
