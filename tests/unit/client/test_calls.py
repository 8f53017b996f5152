"""Claims about the requests that are sent."""

import pytest

from orchestrator.client import calls
from orchestrator.errors import InvalidReference


def test_an_empty_reference_is_refused_before_anything_is_sent() -> None:
    """A script's empty variable is told what a reference is, not that a path is unknown."""
    with pytest.raises(InvalidReference, match=r"use 12, 12\.3"):
        calls.show("")
