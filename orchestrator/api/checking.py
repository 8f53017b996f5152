"""The answer of check, the same through the door and without a daemon."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.api.importing import try_imports
from orchestrator.api.submission import SubmissionBody, invalid, read_submission
from orchestrator.errors import InvalidSpec, Problem
from orchestrator.spec.experiment import ExperimentSpec
from orchestrator.spec.plan import plan

Unmet = Callable[[ExperimentSpec], Sequence[Problem]]


async def check_submission(body: SubmissionBody, *, unmet: Unmet) -> dict[str, Any]:
    """`{"name", "plan", "warnings"}` of a valid submission. Raises InvalidSpec with every problem there is, import errors too.

    `unmet` says what of it this daemon does not have.
    """
    read = await read_submission(body)
    if lacking := unmet(read.spec):
        raise InvalidSpec(f"{body.source} asks for more than this daemon has", problems=lacking)
    problems = await try_imports(read.spec, folder=Path(body.folder), environment=body.variables)
    if problems:
        raise invalid(body, problems)
    return {
        "name": read.spec.name,
        "plan": asdict(plan(read.spec)),
        "warnings": [asdict(warning) for warning in read.warnings],
    }
