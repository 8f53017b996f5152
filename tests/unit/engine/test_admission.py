"""Claims about the admission decision: everything it returns, what starts and why each of the rest waits, is compared."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.admission import MEMORY, MEMORY_SOON, STANDBY, QueueView, StageView, Start, Wait, admit


def stage(name: str = "main", *, ready: int = 10, batch: int = 1, **more: Any) -> StageView:
    """A stage with something ready."""
    return StageView(name=name, ready=ready, batch=batch, **{"permit": "slot", "running": 0, "width": None, **more})


def queue(experiment: int, *stages: StageView, **more: Any) -> QueueView:
    """One experiment's work."""
    facts: dict[str, Any] = {
        "rank": 0,
        "weight": 1.0,
        "turns": {"slot": 0.0, "thread": 0.0},
        "last_served": 0,
        "max_parallel": 100,
        "running": 0,
        "paused": False,
        **more,
    }
    return QueueView(experiment=experiment, stages=stages or (stage(),), **facts)


def turn(of_slots: float) -> dict[str, float]:
    """Turns of which that for slots is given."""
    return {"slot": of_slots, "thread": 0.0}


def free(*, slot: int = 0, thread: int = 0, standby: int = 0, memory: int | None = None) -> dict[str, int]:
    """Free permits and memory by kind."""
    return {"slot": slot, "thread": thread, STANDBY: standby} | ({} if memory is None else {MEMORY: memory})


def test_nothing_to_do_is_nothing_done() -> None:
    """Without work nothing starts and nothing waits."""
    found = admit([], free(slot=2))

    assert (found.starts, found.waits) == ((), {})


def test_as_many_batches_start_as_permits_are_free() -> None:
    """Two slots take two batches, and what is left waits for slots."""
    found = admit([queue(1, stage(ready=7, batch=3))], free(slot=2))

    assert found.starts == (Start(1, "main", 3), Start(1, "main", 3))
    assert found.waits == {(1, "main"): Wait.SLOTS}


def test_the_last_batch_holds_what_is_left() -> None:
    """A batch is never larger than what is ready, and with nothing left nothing waits."""
    found = admit([queue(1, stage(ready=4, batch=3))], free(slot=5))

    assert found.starts == (Start(1, "main", 3), Start(1, "main", 1))
    assert found.waits == {}


def test_equal_experiments_take_turns() -> None:
    """Of two experiments of one rank the one with the smaller turn goes first, then they alternate."""
    found = admit([queue(1, turns=turn(9.02)), queue(2, turns=turn(9.0))], free(slot=4))

    assert [start.experiment for start in found.starts] == [2, 1, 2, 1]
    assert found.waits == {(1, "main"): Wait.SLOTS, (2, "main"): Wait.SLOTS}


def test_what_waits_behind_a_higher_priority_is_told_so() -> None:
    """When two want the last slot the lower priority waits for the higher one, and the higher one for slots."""
    found = admit([queue(1), queue(2, rank=3)], free(slot=1))

    assert found.starts == (Start(2, "main", 1),)
    assert found.waits == {(1, "main"): Wait.PRIORITY, (2, "main"): Wait.SLOTS}


def test_a_higher_priority_goes_first_until_it_can_use_no_more() -> None:
    """All slots go to the higher priority as far as its own limit; only then the lower one is served."""
    found = admit([queue(1), queue(2, rank=5, max_parallel=3)], free(slot=4))

    assert [start.experiment for start in found.starts] == [2, 2, 2, 1]
    assert found.waits == {(1, "main"): Wait.SLOTS, (2, "main"): Wait.MAX_PARALLEL}


def test_max_parallel_counts_what_runs_already() -> None:
    """An experiment with two batches running and room for three starts one more."""
    found = admit([queue(1, max_parallel=3, running=2)], free(slot=4))

    assert found.starts == (Start(1, "main", 1),)
    assert found.waits == {(1, "main"): Wait.MAX_PARALLEL}


def test_a_paused_experiment_waits_and_the_others_do_not() -> None:
    """Nothing of a paused experiment starts, whatever its priority."""
    found = admit([queue(1, paused=True, rank=9), queue(2, stage(ready=1))], free(slot=4))

    assert found.starts == (Start(2, "main", 1),)
    assert found.waits == {(1, "main"): Wait.PAUSED}


def test_permits_are_of_a_kind() -> None:
    """A stage on threads starts with no slot free, and one on slots does not take threads."""
    stages = (stage("net", permit="thread", ready=3), stage("cpu"))
    found = admit([queue(1, *stages)], free(thread=2))

    assert found.starts == (Start(1, "net", 1), Start(1, "net", 1))
    assert found.waits == {(1, "net"): Wait.THREADS, (1, "cpu"): Wait.SLOTS}


def test_a_stage_is_no_wider_than_its_executor() -> None:
    """With a width of one, one batch runs and the other stages go on."""
    found = admit([queue(1, stage("one", width=1, running=1), stage("wide", ready=1))], free(slot=4))

    assert found.starts == (Start(1, "wide", 1),)
    assert found.waits == {(1, "one"): Wait.WIDTH}


def test_stages_are_served_in_the_order_given() -> None:
    """The first stage named is emptied before the next one starts."""
    found = admit([queue(1, stage("late", ready=2), stage("early"))], free(slot=3))

    assert [start.stage for start in found.starts] == ["late", "late", "early"]


def test_a_closed_door_lets_nothing_in_and_says_why() -> None:
    """While draining everything waits for that reason, also what was paused."""
    found = admit([queue(1), queue(2, paused=True)], free(slot=4, standby=4), closed=Wait.DRAINING)

    assert found.starts == ()
    assert found.waits == {(1, "main"): Wait.DRAINING, (2, "main"): Wait.DRAINING}


def test_short_batches_stand_by_when_no_permit_is_free() -> None:
    """With all slots busy a short batch is let in to stand by, a long one is not."""
    short = admit([queue(1, stage(ready=3, short=True))], free(standby=2))
    long = admit([queue(1, stage(ready=3))], free(standby=2))

    assert short.starts == (Start(1, "main", 1), Start(1, "main", 1))
    assert long.starts == ()
    assert short.waits == long.waits == {(1, "main"): Wait.SLOTS}


def test_standing_by_does_not_keep_others_from_their_turn() -> None:
    """While a long batch waits for a slot, no short one is let in to stand by: it would take the next slot, again and again."""
    busy = queue(1, stage(short=True), running=3, turns=turn(3.0))
    found = admit([busy, queue(2, turns=turn(7.0))], free(standby=1))

    assert found.starts == ()
    assert found.waits == {(1, "main"): Wait.SLOTS, (2, "main"): Wait.SLOTS}


def test_who_cannot_start_anyway_keeps_nobody_from_standing_by() -> None:
    """A long batch that waits for its own limit, a pause or another kind of permit does not hold up the short ones."""
    rest = [queue(2, max_parallel=1, running=1), queue(3, paused=True), queue(4, stage(permit="thread"))]
    found = admit([queue(1, stage(short=True, ready=1)), *rest], free(standby=1))

    assert found.starts == (Start(1, "main", 1),)
    assert found.waits == {(2, "main"): Wait.MAX_PARALLEL, (3, "main"): Wait.PAUSED, (4, "main"): Wait.THREADS}


def test_declared_memory_must_fit() -> None:
    """Of batches that declare 3 each two fit into 8; the next waits for memory, and what declares nothing goes on."""
    hungry, frugal = stage("hungry", claims=((MEMORY, 3),)), stage("frugal", ready=1)
    found = admit([queue(1, hungry, frugal)], free(slot=5, memory=8))

    assert found.starts == (Start(1, "hungry", 1), Start(1, "hungry", 1), Start(1, "frugal", 1))
    assert found.waits == {(1, "hungry"): Wait.DECLARED_MEMORY}


def test_who_declares_much_memory_is_not_overtaken_for_ever() -> None:
    """What declares 6 waits with 4 free until others end and 8 will be; those behind it that declare any wait as well, the rest not."""
    large, small = queue(1, stage(claims=((MEMORY, 6),))), stage("small", claims=((MEMORY, 1),))
    behind = queue(2, small, stage("frugal", ready=1), turns=turn(1.0))
    waits = {(1, "main"): Wait.DECLARED_MEMORY, (2, "small"): Wait.DECLARED_MEMORY}
    kept = admit([large, behind], free(slot=3, memory=4) | {MEMORY_SOON: 8})

    assert (kept.starts, kept.waits) == ((Start(2, "frugal", 1),), waits)


def test_nothing_is_kept_for_what_never_fits() -> None:
    """What declares more than will be free when all others have ended keeps nobody waiting, nor does what lacks a slot as well."""
    large, small = queue(1, stage(claims=((MEMORY, 60),))), queue(2, stage(claims=((MEMORY, 1),)), turns=turn(1.0))
    never = admit([large, small], free(slot=3, memory=4) | {MEMORY_SOON: 8})
    threads = queue(1, stage(claims=((MEMORY, 6),), permit="thread"))
    no_thread = admit([threads, small], free(slot=3, memory=4) | {MEMORY_SOON: 8})

    assert len(never.starts) == len(no_thread.starts) == 3


def test_a_claim_of_a_kind_nobody_counts_is_met() -> None:
    """Where memory is not watched what declares it starts all the same; another claim that is taken is told as such."""
    watched = admit([queue(1, stage(ready=1, claims=((MEMORY, 3),)))], free(slot=1))
    taken = admit([queue(1, stage(ready=1, claims=(("licences", 1),)))], {**free(slot=1), "licences": 0})

    assert watched.starts == (Start(1, "main", 1),)
    assert taken.waits == {(1, "main"): Wait.CLAIM}


def test_a_lane_lets_in_as_many_as_it_has_workers_of_all_experiments() -> None:
    """What is in no lane, or in another one, is not kept waiting by a lane that is full."""
    crowded = stage("a", ready=3, claims=(("lane docs", 1),))
    other = stage("b", ready=1)
    found = admit([queue(1, crowded, other), queue(2, crowded)], {**free(slot=9), "lane docs": 2})

    assert sorted(start.stage for start in found.starts) == ["a", "a", "b"]
    assert found.waits == {(1, "a"): Wait.LANE, (2, "a"): Wait.LANE}


def test_a_busy_machine_lets_in_so_many_and_no_more() -> None:
    """Closed but for one, one starts; closed and one runs, none does. The rest waits for that reason."""
    one = admit([queue(1)], free(slot=2, standby=2), closed=Wait.CPU, despite=1)
    none = admit([queue(1)], free(slot=2, standby=2), closed=Wait.CPU, despite=0)

    assert (one.starts, one.waits) == ((Start(1, "main", 1),), {(1, "main"): Wait.CPU})
    assert (none.starts, none.waits) == ((), {(1, "main"): Wait.CPU})


def test_who_needs_two_slots_is_not_overtaken_for_ever() -> None:
    """With one slot free and its turn come, a batch that takes two keeps the slot free; later in turn it does not."""
    wide, slim = queue(1, stage(permits=2)), queue(2, turns=turn(1.0))
    first = admit([wide, slim], free(slot=1))
    later = admit([queue(1, stage(permits=2), turns=turn(9.0)), slim], free(slot=1))

    assert (first.starts, first.waits) == ((), {(1, "main"): Wait.CPUS, (2, "main"): Wait.SLOTS})
    assert later.starts == (Start(2, "main", 1),)


def test_a_batch_counts_by_its_length() -> None:
    """After one batch of 10 s of one experiment the other one gets ten of 1 s, within one decision."""
    found = admit([queue(1, stage(seconds=10.0)), queue(2, stage(seconds=1.0))], free(slot=12))

    assert [start.experiment for start in found.starts] == [1] + [2] * 10 + [1]


def test_a_weight_is_a_share() -> None:
    """Of twelve slots an experiment of weight 3 gets nine and one of weight 1 three."""
    found = admit([queue(1, stage(ready=99), weight=3.0), queue(2, stage(ready=99))], free(slot=12))

    assert Counter(start.experiment for start in found.starts) == {1: 9, 2: 3}


STAGES = st.builds(
    StageView,
    name=st.sampled_from("abc"),
    ready=st.integers(1, 8),
    batch=st.integers(1, 4),
    permit=st.sampled_from(["slot", "thread"]),
    running=st.integers(0, 3),
    width=st.none() | st.integers(1, 3),
    short=st.booleans(),
    permits=st.integers(1, 2),
    seconds=st.sampled_from([0.01, 0.05, 2.0]),
    claims=st.lists(
        st.tuples(st.sampled_from([MEMORY, "unlimited"]), st.integers(1, 5)),
        max_size=2,
        unique_by=lambda claim: claim[0],
    ).map(tuple),
)
QUEUES = st.lists(
    st.builds(
        QueueView,
        experiment=st.integers(1, 6),
        rank=st.integers(-1, 1),
        weight=st.sampled_from([0.5, 1.0, 3.0]),
        turns=st.builds(turn, st.floats(0, 5)),
        last_served=st.integers(0, 5),
        max_parallel=st.integers(1, 4),
        running=st.integers(0, 4),
        paused=st.booleans(),
        stages=st.lists(STAGES, min_size=1, max_size=3, unique_by=lambda view: view.name).map(tuple),
    ),
    max_size=4,
    unique_by=lambda view: view.experiment,
)
FREE = st.builds(
    free, slot=st.integers(0, 4), thread=st.integers(0, 4), standby=st.integers(0, 4), memory=st.integers(0, 9)
).flatmap(lambda some: st.integers(0, 12).map(lambda soon: {**some, MEMORY_SOON: soon}))


@given(QUEUES, FREE)
def test_no_limit_is_ever_exceeded_and_nothing_is_lost(queues: list[QueueView], permits: Mapping[str, int]) -> None:
    """Whatever waits: permits, max_parallel and widths hold, and each stage's ready evaluations are started or wait with a reason."""
    found = admit(queues, permits)
    stages = {(view.experiment, one.name): one for view in queues for one in view.stages}
    batches = Counter((start.experiment, start.stage) for start in found.starts)
    sent: Counter[tuple[int, str]] = Counter()
    for start in found.starts:
        sent[start.experiment, start.stage] += start.count

    for kind in ("slot", "thread"):
        held = sum(count * stages[key].permits for key, count in batches.items() if stages[key].permit == kind)
        assert held - permits[kind] <= permits[STANDBY]
    claimed = [(kind, count * amount) for key, count in batches.items() for kind, amount in stages[key].claims]
    assert sum(amount for kind, amount in claimed if kind == MEMORY) <= permits[MEMORY]
    for view in queues:
        mine = {one.name: batches[view.experiment, one.name] for one in view.stages}
        times = 2 if any(one.short for one in view.stages) else 1
        begun = sum(mine[one.name] for one in view.stages)
        assert not (view.paused and begun)
        assert not begun or view.running + begun <= view.max_parallel * times
        for one in view.stages:
            if one.width is not None and mine[one.name]:
                assert one.running + mine[one.name] <= one.width * (2 if one.short else 1)
    for key, one in stages.items():
        assert sent[key] <= one.ready
        assert (key in found.waits) == (sent[key] < one.ready)


@given(QUEUES, FREE)
def test_the_order_in_which_experiments_are_given_changes_nothing(
    queues: list[QueueView], permits: Mapping[str, int]
) -> None:
    """The decision is a function of the set of experiments."""
    assert admit(queues, permits) == admit(queues[::-1], permits)


def test_a_batch_may_occupy_several_permits() -> None:
    """Of five slots two batches of two take four; the fifth is kept for the next of them, and for nobody after it."""
    wide = queue(1, stage(permits=2), rank=1)
    found = admit([wide, queue(2)], free(slot=5))

    assert found.starts == (Start(1, "main", 1), Start(1, "main", 1))
    assert found.waits == {(1, "main"): Wait.CPUS, (2, "main"): Wait.PRIORITY}


def test_who_is_served_before_a_wide_batch_does_not_wait_for_it() -> None:
    """A wide batch keeps what is free from those behind it only, and from nobody who uses permits of another kind."""
    wide = queue(1, stage(permits=3), last_served=5)
    found = admit(
        [wide, queue(2, stage(ready=1)), queue(3, stage(permit="thread"), last_served=9)], free(slot=3, thread=1)
    )

    assert found.starts == (Start(2, "main", 1), Start(3, "main", 1))
    assert found.waits == {(1, "main"): Wait.CPUS, (3, "main"): Wait.THREADS}


def test_nobody_stands_by_where_a_wide_batch_waits() -> None:
    """Short batches would take every slot as it comes free, and the wide one would wait for ever."""
    wide = queue(1, stage(permits=2))
    found = admit([wide, queue(2, stage(short=True), last_served=1)], free(slot=1, standby=2))

    assert found.starts == ()
    assert found.waits == {(1, "main"): Wait.CPUS, (2, "main"): Wait.SLOTS}


def test_a_wide_stage_keeps_the_free_slots_from_earlier_stages() -> None:
    """What was begun is finished before more is begun, also when it needs more slots than are free."""
    found = admit([queue(1, stage("full", permits=2), stage("filter"))], free(slot=1))

    assert found.starts == ()
    assert found.waits == {(1, "full"): Wait.CPUS, (1, "filter"): Wait.SLOTS}
