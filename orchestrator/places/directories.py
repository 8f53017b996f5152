"""Directories and files: state, settings, locks, and what lies in the state directory."""

import os
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import InvalidRequest

NAME = "orchestrator"
SYSTEM_SETTINGS = Path("/etc/orchestrator/orchestrator.toml")
SYSTEM_LOCKS = Path("/run/lock")


def _home(environ: Mapping[str, str]) -> str:
    return environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - falls back to the user database, never raises


def absolute(text: str | os.PathLike[str], environ: Mapping[str, str]) -> Path:
    """An absolute path without `..`: `~` is the home of `environ`, a relative path starts at the current directory."""
    path = os.fspath(text)
    if path == "~" or path.startswith("~/"):
        path = _home(environ) + path[1:]
    return Path(os.path.abspath(path))  # noqa: PTH100 - drops `..` without asking the disk


def _xdg(variable: str, fallback: str, environ: Mapping[str, str]) -> Path:
    """The directory an XDG variable names; a relative value counts as unset, as the XDG specification says."""
    value = environ.get(variable, "")
    return Path(value) if value.startswith("/") else Path(_home(environ)) / fallback


def first_of_systemd(variable: str, environ: Mapping[str, str]) -> Path | None:
    """The first path of one of systemd's colon-separated directory variables."""
    first = environ.get(variable, "").split(":")[0]
    return Path(first) if first else None


def named(option: str | os.PathLike[str] | None, variable: str, environ: Mapping[str, str]) -> Path | None:
    """The path of an option, else of a variable; None without either. An empty variable counts as unset, as in the XDG specification.

    Raises InvalidRequest for an empty option: whoever gave it means a path, and would get what is meant without one.
    """
    given = environ.get(variable) if option is None else os.fspath(option)
    if not given and option is not None:
        raise InvalidRequest(f"an empty path was given instead of ${variable}", hint="leave it out, or name one")
    return absolute(given, environ) if given else None


def explicit_state_directory(option: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path | None:
    """What `--state-dir` or `$ORCHESTRATOR_STATE_DIR` says; None when neither does. Raises InvalidRequest for an empty option."""
    return named(option, "ORCHESTRATOR_STATE_DIR", environ)


def state_directory(option: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path:
    """`--state-dir`, `$ORCHESTRATOR_STATE_DIR`, `$STATE_DIRECTORY` (systemd), else the XDG state home + `/orchestrator`."""
    return (
        explicit_state_directory(option, environ)
        or first_of_systemd("STATE_DIRECTORY", environ)
        or _xdg("XDG_STATE_HOME", ".local/state", environ) / NAME
    )


def runtime_directory(environ: Mapping[str, str]) -> Path | None:
    """`$RUNTIME_DIRECTORY` (systemd), else the XDG runtime directory + `/orchestrator`; None when there is neither."""
    given = first_of_systemd("RUNTIME_DIRECTORY", environ)
    if given is not None:
        return given
    session = environ.get("XDG_RUNTIME_DIR", "")
    return Path(session) / NAME if session.startswith("/") else None


def named_settings_file(option: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path | None:
    """What `--config` or `$ORCHESTRATOR_CONFIG` says: it must exist. None when neither does. Raises InvalidRequest for an empty option."""
    return named(option, "ORCHESTRATOR_CONFIG", environ)


def usual_settings_files(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where settings are looked for when none are named; the first that exists counts, none need exist."""
    return (_xdg("XDG_CONFIG_HOME", ".config", environ) / NAME / "orchestrator.toml", SYSTEM_SETTINGS)


def lock_directory(state: Path, environ: Mapping[str, str], *, system: Path = SYSTEM_LOCKS) -> Path:
    """The folder of named locks, shared by all daemons that can write there.

    `$ORCHESTRATOR_LOCK_DIR`, else a folder in the system's lock directory if writable, else in the runtime directory, else in
    the state directory.
    """
    given = environ.get("ORCHESTRATOR_LOCK_DIR")
    if given:
        return absolute(given, environ)
    shared = system / NAME
    if os.access(shared if shared.exists() else system, os.W_OK | os.X_OK):
        return shared
    return (runtime_directory(environ) or state) / "locks"


def database_file(state: Path) -> Path:
    """The one SQLite file."""
    return state / "orchestrator.db"


def reserve_file(state: Path) -> Path:
    """What is given up when the disk is full."""
    return state / "orchestrator.reserve"


def instance_lock(state: Path) -> Path:
    """The lock file one daemon holds for life."""
    return state / "orchestrator.lock"


def daemon_log(state: Path) -> Path:
    """Where a daemon in the background writes what it would have written to a terminal."""
    return state / "daemon.log"


def work_folder(state: Path) -> Path:
    """Below it every executor has a folder of its own name, for what it needs while it works."""
    return state / "work"


def run_folder(state: Path, experiment: int) -> Path:
    """The folder of everything an experiment's evaluations wrote."""
    return state / "runs" / str(experiment)


def output_files(folder: Path, variant: int, iteration: int, *, attempt: int) -> tuple[Path, Path]:
    """Captured stdout and stderr of one attempt, below the experiment's run folder."""
    stem = folder / str(variant) / f"{iteration}.{attempt}"
    return stem.with_name(f"{stem.name}.out"), stem.with_name(f"{stem.name}.err")
