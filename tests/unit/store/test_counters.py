"""Claims about counters and sums: whatever happens to an experiment, what is counted and added up equals what is there."""

import contextlib
import tempfile
from pathlib import Path

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.refs import ExperimentId, IterationNumber, Ref, VariantNumber
from orchestrator.domain.states import ExperimentState, IterationState, VariantState
from orchestrator.errors import Conflict
from orchestrator.store.changes.sweeps import CancelWork, EndEarly, RecoverWork, RetryWork
from orchestrator.store.store import Store, open_store
from tests.support.records import Place, add_experiment, end, propose, proposed, rows, start

VARIANTS = 3
ITERATIONS = 2
REFS = st.tuples(st.integers(1, VARIANTS) | st.none(), st.integers(1, ITERATIONS) | st.none())
STEPS = st.one_of(
    st.tuples(st.just("start"), st.integers(1, 4)),
    st.tuples(st.just("end"), st.lists(st.sampled_from(IterationState), min_size=1, max_size=4)),
    st.tuples(st.just("cancel"), REFS),
    st.tuples(st.just("retry"), REFS),
    st.tuples(st.just("lose"), st.none()),
    st.tuples(st.just("propose"), st.integers(1, 5)),
    st.tuples(st.just("stop"), st.none()),
)
COUNTERS: dict[str, list[str]] = {
    "variant": ["evaluated", "failed", "pruned", "cancelled"],
    "iteration": list(IterationState),
}

_SUMMED = """
    SELECT stage, end, cause, sum(attempts), sum(queue_seconds) FROM usage
    WHERE experiment = ? GROUP BY stage, end, cause ORDER BY stage, end, cause
"""
_THERE = """
    SELECT i.stage, a.end, coalesce(a.cause, '') AS cause, count(*), sum(a.queue_seconds) FROM attempt AS a
    JOIN iteration AS i ON i.experiment = a.experiment AND i.variant = a.variant AND i.number = a.iteration
    WHERE a.experiment = ? GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


class Story:
    """One experiment and what is done to it."""

    def __init__(self, store: Store, experiment: int) -> None:
        self.store = store
        self.experiment = experiment

    async def places(self, state: IterationState) -> list[Place]:
        """Where iterations are in this state."""
        query = "SELECT variant, number FROM iteration WHERE experiment = ? AND state = ? ORDER BY variant, number"
        return [(variant, number) for variant, number in await rows(self.store, query, self.experiment, state)]

    def ref(self, parts: tuple[int | None, int | None]) -> Ref:
        """A ref of this experiment."""
        variant, iteration = parts
        if variant is None:
            return Ref(ExperimentId(self.experiment))
        number = None if iteration is None else IterationNumber(iteration)
        return Ref(ExperimentId(self.experiment), VariantNumber(variant), number)

    async def start(self, count: int) -> None:
        """Start what waits."""
        places = (await self.places(IterationState.QUEUED))[:count]
        await self.store.writer.write(start(self.experiment, places))

    async def next_attempt(self) -> int:
        """A number no attempt has yet."""
        found = await rows(self.store, "SELECT coalesce(max(number), 0) + 1 FROM attempt")
        return int(found[0][0])

    async def end(self, targets: list[IterationState]) -> None:
        """End what runs, and the variants that have nothing left to run by it."""
        legal = [target for target in targets if target is not IterationState.RUNNING]
        ended = dict(zip(await self.places(IterationState.RUNNING), legal, strict=False))
        states = {
            (variant, number): IterationState(state)
            for variant, number, state in await rows(
                self.store, "SELECT variant, number, state FROM iteration WHERE experiment = ?", self.experiment
            )
        } | ended
        over = {}
        for variant in {variant for variant, _ in ended}:
            mine = {state for (owner, _), state in states.items() if owner == variant}
            if not mine & {IterationState.QUEUED, IterationState.RUNNING}:
                over[variant] = _end_of(mine)
        await self.store.writer.write(end(self.experiment, ended, attempt=await self.next_attempt(), variants=over))

    async def cancel(self, parts: tuple[int | None, int | None]) -> None:
        """Cancel what waits under a ref."""
        await self.store.writer.write(CancelWork(ref=self.ref(parts), rule="cancelled"))

    async def retry(self, parts: tuple[int | None, int | None]) -> None:
        """Run again what did not succeed under a ref."""
        await self.store.writer.write(RetryWork(ref=self.ref(parts)))

    async def lose(self, _: None) -> None:
        """The daemon went down."""
        await self.store.writer.write(RecoverWork(boot_id="boot"))

    async def propose(self, x: int) -> None:
        """Two more proposals, some of them known."""
        await propose(self.store, self.experiment, [proposed(x, iterations=2), proposed(x + 1, iterations=2)])

    async def stop(self, _: None) -> None:
        """The experiment ends in the middle."""
        ending = EndEarly(
            experiment=self.experiment, target=ExperimentState.CANCELLED, reason="by hand", rule="cancelled"
        )
        await self.store.writer.write(ending)

    async def check(self) -> None:
        """What is counted is what is there."""
        for table, states in COUNTERS.items():
            names = ", ".join(f"{table}s_{state}" for state in states)
            (counted,) = await rows(self.store, f"SELECT {names} FROM experiment WHERE id = ?", self.experiment)
            there = dict(
                await rows(
                    self.store,
                    f"SELECT state, count(*) FROM {table} WHERE experiment = ? GROUP BY state",
                    self.experiment,
                )
            )
            assert counted == tuple(there.get(state, 0) for state in states), table
        (counts,) = await rows(
            self.store,
            "SELECT variant_count, (SELECT count(*) FROM variant WHERE experiment = e.id) FROM experiment AS e WHERE id = ?",
            self.experiment,
        )
        assert counts[0] == counts[1]
        assert await rows(self.store, _SUMMED, self.experiment) == await rows(self.store, _THERE, self.experiment)
        (totals,) = await rows(
            self.store, "SELECT coalesce(sum(attempts), 0), (SELECT count(*) FROM attempt) FROM usage_total"
        )
        assert totals[0] == totals[1]


def _end_of(states: set[IterationState]) -> VariantState:
    if IterationState.FAILED in states:
        return VariantState.FAILED
    return VariantState.CANCELLED if IterationState.CANCELLED in states else VariantState.EVALUATED


async def tell(steps: list[tuple[str, object]]) -> None:
    """Go through the steps; one that the state does not allow is refused and changes nothing."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_store(Path(folder) / "orchestrator.db") as store:
            await add_experiment(store, variants=1, name="another")
            story = Story(store, await add_experiment(store, variants=VARIANTS, iterations=ITERATIONS))
            for name, argument in steps:
                with contextlib.suppress(Conflict):
                    await getattr(story, name)(argument)
                await story.check()


@settings(max_examples=40)
@given(st.lists(STEPS, max_size=14))
def test_counters_equal_what_is_there_after_every_step(steps: list[tuple[str, object]]) -> None:
    """Start, end, queue again, cancel, retry, lose, propose and stop, in any order: every counter equals a count of rows."""
    anyio.run(tell, steps)

    assert steps is not None
