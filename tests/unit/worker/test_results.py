"""What counts as numbers, and what is said about what does not."""

from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.worker.results import LONGEST_NAME, InvalidResult, metrics_of


class Level(IntEnum):
    HIGH = 3


class Stubborn:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (1.5, 1.5),
        (Level.HIGH, 3),
        (Fraction(1, 2), 0.5),
        (Decimal("0.25"), 0.25),
        (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.array(7), 7),
        (np.longdouble(2), 2.0),
        (2**63 - 1, 2**63 - 1),
        (10**30, 1e30),
        (-(2**63) - 1, -(2.0**63)),
    ],
    ids=str,
)
def test_numbers_of_all_kinds_become_plain_ones(value: Any, expected: float) -> None:
    """Whole numbers become int, all others float, and nothing of the library they came from is left."""
    metrics = metrics_of(value)
    assert metrics == {"value": expected}
    assert type(metrics["value"]) is type(expected)
    assert metrics_of({"a": value}) == {"a": expected}


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "1",
        float("nan"),
        float("inf"),
        1j,
        [1.0],
        np.bool_(True),
        np.array([1.0]),
        np.nan,
        10**400,
        b"1",
        {1},
    ],
    ids=repr,
)
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    """Alone or under a key, and the text names the key."""
    with pytest.raises(InvalidResult, match="evaluate returned"):
        metrics_of(value)
    with pytest.raises(InvalidResult, match="'sharpe'"):
        metrics_of({"good": 1.0, "sharpe": value})


@pytest.mark.parametrize(
    "value",
    [{"a": {"b": 1}}, {1: 1.0}, {"a": Stubborn()}, {"\ud800": 1.0}, {"\ud800": 1}],
    ids=["nested", "key", "repr", "half a pair", "half a pair, whole number"],
)
def test_a_mapping_is_flat_and_its_keys_are_text(value: Any) -> None:
    """Nested mappings, keys that are no text and objects that cannot be shown are refused, not crashed on."""
    with pytest.raises(InvalidResult, match=r"metric|mapping"):
        metrics_of(value)


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=LONGEST_NAME)


@pytest.mark.parametrize("name", ["", "a b\n", "\x1b[31m", "\u202e", "\ud800", "n" * (LONGEST_NAME + 1)], ids=ascii)
@pytest.mark.parametrize("number", [1, 1.0])
def test_a_name_that_would_spoil_messages_is_refused(name: str, number: float) -> None:
    """Also when everything else is in order; spaces and letters of any language are fine."""
    with pytest.raises(InvalidResult, match="names of metrics are 1 to 200 printable characters"):
        metrics_of({"good": 1.0, name: number})
    assert metrics_of({"größe in 米": number, "n" * LONGEST_NAME: number}).keys() == {"größe in 米", "n" * LONGEST_NAME}


@given(st.dictionaries(NAMES, st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)))
def test_plain_mappings_are_kept_as_they_are(metrics: dict[str, float]) -> None:
    """Names, order and types survive, whatever kind of mapping it was."""
    kept = metrics_of(OrderedDict(metrics))
    assert list(kept.items()) == list(metrics.items())
    assert [type(value) for value in kept.values()] == [type(value) for value in metrics.values()]
