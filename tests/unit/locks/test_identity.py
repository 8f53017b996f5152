"""What names a process for good."""

import os
import subprocess
import sys

from orchestrator.locks import identity_of


def test_a_process_has_one_identity() -> None:
    """Asking twice gives the same, with the ticks and the boot the kernel reports."""
    first = identity_of(os.getpid())
    assert first == identity_of(os.getpid())
    assert first is not None
    assert first.start_ticks > 0
    assert len(first.boot_id) == 36


def test_a_reaped_process_has_none() -> None:
    """Once a child is reaped its pid names nothing."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert identity_of(process.pid) is None
