"""Claims about stages, promotion, cases, repeats and gates, and that the table does not depend on how it was run."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.refs import parse_ref as ref_of
from orchestrator.engine.promotion import decisions
from orchestrator.executors.base import Abilities
from tests.support.inline import EVERYTHING, InlineExecutor, failure, metrics
from tests.support.lab import open_lab

pytestmark = pytest.mark.asyncio
NARROW = Abilities(can_kill=True, isolates_crashes=True, batches=False, permit="slot", width=1)
ONE_BY_ONE = Abilities(can_kill=True, isolates_crashes=True, batches=False, permit="slot")
MAXIMIZE = {"metric": "value", "goal": "maximize"}


def call(name: str, **more: Any) -> dict[str, Any]:
    """A stage."""
    return {"name": name, "call": "model:evaluate", **more}


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


def drawn(parameters: Any, evaluation: Any, job: Any) -> Any:
    """A number that depends on everything an evaluation is given, and fails now and then."""
    if evaluation.seed % 7 == 0:
        return failure(error=f"ValueError: {job.stage}")
    return metrics(value=parameters["x"] + evaluation.seed / 2**32, shared=float(evaluation.shared_seed))


async def test_a_stage_waits_for_the_one_before(tmp_path: Path) -> None:
    """Every variant goes through the stages in order; of one metric the last stage's value counts."""
    order: list[tuple[int, str]] = []

    def evaluate(parameters: Any, evaluation: Any, job: Any) -> Any:
        order.append((evaluation.variant, job.stage))
        return metrics(value=1.0 if job.stage == "quick" else float(parameters["x"]))

    async with open_lab(tmp_path, InlineExecutor(evaluate)) as lab:
        ended = await lab.run(stage=[call("quick"), call("slow", after=["quick"])])
        refs = [[iteration["ref"] for iteration in variant["iterations"]] for variant in await lab.variants(1)]

    assert all(order.index((variant, "quick")) < order.index((variant, "slow")) for variant in (1, 2, 3))
    assert (ended["best"], ended["iterations"]["total"]) == ("1.1", 6)
    assert refs == [[f"1.{n}.1", f"1.{n}.2"] for n in (1, 2, 3)]


@pytest.mark.parametrize("slow_fails", [False, True], ids=["well", "failing"])
async def test_a_chain_goes_on_beside_a_stage_that_takes_longer(tmp_path: Path, slow_fails: bool) -> None:
    """`c` after `b` after `a` run to their end while `slow` still runs, and do so if it fails in the end; what comes after both waits."""
    gate = anyio.Event()
    stages = [
        call("slow"),
        call("a"),
        call("b", after=["a"]),
        call("c", after=["b"]),
        call("last", after=["c", "slow"]),
    ]

    def evaluate(parameters: Any, evaluation: Any, job: Any) -> Any:
        return failure() if slow_fails and job.stage == "slow" else value(parameters)

    executor = InlineExecutor(evaluate, gate=gate, holds=lambda one: one.iteration == 1, abilities=ONE_BY_ONE)
    async with open_lab(tmp_path, executor, slots=2) as lab:
        experiment = await lab.submit(stage=stages, space={"x": [1]})
        await lab.until(lambda event: event["kind"] == "iterations_finished" and "1.1.4" in event["refs"])
        before = await lab.states(experiment)
        gate.set()
        await lab.ended(experiment)
        after = await lab.states(experiment)

    assert before["1.1"] == ["evaluating", "running", "succeeded", "succeeded", "succeeded"]
    well, failed = ["evaluated", *["succeeded"] * 5], ["failed", "failed", *["succeeded"] * 3]
    assert after["1.1"] == (failed if slow_fails else well)


async def test_a_criterion_prunes_who_does_not_meet_it(tmp_path: Path) -> None:
    """Only those that meet the promotion's criterion go on; the others are pruned by that rule, never selected, and told why."""
    quick = call("quick", promote={"metric": "value", "op": ">=", "threshold": 2})
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(stage=[quick, call("slow", after=["quick"])])
        variants = await lab.variants(1)
        told = await decisions(ref_of("1.1"), lab.store.views)
        told_of_the_next = await decisions(ref_of("1.2"), lab.store.views)

    assert [(variant["state"], variant["rule"], len(variant["iterations"])) for variant in variants] == [
        ("pruned", "promote", 1),
        ("evaluated", None, 2),
        ("evaluated", None, 2),
    ]
    assert (ended["state"], ended["best"], ended["variants"]["pruned"]) == ("succeeded", "1.2", 1)
    assert [one["message"] for one in told if one["kind"] == "promote"] == [
        "does not go on after quick: value is 1, needs >= 2"
    ]
    assert not [one for one in told_of_the_next if one["kind"] == "promote"]


async def test_the_best_share_of_a_round_goes_on(tmp_path: Path) -> None:
    """Of ten the best three go on once all have been through the stage; the decision is on record with their refs."""
    order: list[str] = []

    def evaluate(parameters: Any, evaluation: Any, job: Any) -> Any:
        order.append(job.stage)
        return value(parameters)

    stages = [call("quick", promote={"top": 0.3}), call("slow", after=["quick"])]
    async with open_lab(tmp_path, InlineExecutor(evaluate)) as lab:
        ended = await lab.run(stage=stages, space={"x": list(range(10))}, objective=MAXIMIZE)
        (promoted,) = await lab.decisions(1, "promote")
        states = [variant["state"] for variant in await lab.variants(1)]

    assert order == ["quick"] * 10 + ["slow"] * 3
    assert promoted["result"] == {"promoted": ["1.8", "1.9", "1.10"], "counts": {"quick": 3}}
    assert states == ["pruned"] * 7 + ["evaluated"] * 3
    assert (ended["state"], ended["best"]) == ("succeeded", "1.10")


async def test_every_round_has_its_own_contest(tmp_path: Path) -> None:
    """In each of two rounds the best share of that round goes on."""
    stages = [call("quick", promote={"top": 0.5}), call("slow", after=["quick"])]
    search = {"method": "random", "variants": 4}
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        await lab.run(stage=stages, space={"x": {"low": 0.0, "high": 1.0}}, search=search, loop={"max_rounds": 2})
        promoted = [(one["round"], one["result"]["counts"]) for one in await lab.decisions(1, "promote")]
        variants = await lab.variants(1)

    assert promoted == [(1, {"quick": 2}), (2, {"quick": 2})]
    assert [sum(v["state"] == "evaluated" for v in variants if v["round"] == n) for n in (1, 2)] == [2, 2]


async def test_a_failure_in_one_case_does_not_stop_the_others(tmp_path: Path) -> None:
    """All iterations of the stage run though one fails; later stages of that variant do not; it fails and keeps what was measured."""

    def evaluate(parameters: Any, evaluation: Any, job: Any) -> Any:
        return failure() if (parameters["x"], evaluation.case) == (1, "b") else value(parameters)

    async with open_lab(tmp_path, InlineExecutor(evaluate)) as lab:
        ended = await lab.run(stage=[call("quick"), call("slow", after=["quick"])], cases=["a", "b", "c"])
        states = await lab.states(1)
        first = (await lab.variants(1))[0]

    assert states["1.1"] == ["failed", "succeeded", "failed", "succeeded"]
    assert states["1.2"] == ["evaluated"] + ["succeeded"] * 6
    assert first["metrics"] == {"value": 1.0}
    assert (ended["state"], ended["best"]) == ("succeeded", "1.2")


async def test_a_variant_counts_by_its_mean_over_cases_and_repeats(tmp_path: Path) -> None:
    """Two cases and two repeats are four iterations a variant, numbered case by case; their mean and spread are the variant's."""
    offset = {"a": 0.0, "b": 10.0}

    def evaluate(parameters: Any, evaluation: Any, job: Any) -> Any:
        return metrics(value=parameters["x"] + offset[evaluation.case] + evaluation.repeat)

    async with open_lab(tmp_path, InlineExecutor(evaluate)) as lab:
        await lab.run(cases=["a", "b"], repeats=2)
        first = (await lab.variants(1))[0]

    assert [(one["ref"], one["case"], one["repeat"]) for one in first["iterations"]] == [
        ("1.1.1", "a", 1),
        ("1.1.2", "a", 2),
        ("1.1.3", "b", 1),
        ("1.1.4", "b", 2),
    ]
    assert first["metrics"] == {"value": 7.5}
    assert first["spread"]["spread"]["value"]["count"] == 4
    assert first["spread"]["cases"] == {"a": {"value": 2.5}, "b": {"value": 12.5}}


@pytest.mark.parametrize(("method", "expected"), [("mean", 4.0), ("median", 2.0), ("worst", 9.0)])
async def test_the_file_says_how_repeats_are_put_together(tmp_path: Path, method: str, expected: float) -> None:
    """Mean, median, or the worst by the objective's direction."""
    results = {1: 1.0, 2: 2.0, 3: 9.0}
    executor = InlineExecutor(lambda _, evaluation, __: metrics(value=results[evaluation.repeat]))
    async with open_lab(tmp_path, executor) as lab:
        await lab.run(space={"x": [1]}, repeats=3, aggregate=method)
        (found,) = await lab.variants(1)

    assert found["metrics"] == {"value": expected}


async def test_seeds_belong_to_the_place_and_shared_seeds_to_the_case(tmp_path: Path) -> None:
    """Every iteration has a seed of its own; the shared one is the same for all variants and stages of a case and repeat."""
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor) as lab:
        await lab.run(stage=[call("quick"), call("slow", after=["quick"])], cases=["a", "b"], repeats=2)
    seen = executor.seen
    shared = {(one.case, one.repeat, one.shared_seed) for one in seen}

    assert len(seen) == len({one.seed for one in seen}) == 24
    assert len(shared) == 4


HOW = {
    "batches on one slot": (EVERYTHING, 1, {}),
    "batches on four slots": (EVERYTHING, 4, {}),
    "one by one on one slot": (ONE_BY_ONE, 1, {}),
    "one by one on four slots": (ONE_BY_ONE, 4, {"max_parallel": 3}),
    "one at a time": (NARROW, 4, {}),
}
DETERMINISTIC: dict[str, Any] = {
    "stage": [call("quick", promote={"top": 0.6}), call("slow", after=["quick"])],
    "space": {"x": {"low": 0.0, "high": 1.0}, "kind": ["a", "b"]},
    "search": {"method": "random", "variants": 12},
    "cases": ["u", "v"],
    "repeats": 2,
    "loop": {"max_rounds": 3},
    "gate": {"criterion": [{"metric": "value", "op": "<=", "threshold": -9.0}]},
}


async def test_the_table_does_not_depend_on_how_it_was_run(tmp_path: Path) -> None:
    """Batches or none, one slot or four, a width of one: the same experiment exports the same bytes and ends for the same reason."""
    found = {}
    for name, (abilities, slots, limits) in HOW.items():
        folder = tmp_path / name
        folder.mkdir()
        async with open_lab(folder, InlineExecutor(drawn, abilities=abilities), slots=slots) as lab:
            ended = await lab.run(**DETERMINISTIC, limits={"max_parallel": 4, **limits})
            found[name] = (await lab.export(1), ended["state"], ended["reason"], ended["selected"])

    assert len(set(map(str, found.values()))) == 1
    assert found["one at a time"][0].count("\n") > 100


BRANCHING: dict[str, Any] = {
    "stage": [call("a"), call("b", after=["a"]), call("x"), call("y", after=["x"]), call("z", after=["b", "y"])],
    "space": {"x": {"low": 0.0, "high": 1.0}},
    "search": {"method": "random", "variants": 12},
    "cases": ["u", "v"],
    "loop": {"max_rounds": 2},
}


async def test_branches_of_which_some_fail_give_one_table(tmp_path: Path) -> None:
    """What runs of a variant in which something fails is what does not come after it, however it was run."""
    found = {}
    for name, (abilities, slots, limits) in HOW.items():
        folder = tmp_path / name
        folder.mkdir()
        async with open_lab(folder, InlineExecutor(drawn, abilities=abilities), slots=slots) as lab:
            await lab.run(**BRANCHING, limits={"max_parallel": 4, **limits})
            found[name] = await lab.export(1)

    assert len(set(found.values())) == 1
    assert found["one at a time"].count(",failed,") > 5


async def test_the_gate_judges_every_variant_by_the_same_measure(tmp_path: Path) -> None:
    """Each evaluated variant has a score between 0 and 1, a verdict with the weakest criterion first, and passes or not."""
    gate = {
        "min_score": 0.5,
        "criterion": [
            {"metric": "value", "op": ">=", "threshold": 3.0, "soft": 1.0},
            {"metric": "value", "op": "<=", "threshold": 100.0},
        ],
    }
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(gate=gate, select={"method": "passing"}, objective=MAXIMIZE)
        variants = await lab.variants(1)
        (verdict,) = [one for one in await lab.store.views.decisions(ref_of("1.1")) if one["kind"] == "gate"]

    assert [(variant["score"], variant["passed"], variant["selected"]) for variant in variants] == [
        (0.75, True, True),
        (0.875, True, True),
        (1.0, True, True),
    ]
    assert verdict["inputs"]["criteria"][0]["op"] == ">="
    assert ended["selected"] == ["1.3", "1.2", "1.1"]
