"""What crosses between the daemon and a worker."""

import json
import pickle
from typing import Any

import pytest

from orchestrator.domain.evaluation import Batch, Evaluation, Job
from orchestrator.domain.outcome import AttemptEnd, Usage
from orchestrator.domain.refs import ExperimentId
from orchestrator.domain.successes import Successes
from orchestrator.executors.payload import outcome_of, payload_of
from orchestrator.worker.columns import FEWEST, Columns, in_columns

JOB = Job(experiment=ExperimentId(1), stage="main", call="model:evaluate", environment=(("LANG", "C"),))
EVALUATION = Evaluation(1, 2, 3, '{"x":1}', 4, 5, None, 6)


def test_what_crosses_to_a_process_is_plain_values() -> None:
    """Numbers, text, tuples and lists, and a function by its name: whatever was submitted, it can be pickled."""
    payload = payload_of(Batch(job=JOB, evaluations=(EVALUATION,)), lane=0, output_limit_bytes=10)
    assert pickle.loads(pickle.dumps(payload)) == payload
    assert json.loads(json.dumps(payload))["call"] == "model:evaluate"
    assert payload["evaluations"] == [(1, 2, 3, '{"x":1}', 4, 5, None, 6)]


def test_what_was_measured_in_a_process_comes_back_with_its_outcome() -> None:
    """All of it, with who measured it; what the worker does not know is None and not 0."""
    measured = {
        "started_us": 10,
        "wall_seconds": 0.5,
        "cpu_seconds": 0.25,
        "max_rss_bytes": 7,
        "starved_seconds": 0.125,
    }
    outcome = outcome_of({"metrics": {"x": 1.0}, "output_bytes": 0, **measured}, pid=8, start_ticks=9)
    assert outcome.end is AttemptEnd.SUCCEEDED
    assert outcome.usage == Usage(10, 500_010, 0.5, 0.25, 7, 0, 8, 9, None, None, 0.125)
    assert outcome_of({"metrics": {}, "started_us": 10}, pid=8, start_ticks=9).usage == Usage(10, pid=8, start_ticks=9)


MEASURED = {"started_us": 10, "wall_seconds": 0.5, "cpu_seconds": 0.25, "output_bytes": 0}


def successes(count: int = FEWEST, **more: Any) -> list[dict[str, Any]]:
    """Outcomes as the worker tells them, no two alike."""
    return [
        {"metrics": {"x": 1.5 * n, "y": n}, **MEASURED, "started_us": 10**15 + n, "wall_seconds": n / 7, **more}
        for n in range(count)
    ]


@pytest.mark.parametrize(
    "told",
    [
        successes(),
        successes(1000, max_rss_bytes=7, read_bytes=512, written_bytes=0, starved_seconds=0.125),
        successes(metrics={"value": 0.1}),
    ],
    ids=["few numbers", "all numbers", "one metric"],
)
def test_columns_say_what_each_outcome_says(told: list[dict[str, Any]]) -> None:
    """What comes in columns is, number for number, what would have come one by one."""
    columns = pickle.loads(pickle.dumps(in_columns(told)))
    assert isinstance(columns, Columns)
    came = Successes(*columns, pid=8, start_ticks=9)
    assert dict(came) == dict(enumerate([outcome_of(one, pid=8, start_ticks=9) for one in told]))
    assert len(came) == len(told)
    assert dict(came.first(3)) == {position: came[position] for position in range(3)}


@pytest.mark.parametrize(
    "other",
    [
        {"cause": "raised", "error": "no", "started_us": 1},
        {"metrics": {"x": 1.0}, **MEASURED},
        {"metrics": {"x": 1.0, "y": 2.0, "z": 3.0}, **MEASURED},
        {"metrics": {"x": 1.0, "y": 2.0}, **MEASURED, "cost": {"usd": 1.0, "tokens": 1}},
        {"metrics": {"x": 1.0, "y": 2.0}, **MEASURED, "max_rss_bytes": 7},
        {"metrics": {}, **MEASURED},
        {"pruned": "too slow", **MEASURED},
    ],
    ids=["failed", "a metric less", "a metric more", "a cost", "a number more", "no metrics", "pruned"],
)
@pytest.mark.parametrize("place", [0, FEWEST // 2, FEWEST])
def test_what_does_not_fit_in_columns_comes_as_it_is(other: dict[str, Any], place: int) -> None:
    """One outcome that says something else than the others, wherever it stands, and none of them is squeezed."""
    told = successes()
    told.insert(place, other)
    assert in_columns(told) is told


def test_few_outcomes_and_what_has_much_to_tell_come_as_they_are() -> None:
    """Columns are for many; reports, costs and files need their dict."""
    few, costly = successes(FEWEST - 1), successes(cost={"usd": 1.0, "tokens": 1})
    assert in_columns(few) is few
    assert in_columns(costly) is costly
    assert in_columns([]) == []
