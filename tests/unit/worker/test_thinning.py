"""Which reports of an attempt are kept."""

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.worker import thinning


@given(total=st.integers(1, 300_000), most=st.integers(1, 50))
def test_evenly_spaced_ones_are_kept_and_never_too_many(total: int, most: int) -> None:
    """What is kept when it comes and thinned at each doubling is every stride-th, from half of the most on."""
    total = min(total, most * 200)
    thinning.MOST_KEPT, before = most, thinning.MOST_KEPT
    try:
        kept: list[int] = []
        for number in range(total):
            stride = thinning.begins_stride(number)
            if stride is not None:
                kept = [one for one in kept if one % stride == 0]
            if thinning.is_kept(number):
                kept.append(number)
            assert len(kept) <= most
        assert kept == list(range(0, total, thinning.stride_at(total - 1)))
        assert len(kept) >= min(total, most // 2)
    finally:
        thinning.MOST_KEPT = before
