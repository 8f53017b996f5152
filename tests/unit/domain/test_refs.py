"""Claims about addresses in the hierarchy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.refs import (
    LARGEST,
    ExperimentId,
    IterationNumber,
    Ref,
    VariantNumber,
    looks_like_ref,
    parse_ref,
)
from orchestrator.errors import InvalidReference

NUMBERS = st.integers(min_value=1, max_value=LARGEST)


@given(st.lists(NUMBERS, min_size=1, max_size=3))
def test_what_is_written_is_read_back(numbers: list[int]) -> None:
    """The text of any ref, up to the largest number the database can hold, parses to the same ref."""
    text = ".".join(map(str, numbers))
    ref = parse_ref(text)

    assert str(ref) == text
    assert [part for part in (ref.experiment, ref.variant, ref.iteration) if part is not None] == numbers


@given(st.text(max_size=12))
def test_only_digits_and_dots_look_like_a_ref(text: str) -> None:
    """A text that looks like a ref is made of ASCII digits and dots alone, whatever Unicode counts as a digit."""
    assert not looks_like_ref(text) or set(text) <= set("0123456789.")


def test_a_ref_says_what_it_is() -> None:
    """With the article of its level."""
    told = [parse_ref(text).described for text in ("12", "12.3", "12.3.1")]
    assert told == ["12 is an experiment", "12.3 is a variant", "12.3.1 is an iteration"]


@pytest.mark.parametrize(
    "text", ["", "0", "01", "1.0", "1.2.3.4", "1.", ".1", "1..2", " 1", "1\n", "-1", "1.2.x", "٣", "a"]
)
def test_anything_else_is_refused_with_a_hint(text: str) -> None:
    """A text of another form is refused, and the refusal shows the forms there are."""
    with pytest.raises(InvalidReference) as caught:
        parse_ref(text)

    assert "12.3.1" in (caught.value.hint or "")


def test_a_number_the_database_cannot_hold_is_refused() -> None:
    """One above the largest 64-bit integer is out of range, at any level."""
    with pytest.raises(InvalidReference, match="out of range"):
        parse_ref(f"1.{LARGEST + 1}")


def test_the_level_is_that_of_the_last_part() -> None:
    """A ref names an experiment, a variant or an iteration by how many parts it has."""
    assert [parse_ref(text).level for text in ("12", "12.3", "12.3.1")] == ["experiment", "variant", "iteration"]


def test_refs_order_by_number_and_not_by_text() -> None:
    """12.2 comes before 12.10."""
    low = Ref(ExperimentId(12), VariantNumber(2), IterationNumber(1))
    high = Ref(ExperimentId(12), VariantNumber(10), IterationNumber(1))

    assert sorted([high, low]) == [low, high]
