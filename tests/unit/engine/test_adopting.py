"""What executors have kept is found, taken by its experiment, or ended."""

from collections.abc import Collection, Sequence

import pytest

from orchestrator.domain.evaluation import Batch, BatchResult, Kept
from orchestrator.engine.adopting import find_survivors
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.base import StopSwitch
from tests.support.inline import InlineExecutor, metrics

pytestmark = pytest.mark.asyncio

A, B, C = Kept(1, 1, 1, 1), Kept(1, 2, 1, 1), Kept(2, 1, 1, 3)


class Keeping(InlineExecutor):
    """An executor that has kept something."""

    def __init__(self, *groups: Sequence[Kept]) -> None:
        super().__init__(lambda *_: metrics(value=1.0))
        self.groups = groups
        self.disowned: set[Kept] = set()

    async def survivors(self) -> Sequence[Sequence[Kept]]:
        """As told."""
        return self.groups

    async def adopt(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """As if it had been sent anew."""
        return await self.run(batch, stop)

    def helpers(self) -> Collection[int]:
        """It has none."""
        return ()

    async def disown(self, kept: Collection[Kept]) -> None:
        """Remember it."""
        self.disowned.update(kept)

    def recorded(self, receipt: Collection[str]) -> None:
        """Not asked for here."""

    def let_go(self) -> None:
        """Not asked for here."""


class Unusable(Keeping):
    """One that cannot say."""

    async def survivors(self) -> Sequence[Sequence[Kept]]:
        """It cannot work here."""
        raise ExecutorUnusable("no keeper")


async def test_each_experiment_takes_its_own_and_the_rest_is_ended() -> None:
    """Groups stay in order; what is of another experiment is left for it."""
    executor = Keeping([A, B], [C])
    survivors = await find_survivors({"isolated": executor, "again": executor})
    assert survivors.attempts == {A, B, C}
    assert survivors.take(1) == [(A, B)]
    assert survivors.take(1) == []
    await survivors.disown()
    assert executor.disowned == {C}
    assert survivors.attempts == set()


async def test_what_is_not_wanted_is_ended_at_once() -> None:
    """Another attempt has taken its place on record."""
    executor = Keeping([A, B])
    survivors = await find_survivors({"isolated": executor})
    await survivors.disown(but={A})
    assert executor.disowned == {B}
    assert survivors.take(1) == [(A,)]


async def test_executors_that_keep_nothing_or_cannot_say_are_passed_over() -> None:
    """The daemon starts all the same."""
    others = {"process": InlineExecutor(lambda *_: metrics(value=1.0)), "isolated": Unusable()}
    assert (await find_survivors(others)).attempts == set()
