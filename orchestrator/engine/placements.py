"""The placements of one experiment's stages: decisions on their way to the record, and profiles to and from it."""

from collections.abc import Mapping
from typing import Any

import structlog

from orchestrator.engine.durably import DurableWriter
from orchestrator.engine.placing import Placing
from orchestrator.engine.plan import Plan
from orchestrator.errors import OrchestratorError
from orchestrator.search.stages.placement import Placement
from orchestrator.store.changes.iterations import RoundDecision
from orchestrator.store.changes.profiles import SaveProfiles
from orchestrator.store.changes.rounds import Decision
from orchestrator.store.views import Views

log = structlog.get_logger(__name__)


class Placements:
    """What is known of the stages that may be moved, by name."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._decided: list[RoundDecision] = []
        self._moved: set[str] = set()  # stages whose move is not on record yet
        self.code_hash = plan.code_hash  # of what is learnt of
        most = plan.spec.limits.max_parallel
        fixed = bool(
            plan.measures.measured
        )  # what decides is measured: threads would change it, and memory is not known there
        self.placings = {
            name: Placing(stage, max_parallel=most, fixed=fixed)
            for name, stage in plan.stages.items()
            if stage.call is not None and stage.runs_on != "isolated"
        }

    def note(self, stage: str, placement: Placement) -> None:
        """A stage is run elsewhere from now on; it goes on record with the next batch that ends."""
        log.info("stage_placed", stage=stage, executor=placement.executor, reason=placement.reason)
        decision = Decision(
            kind="place",
            rule=self._plan.stages[stage].executor,
            message=f"stage {stage} runs on {placement.executor} from now on: {placement.reason}",
            inputs=self.placings[stage].evidence(),
            result={"stage": stage, "executor": placement.executor},
        )
        self._decided.append(RoundDecision(decision))
        self._moved.add(stage)

    def take(self) -> tuple[RoundDecision | SaveProfiles, ...]:
        """What is to go on record with the next batch; it is up to the caller.

        Decisions, and what was learnt of a stage that was moved, or of twice as many evaluations as before: were the daemon killed, the
        next one would begin with that.
        """
        decided, self._decided = tuple(self._decided), []
        moved = [placing for name, placing in self.placings.items() if name in self._moved and placing.learnt]
        doubled = [placing for placing in self.placings.values() if placing.doubled]
        self._moved.clear()
        return (*decided, *self._saved(*moved, *doubled))

    def _saved(self, *placings: Placing) -> tuple[SaveProfiles, ...]:
        facts = {placing.key: placing.facts() for placing in placings}
        for placing in placings:
            placing.recorded()
        return (SaveProfiles(code_hash=self.code_hash, facts=facts),) if facts and self.code_hash is not None else ()

    async def recall(self, views: Views) -> None:
        """Begin with what earlier experiments with the same code have shown."""
        if not self.placings or self.code_hash is None:
            return
        found: Mapping[str, Any] = await views.read("profiles_of", {"code_hash": self.code_hash})
        for placing in self.placings.values():
            if placing.key in found:
                try:
                    placing.recall(found[placing.key])
                except (KeyError, TypeError, ValueError, AttributeError) as error:  # another version's: measured anew
                    log.warning("profile_not_understood", error=repr(error))

    async def remember(self, store: DurableWriter) -> None:
        """Keep what was learnt for the next experiment with this code. Without it that learns anew: nothing is made of a refusal."""
        for change in self._saved(*(placing for placing in self.placings.values() if placing.learnt)):
            try:
                await store.write(change)
            except OrchestratorError as error:
                log.warning("profile_not_kept", experiment=self._plan.experiment, error=error.message)
