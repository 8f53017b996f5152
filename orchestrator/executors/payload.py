"""Between the facts of the domain and what crosses to a worker: a batch on its way there, outcomes on their way back."""

from collections.abc import Mapping
from typing import Any

from orchestrator.domain.evaluation import Batch, Job
from orchestrator.domain.outcome import AttemptEnd, Outcome, Usage
from orchestrator.domain.states import Cause
from orchestrator.executors.notes import artifacts_of, reports_of, spent_of


def payload_of(batch: Batch, *, lane: int, output_limit_bytes: int) -> dict[str, Any]:
    """The argument of `run_batch`: plain values only, as cheap to pickle as can be."""
    job = batch.job
    return {
        "call": job.call,
        "code": (job.code_hash, job.code_places),
        "stage": job.stage,
        "arguments": job.arguments_json,
        "environment": job.environment,
        "workdir": job.workdir,
        "output_folder": job.output_folder,
        "output_limit_bytes": output_limit_bytes,
        "artifact_limit_bytes": job.artifact_limit_bytes,
        "memory_bytes": job.memory_bytes,
        "lane": lane,
        "evaluations": list(map(tuple, batch.evaluations)),
    }


def output_stem(job: Job, place: tuple[int, int, int]) -> str:
    """Where the output of (variant, iteration, attempt) is kept, without `.out` and `.err`."""
    variant, iteration, attempt = place
    return f"{job.output_folder}/{variant}/{iteration}.{attempt}"


def outcome_of(raw: Mapping[str, Any], *, pid: int, start_ticks: int) -> Outcome:
    """An outcome as the worker tells it, with the process it came from. Raises KeyError, TypeError or ValueError on nonsense."""
    started = raw["started_us"]
    wall = raw.get("wall_seconds")
    usage = Usage(
        started,
        None if wall is None else started + int(wall * 1e6),
        wall,
        raw.get("cpu_seconds"),
        raw.get("max_rss_bytes"),
        raw.get("output_bytes"),
        pid,
        start_ticks,
        raw.get("read_bytes"),
        raw.get("written_bytes"),
        raw.get("starved_seconds"),
    )
    metrics = raw.get("metrics")
    if metrics is not None:
        outcome = Outcome(AttemptEnd.SUCCEEDED, metrics, usage=usage)
    elif "pruned" in raw:
        outcome = Outcome(AttemptEnd.CANCELLED, pruned=str(raw["pruned"]), usage=usage)
    else:
        outcome = _failed(raw, usage)
    if "artifacts" in raw:
        outcome = outcome._replace(artifacts=artifacts_of(raw["artifacts"]))
    if "reports" in raw or "cost" in raw:
        return outcome._replace(reports=reports_of(raw.get("reports", ())), spent=spent_of(raw.get("cost")))
    return outcome


def _failed(raw: Mapping[str, Any], usage: Usage) -> Outcome:
    return Outcome(
        end=AttemptEnd.FAILED,
        cause=Cause(raw["cause"]),
        error=raw["error"],
        exit_status=raw.get("exit_status"),
        import_failed=raw.get("import_failed", False),
        code_changed=raw.get("code_changed", False),
        usage=usage,
    )
