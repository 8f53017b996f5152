"""What is sent when an experiment is submitted: the file's raw text (or a dict), its folder, overrides, the environment."""

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import InvalidRequest, InvalidSpec, Problem

LARGEST_SPEC_BYTES = 1024 * 1024
USUAL_NAME = "experiment.toml"
SENT_VARIABLES = ("PATH", "VIRTUAL_ENV", "LANG")

Spec = str | os.PathLike[str] | Mapping[str, Any]
Overrides = Mapping[str, Any] | Iterable[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecText:
    """An experiment file as it was read; `source` is its name in messages."""

    text: str
    folder: Path
    source: str


def _unreadable(path: Path, message: str, *, hint: str | None = None) -> InvalidSpec:
    return InvalidSpec(
        f"{path} cannot be used as an experiment file", hint=hint, problems=[Problem(str(path), message)]
    )


def _open_regular(path: Path) -> int:
    """A descriptor of a regular file; never waits for the other end of a FIFO."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise _unreadable(path, "is not a regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise _unreadable(path, "is not a regular file")


def _read_bytes(path: Path) -> bytes:
    try:
        with os.fdopen(_open_regular(path), "rb") as file:
            return file.read(LARGEST_SPEC_BYTES + 1)
    except FileNotFoundError as error:
        raise _unreadable(path, "there is no such file", hint="orc init writes one to start from") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unreadable(path, reason.lower()) from error


def _decode(path: Path, data: bytes) -> str:
    if len(data) > LARGEST_SPEC_BYTES:
        raise _unreadable(path, "is larger than 1 MiB", hint="keep data in files of its own and name them in arguments")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}") from error


def read_spec(path: str | os.PathLike[str]) -> SpecText:
    """Read an experiment file, or `experiment.toml` in a folder. Raises InvalidSpec."""
    if not os.fspath(path):
        raise InvalidSpec("no experiment file is named: the path is empty")
    named = Path(path)
    try:
        is_folder = named.is_dir()
    except (OSError, ValueError):
        is_folder = False
    file = named / USUAL_NAME if is_folder else named
    if is_folder and not file.exists():
        raise _unreadable(named, f"is a folder without {USUAL_NAME}", hint=f"orc init --folder {named} writes one")
    text = _decode(file, _read_bytes(file))
    return SpecText(text=text, folder=file.parent.resolve(), source=file.name)


def _quoted(text: str) -> str:
    """A string as TOML: JSON's, but that TOML wants DEL escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _toml(value: Any) -> str:
    """A value as TOML; JSON's strings, numbers, booleans and lists are."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_quoted(str(key))} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if value is None or not isinstance(value, (str, bool, int, float)):
        raise InvalidRequest(
            f"an override's value must be text, a number, a boolean, a list or a mapping, not {value!r}"
        )
    if isinstance(value, str):
        return _quoted(value)
    return repr(value) if isinstance(value, float) else json.dumps(value)


def override_texts(overrides: Overrides) -> list[str]:
    """Overrides as `KEY=VALUE`, the value read as TOML by the daemon. Raises InvalidRequest for one without a key."""
    pairs = (
        [f"{key}={_toml(value)}" for key, value in overrides.items()]
        if isinstance(overrides, Mapping)
        else list(overrides)
    )
    for pair in pairs:
        if not pair.partition("=")[0].strip() or "=" not in pair:
            raise InvalidRequest(f"{pair!r} is not KEY=VALUE", hint="for example --set limits.max_parallel=2")
    return pairs


def _spec_part(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, Mapping):
        try:
            plain = json.loads(json.dumps(spec, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InvalidSpec(f"the experiment holds a value JSON does not have: {error}") from error
        return {"spec": plain, "folder": str(Path.cwd()), "source": "dict"}
    if isinstance(spec, str) and "\n" in spec:
        return {"text": spec, "folder": str(Path.cwd()), "source": "text"}
    read = read_spec(spec)
    return {"text": read.text, "folder": str(read.folder), "source": read.source}


def submission(spec: Spec, *, overrides: Overrides = (), environ: Mapping[str, str]) -> dict[str, Any]:
    """The body of submit and check.

    `spec` is a path (a file, or a folder with `experiment.toml`), the TOML text itself (any str with a line end), or a dict.
    Relative paths in text and dicts start at the current directory.
    """
    environment = {name: environ[name] for name in SENT_VARIABLES if name in environ}
    return {**_spec_part(spec), "overrides": override_texts(overrides), "environment": environment}
