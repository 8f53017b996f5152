"""The quality-gate pipeline: lint, types, tests, integration and security of a real checkout, each a stage of an experiment.

Inside: the gates, the table of lanes they obey (`lanes.toml`), the parsers of the tools' reports, and the detector that says which
lane a change goes to (`python -m orchestrator.workloads.pipeline detect`). Each gate returns flat numbers whose names begin with
its own: `lint_passed`, `lint_blocks`, `lint_errors`. The tools run as processes of their own, under the interpreter a stage names.

Not allowed here: anything but the standard library, `errors`, `domain` and `worker`.
"""

from orchestrator.workloads.pipeline.change import Change, ChangedFile, Status
from orchestrator.workloads.pipeline.checks import lint, security, types
from orchestrator.workloads.pipeline.detection import Detection, detect
from orchestrator.workloads.pipeline.git_reading import change_of
from orchestrator.workloads.pipeline.lane_file import load_lanes
from orchestrator.workloads.pipeline.suites import integration, tests

__all__ = [
    "lint",
    "types",
    "tests",
    "integration",
    "security",
    "load_lanes",
    "detect",
    "Detection",
    "change_of",
    "Change",
    "ChangedFile",
    "Status",
]
