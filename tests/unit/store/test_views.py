"""Claims about what can be read: the shapes of the interface, complete pages in order, and what removal leaves."""

import json
import re
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from orchestrator.domain.refs import ExperimentId, parse_ref
from orchestrator.domain.states import ExperimentState, IterationState, VariantState
from orchestrator.errors import Conflict, NoBest, StoreBlocked, StoreError
from orchestrator.store.changes.experiments import MoveExperiment, RemoveExperiment
from orchestrator.store.changes.rounds import AddProposals, Decision, Score, ScoreVariants, SelectVariants
from orchestrator.store.journal import Journal
from orchestrator.store.store import Store, open_store
from tests.support.records import add_experiment, end, finish, propose, proposed, rows, start, submission

pytestmark = pytest.mark.asyncio

LISTED = {
    "id",
    "name",
    "state",
    "phase",
    "round",
    "variant_count",
    "iterations",
    "best",
    "created",
    "started",
    "finished",
}
SHOWN = LISTED | {"spec", "seed", "objective", "reason", "selected"}
VARIANT = set(
    "ref params state rule round parents metrics score passed selected iterations".split()  # noqa: SIM905
)
ITERATION = set(
    "ref stage case repeat attempt state cause error seed metrics wall_seconds cpu_seconds max_rss_bytes executor".split()  # noqa: SIM905
) | {"queue_seconds", "read_bytes", "written_bytes", "output_bytes"}
COUNTS = {"total", "succeeded", "failed", "running", "queued", "cancelled"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the database is."""
    return tmp_path / "orchestrator.db"


async def select(store: Store, experiment: int, *variants: int) -> None:
    """Select variants, with a decision."""
    decision = Decision(
        kind="select",
        rule="best",
        message="selected",
        inputs={},
        result={"selected": [f"{experiment}.{number}" for number in variants]},
    )
    change = SelectVariants(experiment=experiment, round=1, variants=variants, best_objective=1.0, decision=decision)
    await store.writer.write(change)


async def test_an_experiment_has_the_shape_of_the_interface(path: Path) -> None:
    """`ls` and `show` give every key of the interface, times with microseconds, and refs for best and selected."""
    async with open_store(path) as store:
        experiment = await add_experiment(store)
        await finish(store, experiment, variants=3)
        await select(store, experiment, 1)
        (listed,) = await store.views.list_experiments(limit=10)
        shown = await store.views.experiment(experiment)

    assert listed.keys() >= LISTED
    assert shown.keys() >= SHOWN
    assert listed["iterations"].keys() == COUNTS
    assert listed["iterations"] == dict.fromkeys(COUNTS, 0) | {"total": 3, "succeeded": 3}
    assert TIME.fullmatch(listed["created"])
    assert TIME.fullmatch(listed["started"])
    assert [listed["finished"], listed["best"], shown["selected"]] == [None, "1.1", ["1.1"]]
    assert shown["objective"] == {"metric": "value", "goal": "minimize"}


async def test_a_variant_has_the_shape_of_the_interface(path: Path) -> None:
    """A variant and each of its iterations have the keys of the interface and of what was measured, with real booleans and numbers."""
    async with open_store(path) as store:
        experiment = await add_experiment(store, iterations=2)
        await store.writer.write(start(experiment, [(1, 1)]))
        await store.writer.write(end(experiment, {(1, 1): IterationState.FAILED}))
        first, second, _ = await store.views.variants(experiment, limit=10)

    assert first.keys() >= VARIANT
    assert [set(iteration) for iteration in first["iterations"]] == [ITERATION, ITERATION]
    assert [iteration["ref"] for iteration in first["iterations"]] == ["1.1.1", "1.1.2"]
    failed = first["iterations"][0]
    assert [failed[key] for key in ("state", "cause", "error", "attempt", "executor")] == [
        "failed",
        "raised",
        "ValueError: no",
        1,
        "inline",
    ]
    assert failed["wall_seconds"] is None
    assert [first["params"], first["selected"], first["passed"], first["parents"]] == [{"x": 1}, False, None, []]
    assert [first["state"], second["state"]] == ["evaluating", "proposed"]


@pytest.mark.parametrize("attempt", [1, 0])
async def test_a_variant_that_has_begun_is_never_shown_as_proposed_again(path: Path, attempt: int) -> None:
    """It is evaluating while its only iteration waits for a second attempt, and when it was given back before it had begun."""
    async with open_store(path) as store:
        experiment = await add_experiment(store)
        await store.writer.write(start(experiment, [(1, 1)]))
        await store.writer.write(end(experiment, {(1, 1): IterationState.QUEUED}, attempt=attempt))
        first, second, _ = await store.views.variants(experiment, limit=10)

    assert [first["iterations"][0]["state"], first["iterations"][0]["attempt"]] == ["queued", attempt]
    assert [first["state"], second["state"]] == ["evaluating", "proposed"]


async def test_an_iteration_tells_all_its_attempts(path: Path) -> None:
    """Every attempt stays on record in order, with its own end and cause; times are text, none is in microseconds."""
    async with open_store(path) as store:
        experiment = await add_experiment(store)
        await store.writer.write(start(experiment, [(2, 1)]))
        await store.writer.write(end(experiment, {(2, 1): IterationState.QUEUED}))
        await store.writer.write(start(experiment, [(2, 1)]))
        await store.writer.write(
            end(experiment, {(2, 1): IterationState.FAILED}, attempt=2, variants={2: VariantState.FAILED})
        )
        found = await store.views.iteration(parse_ref(f"{experiment}.2.1"))

    assert [(one["attempt"], one["end"], one["cause"]) for one in found["attempts"]] == [
        (1, "interrupted", None),
        (2, "failed", "raised"),
    ]
    assert found["params"] == {"x": 2}
    assert not any(key.endswith("_us") for attempt in found["attempts"] for key in attempt)


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_pages_are_complete_and_in_order(path: Path, limit: int) -> None:
    """Paging by the last number seen gives every variant once, in order, whatever the size of a page; so it does experiments."""
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=20, iterations=2)
        for number in range(9):
            await store.writer.write(submission(name=f"e{number}"))
        variants: list[str] = []
        while page := await store.views.variants(experiment, limit=limit, after=len(variants)):
            assert len(page) <= limit
            variants += [variant["ref"] for variant in page]
        experiments: list[int] = []
        while listed := await store.views.list_experiments(limit=limit, after=experiments[-1] if experiments else None):
            experiments += [row["id"] for row in listed]

    assert variants == [f"{experiment}.{number}" for number in range(1, 21)]
    assert experiments == list(range(10, 0, -1))


async def test_the_best_is_the_smallest_rank_among_what_passed(path: Path) -> None:
    """With verdicts given, the best is the best-ranked variant that passed; before anything passed there is none."""
    async with open_store(path) as store:
        experiment = await add_experiment(store)
        ref = parse_ref(str(experiment))
        with pytest.raises(NoBest):
            await store.views.best(ref)
        await finish(store, experiment, variants=3)
        scores = (Score(1, 0.2, False, "[]"), Score(2, 0.9, True, "[]"), Score(3, 0.8, True, "[]"))
        await store.writer.write(ScoreVariants(experiment=experiment, scores=scores))
        best = await store.views.best(ref)

    assert best == {"ref": "1.2", "params": {"x": 2}, "metrics": {"value": 2.0}, "spread": None, "score": 0.9}


async def test_a_repeated_proposal_points_at_the_first_variant(path: Path) -> None:
    """Parameters that are known make no variant: the proposal is kept with the number of the first, and told as a duplicate."""
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=2)
        answer = await propose(store, experiment, [proposed(2), proposed(3), proposed(3), proposed(2.0)])
        runs = await rows(store, "SELECT ordinal, variant, count FROM proposal ORDER BY ordinal")
        asked = [{"experiment": experiment, "variant": number} for number in (1, 2, 3, 4)]
        origins = [(await store.views.read("variant_origin", one))["proposals"] for one in asked]
        told = (await Journal(store.views).events(since=0, limit=100))[-1]

    assert answer == (2, 4)
    assert runs == [(1, 1, 2), (3, 2, 2), (5, 3, 2)]
    assert origins == [[[1, 1]], [[1, 2], [1, 3]], [[1, 4], [1, 5]], [[1, 6]]]
    assert [told["kind"], told["count"], told["duplicates"]] == ["variants_proposed", 2, 2]


async def test_a_variant_is_never_taken_for_another_one_with_its_hash(path: Path) -> None:
    """Should two different ones ever have the same, the second is refused, in the same part of a round and in a later one."""
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=1)
        twin = proposed(2)._replace(hash=proposed(1).hash)
        other_twin = proposed(3)._replace(hash=proposed(4).hash)
        for proposals in ([twin], [proposed(4), other_twin]):
            with pytest.raises(StoreError, match="UNIQUE"):
                await propose(store, experiment, proposals)
        params = [variant["params"]["x"] for variant in await store.views.variants(experiment, limit=9)]

    assert params == [1]


async def test_proposals_are_stored_in_their_order(tmp_path: Path) -> None:
    """A later part of a round that comes while an earlier one is refused is told to wait, and numbers follow the order of proposing."""
    async with open_store(tmp_path / "orchestrator.db") as store:
        experiment = await add_experiment(store, variants=1)
        later = AddProposals(
            experiment=experiment, round=1, approach="main", first_ordinal=3, proposals=(proposed(3), proposed(4))
        )
        with pytest.raises(StoreBlocked, match="before 3"):
            await store.writer.write(later)
        await propose(store, experiment, [proposed(2)])
        await store.writer.write(later)
        params = [variant["params"]["x"] for variant in await store.views.variants(experiment, limit=9)]

    assert params == [1, 2, 3, 4]


async def test_proposals_that_are_committed_together_are_numbered_one_after_the_other(path: Path) -> None:
    """Two parts of a round share a transaction: the second begins where the first ends, though no counter is on record yet."""
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=1)
        parts = [
            AddProposals(
                experiment=experiment, round=1, approach="main", first_ordinal=first, proposals=(proposed(first),)
            )
            for first in (2, 3, 4)
        ]
        async with anyio.create_task_group() as tasks:
            for part in parts:
                tasks.start_soon(store.writer.write, part)
        params = [variant["params"]["x"] for variant in await store.views.variants(experiment, limit=9)]
        times = {event["time"] for event in (await Journal(store.views).events(since=0, limit=100))[-3:]}

    assert params == [1, 2, 3, 4]
    assert len(times) == 1


async def test_proposals_beyond_the_room_are_left_out(path: Path) -> None:
    """With room for one new variant, everything from the second new one on is left out, a known one before it is not."""
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=1)
        proposals = [proposed(1), proposed(2), proposed(1), proposed(3), proposed(1)]
        answer = await propose(store, experiment, proposals, room=1)

    assert answer == (1, 3)


@pytest.mark.parametrize("together", [1, 2, 3])
async def test_a_repeated_proposal_needs_no_room_however_proposals_are_parted(path: Path, together: int) -> None:
    """Known variants are pointed at where nothing new has room any more: what is taken does not depend on what was committed together."""
    proposals = [proposed(3), proposed(4), proposed(1), proposed(2), proposed(5), proposed(1)]
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=2)
        room, taken = 2, 0
        for first in range(0, len(proposals), together):
            part = proposals[first : first + together]
            new, done = await propose(store, experiment, part, room=room)
            room, taken = room - new, taken + done
            if done < len(part):
                break

    assert (room, taken) == (0, 4)


async def test_one_idempotency_key_makes_one_experiment(path: Path) -> None:
    """The same key again gives the first experiment and makes none; without a key each submission makes one."""
    async with open_store(path) as store:
        answers = [await store.writer.write(submission(key=key)) for key in ("k", "k", "other", None, None)]

        assert answers == [(1, True), (1, False), (2, True), (3, True), (4, True)]
        assert len(await Journal(store.views).events(since=0, limit=10)) == 4


async def test_an_idempotency_key_stands_for_one_submission_only(path: Path) -> None:
    """The same key with another file is refused, and makes nothing."""
    async with open_store(path) as store:
        first = submission(key="k")
        await store.writer.write(first)
        with pytest.raises(Conflict, match="experiment 1"):
            await store.writer.write(replace(first, folder="/elsewhere"))

        assert len(await store.views.list_experiments(limit=10)) == 1


async def test_removal_takes_everything_but_the_events(path: Path) -> None:
    """Removing an ended experiment leaves no row of it in any table but the events; its id is never given again."""
    async with open_store(path) as store:
        kept = await add_experiment(store)
        gone = await add_experiment(store)
        await finish(store, gone, variants=3)
        await select(store, gone, 1)
        with pytest.raises(Conflict) as caught:
            await store.writer.write(RemoveExperiment(experiment=gone))
        await store.writer.write(MoveExperiment(experiment=gone, target=ExperimentState.SUCCEEDED))
        await store.writer.write(RemoveExperiment(experiment=gone))
        left = {
            table: await rows(store, f"SELECT count(*) FROM {table} WHERE experiment = ?", gone)
            for table in ("round", "proposal", "variant", "iteration", "attempt", "decision")
        }
        events = await Journal(store.views).events(since=0, limit=100, experiment=gone)

        assert caught.value.hint == "cancel it first: orc cancel 2"
        assert set(map(str, left.values())) == {"[(0,)]"}
        assert [events[0]["kind"], events[-1]["kind"]] == ["experiment_submitted", "experiment_removed"]
        assert [row["id"] for row in await store.views.list_experiments(limit=10)] == [kept]
        assert await add_experiment(store) == 3


async def test_what_was_decided_of_a_variant_is_told_from_its_proposal_on(path: Path) -> None:
    """`why` of a variant tells how it was proposed, each time, its verdict, and the decisions that name it."""
    async with open_store(path) as store:
        experiment = await add_experiment(store, variants=2)
        await propose(store, experiment, [proposed(2)])
        await finish(store, experiment, variants=2)
        await store.writer.write(
            ScoreVariants(experiment=experiment, scores=(Score(2, 0.75, True, '[{"text": "fine"}]'),))
        )
        await select(store, experiment, 2)
        told = await store.views.decisions(parse_ref("1.2"))
        all_told = await store.views.decisions(parse_ref("1"))

    assert [(one["kind"], one["rule"]) for one in told] == [
        ("generate", "proposed"),
        ("generate", "repeated"),
        ("gate", "passed"),
        ("select", "best"),
    ]
    assert told[2]["inputs"] == {"criteria": [{"text": "fine"}]}
    assert told[2]["message"] == "score 0.75: passed the gate"
    assert [one["kind"] for one in all_told] == ["select"]
    assert TIME.fullmatch(all_told[0]["time"])


async def test_sizes_are_those_of_the_files(path: Path) -> None:
    """The sizes that status shows are the bytes of the database file and of its write-ahead log."""
    async with open_store(path) as store:
        await add_experiment(store)
        sizes = store.views.sizes()

        assert sizes == {
            "bytes": path.stat().st_size,
            "wal_bytes": path.with_name(path.name + "-wal").stat().st_size,
        }


async def test_a_view_is_plain_json(path: Path) -> None:
    """Everything a view gives can be written as JSON as it is."""
    async with open_store(path) as store:
        experiment = await add_experiment(store)
        await finish(store, experiment, variants=3)
        found = [
            await store.views.experiment(experiment),
            await store.views.variants(experiment, limit=10),
            await store.views.iteration(parse_ref("1.1.1")),
            await store.views.whole(ExperimentId(experiment)),
        ]

    assert json.loads(json.dumps(found, allow_nan=False)) == found
