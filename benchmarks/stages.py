"""How stages are arranged: each strategy against sequential, and adaptive against the best of all strategies.

The reference graph has five independent stages: two of 0.5 s of pure-Python work, two of 0.5 s of waiting, one of both. On two cores
it cannot take less than 0.625 s, and in the threads of one interpreter 1.25 s. There are as many slots as stages, and as many threads.
The amount of work is fixed before anything is timed; all strategies are timed in turn.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.private_daemon import Daemon, private_daemon
from benchmarks.stage_work import turns_a_second
from benchmarks.table import Plan, Row, median

HERE = Path(__file__).resolve().parent
STRATEGIES = ("sequential", "thread", "process", "hybrid", "adaptive")
HALF = 0.5
REFERENCE_WIDTH = 5
WARM_RUNS = 3
GRAPHS = 10
NEAR = 0.9
CLOCKS_AGREE = 1.02

# strategy: (goal cold, goal warm): times as fast as sequential
GOALS: Mapping[str, tuple[float, float]] = {
    "thread": (1.9, 1.9),
    "process": (2.4, 2.4),
    "hybrid": (2.4, 3.2),
    "adaptive": (2.4, 3.2),
}

Stage = dict[str, Any]


def rows(plan: Plan) -> Iterator[Row]:
    """The reference graph, the six kinds of stages, the random graphs."""
    turns = turns_a_second()
    yield from reference_rows(plan, turns)
    yield from kind_rows(plan, turns)
    yield graph_row(plan, turns)


# The reference graph


def reference(turns: float) -> list[Stage]:
    """Its stages."""
    half = round(HALF * turns)
    return [
        of("cpu_a", turns=half),
        of("cpu_b", turns=half),
        of("nap_a", nap=HALF),
        of("nap_b", nap=HALF),
        of("mixed", turns=round(HALF / 2 * turns), nap=HALF / 2),
    ]


def of(name: str, *, after: tuple[str, ...] = (), **arguments: float) -> Stage:
    """A stage that computes and waits."""
    return {
        "name": name,
        "call": "stage_work:stage",
        "after": list(after),
        "arguments": arguments,
        "workdir": str(HERE),
    }


def spec(stages: list[Stage], *, strategy: str, seed: int = 1, **more: Any) -> dict[str, Any]:
    """One variant (unless a space says more) whose stages run by a strategy."""
    return {
        "name": "stages",
        "seed": seed,
        "objective": {"metric": "value", "goal": "minimize"},
        "stage": [{**stage, "executor": strategy} for stage in stages],
        "limits": {"max_parallel": REFERENCE_WIDTH},
        **more,
    }


def reference_rows(plan: Plan, turns: float) -> Iterator[Row]:
    """For each strategy its first run in a fresh daemon and the later ones, against sequential beside them."""
    stages = reference(turns)
    cold: dict[str, list[float]] = {name: [] for name in STRATEGIES}
    warm: dict[str, list[float]] = {name: [] for name in STRATEGIES}
    clocks: list[float] = []
    for _ in range(plan.runs):
        for strategy in STRATEGIES:
            with private_daemon(slots=REFERENCE_WIDTH, threads=REFERENCE_WIDTH) as daemon:
                cold[strategy].append(daemon.run(spec(stages, strategy=strategy))[0])
                later = [once(daemon, spec(stages, strategy=strategy)) for _ in range(WARM_RUNS)]
                warm[strategy].append(later[-1][0])
                clocks.append(later[-1][1])
    for state, walls, position in (("cold", cold, 0), ("warm", warm, 1)):
        for strategy, goals in GOALS.items():
            pairs = list(zip(walls["sequential"], walls[strategy], strict=True))
            yield Row(
                what=f"five stages, {strategy}, {state}",
                unit="s",
                value=median(ours for _, ours in pairs),
                against="sequential",
                floor=median(floor for floor, _ in pairs),
                ratio=median(floor / ours for floor, ours in pairs),
                at_least=goals[position],
                samples=[ours for _, ours in pairs],
            )
    yield Row(
        what="reported wall of a run",
        unit="x",
        value=median(clocks),
        against="workload's own clock",
        floor=1.0,
        ratio=max(*clocks, 1 / min(clocks)),
        at_most=CLOCKS_AGREE,
        samples=clocks,
    )


def once(daemon: Daemon, experiment: dict[str, Any]) -> tuple[float, float]:
    """Seconds of one run, and the wall time that its report gives over that of the workload's own clock."""
    seconds, ran = daemon.run(experiment)
    (variant,) = ran.variants()
    metrics = [each["metrics"] for each in variant["iterations"]]
    own = max(each["ended_at"] for each in metrics) - min(each["begun_at"] for each in metrics)
    return seconds, ran.report()["execution"]["figures"]["wall_seconds"] / own


# Six kinds of stages


def kinds(turns: float) -> Mapping[str, tuple[Stage, int]]:
    """A stage of each kind, and of how many evaluations."""
    base = {"name": "main", "workdir": str(HERE)}
    return {
        "pure-Python CPU": (of("main", turns=round(0.05 * turns)), 60),
        "NumPy": ({**base, "call": "stage_vectors:vectors", "arguments": {"size": 200_000, "repeats": 150}}, 40),
        "waiting": (of("main", nap=0.1), 60),
        "mixed": (of("main", turns=round(0.05 * turns), nap=0.05), 60),
        "tiny": ({**base, "call": "stage_work:tiny"}, 10_000),
        "memory-hungry": ({**base, "call": "stage_vectors:hoard", "arguments": {"size": 8_000_000}}, 80),
    }


def kind_rows(plan: Plan, turns: float) -> Iterator[Row]:
    """For each kind how adaptive stands to the best of all strategies."""
    with private_daemon(slots=plan.slots) as daemon:
        for kind, (stage, count) in kinds(turns).items():
            more = {"space": {"x": {"low": 1, "high": count}}, "search": {"method": "grid"}}
            yield against_the_best(daemon, f"{count} evaluations, {kind}", [stage], plan=plan, more=more)


def against_the_best(daemon: Daemon, what: str, stages: list[Stage], *, plan: Plan, more: Mapping[str, Any]) -> Row:
    """All strategies in turn, each seen before it is timed, so that adaptive knows the stages; the fastest run of each counts."""
    walls: dict[str, list[float]] = {name: [] for name in STRATEGIES}
    for number in range(plan.runs + 1):
        for strategy in STRATEGIES:
            seconds, _ = daemon.run(spec(stages, strategy=strategy, **more))
            if number:
                walls[strategy].append(seconds)
    fastest = {name: min(seconds) for name, seconds in walls.items()}
    best = min(fastest, key=lambda name: fastest[name])
    return Row(
        what=f"adaptive: {what}",
        unit="s",
        value=fastest["adaptive"],
        against=f"the best, {best}",
        floor=fastest[best],
        ratio=fastest[best] / fastest["adaptive"],
        at_least=NEAR,
        samples=walls["adaptive"],
    )


# Random graphs


def random_graph(number: int, turns: float) -> list[Stage]:
    """Three to seven stages of a tenth to three tenths of a second, each after some of those before it."""
    rng = Random(number)
    names = [f"s{position}" for position in range(rng.randint(3, 7))]
    stages = []
    for position, name in enumerate(names):
        after = tuple(rng.sample(names[:position], min(position, rng.choice([0, 0, 1, 2]))))
        seconds, share = rng.uniform(0.1, 0.3), rng.choice([0.0, 0.0, 0.5, 1.0, 1.0])
        stages.append(of(name, after=after, turns=round(seconds * share * turns), nap=seconds * (1 - share)))
    return stages


def graph_row(plan: Plan, turns: float) -> Row:
    """The median over the graphs of how adaptive stands to the best of all strategies."""
    with private_daemon(slots=plan.slots) as daemon:
        found = [
            against_the_best(daemon, f"graph {number}", random_graph(number, turns), plan=plan, more={})
            for number in range(GRAPHS)
        ]
    ratios = [row.ratio for row in found if row.ratio is not None]
    return Row(
        what=f"adaptive: {GRAPHS} random stage graphs, the worst",
        unit="x",
        value=median(ratios),
        against="the best of each",
        floor=1.0,
        ratio=min(ratios),
        at_least=NEAR,
        samples=ratios,
    )
