"""What every executor owes the engine when an evaluation forks and both processes come back from its code."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.executors import CALLABLES, opened, run
from tests.support.workloads import light_main, output


@pytest.fixture(autouse=True)
def quick_spawn() -> Iterator[None]:
    """A fresh process does not import pytest."""
    with light_main():
        yield


@pytest.mark.asyncio
class TestForks:
    @CALLABLES
    @pytest.mark.parametrize(("act", "status"), [("return", 0), ("exit", 7)])
    async def test_only_the_process_that_began_it_tells_its_result(
        self, act: str, status: int, name: str, tmp_path: Path
    ) -> None:
        """The forked process ends where it comes back, with the status it left by, and what is measured and what follows is the parent's."""
        async with opened(name, tmp_path, slots=1, threads=1) as rig:
            job = rig.workloads.job("forks")
            result = await run(rig, job, {}, {"act": act}, {})
            after = await run(rig, job, {})
        outcomes = [*(result.outcomes[position] for position in range(3)), after.outcomes[0]]
        assert [(outcome.metrics or {})["value"] for outcome in outcomes] == [outcome.usage.pid for outcome in outcomes]
        assert all((outcome.usage.cpu_seconds or 0) >= 0 for outcome in outcomes)
        assert output(job, 2) == f"status {status}\n"
        if name != "isolated-calls":
            assert len({outcome.usage.pid for outcome in outcomes}) == 1

    @CALLABLES
    async def test_a_result_that_forks_is_that_of_one_process(self, name: str, tmp_path: Path) -> None:
        """A mapping that forks while it is read gives what it gives to the process that evaluates."""
        async with opened(name, tmp_path) as rig:
            result = await run(rig, rig.workloads.job("forks_in_its_result"), {}, {"act": True}, {})
        assert [outcome.metrics for outcome in result.outcomes.values()] == [{"value": 1}] * 3

    @CALLABLES
    async def test_a_module_that_forks_is_loaded_by_one_process(self, name: str, tmp_path: Path) -> None:
        """The process that is forked at import evaluates nothing, whether its import succeeds or fails."""
        async with opened(name, tmp_path) as rig:
            job = rig.workloads.job("number")
            code = "import os\nchild = os.fork()\nif child: os.waitpid(child, 0)\n{}def evaluate(params): return int(child > 0)\n"
            values = []
            for module, line in (("forking", ""), ("failing", "else: raise ValueError\n")):
                Path(job.workdir, f"{module}.py").write_text(code.format(line))
                values.append(await run(rig, replace(job, call=f"{module}:evaluate"), {}))
        assert [result.outcomes[0].metrics for result in values] == [{"value": 1}, {"value": 1}]
