"""Promotions that compare the variants of a round with each other, decided once all of them have got as far as they can."""

from collections.abc import Mapping, Sequence

from orchestrator.engine.ending import Ending, variant_move
from orchestrator.engine.loading import load_page
from orchestrator.engine.plan import Plan
from orchestrator.engine.variant import ActiveVariant, Step, next_step, stage_metrics
from orchestrator.search.promote import Finalist, ranking, top
from orchestrator.spec.criterion import TopShare
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
    winners = {stage: _winners(plan, held, stage) for stage in _contested(plan, held)}
    ending = Ending()
    for variant in held:
        answers = {stage: variant.number in chosen for stage, chosen in winners.items()}
        following = next_step(variant, plan, answers)
        if following.step is Step.QUEUE:
            ending.queued.append((variant, plan.iterations(following.stages, variant.hash)))
        elif following.step is Step.PRUNED:
            ending.moves.append(variant_move(variant, following.step, plan))
    return ending, _decision(plan, held, winners)


def _contested(plan: Plan, held: Sequence[ActiveVariant]) -> list[str]:
    return list(dict.fromkeys(stage for variant in held for stage in next_step(variant, plan).stages))


def _winners(plan: Plan, held: Sequence[ActiveVariant], stage: str) -> frozenset[int]:
    promote = plan.stages[stage].promote
    if not isinstance(promote, TopShare):
        return frozenset(variant.number for variant in held)
    finalists = [
        Finalist(number=variant.number, metrics=stage_metrics(variant, plan, stage))
        for variant in held
        if any(iteration.stage == stage for iteration in variant.iterations.values())
    ]
    criteria = () if plan.spec.gate is None else plan.spec.gate.criterion
    by = ranking(finalists, objective=plan.spec.objective, criteria=criteria)
    return top(finalists, promote.top, ranking=by)


def _decision(plan: Plan, held: Sequence[ActiveVariant], winners: Mapping[str, frozenset[int]]) -> Decision:
    counts = {stage: len(chosen) for stage, chosen in winners.items()}
    described = "; ".join(f"{count} of {len(held)} go on after {stage}" for stage, count in counts.items())
    promoted = sorted(number for chosen in winners.values() for number in chosen)
    return Decision(
        kind="promote",
        rule="top",
        message=described,
        inputs={"held": len(held), "stages": list(winners)},
        result={"promoted": [f"{plan.experiment}.{number}" for number in promoted[:1000]], "counts": counts},
    )
