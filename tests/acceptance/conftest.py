"""One daemon for the tests that do not care which, and one of its own for those that do."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import Orc, private_orc


@pytest.fixture(scope="session")
def orc() -> Iterator[Orc]:
    """Shared: other tests' experiments are there too."""
    with private_orc() as shared:
        yield shared


@pytest.fixture
def own_orc() -> Iterator[Orc]:
    """Nobody else's: nothing has been submitted, no daemon runs."""
    with private_orc() as own:
        yield own
