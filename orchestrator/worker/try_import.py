"""A throw-away process that imports one callable and says whether that works: `try_import.py WORKDIR MODULE:FUNCTION SECONDS`.

It forks a child that imports, as any code may hang, crash or start programs at import, and answers with one JSON line on standard
output: `{"error": null}` or `{"error": "text for a person"}`. Whatever the import started is dead when it ends: as a subreaper it
is the parent of everything that was left behind. It ends early when its standard input is closed.
"""

from __future__ import annotations

import ctypes
import errno
import importlib.util
import json
import os
import select
import signal
import sys
import traceback
from types import ModuleType
from typing import Callable

PR_SET_CHILD_SUBREAPER = 36
LONGEST_TEXT = 20000
_WORKER = os.path.dirname(os.path.abspath(__file__)) + os.sep


def main() -> int:
    """Supervise the import and print the answer."""
    workdir, call, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    receive, send = os.pipe()
    child = os.fork()
    if child == 0:
        _import_and_leave(workdir, call, send)
    os.close(send)
    try:
        error = _wait(receive, seconds)
    finally:
        status = _end_all(child)
    if error is None:
        error = _how_it_died(status, call)
    print(json.dumps({"error": error or None}), flush=True)  # noqa: T201 - the answer
    return 0


def _import_and_leave(workdir: str, call: str, send: int) -> None:
    """In the child: import with the workdir first on the path, tell what came of it, leave without clean-up."""
    error = ""
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.chdir(workdir)
        import_own = _import_own()
        sys.path[0] = workdir
        module, _, function = call.partition(":")
        found = import_own(module, workdir)
        for name in function.split("."):
            found = getattr(found, name)
        if not callable(found):
            error = f"{call} is not callable"
    except BaseException:  # noqa: BLE001 - a SystemExit at import is an answer as well
        error = _shortened(traceback.format_exc())
    os.write(send, b"!" + error.encode("utf-8", "replace")[-LONGEST_TEXT:])
    os._exit(0)


def _import_own() -> Callable[[str, str], ModuleType]:
    """As the worker imports, from the file beside this one: the interpreter need not have this package."""
    spec = importlib.util.spec_from_file_location("orchestrator.worker.own_modules", _WORKER + "own_modules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import_own: Callable[[str, str], ModuleType] = module.import_own
    return import_own


def _shortened(text: str) -> str:
    """A traceback without the lines about this program and the import machinery; without any line left, the last line alone."""
    kept = []
    skip = False
    for line in text.splitlines():
        if line.startswith('  File "'):
            skip = _WORKER in line or "<frozen importlib" in line or "importlib/__init__.py" in line
        elif not line.startswith("    "):
            skip = False
        if not skip:
            kept.append(line)
    return "\n".join(kept if any(line.startswith("  ") for line in kept) else kept[1:])


def _wait(receive: int, seconds: float) -> str | None:
    """What the child said: empty when all is well, None when it died without a word."""
    poll = select.poll()
    poll.register(receive, select.POLLIN)
    poll.register(0, select.POLLHUP)
    ready = [descriptor for descriptor, _ in poll.poll(seconds * 1000)]
    if not ready:
        return f"the import took longer than {seconds:g} s"
    if receive not in ready:
        return "nobody waits for the answer any more"
    said = os.read(receive, LONGEST_TEXT + 1).decode("utf-8", "replace")
    return said[1:] if said else None


def _end_all(child: int) -> int:
    """Kill the child and all it left behind, generation after generation; the child's exit status."""
    status = 0
    while True:
        for pid in _children():
            _kill(pid)
        try:
            pid, ended = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if pid == child:
            status = ended


def _children() -> list[int]:
    """The direct children of this process, from /proc."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and _parent(name) == os.getpid()]


def _parent(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return int(stat.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError as error:
        if error.errno != errno.ESRCH:
            raise


def _how_it_died(status: int, call: str) -> str:
    if os.WIFSIGNALED(status):
        return f"importing {call} killed its process with signal {os.WTERMSIG(status)}"
    return f"importing {call} ended its process with status {os.WEXITSTATUS(status)}"


if __name__ == "__main__":
    sys.exit(main())
