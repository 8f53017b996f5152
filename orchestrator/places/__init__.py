"""Where things are: state directory, socket, settings file, named locks, log, captured output.

Every function is given the environment as a mapping and only computes; nothing is created. Not allowed here: anything but the
standard library, reading files, `os.environ`.
"""

from orchestrator.places.directories import (
    daemon_log,
    database_file,
    explicit_state_directory,
    instance_lock,
    lock_directory,
    named_settings_file,
    output_files,
    reserve_file,
    run_folder,
    runtime_directory,
    state_directory,
    usual_settings_files,
    work_folder,
)
from orchestrator.places.sockets import (
    SYSTEM_SOCKET,
    checked_socket,
    client_sockets,
    given_socket,
    managed_keeper_socket,
    server_socket,
    user_socket,
)

__all__ = [
    "SYSTEM_SOCKET",
    "checked_socket",
    "client_sockets",
    "daemon_log",
    "database_file",
    "explicit_state_directory",
    "given_socket",
    "instance_lock",
    "lock_directory",
    "managed_keeper_socket",
    "named_settings_file",
    "output_files",
    "reserve_file",
    "run_folder",
    "runtime_directory",
    "server_socket",
    "state_directory",
    "user_socket",
    "usual_settings_files",
    "work_folder",
]
