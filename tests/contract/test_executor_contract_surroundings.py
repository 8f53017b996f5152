"""What every executor owes the engine around an evaluation: environment, folder, output, fresh code."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from orchestrator.domain.evaluation import Job
from orchestrator.domain.outcome import Artifact, AttemptEnd
from orchestrator.domain.refs import ExperimentId
from orchestrator.domain.states import Cause
from orchestrator.executors.base import StopSwitch
from orchestrator.worker.code import code_hash
from tests.support.executors import CALLABLES, EACH, PATIENCE_SECONDS, Rig, opened, run
from tests.support.workloads import batch, light_main, output


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


@pytest.mark.asyncio
class TestSurroundings:
    @EACH
    async def test_it_sees_the_environment_and_the_folder_it_was_given(self, name: str, tmp_path: Path) -> None:
        """Nothing of the daemon's environment is there but what the job names; the current directory is the workdir."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("surroundings")
            job = replace(job, environment=(("A", "1"), *job.environment))
            await run(rig, job, {})
        seen = json.loads((output(job, 1) or "").splitlines()[0])
        own = {key: value for key, value in seen["environment"].items() if not key.startswith("ORC_")}
        assert own == dict(job.environment)
        assert seen["folder"] == job.workdir

    @EACH
    async def test_each_attempt_has_its_own_output(self, name: str, tmp_path: Path) -> None:
        """What an evaluation prints is in its own files and nowhere else."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("prints")
            result = await run(rig, job, {"x": 1}, {"x": 2})
        for variant in (1, 2):
            assert (output(job, variant) or "").splitlines()[0] == f"out {variant}"
            assert output(job, variant, "err") == f"err {variant}\n"
        expected = len("out 1\nerr 1\n")
        assert all((outcome.usage.output_bytes or 0) >= expected for outcome in result.outcomes.values())

    @CALLABLES
    async def test_an_evaluation_that_prints_nothing_leaves_no_file(self, name: str, tmp_path: Path) -> None:
        """Output files are made when there is output."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("number")
            result = await run(rig, job, {})
        assert result.outcomes[0].usage.output_bytes == 0
        assert not Path(job.output_folder).exists()

    @EACH
    async def test_huge_output_is_cut_in_its_middle(self, name: str, tmp_path: Path) -> None:
        """Of 20 MB at most the limit is kept: the beginning, the end, and how much is missing between."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("prints_a_lot_from_python" if name == "thread" else "prints_a_lot")
            result = await run(rig, job, {})
        text = output(job, 1) or ""
        assert result.outcomes[0].end is AttemptEnd.SUCCEEDED
        assert (result.outcomes[0].usage.output_bytes or 0) > 20_000_000
        assert len(text) <= 64 * 1024
        assert text.startswith("the beginning\nxxx")
        assert "bytes of output left out" in text
        assert "\nthe end\n" in text[-100:]

    @CALLABLES
    async def test_a_trial_tells_what_the_evaluation_is(self, name: str, tmp_path: Path) -> None:
        """Seeds, case, repeat, attempt, stage, arguments and workdir arrive; the scratch folder is gone after a success."""
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("tells"), arguments_json='{"games": 10}')
            result = await run(rig, job, {})
        told = [json.loads(line) for line in (output(job, 1) or "").splitlines()]
        assert told == [[41, 7, None, 1, 1, "main"], [{"games": 10}, job.workdir]]
        assert result.outcomes[0].metrics == {"scratch_is_a_folder": 1}
        assert sorted(path.name for path in (Path(job.output_folder) / "1").iterdir()) == ["1.1.out"]

    @CALLABLES
    async def test_fresh_code_after_retiring(self, name: str, tmp_path: Path) -> None:
        """An experiment keeps the code it has loaded; after `retire`, in another experiment, and in a process of its own, the edited code runs."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("number")
            module = Path(job.workdir) / "edited.py"
            values = []
            module.write_text("def evaluate(params): return 1\n")
            job = replace(job, call="edited:evaluate")
            values.append(await value_of(rig, job))
            module.write_text("def evaluate(params): return 2\n")
            values.append(await value_of(rig, job))
            values.append(await value_of(rig, replace(job, experiment=ExperimentId(2))))
            await rig.executor.retire(1)
            values.append(await value_of(rig, job))
        assert values == [1, 2 if name == "isolated-calls" else 1, 2, 2]

    @EACH
    async def test_what_is_not_the_code_of_its_hash_is_not_run(self, name: str, tmp_path: Path) -> None:
        """After a change of a file that the code is made of, nothing begins in a fresh process; it does when the change is taken back."""
        async with opened(name, tmp_path) as rig:
            plain = rig.workloads.job("number")
            helper = Path(plain.workdir) / "helper.py"
            helper.write_text("K = 0\n")
            places = ((plain.workdir, "evaluators"), (plain.workdir, "./helper.py"))
            job = replace(plain, code_places=places, code_hash=code_hash(places))
            told = []
            for text in ("K = 0\n", "K = 1\n", "K = 0\n"):
                helper.write_text(text)
                await rig.executor.retire(1)
                result = await run(rig, job, {"x": 5}, {"x": 6})
                told.append([(outcome.metrics, outcome.code_changed) for outcome in result.outcomes.values()])
        right = [({"value": 5}, False), ({"value": 6}, False)]
        assert told == [right, [(None, True)] * 2, right]

    @CALLABLES
    async def test_a_module_may_be_named_like_one_that_is_loaded(self, name: str, tmp_path: Path) -> None:
        """A file or package of the workdir is what is called, whatever the process has under its name, and others keep what they have."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("number")
            evaluate = "def evaluate(params): return 7\n"
            Path(job.workdir, "random.py").write_text(evaluate)
            Path(job.workdir, "typing.py").write_text("import typing\nassert typing.Any\n" + evaluate)
            Path(job.workdir, "time.py").write_text("import time\nassert time.sleep\n" + evaluate)
            package = Path(job.workdir, "json")
            package.mkdir()
            (package / "__init__.py").touch()
            (package / "helper.py").write_text("seven = 7\n")
            (package / "model.py").write_text("from .helper import seven\ndef evaluate(params): return seven\n")
            modules = ("random", "typing", "time", "json.model")
            values = [await value_of(rig, replace(job, call=f"{module}:evaluate")) for module in modules]
            values += [await value_of(rig, replace(job, call=f"{module}:evaluate")) for module in modules]
        assert values == [7] * 8

    @EACH
    async def test_preparing_changes_nothing_but_the_time_it_takes(self, name: str, tmp_path: Path) -> None:
        """`prepare` succeeds whatever is wrong with the workload, and `run` works after it."""
        async with opened(name, tmp_path) as rig:
            broken = rig.workloads.job("number")
            if not rig.commands:
                broken = replace(broken, call="no_such_module:evaluate")
            with anyio.fail_after(PATIENCE_SECONDS):
                await rig.executor.prepare(broken)
                await rig.executor.prepare(rig.workloads.job("number"))
            result = await run(rig, rig.workloads.job("number"), {"x": 5})
        assert result.outcomes[0].metrics == {"value": 5}

    @pytest.mark.parametrize("name", ["process", "thread"])
    async def test_what_is_retired_before_it_was_prepared_imports_nothing(self, name: str, tmp_path: Path) -> None:
        """An experiment that is cancelled while another one has all seats: its code is not loaded when they are free."""
        os.mkfifo(tmp_path / "begun")
        async with opened(name, tmp_path, slots=1, threads=1) as rig:
            busy = rig.workloads.job("waits")
            Path(busy.workdir, "late.py").write_text("open('imported', 'w').close()\ndef evaluate(params): return 1\n")
            late = replace(busy, experiment=ExperimentId(2), call="late:evaluate")
            stop = StopSwitch()
            with anyio.fail_after(PATIENCE_SECONDS):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(rig.executor.run, batch(busy, {"fifo": str(tmp_path / "begun")}), stop)
                    await to_thread.run_sync((tmp_path / "begun").read_bytes, abandon_on_cancel=True)
                    tasks.start_soon(rig.executor.prepare, late)
                    await anyio.wait_all_tasks_blocked()
                    await rig.executor.retire(2)
                    stop.press()
            result = await run(rig, rig.workloads.job("number"), {"x": 5})
            assert result.outcomes[0].metrics == {"value": 5}
            assert not Path(busy.workdir, "imported").exists()

    @CALLABLES
    async def test_what_it_keeps_lies_beside_its_output(self, name: str, tmp_path: Path) -> None:
        """Also when it is killed afterwards (a process of its own tells only at its end); what is too large is named only."""
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("keeps"), artifact_limit_bytes=1000, timeout_seconds=2.0)
            result = await run(rig, job, {}, {"act": True})
        told = (Artifact("model.large", 4000, kept=False), Artifact("model", 7, kept=True))
        assert result.outcomes[0].artifacts == told
        assert result.outcomes[1].cause is Cause.TIMED_OUT
        assert result.outcomes[1].artifacts == (() if name == "isolated-calls" else told)
        for variant in ("1", "2"):
            kept = Path(job.output_folder, variant, "1.1.artifacts")
            assert [(file.name, file.stat().st_size) for file in kept.iterdir()] == [("model", 7)]


async def value_of(rig: Rig, job: Job) -> float:
    """The number a job returns."""
    result = await run(rig, job, {})
    metrics = result.outcomes[0].metrics
    assert metrics is not None, result.outcomes[0].error
    return metrics["value"]
