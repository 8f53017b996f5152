"""The steps of a round that touch the store: each reads what is on record, asks `search`, and commits the answer."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, islice, repeat
from random import Random
from typing import Any

import anyio

from orchestrator.domain.identity import canonical_json, round_seed, variant_hash
from orchestrator.domain.states import ExperimentState
from orchestrator.engine.contest import contest, held_variants
from orchestrator.engine.durably import DurableWriter
from orchestrator.engine.fresh import Fresh
from orchestrator.engine.plan import APPROACH, Plan
from orchestrator.engine.trouble import Tally
from orchestrator.search import decide as deciding
from orchestrator.search.base import Candidate, Generator, Selector
from orchestrator.search.decide import RoundSummary
from orchestrator.search.gate import Gate, GateVerdict, gate
from orchestrator.search.objective import Goal, rank_key
from orchestrator.store.changes.iterations import PromoteVariants
from orchestrator.store.changes.rounds import (
    AddProposals,
    DecideRound,
    Decision,
    EndProposals,
    Proposed,
    Score,
    ScoreVariants,
    SelectVariants,
)
from orchestrator.store.views import Views
from orchestrator.store.writer import Change

CHUNK = 2048
FIRST_CHUNK = 256
"""The first proposals of a round are fewer, so that the writer has something to do while the next are made."""
GATE_PAGE = 500


def goal_of(plan: Plan) -> Goal:
    """Which way is better; minimize when the file does not say."""
    return "minimize" if plan.spec.objective is None else plan.spec.objective.goal


async def count_what_ended(views: Views, plan: Plan, tally: Tally) -> None:
    """Fill the tally from what is on record."""
    row = (await views.read("experiment_rows", {"experiment": plan.experiment, "below": None, "limit": 1}))[0]
    tally.failed = row["failed"]
    tally.finished = row["failed"] + row["succeeded"] + row["cancelled"]
    if plan.spec.cases:
        for case, _, ended in await views.read("cases", {"experiment": plan.experiment}):
            tally.cases[case] = ended


# Generating


async def propose(generator: Generator, plan: Plan, round_number: int, views: Views, *, store: Fresh) -> str | None:
    """Commit the round's proposals, after a crash only those that are missing, and the move to evaluating them.

    Returns which limit cut them short, if one did.
    """
    begun = await views.read("round_row", {"experiment": plan.experiment, "round": round_number})
    done: int = begun["proposals"]
    room = await _room(plan, views, first_variant=begun["first_variant"])
    points = _points(generator, plan, round_number)
    changes = _additions(plan, round_number, points=islice(points, done, None), first_ordinal=done + 1)
    end = EndProposals(
        experiment=plan.experiment,
        round=round_number,
        method=plan.spec.search.method,
        seed=round_seed(plan.seed, round_number),
        proposals=done,
    )
    if room is None:
        await _commit_all(_with_end(changes, end), store)
        return None
    cut = None
    async for change in changes:
        added = await store.write(replace(change, room=room))
        room -= len(added.variants)
        done += added.taken
        if added.taken < len(change.proposals):
            cut = _used_up(plan)
            break
    await store.write(replace(end, proposals=done))
    return cut


async def _with_end(changes: AsyncIterator[AddProposals], end: EndProposals) -> AsyncIterator[Change[Any]]:
    """The changes, and the end of the round's proposals with the last of them where it shows that it is."""
    proposals, sizes = end.proposals, _sizes()
    async for change in changes:
        proposals += len(change.proposals)
        if len(change.proposals) < next(sizes):
            yield replace(change, end=replace(end, proposals=proposals))
            return
        yield change
    yield replace(end, proposals=proposals)


def _sizes() -> Iterator[int]:
    """How many proposals are committed together, at most."""
    return chain([FIRST_CHUNK], repeat(CHUNK))


async def cut_before(generator: Generator, plan: Plan, round_number: int, *, views: Views) -> str | None:
    """Which limit has cut a round short that was proposed before a restart: it has fewer proposals than there were to make."""
    if plan.spec.limits.evaluations is None:
        return None
    done: int = (await views.read("round_row", {"experiment": plan.experiment, "round": round_number}))["proposals"]
    left_out = next(islice(_points(generator, plan, round_number), done, None), None)
    return None if left_out is None else _used_up(plan)


def _points(generator: Generator, plan: Plan, round_number: int) -> Iterator[dict[str, Any]]:
    rng = Random(round_seed(plan.seed, round_number))  # noqa: S311 a search needs reproducible numbers, not secret ones
    return generator.propose(round_number, count=plan.spec.search.variants_per_round, rng=rng)


def _used_up(plan: Plan) -> str:
    """Variants are whole: what is left of the limit may be more than nothing, and too little for one."""
    if plan.per_variant == 1:
        return f"the {plan.spec.limits.evaluations} evaluations of limits.evaluations are used up"
    takes = f"takes {'up to ' if len(plan.stages) > 1 else ''}{plan.per_variant}"
    return f"limits.evaluations = {plan.spec.limits.evaluations} has no room for another variant, which {takes}"


async def _commit_all(changes: AsyncIterator[Change[Any]], store: Fresh | DurableWriter) -> None:
    """Commit them, begun in order, making the next ones while one is written: one that is refused may come after the next.

    Raises what the first that failed has raised.
    """
    under_way = anyio.Semaphore(2, fast_acquire=True)

    async def commit(change: Change[Any]) -> None:
        await store.write(change)
        under_way.release()

    try:
        async with anyio.create_task_group() as tasks:
            async for change in changes:
                await under_way.acquire()
                tasks.start_soon(commit, change)
    except ExceptionGroup as group:
        raise group.exceptions[0] from group


async def _additions(
    plan: Plan, round_number: int, *, points: Iterator[dict[str, Any]], first_ordinal: int
) -> AsyncIterator[AddProposals]:
    coming, sizes = _proposals(plan, points), _sizes()
    while chunk := await _next_of(coming, next(sizes)):
        yield AddProposals(
            experiment=plan.experiment,
            round=round_number,
            approach=APPROACH,
            first_ordinal=first_ordinal,
            proposals=chunk,
        )
        first_ordinal += len(chunk)


async def _next_of(coming: Iterator[Proposed], size: int) -> tuple[Proposed, ...]:
    """So many proposals, or what is left; others have their turn while they are made."""
    chunk: list[Proposed] = []
    while len(chunk) < size and (piece := list(islice(coming, FIRST_CHUNK))):
        chunk += piece
        await anyio.lowlevel.checkpoint()
    return tuple(chunk)


async def _room(plan: Plan, views: Views, *, first_variant: int | None) -> int | None:
    """How many new variants a round may still have, or with None the next one; None: as many as it likes.

    Those it has already, after a crash, count with all that they may come to run.
    """
    limit = plan.spec.limits.evaluations
    if limit is None:
        return None
    (row,) = await views.read("experiment_rows", {"experiment": plan.experiment, "below": None, "limit": 1})
    iterations: int = await views.read("iteration_count", {"experiment": plan.experiment})
    begun: int = 0 if first_variant is None else row["variant_count"] - first_variant + 1
    used_before = iterations - begun * plan.per_stage * len(plan.graph.roots)
    return max(0, max(0, limit - used_before) // plan.per_variant - begun)


def _proposals(plan: Plan, points: Iterator[dict[str, Any]]) -> Iterator[Proposed]:
    roots, proposed = plan.graph.roots, Proposed._make
    for point in points:
        parameters = canonical_json(point)
        name = variant_hash(APPROACH, parameters)
        yield proposed((name, parameters, plan.iterations(roots, name), ()))


# Promoting


async def promote(plan: Plan, round_number: int, *, store: DurableWriter, views: Views) -> bool:
    """Once nothing else is to be done: decide the promotions that compare variants. True when something follows from it."""
    if not plan.has_contests:
        return False
    held = await held_variants(plan, views)
    if not held:
        return False
    ending, decision = contest(plan, held)
    change = PromoteVariants(
        experiment=plan.experiment,
        round=round_number,
        pruned=tuple(ending.moves),
        next_stages=ending.next_stages(),
        decision=decision,
    )
    await store.write(change)
    return True


# Gating


async def score(plan: Plan, store: DurableWriter, views: Views) -> None:
    """Judge every evaluated variant that has no verdict yet, page by page."""
    if plan.spec.gate is not None:
        await _commit_all(_scores(gate(plan.spec.gate), plan, views), store)


async def _scores(judging: Gate, plan: Plan, views: Views) -> AsyncIterator[ScoreVariants]:
    after = 0
    while True:
        values = {"experiment": plan.experiment, "after": after, "limit": GATE_PAGE}
        rows: list[list[Any]] = await views.read("ungated_variants", values)
        if not rows:
            return
        scores = tuple([_score(number, judging.judge(metrics or {})) for number, metrics in rows])
        yield ScoreVariants(experiment=plan.experiment, scores=scores)
        after = rows[-1][0]


def _score(number: int, verdict: GateVerdict) -> Score:
    criteria = [{**criterion._asdict(), "text": criterion.text} for criterion in verdict.weakest_first]
    return Score(number, verdict.score, verdict.passed, json.dumps(criteria))


# Selecting


async def select(selector: Selector, plan: Plan, round_number: int, *, store: DurableWriter, views: Views) -> None:
    """Choose among all that have passed so far, in place of what was selected before."""
    spec = plan.spec.select
    goal = goal_of(plan)
    limit = {"best": 1, "top_k": spec.k or 1}.get(spec.method, -1)
    rows: list[list[Any]] = await views.read("ranked", {"experiment": plan.experiment, "limit": limit})
    candidates = [
        Candidate(number=n, objective=value, passed=True, metrics=metrics or {}) for n, value, metrics in rows
    ]
    winners = selector.select(candidates, goal=goal)
    best = min((c.objective for c in candidates), key=lambda value: rank_key(value, goal=goal), default=None)
    refs = [f"{plan.experiment}.{number}" for number in winners]
    decision = Decision(
        kind="select",
        rule=spec.method,
        message=f"selected {', '.join(refs[:5])}{' …' if len(refs) > 5 else ''}" if refs else "nothing passed",  # noqa: PLR2004
        inputs={
            "objective": plan.spec.objective and plan.spec.objective.metric,
            "goal": goal,
            "k": spec.k,
            "best": best,
        },
        result={"selected": refs[:1000], "count": len(refs)},
    )
    change = SelectVariants(
        experiment=plan.experiment, round=round_number, variants=winners, best_objective=best, decision=decision
    )
    await store.write(change)


# Deciding


async def summary(views: Views, plan: Plan, round_number: int) -> RoundSummary:
    """A finished round in numbers, from what is on record."""
    found = await views.read("round_summary", {"experiment": plan.experiment, "round": round_number})
    return RoundSummary(
        round_number=round_number,
        proposed=found["proposed"],
        evaluated=found["evaluated"],
        failed=found["failed"],
        pruned=found["pruned"],
        passed=found["passed"],
        best=found["largest"] if goal_of(plan) == "maximize" else found["smallest"],
    )


async def earlier(known: Sequence[RoundSummary], plan: Plan, round_number: int, *, views: Views) -> list[RoundSummary]:
    """The rounds before one, in their order: those that are not known any more are read again."""
    found = known[: round_number - 1]
    return [*found, *[await summary(views, plan, number) for number in range(len(found) + 1, round_number)]]


async def completed(
    last: RoundSummary, plan: Plan, views: Views, *, exhausted: bool, limit: str | None
) -> RoundSummary:
    """The last round with what only the present knows."""
    place = {"experiment": plan.experiment}
    first: list[list[Any]] = await views.read("ranked", {**place, "limit": 1})
    return replace(
        last,
        selected=await views.read("selected_count", place),
        best_metrics=(first[0][2] or {}) if first else {},
        exhausted=exhausted,
        limit_reached=limit,
        no_room=_used_up(plan) if await _room(plan, views, first_variant=None) == 0 else None,
    )


def _best_so_far(history: Sequence[RoundSummary], goal: Goal) -> list[RoundSummary]:
    found = []
    best: float | None = None
    for entry in history:
        best = min((best, entry.best), key=lambda value: rank_key(value, goal=goal))
        found.append(replace(entry, best=best))
    return found


async def decide(
    plan: Plan, history: Sequence[RoundSummary], *, store: DurableWriter, first_error: str | None
) -> ExperimentState | None:
    """Commit what follows the last round. Returns the state the experiment ends in, or None when another round follows."""
    goal = goal_of(plan)
    history = _best_so_far(history, goal)
    decided = deciding.decide(plan.spec.loop, history, goal=goal, has_gate=plan.spec.gate is not None)
    message = decided.message
    if decided.end_state is ExperimentState.FAILED:
        message = f"nothing could be evaluated; {first_error or message}"
    last = history[-1]
    decision = Decision(
        kind="decide",
        rule=decided.rule,
        message=message,
        inputs={key: value for key, value in asdict(last).items() if key != "best_metrics"},
        result={"action": decided.action, "state": decided.end_state},
    )
    change = DecideRound(
        experiment=plan.experiment,
        round=last.round_number,
        decision=decision,
        end_state=decided.end_state,
        next_approach=APPROACH,
    )
    await store.write(change)
    return decided.end_state
