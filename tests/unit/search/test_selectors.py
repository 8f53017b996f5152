"""Who wins."""

from orchestrator.search.base import Candidate, NoSelector
from orchestrator.search.best import Best
from orchestrator.search.passing import Passing
from orchestrator.search.top_k import TopK
from orchestrator.spec.experiment import SelectSpec

CANDIDATES = [
    Candidate(number=1, objective=2.0, passed=True),
    Candidate(number=2, objective=9.0, passed=False),
    Candidate(number=3, objective=None, passed=True),
    Candidate(number=4, objective=5.0, passed=True),
    Candidate(number=5, objective=5.0, passed=True),
]
TOP_3 = SelectSpec(method="top_k", k=3)


def test_the_best_is_the_best_that_passed() -> None:
    """A better one that did not pass does not win, and of equals the earlier does."""
    assert Best(SelectSpec()).select(CANDIDATES, goal="maximize") == (4,)
    assert Best(SelectSpec()).select(CANDIDATES, goal="minimize") == (1,)


def test_the_top_k_are_the_k_best_in_order() -> None:
    """Best first, the earlier of equals first, at most k."""
    assert TopK(TOP_3).select(CANDIDATES, goal="maximize") == (4, 5, 1)
    assert TopK(TOP_3).select(CANDIDATES[:1], goal="maximize") == (1,)


def test_all_that_passed_come_best_first() -> None:
    """A passing one without an objective comes last."""
    assert Passing(SelectSpec(method="passing")).select(CANDIDATES, goal="maximize") == (4, 5, 1, 3)
    assert Passing(SelectSpec(method="passing")).select(CANDIDATES, goal="minimize") == (1, 4, 5, 3)


def test_without_an_objective_the_first_that_passed_wins() -> None:
    """An experiment whose workload only succeeds still has a winner."""
    unmeasured = [Candidate(number=number, objective=None, passed=number > 1) for number in (3, 1, 2)]
    assert Best(SelectSpec()).select(unmeasured, goal="minimize") == (2,)


def test_nothing_is_selected_by_the_selector_that_selects_nothing() -> None:
    """It has no winner where others have."""
    assert NoSelector(SelectSpec()).select(CANDIDATES, goal="maximize") == ()
