"""How something that has a ref stands: its state and why, without what may be large."""

from typing import Any

from orchestrator.domain.refs import Ref
from orchestrator.domain.states import ENDED_EXPERIMENT, ENDED_ITERATION, ENDED_VARIANT
from orchestrator.errors import NotFound
from orchestrator.store.views import Views

_ENDED = {"experiment": ENDED_EXPERIMENT, "variant": ENDED_VARIANT, "iteration": ENDED_ITERATION}


async def standing(views: Views, ref: Ref) -> dict[str, Any]:
    """`{"ref", "state", "reason", "ended"}`; the reason of a variant is its rule, of an iteration its cause. Raises NotFound."""
    row, reason = await _row(views, ref)
    return {"ref": str(ref), "state": row["state"], "reason": row[reason], "ended": row["state"] in _ENDED[ref.level]}


async def _row(views: Views, ref: Ref) -> tuple[dict[str, Any], str]:
    if ref.iteration is not None:
        return await views.iteration(ref), "cause"
    if ref.variant is not None:
        return await views.variant(ref), "rule"
    found = await views.list_experiments(limit=1, after=ref.experiment + 1)  # unlike `experiment`, without the spec
    if not found or found[0]["id"] != ref.experiment:
        raise NotFound(f"there is no experiment {ref.experiment} any more")
    return found[0], "reason"
