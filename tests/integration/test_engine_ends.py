"""Claims about how experiments end: the engine over a real store, evaluations in this process."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrator.domain.evaluation import Batch, BatchResult
from orchestrator.domain.outcome import Usage
from orchestrator.domain.refs import parse_ref
from orchestrator.domain.states import Cause
from orchestrator.errors import ExecutorUnusable
from orchestrator.executors.base import StopSwitch
from tests.support.inline import InlineExecutor, failure, metrics
from tests.support.lab import open_lab

pytestmark = pytest.mark.asyncio
GATE = {"criterion": [{"metric": "value", "op": "<=", "threshold": 0.5}]}
RANDOM = {"space": {"x": {"low": 0.0, "high": 1.0}}, "search": {"method": "random", "variants": 3}}


def value(parameters: Any, *_: Any) -> Any:
    """The parameter itself."""
    return metrics(value=float(parameters["x"]))


def fails(*_: Any) -> Any:
    """Never anything."""
    return failure()


def odd(parameters: Any, *_: Any) -> Any:
    """Odd parameters fail."""
    return failure(error="ValueError: odd") if parameters["x"] % 2 else metrics(value=float(parameters["x"]))


async def test_an_exhausted_grid_succeeds_with_its_best(tmp_path: Path) -> None:
    """A grid is one round: it ends succeeded, with the smallest value selected and best, and says that nothing is left."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run()
        (decided,) = await lab.decisions(1, "decide")

    assert (ended["state"], ended["phase"], ended["round"]) == ("succeeded", None, 1)
    assert (ended["best"], ended["selected"]) == ("1.1", ["1.1"])
    assert ended["reason"] == "the generator proposes nothing more"
    assert (decided["rule"], decided["result"]["state"]) == ("exhausted", "succeeded")
    assert ended["iterations"] == {"total": 3, "succeeded": 3, "failed": 0, "running": 0, "queued": 0, "cancelled": 0}


async def test_maximize_selects_the_largest(tmp_path: Path) -> None:
    """With the goal turned round the largest value is the best one."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(objective={"metric": "value", "goal": "maximize"})
        (chosen,) = [one for one in await lab.store.views.decisions(parse_ref("1")) if one["kind"] == "select"]

    assert (ended["best"], ended["selected"]) == ("1.3", ["1.3"])
    assert chosen["inputs"] == {"objective": "value", "goal": "maximize", "k": None, "best": 3.0}


async def test_one_undeclared_metric_is_minimized(tmp_path: Path) -> None:
    """Without an objective the only metric there is decides, smaller is better."""
    async with open_lab(tmp_path, InlineExecutor(lambda p, *_: metrics(other=-float(p["x"])))) as lab:
        ended = await lab.run(objective=None)

    assert (ended["state"], ended["best"]) == ("succeeded", "1.3")


async def test_top_k_selects_in_order_of_value(tmp_path: Path) -> None:
    """The two smallest are selected; which is best does not depend on how many are."""
    async with open_lab(tmp_path, InlineExecutor(lambda p, *_: metrics(value=-float(p["x"])))) as lab:
        ended = await lab.run(select={"method": "top_k", "k": 2})
        (selected,) = await lab.decisions(1, "select")

    assert (ended["best"], ended["selected"]) == ("1.3", ["1.3", "1.2"])
    assert selected["result"]["selected"] == ["1.3", "1.2"]


async def test_nothing_that_passes_is_abandoned(tmp_path: Path) -> None:
    """When everything was evaluated and nothing passed the gate it ends abandoned, with no best, every variant judged."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(gate=GATE)
        judged = [(variant["passed"], variant["score"]) for variant in await lab.variants(1)]

    assert (ended["state"], ended["best"], ended["selected"]) == ("abandoned", None, [])
    assert judged == [(False, 0.0)] * 3


async def test_after_a_round_in_which_nothing_passed_it_generates_anew_or_gives_up(tmp_path: Path) -> None:
    """As `on_failure` says: by default the next round follows, with "abandon" the first is the last; both say that nothing passed."""
    out_of_reach = {"criterion": [{"metric": "value", "op": "<", "threshold": 0.0}]}
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        anew = await lab.run(**RANDOM, gate=out_of_reach, loop={"max_rounds": 2})
        given_up = await lab.run(**RANDOM, gate=out_of_reach, loop={"max_rounds": 2, "on_failure": "abandon"})

    assert (anew["state"], anew["round"]) == ("abandoned", 2)
    assert anew["reason"] == "nothing passed the gate (6 variants evaluated): all rounds are used up (2)"
    assert (given_up["state"], given_up["round"]) == ("abandoned", 1)
    assert given_up["reason"] == 'no variant of round 1 passed, and on_failure is "abandon"'


async def test_what_passes_ends_the_search(tmp_path: Path) -> None:
    """With a gate and no target the first round in which a variant passed is the last, and only what passed is selected, the best first."""
    loose = {"criterion": [{"metric": "value", "op": "<=", "threshold": 2.0}]}
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(
            gate=loose, select={"method": "passing"}, objective={"metric": "value", "goal": "maximize"}
        )
        judged = [variant["passed"] for variant in await lab.variants(1)]

    assert (ended["state"], ended["reason"]) == ("succeeded", "2 variants passed the gate")
    assert (judged, ended["best"], ended["selected"]) == ([True, True, False], "1.2", ["1.2", "1.1"])


async def test_when_nothing_can_be_evaluated_it_has_failed_with_the_first_error(tmp_path: Path) -> None:
    """If every variant fails the experiment has failed, and its reason shows the first error there was."""
    async with open_lab(tmp_path, InlineExecutor(fails), slots=1) as lab:
        ended = await lab.run()

    assert (ended["state"], ended["best"]) == ("failed", None)
    assert ended["reason"] == "nothing could be evaluated; 1.1.1 raised: ValueError: no"


async def test_one_variants_failure_does_not_fail_the_experiment(tmp_path: Path) -> None:
    """A failed variant keeps its error and cause; the others decide the end."""
    async with open_lab(tmp_path, InlineExecutor(odd)) as lab:
        ended = await lab.run()
        states = await lab.states(1)
        first = (await lab.variants(1))[0]["iterations"][0]

    assert (ended["state"], ended["best"]) == ("succeeded", "1.2")
    assert states == {"1.1": ["failed", "failed"], "1.2": ["evaluated", "succeeded"], "1.3": ["failed", "failed"]}
    assert (first["cause"], first["error"], first["attempt"]) == ("raised", "ValueError: odd", 1)


async def test_a_space_of_nothing_is_one_evaluation(tmp_path: Path) -> None:
    """Without parameters there is one variant."""
    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics(value=1.0))) as lab:
        ended = await lab.run(space=None)

    assert (ended["state"], ended["variant_count"], ended["best"]) == ("succeeded", 1, "1.1")


async def test_a_search_without_end_takes_all_its_rounds(tmp_path: Path) -> None:
    """`max_rounds` counts every round, the first included; each brings its variants, and each is decided."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(**RANDOM, loop={"max_rounds": 3})
        rounds = [variant["round"] for variant in await lab.variants(1)]
        decided = [(one["round"], one["rule"]) for one in await lab.decisions(1, "decide")]

    assert (ended["state"], ended["round"], ended["reason"]) == ("succeeded", 3, "all rounds are used up (3)")
    assert rounds == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert decided == [(1, "next_round"), (2, "next_round"), (3, "max_rounds")]


async def test_the_best_of_all_rounds_is_selected(tmp_path: Path) -> None:
    """What is selected after the last round is the best of the whole experiment, whichever round it came from."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(**RANDOM, loop={"max_rounds": 4})
        values = {variant["ref"]: variant["metrics"]["value"] for variant in await lab.variants(1)}

    assert ended["best"] == min(values, key=lambda ref: values[ref])
    assert ended["selected"] == [ended["best"]]


async def test_a_target_ends_it_in_the_round_that_reaches_it(tmp_path: Path) -> None:
    """A reached target is the end, and its value is named; a gate alone would not have to be passed."""
    target = {"metric": "value", "op": "<=", "threshold": 1.0}
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(**RANDOM, loop={"max_rounds": 9, "target": target})

    assert (ended["state"], ended["round"]) == ("succeeded", 1)
    assert ended["reason"].startswith("the target is reached: value is 0.")


async def test_patience_ends_a_search_that_does_not_get_better(tmp_path: Path) -> None:
    """When every round gives the same value, the first is an improvement and two more use up a patience of two."""
    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics(value=1.0))) as lab:
        ended = await lab.run(**RANDOM, loop={"max_rounds": 9, "patience": 2})

    assert (ended["state"], ended["round"], ended["reason"]) == ("succeeded", 3, "no improvement in the last 2 rounds")


async def test_the_same_parameters_are_evaluated_once(tmp_path: Path) -> None:
    """A repeated proposal is on record pointing at the first variant, and nothing is evaluated for it; 1 and 1.0 differ."""
    executor = InlineExecutor(value)
    listed = {"method": "list", "params": [{"x": 1}, {"x": 2}, {"x": 1}, {"x": 1.0}, {"x": 2}]}
    async with open_lab(tmp_path, executor) as lab:
        ended = await lab.run(space=None, search=listed)
        (proposed,) = await lab.events("variants_proposed")
        origin = await lab.store.views.read("variant_origin", {"experiment": 1, "variant": 1})

    assert (ended["variant_count"], len(executor.seen)) == (3, 3)
    assert (proposed["count"], proposed["duplicates"]) == (3, 2)
    assert origin["proposals"] == [[1, 1], [1, 3]]


async def test_the_limit_of_evaluations_cuts_a_round_before_it_runs(tmp_path: Path) -> None:
    """With room for five evaluations of two cases each, two variants are proposed in order and the experiment ends by that limit."""
    executor = InlineExecutor(value)
    async with open_lab(tmp_path, executor) as lab:
        ended = await lab.run(cases=["a", "b"], limits={"evaluations": 5})

    assert (ended["state"], ended["variant_count"], len(executor.seen)) == ("succeeded", 2, 4)
    assert ended["reason"] == "limits.evaluations = 5 has no room for another variant, which takes 2"


async def test_a_round_for_which_the_limit_leaves_no_room_is_not_begun(tmp_path: Path) -> None:
    """The round that used it up is the last on record; a limit that is larger than what ran is not said to be used up."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        whole = await lab.run(**RANDOM, loop={"max_rounds": 9}, limits={"evaluations": 6})
        odd_one = await lab.run(**RANDOM, loop={"max_rounds": 9}, repeats=2, limits={"evaluations": 7})
        last = await lab.run(**RANDOM, loop={"max_rounds": 2}, limits={"evaluations": 6})

    assert (whole["round"], whole["variant_count"], whole["state"]) == (2, 6, "succeeded")
    assert whole["reason"] == "the 6 evaluations of limits.evaluations are used up"
    assert (odd_one["round"], odd_one["iterations"]["total"]) == (1, 6)
    assert odd_one["reason"] == "limits.evaluations = 7 has no room for another variant, which takes 2"
    assert last["reason"] == "all rounds are used up (2)"


async def test_a_limit_without_anything_that_passed_is_abandoned(tmp_path: Path) -> None:
    """A used-up limit is never a failure, even when there is no room for one variant."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        cut = await lab.run(limits={"evaluations": 2}, gate=GATE)
        empty = await lab.run(limits={"evaluations": 1}, cases=["a", "b"])

    assert (cut["state"], cut["variant_count"]) == ("abandoned", 2)
    assert (empty["state"], empty["variant_count"]) == ("abandoned", 0)


async def test_a_verdict_that_cannot_be_stored_is_the_reason(tmp_path: Path) -> None:
    """What the database says is what a person reads, though pages of verdicts are on their way together."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        with closing(sqlite3.connect(tmp_path / "orchestrator.db")) as other:
            other.execute(
                "CREATE TRIGGER no BEFORE UPDATE OF verdict ON variant BEGIN SELECT RAISE(ABORT, 'not today'); END"
            )
        ended = await lab.run(gate=GATE)

    assert ended["state"] == "failed"
    assert ended["reason"].startswith("internal error: StoreError('the database refused: not today')")


async def test_the_limit_spans_the_rounds(tmp_path: Path) -> None:
    """Rounds of three under a limit of seven: three, three and one, and then the end."""
    async with open_lab(tmp_path, InlineExecutor(value)) as lab:
        ended = await lab.run(**RANDOM, loop={"max_rounds": 9}, limits={"evaluations": 7})
        rounds = [variant["round"] for variant in await lab.variants(1)]

    assert (ended["state"], rounds) == ("succeeded", [1, 1, 1, 2, 2, 2, 3])


async def test_used_up_wall_time_stops_what_runs_and_keeps_what_was_measured(tmp_path: Path) -> None:
    """At the wall limit what runs and waits is cancelled by that rule, and what had succeeded decides the end."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.variant > 1)
    async with open_lab(tmp_path, executor) as lab:
        ended = await lab.run(limits={"wall": "300ms"})
        states = await lab.states(1)
        rules = [variant["rule"] for variant in await lab.variants(1)]

    assert (ended["state"], ended["best"]) == ("succeeded", "1.1")
    assert ended["reason"] == "the wall time of limits.wall is used up"
    assert states["1.2"] == states["1.3"] == ["cancelled", "cancelled"]
    assert rules[0] is None


async def test_what_the_wall_limit_has_cut_is_retried_with_time_of_its_own(tmp_path: Path) -> None:
    """After `orc retry` the limit counts anew: what was cancelled runs and succeeds, and the next round is not said to have no time."""
    gate = anyio.Event()
    executor = InlineExecutor(value, gate=gate, holds=lambda evaluation: evaluation.variant > 1)
    async with open_lab(tmp_path, executor) as lab:
        await lab.run(limits={"wall": "1s"})
        gate.set()
        since = await lab.now()
        retried = await lab.retry("1")
        ended = await lab.ended(1, since=since)
        (reopened,) = await lab.decisions(1, "retry")

    assert retried["iterations"] == 2
    assert (ended["state"], ended["iterations"]["succeeded"], ended["iterations"]["cancelled"]) == ("succeeded", 3, 0)
    assert ended["reason"] != "the wall time of limits.wall is used up"
    assert reopened["message"] == "opened again: 2 evaluations of 1 are queued anew"


async def test_on_error_fail_ends_it_at_the_first_failure(tmp_path: Path) -> None:
    """The first failure ends the experiment failed and names itself; what had not run is cancelled."""
    async with open_lab(tmp_path, InlineExecutor(odd), slots=1) as lab:
        ended = await lab.run(on_error="fail", limits={"max_parallel": 1})
        states = await lab.states(1)

    assert (ended["state"], ended["reason"]) == ("failed", '1.1.1 failed (raised) and on_error is "fail"')
    assert states["1.1"] == ["failed", "failed"]
    assert ended["iterations"]["queued"] == ended["iterations"]["running"] == 0


@pytest.mark.parametrize(
    ("allowed", "reason"),
    [
        ({"count": 5}, "6 of 6 evaluations failed (100 %); limits.max_failures stops it above 5 failures"),
        (
            {"count": 5, "ratio": 0.5},
            "6 of 6 evaluations failed (100 %); limits.max_failures stops it above 5 failures and 50 %",
        ),
        ({"ratio": 0.5}, "1 of 1 evaluations failed (100 %); limits.max_failures stops it above 50 %"),
    ],
)
async def test_the_breaker_stops_a_broken_evaluator(tmp_path: Path, allowed: dict[str, float], reason: str) -> None:
    """When more has failed than the file bears the experiment ends failed with the numbers; the rest of a hundred is not run."""
    executor = InlineExecutor(fails)
    async with open_lab(tmp_path, executor, slots=1) as lab:
        ended = await lab.run(space={"x": list(range(100))}, limits={"max_failures": allowed, "max_parallel": 1})
        (decided,) = await lab.decisions(1, "decide")

    assert ended["state"] == "failed"
    assert ended["reason"].partition("; the last was 1.")[0] == reason
    assert (decided["rule"], decided["message"]) == ("max_failures", ended["reason"])
    assert len(executor.seen) < 100
    assert ended["iterations"]["cancelled"] == 100 - ended["iterations"]["failed"]


async def test_the_breaker_is_not_run_over_by_a_batch(tmp_path: Path) -> None:
    """Of ten thousand evaluations of a microsecond that all fail, on two slots, no more are run than three times what the file bears."""
    executor = InlineExecutor(lambda *_: failure()._replace(usage=Usage(wall_seconds=1e-6)))
    async with open_lab(tmp_path, executor, slots=2) as lab:
        ended = await lab.run(space={"x": list(range(10_000))}, limits={"max_failures": {"count": 100}})

    assert ended["reason"].startswith("101 of 101 evaluations failed")
    assert 101 <= len(executor.seen) <= 300


async def test_the_breaker_bears_a_share_of_failures(tmp_path: Path) -> None:
    """Half of a hundred evaluations may fail where 60 % and ten may: the experiment ends by its own rules."""
    async with open_lab(tmp_path, InlineExecutor(odd), slots=1) as lab:
        ended = await lab.run(
            space={"x": list(range(100))}, limits={"max_failures": {"count": 10, "ratio": 0.6}, "max_parallel": 1}
        )

    assert (ended["state"], ended["iterations"]["failed"], ended["iterations"]["succeeded"]) == ("succeeded", 50, 50)


async def test_code_that_cannot_be_imported_ends_it_at_once(tmp_path: Path) -> None:
    """An import error is neither retried nor repeated for every variant: the experiment fails with the error shown."""
    executor = InlineExecutor(lambda *_: failure(error="ModuleNotFoundError: model", import_failed=True))
    async with open_lab(tmp_path, executor, slots=1) as lab:
        ended = await lab.run(
            stage=[{"call": "model:evaluate", "retries": {"max": 3}}],
            space={"x": list(range(50))},
            limits={"max_parallel": 1},
        )

    assert (ended["state"], ended["reason"]) == ("failed", "the code cannot be imported: ModuleNotFoundError: model")
    assert len(executor.seen) <= 2


class Unusable(InlineExecutor):
    """An executor that cannot run anything."""

    async def run(self, batch: Batch, stop: StopSwitch) -> BatchResult:
        """Refuse."""
        raise ExecutorUnusable("no process can be started")


async def test_an_executor_that_cannot_run_fails_the_experiment_and_says_why(tmp_path: Path) -> None:
    """What the executor says is the reason of the end; nothing is recorded as tried."""
    async with open_lab(tmp_path, Unusable(value)) as lab:
        ended = await lab.run()
        attempts = await lab.attempts("1.1.1")

    assert (ended["state"], ended["reason"]) == ("failed", "stage main: no process can be started")
    assert (attempts, ended["iterations"]["cancelled"]) == ([], 3)


async def test_a_result_without_the_objective_is_invalid(tmp_path: Path) -> None:
    """An evaluation that does not report the objective has failed with that cause, and its error names what it reports."""
    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics(other=1.0))) as lab:
        ended = await lab.run()
        iteration = (await lab.variants(1))[0]["iterations"][0]

    assert (ended["state"], iteration["cause"], iteration["metrics"]) == ("failed", str(Cause.INVALID_RESULT), None)
    assert iteration["error"] == "the objective 'value' is missing: it reports other"


async def test_a_measured_number_can_be_the_objective(tmp_path: Path) -> None:
    """`wall_seconds` needs no workload that reports it, and is not among the workload's own metrics in the export."""
    async with open_lab(tmp_path, InlineExecutor(lambda *_: metrics())) as lab:
        ended = await lab.run(objective={"metric": "wall_seconds"})
        found = (await lab.variants(1))[0]
        exported = await lab.export(1)

    assert (ended["state"], found["metrics"]) == ("succeeded", {"wall_seconds": 1e-6})
    assert "wall" not in exported
