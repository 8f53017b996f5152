"""What every selector owes its callers, whoever wins."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.search import registry
from orchestrator.search.base import Candidate, Selector
from orchestrator.search.objective import Goal, compare
from orchestrator.spec.experiment import SelectSpec

MEMBERS = {
    "best": SelectSpec(),
    "none": SelectSpec(),
    "passing": SelectSpec(method="passing"),
    "top_k": SelectSpec(method="top_k", k=3),
}
EACH = pytest.mark.parametrize("name", sorted(MEMBERS))
GOALS = st.sampled_from(["maximize", "minimize"])
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        number=st.integers(1, 50),
        objective=st.none() | st.integers(-3, 3).map(float),
        passed=st.booleans(),
    ),
    unique_by=lambda candidate: candidate.number,
    max_size=12,
)


def made(name: str) -> Selector:
    """A fresh selector through the same door as every other."""
    selector: Selector = registry.find(registry.SELECTORS, name=name, where="select.method").load()(MEMBERS[name])
    return selector


def test_every_bundled_selector_is_held_to_the_contract() -> None:
    """The list of members is the list of what is registered here."""
    bundled = {
        name
        for name, entry in registry.registered(registry.SELECTORS).items()
        if entry.value.startswith("orchestrator.search.")
    }
    assert bundled == set(MEMBERS)


@EACH
@given(candidates=CANDIDATES, goal=GOALS, data=st.data())
def test_the_order_of_arrival_changes_nothing(
    name: str, candidates: list[Candidate], goal: Goal, data: st.DataObject
) -> None:
    """Whatever order the candidates come in, the same win in the same order."""
    shuffled = data.draw(st.permutations(candidates))
    assert made(name).select(shuffled, goal=goal) == made(name).select(candidates, goal=goal)


@EACH
@given(candidates=CANDIDATES, goal=GOALS)
def test_winners_have_passed_and_stand_best_first(name: str, candidates: list[Candidate], goal: Goal) -> None:
    """Each winner is a passing candidate, once; no later winner is better, and equals stand by number."""
    by_number = {candidate.number: candidate for candidate in candidates}
    winners = [by_number[number] for number in made(name).select(candidates, goal=goal)]
    assert all(winner.passed for winner in winners)
    assert len({winner.number for winner in winners}) == len(winners)
    for earlier, later in pairwise(winners):
        order = compare(earlier.objective, later.objective, goal=goal)
        assert order < 0 or (order == 0 and earlier.number < later.number)


@EACH
@given(candidates=CANDIDATES, goal=GOALS)
def test_no_loser_that_passed_is_better_than_a_winner(name: str, candidates: list[Candidate], goal: Goal) -> None:
    """Who passed and did not win stands behind everyone who won."""
    winners = set(made(name).select(candidates, goal=goal))
    losers = [candidate for candidate in candidates if candidate.passed and candidate.number not in winners]
    for winner in (candidate for candidate in candidates if candidate.number in winners):
        for loser in losers:
            order = compare(winner.objective, loser.objective, goal=goal)
            assert order < 0 or (order == 0 and winner.number < loser.number)


@EACH
@given(candidates=CANDIDATES, goal=GOALS)
def test_there_is_a_winner_exactly_when_someone_passed(name: str, candidates: list[Candidate], goal: Goal) -> None:
    """Nobody passed: nobody wins. Somebody passed: somebody wins, unless nothing is to be selected."""
    someone = any(candidate.passed for candidate in candidates)
    assert bool(made(name).select(candidates, goal=goal)) is (someone and name != "none")


@EACH
@given(candidates=CANDIDATES, goal=GOALS)
def test_candidates_are_read_once(name: str, candidates: list[Candidate], goal: Goal) -> None:
    """A stream of candidates is as good as a list."""
    assert made(name).select(iter(candidates), goal=goal) == made(name).select(candidates, goal=goal)
