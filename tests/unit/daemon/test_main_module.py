"""The module that `python -m orchestrator` runs, and that a spawned worker imports again."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[3])
ALLOWED = {"orchestrator", "orchestrator.__main__"}
CODE = """
import json, sys
before = set(sys.modules)
import orchestrator.__main__
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_importing_it_loads_nothing() -> None:
    """A worker that re-imports it as __mp_main__ gets the package root and this module, nothing of the daemon or a library."""
    process = subprocess.run(
        [sys.executable, "-c", CODE],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    loaded = set(json.loads(process.stdout))
    assert {name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names} == ALLOWED
    assert not loaded & {"asyncio", "argparse", "json", "multiprocessing", "logging"}
