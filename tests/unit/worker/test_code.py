"""Claims about the code that a process loads: it is the code of its hash, and stays it."""

from pathlib import Path

import pytest

from orchestrator.worker import code


def test_a_process_that_has_loaded_code_does_not_load_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files are those of the hash, but what is in memory is what they were: another process must be asked."""
    monkeypatch.setattr(code, "_verified", set())
    module, places = tmp_path / "model.py", ((str(tmp_path), "model"),)
    module.write_text("K = 1")
    before = code.code_hash(places)
    code.verify(before, places)
    module.write_text("K = 20")
    after = code.code_hash(places)
    with pytest.raises(code.CodeChanged, match="as it was before"):
        code.verify(after, places)
    code.verify(before, places)  # what it has in memory

    monkeypatch.setattr(code, "_verified", set())
    with pytest.raises(code.CodeChanged, match="since the experiment"):
        code.verify(before, places)
    code.verify(after, places)
