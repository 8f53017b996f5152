"""What every executor owes the engine, whatever a workload does: an answer for each evaluation."""

from collections.abc import Iterator
from dataclasses import replace
from os import getpid
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.evaluation import BatchResult
from orchestrator.domain.states import Cause
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors import registry
from tests.support.executors import (
    CALLABLES,
    EACH,
    MEMBERS,
    expect_a_death,
    expect_only_the_middle_to_fail,
    opened,
    run,
)
from tests.support.workloads import light_main, output


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


def test_every_registered_executor_is_held_to_the_contract() -> None:
    """Whatever is bundled is in the list of members."""
    assert set(registry.BUNDLED) | {"isolated", "isolated-calls"} == set(MEMBERS)


@pytest.mark.asyncio
class TestResults:
    @EACH
    async def test_a_number_is_the_metric_value(self, name: str, tmp_path: Path) -> None:
        """A number that is returned is the metric `value`, and the attempt carries its measured numbers."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("number"), {"x": 3}, {"x": 1.5})
        assert [result.outcomes[position].metrics for position in (0, 1)] == [{"value": 3}, {"value": 1.5}]
        usage = result.outcomes[0].usage
        assert (usage.wall_seconds or 0) > 0
        assert (usage.cpu_seconds or 0) > 0
        assert usage.pid is not None
        assert usage.pid != getpid()
        assert (usage.finished_us or 0) >= (usage.started_us or 1)

    @EACH
    async def test_a_mapping_is_metrics(self, name: str, tmp_path: Path) -> None:
        """A flat mapping keeps its names, and whole numbers stay whole."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("mapping"), {})
        metrics = result.outcomes[0].metrics
        assert metrics == {"ratio": 0.5, "count": 3}
        assert metrics is not None
        assert isinstance(metrics["count"], int)

    @EACH
    async def test_a_coroutine_is_awaited(self, name: str, tmp_path: Path) -> None:
        """What an async function returns counts like what any function returns."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("coroutine"), {}, {})
        assert [outcome.metrics for outcome in result.outcomes.values()] == [{"value": 2.0}, {"value": 2.0}]

    @EACH
    async def test_many_evaluations_all_come_back_in_order(self, name: str, tmp_path: Path) -> None:
        """Ten thousand evaluations in ten batches at once give ten thousand outcomes, each its own (isolated: 40)."""
        async with opened(name, tmp_path) as rig:
            size = 4 if rig.executor.abilities.runs_commands else 1000
            results: dict[int, BatchResult] = {}

            async def one(number: int) -> None:
                chunk: list[dict[str, object]] = [{"x": number * size + offset} for offset in range(size)]
                results[number] = await run(rig, rig.workloads.job("number"), *chunk, first=number * size + 1)

            async with anyio.create_task_group() as tasks:
                for number in range(10):
                    tasks.start_soon(one, number)
        for number, result in results.items():
            values = [(result.outcomes[offset].metrics or {})["value"] for offset in range(size)]
            assert values == list(range(number * size, (number + 1) * size))


@pytest.mark.asyncio
class TestFailures:
    @EACH
    async def test_an_exception_costs_its_own_evaluation_only(self, name: str, tmp_path: Path) -> None:
        """The cause is `raised` with the traceback from the workload's own frame on; a command exits with 1."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("raises"), {}, {"act": True}, {})
            text = expect_only_the_middle_to_fail(result, Cause.EXITED if rig.commands else Cause.RAISED)
            if not rig.commands:
                assert text.startswith("Traceback")
                assert "not to my taste" in text
                assert "orchestrator/worker" not in text

    @EACH
    async def test_what_is_not_finite_is_an_invalid_result(self, name: str, tmp_path: Path) -> None:
        """A NaN among the metrics fails the evaluation and the text names the metric."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("not_finite"), {}, {"act": True}, {})
        assert "loss" in expect_only_the_middle_to_fail(result, Cause.INVALID_RESULT)

    @CALLABLES
    async def test_what_cannot_be_pickled_is_an_invalid_result(self, name: str, tmp_path: Path) -> None:
        """A lambda that is returned breaks nothing: it is no number."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("returns_a_function"), {}, {"act": True}, {})
        assert "function" in expect_only_the_middle_to_fail(result, Cause.INVALID_RESULT)

    @EACH
    async def test_system_exit_is_an_exit_status(self, name: str, tmp_path: Path) -> None:
        """`sys.exit(4)` ends the evaluation with exit status 4 and not the batch."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("leaves_politely"), {}, {"act": True}, {})
        expect_only_the_middle_to_fail(result, Cause.EXITED)
        assert result.outcomes[1].exit_status == 4

    @EACH
    async def test_a_process_that_leaves_at_once_tells_its_status(self, name: str, tmp_path: Path) -> None:
        """`os._exit(3)` fails the evaluation that executed with exit status 3."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("leaves_at_once"), {}, {"act": True}, {})
        expect_a_death(result, Cause.EXITED)
        assert result.outcomes[1].exit_status == 3

    @EACH
    async def test_a_crash_names_its_signal_and_keeps_the_output(self, name: str, tmp_path: Path) -> None:
        """A segmentation fault is `signalled`, with the signal's name, and what was printed before is kept."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("crashes")
            result = await run(rig, job, {}, {"act": True}, {})
            assert "SIGSEGV" in expect_a_death(result, Cause.SIGNALLED)
            assert result.outcomes[1].exit_status == -11
            if not rig.commands:
                assert (output(job, 2) or "").startswith("last words")
            after = await run(rig, rig.workloads.job("number"), {"x": 5})
        assert after.outcomes[0].metrics == {"value": 5}

    @CALLABLES
    @pytest.mark.parametrize("workload", ["breaks_its_worker", "closes_all_descriptors"])
    async def test_what_breaks_its_worker_is_charged(self, workload: str, name: str, tmp_path: Path) -> None:
        """It fails and is not sent again as if nothing had been begun; what comes next runs in a fresh process."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job(workload)
            result = await run(rig, job, {"act": True})
            after = await run(rig, job, {})
        assert result.outcomes[0].cause in {Cause.WORKER_LOST, Cause.SIGNALLED, Cause.EXITED}
        assert after.outcomes[0].metrics == {"value": 1}

    @CALLABLES
    async def test_a_module_that_cannot_be_imported_says_so(self, name: str, tmp_path: Path) -> None:
        """Every evaluation fails with `import_failed` and the import's own error."""
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("number"), call="no_such_module:evaluate")
            result = await run(rig, job, {}, {})
        assert all(outcome.import_failed for outcome in result.outcomes.values())
        assert "No module named 'no_such_module'" in (result.outcomes[0].error or "")

    @CALLABLES
    async def test_a_folder_that_is_gone_says_so(self, name: str, tmp_path: Path) -> None:
        """A workdir that does not exist fails the evaluations as an import does, and names the folder."""
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("number"), workdir=str(tmp_path / "gone"))
            result = await run(rig, job, {})
        assert result.outcomes[0].import_failed
        assert str(tmp_path / "gone") in (result.outcomes[0].error or "")

    @EACH
    async def test_what_it_cannot_run_it_refuses_before_anything_begins(self, name: str, tmp_path: Path) -> None:
        """A job that is neither a callable nor a command makes `run` raise ExecutorUnusable."""
        async with opened(name, tmp_path) as rig:
            job = replace(rig.workloads.job("number"), call=None, command=None)
            with pytest.raises(ExecutorUnusable):
                await run(rig, job, {})
