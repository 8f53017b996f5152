"""The answer of check, the same through the door and without a daemon."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from orchestrator.api.importing import try_imports
from orchestrator.api.submission import SubmissionBody, invalid, read_submission
from orchestrator.spec.plan import plan


async def check_submission(body: SubmissionBody) -> dict[str, Any]:
    """`{"name", "plan", "warnings"}` of a valid submission. Raises InvalidSpec with every problem there is, import errors too."""
    read = await read_submission(body)
    problems = await try_imports(read.spec, folder=Path(body.folder), environment=body.variables)
    if problems:
        raise invalid(body, problems)
    return {
        "name": read.spec.name,
        "plan": asdict(plan(read.spec)),
        "warnings": [asdict(warning) for warning in read.warnings],
    }
