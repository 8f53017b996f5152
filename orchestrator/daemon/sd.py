"""What systemd and the daemon tell each other: datagrams to $NOTIFY_SOCKET, sockets passed as descriptors from 3 on.

The protocols are those of sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3).
"""

import os
import socket
from collections.abc import MutableMapping

from orchestrator.errors import InvalidSettings

FIRST_DESCRIPTOR = 3
MICROSECONDS = 1_000_000
PINGS_PER_WATCHDOG = 3


class Notifier:
    """Tells the service manager how it goes; tells nobody when there is none."""

    def __init__(self, address: str | None) -> None:
        self._address = f"\0{address[1:]}" if address and address.startswith("@") else address

    @property
    def listening(self) -> bool:
        """Whether anybody is told."""
        return bool(self._address)

    def tell(self, **facts: str | int) -> None:
        """Send facts, such as `READY=1, STATUS="4 running"`. A manager that went away or is busy is not waited for."""
        if not self._address:
            return
        message = "\n".join(f"{name}={str(value).replace(chr(10), ' ')}" for name, value in facts.items())
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door:
            try:
                door.sendto(message.encode(), socket.MSG_DONTWAIT, self._address)
            except OSError:
                return  # nobody to tell it to: the manager has its own time-outs


def watchdog_interval_seconds(environ: MutableMapping[str, str]) -> float | None:
    """How often to ping: a third of what the manager allows; None when it does not watch this process."""
    microseconds, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / MICROSECONDS / PINGS_PER_WATCHDOG


def passed_socket(environ: MutableMapping[str, str]) -> socket.socket | None:
    """The listening Unix socket the manager opened for this process; None when it passed none.

    The variables are removed and the descriptor is made private, so that no child takes it for its own. Raises InvalidSettings
    when something else was passed.
    """
    pid, count, _ = (environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"))
    if pid != str(os.getpid()) or not count.isdecimal() or int(count) == 0:
        return None
    descriptors = range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - os gives it no name
    door = socket.socket(fileno=FIRST_DESCRIPTOR)
    if len(descriptors) > 1 or door.family != socket.AF_UNIX or door.type != socket.SOCK_STREAM:
        hint = "ListenStream= in the .socket unit names one path"
        raise InvalidSettings("systemd passed something else than one listening Unix stream socket", hint=hint)
    return door
