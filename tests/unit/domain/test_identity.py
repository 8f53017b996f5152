"""Claims about identity by content. The pinned values are on disks of users: changing one changes their tables."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.identity import (
    call_hash,
    canonical_json,
    iteration_seed,
    round_seed,
    shared_seed,
    variant_hash,
)

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
LARGEST_SEED = 2**32 - 1


@given(st.dictionaries(st.text(max_size=4), VALUES, max_size=4))
def test_canonical_text_reads_back_equal_and_is_its_own_canon(value: dict[str, Any]) -> None:
    """Reading the canonical text gives an equal value, whose canonical text is the same."""
    text = canonical_json(value)

    assert json.loads(text) == value
    assert canonical_json(json.loads(text)) == text
    assert text.isascii()


@given(st.dictionaries(st.text(max_size=4), SCALARS, max_size=5), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    """Two mappings with the same entries in any order have one canonical text."""
    items = list(value.items())
    random.shuffle(items)

    assert canonical_json(dict(items)) == canonical_json(value)


@pytest.mark.parametrize("value", [-0.0, [-0.0], {"a": (-0.0, {"b": [-0.0]})}])
def test_minus_zero_is_zero_at_any_depth(value: Any) -> None:
    """No canonical text has -0.0 in it."""
    assert "-" not in canonical_json(value)


def test_a_text_that_looks_like_minus_zero_is_kept() -> None:
    """Only numbers are made positive: a text "-0.0" stays."""
    assert canonical_json({"a": "-0.0", "b": -0.0, "c": -0.01}) == '{"a":"-0.0","b":0.0,"c":-0.01}'


def test_numbers_of_different_types_differ() -> None:
    """1, 1.0, true and "1" are four values."""
    assert len({canonical_json(value) for value in (1, 1.0, True, "1")}) == 4


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {"x": [math.nan]}])
def test_what_is_not_finite_has_no_canonical_text(value: Any) -> None:
    """NaN and the infinities are refused, however deep they are."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)


def test_the_hash_of_a_variant_is_pinned() -> None:
    """The hash of known parameters is what it always was, and depends on the approach."""
    text = canonical_json({"x": 1, "a": 2.5})

    assert text == '{"a":2.5,"x":1}'
    assert variant_hash("main", text) == -892976969713914587
    assert variant_hash("momentum", text) != variant_hash("main", text)


def test_the_hash_of_a_call_is_pinned() -> None:
    """What was learnt of a stage is found by it."""
    assert call_hash("a:b", "{}") == "42f9ecfbfd24bb348f546337dd627eff"
    assert call_hash("a:b", '{"n":1}') != call_hash("a:b", "{}")


def test_seeds_are_pinned() -> None:
    """Known arguments give the seeds they always gave."""
    assert iteration_seed(42, 12345, "main", None, 1) == 1508729029
    assert iteration_seed(42, 12345, "main", "1-5", 2) == 749748110
    assert shared_seed(42, None, 1) == 3450805021
    assert shared_seed(42, "1-5", 2) == 1754478595
    assert round_seed(42, 3) == 2199869416


def test_a_nameless_case_is_not_a_case_with_an_empty_name() -> None:
    """No case, and cases named by the empty text or by "None", have seeds of their own."""
    assert len({shared_seed(1, case, 1) for case in (None, "", "None", "=")}) == 4


@given(st.integers(0, LARGEST_SEED), st.text(max_size=5), st.integers(1, 10**6))
def test_every_seed_is_an_unsigned_32_bit_integer(seed: int, case: str, repeat: int) -> None:
    """Whatever the arguments, a seed is within 0 and 4294967295."""
    seeds = (
        iteration_seed(seed, 12345, "main", case, repeat),
        shared_seed(seed, case, repeat),
        round_seed(seed, repeat),
    )

    assert all(0 <= value <= LARGEST_SEED for value in seeds)


def test_each_part_of_an_iteration_changes_its_seed() -> None:
    """Experiment seed, variant, stage, case and repeat each make a difference; the shared seed knows neither variant nor stage."""
    places = [
        (1, 8, "main", None, 1),
        (2, 8, "main", None, 1),
        (1, 9, "main", None, 1),
        (1, 8, "late", None, 1),
        (1, 8, "main", "x", 1),
        (1, 8, "main", None, 2),
    ]

    assert len({iteration_seed(*place) for place in places}) == len(places)
