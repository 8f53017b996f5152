"""Tries the import of callables in processes that are thrown away: the daemon itself never imports what a user wrote."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import anyio
from anyio.abc import Process

from orchestrator.errors import Problem
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.interpreter import find_program
from orchestrator.worker import try_import

LONGEST_SECONDS = 10.0


async def try_imports(spec: ExperimentSpec, *, folder: Path, environment: Mapping[str, str]) -> list[Problem]:
    """Import errors of the callables of a spec, each callable tried once, in the environment its stage would have."""
    problems: list[Problem] = []
    tried: set[tuple[str | None, Path, str]] = set()
    for stage in spec.stages:
        workdir = folder / stage.workdir
        if stage.call is None or (stage.interpreter, workdir, stage.call) in tried:
            continue
        tried.add((stage.interpreter, workdir, stage.call))
        error = await _try_import(
            stage.call, stage.interpreter, workdir=workdir, environment={**environment, **stage.env}
        )
        if error is not None:
            problems.append(Problem(f"stage.{stage.name}.call", error))
    return problems


async def _try_import(
    call: str, interpreter: str | None, *, workdir: Path, environment: Mapping[str, str]
) -> str | None:
    """Why `call` cannot be imported, None when it can. Everything the import started is dead when this returns."""
    program = sys.executable
    if interpreter is not None:
        program, _ = find_program(interpreter, workdir=workdir, environment=environment)
    command = [program, str(Path(try_import.__file__)), str(workdir), call, str(LONGEST_SECONDS)]
    async with await anyio.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(environment)
    ) as process:
        try:
            answer = await _all_of(process)
        finally:
            await _end(process)
    try:
        error: str | None = json.loads(answer)["error"]
    except ValueError:
        return f"the process that imported {call} ended without an answer (status {process.returncode})"
    return error


async def _all_of(process: Process) -> bytes:
    assert process.stdout is not None
    return b"".join([piece async for piece in process.stdout])


async def _end(process: Process) -> None:
    """It ends, with all it started, when nobody waits at its standard input."""
    assert process.stdin is not None
    with anyio.CancelScope(shield=True):
        await process.stdin.aclose()
        await process.wait()
