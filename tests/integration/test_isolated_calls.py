"""Isolated callables: other interpreters, what they see, and many of them at one instant."""

import json
import os
import sys
import sysconfig
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.api.interpreters import ask_interpreter
from orchestrator.domain.evaluation import Job
from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from orchestrator.spec.interpreter import Interpreter, unfit
from tests.support.commands import isolated, only
from tests.support.executors import children, open_files
from tests.support.workloads import Calls, batch, output

pytestmark = pytest.mark.asyncio


def others() -> Iterator[str]:
    """Interpreters of this machine that can run callables, the oldest and the newest that can be found."""
    home = Path(sys.base_prefix).parent
    found = [str(file) for file in sorted(home.glob("3.*/bin/python"))]
    known = {program: ask_interpreter(program, module="json", workdir=Path("/"), environment={}) for program in found}
    fit = {
        program: it for program, it in known.items() if isinstance(it, Interpreter) and unfit(it, program="") is None
    }
    by_version = sorted(fit, key=lambda program: fit[program].version)
    yield from dict.fromkeys([*by_version[:1], *by_version[-1:]])


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """The interpreter of a virtual environment with nothing in it."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    return str(tmp_path / "venv" / "bin" / "python")


async def evaluated(job: Job, folder: Path, parameters: dict[str, object] | None = None) -> Outcome:
    """What comes of one evaluation in an executor of its own."""
    async with isolated(folder) as executor:
        return only(await executor.run(batch(job, parameters or {}), StopSwitch()))


async def test_an_environment_without_this_package_runs_it_all_the_same(tmp_path: Path, bare: str) -> None:
    """It has its own site-packages and its own prefix; of ours only the worker can be imported, by its usual name."""
    job = Calls(tmp_path).job("number")
    (Path(job.workdir) / "curious.py").write_text(
        "import importlib.util, json, sys\n"
        "from orchestrator.worker import Pruned, Trial\n"
        "def evaluate(params, trial: Trial):\n"
        "    names = ('pydantic', 'anyio', 'code', 'limits')\n"
        "    found = {n: getattr(importlib.util.find_spec(n), 'origin', None) for n in names}\n"
        "    print(json.dumps([sys.prefix, found, sys.path[0]]))\n"
        "    return trial.seed\n"
    )
    outcome = await evaluated(replace(job, call="curious:evaluate", python=bare), tmp_path)
    assert (outcome.error, outcome.metrics) == (None, {"value": 41})
    prefix, found, first = json.loads(output(job, 1) or "")
    assert prefix == str(Path(bare).parents[1])
    assert first == job.workdir
    assert (found["pydantic"], found["anyio"], found["limits"]) == (None, None, None)
    assert Path(found["code"]).parent == Path(sysconfig.get_path("stdlib"))  # and not the worker's module of that name


@pytest.mark.parametrize("python", list(others()) or [sys.executable])
async def test_other_versions_run_it(tmp_path: Path, python: str) -> None:
    """The oldest and the newest on this machine give metrics, tracebacks and trials alike."""
    calls = Calls(tmp_path)
    jobs = [replace(calls.job(name), python=python) for name in ("mapping", "coroutine", "raises", "tells")]
    outcomes = [await evaluated(job, tmp_path, {"act": True}) for job in jobs]
    assert outcomes[0].metrics == {"ratio": 0.5, "count": 3}
    assert outcomes[1].metrics == {"value": 2.0}
    assert outcomes[2].cause is Cause.RAISED
    assert (outcomes[2].error or "").rstrip().endswith("ValueError: the parameters are not to my taste")
    assert outcomes[3].metrics == {"scratch_is_a_folder": 1}


async def test_the_worker_is_compiled_by_the_oldest_version(tmp_path: Path) -> None:
    """Every file that may run elsewhere is imported by the oldest interpreter there is."""
    oldest = next(others(), sys.executable)
    modules = (
        "batch commands failures isolated_call journal lane libc limits loading outcomes results streams trial usage"
    )
    program = "import sys; sys.path.insert(0, sys.argv[1]); import importlib; " + "; ".join(
        f"importlib.import_module('orchestrator.worker.{name}')" for name in modules.split()
    )
    root = str(Path(__file__).resolve().parents[2])
    done = await anyio.run_process([oldest, "-B", "-c", program, root], check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


async def test_an_interpreter_that_has_gone_ends_the_experiment_with_its_name(tmp_path: Path) -> None:
    """Nothing of it can run: it is told as an import that failed, and never tried again."""
    gone = str(tmp_path / "gone" / "python")
    outcome = await evaluated(replace(Calls(tmp_path).job("number"), python=gone), tmp_path)
    assert outcome.import_failed
    assert gone in (outcome.error or "")


async def test_what_leaves_without_a_result_has_failed(tmp_path: Path) -> None:
    """Status 0 is no success: the evaluation has not returned."""
    job = Calls(tmp_path).job("number")
    (Path(job.workdir) / "leaver.py").write_text("import os\ndef evaluate(params): os._exit(0)\n")
    outcome = await evaluated(replace(job, call="leaver:evaluate"), tmp_path)
    assert outcome.cause is Cause.EXITED
    assert "before the evaluation had returned" in (outcome.error or "")


async def test_threads_that_were_left_running_do_not_keep_it(tmp_path: Path) -> None:
    """An evaluation has ended when it has returned; what it printed and registered before counts."""
    job = Calls(tmp_path).job("number")
    (Path(job.workdir) / "threads.py").write_text(
        "import sys, threading\n"
        "def evaluate(params):\n"
        "    threading.Thread(target=threading.Event().wait).start()\n"
        "    sys.stdout.write('no newline')\n"
        "    return 5\n"
    )
    with anyio.fail_after(20):
        outcome = await evaluated(replace(job, call="threads:evaluate"), tmp_path)
    assert outcome.metrics == {"value": 5}
    assert output(job, 1) == "no newline"


async def test_a_result_that_is_too_long_is_told(tmp_path: Path) -> None:
    """A megabyte of metrics is an invalid result; megabytes of reports are left out."""
    job = Calls(tmp_path).job("number")
    (Path(job.workdir) / "long.py").write_text("def evaluate(params): return {str(n) * 20: n for n in range(20000)}\n")
    outcome = await evaluated(replace(job, call="long:evaluate"), tmp_path)
    assert outcome.cause is Cause.INVALID_RESULT
    assert "at most 1048576" in (outcome.error or "")


async def test_sixty_four_at_one_instant_leave_nothing(tmp_path: Path) -> None:
    """Each waits until all have begun, twice over; descriptors and processes are what they were."""
    fifos = tmp_path / "begun", tmp_path / "go"
    for fifo in fifos:
        os.mkfifo(fifo)
    job = Calls(tmp_path).job("number")
    (Path(job.workdir) / "meeting.py").write_text(
        "def evaluate(params):\n"
        "    with open(params['begun'], 'wb', 0) as begun: begun.write(b'x')\n"
        "    with open(params['go'], 'rb', 0) as go: go.read(1)\n"
        "    return 1\n"
    )
    job = replace(job, call="meeting:evaluate")
    ends: list[AttemptEnd] = []
    gate = os.open(fifos[1], os.O_RDWR)  # held to the end: one that is late to open it must not find nobody there

    def open_the_gate() -> None:
        with fifos[0].open("rb") as file:
            heard = 0
            while heard < 64:
                heard += len(file.read(1))
        os.write(gate, b"x" * 64)

    async with isolated(tmp_path) as executor:

        async def one(number: int) -> None:
            work = batch(job, {"begun": str(fifos[0]), "go": str(fifos[1])}, first=number)
            ends.append(only(await executor.run(work, StopSwitch())).end)

        marks = []
        for turn in range(2):
            async with anyio.create_task_group() as tasks:
                for number in range(64):
                    tasks.start_soon(one, 1 + 64 * turn + number)
                await anyio.to_thread.run_sync(open_the_gate)
            marks.append((children(), set(open_files().values())))
    os.close(gate)
    assert ends == [AttemptEnd.SUCCEEDED] * 128
    assert marks[0] == marks[1]
