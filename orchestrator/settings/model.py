"""Every setting of the daemon, with its default, its meaning and what is allowed.

`config/orchestrator.toml` repeats all of it for people; a test compares the two.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MEBIBYTE = 2**20


def _setting(default: Any, meaning: str, *, allowed: str) -> Any:
    factory = {"default_factory": tuple} if default == () else {"default": default}
    return Field(description=meaning, json_schema_extra={"allowed": allowed}, **factory)


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


Principals = Annotated[
    tuple[Annotated[str, Field(min_length=1)] | Annotated[int, Field(ge=0)], ...], BeforeValidator(_as_tuple)
]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]

_COUNT = 'a whole number of at least 1, or "auto"'
_SECONDS = "a number of seconds of at least 0"
_PERCENT = "a number above 0, at most 100"
_BYTES = "a whole number of bytes of at least 4096"
_USERS = "a list of user names or ids"
_GROUPS = "a list of group names or ids"


class Settings(BaseModel):
    """The daemon's configuration. Values are strict: a number in quotes is no number."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=False)

    slots: Literal["auto"] | Count = _setting(
        "auto",
        'Processes that run evaluations at one instant. "auto": one a core this process may use (affinity, cgroup quota); fewer on a machine of less than 8 GiB.',
        allowed=_COUNT,
    )
    threads: Literal["auto"] | Count = _setting(
        "auto",
        'Evaluations of thread stages at one instant. "auto": two a core, at most 16; fewer on a machine of less than 8 GiB.',
        allowed=_COUNT,
    )
    batch_seconds: Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)] = _setting(
        0.1,
        "Evaluations measured short are sent in batches worth about this long.",
        allowed="a number of seconds above 0, at most 10",
    )
    lanes_file: str = _setting(
        "",
        "The table of lanes, the classes of service a stage can belong to. Empty: the one that comes with the program.",
        allowed="the path of a file, or empty",
    )
    cpu_percent: Percent = _setting(
        80.0,
        "While other programs use more than this share of the CPUs, over some seconds, only one evaluation runs at a time. 100: never.",
        allowed=_PERCENT,
    )
    memory_percent: Percent = _setting(
        80.0,
        "While more than this share of the memory is in use nothing starts. 100: never.",
        allowed=_PERCENT,
    )
    memory_critical_percent: Percent = _setting(
        95.0,
        "Above this share the newest evaluation is stopped and run again later, one a second, never the last one. 100: never.",
        allowed=_PERCENT,
    )
    disk_headroom_bytes: Annotated[int, Field(ge=0)] = _setting(
        128 * MEBIBYTE,
        "While less than this is free where the state directory is (on a small disk: than a twentieth of it) nothing starts.",
        allowed="a whole number of bytes of at least 0",
    )
    output_limit_bytes: Annotated[int, Field(ge=4096)] = _setting(
        MEBIBYTE,
        "Captured stdout, and stderr, of one attempt are cut to this size; beginning and end are kept.",
        allowed=_BYTES,
    )
    artifact_limit_bytes: Annotated[int, Field(ge=0)] = _setting(
        100 * MEBIBYTE,
        "Files that one attempt keeps by trial.artifact may have this size together; those above it are only named on record.",
        allowed="a whole number of bytes of at least 0",
    )
    drain_seconds: Seconds = _setting(
        10.0,
        "When the daemon stops, evaluations that are not isolated get this long to finish before they are interrupted.",
        allowed=_SECONDS,
    )
    idle_exit_seconds: Seconds = _setting(
        600.0,
        "A daemon the command line started by itself leaves after this long with nothing to do. 0: never.",
        allowed=_SECONDS,
    )
    event_limit: Annotated[int, Field(ge=1000)] = _setting(
        1_000_000,
        "How many of the newest events are kept; asking for older ones is answered with 410.",
        allowed="a whole number of at least 1000",
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info",
        "The least important log lines that are written.",
        allowed='"debug", "info", "warning" or "error"',
    )
    log_format: Literal["auto", "json", "console"] = _setting(
        "auto",
        'How log lines look. "auto": for people on a terminal, else one JSON document a line.',
        allowed='"auto", "json" or "console"',
    )
    daemon_log_limit_bytes: Annotated[int, Field(ge=4096)] = _setting(
        10 * MEBIBYTE,
        "daemon.log of a background daemon becomes daemon.log.1 (replacing it) at this size.",
        allowed=_BYTES,
    )
    read_users: Principals = _setting(
        (),
        "Who may read, besides root, the daemon's user and whoever may control. Nobody named: whoever can open the socket.",
        allowed=_USERS,
    )
    read_groups: Principals = _setting((), "Groups whose members may read; see read_users.", allowed=_GROUPS)
    control_users: Principals = _setting(
        (),
        "Who may submit, cancel and stop, and so run code as the daemon's user. Nobody named here nor for reading: as there.",
        allowed=_USERS,
    )
    control_groups: Principals = _setting((), "Groups whose members may control; see control_users.", allowed=_GROUPS)


def allowed_values(name: str) -> str:
    """What a setting may be, as words."""
    extra = Settings.model_fields[name].json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else "another value"


def is_list(name: str) -> bool:
    """Whether a setting is a list of values."""
    return name.endswith(("_users", "_groups"))
