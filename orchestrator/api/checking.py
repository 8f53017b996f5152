"""The answer of check, the same through the door and without a daemon."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.api.importing import try_imports
from orchestrator.api.submission import SubmissionBody, invalid, read_submission
from orchestrator.engine.wants import Wants
from orchestrator.errors import InvalidSpec
from orchestrator.spec.plan import plan


async def check_submission(body: SubmissionBody, wants: Wants) -> dict[str, Any]:
    """`{"name", "plan", "warnings"}` of a valid submission. Raises InvalidSpec with every problem there is, import errors too.

    `wants` says what of it this daemon does not have.
    """
    read = await read_submission(body)
    if lacking := wants.unmet(read.spec):
        raise InvalidSpec(f"{body.source} asks for more than this daemon has", problems=lacking)
    problems = await try_imports(read.spec, folder=Path(body.folder), environment=body.variables)
    if problems:
        raise invalid(body, problems)
    return {
        "name": read.spec.name,
        "plan": asdict(plan(read.spec)),
        "warnings": [asdict(warning) for warning in (*read.warnings, *wants.doubts(read.spec))],
    }
