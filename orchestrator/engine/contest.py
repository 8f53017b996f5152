"""Promotions that compare the variants of a round with each other, decided once all of them have got as far as they can."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.engine.ending import Ending, variant_move
from orchestrator.engine.loading import load_page
from orchestrator.engine.plan import Plan
from orchestrator.engine.variant import ActiveVariant, Step, next_step, stage_metrics
from orchestrator.search.promote import Finalist, ranking, top
from orchestrator.spec.criterion import TopShare
from orchestrator.spec.experiment import Objective
from orchestrator.store.changes.rounds import Decision
from orchestrator.store.views import Views

PAGE = 500


async def held_variants(plan: Plan, views: Views) -> list[ActiveVariant]:
    """The variants that wait for such a promotion."""
    held: list[ActiveVariant] = []
    after = 0
    while page := await load_page(views, plan, after=after, limit=PAGE):
        held += [variant for variant in page if next_step(variant, plan).step is Step.HOLD]
        after = page[-1].number
    return held


def contest(plan: Plan, held: Sequence[ActiveVariant]) -> tuple[Ending, Decision]:
    """Who goes on, who is pruned, and the decision for the record."""
    results = {stage: _result(plan, held, stage) for stage in _contested(plan, held)}
    ending = Ending()
    for variant in held:
        answers = {stage: variant.number in result.winners for stage, result in results.items()}
        following = next_step(variant, plan, answers)
        if following.step is Step.QUEUE:
            ending.queued.append((variant, plan.iterations(following.stages, variant.hash)))
        elif following.step is Step.PRUNED:
            ending.moves.append(variant_move(variant, following.step, plan))
    return ending, _decision(plan, held, results)


def _contested(plan: Plan, held: Sequence[ActiveVariant]) -> list[str]:
    return list(dict.fromkeys(stage for variant in held for stage in next_step(variant, plan).stages))


class _Result(NamedTuple):
    """Who goes on after a stage, and by what they were ranked; None: nothing could be compared, or need not be."""

    winners: frozenset[int]
    by: Objective | None = None
    ranked: bool = False

    @property
    def described(self) -> str:
        """By what, in words."""
        if self.by is not None:
            return f" by {self.by.metric}, {'largest' if self.by.goal == 'maximize' else 'smallest'} first"
        return " in their order, for the stage reports nothing to compare them by" if self.ranked else ""


def _result(plan: Plan, held: Sequence[ActiveVariant], stage: str) -> _Result:
    promote = plan.stages[stage].promote
    if not isinstance(promote, TopShare):
        return _Result(frozenset(variant.number for variant in held))
    finalists = [
        Finalist(number=variant.number, metrics=stage_metrics(variant, plan, stage))
        for variant in held
        if any(iteration.stage == stage for iteration in variant.iterations.values())
    ]
    criteria = () if plan.spec.gate is None else plan.spec.gate.criterion
    by = ranking(finalists, objective=plan.spec.objective, criteria=criteria)
    return _Result(top(finalists, promote.top, ranking=by), by, ranked=True)


def _decision(plan: Plan, held: Sequence[ActiveVariant], results: Mapping[str, _Result]) -> Decision:
    counts = {stage: len(result.winners) for stage, result in results.items()}
    told = [
        f"{len(result.winners)} of {len(held)} go on after {stage}{result.described}"
        for stage, result in results.items()
    ]
    promoted = sorted(number for result in results.values() for number in result.winners)
    by = {
        stage: None if one.by is None else {"metric": one.by.metric, "goal": one.by.goal}
        for stage, one in results.items()
    }
    return Decision(
        kind="promote",
        rule="top",
        message="; ".join(told),
        inputs={"held": len(held), "stages": list(results), "by": by},
        result={"promoted": [f"{plan.experiment}.{number}" for number in promoted[:1000]], "counts": counts},
    )
