"""How many workers there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import InvalidSpec
from orchestrator.search.stages.profile import Kind
from orchestrator.search.stages.sizing import Demand, Machine, Sizes, demand_of, explicit, reference, resized, sized

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
        (8, None, Sizes(processes=8, threads=8)),
        (1, 8, Sizes(processes=1, threads=2)),
        (2, 64, Sizes(processes=2, threads=4)),
        (32, 64, Sizes(processes=16, threads=16)),
        (0.5, 64, Sizes(processes=1, threads=2)),
        (2.9, 64, Sizes(processes=2, threads=4)),
    ],
)
def test_the_reference_goes_by_memory_class(cores: float, gibibytes: int | None, expected: Sizes) -> None:
    """Half the cores, the cores, or twice the cores wait, each with its cap; no more than the cores compute; never 0."""
    memory = None if gibibytes is None else gibibytes * GIB
    assert reference(Machine(cores=cores, free_memory_bytes=memory)) == expected


@pytest.mark.parametrize(
    ("demand", "expected"),
    [
        (Demand(computing=2, mixed=1, waiting=2), Sizes(processes=3, threads=2)),
        (Demand(computing=9, waiting=99), Sizes(processes=2, threads=32)),
        (Demand(computing=9, mixed=9), Sizes(processes=3, threads=1)),
        (Demand(computing=9, max_rss_bytes=6 * GIB), Sizes(processes=1, threads=1)),
        (Demand(computing=9, max_rss_bytes=99 * GIB), Sizes(processes=1, threads=1)),
        (Demand(), Sizes(processes=1, threads=1)),
    ],
)
def test_a_known_demand_is_what_it_is_sized_for(demand: Demand, expected: Sizes) -> None:
    """On two cores and 8 GiB: cores for what computes, one more for what does both, what fits into memory, what there is."""
    assert sized(Machine(cores=2, free_memory_bytes=8 * GIB), demand=demand) == expected


@given(
    st.floats(0.01, 512.0),
    st.none() | st.integers(0, 1 << 44),
    st.none() | st.builds(Demand, computing=st.integers(0, 99), mixed=st.integers(0, 99), waiting=st.integers(0, 99)),
    st.none() | st.integers(1, 64),
)
def test_a_size_is_never_0_and_never_above_the_cap(
    cores: float, memory: int | None, demand: Demand | None, cap: int | None
) -> None:
    """On any machine, with any demand, each size is at least 1 and at most the cap; processes at most the cores and one."""
    machine = Machine(cores=cores, free_memory_bytes=memory)
    sizes = sized(machine, demand=demand, cap=cap)
    assert 1 <= sizes.processes <= min(cap or 1_000, machine.whole_cores + 1)
    assert 1 <= sizes.threads <= min(cap or 1_000, 32)


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_1_is_refused_where_it_was_given(size: int) -> None:
    """0 does not mean "as many as fit"."""
    with pytest.raises(InvalidSpec) as refused:
        explicit(size, where="slots")
    assert [str(problem.where) for problem in refused.value.problems] == ["slots"]
    with pytest.raises(InvalidSpec):
        sized(Machine(cores=2), demand=None, cap=size)


def test_the_demand_is_counted_by_kind() -> None:
    """Commands wait, what is unknown computes, and the largest known memory counts."""
    kinds = {"a": Kind.CPU, "b": Kind.MIXED, "c": Kind.WAITING, "d": Kind.EXTERNAL, "e": Kind.UNKNOWN}
    counts = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "new": 6}
    assert demand_of(counts, kinds=kinds, rss=[None, 5, 3]) == Demand(computing=12, mixed=2, waiting=7, max_rss_bytes=5)


@pytest.mark.parametrize(
    ("current", "utilisation", "expected"),
    [
        (8, 0.2, 3),
        (8, 0.49, 6),
        (2, 0.0, 1),
        (1, 0.0, None),
        (8, 0.5, None),
        (8, 0.9, None),
        (8, 0.95, 10),
        (1, 1.0, 2),
        (16, 1.0, None),
        (20, 1.0, None),
        (4, None, None),
    ],
)
def test_a_pool_is_resized_by_how_busy_it_was(current: int, utilisation: float | None, expected: int | None) -> None:
    """Fewer below 50 %, more above 90 % up to the most there may be, and never the size it already has."""
    assert resized(current, utilisation, most=16) == expected


@given(st.integers(1, 99), st.floats(0.0, 1.5), st.integers(1, 99))
def test_a_resize_always_changes_something(current: int, utilisation: float, most: int) -> None:
    """No advice goes from 2 to 2, none to 0, and a busy pool never shrinks."""
    size = resized(current, utilisation, most=most)
    assert size is None or (size >= 1 and size != current and (size > current) == (utilisation > 0.9))
