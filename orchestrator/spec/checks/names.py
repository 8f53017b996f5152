"""What a parameter can be called."""

import re

from orchestrator.spec.findings import listed
from orchestrator.spec.placeholders import RESERVED

_NAME = re.compile(r"[^\W\d][\w-]{0,99}")


def parameter_name_problem(name: str) -> str | None:
    """Why this cannot be a parameter's name, or None."""
    if name in RESERVED:
        return f"is a reserved name ({listed(RESERVED)}); choose another"
    if not _NAME.fullmatch(name):
        return 'is not a name for a parameter: it must begin with a letter and have letters, digits, "_" and "-" only'
    return None
