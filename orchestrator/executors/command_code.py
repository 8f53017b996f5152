"""Whether the files a command is made of are still those that were submitted, looked at before each batch of it."""

from anyio import to_thread

from orchestrator.domain.evaluation import Batch, BatchResult, Job
from orchestrator.domain.outcome import AttemptEnd, Outcome
from orchestrator.domain.states import Cause
from orchestrator.worker.code import CodeChanged, expect


async def refused(batch: Batch) -> BatchResult | None:
    """The end of a batch whose command is not the one that was submitted; None when it may run, and for callables, which look themselves."""
    job = batch.job
    if job.command is None or job.code_hash is None or not job.code_places:
        return None
    error = await to_thread.run_sync(_why, job, job.code_hash)  # programs may be large
    if error is None:
        return None
    outcome = Outcome(AttemptEnd.FAILED, cause=Cause.RAISED, error=error, code_changed=True)
    return BatchResult(outcomes=dict.fromkeys(range(len(batch.evaluations)), outcome))


def _why(job: Job, code_hash: str) -> str | None:
    try:
        expect(code_hash, job.code_places)
    except CodeChanged as changed:
        return str(changed)
    except OSError as error:  # it went away, or was made unreadable, in between
        return f"{error.filename}: {error.strerror}"
    return None
