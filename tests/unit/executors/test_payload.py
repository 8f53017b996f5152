"""What crosses between the daemon and a worker."""

import json
import pickle

from orchestrator.domain.evaluation import Batch, Evaluation, Job
from orchestrator.domain.outcome import AttemptEnd, Usage
from orchestrator.domain.refs import ExperimentId
from orchestrator.executors.payload import outcome_of, payload_of

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
