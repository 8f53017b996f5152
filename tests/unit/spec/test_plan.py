"""What a plan counts."""

import pytest

from orchestrator.spec.plan import plan
from tests.unit.spec.files import MINIMAL, SPECS, read

GRID = '[stage]\ncall = "m:f"\n[space]\nx = { low = 1, high = 100 }\n'


def test_a_random_search_is_rounds_of_five() -> None:
    """Without limits a random search proposes its variants in every round."""
    counted = plan(read(MINIMAL))

    assert (counted.variants, counted.variants_per_round, counted.rounds, counted.evaluations) == (25, 5, 5, 25)
    assert counted.max_parallel == 5


def test_a_grid_is_one_round_of_everything() -> None:
    """A grid proposes all its points at once, for every case and repeat."""
    counted = plan(read(GRID, 'cases=["a", "b"]', "repeats=3"))

    assert (counted.variants, counted.rounds, counted.evaluations) == (100, 1, 600)


@pytest.mark.parametrize(
    ("override", "variants", "evaluations"),
    [("search.variants=7", 7, 7), ("search.variants=500", 100, 100), ("limits.evaluations=30", 100, 30)],
)
def test_limits_bound_the_plan(override: str, variants: int, evaluations: int) -> None:
    """Variants per round cut a grid, a limit of evaluations cuts what is run."""
    counted = plan(read(GRID, override))

    assert (counted.variants, counted.evaluations) == (variants, evaluations)
    assert max(stage.runs or 0 for stage in counted.stages) <= evaluations


def test_a_random_search_cannot_find_more_than_there_is() -> None:
    """A finite space bounds the variants of a random search."""
    counted = plan(read(GRID, "search.method=random", "search.variants=90"))

    assert (counted.variants, counted.variants_per_round, counted.rounds) == (100, 90, 5)


def test_a_list_counts_each_point_once() -> None:
    """Variants given twice are one."""
    counted = plan(
        read({"stage": {"call": "m:f"}, "search": {"method": "list", "params": [{"x": 1}, {"x": 1}, {"x": 2}]}})
    )

    assert counted.variants == 2


def test_a_share_reduces_what_comes_after() -> None:
    """Of 100 variants 30 go on, rounded up, and a stage after two others has the fewer."""
    spec = read(
        {
            "stage": [
                {"name": "last", "command": "true", "after": ["cheap", "other"]},
                {"name": "cheap", "call": "m:f", "promote": {"top": 0.3}},
                {
                    "name": "other",
                    "call": "m:f",
                    "executor": "thread",
                    "promote": {"metric": "m", "op": ">", "threshold": 1},
                },
            ],
            "space": {"x": {"low": 1, "high": 100}},
        }
    )

    counted = plan(spec)

    assert [(stage.name, stage.executor, stage.runs) for stage in counted.stages] == [
        ("last", "isolated", 30),
        ("cheap", "process", 100),
        ("other", "thread", 100),
    ]
    assert counted.evaluations == 230


def test_the_plan_of_a_full_file() -> None:
    """Four rounds of five variants, two cases, three repeats; two of five go past the second stage."""
    counted = plan(read((SPECS / "right" / "everything.toml").read_bytes()))

    assert [stage.runs for stage in counted.stages] == [120, 120, 48]
    assert (counted.evaluations, counted.variants) == (288, 20)
