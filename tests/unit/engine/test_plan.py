"""Claims about the plan: numbers of iterations, seeds, jobs."""

import json

from orchestrator.domain.identity import iteration_seed, shared_seed
from tests.support.plans import plan, stage


def test_iterations_are_numbered_by_stage_then_case_then_repeat() -> None:
    """Two stages, two cases, three repeats: 1 to 6 are the first stage's, 7 to 12 the second's, whenever they are planned."""
    planned = plan(stage("a"), stage("b", after=["a"]), cases=["x", "y"], repeats=3)
    first, second = planned.iterations(["a"], 7), planned.iterations(["b"], 7)

    assert [(one.number, one.stage, one.case, one.repeat) for one in first] == [
        (1, "a", "x", 1),
        (2, "a", "x", 2),
        (3, "a", "x", 3),
        (4, "a", "y", 1),
        (5, "a", "y", 2),
        (6, "a", "y", 3),
    ]
    assert [one.number for one in second] == [7, 8, 9, 10, 11, 12]
    assert planned.iterations(["a", "b"], 7) == first + second
    assert (planned.per_stage, planned.per_variant) == (6, 12)


def test_the_order_is_that_of_the_file_and_not_of_the_graph() -> None:
    """A stage that runs later but stands first in the file has the lower numbers."""
    planned = plan(stage("late", after=["early"]), stage("early"))

    assert [one.number for one in planned.iterations(["early"], 7)] == [2]
    assert (planned.graph.roots, planned.graph.leaves) == (("early",), frozenset({"late"}))


def test_seeds_are_those_of_the_model() -> None:
    """An iteration's seed hashes experiment seed, variant, stage, case and repeat; the shared one experiment seed, case and repeat."""
    planned = plan(cases=["x"], repeats=2, seed=99)
    found = planned.iterations(["main"], 7)

    assert [one.seed for one in found] == [iteration_seed(99, 7, "main", "x", repeat) for repeat in (1, 2)]
    assert [planned.shared_seed("x", 1)] * 2 == [shared_seed(99, "x", 1), planned.shared_seed("x", 1)]


def test_a_job_holds_the_stage_and_its_whole_environment() -> None:
    """The stage's own variables count for more than the submitter's; the workdir is absolute; arguments are JSON."""
    planned = plan(stage(env={"A": "stage"}, arguments={"games": 10}, timeout="2s", workdir="sub"))
    job = type(planned)(
        experiment=planned.experiment,
        seed=1,
        spec=planned.spec,
        folder="/data",
        environment={"B": "2", "A": "submitter"},
        output_folder="/runs/12",
        socket="/s",
    ).job("main")

    assert job.environment == (("A", "stage"), ("B", "2"))
    assert (job.workdir, job.timeout_seconds, job.call, job.command) == ("/data/sub", 2.0, "model:evaluate", None)
    assert (json.loads(job.arguments_json), job.output_folder, job.socket) == ({"games": 10}, "/runs/12", "/s")


def test_what_decisions_look_at_is_found_everywhere_in_the_file() -> None:
    """Objective, gate, promotions and target are looked through for measured numbers, in one fixed order."""
    criterion = {"op": "<=", "threshold": 1.0}
    planned = plan(
        stage("a", promote={"metric": "max_rss_bytes", **criterion}),
        stage("b", after=["a"]),
        objective={"metric": "wall_seconds"},
        gate={"criterion": [{"metric": "cpu_seconds", **criterion}]},
        loop={"target": {"metric": "own", **criterion}},
    )

    assert planned.measures.measured == ("wall_seconds", "cpu_seconds", "max_rss_bytes")
    assert plan().measures.measured == ()
    assert [planned.has_contests, plan(stage(promote={"top": 0.5})).has_contests] == [False, True]
