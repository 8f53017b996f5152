"""The list: what the file says, as it says it."""

from random import Random

from orchestrator.search.list import List
from tests.unit.search.spaces import listing, space_of

SEARCH = listing({"x": 3, "net": {"layers": [8, 4]}}, {"x": 1}, {"x": 3, "net": {"layers": [8, 4]}})


def test_points_come_as_listed() -> None:
    """Order, nesting and repetitions are the file's."""
    points = List(space_of(), search=SEARCH).propose(1, count=None, rng=Random(0))
    assert list(points) == [dict(point) for point in SEARCH.params]


def test_a_count_takes_the_first_so_many() -> None:
    """A count cuts the list at its end."""
    assert list(List(space_of(), search=SEARCH).propose(1, count=2, rng=Random(0))) == [SEARCH.params[0], {"x": 1}]


def test_it_is_exhausted_after_round_one() -> None:
    """There is no second round of a list."""
    generator = List(space_of(), search=SEARCH)
    assert generator.exhausted(1)
    assert list(generator.propose(2, count=None, rng=Random(0))) == []
