"""What an attempt printed becomes a file of bounded size."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.worker.output import store_output

LIMIT = 1000


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path / "spool", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3 * LIMIT), cut=st.integers(0, 10**9))
def test_beginning_and_end_are_kept_within_the_limit(spool: int, tmp_path: Path, content: bytes, cut: int) -> None:
    """The spool is empty afterwards, and the count is of everything that was printed."""
    target = tmp_path / "3" / "1.1.out"
    target.unlink(missing_ok=True)
    os.write(spool, content)
    assert store_output(spool, str(target), limit_bytes=LIMIT, cut_bytes=cut) == len(content) + cut
    assert os.fstat(spool).st_size == 0
    kept = target.read_bytes() if content else b""
    assert len(kept) <= max(LIMIT, min(len(content), LIMIT) + 80)
    if len(content) <= LIMIT and not cut:
        assert kept == content
    elif content:
        assert kept[:100] == content[:100] or len(content) < 100
        assert b"left out" in kept


def test_nothing_printed_is_no_file(spool: int, tmp_path: Path) -> None:
    """Not even the folder is made."""
    assert store_output(spool, str(tmp_path / "3" / "1.1.out"), limit_bytes=LIMIT) == 0
    assert not (tmp_path / "3").exists()
