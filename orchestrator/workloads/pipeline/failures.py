"""How a gate ends when it has no verdict: the evaluation fails with one of these instead of passing or failing the checkout."""

from orchestrator.errors import InvalidRequest, NotFound, OrchestratorError


class ToolMissing(NotFound):
    """The interpreter of the gate does not have the tool."""


class ToolTimedOut(OrchestratorError):
    """The tool needed longer than the lane allows, and was killed with everything it had started."""


class ToolBroken(OrchestratorError):
    """The tool ended without a report that can be believed."""


class GarbledReport(ToolBroken):
    """The report of the tool is not what the tool documents."""


class InvalidLanes(InvalidRequest):
    """The table of lanes is not valid."""


class InvalidGate(InvalidRequest):
    """The arguments of the gate are not valid."""


class NotACheckout(NotFound):
    """There is no git checkout with what was asked for."""
