"""The code of an experiment as it lies there now, looked at in a thread."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from anyio import to_thread

from orchestrator.domain.evaluation import Job
from orchestrator.errors import Conflict
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.places import Place, code_places
from orchestrator.worker.code import CodeChanged, code_hash, expect

Places = tuple[Place, ...]
CODE_CHANGED = (
    "its code has changed since it was submitted; orc resume --accept-code goes on with the code as it is now"
)
"""Why an experiment is paused by itself."""


async def places_of(spec: ExperimentSpec, folder: str) -> Places:
    """What its hash is taken over."""
    return await to_thread.run_sync(partial(code_places, spec, folder=Path(folder)))


async def code_now(spec: ExperimentSpec, folder: str) -> tuple[str, Places]:
    """Its hash, and what that is taken over. Raises Conflict when it cannot be read."""
    places = await places_of(spec, folder)
    try:
        return await to_thread.run_sync(code_hash, places), places
    except OSError as error:
        raise Conflict(f"the code cannot be read: {error.filename}: {error.strerror}") from error


async def has_changed(whole: Mapping[str, Any]) -> bool:
    """Whether what an experiment is to run, by its record, is not what lies there now, or cannot be read."""
    try:
        spec = ExperimentSpec.model_validate(whole["spec"])
    except ValueError:  # another version's: nothing of it is run
        return False
    if whole["code_hash"] is None:
        return False
    try:
        digest, _ = await code_now(spec, whole["folder"])
    except Conflict:
        return True
    return bool(digest != whole["code_hash"])


async def expect_unchanged(job: Job) -> None:
    """That it is what the experiment is to run. Raises Conflict."""
    if job.code_hash is None:
        return
    try:
        await to_thread.run_sync(expect, job.code_hash, job.code_places)
    except (CodeChanged, OSError) as error:
        raise Conflict(
            f"experiment {job.experiment} is paused because its code has changed, and it still differs from what was submitted",
            hint=f"orc resume {job.experiment} --accept-code goes on with the code as it is now",
        ) from error
