"""One daemon for the tests that do not care which, and one of its own for those that do; nothing is left of any test."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import Orc, at_work, cancel_all, private_orc


@pytest.fixture(scope="session")
def shared_orc() -> Iterator[Orc]:
    """Other tests' experiments are there too."""
    with private_orc() as shared:
        yield shared


@pytest.fixture
def orc(shared_orc: Orc) -> Iterator[Orc]:
    """Shared. When what a test has left open is cancelled, there is nothing that was not there before it."""
    before = at_work(shared_orc)
    yield shared_orc
    cancel_all(shared_orc)
    assert at_work(shared_orc) == before


@pytest.fixture
def own_orc() -> Iterator[Orc]:
    """Nobody else's: nothing has been submitted, no daemon runs."""
    with private_orc() as own:
        yield own
