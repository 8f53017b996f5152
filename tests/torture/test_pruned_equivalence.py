"""Kill a real daemon again and again while variants are pruned by a bar: the same ones must be pruned as in a run nobody touched."""

import random
from pathlib import Path

import pytest

from tests.support.processes import processes_left
from tests.torture import test_crash_equivalence as campaign

MODEL = """
import time

def evaluate(params, trial):
    for step in range(1, 8):
        trial.report(step, value=params["x"] * params["y"] % 101 / step)
        time.sleep(0.005)
    return params["x"]
"""
SPEC = """
name = "pruned"
seed = 11
objective = { metric = "value" }

[[stage]]
call = "model:evaluate"
executor = "EXECUTOR"

[space]
x = { low = 1, high = 20 }
y = [17, 37, 53]

[prune]
rule = "threshold"
op = "<="
threshold = 20
from_step = 3
"""


@pytest.mark.torture
@pytest.mark.timeout(1500)
def test_a_bar_prunes_the_same_variants_however_often_the_daemon_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exported bytes are the same, on every executor and after any number of `kill -9`, and some variants are pruned."""
    monkeypatch.setattr(campaign, "MODEL", MODEL)
    monkeypatch.setattr(campaign, "SPECS", {"pruned": SPEC})
    calm = {executor: campaign.undisturbed(tmp_path, "pruned", executor) for executor in campaign.EXECUTORS}
    assert len(set(calm.values())) == 1
    table = calm["process"]
    assert 10 < table.count(b",pruned,") < 50
    total = 0
    for seed in campaign.seeds():
        rng = random.Random(seed)
        torn, kills = campaign.disturbed(tmp_path, "pruned", rng.choice(campaign.EXECUTORS), rng)
        total += kills
        assert torn == table, f"TORTURE_SEED={seed} gives another table"
    assert total > 0
    assert not processes_left(str(tmp_path))
