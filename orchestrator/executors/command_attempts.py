"""One attempt at a command or a callable, as the keeper is asked to run it: its name, arguments, environment, where its output shall be.

In the job's output folder: `<variant>/<iteration>.<attempt>.out` and `.err` when something was printed, and, after a failure only,
`.scratch` when something was left in the scratch folder.
"""

import itertools
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.domain.evaluation import Batch, Evaluation, Job, Kept
from orchestrator.executors import call_attempts
from orchestrator.worker.commands import arguments_of, as_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Its names. Paths are texts: there are thousands a second."""

    token: str  # its name towards the keeper
    out: str
    err: str
    scratch: str
    run: dict[str, Any]  # what the keeper is asked for


def attempts_of(batch: Batch) -> tuple[Attempt, ...]:
    """All of a batch, in order."""
    if batch.job.call is not None:
        argv = call_attempts.argv_of(batch.job)
        wanted = [
            {
                "argv": argv,
                "environment": _whereabouts(batch.job, evaluation),
                "parameters": call_attempts.parameters_of(batch, position),
            }
            for position, evaluation in enumerate(batch.evaluations)
        ]
    else:
        arguments = json.loads(batch.job.arguments_json)
        wanted = [_command(batch.job, evaluation, arguments=arguments) for evaluation in batch.evaluations]
    waited = batch.waited or itertools.repeat(None)
    return tuple(map(partial(_attempt, batch.job), batch.evaluations, wanted, waited))


def _attempt(job: Job, evaluation: Evaluation, wanted: dict[str, Any], waited: float | None) -> Attempt:
    token = f"{_ref(job, evaluation)}.{evaluation.attempt}"
    stem = f"{job.output_folder}/{evaluation.variant}/{evaluation.iteration}.{evaluation.attempt}"
    out, err = f"{stem}.out", f"{stem}.err"
    run = {"token": token, **wanted, "out": out, "err": err, "queue_seconds": waited}
    return Attempt(token=token, out=out, err=err, scratch=f"{stem}.scratch", run=run)


def token_of(kept: Kept) -> str:
    """The name of an attempt towards the keeper."""
    return ".".join(map(str, kept))


def kept_of(token: str) -> Kept:
    """Which attempt a name stands for; one that was sent twice at one instant has a mark behind it."""
    return Kept(*map(int, token.rstrip("+").split(".")))


def _command(job: Job, evaluation: Evaluation, *, arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        "argv": arguments_of(job.command, _values(job, evaluation, arguments=arguments)),
        "environment": _environment(job, evaluation),
        "parameters": evaluation.parameters_json,
    }


def _ref(job: Job, evaluation: Evaluation) -> str:
    return f"{job.experiment}.{evaluation.variant}.{evaluation.iteration}"


def _values(job: Job, evaluation: Evaluation, *, arguments: dict[str, Any]) -> dict[str, str]:
    """What placeholders stand for. A parameter hides an argument of the same name."""
    values = {name: as_text(value) for name, value in arguments.items()}
    values.update((name, as_text(value)) for name, value in json.loads(evaluation.parameters_json).items())
    values.update(
        seed=str(evaluation.seed),
        shared_seed=str(evaluation.shared_seed),
        case=evaluation.case or "",
        repeat=str(evaluation.repeat),
        workdir=job.workdir,
    )
    return values


def _whereabouts(job: Job, evaluation: Evaluation) -> dict[str, str]:
    """Who it is, and where it can report."""
    told = {"ORC_REF": _ref(job, evaluation), "ORC_ATTEMPT": str(evaluation.attempt)}
    return told if job.socket is None else {**told, "ORC_SOCKET": job.socket}


def _environment(job: Job, evaluation: Evaluation) -> dict[str, str]:
    """What is added to the job's environment, besides the paths that the keeper knows."""
    return {
        **_whereabouts(job, evaluation),
        "ORC_SEED": str(evaluation.seed),
        "ORC_SHARED_SEED": str(evaluation.shared_seed),
        "ORC_STAGE": job.stage,
        "ORC_CASE": evaluation.case or "",
        "ORC_REPEAT": str(evaluation.repeat),
        "ORC_WORKDIR": job.workdir,
    }
