"""The daemon's entry: options, settings, logging, the lock, then everything that lives; each failure is one clear line."""

import faulthandler
import gc
import os
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import anyio
import structlog

from orchestrator import __version__, locks, places
from orchestrator.daemon import application, logs
from orchestrator.daemon.log_file import LogFile, Stream
from orchestrator.daemon.options import Options, read_options
from orchestrator.daemon.readiness import ReadyPipe
from orchestrator.errors import LockHeld, OrchestratorError, StoreError
from orchestrator.settings import Settings, read_lanes, read_settings

log = structlog.get_logger(__name__)

EXIT_BY_CODE = {"invalid_settings": 2, "invalid_request": 2, "lock_held": 5, "permission": 5}
UNEXPECTED = 1
STDOUT, STDERR = 1, 2


SWITCH_SECONDS = 0.0001
"""How long the event loop may keep the writer's thread waiting for the interpreter; the default of 5 ms is an age between two rows."""


COLLECT_AFTER = (20_000, 50, 100)
"""Objects made before the youngest are searched for cycles, and so on (see `gc.set_threshold`): with the default of 700 each page of
open work was searched hundreds of times, which was an eighth of the event loop's time."""


def main(arguments: Sequence[str]) -> int:
    """Run until told to leave. Exit status: 0 left in order, 1 unexpected, 2 options or settings, 5 lock or permission."""
    options = read_options(arguments)
    pipe = ReadyPipe(options.ready_fd)
    os.umask(0o077)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(*COLLECT_AFTER)
    try:
        _run(options, pipe, os.environ)
    except OrchestratorError as error:
        return _report(error)
    except OSError as error:
        return _report(_of_file(error))
    except BaseExceptionGroup as group:
        errors = _leaves(group)
        if len(errors) == 1 and isinstance(errors[0], OrchestratorError):
            return _report(errors[0])
        if len(errors) == 1 and isinstance(errors[0], OSError) and errors[0].filename:
            return _report(_of_file(errors[0]))
        log.exception("daemon_failed")
        return _report(OrchestratorError(f"the daemon failed: {'; '.join(map(repr, errors))}"))
    return 0


def _run(options: Options, pipe: ReadyPipe, environ: MutableMapping[str, str]) -> None:
    settings = read_settings(options.config, environ)
    lanes = read_lanes(Path(settings.lanes_file).expanduser() if settings.lanes_file else None)
    state = _state_directory(options, environ)
    if options.background:
        _detach()
    with ExitStack() as stack:
        taken = _hold_lock(stack, state)
        _set_up_logging(options, settings, state)
        if taken.stale is not None:
            log.warning("stale_lock_taken_over", path=str(taken.path), left_by=str(taken.stale))
        log.info("daemon_starting", version=__version__, pid=os.getpid(), state_directory=str(state))
        plan = application.Plan(options=options, settings=settings, state=state, environ=environ, lanes=lanes)
        anyio.run(application.run, plan, pipe)


def _state_directory(options: Options, environ: Mapping[str, str]) -> Path:
    """The state directory, made if missing, for this user only."""
    state = places.state_directory(options.state_dir, environ)
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        hint = "name another one with --state-dir or $ORCHESTRATOR_STATE_DIR"
        raise StoreError(f"the state directory {state} cannot be made: {error.strerror}", hint=hint) from error
    return state


def _hold_lock(stack: ExitStack, state: Path) -> locks.Taken:
    """Hold the state directory's lock as long as the stack. Raises LockHeld, naming the daemon that has it."""
    try:
        return stack.enter_context(locks.take(places.instance_lock(state)))
    except LockHeld as error:
        hint = "stop it with `orc stop`, or name another directory with --state-dir"
        raise LockHeld(f"another daemon uses {state}: {error.message}", hint=hint) from None


def _detach() -> None:
    """Keep no directory busy, and get no signal meant for the starter's terminal."""
    os.chdir("/")
    if os.getsid(0) == os.getpid():
        return
    if os.getpgid(0) == os.getpid() and os.fork() > 0:
        os._exit(0)  # the leader of a process group may not begin a session: its child does
    os.setsid()


def _set_up_logging(options: Options, settings: Settings, state: Path) -> None:
    level = logs.level_of(settings.log_level, verbosity=options.verbosity)
    if options.background:
        sink: logs.Sink = LogFile(places.daemon_log(state), limit_bytes=settings.daemon_log_limit_bytes)
    else:
        sink = Stream(STDOUT)
    on_terminal = not options.background and os.isatty(STDOUT)
    as_json = options.as_json or settings.log_format == "json" or (settings.log_format == "auto" and not on_terminal)
    logs.set_up(sink, level=level, as_json=as_json, colours=on_terminal and "NO_COLOR" not in os.environ)
    faulthandler.enable(STDERR)


def _of_file(error: OSError) -> OrchestratorError:
    where = f"{error.filename}: " if error.filename else ""
    return OrchestratorError(f"{where}{error.strerror or error}")


def _report(error: OrchestratorError) -> int:
    """Tell the person; the exit status."""
    lines = [f"orchestrator: {error.message}", *(f"  {problem.where}: {problem.message}" for problem in error.problems)]
    if error.hint:
        lines.append(f"  {error.hint}")
    sys.stderr.write("\n".join(lines) + "\n")
    return EXIT_BY_CODE.get(error.code, UNEXPECTED)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
