"""The program of an isolated callable: one evaluation in a process of its own, in any CPython from 3.9 on.

    python …/orchestrator/worker/isolated_call.py

The file ORC_PARAMS holds what `run_batch` takes, as JSON, with one evaluation in it; its outcome, as JSON, becomes the file
ORC_RESULT. The process is started by the path of this file: it makes the room it lies in importable, so that the interpreter need
not have this package, and nothing of what the daemon's own interpreter has installed comes with it.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import json
import os
import sys
import types
from typing import Any, Dict

LONGEST_RESULT_BYTES = 1 << 20
_WORKER = os.path.dirname(os.path.abspath(__file__))
_HOUSE = os.path.dirname(_WORKER)


def _open_house() -> None:
    """Make `orchestrator.worker` importable from where it lies, and keep its modules from hiding those of the standard library."""
    if sys.path and os.path.abspath(sys.path[0]) == _WORKER:
        del sys.path[0]
    house = types.ModuleType("orchestrator")
    house.__path__ = [_HOUSE]
    sys.modules["orchestrator"] = house
    file = os.path.join(_WORKER, "__init__.py")
    spec = importlib.util.spec_from_file_location("orchestrator.worker", file, submodule_search_locations=[_WORKER])
    assert spec is not None
    assert spec.loader is not None
    worker = importlib.util.module_from_spec(spec)
    sys.modules["orchestrator.worker"] = worker
    spec.loader.exec_module(worker)
    house.worker = worker  # type: ignore[attr-defined]


def evaluate(batch: Dict[str, Any]) -> Dict[str, Any]:
    """Run the one evaluation of a batch that came as JSON; its outcome."""
    from orchestrator.worker import lane, limits, run_batch, socket_lane, usage  # noqa: PLC0415  # house: importable from here on

    sys.dont_write_bytecode = True  # a file edited twice in a second must not be served from a cache
    limits.be_killed_before_the_daemon()
    limits.BACKSTOP.limit_bytes = batch["memory_bytes"]  # the keeper has set it
    code_hash, places = batch["code"]
    own = socket_lane.SocketLane(os.environ)
    own.meter = usage.ProcessMeter()
    lane.lay(0, own)
    outcomes = run_batch({**batch, "code": (code_hash, [tuple(place) for place in places]), "lane": 0})
    return outcomes[0]


def result_text(outcome: Dict[str, Any]) -> bytes:
    """The outcome as JSON, without its reports when they make it too long to be read."""
    text = json.dumps(outcome).encode()
    if len(text) <= LONGEST_RESULT_BYTES:
        return text
    outcome = {**outcome, "reports_left_out": outcome.get("reports_left_out", 0) + len(outcome.pop("reports", ()))}
    text = json.dumps(outcome).encode()
    if len(text) <= LONGEST_RESULT_BYTES:
        return text
    kept = {name: value for name, value in outcome.items() if name not in ("metrics", "artifacts")}
    error = f"the result is {len(text)} bytes long as JSON; at most {LONGEST_RESULT_BYTES} are allowed"
    return json.dumps({**kept, "cause": "invalid_result", "error": error}).encode()


def main() -> None:
    """Evaluate, leave the outcome, and be gone: threads that the evaluation has left running do not keep the process."""
    faulthandler.enable()
    _open_house()
    from orchestrator.worker import libc  # noqa: PLC0415  # house: importable from here on

    libc.buffer_stdout_by_lines()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed outlives a crash
    result = os.environ["ORC_RESULT"]
    with open(os.environ["ORC_PARAMS"], encoding="utf-8") as file:
        batch = json.load(file)
    text = result_text(evaluate(batch))
    with open(result, "wb") as file:
        file.write(text)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # the evaluation has closed it, or the disk is full
            continue
    libc.flush_stdout()
    os._exit(0)


if __name__ == "__main__":
    main()
