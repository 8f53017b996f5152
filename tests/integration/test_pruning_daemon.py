"""Claims about pruning through a real daemon: each rule, on callables that report a curve, and what is left after a kill."""

import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Orc, private_orc

MODEL = """
import time

def climb(params, trial):
    for step in range(1, 10):
        trial.report(step, loss=params["x"] / 10)
        time.sleep(0.03)
    with open(f"{trial.workdir}/ends", "a") as file:
        file.write(f"{params['x']}\\n")
    return {"loss": params["x"] / 10}

def gives_up(params, trial):
    if params["x"] > 5:
        raise trial.Pruned("too large")
    return {"loss": params["x"] / 10}

def waits(params, trial):
    trial.report(1, loss=params["x"] / 10)
    while trial.attempt == 1:
        time.sleep(0.05)
    return {"loss": params["x"] / 10}
"""
RULES: dict[str, tuple[str, list[tuple[str, str | None]], str]] = {
    "threshold": (
        'op = "<="\nthreshold = 0.5\nfrom_step = 2',
        [("evaluated", None), ("pruned", "threshold"), ("evaluated", None), ("pruned", "threshold")],
        "pruned by threshold at step 2: 0.9 against 0.5",
    ),
    "median": (
        "min_reports = 1\nwarmup_steps = 3",
        [("evaluated", None), ("pruned", "median"), ("evaluated", None), ("pruned", "median")],
        "pruned by median at step 3: 0.9 against 0.3",
    ),
    "halving": (
        "reduction = 2\nmin_step = 2",
        [("evaluated", None), ("pruned", "halving"), ("evaluated", None), ("pruned", "halving")],
        "pruned by halving at step 2: 0.9 against 0.3",
    ),
}


@pytest.fixture(scope="module")
def orc() -> Iterator[Orc]:
    """A daemon of its own."""
    with private_orc() as own:
        yield own


def submit(
    orc: Orc, call: str, *, prune: str = "", executor: str = "process", space: str = "[3, 9, 1, 8]"
) -> tuple[str, Path]:
    """The ref of a new experiment, one evaluation at a time, and its folder."""
    folder = Path(tempfile.mkdtemp(dir=orc.home, prefix=f"{call}-"))
    (folder / "model.py").write_text(MODEL)
    text = f'objective = {{ metric = "loss" }}\n[limits]\nmax_parallel = 1\n{prune}\n[stage]\ncall = "model:{call}"\n'
    (folder / "experiment.toml").write_text(f'{text}executor = "{executor}"\n[space]\nx = {space}\n')
    submitted = orc("submit", str(folder))
    assert submitted.status == 0, submitted.err
    return submitted.out.strip(), folder


def variants_of(orc: Orc, ref: str) -> list[dict[str, Any]]:
    """The variants of an experiment once it has ended."""
    assert orc("wait", ref, "--timeout", "35").status == 0
    found: list[dict[str, Any]] = orc("show", ref, "--json").json["variants"]
    return found


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_prunes_what_it_says(rule: str, orc: Orc) -> None:
    """The first and the best are evaluated, the others pruned before they end, each with its reason on record."""
    keys, expected, message = RULES[rule]
    ref, folder = submit(orc, "climb", prune=f'[prune]\nrule = "{rule}"\n{keys}')
    variants = variants_of(orc, ref)
    assert [(each["state"], each["rule"]) for each in variants] == expected
    assert message in orc("why", f"{ref}.2").out
    assert variants[1]["iterations"][0]["wall_seconds"] < 0.25
    assert (folder / "ends").read_text().split() == ["3", "1"]


@pytest.mark.parametrize(("metric", "told"), [("los", 'no evaluation reports "los"; they report loss'), ("loss", None)])
def test_a_report_says_that_a_rule_has_had_nothing_to_judge(metric: str, told: str | None, orc: Orc) -> None:
    """A metric that was misspelt prunes nothing; one that is reported, and never bad enough, is no matter."""
    rule = f'[prune]\nrule = "threshold"\nmetric = "{metric}"\nop = "<="\nthreshold = 100'
    ref, _ = submit(orc, "climb", prune=rule, space="[3]")
    assert [each["state"] for each in variants_of(orc, ref)] == ["evaluated"]
    prune = orc("report", ref, "--json").json["prune"]
    said = [line for line in orc("report", ref).out.splitlines() if "nothing to judge" in line]

    assert prune == {"rule": "threshold", "metric": metric, "pruned": 0, "reported": ["loss"]}
    assert [told in line for line in said if told] == ([True] if told else [])
    assert len(said) == (told is not None)


@pytest.mark.parametrize("executor", ["isolated", "sequential", "thread"])
def test_every_executor_prunes(executor: str, orc: Orc) -> None:
    """By the same bar, with the same decision."""
    keys, expected, message = RULES["threshold"]
    ref, folder = submit(orc, "climb", prune=f'[prune]\nrule = "threshold"\n{keys}', executor=executor)
    assert [(each["state"], each["rule"]) for each in variants_of(orc, ref)] == expected
    assert message in orc("explain", f"{ref}.2").out
    assert (folder / "ends").read_text().split() == ["3", "1"]


@pytest.mark.parametrize("executor", ["process", "isolated"])
def test_an_evaluation_may_prune_itself(executor: str, orc: Orc) -> None:
    """By the rule `self`, without any in the file; nothing has failed."""
    ref, _ = submit(orc, "gives_up", executor=executor)
    variants = variants_of(orc, ref)
    assert [each["rule"] for each in variants] == [None, "self", None, "self"]
    assert "pruned by itself: too large" in orc("why", f"{ref}.2").out
    assert orc("show", ref, "--json").json["iterations"]["failed"] == 0


def test_reports_are_on_disk_when_the_daemon_is_killed() -> None:
    """After `kill -9` in the middle the report of the lost attempt is on record with it, and the next attempt begins anew."""
    with private_orc() as orc:
        ref, _ = submit(orc, "waits", space="[3]")
        with orc.begin("events", "-f", "--since", "0") as events:
            assert events.stdout is not None
            assert any(json.loads(line)["kind"] == "reported" for line in events.stdout)
        shown = orc("show", f"{ref}.1.1", "--json").json
        assert [report["step"] for report in shown["reports"]] == [1]
        os.kill(orc("status", "--json").json["pid"], signal.SIGKILL)
        assert [each["state"] for each in variants_of(orc, ref)] == ["evaluated"]
        again = orc("show", f"{ref}.1.1", "--json").json
    assert [attempt["end"] for attempt in again["attempts"]] == ["failed", "succeeded"]
    assert [report["step"] for report in again["reports"]] == [1]
