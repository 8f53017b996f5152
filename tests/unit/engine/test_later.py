"""Claims about iterations that wait for their next attempt's time."""

from typing import cast

import pytest

from orchestrator.domain.states import IterationState
from orchestrator.engine.later import Later
from orchestrator.engine.queue import Owner, Ready, WorkQueue
from orchestrator.engine.variant import ActiveIteration, ActiveVariant
from tests.support.inline import InlineExecutor, metrics
from tests.support.plans import plan

pytestmark = pytest.mark.asyncio
MANY = 10_000


class Counted:
    """Matches every iteration, or those with a number, and counts how many it was asked about."""

    def __init__(self, number: int | None = None) -> None:
        self.asked = 0
        self._number = number

    def __call__(self, item: Ready) -> bool:
        """Whether it is the one."""
        self.asked += 1
        return self._number in {None, item.iteration.number}


def work() -> WorkQueue:
    """An experiment's work, with nothing in it."""
    executor = InlineExecutor(lambda *_: metrics(value=1.0))
    return WorkQueue(plan(), cast("Owner", None), lambda _: executor)


def item(variant: int, iteration: int = 1) -> Ready:
    """An iteration that has failed."""
    waiting = ActiveIteration(iteration, "main", None, 1, 7, IterationState.QUEUED)
    return Ready(ActiveVariant(variant, 0, "{}"), waiting, 0.0)


async def test_what_is_due_is_made_ready_in_the_order_of_its_time() -> None:
    """The shorter wait comes first, of equal ones the one that was added first; what is not due stays, and says how long."""
    told: list[None] = []
    later, queue = Later(changed=lambda: told.append(None)), work()
    for variant, seconds in ((1, -1.0), (2, -2.0), (3, 100.0), (4, -1.0)):
        later.add(queue, item(variant), seconds=seconds)
    before = later.until_next(), queue.delayed
    later.release()
    left = later.until_next()

    assert before == (0.0, 4)
    assert [each.key for each in queue.stages["main"].ready] == [(2, 1), (1, 1), (4, 1)]
    assert (queue.delayed, len(told)) == (1, 4)
    assert left == pytest.approx(100, abs=1)
    assert later.left(queue, Counted()) == pytest.approx(100, abs=1)


async def test_what_is_withdrawn_is_neither_waited_for_nor_made_ready() -> None:
    """With the first to be due withdrawn the next one's time counts; with all of them nothing is waited for."""
    later, queue, other = Later(changed=lambda: None), work(), work()
    for variant, seconds in ((1, -1.0), (2, 50.0), (3, 100.0)):
        later.add(queue, item(variant), seconds=seconds)
    later.add(other, item(4), seconds=70.0)
    later.withdraw(queue, Counted(), variant=1)
    times = [later.until_next()]
    later.release()
    later.withdraw(queue, Counted())
    times.append(later.until_next())

    assert times == pytest.approx([50, 70], abs=1)
    assert (queue.ready, queue.delayed, other.delayed) == (0, 0, 1)


async def test_a_variant_is_found_among_ten_thousand_without_looking_at_them() -> None:
    """What concerns one variant looks at its iterations alone, and of those takes the ones that match."""
    later, queue = Later(changed=lambda: None), work()
    for variant in range(1, MANY + 1):
        later.add(queue, item(variant), seconds=100.0)
    later.add(queue, item(77, 2), seconds=50.0)
    waits, withdraws = Counted(2), Counted(2)
    left = later.left(queue, waits, variant=77)
    later.withdraw(queue, withdraws, variant=77)

    assert (waits.asked, withdraws.asked) == (2, 2)
    assert left == pytest.approx(50, abs=1)
    assert queue.delayed == MANY
    assert later.left(queue, Counted(2), variant=77) is None
    assert later.left(queue, Counted(1), variant=77) == pytest.approx(100, abs=20)


async def test_what_was_withdrawn_does_not_pile_up() -> None:
    """After ten thousand waits that were all withdrawn before their time nothing of them is kept."""
    later, queue = Later(changed=lambda: None), work()
    later.add(queue, item(1), seconds=100.0)
    for _ in range(MANY):
        later.add(queue, item(2), seconds=3600.0)
        later.withdraw(queue, Counted(), variant=2)

    assert len(later._heap) <= 2
    assert later.until_next() == pytest.approx(100, abs=20)
