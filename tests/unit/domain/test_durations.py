"""Claims about durations as people write them."""

import re

import pytest

from orchestrator.domain.durations import PATTERN, seconds_of


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("10s", 10.0),
        ("5min", 300.0),
        ("5m", 300.0),
        ("250ms", 0.25),
        (" 1h 30m ", 5400.0),
        ("1.5d", 129_600.0),
        ("0s", 0.0),
    ],
)
def test_text_with_units_is_seconds_and_the_schema_allows_it(value: str, seconds: float) -> None:
    """The units are days, hours, minutes (m or min), seconds and milliseconds, the longer first."""
    assert seconds_of(value) == seconds
    assert re.match(PATTERN, value)


@pytest.mark.parametrize(("value", "seconds"), [(2.5, 2.5), (0, 0.0), (-1, -1.0)])
def test_a_number_is_seconds(value: float, seconds: float) -> None:
    """Whether it may be that small is for who asks."""
    assert seconds_of(value) == seconds


@pytest.mark.parametrize("value", ["", " ", "5", "s", "1m 1h", "2 weeks", "-5s", "1e3s", True, None, ["5s"], {"s": 5}])
def test_what_has_no_unit_or_another_is_no_duration(value: object) -> None:
    """It is not guessed at."""
    assert seconds_of(value) is None
