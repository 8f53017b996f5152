"""Runs one tool in a checkout, in a process group of its own that never outlives its time."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.workloads.pipeline.failures import ToolBroken, ToolMissing, ToolTimedOut
from orchestrator.workloads.pipeline.findings import one_line

_PROBE_SECONDS = 30.0
_PROBE = """\
import importlib.util, json, sys
def there(name):
    spec = importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None
print(json.dumps([name for name in sys.argv[1:] if not there(name)]))
"""
# As `python -m MODULE`, but Ctrl-C is not ignored: a worker ignores it, and what it starts would inherit that.
_BOOT = """\
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path[0] = os.getcwd()
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
_NOT_PASSED_ON = ("FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "MYPY_FORCE_COLOR", "PYTEST_ADDOPTS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """A tool to run: `python -m MODULE WORDS` in a folder, for so long at most. Output goes to files in `scratch`."""

    python: str
    module: str
    words: Sequence[str]
    folder: Path
    scratch: Path
    timeout_seconds: float
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """As a person would type it."""
        return " ".join((self.python, "-m", self.module, *self.words))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How it ended: exit status (negative: the signal), what it printed, and how long it took."""

    status: int
    output: str
    complaints: str
    seconds: float

    @property
    def last_words(self) -> str:
        """The end of what it said, in one line."""
        said = self.complaints.strip() or self.output.strip() or "it said nothing"
        return one_line(said[-600:], longest=600)


def missing_modules(python: str, modules: Sequence[str], *, folder: Path) -> list[str]:
    """Which of the modules this interpreter would not find in this folder. Raises ToolMissing without the interpreter."""
    command = [python, "-c", _PROBE, *modules]
    try:
        done = subprocess.run(  # noqa: S603 - the interpreter that the stage names
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=_PROBE_SECONDS
        )
        missing: list[str] = json.loads(done.stdout)
    except OSError as error:
        raise ToolMissing(
            f"the interpreter {python} cannot be started: {error.strerror}; name another one: arguments = {{ python = … }}"
        ) from None
    except (subprocess.SubprocessError, ValueError) as error:
        raise ToolBroken(f"the interpreter {python} cannot say what is installed: {one_line(error)}") from None
    return missing


def expect_installed(python: str, packages: Mapping[str, str], *, folder: Path) -> None:
    """Raise ToolMissing unless the interpreter has all of the modules; `packages` says by which package each comes."""
    missing = missing_modules(python, list(packages), folder=folder)
    if missing:
        names = " ".join(packages[module] for module in missing)
        raise ToolMissing(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed for the interpreter {python}: "
            f"`{python} -m pip install {names}` does that, or name another interpreter: arguments = {{ python = … }}"
        )


def run_tool(invocation: Invocation) -> Ended:
    """Run it to its end. Raises ToolTimedOut after killing its whole process group, and ToolMissing without the interpreter."""
    output, complaints = invocation.scratch / "tool.stdout", invocation.scratch / "tool.stderr"
    started = time.monotonic()
    with output.open("wb") as stdout, complaints.open("wb") as stderr:
        process = _start(invocation, stdout.fileno(), stderr.fileno())
        try:
            in_time = _has_ended(process, within_seconds=invocation.timeout_seconds)
        finally:
            _kill_group(process)
    if not in_time:
        raise ToolTimedOut(
            f"{invocation.module} had not ended after {invocation.timeout_seconds:g} s, which is all that the lane allows; "
            f"it was killed with everything it had started. It was: {invocation.text}"
        )
    return Ended(
        status=process.returncode,
        output=output.read_text(encoding="utf-8", errors="replace"),
        complaints=complaints.read_text(encoding="utf-8", errors="replace"),
        seconds=time.monotonic() - started,
    )


def _start(invocation: Invocation, stdout: int, stderr: int) -> "subprocess.Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    environment |= {"NO_COLOR": "1", "PYTHONUTF8": "1", **invocation.environment}
    command = [invocation.python, "-c", _BOOT, invocation.module, *invocation.words]
    try:
        return subprocess.Popen(  # noqa: S603 - the interpreter and the paths that the stage names, as words
            command,
            cwd=invocation.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            process_group=0,
        )
    except OSError as error:
        raise ToolMissing(f"the interpreter {invocation.python} cannot be started: {error.strerror}") from None


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Whatever is left of the group, the tool itself among it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own
    process.wait()


def _has_ended(process: "subprocess.Popen[bytes]", *, within_seconds: float) -> bool:
    """Wait for the end without taking the exit status away."""
    watched = os.pidfd_open(process.pid)
    try:
        return bool(select.select([watched], (), (), within_seconds)[0])
    finally:
        os.close(watched)


def fresh(path: Path) -> Path:
    """A place for a report where none is: what is there afterwards was written by this run."""
    path.unlink(missing_ok=True)
    return path


def read_report(path: Path, *, tool: str, ended: Ended) -> str:
    """The report that this run has written. Raises ToolBroken when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ToolBroken(
            f"{tool} ended with status {ended.status} and wrote no report {path.name}; its last words: {ended.last_words}"
        ) from None
    except UnicodeDecodeError:
        raise ToolBroken(f"the report {path.name} of {tool} is not text in UTF-8") from None
