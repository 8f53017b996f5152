"""What every generator owes its callers, whatever it proposes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any

import pytest

from orchestrator.domain.identity import canonical_json, round_seed
from orchestrator.search import registry
from orchestrator.search.base import Generator, Result
from orchestrator.spec.experiment import ExperimentSpec, SearchSpec

COUNT = 40  # proposals looked at in a round
WIDE = {
    "kind": ["ema", "sma"],
    "smooth": {"low": 1, "high": 9, "when": {"kind": "ema"}},
    "period": {"low": 0, "high": 10**15},
    "share": {"low": 0.0, "high": 1.0, "step": 0.001},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """How a generator is made here: the file's space and search, far larger than what a test looks at."""

    space: dict[str, Any] = field(default_factory=lambda: dict(WIDE))
    search: dict[str, Any] = field(default_factory=dict)
    learns: bool = False  # reads what it is told


MEMBERS = {
    "grid": Member(search={"method": "grid"}),
    "list": Member(space={}, search={"method": "list", "params": [{"x": [n, {"deep": n % 7}]} for n in range(99)]}),
    "none": Member(),
    "random": Member(search={"method": "random"}),
}
EACH = pytest.mark.parametrize("name", sorted(MEMBERS))


def made(name: str) -> Generator:
    """A fresh generator through the same door as every other."""
    member = MEMBERS[name]
    space = ExperimentSpec.model_validate({"stage": [{"call": "model:evaluate"}], "space": member.space}).space
    search = SearchSpec.model_validate(member.search)
    generator: Generator = registry.find(registry.GENERATORS, name=name, where="search.method").load()(
        space, search=search
    )
    return generator


def proposed(generator: Generator, round_number: int, *, count: int | None = COUNT) -> list[dict[str, Any]]:
    """A round's proposals, at most COUNT of them looked at, with the randomness of experiment seed 42."""
    rng = Random(round_seed(42, round_number))
    return list(islice(generator.propose(round_number, count=count, rng=rng), COUNT))


def emptied(value: Any) -> None:
    """Clear every list and every object in it, at any depth."""
    if isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            emptied(inner)
        value.clear()


def told(points: list[dict[str, Any]], round_number: int) -> list[Result]:
    """How a round ended: every third failed, the others have an objective."""
    return [
        Result(
            variant=number,
            round_number=round_number,
            parameters=point,
            metrics=None if number % 3 == 0 else {"loss": float(number)},
            objective=None if number % 3 == 0 else float(number),
            passed=number % 2 == 0,
        )
        for number, point in enumerate(points, 1)
    ]


def after_two_rounds(name: str) -> tuple[Generator, list[list[dict[str, Any]]]]:
    """A generator that has proposed and been told two rounds, and what it proposed."""
    generator, history = made(name), []
    for round_number in (1, 2):
        history.append(proposed(generator, round_number))
        generator.tell(told(history[-1], round_number))
    return generator, history


def test_every_bundled_generator_is_held_to_the_contract() -> None:
    """The list of members is the list of what is registered here."""
    bundled = {
        name
        for name, entry in registry.registered(registry.GENERATORS).items()
        if entry.value.startswith("orchestrator.search.")
    }
    assert bundled == set(MEMBERS)


@EACH
@pytest.mark.parametrize("round_number", [1, 2, 3])
def test_equal_generators_propose_equal_sequences(name: str, round_number: int) -> None:
    """Two fresh ones with equally seeded randomness yield the same points in the same order, in any round."""
    assert proposed(made(name), round_number) == proposed(made(name), round_number)


@EACH
def test_a_crash_in_the_middle_of_a_round_changes_nothing(name: str) -> None:
    """A fresh one asked again continues, after what is on record, with what the first would have proposed."""
    whole = proposed(made(name), 1)
    interrupted = list(islice(made(name).propose(1, count=COUNT, rng=Random(round_seed(42, 1))), len(whole) // 2))
    assert interrupted + proposed(made(name), 1)[len(interrupted) :] == whole


@EACH
def test_a_rebuilt_generator_continues_like_the_first(name: str) -> None:
    """One that is told the recorded rounds proposes the same third round as the one that lived through them."""
    lived, history = after_two_rounds(name)
    rebuilt = made(name)
    for round_number, points in enumerate(history, 1):
        rebuilt.tell(told(points, round_number))
    assert proposed(rebuilt, 3) == proposed(lived, 3)


@EACH
@pytest.mark.parametrize("count", [0, 1, 7])
def test_no_more_is_proposed_than_asked_for(name: str, count: int) -> None:
    """A count is a bound, 0 included."""
    assert len(proposed(made(name), 1, count=count)) <= count


@EACH
def test_proposals_stream(name: str) -> None:
    """Without a count a space of 10^19 points is begun at once, one proposal at a time."""
    proposals = made(name).propose(1, count=None, rng=Random(1))
    assert isinstance(proposals, Iterator)
    assert len(list(islice(proposals, 3))) == (0 if name == "none" else 3)


@EACH
def test_a_proposal_belongs_to_the_caller(name: str) -> None:
    """What is done to a proposal shows in no later one and in no later round."""
    generator = made(name)
    for point in generator.propose(1, count=COUNT, rng=Random(round_seed(42, 1))):
        emptied(point)
    assert proposed(generator, 1) == proposed(made(name), 1)


@EACH
def test_a_proposal_is_a_json_object(name: str) -> None:
    """Every proposal has a canonical form: text keys and finite numbers all the way down."""
    for point in proposed(made(name), 1):
        assert canonical_json(point).startswith("{")
        assert all(isinstance(key, str) for key in point)


@EACH
def test_after_exhaustion_nothing_is_proposed(name: str) -> None:
    """Once a round says that nothing is left, every later round is empty and says so too."""
    generator = made(name)
    done = [number for number in range(1, 6) if generator.exhausted(number)]
    assert done == list(range(done[0], 6)) if done else True
    assert all(proposed(generator, number + 1) == [] for number in done)


@EACH
def test_what_does_not_learn_leaves_the_results_unread(name: str) -> None:
    """A replay of a million results costs nothing for one that would not use them."""
    points = proposed(made(name), 1)
    results = iter(told(points, 1))
    made(name).tell(results)
    read = len(points) - len(list(results))
    assert read == (len(points) if MEMBERS[name].learns else 0)
