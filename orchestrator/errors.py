"""Every error raised on purpose. One root; a class's docstring is its default message.

Imports nothing of the package. `code` is the stable word that travels over the socket; what exit status or HTTP status a
code becomes is decided by the CLI and the API, each in one table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where: a dotted path (`space.x`, `limits.evaluations`), a file or a ref."""

    where: str
    message: str


class OrchestratorError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal"

    def __init__(
        self, message: str | None = None, *, hint: str | None = None, problems: Sequence[Problem] = ()
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.hint = hint
        self.problems = tuple(problems)
        super().__init__(self.message)

    def __str__(self) -> str:
        """The message with all problems, as a traceback shows it."""
        return "\n  ".join([self.message, *(f"{problem.where}: {problem.message}" for problem in self.problems)])


class InvalidSpec(OrchestratorError):
    """The experiment file is not valid."""

    code = "invalid_spec"


class InvalidSettings(OrchestratorError):
    """The daemon's settings are not valid."""

    code = "invalid_settings"


class InvalidRequest(OrchestratorError):
    """The request is not valid."""

    code = "invalid_request"


class InvalidReference(OrchestratorError):
    """This is not a reference: use 12, 12.3, 12.3.1 or an experiment's name."""

    code = "invalid_reference"


class NotFound(OrchestratorError):
    """There is no such thing."""

    code = "not_found"


class NoBest(OrchestratorError):
    """No variant has been evaluated and passed yet."""

    code = "no_best"


class Conflict(OrchestratorError):
    """The state it is in does not allow this."""

    code = "conflict"


class IllegalMove(Conflict):
    """The state machine has no such move."""

    code = "illegal_move"


class PermissionRefused(OrchestratorError):
    """You are not allowed to do this."""

    code = "permission"


class LockHeld(OrchestratorError):
    """Another process holds the lock."""

    code = "lock_held"


class Unavailable(OrchestratorError):
    """The daemon does not take new work now."""

    code = "unavailable"


class NoDaemon(OrchestratorError):
    """No daemon is listening and none could be started."""

    code = "no_daemon"


class EventsGone(OrchestratorError):
    """Events that old are no longer kept."""

    code = "events_gone"


class StoreError(OrchestratorError):
    """The database could not be read or written."""

    code = "store"


class StoreBlocked(StoreError):
    """The database takes nothing at the moment: the disk is full, fails, or is busy. It may later."""


class StoreFull(StoreBlocked):
    """The disk is full."""


class CorruptDatabase(StoreError):
    """The database is damaged. Its files are kept as they are."""

    code = "corrupt_database"


class NewerDatabase(StoreError):
    """The database was written by a newer version of this program."""

    code = "newer_database"


class ExecutorUnusable(OrchestratorError):
    """The executor cannot run anything."""

    code = "executor"
