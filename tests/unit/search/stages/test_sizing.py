"""How many workers there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InvalidSpec
from orchestrator.search.stages.sizing import Sizes, enough, explicit, reference

GIB = 1 << 30


@pytest.mark.parametrize(
    ("cores", "gibibytes", "expected"),
    [
        (1, 2, Sizes(processes=1, threads=2)),
        (2, 2, Sizes(processes=2, threads=2)),
        (8, 2, Sizes(processes=4, threads=4)),
        (32, 2, Sizes(processes=4, threads=4)),
        (1, 4, Sizes(processes=1, threads=1)),
        (8, 6, Sizes(processes=8, threads=8)),
        (32, 6, Sizes(processes=8, threads=8)),
        (1, 8, Sizes(processes=1, threads=2)),
        (2, 64, Sizes(processes=2, threads=4)),
        (8, 64, Sizes(processes=8, threads=16)),
        (32, 64, Sizes(processes=32, threads=16)),
    ],
)
def test_the_reference_goes_by_memory_class(cores: int, gibibytes: int, expected: Sizes) -> None:
    """Half the cores, the cores, or twice the cores wait, each with its cap; no more than the cores compute, all of them with memory enough."""
    assert reference(cores, memory_bytes=gibibytes * GIB) == expected


@given(st.integers(1, 512), st.integers(0, 1 << 44))
def test_a_size_is_never_0_and_computing_never_above_the_cores(cores: int, memory: int) -> None:
    """On any machine, and more memory never means fewer workers."""
    sizes = reference(cores, memory_bytes=memory)
    assert 1 <= sizes.processes <= cores
    assert 1 <= sizes.threads <= 16
    assert sizes.processes <= reference(cores, memory_bytes=max(memory, 8 * GIB)).processes


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_1_is_refused_where_it_was_given(size: int) -> None:
    """0 does not mean "as many as fit"."""
    with pytest.raises(InvalidSpec) as refused:
        explicit(size, where="slots")
    assert [str(problem.where) for problem in refused.value.problems] == ["slots"]


@pytest.mark.parametrize(
    ("workers", "utilisation", "expected"),
    [
        (8, 0.2, 3),
        (8, 0.49, 6),
        (2, 0.0, 1),
        (1, 0.0, None),
        (2, 0.49, None),
        (8, 0.5, None),
        (8, 1.0, None),
        (4, None, None),
    ],
)
def test_a_pool_that_was_less_than_half_busy_is_too_large(
    workers: int, utilisation: float | None, expected: int | None
) -> None:
    """As many as would have been 0.7 busy, and never the size it already has: no advice goes from 2 to 2."""
    assert enough(workers, utilisation) == expected
