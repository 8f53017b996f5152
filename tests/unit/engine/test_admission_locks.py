"""Claims about named locks in the admission decision."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.admission import Start, Wait, admit
from orchestrator.engine.lock_books import LockView
from tests.unit.engine.test_admission import free, queue, stage

NAMES = st.frozensets(st.sampled_from(["a", "b", "c"]))


def locked(*names: str) -> LockView:
    """These are held for what this daemon runs."""
    return LockView(here=frozenset(names))


def test_one_evaluation_at_an_instant_holds_a_lock() -> None:
    """Of two experiments that need one lock the one that waited longer starts one evaluation; everything else waits for the lock."""
    found = admit([queue(1, stage(locks=("a",)), last_served=2), queue(2, stage(locks=("a",)))], free(slot=4))

    assert found.starts == (Start(2, "main", 1),)
    assert found.waits == {(1, "main"): Wait.LOCKS, (2, "main"): Wait.LOCKS}


def test_different_locks_do_not_exclude_each_other() -> None:
    """A stage for each of two devices, and one without locks, start side by side."""
    stages = stage("one", ready=1, locks=("a",)), stage("two", ready=1, locks=("b",)), stage("three", ready=1)
    found = admit([queue(1, *stages)], free(slot=4))

    assert found.starts == (Start(1, "one", 1), Start(1, "two", 1), Start(1, "three", 1))
    assert found.waits == {}


def test_a_held_lock_is_waited_for_wherever_its_holder_is() -> None:
    """What another process holds is not to be had either; work without it goes on."""
    view = LockView(here=frozenset("a"), elsewhere=frozenset("b"))
    stages = stage("one", locks=("a",)), stage("two", locks=("b",)), stage("three", ready=1)
    found = admit([queue(1, *stages)], free(slot=4), locks=view)

    assert found.starts == (Start(1, "three", 1),)
    assert found.waits == {(1, "one"): Wait.LOCKS, (1, "two"): Wait.LOCKS}


def test_several_locks_are_taken_together_or_not_at_all() -> None:
    """With one of its two locks held an evaluation takes neither: another one may have the free one when it comes before it."""
    both, one = queue(1, stage(locks=("a", "b")), last_served=5), queue(2, stage(ready=1, locks=("a",)))
    found = admit([both, one], free(slot=4), locks=locked("b"))

    assert found.starts == (Start(2, "main", 1),)
    assert found.waits == {(1, "main"): Wait.LOCKS}


def test_who_has_waited_longest_for_several_locks_is_not_passed_for_ever() -> None:
    """A free lock is kept for who came first and lacks another one that is held here; whoever needs it waits too."""
    both, one = queue(1, stage(locks=("a", "b"))), queue(2, stage(ready=1, locks=("a",)), last_served=5)
    found = admit([both, one], free(slot=4), locks=locked("b"))

    assert found.starts == ()
    assert found.waits == {(1, "main"): Wait.LOCKS, (2, "main"): Wait.LOCKS}


def test_no_lock_is_kept_for_who_waits_for_somebody_else() -> None:
    """Nobody knows how long another process holds its lock: what is free goes to who can start now."""
    both, one = queue(1, stage(locks=("a", "b"))), queue(2, stage(ready=1, locks=("a",)), last_served=5)
    found = admit([both, one], free(slot=4), locks=LockView(elsewhere=frozenset("b")))

    assert found.starts == (Start(2, "main", 1),)


def test_no_lock_is_kept_for_who_lacks_more_than_locks() -> None:
    """An experiment that is paused keeps nothing from others."""
    both, one = queue(1, stage(locks=("a", "b")), paused=True), queue(2, stage(ready=1, locks=("a",)), last_served=5)
    found = admit([both, one], free(slot=4), locks=locked("b"))

    assert found.starts == (Start(2, "main", 1),)


@given(
    needs=st.lists(st.tuples(NAMES, st.integers(0, 3), st.integers(0, 9)), max_size=6),
    here=NAMES,
    elsewhere=NAMES,
    slots=st.integers(0, 6),
)
def test_no_lock_is_ever_given_twice(
    needs: list[tuple[frozenset[str], int, int]], here: frozenset[str], elsewhere: frozenset[str], slots: int
) -> None:
    """Whatever is held and needed: what starts needs different free locks, and something starts that could start alone."""
    queues = [
        queue(number, stage(ready=2, locks=tuple(sorted(names))), rank=priority, last_served=served)
        for number, (names, priority, served) in enumerate(needs)
    ]
    found = admit(queues, free(slot=slots), locks=LockView(here=here, elsewhere=elsewhere - here))
    given = [name for start in found.starts for name in needs[start.experiment][0]]
    assert len(set(given)) == len(given)
    assert not set(given) & (here | elsewhere)
    if slots and not here and not elsewhere and needs:
        assert found.starts
